"""bigWig tracks read back with the library and compared with the table they were made of."""

import numpy as np
import pyBigWig
import pytest
from synthetic_run import MODELS, base_rows, write_rows

from gfmtrust.core.errors import BadDataError, CannotWriteError, MissingInputError
from gfmtrust.io.tables import REGION_BASES
from gfmtrust.report.tracks import TRACKS, runs, write_bigwigs

GENOME = {
    "contigs": ["chr10", "chr1", "empty"],
    "contig_lengths": [5_000, 3_000, 10],
    "models": MODELS,
}


def table(path, rows):
    return write_rows(path, rows, REGION_BASES, GENOME)


def rows_of_two_contigs():
    rng = np.random.default_rng(3)
    rows = (
        base_rows("chr10", 100, 40)
        + base_rows("chr10", 140, 5, status="AMBIGUOUS_BASE")
        + base_rows("chr10", 145, 30)
    )
    rows += base_rows("chr10", 4_990, 10) + [
        {**row, "contig_index": 1} for row in base_rows("chr1", 0, 25)
    ]
    for row in rows:
        scored = row["status"] == "SCORED"
        row |= {
            column: float(rng.random()) if scored else None
            for column in ("ent", "gain", "dis", "surprisal", "strand_jsd", "rel")
        }
        row["rank"] = int(rng.integers(1, 4)) if scored else 0
    return rows


def test_every_value_stands_at_its_base_and_nowhere_else(tmp_path):
    rows = rows_of_two_contigs()
    paths = write_bigwigs(table(tmp_path / "bases.parquet", rows), tmp_path / "tracks")
    assert [path.name for path in paths] == [f"{name}.bw" for name in TRACKS]
    for path, column in zip(paths, TRACKS.values(), strict=True):
        with pyBigWig.open(str(path)) as file:
            assert file.chroms() == {"chr10": 5_000, "chr1": 3_000, "empty": 10}
            by_name = {
                name: np.array(file.values(name, 0, length))
                for name, length in file.chroms().items()
            }
        expected = {name: np.full(len(values), np.nan) for name, values in by_name.items()}
        for row in rows:
            if row["status"] == "SCORED":
                expected[row["contig"]][row["pos"]] = np.float32(row[column])
        for name in expected:
            assert np.array_equal(by_name[name], expected[name], equal_nan=True), (path.name, name)


def test_two_runs_are_byte_identical(tmp_path):
    bases = table(tmp_path / "bases.parquet", rows_of_two_contigs())
    rows = [
        [path.read_bytes() for path in write_bigwigs(bases, tmp_path / folder)]
        for folder in ("one", "two")
    ]
    assert rows[0] == rows[1]


def test_rows_over_several_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("gfmtrust.io.tables.batches.__defaults__", (None, 7))
    rows = rows_of_two_contigs()
    write_bigwigs(table(tmp_path / "bases.parquet", rows), tmp_path)
    with pyBigWig.open(str(tmp_path / "entropy.bw")) as file:
        assert (
            sum(
                end - start
                for name in file.chroms()
                for start, end, _ in file.intervals(name) or ()
            )
            == 105
        )


def test_a_measure_without_a_value_has_no_track(tmp_path):
    rows = [{**row, "gain": None} for row in base_rows("chr10", 0, 20)]
    assert [
        path.stem for path in write_bigwigs(table(tmp_path / "bases.parquet", rows), tmp_path)
    ] == ["entropy", "disagreement", "surprisal", "rank"]
    assert not (tmp_path / "gain.bw").exists()
    assert write_bigwigs(table(tmp_path / "none.parquet", []), tmp_path / "none") == []
    unscored = base_rows("chr10", 0, 5, status="AMBIGUOUS_BASE")
    unscored = [
        {**row, **dict.fromkeys(("ent", "gain", "dis", "surprisal", "strand_jsd", "rel"))}
        for row in unscored
    ]
    assert write_bigwigs(table(tmp_path / "unscored.parquet", unscored), tmp_path / "none") == []


def test_runs_end_at_gaps_missing_values_and_contigs():
    contig = np.array([0, 0, 0, 0, 0, 1])
    pos = np.array([3, 4, 5, 6, 9, 10])
    values = np.array([1, 2, np.nan, 4, 5, 6], np.float32)
    items = [
        (index, start, content.tolist()) for index, start, content in runs(contig, pos, values)
    ]
    assert items == [(0, 3, [1, 2]), (0, 6, [4]), (0, 9, [5]), (1, 10, [6])]


@pytest.mark.bad_input
def test_refusals(tmp_path):
    with pytest.raises(MissingInputError):
        write_bigwigs(tmp_path / "absent.parquet", tmp_path)
    (tmp_path / "no.parquet").write_text("x")
    with pytest.raises(BadDataError):
        write_bigwigs(tmp_path / "no.parquet", tmp_path)
    bases = table(tmp_path / "bases.parquet", base_rows("chr10", 0, 5))
    write_bigwigs(bases, tmp_path)
    with pytest.raises(CannotWriteError):
        write_bigwigs(bases, tmp_path)
    assert write_bigwigs(bases, tmp_path, force=True)
    assert not list(tmp_path.glob("*.part"))
