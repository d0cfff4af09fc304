"""The models of a run side by side: against scipy row by row, at the ends of the scale, and however
sites are split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from gfmtrust.annotate.model_comparison import ENTROPY_EDGES, ModelComparison
from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.core.measures import view_weights

UNIFORM, A, C = [0.25] * 4, [1.0, 0, 0, 0], [0, 1.0, 0, 0]


def ensemble(view_models, models=("m", "n"), baseline="context", likelihood=()):
    n = len(view_models)
    by_name = {
        name: {"quantity": "likelihood" if name in likelihood else "direct"} for name in models
    }
    return Ensemble(
        tuple(models),
        baseline,
        np.array(view_models),
        np.array(["+"] * n),
        np.zeros(n, bool),
        by_name,
    )


def block(probs, context):
    """A block with nothing but distributions. probs: (n, V, 4); context: (n, members, 4)."""
    probs, context = np.asarray(probs, np.float32), np.asarray(context, np.float32)
    nothing = np.full(len(probs), np.nan)
    weights = view_weights(probs, np.zeros(probs.shape[1], int))
    return SiteBlock(
        None,
        probs,
        weights,
        weights,
        np.full(len(probs), ""),
        nothing,
        nothing,
        nothing,
        nothing,
        nothing,
        context,
        np.full(probs.shape[:2], np.nan, np.float32),
        np.full(len(probs), ""),
    )


def compared(of, probs, context, ref, alt, parts=1):
    result = ModelComparison(of)
    whole = block(probs, context)
    for rows in np.array_split(np.arange(len(probs)), parts):
        result.add(whole, rows, np.asarray(ref)[rows], np.asarray(alt)[rows])
    return result.as_dict()


def random_run(n=400, seed=3):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet([0.4] * 4, (n, 3)).astype(np.float32)
    probs[rng.random((n, 3)) < 0.2] = np.nan
    ref = rng.integers(0, 4, n)
    return (
        probs,
        rng.dirichlet([2.0] * 4, (n, 2)).astype(np.float32),
        ref,
        (ref + 1 + rng.integers(0, 3, n)) % 4,
    )


def test_certain_opposed_and_guessing_models():
    result = compared(ensemble([0, 1]), [[A, C], [A, C]], [[UNIFORM], [UNIFORM]], [0, 0], [1, 1])
    assert [
        (one["id"], one["n"], one["mean_entropy"], one["near_uniform"]) for one in result["models"]
    ] == [("m", 2, 0.0, 0.0), ("n", 2, 0.0, 0.0), ("context", 2, 2.0, 1.0)]
    assert result["models"][0]["entropy"][0] == result["models"][2]["entropy"][-1] == 2
    pair = {(one["a"], one["b"]): one for one in result["pairs"]}
    assert (pair["n", "m"]["jsd"], pair["n", "m"]["same_sign"]) == (1.0, 0.0)
    assert pair["context", "m"]["jsd"] == pytest.approx(
        jensenshannon(A, UNIFORM, base=2) ** 2, abs=1e-6
    )


def test_numbers_agree_with_scipy_site_by_site():
    probs, context, ref, alt = random_run()
    result = compared(ensemble([0, 0, 1]), probs, context, ref, alt)
    with np.errstate(invalid="ignore"):
        means, signs = [], []
        for views in (probs[:, :2], probs[:, 2:], context):
            rows, said = [], []
            for site, r, a in zip(views.astype(float), ref, alt, strict=True):
                result_array = site[~np.isnan(site).any(axis=1)]
                rows.append(result_array.mean(axis=0) if len(result_array) else np.full(4, np.nan))
                said.append(
                    np.sign(np.mean(np.log(result_array[:, a] / result_array[:, r])))
                    if len(result_array)
                    else np.nan
                )
            means.append(np.array(rows))
            signs.append(np.array(said))
    for one, mean in zip(result["models"], means, strict=True):
        bits = np.array([scipy_entropy(row, base=2) for row in mean if np.isfinite(row).all()])
        assert (one["n"], one["mean_entropy"]) == (len(bits), pytest.approx(bits.mean(), abs=1e-5))
        assert one["near_uniform"] == pytest.approx((bits > 1.9).mean(), abs=1e-6)
        assert (
            np.abs(np.array(one["entropy"]) - np.histogram(bits, ENTROPY_EDGES)[0]).sum() <= 2
        )  # an edge may round either way
    for one in result["pairs"]:
        a, b = (["m", "n", "context"].index(one[side]) for side in "ab")
        both = np.isfinite(means[a]).all(axis=1) & np.isfinite(means[b]).all(axis=1)
        jsd = np.mean(
            [
                jensenshannon(p, q, base=2) ** 2
                for p, q in zip(means[a][both], means[b][both], strict=True)
            ]
        )
        assert (one["n_jsd"], one["jsd"]) == (both.sum(), pytest.approx(jsd, abs=1e-5))
        assert one["same_sign"] == pytest.approx((signs[a] == signs[b])[both].mean(), abs=1e-6)


@pytest.mark.parametrize("parts", [2, 7, 399])
def test_no_bit_depends_on_how_sites_are_split(parts):
    run = random_run()
    assert compared(ensemble([0, 0, 1]), *run, parts=parts) == compared(ensemble([0, 0, 1]), *run)


def test_a_model_of_likelihoods_has_signs_and_no_distribution():
    result = compared(ensemble([0, 1], likelihood=("n",)), [[A, C]], [[UNIFORM]], [0], [1])
    assert [(one["n"], one["mean_entropy"]) for one in result["models"]] == [
        (1, 0.0),
        (0, None),
        (1, 2.0),
    ]
    assert [
        (one["a"], one["b"], one["jsd"], one["same_sign"])
        for one in result["pairs"]
        if one["a"] == "n"
    ] == [("n", "m", None, 0.0)]


def test_the_context_model_alone_is_no_baseline_of_itself():
    alone = Ensemble(
        ("context",),
        "context",
        np.zeros(1, int),
        np.array(["+"]),
        np.zeros(1, bool),
        {"context": {}},
    )
    result = compared(alone, [[A]], [[A]], [0], [1])
    assert [one["id"] for one in result["models"]] == ["context"]
    assert result["pairs"] == []


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [0, 3])
def test_sites_without_an_answer_count_nowhere(n):
    nothing = np.full((n, 2, 4), np.nan)
    result = compared(ensemble([0, 1]), nothing, nothing[:, :1], [0] * n, [1] * n)
    assert all(
        (one["n"], one["mean_entropy"], sum(one["entropy"])) == (0, None, 0)
        for one in result["models"]
    )
    assert all((one["jsd"], one["same_sign"]) == (None, None) for one in result["pairs"])


@pytest.mark.bad_input
def test_scores_that_prefer_no_base_agree_with_nobody():
    """A magnitude below 0 is no preference, so that its sign is not compared."""
    probs, context, ref, alt = random_run()
    of = ensemble([0, 0, 0], models=("cadd",), likelihood=("cadd",))
    counted = compared(of, probs, context, ref, alt)["pairs"][0]
    assert counted["n_sign"] > 0
    scores = {"cadd": {"quantity": "score"}}
    (pair,) = compared(replace(of, metadata=scores), probs, context, ref, alt)["pairs"]
    assert (pair["n_sign"], pair["same_sign"]) == (0, None)
