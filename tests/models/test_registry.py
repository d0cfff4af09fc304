"""The registry of checkpoints: the rows we ship, and what makes a row good for a download."""

import hashlib
import re

import pytest
from paths import ROOT
from registry_rows import HEAD, PINNED

from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError, UsageError
from gfmtrust.models import FAMILIES, registry


@pytest.fixture
def table(tmp_path):
    def write(rows: str):
        path = tmp_path / "models.csv"
        path.write_text(HEAD + rows)
        return path

    return write


UNPUBLISHED = {"recurrent", "mamba", "mamba2"}
"""Families of which nobody has published a checkpoint of DNA that we could name."""


def test_the_rows_we_ship():
    rows = registry.read_rows()
    assert {row.family for row in rows.values()} == set(FAMILIES) - UNPUBLISHED
    assert all(row.id == name for name, row in rows.items())
    assert "gpn-animal-promoter" in rows


def test_nothing_is_invented():
    """What is pinned names a repository, its commit and a file of it; what is not pinned says
    nothing."""
    for row in registry.read_rows().values():
        if row.pinned == "no":
            assert not any(getattr(row, column) for column in registry.PINNED), row.id
        else:
            assert re.match(
                r"[\w.-]+/[\w.-]+(@| at )[0-9a-f]{40}(:[\w/.-]+\.(json|md|yaml))?(;|$)",
                row.pin_source,
            ), row.id
        assert bool(row.licence) == bool(row.licence_url), row.id
        assert not row.licence_url.startswith("model card") or row.revision in row.licence_url, (
            row.id
        )


def test_rows_of_one_repository_and_commit_are_one():
    rows = registry.read_rows().values()
    assert len({row.repository.lower() for row in rows}) == len(rows)
    digests = [row.weights_sha256 for row in rows if row.weights_sha256]
    assert len(set(digests)) == len(digests)


PUBLISHED_SMALL_FILES = ROOT.parent / "shared" / "checkpoint_layouts"
REBUILT = {
    "hyenadna-medium-160k": "config.json tokenizer_config.json",
    "caduceus-ps-131k": "config.json tokenizer_config.json",
    "plantcaduceus_l32": "tokenizer.json",
    "nt_v1-2.5b-multi-species": "vocab.txt",
    "nt_v2-50m-multi-species": "vocab.txt",
    "gena_bert-large-t2t": "tokenizer.json",
    "grover": "tokenizer.json",
    "generator-eukaryote-1.2b": "vocab.txt",
}
"""Rows with files that were rebuilt so that they have the published sha256."""


@pytest.mark.parametrize("name", REBUILT)
def test_the_digests_are_of_the_files_we_know(name):
    """A row's digest is that of the file rebuilt from facts."""
    folder = PUBLISHED_SMALL_FILES / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not at hand")
    row = registry.read_rows()[name]
    for file in REBUILT[name].split():
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        assert digest == (row.config_sha256 if file == "config.json" else row.vocabulary_sha256), (
            file
        )


def test_a_pinned_row(table):
    row = registry.find("m", table(PINNED))
    assert row.pinned == "digests"
    assert (row.revision, row.window_bp) == ("a" * 40, "512")


@pytest.mark.parametrize(
    ("columns", "pinned"),
    [
        (registry.OPTIONAL, "digests"),
        (("weights_sha256", "weights_bytes"), "commit"),
        ((*registry.OPTIONAL, "weights_sha256", "weights_bytes"), "commit"),
    ],
)
def test_what_a_source_does_not_list_may_be_empty(table, columns, pinned):
    row = registry.find("m", table(without(columns)))
    assert row.pinned == pinned


def without(columns):
    names, cells = HEAD.strip().split(","), PINNED.split(",")
    return ",".join(
        "" if name in columns else cell for name, cell in zip(names, cells, strict=True)
    )


FACTS = {
    "revision": "1" * 40,
    "config_sha256": "2" * 64,
    "vocabulary_sha256": "3" * 64,
    "weights_sha256": "4" * 64,
    "weights_bytes": "5",
    "licence": "MIT",
    "licence_url": "card",
    "pin_source": "lab/n",
}


