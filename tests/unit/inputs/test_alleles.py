"""Merging the inputs' spellings, and the status of each allele."""

import numpy as np
import pandas as pd
import pytest
from fake_genome import FakeGenome
from spelled_rows import spelled

from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs import alleles, spelling_merge
from gfmtrust.inputs.allele_counts import FIELDS, UNKNOWN
from gfmtrust.inputs.spelling_merge import merged_spellings
from gfmtrust.io import tables

GENOME = FakeGenome(chr1="ACGTTGCAACNGGTACCATGA", chr2="ACGTACGTAC")


def random_rows(rng, n):
    rows = {
        (
            f"chr{c + 1}" if c >= 0 else "odd",
            int(c),
            int(p),
            "ACGT"[r],
            ",".join("ACGT"[(r + k) % 4] for k in range(1, a + 1)),
        )
        for c, p, r, a in np.stack(
            [rng.integers(*span, n) for span in ((-1, 2), (0, 40), (0, 4), (1, 4))], axis=1
        )
    }
    return sorted(rows, key=lambda row: (row[1], row[0], *row[2:]))


@pytest.mark.parametrize("buffer", [1, 300, 10**6])
def test_merge_equals_sorted_set(tmp_path, monkeypatch, buffer):
    monkeypatch.setattr(spelling_merge, "BUFFER_ROWS", buffer)
    rng = np.random.default_rng(4)
    inputs = [random_rows(rng, n) for n in (400, 0, 3, 900, 120)]
    paths = [spelled(tmp_path / f"{i}.parquet", rows) for i, rows in enumerate(inputs)]
    frames = list(merged_spellings(paths, tmp_path))
    merged = [
        tuple(row)
        for frame in frames
        for row in frame[tables.SPELLINGS.names].itertuples(index=False)
    ]
    expected = sorted(
        {row for rows in inputs for row in rows}, key=lambda row: (row[1], row[0], *row[2:])
    )
    assert merged == expected


def test_a_position_is_never_cut_between_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(spelling_merge, "BUFFER_ROWS", 1)
    many = sorted({("chr1", 0, 5, "A", "C" * n) for n in range(1, 600)})
    paths = [
        spelled(tmp_path / "a.parquet", [("chr1", 0, 4, "A", "C"), *many]),
        spelled(tmp_path / "b.parquet", [("chr1", 0, 5, "A", "G")]),
    ]
    holding = [frame for frame in merged_spellings(paths, tmp_path) if (frame["pos"] == 5).any()]
    assert len(holding) == 1
    assert (holding[0]["pos"] == 5).sum() == 600


def test_single_alleles_are_split_and_distinct():
    frame = pd.DataFrame(
        [
            ("chr1", 0, 3, "T", "A,C", UNKNOWN * 2),
            ("chr1", 0, 3, "T", "C", UNKNOWN),
            ("chr1", 0, 3, "T", "C,*", UNKNOWN * 2),
        ],
        columns=tables.COUNTED_SPELLINGS.names,
    )
    assert alleles.single_alleles(frame)["alt"].tolist() == ["*", "A", "C"]


def counted_rows(rng, n):
    return [
        (
            *row,
            tuple(float(value) for value in rng.integers(0, 9, FIELDS * (row[4].count(",") + 1))),
        )
        for row in random_rows(rng, n)
    ]


