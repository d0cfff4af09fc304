"""The copy index as a table: look-up, reuse, files of another genome, and odd genomes."""

import dataclasses
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_genome import FakeGenome, genome_letters
from naive_copies import Exhaustive

from gfmtrust.copies import classes, index
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.io import tables


def two_copies() -> FakeGenome:
    unit = genome_letters(1, 200)
    return FakeGenome(a=unit + genome_letters(2, 300), b=genome_letters(3, 100) + unit)


def equal(one: index.CopyRows, other: index.CopyRows) -> None:
    for field in dataclasses.fields(index.CopyRows):
        first, second = getattr(one, field.name), getattr(other, field.name)
        assert first.dtype == second.dtype, field.name
        np.testing.assert_array_equal(first, second)


def test_duplicates_share_a_row_and_lookup_keeps_the_order():
    genome = two_copies()
    contig, pos, span = np.array([1, 0, 1, 0, 0]), [150, 400, 150, 50, 50], [1, 1, 1, 3, 0]
    built = index.build(genome, contig, pos, span)
    assert list(zip(built.contig_index, built.pos, built.span, strict=True)) == [
        (0, 50, 0),
        (0, 50, 3),
        (0, 400, 1),
        (1, 150, 1),
    ]
    assert built.copies.tolist() == [1, 1, 0, 1]
    assert built.lookup(contig, pos, span).copies.tolist() == [1, 0, 1, 1, 1]
    assert built.lookup([0], [50], [3]).span.tolist() == [3]
    assert built.holds([0, 0, 2], [50, 51, 50], [3, 3, 3]).tolist() == [True, False, False]


def test_lookup_among_many_spans():
    draw = np.random.default_rng(4)
    sites = draw.integers(0, [3, 40, 12], (3_000, 3)).T
    built = index.build(FakeGenome(a="ACGT" * 20, b="C" * 90, c="G" * 50), *sites)
    result = built.lookup(*sites)
    for number, name in enumerate(("contig_index", "pos", "span")):
        np.testing.assert_array_equal(getattr(result, name), sites[number])
    by_site = {
        site: copies
        for *site, copies in zip(
            built.contig_index, built.pos, built.span, built.copies, strict=True
        )
        for site in [tuple(site)]
    }
    assert result.copies.tolist() == [by_site[tuple(site)] for site in sites.T]


def test_a_written_index_is_read_again(tmp_path):
    genome = two_copies()
    built = index.build(genome, np.repeat([0, 1], 200), np.tile(np.arange(200), 2), 1)
    built.write(tmp_path / "copies.parquet", genome.digest())
    equal(index.CopyIndex.read(tmp_path / "copies.parquet", genome.digest()), built)
    again = tmp_path / "again.parquet"
    built.write(again, genome.digest())
    assert again.read_bytes() == (tmp_path / "copies.parquet").read_bytes()


def test_only_missing_sites_are_searched():
    genome = two_copies()
    pos = np.arange(0, 500, 3)
    whole = index.build(genome, 0, pos, 1)
    half = index.build(genome, 0, pos[::2], 1)
    letters_read = []
    equal(index.build_missing(genome, half, 0, pos, 1, progress=letters_read.append), whole)
    assert letters_read
    assert index.build_missing(genome, whole, 0, pos[3:9], 1, progress=1 / 1) is whole
    equal(index.build_missing(genome, None, 0, pos, 1), whole)


def test_progress_rises():
    steps = []
    index.build(two_copies(), 0, 50, 1, progress=steps.append)
    assert steps == sorted(steps)
    assert steps[-1] >= 800


def test_no_site():
    nothing = index.build(two_copies(), [], [], [])
    assert len(nothing) == 0
    assert len(nothing.lookup([], [], [])) == 0


def test_reading_an_index_does_not_load_the_compiler():
    text = "import sys; import gfmtrust.copies.index; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", text], check=True)


def test_copy_classes():
    assert classes.copy_class(
        np.array([0, 1, 100, 0, 0, -1, -1, 2]),
        np.array([0, 0, 0, 1, 0, 0, 0, 0], bool),
        np.array([0, 0, 1, 0, 1, 0, 1, 1], bool),
    ).tolist() == [
        "single_copy",
        "near_copy",
        "near_copy",
        "repeat_family",
        "repeat_family",
        "repeat_family",
        "repeat_family",
        "near_copy",
    ]


