"""Rows, `models pin`, the download and the loader name the same files: each is run against a local
hub with the files of a checkpoint."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import checkpoints
import fake_hub
import layouts
import pytest
from fake_hub import REPOSITORY, REVISION

from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError, TransientError
from gfmtrust.export import source
from gfmtrust.models import family_of, hub, registry
from gfmtrust.models.checkpoint import load

pytestmark = pytest.mark.torch
LAYOUTS = layouts.all_of()
CARD = "---\nlicense: bsd-3-clause\n---\n# A model of random weights\n"
TINY = "hyenadna-tiny-1k"


def row_of(
    family: str, name: str = "m", repository: str = REPOSITORY, window_bp: int = 0
) -> registry.Row:
    """An unpinned row."""
    empty = dict.fromkeys(registry.Row.__dataclass_fields__, "")
    return registry.Row(
        **empty
        | {
            "id": name,
            "family": family,
            "repository": repository,
            "window_bp": str(window_bp or ""),
        }
    )


def write_table(path: Path, *rows: registry.Row) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(registry.Row.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(vars(row) for row in rows)
    return path


def tensors_of(folder: Path) -> dict:
    import torch
    from safetensors.torch import load_file

    (path,) = [
        path for path in folder.iterdir() if path.name in ("model.safetensors", "pytorch_model.bin")
    ]
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def sharded(folder: Path, suffix: str) -> None:
    """The tensors of a folder in three files of one form, with their index."""
    import torch
    from safetensors.torch import save_file

    tensors, stem = tensors_of(folder), {"safetensors": "model", "bin": "pytorch_model"}[suffix]
    names = sorted(tensors)
    files = {f"{stem}-{number + 1:05}-of-00003.{suffix}": names[number::3] for number in range(3)}
    for path in folder.glob("*model.*"):
        path.unlink()
    for file, part in files.items():
        (save_file if suffix == "safetensors" else torch.save)(
            {name: tensors[name] for name in part}, folder / file
        )
    weight_map = {name: file for file, part in files.items() for name in part}
    (folder / f"{stem}.{suffix}.index.json").write_text(
        json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map})
    )


def bin_alone(folder: Path) -> None:
    import torch

    torch.save(tensors_of(folder), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def bin_beside(folder: Path) -> None:
    """A .bin of other weights beside the safetensors."""
    import torch

    torch.save(
        {name: tensor + 1 for name, tensor in tensors_of(folder).items()},
        folder / "pytorch_model.bin",
    )


def vocabulary_twice(folder: Path) -> None:
    """vocab.txt beside tokenizer.json, as GROVER has."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n")


FORMS = {
    "safetensors": ("gpn", lambda folder: None),
    "safetensors shards": ("gpn", lambda folder: sharded(folder, "safetensors")),
    "bin": ("gpn", bin_alone),
    "bin shards": ("gpn", lambda folder: sharded(folder, "bin")),
    "safetensors and bin": ("gpn", bin_beside),
    "bpe": ("grover", lambda folder: None),
    "bpe and vocab.txt": ("grover", vocabulary_twice),
}


def with_company(folder: Path) -> Path:
    """The files that a repository holds beside a checkpoint; none of them is for us."""
    (folder / "gfmtrust.json").unlink(missing_ok=True)
    (folder / "README.md").write_text(CARD)
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    for name in ("configuration_tiny.py", "modeling_tiny.py"):
        (folder / name).write_text("raise SystemExit('remote code was run')\n")
    return folder


