"""Strata by hand, and which of them share a certificate: BED files may, transitions with
transversions where they err alike and are few, and nothing else ever."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from simulated_probes import table

from gfmtrust.calibration import certificates, strata
from gfmtrust.calibration.certificates import (
    ALIKE_P,
    MIN_CELL_PROBES,
    MIN_FIT_PROBES,
    MIN_KIND_PROBES,
    Probes,
)
from gfmtrust.calibration.fit import fit
from gfmtrust.calibration.flags import control_verdict
from gfmtrust.core.mutation import MUTATION_CLASSES
from gfmtrust.core.vocabulary import CopyClass

COPY_CLASSES = [name.value for name in CopyClass]


def snvs(rows) -> pd.DataFrame:
    """rows: (region class, '' where it is the copy class; copy class; mutation class)."""
    table = pd.DataFrame(rows, columns=["region_class", "copy_class", "mutation_class"])
    return table.assign(
        region_class=table["region_class"].where(table["region_class"] != "", table["copy_class"])
    )


def test_the_strata_of_snvs_by_hand():
    classes = list(product(("", "exons", "my set"), COPY_CLASSES, MUTATION_CLASSES))
    expected = [
        f"{bed}:{copy}/{mutation}" if bed else f"{copy}/{mutation}"
        for bed, copy, mutation in classes
    ]
    assert strata.strata(snvs(classes), ()).tolist() == expected
    assert len(set(expected)) == 27
    assert strata.pooled(np.array(expected, object)).tolist() == [
        f"{copy}/{mutation}" for _, copy, mutation in classes
    ]
    assert strata.joined(np.array(expected, object)).tolist() == [
        f"{copy}/{'cpg' if mutation == 'cpg' else 'substitution'}" for _, copy, mutation in classes
    ]


def test_the_strata_of_other_variants_by_hand():
    rows = snvs(
        [("", "single_copy", None), ("", "near_copy", None), ("a/b:c", "repeat_family", None)] * 3
    ).assign(length=[1, 2, 5, 6, 50, 1, 3, 4, 7])
    assert (
        strata.strata(rows, ()).tolist() == ["single_copy", "near_copy", "a/b:c:repeat_family"] * 3
    )
    by_length = [
        "single_copy/1bp",
        "near_copy/2-5bp",
        "a/b:c:repeat_family/2-5bp",
        "single_copy/over_5bp",
        "near_copy/over_5bp",
        "a/b:c:repeat_family/1bp",
        "single_copy/2-5bp",
        "near_copy/2-5bp",
        "a/b:c:repeat_family/over_5bp",
    ]
    result = strata.strata(rows, strata.LENGTHS)
    assert result.tolist() == by_length
    assert strata.pooled(result).tolist() == [name.removeprefix("a/b:c:") for name in by_length]
    assert strata.joined(result).tolist() == strata.pooled(result).tolist()
    assert strata.bin_names((1, 4)) == ["1-3bp", "over_3bp"]


@pytest.mark.bad_input
@pytest.mark.parametrize("missing", [None, np.nan, ""])
def test_a_site_without_a_class_has_no_stratum(missing):
    rows = snvs([("exons", "single_copy", "cpg")] * 3)
    rows.loc[0, "region_class"] = missing
    rows.loc[1, "copy_class"] = missing
    assert strata.strata(rows, ()).tolist() == ["", "", "exons:single_copy/cpg"]


@pytest.mark.bad_input
def test_no_alleles_have_no_strata():
    for names in (strata.strata(snvs([]), ()), strata.pooled(np.empty(0, object))):
        assert names.tolist() == []


@pytest.mark.bad_input
def test_bins_ask_for_lengths():
    with pytest.raises(ValueError, match="column length is missing"):
        strata.strata(snvs([("", "single_copy", None)]), strata.LENGTHS)


# ---- cells


def cells(sizes: dict[str, int], error=None, n_fit: int | None = None) -> list[list[str]]:
    """The strata of each cell. sizes: stratum -> counted probes; each also has `n_fit` probes on
    the fit split, as many as counted where None, of which the share error[stratum] is wrong."""
    error = error or {}
    stratum, wrong, counted = [], [], []
    for name, n in sizes.items():
        of_fit = n if n_fit is None else n_fit
        stratum += [name] * (n + of_fit)
        counted += [True] * n + [False] * of_fit
        wrong += [False] * n + (np.arange(of_fit) < round(of_fit * error.get(name, 0.1))).tolist()
    names, is_counted = np.array(stratum, object), np.array(counted)
    n = len(names)
    part = Probes(np.full(n, 0.9), np.array(wrong), np.arange(n) % 2 == 0, names)
    order = np.random.default_rng(1).permutation(n)
    masks = certificates.cells(part.of(order), is_counted[order], ~is_counted[order])
    assert (np.sum(masks, axis=0) == 1).all()  # every probe in one cell
    return [sorted(set(names[order][mask])) for mask in masks]


def test_a_bed_file_with_500_probes_has_a_cell_and_smaller_ones_share_that_of_the_genome():
    sizes = {
        "a:single_copy/cpg": MIN_CELL_PROBES,
        "b:single_copy/cpg": MIN_CELL_PROBES - 1,
        "c:single_copy/cpg": 10,
        "single_copy/cpg": 2000,
    }
    assert cells(sizes) == [
        ["a:single_copy/cpg"],
        ["b:single_copy/cpg", "c:single_copy/cpg", "single_copy/cpg"],
    ]


@pytest.mark.parametrize("n", [20, MIN_CELL_PROBES])
def test_copy_classes_and_cpg_are_never_pooled_however_few_and_alike(n):
    names = [f"{copy}/{mutation}" for copy in COPY_CLASSES for mutation in ("cpg", "transition")]
    assert cells(dict.fromkeys(names, n)) == [[name] for name in sorted(names)]


def test_kinds_and_lengths_are_never_pooled():
    names = [f"{copy}/{length}" for copy in COPY_CLASSES for length in strata.bin_names((1, 2, 6))]
    assert cells(dict.fromkeys([*names, *COPY_CLASSES], 20)) == [
        [name] for name in sorted([*names, *COPY_CLASSES])
    ]


TWO = ("single_copy/transition", "single_copy/transversion")


@pytest.mark.parametrize(
    ("n", "error", "is_pooled"),
    [
        ((200, 200), (0.10, 0.10), True),
        ((200, 2000), (0.10, 0.10), True),
        ((MIN_KIND_PROBES, MIN_KIND_PROBES), (0.10, 0.10), False),  # enough for each
        ((MIN_KIND_PROBES, MIN_KIND_PROBES - 1), (0.10, 0.10), True),
        ((200, 200), (0.10, 0.30), False),
        ((200, 2000), (0.30, 0.10), False),
    ],
)
def test_transitions_and_transversions_are_pooled_where_they_are_few_and_err_alike(
    n, error, is_pooled
):
    result = cells(dict(zip(TWO, n, strict=True)), dict(zip(TWO, error, strict=True)))
    assert result == ([list(TWO)] if is_pooled else [[TWO[0]], [TWO[1]]])


def fisher(a: int, n_a: int, b: int, n_b: int) -> float:
    """Two-sided p-value of a and b errors: the sum of all tables that are no likelier."""
    law = hypergeom.pmf(np.arange(n_a + 1), n_a + n_b, a + b, n_a)
    return float(law[law <= law[a] * (1 + 1e-7)].sum())


def test_pooling_turns_where_fishers_test_does():
    pooled = [
        cells(dict.fromkeys(TWO, 100), {TWO[0]: 0.1, TWO[1]: errors / 100}) == [list(TWO)]
        for errors in range(10, 31)
    ]
    assert pooled == [fisher(10, 100, errors, 100) >= ALIKE_P for errors in range(10, 31)]
    assert pooled[0] > pooled[-1]


def test_the_reliable_half_alone_can_show_a_difference():
    """Both err in 20 %; those of one kind all in its less reliable half, where no level looks."""
    n = 400
    reliability = np.tile(np.where(np.arange(n) < n // 2, 0.9, 0.6), 2)
    wrong = np.concatenate([np.arange(n) >= n - 80, np.arange(n) % 5 == 0])
    names = np.repeat(np.array(TWO, object), n)
    part = Probes(reliability, wrong, np.arange(2 * n) % 2 == 0, names)
    in_fit = np.full(2 * n, True)
    assert wrong[:n].sum() == wrong[n:].sum()
    assert len(certificates.cells(part, ~in_fit, in_fit)) == 2


@pytest.mark.parametrize("small", TWO)
@pytest.mark.parametrize(
    ("n_fit", "is_pooled"), [(30, False), (MIN_FIT_PROBES - 1, False), (MIN_FIT_PROBES, True)]
)
def test_a_kind_with_too_few_fit_probes_for_the_test_is_not_pooled(small, n_fit, is_pooled):
    """Both kinds err in 10 %, so that Fisher's exact test finds no difference at any size."""
    cell_strata = cells(dict.fromkeys(TWO, 200) | {small: n_fit})
    assert cell_strata == ([list(TWO)] if is_pooled else [[TWO[0]], [TWO[1]]])


