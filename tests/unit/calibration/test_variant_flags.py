"""Variants of several bases: their features against plain loops, and flags that insertions and
deletions can only earn together."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import simulated_probes
from allele_classes import of_class

from gfmtrust.annotate.header_lines import certificate_line
from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, strata
from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.calibration.features import variant_features
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import RunCalibration, of_snvs
from gfmtrust.core import measures
from gfmtrust.core.vocabulary import Status, Why
from gfmtrust.planning.variant_probes import DEFAULT_LENGTHS

pytestmark = pytest.mark.long

ENSEMBLE = Ensemble(
    ("a", "b"),
    "context_model",
    np.array([0, 0, 1, 1]),
    np.array(["+", "-", "+", "-"]),
    np.zeros(4, bool),
    {},
)
VARIANTS = [(0, 100, "ACG", "TCA"), (1, 300, "AC", ""), (2, 500, "", "GG"), (3, 700, "A", "C")]
SITES = {0: [100, 102], 1: [300, 301], 2: [499, 500], 3: [700]}


def block_of(seed: int = 0) -> SiteBlock:
    rng = np.random.default_rng(seed)
    rows = [
        (variant, start, ref, alt, pos)
        for variant, start, ref, alt in VARIANTS
        for pos in SITES[variant]
    ]
    n = len(rows)
    site = pd.DataFrame(rows, columns=["variant", "start", "ref", "alt", "pos"]).assign(
        contig_index=0,
        use=1,
        base=0,
        gc=rng.random(n),
        soft_masked=np.arange(n) % 2 == 0,
        **of_class("single_copy") | {"copies": np.arange(n, dtype=np.int16)},
        left=4,
        right=4,
        copy_bases=0,
    )
    logits = rng.normal(size=(n, 4, 4))
    probs = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype(np.float32)
    llr = rng.normal(size=(len(VARIANTS), 4)).astype(np.float32)[site["variant"]]
    return SiteBlock(
        site,
        probs,
        np.full((n, 4), 0.25),
        np.full((n, 4), 0.25),
        np.full(n, "", object),
        rng.random(n),
        rng.random(n),
        rng.random(n),
        rng.random(n),
        np.zeros(n),
        np.full((n, 1, 4), np.nan, np.float32),
        llr,
        np.full(n, "", object),
    )


def test_a_substitution_is_the_sum_of_its_bases():
    block = block_of()
    result = variant_features(block, ENSEMBLE)
    p = np.log(block.probs.astype(np.float64))
    views = (
        p[0, :, 3] - p[0, :, 0] + p[1, :, 0] - p[1, :, 2]
    )  # A>T and G>A; the C between is not asked
    assert result["llr"][0] == pytest.approx(views.mean())
    assert result["llr_sd"][0] == pytest.approx(views.std(ddof=1))
    assert result["strand_llr"][0] == pytest.approx(
        abs(views[[0, 2]].mean() - views[[1, 3]].mean())
    )
    assert result["llr"][3] == pytest.approx((p[6, :, 1] - p[6, :, 0]).mean())


def test_a_substitution_has_one_llr_of_a_model_of_whole_tokens_where_it_was_asked_for():
    """Model b reads whole tokens: its own LLR counts in place of a sum, and where it has none the
    sum does (scores from elsewhere)."""
    block = block_of()
    ensemble = replace(ENSEMBLE, metadata={"b": {"quantity": "likelihood"}})
    p = np.log(block.probs.astype(np.float64))
    sums = p[0, :, 3] - p[0, :, 0] + p[1, :, 0] - p[1, :, 2]
    assert variant_features(block, ensemble)["llr"][0] == pytest.approx(
        np.mean([*sums[:2], *block.llr[0, 2:].astype(float)])
    )
    block.llr[:2, 2:] = np.nan
    assert variant_features(block, ensemble)["llr"][0] == pytest.approx(sums.mean())


def test_an_indel_has_its_haplotypes_llr_and_the_means_of_its_sites():
    block = block_of()
    result = variant_features(block, ENSEMBLE)
    for row, sites in ((1, [2, 3]), (2, [4, 5])):
        views = block.llr[sites[0]].astype(np.float64)
        assert result["llr"][row] == pytest.approx(views.mean())
        assert result["sign_agreement"][row] == pytest.approx(abs(np.sign(views).mean()))
        means = [
            measures.entropy(block.probs[site].astype(np.float64).mean(axis=0)) for site in sites
        ]
        assert result["ent"][row] == pytest.approx(np.mean(means), abs=1e-6)
        for name, values in (
            ("gain", block.gain),
            ("local_surprisal", block.context_surprisal),
            ("n_share", block.n_share),
        ):
            assert result[name][row] == pytest.approx(values[sites].mean())
    assert list(result["length"]) == [3, 2, 2, 1]
    assert list(result["variant"]) == [0, 1, 2, 3]


@pytest.mark.bad_input
@pytest.mark.parametrize("side", ["status", "variant_status"])
def test_one_bad_site_or_haplotype_takes_the_variant_with_it(side):
    block = block_of()
    status = np.full(7, "", object)
    status[3] = Status.NONFINITE
    result = variant_features(replace(block, **{side: status}), ENSEMBLE)
    assert list(result["status"]) == [Status.SCORED, Status.NONFINITE, Status.SCORED, Status.SCORED]
    assert np.isnan(result["llr"]).tolist() == [False, True, False, False]


@pytest.mark.bad_input
def test_a_view_missing_at_one_site_does_not_vote_on_the_variant():
    block = block_of()
    probs = block.probs.copy()
    probs[1, 2] = np.nan
    result = variant_features(
        replace(block, probs=probs, weights=measures.view_weights(probs, ENSEMBLE.view_models)),
        ENSEMBLE,
    )
    p = np.log(probs.astype(np.float64))
    views = p[0, :, 3] - p[0, :, 0] + p[1, :, 0] - p[1, :, 2]
    assert result["llr"][0] == pytest.approx(
        (views[0] + views[1]) / 4 + views[3] / 2
    )  # model b votes with one view


def skilled_kinds(seed: int, n: int = 3_000):
    rng = np.random.default_rng(seed)
    return {
        kind: simulated_probes.skilled(rng, n).assign(
            length=rng.choice(DEFAULT_LENGTHS, n), run_oriented=True
        )  # as indel probes are
        for kind in ("INS", "DEL")
    }


def levels(fitted) -> set[tuple[str, str]]:
    return {
        (kind, result.level)
        for kind, content in fitted.items()
        for result in content.certificates
        if any(result.covers(name) for name in result.strata)
    }


def test_a_model_that_knows_both_has_both_levels():
    fitted = calibration_fit.fit_classes(skilled_kinds(1, 10_000), Options())
    assert {("INS", "HIGH"), ("DEL", "HIGH")} <= levels(fitted)


@pytest.mark.bad_input
def test_a_model_that_likes_short_sequences_earns_nothing():
    """It is right at every insertion probe, where the inserted letters are wrong, and wrong at
    every deletion probe."""
    probes = skilled_kinds(2)
    probes["INS"]["llr"] = -np.abs(probes["INS"]["llr"])
    probes["DEL"]["llr"] = np.abs(probes["DEL"]["llr"])
    alone = calibration_fit.fit(probes["INS"], Options())
    assert any(result.threshold is not None for result in alone.snv.certificates)
    assert levels(calibration_fit.fit_classes(probes, Options())) == set()


@pytest.mark.bad_input
def test_insertions_without_deletion_probes_earn_nothing():
    probes = skilled_kinds(3)
    assert levels(calibration_fit.fit_classes({"INS": probes["INS"]}, Options())) == set()
    assert (
        levels(
            calibration_fit.fit_classes(
                {"INS": probes["INS"], "DEL": probes["DEL"].iloc[:0]}, Options()
            )
        )
        == set()
    )


@pytest.mark.bad_input
def test_a_kind_without_probes_is_low_and_uncertified():
    probes = simulated_probes.skilled(np.random.default_rng(4), 3_000)
    fitted = calibration_fit.fit(probes, Options())
    rank, why = flags.assign(fitted, simulated_probes.features_of(probes), fitted.of_class("MNV"))
    assert set(rank) == {1}
    assert all(Why.UNCERTIFIED in codes for codes in why)


def test_kinds_survive_the_file():
    base = calibration_fit.fit(simulated_probes.skilled(np.random.default_rng(5), 2_000), Options())
    content = replace(
        base, classes=base.classes | calibration_fit.fit_classes(skilled_kinds(6), Options())
    )
    assert RunCalibration.from_dict(content.to_dict()) == content


# --- certificates by length
# -------------------------------------------------------------------------------------------------


def by_length(seed, n, skill, shares=(0.5, 0.3, 0.2), classes=("single_copy",)):
    """Indel probes of both kinds, `n` each, of lengths 1, 4 and 9 in those shares; skill: length ->
    spread of |LLR|, 0 for a coin."""
    rng = np.random.default_rng(seed)
    result = {}
    for kind in ("INS", "DEL"):
        probes = simulated_probes.skilled(rng, n, 1.0, classes=classes)
        length = rng.choice([1, 4, 9], n, p=shares)
        size = np.abs(probes["llr"]) * np.vectorize(skill.get)(length)
        right = rng.random(n) < 1 / (1 + np.exp(-size))
        size = np.where(
            size > 0, size, rng.exponential(3.0, n)
        )  # a coin that sounds as sure as the rest
        result[kind] = probes.assign(
            length=length, run_oriented=True, llr=np.where(right, -size, size)
        )
    return result


def classes_of(content, level):
    """Classes of each cell in which the level exists."""
    return [
        tuple(name for name in one.strata if one.covers(name))
        for one in content.certificates
        if one.level == level
    ]


def test_a_length_the_model_does_not_know_is_flagged_by_its_own_cell():
    """Right by sigmoid(|LLR|) at 1 bp, a coin with as large LLRs at 2 to 5: one pooled certificate
    would hide the coin or refuse both."""
    fitted = calibration_fit.fit_classes(by_length(11, 12_000, {1: 6.0, 4: 0.0, 9: 6.0}), Options())
    fresh = by_length(12, 12_000, {1: 6.0, 4: 0.0, 9: 6.0})
    for kind, content in fitted.items():
        rows = simulated_probes.features_of(fresh[kind])
        wrong, length = fresh[kind]["llr"].to_numpy() > 0, rows["length"].to_numpy()
        rank, _ = flags.assign(of_snvs(Options(), content), rows)
        assert content.length_bins == (1, 2, 6)
        assert (rank[length == 4] == 1).all()
        assert (rank[length == 1] == 3).mean() > 0.2
        assert wrong[(rank == 3) & (length == 1)].mean() <= 0.05


def test_lengths_with_few_probes_have_cells_of_their_own_and_share_nothing():
    fitted = calibration_fit.fit_classes(
        by_length(13, 4_000, {1: 6.0, 4: 6.0, 9: 6.0}, (0.8, 0.17, 0.03)), Options()
    )
    for content in fitted.values():
        cells = {one.strata: one for one in content.certificates if one.level == "HIGH"}
        assert list(cells) == [
            ("single_copy/1bp",),
            ("single_copy/2-5bp",),
            ("single_copy/over_5bp",),
        ]
        assert cells["single_copy/1bp",].exists
        assert not cells["single_copy/over_5bp",].exists
    line = certificate_line("DEL", 1, fitted["DEL"].certificates[0])
    assert 'Classes="single_copy/1bp"' in line


@pytest.mark.bad_input
def test_a_length_without_probes_is_uncertified():
    content = calibration_fit.fit_classes(
        by_length(14, 4_000, {1: 6.0, 4: 6.0, 9: 6.0}, (0.6, 0.4, 0.0)), Options()
    )["DEL"]
    rows = simulated_probes.features_of(by_length(15, 500, {1: 6.0, 4: 6.0, 9: 6.0})["DEL"])
    rank, why = flags.assign(of_snvs(Options(), content), rows)
    long = rows["length"].to_numpy() == 9
    assert (rank[~long] == 3).any()
    assert (rank[long] == 1).all()
    assert all(Why.UNCERTIFIED in codes for codes, subset in zip(why, long, strict=True) if subset)


def test_a_frozen_file_from_before_lengths_flags_as_it_did():
    probes = by_length(16, 6_000, {1: 6.0, 4: 6.0, 9: 6.0})["DEL"]
    pooled = calibration_fit.fit(probes, Options())
    assert [one.strata for one in pooled.snv.certificates] == [("single_copy",), ("single_copy",)]
    text = pooled.to_dict()
    del text["classes"]["SNV"]["length_bins"]
    again = RunCalibration.from_dict(text)
    rows = simulated_probes.features_of(probes)
    assert (
        flags.decide(again, rows)[0] == flags.decide(pooled, rows.drop(columns="length"))[0]
    ).all()
    by_length_too = of_snvs(Options(), calibration_fit.fit_class(probes, Options(), strata.LENGTHS))
    assert RunCalibration.from_dict(by_length_too.to_dict()) == by_length_too


@pytest.mark.bad_input
def test_a_calibration_by_length_asks_for_lengths():
    probes = by_length(17, 2_000, {1: 6.0, 4: 6.0, 9: 6.0})["DEL"]
    content = of_snvs(Options(), calibration_fit.fit_class(probes, Options(), strata.LENGTHS))
    with pytest.raises(ValueError, match="column length is missing"):
        flags.assign(content, simulated_probes.features_of(probes).drop(columns="length"))