@pytest.mark.parametrize("buffer", [1, 10**6])
def test_counts_of_equal_spellings_and_of_equal_alleles_are_summed(tmp_path, monkeypatch, buffer):
    monkeypatch.setattr(spelling_merge, "BUFFER_ROWS", buffer)
    rng = np.random.default_rng(5)
    inputs = [counted_rows(rng, n) for n in (300, 0, 2, 500)]
    by_spelling, by_allele = {}, {}
    for row in (row for rows in inputs for row in rows):
        by_spelling.setdefault(row[:5], []).append(row[5])
        for i, alt in enumerate(row[4].split(",")):
            by_allele.setdefault((*row[:4], alt), []).append(row[5][FIELDS * i : FIELDS * (i + 1)])
    paths = [spelled(tmp_path / f"{i}.parquet", rows) for i, rows in enumerate(inputs)]
    frames = list(merged_spellings(paths, tmp_path))
    merged = {
        tuple(row[:5]): tuple(row[5])
        for frame in frames
        for row in frame[tables.COUNTED_SPELLINGS.names].itertuples(index=False)
    }
    assert merged == {
        key: tuple(map(sum, zip(*rows, strict=True))) for key, rows in by_spelling.items()
    }
    single = pd.concat([alleles.single_alleles(frame) for frame in frames])
    assert len(single) == len(by_allele) == single["alt"].notna().sum()
    for row in single.itertuples():
        ac, an, stated, n, several = (
            sum(column)
            for column in zip(
                *by_allele[row.contig, row.contig_index, row.pos, row.ref, row.alt], strict=True
            )
        )
        expected = stated / n if n else ac / an if an else np.nan
        assert row.af == pytest.approx(expected, rel=1e-6, nan_ok=True)
        assert row.an == (0 if n else several or min(an, 2))


STATUSES = [
    ("chr1", 0, 3, "T", "A", Status.SCORED),
    ("chr1", 0, 3, "T", "T", Status.SCORED),
    ("chr1", 0, 3, "G", "A", Status.REF_MISMATCH),
    ("chr1", 0, 10, "A", "C", Status.AMBIGUOUS_BASE),
    ("chr1", 0, 3, "R", "A", Status.AMBIGUOUS_BASE),
    ("chr1", 0, 3, "T", "N", Status.AMBIGUOUS_BASE),
    ("chr1", 0, 3, "T", "*", Status.SPANNING_DEL),
    ("chr1", 0, 3, "T", "<NON_REF>", Status.GVCF_BLOCK),
    ("chr1", 0, 3, "T", "<*>", Status.GVCF_BLOCK),
    ("chr1", 0, 3, "T", "<DEL>", Status.SYMBOLIC),
    ("chr1", 0, 3, "T", "T[chr2:5[", Status.BREAKEND),
    ("chr1", 0, 3, "T", ".T", Status.BREAKEND),
    ("odd", -1, 3, "T", "A", Status.NO_CONTIG),
    ("odd", -1, 3, "T", "<DEL>", Status.SYMBOLIC),
    ("chr1", 0, -1, "N", "A", Status.OUT_OF_RANGE),
    ("chr1", 0, 21, "A", "C", Status.OUT_OF_RANGE),
    ("chr1", 0, 20, "AA", "A", Status.OUT_OF_RANGE),
    ("chr1", 0, 3, "TT", "T", Status.SCORED),
    ("chr1", 0, 3, "TT", "GA", Status.SCORED),
    ("chr1", 0, 3, "TA", "T", Status.REF_MISMATCH),
    ("chr1", 0, 9, "CN", "C", Status.AMBIGUOUS_BASE),
    ("chr1", 0, 3, "T", "T" + "A" * 60, Status.SCORED),
    ("chr2", 1, 0, "A", "G", Status.SCORED),
]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "case", STATUSES, ids=lambda case: f"{case[0]}:{case[2]}:{case[3][:6]}>{case[4][:10]}"
)
def test_status(case):
    frame = pd.DataFrame([case[:5]], columns=["contig", "contig_index", "pos", "ref", "alt"])
    assert alleles.classify(frame, GENOME)[0] == case[5]


def test_statuses_of_many_at_once_are_those_of_each_alone():
    frame = pd.DataFrame(
        [case[:5] for case in STATUSES], columns=["contig", "contig_index", "pos", "ref", "alt"]
    )
    assert alleles.classify(frame, GENOME).tolist() == [case[5] for case in STATUSES]


@pytest.mark.bad_input
def test_outside_the_include_file_comes_before_every_other_reason():
    frame = pd.DataFrame(
        [("chr1", 0, 3, "T", "<DEL>"), ("chr1", 0, 5, "G", "A"), ("odd", -1, 1, "T", "A")],
        columns=["contig", "contig_index", "pos", "ref", "alt"],
    )
    selected = alleles.classify(frame, GENOME, lambda contig, pos: pos == 5)
    assert selected.tolist() == [Status.NOT_SELECTED, Status.SCORED, Status.NOT_SELECTED]