@pytest.mark.parametrize("errors", range(31))
def test_30_fit_probes_of_a_kind_are_never_pooled_whatever_their_errors(errors):
    sizes = {TWO[0]: 2000, TWO[1]: 30}
    assert cells(sizes, {TWO[0]: 0.1, TWO[1]: errors / 30}) == [[TWO[0]], [TWO[1]]]


def test_bed_files_of_both_kinds_are_pooled_with_them():
    sizes = {f"{bed}{name}": MIN_FIT_PROBES for bed in ("", "exons:") for name in TWO}
    assert cells(sizes) == [sorted(sizes)]
    assert cells(sizes | {"exons:" + TWO[0]: MIN_CELL_PROBES}) == [
        ["exons:" + TWO[0]],
        ["exons:" + TWO[1], *TWO],
    ]


def test_a_negative_control_is_judged_in_one_cell():
    """600 probes that know every base: spread over nine cells none of them could certify HIGH."""
    rng = np.random.default_rng(1)
    probes = table(rng, -1 - rng.random(600), np.arange(600) % 2 == 0, 40, ("single_copy",))
    spread = probes.assign(
        copy_class=rng.choice(COPY_CLASSES, 600), mutation_class=rng.choice(MUTATION_CLASSES, 600)
    )
    spread["region_class"] = spread["copy_class"]
    high = [
        control_verdict(fit(each), "a control", each).n_high
        for each in (spread, strata.in_one(spread))
    ]
    assert high[0] == 0
    assert high[1] > 500


@pytest.mark.bad_input
def test_no_probes_have_no_cells():
    nothing = np.empty(0, bool)
    part = Probes(np.empty(0), nothing, nothing, np.empty(0, object))
    assert certificates.cells(part, nothing, nothing) == []


@pytest.mark.bad_input
def test_reliabilities_that_are_missing_decide_nothing():
    names = np.repeat(np.array(TWO, object), 100)
    part = Probes(np.full(200, np.nan), np.full(200, False), np.full(200, True), names)
    assert len(certificates.cells(part, np.full(200, True), np.full(200, True))) == 1
