"""Probes look like the run, are balanced in orientation, and would not flatter a model that likes
one letter."""

import itertools

import numpy as np
import pytest
from fake_genome import random_genome

from gfmtrust.calibration.shift import MIN_SITES
from gfmtrust.core.alphabet import COMPLEMENT
from gfmtrust.core.errors import BadDataError
from gfmtrust.inputs.sites import surroundings
from gfmtrust.planning import probes, site_classes

pytestmark = pytest.mark.long


def run(n_snvs, n=2000, spectrum="any", seed=5, surprisal=None, copies=None):
    genome = random_genome(1, 60_000)
    pos = np.arange(200, 59_800)
    pool = surroundings(genome, np.zeros(len(pos), int), pos)
    rng = np.random.default_rng(seed)
    at = rng.choice(len(pos), n_snvs, replace=False) if n_snvs else np.empty(0, int)
    if spectrum == "C>T":
        at = at[pool.base[at] == 1]
    snv = pool.take(at)
    alt = (
        np.full(len(at), 3, np.uint8)
        if spectrum == "C>T"
        else (snv.base + rng.integers(1, 4, len(at)).astype(np.uint8)) % 4
    )
    region = pool.soft_masked.astype(np.int64)
    copy = np.zeros(len(pos), np.int64) if copies is None else copies
    by_row = np.zeros(len(pos)) if surprisal is None else surprisal
    drawn, drawing = probes.draw(
        n,
        site_classes.Sites(pos, pool, region, copy),
        site_classes.Sites(pos[at], snv, region[at], copy[at], alt),
        lambda rows: by_row[rows],
        lambda rows: by_row[at[rows]],
        seed,
    )
    return pool, drawn, drawing, snv


def test_half_of_the_probes_stand_on_each_side():
    _, drawn, _, _ = run(3000)
    assert len(drawn.row) == 2000
    assert drawn.run_oriented.sum() == 1000


def test_a_model_that_always_prefers_t_is_right_half_of_the_time_on_a_c_to_t_spectrum():
    pool, drawn, drawing, _ = run(20_000, n=4000, spectrum="C>T")
    assert drawing.spectrum == "run"
    real, decoy = pool.base[drawn.row], drawn.decoy
    likes_t = {frozenset(pair) for pair in zip(real.tolist(), decoy.tolist(), strict=True)}
    assert likes_t == {frozenset((1, 3)), frozenset((2, 0))}  # C/T or, from the other strand, G/A
    right = np.isin(real, [3, 0]).mean()
    assert abs(right - 0.5) < 0.03
    assert (
        np.isin(real[drawn.run_oriented], [3, 0]).mean() < 0.01
    )  # unbalanced probes would have said "always wrong", or always right


def test_spectrum_and_flanks_are_those_of_the_run():
    pool, drawn, _, snv = run(20_000, n=4000, spectrum="C>T")
    # strand-folded left flank: of C as it stands, of G the complement of its right neighbour
    real_side = drawn.row[drawn.run_oriented]
    left = np.where(
        pool.base[real_side] == 1, pool.left[real_side], COMPLEMENT[pool.right[real_side]]
    )
    share = np.bincount(left, minlength=4) / len(left)
    expected = np.bincount(snv.left, minlength=4) / len(snv.left)
    assert np.abs(share - expected).max() < 0.04
    assert abs(pool.soft_masked[drawn.row].mean() - snv.soft_masked.mean()) < 0.04


def test_few_variants_take_the_documented_default_spectrum():
    """Every substitution alike on the genome's own flanks, as far as it is of the cell; the cells
    have equal shares."""
    pool, drawn, drawing, _ = run(0, n=6000)
    assert drawing.spectrum == "default"
    nowhere = np.zeros(59_600, np.int64)
    cell = cells_of(pool, drawn, nowhere)
    pair = np.sort(np.stack([pool.base[drawn.row], drawn.decoy], 1), axis=1) @ [4, 1]
    for number in range(3):
        expected = {}
        for one, other in itertools.combinations(range(4), 2):
            alleles = (np.full(59_600, one), np.full(59_600, other))
            of_cell = site_classes.cell_of(*alleles, pool.left, pool.right, nowhere) == number
            if of_cell.any():
                expected[4 * one + other] = of_cell.sum()
        pairs, counts = np.unique(pair[cell == number], return_counts=True)
        assert pairs.tolist() == sorted(expected)
        shares = np.array([expected[name] for name in pairs]) / sum(expected.values())
        assert np.abs(counts / counts.sum() - shares).max() < 0.05