def require_agreement(folder: Path, family: str, tmp_path: Path) -> registry.Row:
    """Pin a row, download the checkpoint by that row and load it: the digests of the pin are those
    of the files that were loaded."""
    table = write_table(tmp_path / "models.csv", row_of(family))
    with fake_hub.serving(folder) as server, fake_hub.client_of(server, tmp_path / "cache"):
        row = registry.pin("m", table)
        fetched = hub.fetch(row.repository, row.revision, family_of, row.weights_sha256.split())
        loaded = load(fetched)
    source.check_row(row, loaded)
    weights = {
        name: digest
        for name, digest in loaded.sha256.items()
        if name.endswith((".safetensors", ".bin"))
    }
    assert row.weights_sha256.split() == [weights[name] for name in sorted(weights)]
    assert row.weights_bytes.split() == [
        str((folder / name).stat().st_size) for name in sorted(weights)
    ]
    assert (row.config_sha256, row.vocabulary_sha256) == (
        loaded.sha256["config.json"],
        loaded.vocabulary_sha256,
    )
    assert all(
        digest == hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name, digest in loaded.sha256.items()
    )
    assert (row.pinned, row.revision, row.licence) == ("digests", REVISION, "bsd-3-clause")
    assert registry.find("m", table) == row
    return row


@pytest.mark.parametrize("form", FORMS)
def test_what_is_pinned_is_what_is_loaded(form, tmp_path):
    example, change = FORMS[form]
    folder = with_company(checkpoints.write(tmp_path / "weights", example))
    change(folder)
    require_agreement(folder, example, tmp_path)


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if not layout.refusal])
def test_what_is_pinned_of_a_published_layout_is_what_is_loaded(name, tmp_path):
    require_agreement(
        with_company(layouts.write(tmp_path / "weights", LAYOUTS[name])),
        LAYOUTS[name].family,
        tmp_path,
    )


def test_weights_that_git_holds_itself_are_pinned_by_their_content(tmp_path):
    """The hub lists no sha256 for a small file outside git-lfs."""
    folder = with_company(checkpoints.write(tmp_path / "weights", "gpn"))
    table = write_table(tmp_path / "models.csv", row_of("gpn"))
    with fake_hub.serving(folder) as server, fake_hub.client_of(server, tmp_path / "cache"):
        server.large = (".other",)
        row = registry.pin("m", table)
        assert (
            load(
                hub.fetch(row.repository, row.revision, family_of, row.weights_sha256.split())
            ).sha256["model.safetensors"]
            == row.weights_sha256
        )


def test_a_row_of_a_commit_alone_is_fetched_by_the_hubs_digests(tmp_path):
    folder = with_company(checkpoints.write(tmp_path / "weights", "gpn"))
    row = replace(row_of("gpn"), revision=REVISION, pin_source="a page")
    with fake_hub.serving(folder) as server, fake_hub.client_of(server, tmp_path / "cache"):
        loaded = load(
            hub.fetch(row.repository, row.revision, family_of, row.weights_sha256.split())
        )
    source.check_row(row, loaded)
    assert (
        source.identity(loaded, source.Source(loaded.directory, row), "m")["licence"]
        == "bsd-3-clause"
    )


def published(folder: Path) -> Path:
    """The files of HyenaDNA's smallest repository: as published where the layout is at hand, else
    those of the family's example."""
    return with_company(
        layouts.write(folder, LAYOUTS[TINY])
        if TINY in LAYOUTS
        else checkpoints.write(folder, "hyenadna")
    )


