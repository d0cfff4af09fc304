"""Comparison of two results folders: what counts as the same, and what is found."""

import gzip
import importlib.util
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from paths import ROOT

SPEC = importlib.util.spec_from_file_location("same_results", ROOT / "dev" / "same_results.py")
TOOL = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(TOOL)

HEADER = (
    '##INFO=<ID=GFM_LLR,Version="{version}">\n##gfmtrustVersion={version}\n##gfmtrustUse=research\n'
)


def results(folder, version="1", llr="-1.5", values=(1.0, np.nan), outcome="fine", bundle="ab"):
    for name in ("annotated/a", "scores", "calibration", "regions"):
        (folder / name).mkdir(parents=True)
    text = HEADER.format(version=version) + f"c\t1\t.\tA\tC\t.\t.\tGFM_LLR={llr}\n"
    (folder / "annotated" / "a" / "a.gfm.vcf.gz").write_bytes(gzip.compress(text.encode()))
    table = pa.table({"llr": pa.array(np.array(values, np.float32))})
    pq.write_table(table, folder / "scores" / "sites.parquet")
    content = {"outcome": outcome, "digests": {"bundles": {"m": bundle}}}
    (folder / "calibration" / "calibration.json").write_text(json.dumps(content))
    return folder


def compared(tmp_path, capsys, **changed):
    before, after = results(tmp_path / "a"), results(tmp_path / "b", **changed)
    ended = TOOL.main([str(before), str(after)])
    return ended, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("changed", [{}, {"version": "2"}, {"bundle": "cd"}])
def test_versions_and_digests_are_no_difference(tmp_path, capsys, changed):
    assert compared(tmp_path, capsys, **changed) == (0, ["3 files compared, 0 differ"])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"llr": "-1.6"}, "annotated/a/a.gfm.vcf.gz: line 4: "),
        ({"values": (1.0, 0.0)}, "scores/sites.parquet: column llr, row 1: nan | 0.0"),
        ({"values": (1.0,)}, "scores/sites.parquet: 2 rows | 1 rows"),
        ({"outcome": "bad"}, "calibration/calibration.json: .outcome: fine | bad"),
    ],
)
def test_a_file_that_differs_is_named_with_its_first_difference(tmp_path, capsys, changed, line):
    ended, lines = compared(tmp_path, capsys, **changed)
    assert ended == 1
    assert lines[0].startswith(line)
    assert lines[1:] == ["3 files compared, 1 differ"]


@pytest.mark.bad_input
def test_a_file_of_one_folder_alone_and_an_empty_folder_are_differences(tmp_path, capsys):
    before = results(tmp_path / "a")
    (tmp_path / "b").mkdir()
    assert TOOL.main([str(before), str(tmp_path / "b")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 files compared, 3 differ"
    assert TOOL.main([str(tmp_path / "b"), str(tmp_path / "b")]) == 1