def test_local_surprisal_is_matched_to_the_run():
    rng = np.random.default_rng(0)
    surprisal = rng.normal(1.8, 0.2, 59_600)
    genome_like = np.quantile(surprisal, [0.25, 0.5, 0.75])
    _, drawn, drawing, _ = run(3000, surprisal=surprisal)
    assert drawing.matched_surprisal
    assert np.abs(np.quantile(surprisal[drawn.row], [0.25, 0.5, 0.75]) - genome_like).max() < 0.03


@pytest.mark.parametrize("n_snvs", [19, 20, 60, 99])
def test_few_snvs_are_matched_as_soon_as_the_shift_test_tests_them(n_snvs):
    """68 SNVs of ClinVar lay 1.1 bit from probes that were not matched, and the shift test fired."""
    rng = np.random.default_rng(3)
    surprisal = rng.uniform(0.5, 2.0, 59_600)
    at = np.random.default_rng(5).choice(59_600, n_snvs, replace=False)  # where `run` puts them
    surprisal[at] = rng.uniform(0.5, 0.8, n_snvs)
    _, drawn, drawing, _ = run(n_snvs, n=500, surprisal=surprisal)
    result = surprisal[drawn.row]
    assert drawing.matched_surprisal == (n_snvs >= MIN_SITES)
    if drawing.matched_surprisal:
        assert abs(np.median(result) - np.median(surprisal[at])) < 0.1
        assert len(result) > 100
    else:
        assert np.median(result) > 1.1


def test_same_seed_same_probes_and_other_seed_others():
    first, again, other = (run(3000, seed=seed)[1] for seed in (5, 5, 6))
    assert (first.row == again.row).all()
    assert len(first.row) != len(other.row) or (first.row != other.row).any()


def test_decoy_is_never_the_real_base():
    pool, drawn, _, _ = run(3000)
    assert (pool.base[drawn.row] != drawn.decoy).all()


@pytest.mark.parametrize(
    ("sites", "asked", "n"),
    [(0, "auto", 8000), (120_000, "auto", 12_000), (10**7, "auto", 20_000), (10, "123", 123)],
)
def test_probe_number(sites, asked, n):
    assert probes.probe_number(sites, asked) == n


@pytest.mark.bad_input
def test_a_genome_without_a_base_to_draw_is_refused():
    genome = random_genome(1, 1000)
    none = surroundings(genome, np.empty(0, int), np.empty(0, int))
    empty = np.empty(0, np.int64)
    with pytest.raises(BadDataError, match="no base outside"):
        probes.draw(
            10,
            site_classes.Sites(empty, none, empty, empty),
            site_classes.Sites(empty, none, empty, empty, np.empty(0, np.uint8)),
            lambda rows: rows,
            lambda rows: rows,
            1,
        )


def test_folding_joins_the_two_strands():
    assert [
        int(x[0]) for x in site_classes.folded(*(np.array([c], np.uint8) for c in (2, 0, 3, 1)))
    ] == [
        1,
        3,
        2,
        0,
    ]  # TGC>TAC is GCA>GTA
    key = [
        site_classes.site_key(
            *(np.array([c]) for c in (*codes, 0)), np.array([1]), np.array([2]), 0
        )[0]
        for codes in ((2, 3, 1), (1, 2, 0), (1, 2, 1))
    ]
    assert key[0] == key[1] != key[2]


def cells_of(pool, drawn, copies):
    at = drawn.row
    return site_classes.cell_of(
        pool.base[at], drawn.decoy, pool.left[at], pool.right[at], copies[at]
    )


