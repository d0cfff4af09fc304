"""A bundle's name is the name of its folder, and no more than that."""

import pytest

from gfmtrust.core.errors import ConfigurationError
from gfmtrust.export.import_scores import import_scores


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "a b", "-x", ""])
def test_a_table_of_scores_is_kept_below_the_folder_named(tmp_path, name):
    (tmp_path / "g.fa").write_text(">c\nACGTACGTAC\n")
    (tmp_path / "s.tsv").write_text("chrom\tpos\tA\tC\tG\tT\nc\t5\t1\t0\t0\t0\n")
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(ConfigurationError, match="^--model_id: "):
        import_scores(tmp_path / "s.tsv", name, tmp_path / "g.fa", tmp_path / "models")
    assert {path.name for path in tmp_path.iterdir()} == before
