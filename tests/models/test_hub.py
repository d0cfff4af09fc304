"""Getting weights: the real huggingface_hub against a local server with files of a made-up
checkpoint, its cache, and what goes wrong."""

import hashlib
import json
import logging

import checkpoints
import fake_hub
import pytest
from fake_hub import REPOSITORY, REVISION

from gfmtrust.core.errors import (
    BadDataError,
    CannotWriteError,
    ConfigurationError,
    MissingInputError,
    TransientError,
)
from gfmtrust.export import export, source
from gfmtrust.export.options import ExportOptions
from gfmtrust.models import contents, family_of, hub
from gfmtrust.models.checkpoint import load

pytestmark = pytest.mark.torch
NAMED = f"{REPOSITORY}@{REVISION}"
CARD = "---\nlicense: cc-by-nc-4.0\nlicense_link: LICENSE.md\n---\n# A model of random weights\n"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The files of a repository: config, vocabulary, weights, a model card, and code that nobody
    may run or fetch."""
    directory = checkpoints.write(tmp_path_factory.mktemp("hub") / "tiny", "gpn")
    (directory / "gfmtrust.json").unlink()
    (directory / "README.md").write_text(CARD)
    (directory / "modeling_tiny.py").write_text("raise SystemExit('remote code was run')\n")
    return directory


@pytest.fixture
def repository(tmp_path, weights):
    """A copy of the repository that a test may change."""
    import shutil

    return shutil.copytree(weights, tmp_path / "repository")


@pytest.fixture
def served(repository, tmp_path):
    """A server of the repository, and the client told of it and of an empty cache."""
    with fake_hub.serving(repository) as server, fake_hub.client_of(server, tmp_path / "cache"):
        yield server


def fetch():
    return hub.fetch(REPOSITORY, REVISION, family_of)


def test_a_checkpoint_is_fetched_once(served, repository, caplog):
    caplog.set_level(logging.INFO)
    content = fetch()
    assert content == hub.folder(REPOSITORY, REVISION)
    assert {path.name for path in content.iterdir()} == {
        "config.json",
        "vocab.txt",
        "README.md",
        "model.safetensors",
    }
    assert all(
        (content / name).read_bytes() == (repository / name).read_bytes()
        for name in ("config.json", "vocab.txt", "model.safetensors")
    )
    size = sum(
        (repository / name).stat().st_size
        for name in ("vocab.txt", "README.md", "model.safetensors")
    )
    assert (
        f"{REPOSITORY} at {REVISION}: 3 files to fetch, {hub.size_text(size)}, into {content}"
        in caplog.text
    )
    assert "modeling_tiny.py" not in " ".join(served.asked)
    served.asked.clear()
    assert fetch() == content
    assert served.asked == []


def test_the_size_is_said_before_the_weights_are_asked_for(served, caplog):
    caplog.set_level(logging.INFO)
    said = []

    class Look(logging.Handler):
        def emit(self, record):
            if "files to fetch" in record.getMessage():
                said.append([path for path in served.asked if "safetensors" in path])

    handler = Look()
    logging.getLogger("gfmtrust").addHandler(handler)
    try:
        fetch()
    finally:
        logging.getLogger("gfmtrust").removeHandler(handler)
    assert said == [[]]


def test_a_bundle_says_where_its_model_is_from(served, repository, small_fasta, tmp_path):
    built = export.export_model(
        NAMED,
        small_fasta,
        tmp_path / "models",
        ExportOptions(allow_untrained=True, n_windows=40, window_bp=96),
    )
    identity = built.meta["identity"]
    assert (built.model_id, identity["repository"], identity["revision"]) == (
        "tiny",
        REPOSITORY,
        REVISION,
    )
    assert (identity["licence"], identity["licence_url"]) == ("cc-by-nc-4.0", "LICENSE.md")
    wanted = {
        name: hashlib.sha256((repository / name).read_bytes()).hexdigest()
        for name in ("config.json", "vocab.txt", "model.safetensors")
    }
    assert built.meta["source"]["sha256"] == wanted


def in_two_parts(repository, suffix):
    """The same tensors in two files with their index, in place of the single file."""
    import torch
    from safetensors.torch import load_file, save_file

    stem = {"safetensors": "model", "bin": "pytorch_model"}[suffix]
    tensors = load_file(repository / "model.safetensors")
    (repository / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {
        f"{stem}-00001-of-00002.{suffix}": names[::2],
        f"{stem}-00002-of-00002.{suffix}": names[1::2],
    }
    for file, part in parts.items():
        write = save_file if suffix == "safetensors" else torch.save
        write({name: tensors[name] for name in part}, repository / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (repository / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))
    return parts


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_are_fetched_with_their_index(served, repository, suffix):
    parts = in_two_parts(repository, suffix)
    content = fetch()
    assert contents.is_whole(content)
    assert set(parts) <= {path.name for path in content.iterdir()}
    assert load(content).n_parameters == load(repository).n_parameters
    (content / sorted(parts)[1]).unlink()
    assert not contents.is_whole(content)


def pickled(repository, **changes):
    """pytorch_model.bin beside model.safetensors, with the same tensors or with others."""
    import torch
    from safetensors.torch import load_file

    tensors = load_file(repository / "model.safetensors")
    torch.save(
        tensors | {name: change(tensors[name]) for name, change in changes.items()},
        repository / "pytorch_model.bin",
    )


def test_of_two_forms_safetensors_alone_are_fetched(served, repository):
    pickled(repository)
    assert "pytorch_model.bin" not in {path.name for path in fetch().iterdir()}
    assert not any("pytorch_model.bin" in path for path in served.asked)


def test_of_two_forms_the_one_that_the_registry_pins_is_fetched(served, repository):
    pickled(repository)
    digest = hashlib.sha256((repository / "pytorch_model.bin").read_bytes()).hexdigest()
    content = hub.fetch(REPOSITORY, REVISION, family_of, [digest])
    assert load(content).sha256["pytorch_model.bin"] == digest
    assert not any("safetensors" in path for path in served.asked)


def code_tokenizer(repository):
    """A tokenizer that is a class of the repository: no vocabulary file, and a
    tokenizer_config.json that names the class."""
    (repository / "vocab.txt").unlink()
    config = {
        "auto_map": {"AutoTokenizer": ["tokenization_tiny.TinyTokenizer", None]},
        "tokenizer_class": "TinyTokenizer",
    }
    (repository / "tokenizer_config.json").write_text(json.dumps(config))
    (repository / "special_tokens_map.json").write_text("{}")
    (repository / "tokenization_tiny.py").write_text("raise SystemExit('remote code was run')\n")


def test_a_tokenizer_of_code_needs_no_vocabulary_file(served, repository):
    code_tokenizer(repository)
    content = fetch()
    assert {path.name for path in content.iterdir()} == {
        "config.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "README.md",
        "model.safetensors",
    }
    served.asked.clear()
    assert fetch() == content
    assert served.asked == []


def test_what_lies_in_the_cache_in_part_is_completed(served, repository):
    """A run of another program may have left the weights without the vocabulary."""
    content = fetch()
    (content / "vocab.txt").unlink()
    served.asked.clear()
    assert fetch() == content
    assert (content / "vocab.txt").read_bytes() == (repository / "vocab.txt").read_bytes()
    assert not any("GET" in path and "model.safetensors" in path for path in served.asked)


def test_a_transfer_that_breaks_is_resumed_where_it_ended(served, repository, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between its tries
    monkeypatch.setattr(
        constants, "DOWNLOAD_CHUNK_SIZE", 1 << 12
    )  # a piece of the file is kept only when it is whole
    served.faults["model.safetensors"] = "cut once"
    content = fetch()
    size = (repository / "model.safetensors").stat().st_size
    assert served.ranges == [f"bytes={size // 2 // 4096 * 4096}-"]
    assert (content / "model.safetensors").read_bytes() == (
        repository / "model.safetensors"
    ).read_bytes()


def test_a_large_file_comes_from_where_the_hub_sends_the_client(served):
    fetch()
    assert "HEAD /lab/tiny/resolve/" + REVISION + "/model.safetensors" in served.asked
    assert "GET /lfs/model.safetensors" in served.asked


def test_files_placed_by_hand_need_no_network(weights, tmp_path, monkeypatch):
    import shutil

    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    content = hub.folder(REPOSITORY, REVISION)
    content.mkdir(parents=True)
    for name in ("config.json", "vocab.txt", "model.safetensors"):
        shutil.copy(weights / name, content)
    assert source.resolve(NAMED).directory == content


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (None, ""),
        ("# no head\n", ""),
        ("---\ntags: [dna]\n---\n", ""),
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", "mit apache-2.0"),
        ("---\nlicense: other\nlicense_name: lab-1\n---\n", "lab-1"),
    ],
)
def test_the_licence_is_the_model_cards(tmp_path, card, licence):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert hub.licence(tmp_path)["licence"] == licence


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (2_340_000, "2.34 MB"),
        (5 * 10**9, "5 GB"),
    ],
)
def test_sizes_in_words(size, text):
    assert hub.size_text(size) == text


@pytest.mark.bad_input
def test_without_a_network_one_line_says_what_to_place_where(served, tmp_path, monkeypatch, capfd):
    """The whole command; the server's port has just been closed."""
    from gfmtrust.cli import main as cli

    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between its tries
    served.server_close()
    assert cli.main(["export_model", "--model", NAMED, "--fasta", "x.fa", "--out_dir", "out"]) == 66
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"gfmtrust: {REPOSITORY} at {REVISION}: not fetched (")
    assert lines[0].endswith(
        f"; expected a network; place {contents.NEEDED} in {hub.folder(REPOSITORY, REVISION)}, "
        "or in any folder given to --models"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("truncated", TransientError, "a file came in part"),
        ("wrong size", TransientError, "a file came in part"),
        ("other bytes", BadDataError, "as the hub lists; it was removed"),
    ],
)
def test_weights_that_come_otherwise_than_listed(served, monkeypatch, fault, error, words):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between its tries
    served.faults["model.safetensors"] = fault
    with pytest.raises(error, match=words):
        fetch()
    content = hub.folder(REPOSITORY, REVISION)
    assert not contents.is_whole(content)
    assert not list(content.parents[1].rglob("*.incomplete"))
    served.faults.clear()
    assert fetch() == content