def test_a_place_of_a_family_has_70_percent_of_101_letters():
    """A word of 13 beside the site is exact: what then has at most 10 mismatches in the flanks, 4 of
    them in the flank with the word, is compared."""
    draw = np.random.default_rng(8)
    contigs, n_family = [], 0
    for number in range(12):
        unit = list(genome_letters(50 + number, 121))
        copy = list(unit)
        for at in draw.choice([*range(47), *range(61, 121)], 30 + number, replace=False):
            copy[at] = "ACGT"["ACGT".index(unit[at]) - 1]
        contigs += ["".join(unit), "".join(copy)]
    genome = FakeGenome(**{f"c{number}": text for number, text in enumerate(contigs)})
    rows = index.build(genome, np.arange(0, 24, 2), 60, 1)
    for number in range(12):
        others = [contigs[2 * number], contigs[2 * number + 1]]
        has_family = Exhaustive(others).has_family(0, 60, 1)
        unlike = [a != b for a, b in zip(*others, strict=True)]
        close = sum(unlike[40:60]) <= 4 and sum(unlike[40:60] + unlike[61:81]) <= 10
        assert rows.repeat_family[number] == (has_family and close)
        n_family += has_family
    assert 0 < n_family < 12


@pytest.mark.bad_input
def test_a_missing_site_is_named():
    built = index.build(two_copies(), 0, [50, 60], 1)
    for contig, pos, span in (
        (0, 55, 1),
        (0, 60, 0),
        (0, 60, 2),
        (1, 50, 1),
        (0, 5, 1),
        (0, 600, 1),
    ):
        with pytest.raises(LookupError, match=f"contig {contig}, position {pos}, span {span}"):
            built.lookup([0, contig], [50, pos], [1, span])


@pytest.mark.bad_input
def test_sites_that_cannot_be():
    genome = two_copies()
    with pytest.raises(ValueError, match="below 0"):
        index.build(genome, 0, 50, -1)
    for contig in (-1, 2):
        with pytest.raises(IndexError):
            index.build(genome, contig, 50, 1)
    outside = index.build(genome, 0, [-5, 0, 19, 480, 499, 500, 700, 10**9], 1)
    assert outside.copies.tolist() == [-1] * 8
    assert index.build(genome, 0, 20, [459, 460, 461, 10**9]).copies.tolist() == [0, 0, -1, -1]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("metadata", "result"),
    [
        ({}, "no copy index"),
        ({"copy_index": 2}, "format 2"),
        ({"copy_index": 1, "genome": "other"}, "another genome"),
        ({"copy_index": 1, "genome": "mine", "parameters": {"flank": 19}}, "other parameters"),
    ],
)
def test_the_index_of_another_genome_or_version_is_refused(tmp_path, metadata, result):
    columns = {name: [] for name in index.SCHEMA.names}
    tables.write(tmp_path / "copies.parquet", columns, index.SCHEMA, metadata)
    with pytest.raises(ConfigurationError, match=result) as error:
        index.CopyIndex.read(tmp_path / "copies.parquet", "mine")
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 78


@pytest.mark.bad_input
def test_what_is_no_table(tmp_path):
    with pytest.raises(MissingInputError):
        index.CopyIndex.read(tmp_path / "absent.parquet", "x")
    (tmp_path / "text.parquet").write_text("contig\n")
    with pytest.raises(BadDataError):
        index.CopyIndex.read(tmp_path / "text.parquet", "x")
    pq.write_table(pa.table({"pos": [1]}), tmp_path / "foreign.parquet")
    with pytest.raises(ConfigurationError):
        index.CopyIndex.read(tmp_path / "foreign.parquet", "x")


@pytest.mark.bad_input
def test_tiny_genomes():
    for text in ("A", "", "N" * 300, "ACGT" * 10, "ACGT" * 10 + "A"):
        pos = np.arange(len(text) + 2)
        built = index.build(FakeGenome(a=text, b="ACGTN"), 0, pos, 1)
        has_flanks = len(text) == 41
        assert (built.copies >= 0).sum() == has_flanks
        assert not (built.copies > 0).any()
        assert not built.repeat_family[built.copies < 0].any()
    text = genome_letters(7, 1000)
    built = index.build(FakeGenome(a=text), 0, np.arange(1000), 1)
    assert built.copies.tolist() == [-1] * 20 + [0] * 960 + [-1] * 20


@pytest.mark.bad_input
@pytest.mark.long
def test_many_contigs():
    """Neighbours in memory are never joined: 20,000 contigs of 41 letters and fewer."""
    unit = genome_letters(6, 41)
    contigs = {f"c{n}": unit[: 41 - n % 3] for n in range(20_000)}
    genome = FakeGenome(**contigs)
    built = index.build(genome, np.arange(20_000), 20, 1)
    assert (built.copies == np.where(np.arange(20_000) % 3 == 0, 100, -1)).all()


@pytest.mark.bad_input
@pytest.mark.parametrize("unit", ["A", "AC", "ACACACACGT", genome_letters(3, 171)])
def test_a_long_genome_of_one_repeat(unit):
    """The buckets of the seeds hold all sites at once, until those are saturated."""
    text = (unit * 40_000)[:40_000]
    built = index.build(FakeGenome(a=text), 0, np.arange(0, 40_000, 20), 1)
    inside = slice(1, -1)
    assert (built.copies[inside] == 100).all()