@pytest.mark.slow
def test_a_registered_name_is_pinned_downloaded_and_exported_by_the_command(tmp_path, small_fasta):
    """The whole way of a user with a network, in processes of their own: the package with a
    registry of its own, the real client."""
    package = Path(registry.__file__).parents[1]
    copy = tmp_path / "product" / "python" / "gfmtrust"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    window_bp = LAYOUTS[TINY].window_bp if TINY in LAYOUTS else checkpoints.WINDOW_BP["hyenadna"]
    repository = registry.read_rows()[TINY].repository
    table = write_table(
        copy / "models" / "data" / "models.csv",
        row_of("hyenadna", TINY, repository, window_bp or 96),
    )
    folder = published(tmp_path / "weights")

    def gfmtrust(*arguments: str) -> subprocess.CompletedProcess:
        environment = os.environ | {
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "cache"),
            "PYTHONPATH": str(tmp_path / "product" / "python"),
        }
        command = [
            sys.executable,
            "-c",
            "import sys; from gfmtrust.cli.main import main; sys.exit(main())",
            *arguments,
        ]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    with fake_hub.serving(folder, repository) as server:
        export = (
            "export_model",
            "--model",
            TINY,
            "--fasta",
            str(small_fasta),
            "--out_dir",
            "out",
            "--allow_untrained",
            "--windows",
            "40",
        )
        refused = gfmtrust(*export)
        assert (refused.returncode, server.asked) == (78, [])
        assert "row hyenadna-tiny-1k is unpinned" in refused.stderr
        pinned = gfmtrust("models", "pin", TINY)
        assert pinned.returncode == 0, pinned.stderr
        product = gfmtrust(*export)
    assert product.returncode == 0, product.stderr
    row = registry.read_rows(table)[TINY]
    bundle = json.loads(Path("out", TINY, "bundle.json").read_text())
    assert bundle["source"]["sha256"]["model.safetensors"] == row.weights_sha256
    assert (bundle["identity"]["repository"], bundle["identity"]["revision"]) == (
        repository,
        REVISION,
    )
    assert (bundle["identity"]["licence"], row.licence) == ("bsd-3-clause", "bsd-3-clause")
    assert "licence bsd-3-clause" in product.stderr


def pin_against(
    folder: Path, tmp_path: Path, family: str = "gpn", gated: bool = False, status: int = 0
) -> None:
    table = write_table(tmp_path / "models.csv", row_of(family))
    with fake_hub.serving(folder) as server, fake_hub.client_of(server, tmp_path / "cache"):
        server.gated, server.status = gated, status
        registry.pin("m", table)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("removed", "family", "words"),
    [
        ("model.safetensors", "gpn", "no weights that can be read, but code of its own"),
        ("config.json", "gpn", r"no config\.json"),
        ("vocab.txt", "gpn", "no vocabulary"),
        ("", "grover", r"no tokenizer\.json; .*is the row's family right"),
    ],
)
def test_a_repository_that_is_no_checkpoint_is_not_pinned(tmp_path, removed, family, words):
    folder = with_company(checkpoints.write(tmp_path / "weights", "gpn"))
    if removed:
        (folder / removed).unlink()
    with pytest.raises(ConfigurationError, match=words):
        pin_against(folder, tmp_path, family)
    assert registry.read_rows(tmp_path / "models.csv")["m"].pinned == "no"


@pytest.mark.bad_input
def test_pinning_says_what_the_hub_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between its tries
    folder = with_company(checkpoints.write(tmp_path / "weights", "gpn"))
    with pytest.raises(MissingInputError, match="a gated repository"):
        pin_against(folder, tmp_path, gated=True)
    with pytest.raises(TransientError, match="the hub answered 503"):
        pin_against(folder, tmp_path, status=503)


@pytest.mark.bad_input
def test_files_that_differ_from_the_row_are_refused_after_the_commit_stayed_the_same(tmp_path):
    """A cache that was changed by hand: the folder is whole, and nothing is asked of the hub."""
    folder = with_company(checkpoints.write(tmp_path / "weights", "gpn"))
    table = write_table(tmp_path / "models.csv", row_of("gpn"))
    with fake_hub.serving(folder) as server, fake_hub.client_of(server, tmp_path / "cache"):
        row = registry.pin("m", table)
        fetched = hub.fetch(row.repository, row.revision, family_of, row.weights_sha256.split())
        (fetched / "model.safetensors").unlink()
        other = checkpoints.write(tmp_path / "other", "gpn", seed=1)
        shutil.copy(other / "model.safetensors", fetched)
        loaded = load(
            hub.fetch(row.repository, row.revision, family_of, row.weights_sha256.split())
        )
    with pytest.raises(BadDataError, match="model m: weights is"):
        source.check_row(row, loaded)