@pytest.mark.bad_input
@pytest.mark.parametrize("other", [f"lab/other@{REVISION}", f"{REPOSITORY}@{'f' * 40}"])
def test_a_repository_or_commit_that_is_not_there(served, other):
    with pytest.raises(
        MissingInputError, match="not on the hub, or not for everyone; expected a public repository"
    ):
        source.resolve(other)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "there"),
    [
        (
            "flax_model.msgpack",
            r"flax_model\.msgpack \(Flax\), code of its own \(modeling_tiny\.py\), which is never run",
        ),
        ("last.ckpt", r"last\.ckpt \(a training checkpoint\), code"),
        ("model.bin", r"code of its own"),
        ("adapter_model.safetensors", "code of its own"),
    ],
)
def test_weights_of_another_kind_are_named(served, repository, name, there):
    (repository / "model.safetensors").rename(repository / name)
    with pytest.raises(
        ConfigurationError,
        match=rf"{NAMED.replace('@', ' at ')}: no weights that can be read, but {there}",
    ):
        fetch()


@pytest.mark.bad_input
def test_a_repository_of_code_alone(served, repository):
    for name in ("model.safetensors", "vocab.txt", "config.json"):
        (repository / name).unlink()
    words = (
        r"no config\.json and no vocabulary and no weights that can be read, but code of its own"
    )
    with pytest.raises(ConfigurationError, match=words):
        fetch()


