"""Counts of near copies equal an exhaustive comparison, on every kind of small genome."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_copies import Exhaustive, reverse_complement
from paths import ROOT

from gfmtrust.copies import index
from gfmtrust.io.genome import Genome

pytestmark = pytest.mark.long

DATA = ROOT.parent / "shared" / "data"


def opened(folder: Path, contigs: list[str], names: list[str] | None = None) -> Genome:
    names = names or [f"c{number}" for number in range(len(contigs))]
    path = folder / "genome.fa"
    path.write_text(
        "".join(f">{name}\n{text}\n" for name, text in zip(names, contigs, strict=True))
    )
    return Genome.open(path, folder, indexed=False)


def letters(seed: int, n: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), n))


def diverged(text: str, share: float, seed: int) -> str:
    """The text with that share of its letters replaced by another letter."""
    draw = np.random.default_rng(seed)
    out = list(text)
    for at in np.flatnonzero(draw.random(len(text)) < share):
        out[at] = draw.choice([letter for letter in "ACGT" if letter != out[at]])
    return "".join(out)


def repetitive(seed: int) -> list[str]:
    """Contigs of copies of one unit, 0 to 12 % diverged, on both strands, between random letters,
    with N and lower case; their ends cut copies."""
    draw = np.random.default_rng(seed)
    unit = letters(seed + 1000, 150)
    contigs = []
    for _ in range(3):
        text = ""
        for _ in range(6):
            copy = diverged(
                unit, float(draw.choice([0, 0.02, 0.05, 0.12])), int(draw.integers(1e6))
            )
            copy = reverse_complement(copy) if draw.random() < 0.5 else copy
            text += copy + letters(int(draw.integers(1e6)), int(draw.integers(0, 120)))
        at = int(draw.integers(0, len(text) - 5))
        text = text[:at] + "N" * 3 + text[at + 3 :]
        contigs.append(text[int(draw.integers(0, 40)) : len(text) - int(draw.integers(0, 40))])
    return contigs


def agrees(genome: Genome, contigs: list[str], sites: list[tuple[int, int, int]]) -> index.CopyRows:
    """Compare an index with the exhaustive search; returns its rows."""
    columns = [np.array(column) for column in zip(*sites, strict=True)]
    rows = index.build(genome, *columns).lookup(*columns)
    twin = Exhaustive([text.upper() for text in contigs])
    for number, site in enumerate(sites):
        copies, bases, diverged_base = twin.row(*site)
        assert rows.copies[number] == copies, site
        if copies < 100:
            result = (rows.copy_bases[number], rows.diverged_base[number])
            assert result == (bases, diverged_base), site
    return rows


@pytest.mark.parametrize("span", range(6))
def test_planted_repeats(tmp_path, span):
    contigs = repetitive(span)
    mixed = [text[:300] + text[300:].lower() for text in contigs]
    sites = [(n, at, span) for n, text in enumerate(contigs) for at in range(0, len(text) + 1, 3)]
    rows = agrees(opened(tmp_path, mixed), contigs, sites)
    assert (rows.copies > 0).sum() > 100
    assert (rows.copies == 0).sum() > 100
    assert (rows.copies < 0).any()


def test_spans_of_all_lengths_share_one_search(tmp_path):
    contigs = repetitive(20)
    spans = [0, 1, 2, 7, 19, 20, 21, 50, 120, 2000, 5000]
    sites = [
        (n, at, span)
        for (n, text), span in itertools.product(enumerate(contigs), spans)
        for at in range(0, len(text), 17)
    ]
    rows = agrees(opened(tmp_path, contigs), contigs, sites)
    assert {int(span) for span in rows.span[rows.copies > 0]} > {0, 1, 2, 7, 19, 20, 21, 50}


def test_a_gap_of_3000_letters(tmp_path):
    """A span that does not fit the flags of an entry."""
    left, right = letters(1, 40), letters(2, 40)
    contigs = [left + letters(3, 3000) + right + letters(4, 70) + left + letters(5, 3000) + right]
    contigs.append(reverse_complement(contigs[0]))
    rows = agrees(opened(tmp_path, contigs), contigs, [(0, 40, 3000), (0, 40, 2985)])
    assert rows.copies.tolist() == [3, 1]  # the other contig holds the very same gap


@pytest.mark.parametrize("mismatches", [0, 1, 2, 3])
def test_every_pattern_of_mismatches(tmp_path, mismatches):
    """A copy for each of 400 sets of mismatching letters, chosen to break all seeds but one."""
    draw = np.random.default_rng(mismatches)
    sites, contigs = [], []
    for number in range(400):
        flank = letters(number * 7 + mismatches, 41)
        places = draw.choice([at for at in range(41) if at != 20], mismatches, replace=False)
        if mismatches == 2:  # one in each flank: seeds 3 and 4
            places = [number % 20, 21 + number // 20]
        copy = list(flank)
        for at in places:
            copy[at] = "ACGT"["ACGT".index(copy[at]) - 1]
        copy[20] = "ACGT"["ACGT".index(flank[20]) - 2]
        copy = "".join(copy)
        contigs += [flank, copy if number % 2 else reverse_complement(copy)]
        sites.append((2 * number, 20, 1))
    genome = opened(tmp_path, contigs)
    rows = index.build(genome, *np.array(sites).T)
    assert set(rows.copies.tolist()) == {1 if mismatches <= 2 else 0}
    if mismatches <= 2:
        expected = ["ACGT".index(contigs[2 * n][20]) ^ 2 for n in range(400)]
        assert rows.diverged_base.tolist() == expected
        assert rows.copy_bases.tolist() == [1 << code for code in expected]


def test_a_place_on_both_strands_counts_once(tmp_path):
    half = letters(3, 20)
    palindrome = half + "A" + reverse_complement(half)
    contigs = [palindrome + letters(5, 100) + palindrome, diverged(palindrome, 0.03, 8)]
    rows = agrees(opened(tmp_path, contigs), contigs, [(0, 20, 1), (0, 161, 1), (1, 20, 1)])
    assert rows.copies.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    "unit", ["A", "AC", "AT", "ACG", "ACGT", "AATT", "AAAAAAAAAAAAAAAAAAAAAAC"]
)
def test_a_genome_that_is_one_repeat(tmp_path, unit):
    contigs = [(unit * 400)[:330]]
    sites = [(0, at, span) for at in range(0, 331, 7) for span in (0, 1, 4)]
    agrees(opened(tmp_path, contigs), contigs, sites)


@pytest.mark.parametrize(("period", "copies"), [(59, 0), (60, 1), (61, 1)])
def test_the_least_distance_is_60(tmp_path, period, copies):
    genome = opened(tmp_path, [letters(9, period) * 2])
    assert index.build(genome, 0, 30, 1).copies.tolist() == [copies]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    contigs=st.lists(
        st.lists(st.sampled_from(["ACGTTGCA", "AAAAAAAA", "ACACACAC", "GATTACAG", "N", "C", "TG"]))
        .map("".join)
        .filter(bool),
        min_size=1,
        max_size=4,
    ),
    span=st.integers(0, 5),
)
def test_any_genome(tmp_path_factory, contigs, span):
    folder = tmp_path_factory.mktemp("any")
    sites = [(n, at, span) for n, text in enumerate(contigs) for at in range(0, len(text) + 1, 5)]
    agrees(opened(folder, contigs), contigs, sites)


def test_results_depend_neither_on_threads_nor_on_batches(tmp_path, monkeypatch):
    """Also the letters of sites with more than 100 copies."""
    from gfmtrust.copies import build, stretches

    unit = letters(11, 90)
    contigs = [
        "".join(diverged(unit, 0.03, 40 * n + copy) + "ACGTC" * (copy % 3) for copy in range(60))
        for n in range(5)
    ]
    genome = opened(tmp_path, contigs)
    contig = np.repeat(np.arange(5), 2000)
    pos = np.tile(np.arange(2000), 5)
    one = index.build(genome, contig, pos, 1)
    assert (one.copies == 100).sum() > 1000
    monkeypatch.setattr(build, "THREAD_SITES", 100)
    monkeypatch.setattr(build, "ROUND_SITES", 3_000)
    monkeypatch.setattr(build, "STEPS", 777)
    monkeypatch.setattr(stretches, "STRETCH_BASES", 6_000)
    order = np.random.default_rng(0).permutation(10_000)
    other = index.build(genome, contig[order], pos[order], 1, threads=3)
    for name in index.SCHEMA.names:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.slow
def test_a_hundred_thousand_contigs(tmp_path):
    """The same 41 letters stand in five of 100,000 contigs of 80 random letters, in two of them on
    the other strand and in one with two other letters: each has four near copies, and what stands
    in one contig alone has none."""
    draw = np.random.default_rng(11)
    codes = draw.integers(0, 4, (100_000, 80))
    planted = [0, 1, 31_415, 65_536, 99_999]
    word = codes[0, 20:61].copy()
    codes[planted, 20:61] = word
    codes[[1, 65_536], 20:61] = 3 - word[::-1]
    codes[31_415, [25, 50]] ^= 1
    contigs = ["".join(row) for row in np.array(list("ACGT"))[codes]]
    others = [2, 77_777, 99_998]
    rows = index.build(opened(tmp_path, contigs), np.array(planted + others), 40, 1)
    assert rows.copies.tolist() == [
        4 if contig in planted else 0 for contig in sorted(planted + others)
    ]


def test_the_background_is_another_genome(tmp_path):
    """Copies are searched among the contigs of the same side."""
    text = letters(1, 300)
    genome = opened(
        tmp_path, [text, text, text, text + text], ["a", "b", "background:a", "background:b"]
    )
    assert index.build(genome, np.arange(4), 100, 1).copies.tolist() == [1, 1, 2, 2]


def packed(windows: np.ndarray) -> np.ndarray:
    """20 letters a row (codes 0..3) as a number, uint64 (n,)."""
    weights = np.uint64(4) ** np.arange(20, dtype=np.uint64)
    return (windows.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)


def counted(flanks: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Mismatches of each row (left, right) with the asked one."""
    difference = flanks ^ asked
    return np.bitwise_count(
        (difference | (difference >> np.uint64(1))) & np.uint64(0x5555555555555555)
    ).sum(axis=1)


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")
@pytest.mark.parametrize(
    "n_sites",
    [
        pytest.param(40, marks=pytest.mark.long),
        pytest.param(2_000, marks=[pytest.mark.slow, pytest.mark.long]),
    ],
)
def test_the_first_megabase_of_chr1(n_sites, tmp_path):
    """Base by base against all places of both strands."""
    genome = Genome.open(DATA / "hg38_chr1" / "chr1_1M.fa.gz", tmp_path)
    codes = genome.codes(genome.names[0], 0, 1_000_000)
    pos = np.sort(np.random.default_rng(5).integers(20, 999_000, n_sites))
    rows = index.build(genome, 0, pos, 1)
    windows = np.lib.stride_tricks.sliding_window_view(codes, 41)
    flanks_known = (windows[:, :20] < 4).all(axis=1) & (windows[:, 21:] < 4).all(axis=1)
    turned = (3 - windows[:, ::-1]) & 3
    forward, reverse = (
        np.stack([packed(rows[:, :20]), packed(rows[:, 21:])], axis=1) for rows in (windows, turned)
    )
    sites = {int(place): number for number, place in enumerate(rows.pos)}
    for place in pos.tolist():
        at = place - 20
        if not flanks_known[at]:
            assert rows.copies[sites[place]] == -1
            continue
        fewest = np.minimum(counted(forward, forward[at]), counted(reverse, forward[at]))
        near = flanks_known & (fewest <= 2)
        near[max(0, at - 59) : at + 60] = False
        assert rows.copies[sites[place]] == min(100, near.sum()), place