def test_a_rare_cell_has_its_equal_share_of_the_probes():
    copies = np.zeros(59_600, np.int64)
    copies[:3000] = 1  # one site in twenty has a near copy
    pool, drawn, _, snv = run(20_000, n=6000, copies=copies)
    cell = cells_of(pool, drawn, copies)
    counts = np.bincount(cell, minlength=6)
    at = np.random.default_rng(5).choice(59_600, 20_000, replace=False)
    shares = np.bincount(
        site_classes.cell_of(
            snv.base, (snv.base + 1) % 4, snv.left, snv.right, copies[at]
        )  # the classes of `run` are of other ALTs; only the copy class is compared
        // 3,
        minlength=2,
    ) / len(at)
    assert len(counts) == 6
    near = counts[3:].sum() / counts.sum()
    assert near == pytest.approx(0.5 * shares[1] + 0.5 * 0.5, abs=0.02)
    assert counts.min() > 0.1 * 6000 * 0.5


def test_quotas_leave_a_cell_with_few_snvs_its_share_alone():
    cell = np.repeat([0, 1, 2], [700, 280, 20])
    assert probes.quotas(cell, 1000, ["single_copy"]) == {0: 350 + 250, 1: 140 + 250, 2: 10}
    names = ["a", "b", "c"]
    assert probes.quotas(np.array([4, 4, 7]), 10, names) == {4: 8, 7: 2}


def test_a_cell_of_near_copies_has_a_quarter_of_the_need_of_another():
    cell = np.repeat([0, 3], [500, 500])
    names = np.array(["near_copy", "single_copy"])
    assert probes.quotas(cell, 1000, names) == {0: 250 + 100, 3: 250 + 400}


def test_auto_draws_2000_probes_for_each_cell_that_may_be_high():
    genome = random_genome(7, 60_000)
    pos = np.arange(200, 59_800)
    around = surroundings(genome, np.zeros(len(pos), int), pos)
    region = np.zeros(len(pos), np.int64)
    alt = (around.base + 1) % 4
    snvs = [
        site_classes.Sites(pos, around, region, np.resize(names, len(pos)).astype(object), alt)
        for names in (["single_copy"], ["single_copy", "repeat_family", "near_copy"])
    ]
    # the ALTs A>C, C>G, G>T and T>A are transversions, of which some make or break a CpG
    assert probes.needed(snvs[0]) == 2
    assert probes.needed(snvs[1]) == 2 + 2 + 2 * 0.25
    bases = site_classes.Sites(pos, around, region, snvs[0].copy)
    assert probes.needed(snvs[0], bases) == 3
    assert probes.needed(snvs[0].take(np.arange(20))) == 0
    assert probes.probe_number(0, "auto", 6.75) == 13_500
    assert probes.probe_number(0, "auto", 12) == 20_000
    assert probes.probe_number(150_000, "auto", 6.75) == 15_000


def test_no_merging_crosses_a_cell():
    """No pool site of the near-copy class is in a class of 200, so that all of them merge."""
    copies = np.zeros(59_600, np.int64)
    copies[:400] = 1
    _, drawn, drawing, _ = run(20_000, n=2000, copies=copies)
    assert drawing.merged["flanks"] > 0
    assert 0.2 < (copies[drawn.row] == 1).mean() < 0.3


@pytest.mark.bad_input
def test_a_cell_without_a_candidate_has_no_probe():
    """The run's SNVs all have near copies, and the only candidates have none."""
    genome = random_genome(1, 3000)
    pos = np.arange(200, 2800)
    around = surroundings(genome, np.zeros(len(pos), int), pos)
    same = np.zeros(len(pos), np.int64)
    drawn, _ = probes.draw(
        100,
        site_classes.Sites(pos, around, same, same),
        site_classes.Sites(pos, around, same, same + 1, (around.base + 1) % 4),
        lambda rows: np.zeros(len(rows)),
        lambda rows: np.zeros(len(rows)),
        1,
    )
    assert len(drawn.row) == 0