@pytest.mark.bad_input
def test_a_folder_says_what_it_holds_in_place_of_weights(repository):
    (repository / "model.safetensors").rename(repository / "tf_model.h5")
    with pytest.raises(
        MissingInputError,
        match=r"no weights that can be read, but tf_model\.h5 \(TensorFlow\) and code of its own",
    ):
        load(repository)


@pytest.mark.bad_input
def test_a_gated_repository_says_what_to_do(served):
    served.gated = True
    with pytest.raises(
        MissingInputError,
        match="a gated repository: its owners ask for consent; .*accept the terms .* set HF_TOKEN",
    ):
        fetch()


@pytest.mark.bad_input
@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_is_busy_may_be_asked_again(served, monkeypatch, status):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between its tries
    served.status = status
    with pytest.raises(TransientError, match=f"the hub answered {status}") as caught:
        fetch()
    assert caught.value.exit_code == 75
    served.status = 0
    assert contents.is_whole(fetch())


@pytest.mark.bad_input
def test_weights_other_than_the_registry_pins_are_not_fetched(served, repository):
    pickled(repository)
    words = rf"model\.safetensors: sha256 is [0-9a-f]{{64}}; expected {'0' * 64} as assets/models\.csv says"
    with pytest.raises(BadDataError, match=words):
        hub.fetch(REPOSITORY, REVISION, family_of, ["0" * 64])
    assert not any(
        "GET" in path and ("safetensors" in path or ".bin" in path) for path in served.asked
    )


