"""Flags by group: classes of variants against literals, counts against a slow count, contigs in
bounded memory."""

from collections import Counter

import numpy as np
import pytest
from synthetic_run import site_row, write_sites

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.io import tables
from gfmtrust.report import groups as report_groups
from gfmtrust.report import rows as report_rows
from gfmtrust.report.groups import BINS, Contigs, Groups
from gfmtrust.report.numbers import allele_numbers


@pytest.mark.parametrize(
    ("ref", "alt", "trimmed", "kind"),
    [
        ("A", "C", None, "SNV"), ("AC", "GT", None, "MNV"), ("A", "AC", None, "INS"), ("AC", "A", None, "DEL"),
        ("ACG", "TT", None, "COMPLEX"), ("CA", "CAT", ("", "T"), "INS"), ("CAT", "CA", ("T", ""), "DEL"), ("AC", "AG", ("C", "G"), "SNV"),
        ("ACGA", "ATTA", ("CG", "TT"), "MNV"), ("CAT", "CG", ("AT", "G"), "COMPLEX"), ("A", "<DEL>", None, "other"),
        ("A", "*", None, "other"), ("A", "A[chr2:5[", None, "other"), ("a", "c", None, "SNV"),
    ],
)  # fmt: skip
def test_class_of_an_allele(tmp_path, ref, alt, trimmed, kind):
    more = {"var_pos": 7, "var_ref": trimmed[0], "var_alt": trimmed[1]} if trimmed else {}
    write_sites(tmp_path / "s.parquet", [site_row("c", 5, ref, alt, **more)])
    (batch,) = tables.batches(tmp_path / "s.parquet")
    code, names = report_groups.variant_classes(batch)
    assert names[code[0]] == kind


def test_counts_agree_with_a_slow_count_however_batches_are_cut(tmp_path):
    rng = np.random.default_rng(4)
    rows = [
        site_row(
            f"c{i // 300}",
            int(rng.integers(0, 5000)),
            "A",
            "ACGT"[: 1 + int(rng.integers(2))] + "C",
            rank=int(rng.integers(1, 4)),
            region_class=[None, "unique", "cre"][int(rng.integers(3))],
        )
        for i in range(900)
    ]
    write_sites(tmp_path / "s.parquet", rows)
    numbers = allele_numbers(tmp_path / "s.parquet")
    for groups, key in ((numbers.classes, "region_class"), (numbers.contigs, "contig")):
        slow = Counter((row[key] or "", row["rank"]) for row in rows)
        assert {
            (name, rank): n
            for name, counts in groups.counts.items()
            for rank, n in enumerate(counts.tolist())
            if n
        } == dict(slow)
    assert numbers.contigs.mean_entropy("c0") == pytest.approx(1.75)
    assert list(numbers.contigs.counts) == ["c0", "c1", "c2"]


def test_alleles_along_a_contig(tmp_path):
    rows = [
        site_row("chr1", pos, "A", "C", rank=rank)
        for pos, rank in ((0, 1), (1, 3), (399, 2), (799, 1))
    ]
    tables.write(
        tmp_path / "s.parquet",
        tables.pa.Table.from_pylist(rows, schema=report_schema()),
        report_schema(),
        RunFacts(("chr1", "chr2"), (800, 100)).to_dict(),
    )
    bins = allele_numbers(tmp_path / "s.parquet").contigs.bins
    assert (bins["chr1"][0].nonzero()[0].tolist(), bins["chr1"][0].sum()) == ([0, 39, BINS - 1], 4)
    assert bins["chr1"][1].nonzero()[0].tolist() == [0, 39]
    assert not bins["chr2"].any()


def report_schema():
    from gfmtrust.io.tables import SITES

    return SITES


def test_beyond_sixty_contigs_the_smallest_are_summed_up():
    result = Contigs()
    for i in range(200):
        result.counts[f"c{i}"] = np.array([0, 1000 if i == 150 else i + 1, 0, 0])
    rows = report_rows.contigs(result)
    assert len(rows) == report_rows.SHOWN_CONTIGS + 1
    assert [row["name"] for row in rows[:2]] == ["c140", "c141"]
    assert rows[-1]["name"] == "140 other contigs"
    assert int(rows[-1]["alleles"].replace(",", "")) == sum(range(1, 141))


@pytest.mark.bad_input
def test_memory_of_a_hundred_thousand_contigs_is_bounded():
    result = Contigs.of([f"scaffold_{i}" for i in range(100_000)], [1000] * 100_000)
    assert len(result.bins) == report_groups.STRIPS


@pytest.mark.bad_input
def test_an_empty_table_has_no_group(tmp_path):
    write_sites(tmp_path / "s.parquet", [])
    numbers = allele_numbers(tmp_path / "s.parquet")
    assert numbers.kinds == numbers.classes == Groups()
    assert (
        report_rows.contigs(numbers.contigs) == report_rows.groups(numbers.kinds, "unknown") == []
    )


@pytest.mark.bad_input
def test_alleles_beyond_the_contig_and_without_a_length_are_counted():
    result = Contigs.of(["c"], [10])
    rows = [site_row(contig, pos, "A", "C") for contig, pos in (("c", 99), ("c", -1), ("d", 5))]
    batch = tables.pa.RecordBatch.from_pylist(rows)
    result.add(batch, np.array([1, 1, 3]), np.array([1.0, 2.0, np.nan]))
    assert result.bins["c"][0][[0, -1]].tolist() == [1, 1]
    assert result.counts["d"].tolist() == [0, 0, 0, 1]
    assert result.mean_entropy("d") is None
