"""GFM_PCT against closed forms, a slow twin on letters, and the validity that a conformal p-value
must have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from classed_snvs import COPIES, alleles_of, random_alleles, same_context

from gfmtrust.calibration.background_classes import (
    LEVELS,
    SUBSTITUTIONS,
    background_class_keys,
    class_key,
    class_name,
    gc_edges,
    merged_classes,
)
from gfmtrust.calibration.percentile import (
    MIN_ALLELES,
    Alleles,
    fit_background,
    percent,
    uniformity,
)
from gfmtrust.calibration.run_background import joined

pytestmark = pytest.mark.long

OPPOSITE = str.maketrans("ACGT", "TGCA")


def twin_class(ref, alt, left, right, copy, third, level) -> tuple:
    """The class by letters alone: the trinucleotides before and behind, read on the strand on which
    REF is A or C."""
    before, behind = left + ref + right, left + alt + right
    if ref in "GT":
        before, behind = (text.translate(OPPOSITE)[::-1] for text in (before, behind))
    substitution = f"{before[1]}>{behind[1]}"
    cpg = "CG" in before or "CG" in behind
    return (
        (substitution, before[0], before[2], copy, third),
        (substitution, before[0], before[2], copy),
        (substitution, cpg, copy),
        (substitution, cpg, copy == "near_copy"),
    )[level]


def twin_merging(of_row: list[list[tuple]]) -> dict[tuple[int, tuple], list[int]]:
    """Rows of the class of each (level, key), from the classes of each row at all levels."""
    waiting, built = list(range(len(of_row))), {}
    for level in range(len(LEVELS)):
        left = []
        for key in sorted({of_row[row][level] for row in range(len(of_row))}):
            rows = [row for row in waiting if of_row[row][level] == key]
            finer = [some for some in built.values() if of_row[some[0]][level] == key]
            if len(rows) >= MIN_ALLELES:
                built[level, key] = rows
            elif finer:
                smallest = min(finer, key=len)
                smallest += rows
                built[level, key] = smallest
            else:
                left += rows
        waiting = left
    return built


@pytest.mark.parametrize(
    ("llr", "expected"), [(-1000, 1), (-99, 2), (-1, 100), (0, 100), (-50.5, 50), (-50, 51)]
)
def test_the_percentile_is_the_rank_among_the_background(llr, expected):
    background = fit_background(same_context(-np.arange(1.0, 100.0)), seed=1)
    assert percent(background, same_context([llr], first=1000)).tolist() == [np.float32(expected)]


def test_ties_count_as_as_disfavoured():
    background = fit_background(same_context(np.repeat([-2.0, -1.0, 0.0], 33)), seed=1)
    at = percent(background, same_context([-2.0, -1.0, 0.0], first=1000))
    assert at.tolist() == [34, 67, 100]


def test_an_allele_of_the_background_is_judged_by_the_others():
    rng = np.random.default_rng(5)
    alleles = same_context(rng.normal(size=150))
    background = fit_background(alleles, seed=1)
    for row in (0, 77, 149):
        others = fit_background(alleles.take(np.delete(np.arange(150), row)), seed=1)
        assert percent(background, alleles)[row] == percent(others, alleles.take([row]))[0]
    # another ALT at the same place is another allele
    other = same_context(alleles.llr)
    other = replace(other, alt=np.full(150, 0), parts=alleles.parts)
    assert not background.is_member(other).any()
    assert background.is_member(alleles).all()


def test_an_allele_given_twice_counts_once():
    rng = np.random.default_rng(6)
    alleles = same_context(rng.normal(size=120))
    twice = alleles.take(np.tile(np.arange(120), 2))
    assert fit_background(twice, seed=1).classes == fit_background(alleles, seed=1).classes


def test_the_strands_are_folded_as_a_slow_twin_on_letters_does_it():
    rng = np.random.default_rng(7)
    n = 600
    sequence = "".join(rng.choice(list("ACGT"), n + 2))
    reverse = sequence.translate(OPPOSITE)[::-1]
    alts = [rng.choice([base for base in "ACGT" if base != ref]) for ref in sequence[1:-1]]
    copy, gc = rng.choice(np.array(COPIES, object), n), rng.random(n)
    edges = gc_edges(gc)
    third = [sum(share > edge for edge in edges) for share in gc]
    forward = alleles_of(
        sequence[1:-1], "".join(alts), sequence[:-2], sequence[2:], copy=copy, gc=gc
    )
    backward = alleles_of(
        reverse[1:-1],
        "".join(alts).translate(OPPOSITE)[::-1],
        reverse[:-2],
        reverse[2:],
        copy=copy[::-1],
        gc=gc[::-1],
    )
    for level in range(len(LEVELS)):
        key = class_key(forward.parts, level, edges, COPIES)
        assert np.array_equal(key, class_key(backward.parts, level, edges, COPIES)[::-1])
        twin = [
            twin_class(
                sequence[i + 1], alts[i], sequence[i], sequence[i + 2], copy[i], third[i], level
            )
            for i in range(n)
        ]
        key_of = dict(zip(twin, key.tolist(), strict=True))
        assert [key_of[one] for one in twin] == key.tolist()
        assert len(set(key_of.values())) == len(key_of)
        names = {class_name(forward.parts, i, level, edges) for i in range(n)}
        assert len(names) == len(key_of)


def test_percentiles_are_those_of_a_slow_twin():
    rng = np.random.default_rng(8)
    alleles, asked = random_alleles(rng, 6000), random_alleles(rng, 300, first=10_000)
    background = fit_background(alleles, seed=1)
    edges = gc_edges(alleles.parts.gc)

    def classes(some: Alleles, row: int) -> list[tuple]:
        parts = some.parts
        ref, alt = SUBSTITUTIONS[parts.substitution[row]].split(">")
        sides = ("ACGT"[parts.left[row]], "ACGT"[parts.right[row]])
        third = sum(parts.gc[row] > edge for edge in edges)
        return [
            twin_class(ref, alt, *sides, parts.copy[row], third, level)
            for level in range(len(LEVELS))
        ]

    of_row = [classes(alleles, row) for row in range(6000)]
    class_of_key = twin_merging(of_row)
    assert len({id(rows) for rows in class_of_key.values()}) == len(background.classes)
    expected = []
    for row in range(300):
        keys = (key for key in enumerate(classes(asked, row)) if key in class_of_key)
        rows = class_of_key.get(next(keys, None))
        if rows is None:
            expected.append(np.nan)
        else:
            as_low = sum(alleles.llr[one] <= asked.llr[row] for one in rows)
            expected.append(100 * (1 + as_low) / (len(rows) + 1))
    np.testing.assert_allclose(percent(background, asked), expected, rtol=1e-6)


def test_classes_give_up_gc_then_flanks_then_copies_and_never_the_substitution():
    n = 99
    zero = np.zeros(n)
    groups = [
        ("C", "T", "A", "A", "single_copy", 0.2),  # enough by itself
        ("C", "A", "A", "A", "single_copy", np.linspace(0.1, 0.9, n)),  # of all three GC thirds
        ("A", "T", "ACGT" * 25, "T", "single_copy", 0.5),  # of four flanks
        ("A", "G", "A", "A", np.array(COPIES[1:] * 50, object)[:n], 0.5),  # of two copy classes
    ]
    parts = [
        alleles_of(
            ref * n, alt * n, (left * n)[:n], right * n, zero, first=1000 * i, copy=copy, gc=gc
        )
        for i, (ref, alt, left, right, copy, gc) in enumerate(groups)
    ]
    few = alleles_of("A" * 98, "C" * 98, "A" * 98, "A" * 98, first=9000)
    background = fit_background(joined([*parts, few]), seed=1)
    level = {counts.name.split(" ")[0]: LEVELS.index(counts.level) for counts in background.classes}
    assert level == {"C>T": 0, "C>A": 1, "A>T": 2, "A>G": 3}
    assert np.isnan(percent(background, few)).all()
    assert background.unclassed == 98


def test_what_is_too_few_for_a_class_joins_the_smallest_beside_it():
    """GC thirds of 150, 120 and 40 alleles: the last joins the second; a rare flank likewise joins the
    smallest class of the same substitution."""
    gc = np.repeat([0.3, 0.5, 0.7], [150, 120, 40])
    thirds = same_context(np.arange(310.0), gc=gc)
    edges, copies = (0.4, 0.6), ("single_copy",)
    sizes = [len(one.rows) for one in merged_classes(thirds.parts, edges, copies, 99)]
    assert sizes == [150, 160]
    flanks = alleles_of("C" * 7, "T" * 7, "T" * 7, "T" * 7, first=1000)
    classes = merged_classes(joined([thirds, flanks]).parts, edges, copies, 99)
    assert [(len(one.rows), one.level) for one in classes] == [(157, 2), (160, 1)]
    assert [one.name for one in classes] == ["C>T no_CpG single_copy", "C>T A_A single_copy"]
    # every allele of such a substitution has a class, also with flanks that nobody has seen
    assert len({key for one in classes for key in one.keys}) == 5


def test_near_copies_are_not_judged_by_single_copies():
    many = same_context(np.arange(500.0))
    few = same_context(np.arange(50.0), first=1000, copy="near_copy")
    background = fit_background(joined([many, few]), seed=1)
    assert np.isnan(percent(background, few)).all()
    assert np.isfinite(percent(background, many)).all()
    repeats = same_context(np.arange(50.0), first=1000, copy="repeat_family")
    background = fit_background(joined([many, repeats]), seed=1)
    assert background.unclassed == 0
    assert np.isfinite(percent(background, repeats)).all()


def test_a_copy_class_that_the_background_lacks_is_judged_where_it_is_given_up():
    background = fit_background(same_context(np.arange(200.0)), seed=1)
    other = same_context([1.0], first=500, copy="repeat_family")
    assert percent(background, other) == percent(background, same_context([1.0], first=500))
    assert np.isnan(percent(background, same_context([1.0], first=500, copy="near_copy"))).all()


def test_the_order_of_the_rows_does_not_matter_and_a_large_class_is_drawn_from():
    rng = np.random.default_rng(9)
    alleles = same_context(rng.normal(size=5000))
    one = fit_background(alleles, seed=3)
    other = fit_background(alleles.take(rng.permutation(5000)), seed=3)
    assert np.array_equal(one.llr, other.llr)
    assert np.array_equal(one.place, other.place)
    assert (one.classes[0].alleles, one.classes[0].values) == (5000, 2000)
    asked = same_context(np.linspace(-3, 3, 50), first=10_000)
    exact = percent(fit_background(alleles, seed=3, max_values=5000), asked)
    # a random part of 2,000 is off by at most 100 * 1.95 / sqrt(2000) in 999 of 1,000 draws
    assert np.abs(percent(one, asked) - exact).max() < 4.4


@pytest.mark.long
def test_a_percentile_of_at_most_a_is_as_rare_as_a():
    """P(percentile <= a) <= a for every a, where the allele is drawn as the background is; and the
    share is exactly floor(a (n + 1)) / (n + 1) without ties."""
    seeds, n = 1000, 120
    at = np.empty(seeds)
    for seed in range(seeds):
        llr = np.random.default_rng(seed).standard_t(3, size=n + 1)
        background = fit_background(same_context(llr[:n]), seed=1)
        at[seed] = percent(background, same_context(llr[n:], first=1000))[0]
    for limit in (1, 2, 5, 10, 25, 50, 75, 90):
        share = np.floor(limit / 100 * (n + 1)) / (n + 1)
        spread = np.sqrt(share * (1 - share) / seeds)
        assert (at <= limit).mean() <= limit / 100 + 3.5 * spread
        assert abs((at <= limit).mean() - share) <= 4 * spread + 1e-9


def test_ties_only_make_a_percentile_larger():
    rng = np.random.default_rng(11)
    n, seeds = 120, 400
    at = []
    for _ in range(seeds):
        llr = np.round(rng.normal(size=n + 1))
        background = fit_background(same_context(llr[:n]), seed=1)
        at.append(percent(background, same_context(llr[n:], first=1000))[0])
    for limit in (5, 10, 50):
        assert np.mean(np.array(at) <= limit) <= limit / 100 + 3.5 * np.sqrt(0.25 / seeds)


@pytest.mark.long
def test_percentiles_are_uniform_on_the_other_blocks_in_nearly_every_seed():
    """By class, p > .01 as often as chance has it: at most 1 % of the tests of all seeds, and in 97
    of 100 seeds at the median class."""
    above, p_values, at_5 = 0, [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        alleles = random_alleles(rng, 3000)
        shift = alleles.parts.substitution + 0.5 * alleles.parts.cpg
        alleles = replace(alleles, llr=alleles.llr + shift)
        results = uniformity(alleles, np.arange(3000) // 50, seed)
        one = np.array([result.p for result in results])
        p_values.extend(one)
        at_5.extend(result.at_most_5 for result in results)
        # every class of a seed is one chance of 1 %: the seed is judged by one of them
        above += one[seed % len(one)] > 0.01
    assert above >= 97
    assert np.mean(np.array(p_values) > 0.01) > 0.98
    assert abs(np.mean(at_5) - 0.05) < 0.01


def test_percentiles_are_not_called_uniform_where_blocks_differ():
    rng = np.random.default_rng(12)
    n, n_blocks = 3000, 10
    block = np.arange(n) * n_blocks // n
    level = rng.normal(0, 3, n_blocks)
    results = uniformity(same_context(rng.normal(size=n) + level[block]), block, 1)
    low = uniformity(same_context(rng.normal(size=n)), block, 1)
    assert results[0].distance > 0.1 > low[0].distance
    assert results[0].p < 1e-4 < low[0].p


@pytest.mark.bad_input
def test_alleles_without_an_llr_are_left_out_and_have_no_percentile():
    llr = np.concatenate([np.arange(100.0), [np.nan, np.inf, -np.inf]])
    background = fit_background(same_context(llr), seed=1)
    assert (background.left_out, len(background.llr)) == (3, 100)
    asked = percent(background, same_context([np.nan, np.inf, 5.0], first=500))
    assert np.isnan(asked).tolist() == [True, True, False]


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [0, 1, MIN_ALLELES - 1])
def test_too_few_background_alleles_give_no_percentile(n):
    background = fit_background(same_context(np.zeros(n)), seed=1)
    assert (background.classes, background.unclassed) == ((), n)
    assert np.isnan(percent(background, same_context([0.0], first=500))).all()
    assert percent(background, same_context([])).shape == (0,)


@pytest.mark.bad_input
def test_an_allele_that_changes_no_base_is_of_no_class():
    same = alleles_of("C" * 120, "C" * 120, "A" * 120, "A" * 120)
    unknown = alleles_of("N" * 120, "C" * 120, "A" * 120, "A" * 120, first=500)
    background = fit_background(joined([same, unknown, same_context(np.zeros(99), 1000)]), seed=1)
    assert [counts.name for counts in background.classes] == ["C>T A_A single_copy gc1"]
    assert np.isnan(percent(background, same)).all()


@pytest.mark.bad_input
def test_a_site_at_an_unknown_letter_is_classed_by_it():
    beside_n = alleles_of("C" * 99, "T" * 99, "N" * 99, "A" * 99, np.arange(99.0))
    background = fit_background(joined([beside_n, same_context(np.zeros(99), 1000)]), seed=1)
    assert {counts.name.split(" ")[1] for counts in background.classes} == {"A_A", "N_A"}


@pytest.mark.bad_input
def test_arrays_of_unequal_length_and_missing_columns_are_refused():
    codes = [np.zeros(3, int), np.ones(3, int), np.zeros(3, int), np.zeros(2, int)]
    features = pd.DataFrame({"gc": np.zeros(3), "copy_class": ["single_copy"] * 3})
    with pytest.raises(ValueError, match="lengths"):
        background_class_keys(features, *codes)
    with pytest.raises(ValueError, match="gc"):
        background_class_keys(features.drop(columns="gc"), *codes[:3], codes[0])


@pytest.mark.bad_input
def test_too_few_blocks_are_not_tested_for_uniformity():
    alleles = same_context(np.random.default_rng(1).normal(size=700))
    assert uniformity(alleles, np.arange(700) // 100, 1) == ()