@pytest.mark.bad_input
def test_a_shard_that_is_not_listed(served, repository):
    parts = in_two_parts(repository, "bin")
    (repository / sorted(parts)[1]).unlink()
    with pytest.raises(
        ConfigurationError, match=r"no pytorch_model-00002-of-00002\.bin, which an index names"
    ):
        fetch()


@pytest.mark.bad_input
def test_a_cache_that_cannot_be_written(served, tmp_path, monkeypatch):
    from huggingface_hub import constants

    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(
        CannotWriteError, match="expected a cache that can be written; set HF_HOME"
    ) as caught:
        fetch()
    assert caught.value.exit_code == 73


@pytest.mark.bad_input
def test_a_network_no_family_reads_is_refused_before_its_weights_are_fetched(served, repository):
    config = {"model_type": "tiny", "auto_map": {"AutoModel": "modeling_tiny.Tiny"}}
    (repository / "config.json").write_text(json.dumps(config))
    words = (
        f"at {REVISION}: config.json: model_type is 'tiny', a network of the repository's own code, "
        "which is never run; expected one of"
    )
    with pytest.raises(ConfigurationError, match=words):
        fetch()
    assert not any("safetensors" in path for path in served.asked)


@pytest.mark.bad_input
def test_an_index_that_names_a_file_outside(served, repository):
    (repository / "model.safetensors").unlink()
    (repository / "model.safetensors.index.json").write_text(
        '{"weight_map": {"x": "../../other.safetensors"}}'
    )
    with pytest.raises(BadDataError, match=r"the file name '\.\./\.\./other\.safetensors'"):
        fetch()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lab/tiny@main", "revision is 'main'; expected org/name@ and a commit of 40 hex digits"),
        (f"lab/tiny@{REVISION[:39]}", "revision is '0123"),
        (f"lab/tiny@{REVISION.upper()}", "revision is '0123"),
        (f"a/b/c@{REVISION}", "revision is"),
        (f"../x@{REVISION}", "revision is"),
        (
            "lab/tiny",
            "not a folder, and no revision if it is a repository of the hub; expected .* lab/tiny@ and a commit",
        ),
    ],
)
def test_ids_without_a_commit(name, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        source.resolve(name)
    assert caught.value.exit_code == 78


@pytest.mark.bad_input
def test_a_broken_model_card_states_no_licence(tmp_path, caplog):
    (tmp_path / "README.md").write_text("---\nlicense: [\n---\n")
    assert hub.licence(tmp_path) == {"licence": "", "licence_url": ""}
    assert "licence stays empty" in caplog.text
