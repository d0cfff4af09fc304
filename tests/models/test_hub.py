"""Getting weights: the real huggingface_hub against a local server with files of a made-up
checkpoint, its cache, and what goes wrong."""

import hashlib
import json
import logging

import checkpoints
import fake_hub
import pytest
from fake_hub import REPOSITORY, REVISION

from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError, TransientError
from gfmtrust.export import export, source
from gfmtrust.models import family_of, hub

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
def served(repository, tmp_path, monkeypatch):
    """A server of the repository, and the client told of it and of an empty cache."""
    from huggingface_hub import constants

    with fake_hub.serving(repository) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            server.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield server


def fetch():
    return hub.fetch(REPOSITORY, REVISION, family_of)


def test_a_checkpoint_is_fetched_once(served, repository, caplog):
    caplog.set_level(logging.INFO)
    held = fetch()
    assert held == hub.folder(REPOSITORY, REVISION)
    assert {path.name for path in held.iterdir()} == {
        "config.json",
        "vocab.txt",
        "README.md",
        "model.safetensors",
    }
    assert all(
        (held / name).read_bytes() == (repository / name).read_bytes()
        for name in ("config.json", "vocab.txt", "model.safetensors")
    )
    size = sum(
        (repository / name).stat().st_size
        for name in ("vocab.txt", "README.md", "model.safetensors")
    )
    assert (
        f"{REPOSITORY} at {REVISION}: 3 files to fetch, {hub.size_text(size)}, into {held}"
        in caplog.text
    )
    assert "modeling_tiny.py" not in " ".join(served.asked)
    served.asked.clear()
    assert fetch() == held
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
    made = export.export_model(
        NAMED, small_fasta, tmp_path / "models", allow_untrained=True, n_windows=40, window_bp=96
    )
    identity = made.meta["identity"]
    assert (made.model_id, identity["repository"], identity["revision"]) == (
        "tiny",
        REPOSITORY,
        REVISION,
    )
    assert (identity["licence"], identity["licence_url"]) == ("cc-by-nc-4.0", "LICENSE.md")
    wanted = {
        name: hashlib.sha256((repository / name).read_bytes()).hexdigest()
        for name in ("config.json", "vocab.txt", "model.safetensors")
    }
    assert made.meta["source"]["sha256"] == wanted


def test_shards_are_fetched_with_their_index(served, repository):
    from safetensors.torch import load_file, save_file

    tensors = load_file(repository / "model.safetensors")
    (repository / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {
        "model-00001-of-00002.safetensors": names[::2],
        "model-00002-of-00002.safetensors": names[1::2],
    }
    for file, held in parts.items():
        save_file({name: tensors[name] for name in held}, repository / file)
    index = {"weight_map": {name: file for file, held in parts.items() for name in held}}
    (repository / "model.safetensors.index.json").write_text(json.dumps(index))
    held = fetch()
    assert hub.is_whole(held)
    assert set(parts) <= {path.name for path in held.iterdir()}
    (held / "model-00002-of-00002.safetensors").unlink()
    assert not hub.is_whole(held)


def test_files_placed_by_hand_need_no_network(weights, tmp_path, monkeypatch):
    import shutil

    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    held = hub.folder(REPOSITORY, REVISION)
    held.mkdir(parents=True)
    for name in ("config.json", "vocab.txt", "model.safetensors"):
        shutil.copy(weights / name, held)
    assert source.resolve(NAMED).directory == held


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
        "; expected a network; place config.json, one of vocab.txt, vocab.json, tokenizer.json, and model.safetensors or its shards with "
        f"model.safetensors.index.json or pytorch_model.bin in {hub.folder(REPOSITORY, REVISION)}, or in any folder given to --models"
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
    held = hub.folder(REPOSITORY, REVISION)
    assert not hub.is_whole(held)
    assert not list(held.parents[1].rglob("*.incomplete"))
    served.faults.clear()
    assert fetch() == held


@pytest.mark.bad_input
@pytest.mark.parametrize("other", [f"lab/other@{REVISION}", f"{REPOSITORY}@{'f' * 40}"])
def test_a_repository_or_commit_that_is_not_there(served, other):
    with pytest.raises(
        MissingInputError, match="not on the hub, or not for everyone; expected a public repository"
    ):
        source.resolve(other)


@pytest.mark.bad_input
def test_a_repository_of_code_alone(served, repository):
    (repository / "model.safetensors").rename(repository / "flax_model.msgpack")
    words = rf"{NAMED.replace('@', ' at ')}: no weights that can be read, but code of its own \(modeling_tiny\.py\), which is never run"
    with pytest.raises(ConfigurationError, match=words):
        fetch()


@pytest.mark.bad_input
def test_a_network_no_family_reads_is_refused_before_its_weights_are_fetched(served, repository):
    config = {"model_type": "tiny", "auto_map": {"AutoModel": "modeling_tiny.Tiny"}}
    (repository / "config.json").write_text(json.dumps(config))
    words = f"at {REVISION}: config.json: model_type is 'tiny', a network of the repository's own code, which is never run; expected one of"
    with pytest.raises(ConfigurationError, match=words):
        fetch()
    assert not any("safetensors" in path for path in served.asked)


@pytest.mark.bad_input
def test_an_index_that_names_a_file_outside(served, repository):
    (repository / "model.safetensors.index.json").write_text('{"weight_map": {"x": "../../other"}}')
    with pytest.raises(BadDataError, match="leaves the directory"):
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
