"""The registry of checkpoints: the rows we ship, and what makes a row good for a download."""

import pytest

from gfmtrust import registry
from gfmtrust.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.models import FAMILIES

HEAD = ("id,family,repository,revision,config_sha256,vocabulary_sha256,weights_sha256,weights_bytes,licence,licence_url,pin_source,"
        "window_bp,citation\n")
PINNED = f"m,gpn,lab/m,{'a' * 40},{'b' * 64},{'c' * 64},{'d' * 64} {'e' * 64},10 20,MIT,place,page,512,who\n"


@pytest.fixture
def table(tmp_path):
    def write(rows: str):
        path = tmp_path / "models.csv"
        path.write_text(HEAD + rows)
        return path

    return write


def test_the_rows_we_ship():
    rows = registry.read_rows()
    assert {row.family for row in rows.values()} == set(FAMILIES)
    assert all(row.id == name for name, row in rows.items())
    assert "gpn-animal-promoter" in rows


def test_nothing_is_invented():
    """A row is pinned as a whole with its source, or says nothing."""
    for row in registry.read_rows().values():
        filled = [column for column in registry.PINNED if getattr(row, column)]
        assert filled in ([], list(registry.PINNED)), row.id


def test_a_pinned_row(table):
    row = registry.find("m", table(PINNED))
    assert row.is_pinned
    assert (row.revision, row.window_bp) == ("a" * 40, "512")


@pytest.mark.bad_input
@pytest.mark.parametrize("column", registry.PINNED)
def test_one_empty_cell_unpins(table, column):
    cells = PINNED.split(",")
    cells[HEAD.strip().split(",").index(column)] = ""
    words = "row m is unpinned; expected revision and sha256; run gfmtrust models pin m where"
    with pytest.raises(ConfigurationError, match=words) as caught:
        registry.find("m", table(",".join(cells)))
    assert caught.value.exit_code == 78


@pytest.mark.bad_input
def test_an_unknown_name_lists_the_known():
    with pytest.raises(ConfigurationError, match="unknown model nt-v9; expected one of gpn-brassicales, gpn-animal-promoter"):
        registry.find("nt-v9")


@pytest.mark.bad_input
@pytest.mark.parametrize(("old", "new", "words"), [
    ("a" * 40, "main", "revision is 'main'; expected 40 hex digits, never a branch"), ("b" * 64, "xyz", "config_sha256"),
    ("d" * 64, "d" * 63, "weights_sha256"), ("10 20", "10 MB", "weights_bytes"), (",512,", ",half a kb,", "window_bp"),
    ("m,gpn", ",gpn", "no id"), (",who", "", "cells"), (",who", ",who,more", "cells"),
])
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