def test_pinning_fills_one_row_and_keeps_the_others(table):
    path = table(PINNED + "n,grover,lab/n" + "," * 9 + '512,"a, b",,\n')
    asked = []
    row = registry.pin("n", path, lambda repository, bpe: asked.append((repository, bpe)) or FACTS)
    assert asked == [("lab/n", True)]
    assert row.pinned == "digests"
    assert registry.find("n", path) == row
    assert path.read_text().splitlines()[1] + "\n" == PINNED
    assert registry.read_rows(path)["n"].citation == "a, b"


def test_the_shipped_table_is_in_the_form_pinning_writes(tmp_path):
    path = tmp_path / "models.csv"
    path.write_bytes(registry.TABLE.read_bytes())
    registry.pin("gpn-brassicales", path, lambda repository, bpe: FACTS)
    before, after = (file.read_text().splitlines() for file in (registry.TABLE, path))
    assert [new.split(",")[0] for old, new in zip(before, after, strict=True) if old != new] == [
        "gpn-brassicales"
    ]


@pytest.mark.bad_input
def test_a_branch_is_never_pinned(table):
    path = table(PINNED)
    before = path.read_bytes()
    with pytest.raises(BadDataError, match="revision is 'main'"):
        registry.pin("m", path, lambda repository, bpe: FACTS | {"revision": "main"})
    assert path.read_bytes() == before


@pytest.mark.bad_input
def test_pinning_nothing(table):
    with pytest.raises(UsageError, match="no id"):
        registry.pin(None, table(PINNED))
    with pytest.raises(ConfigurationError, match="unknown model x"):
        registry.pin("x", table(PINNED))


@pytest.mark.bad_input
def test_pinning_without_a_network(table, monkeypatch):
    import huggingface_hub

    def unreachable(*_, **__):
        raise huggingface_hub.errors.HfHubHTTPError.__bases__[0]("Connection refused")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    with pytest.raises(MissingInputError, match="a network"):
        registry.pin("m", table(PINNED))


@pytest.mark.bad_input
def test_a_row_that_says_nothing_is_unpinned(table):
    words = (
        "row m is unpinned; expected a revision with its source; run gfmtrust models pin m where"
    )
    with pytest.raises(ConfigurationError, match=words) as caught:
        registry.find("m", table(without(registry.PINNED)))
    assert caught.value.exit_code == 78


@pytest.mark.bad_input
@pytest.mark.parametrize("column", registry.COMMIT)
def test_digests_of_no_commit(table, column):
    with pytest.raises(
        BadDataError, match="without revision and pin_source; expected all of them of one commit"
    ):
        registry.read_rows(table(without([column])))


@pytest.mark.bad_input
def test_an_unknown_name_lists_the_known():
    with pytest.raises(
        ConfigurationError, match="unknown model nt-v9; expected one of gpn-brassicales, "
    ):
        registry.find("nt-v9")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a" * 40, "main", "revision is 'main'; expected 40 hex digits, never a branch"),
        ("b" * 64, "xyz", "config_sha256"),
        ("d" * 64, "d" * 63, "weights_sha256"),
        ("10 20", "10 MB", "weights_bytes"),
        ("10 20", "10", "another number of files"),
        (",512,", ",half a kb,", "window_bp"),
        ("m,gpn", ",gpn", "no id"),
        (",who,", ",who", "cells"),
        (",who,", ",who,,more", "cells"),
    ],
)
def test_rows_that_cannot_be_meant(table, old, new, words):
    with pytest.raises(BadDataError, match=words):
        registry.read_rows(table(PINNED.replace(old, new)))


@pytest.mark.bad_input
def test_two_rows_of_one_name(table):
    with pytest.raises(BadDataError, match="line 3: id m twice"):
        registry.read_rows(table(PINNED + PINNED))


@pytest.mark.bad_input
def test_other_columns(tmp_path):
    (tmp_path / "models.csv").write_text("id,family\nm,gpn\n")
    with pytest.raises(BadDataError, match="columns"):
        registry.read_rows(tmp_path / "models.csv")


@pytest.mark.bad_input
def test_no_table(tmp_path):
    with pytest.raises(MissingInputError):
        registry.read_rows(tmp_path / "models.csv")
