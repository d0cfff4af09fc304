"""Measures of the distributions at the sites: entropy, the league of simple models, calibration of
the entropy, strands, shifts, and the members of an ensemble."""

from __future__ import annotations

import numpy as np

from gfmtrust.audit import numbers
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.simple_models import WordCounts
from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import TINY, Subject, bits, causal_only, mean_of
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.divergence import entropy
from gfmtrust.core.vocabulary import Placement

NEAR_UNIFORM_BITS = 1.95
PERMUTATIONS = 100


def entropies(study: Study, subject: Subject) -> list[Statistic]:
    """Entropy per base, and the share of bases that are nearly uniform, beside the context
    model's."""
    block = study.sites.block
    of_model, context = (entropy(study.mean(one)) for one in (subject, study.context))
    near = [
        np.where(np.isfinite(one), one >= NEAR_UNIFORM_BITS, np.nan) for one in (of_model, context)
    ]
    return [
        numbers.mean("entropy", of_model, block, null=2.0),
        numbers.mean("near-uniform share", near[0], block, null=1.0, unit="share"),
        numbers.mean("entropy of the context model", context, block, null=2.0),
        numbers.mean(
            "near-uniform share of the context model", near[1], block, null=1.0, unit="share"
        ),
    ]


def simple_bits(study: Study) -> dict[str, np.ndarray]:
    """Surprisal at the sites of the models without a network, bits (n,) by name."""
    words = study.once(("words",), lambda: WordCounts.of(study.genome, study.seed))
    real = study.sites.real
    composition = np.repeat(words.composition()[None], len(real), axis=0)
    chain = study.once(("chain",), lambda: words.distributions(study.genome, study.sites))
    return {
        "uniform": np.full(len(real), 2.0),
        "order 0": bits(composition, real),
        f"order {words.order}, from the left": bits(chain, real),
        "context model": study.bits(study.context),
    }


def league(study: Study, subject: Subject) -> list[Statistic]:
    """Bits per base of every model at the same sites, and the skill."""
    block = study.sites.block
    rows = simple_bits(study) | {"the model": study.bits(subject)}
    try:
        rows["its permuted twin"] = bits(study.twin(subject), study.sites.real)
    except NotRun:
        pass
    counted = np.all([np.isfinite(one) for one in rows.values()], axis=0)
    if counted.sum() < 2:
        raise NotRun("fewer than two bases that all models answered")
    rows = {name: one[counted] for name, one in rows.items()}
    block = block[counted]
    table = [numbers.mean(name, one, block, null=2.0) for name, one in rows.items()]
    composition = rows["order 0"]
    chain = next(name for name in rows if name.endswith("from the left"))
    pairs = [("skill", "the model", "context model")]
    if causal_only(subject):
        pairs.append(("skill against the chain from the left", "the model", chain))
    if "its permuted twin" in rows:
        pairs.append(("skill of the twin", "its permuted twin", "context model"))
    return table + [
        numbers.ratio(
            label,
            composition - rows[name],
            composition - rows[yardstick],
            block,
            null=0.0,
            unit="1",
        )
        for label, name, yardstick in pairs
    ]


def calibration_gap(study: Study, subject: Subject) -> list[Statistic]:
    """Mean surprisal minus mean entropy."""
    return [
        numbers.mean(
            f"surprisal minus entropy{suffix}",
            study.bits(one) - entropy(study.mean(one)),
            study.sites.block,
            null=0.0,
        )
        for one, suffix in ((subject, ""), (study.context, " of the context model"))
    ]


def _llr(probs: np.ndarray, real: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """ln p(ALT) - ln p(real base), float64 (...). probs: (n, 4)."""
    row = np.arange(len(real))
    logp = np.log(np.maximum(probs.astype(np.float64), TINY))
    return logp[row, alt] - logp[row, real]


def _decoys(study: Study) -> np.ndarray:
    """Another base at each site, drawn evenly."""
    return (study.sites.real + study.rng(0xDEC).integers(1, 4, len(study.sites))) % 4


def strands(study: Study, subject: Subject) -> list[Statistic]:
    """Whether the two strands prefer the same base, and how their LLRs agree."""
    if subject.bundle.rc_equivariant:
        raise NotRun("both strands give the same answer by construction")
    plus, minus = _of_placements(study, subject, ("+", "-"))
    sites, alt = study.sites, _decoys(study)
    both = np.isfinite(plus).all(axis=1) & np.isfinite(minus).all(axis=1)
    plus, minus, block = plus[both], minus[both], sites.block[both]
    llr = [_llr(one, sites.real[both], alt[both]) for one in (plus, minus)]
    rng = study.rng(0x57)
    shuffles = [rng.permutation(len(block)) for _ in range(PERMUTATIONS)]
    best = [one.argmax(axis=1) for one in (plus, minus)]
    flip = numbers.mean(
        "other base preferred", (best[0] != best[1]).astype(float), block, unit="share"
    )
    correlation = numbers.of_weights(
        "correlation of the LLR", lambda w: _correlation(llr[0], llr[1], w), block, unit="1"
    )
    ones = np.ones(len(block))
    return [
        numbers.under_null(flip, np.array([(best[0] != best[1][i]).mean() for i in shuffles])),
        numbers.under_null(
            correlation, np.array([_correlation(llr[0], llr[1][i], ones) for i in shuffles])
        ),
    ]


def _of_placements(study: Study, subject: Subject, asked: tuple[str, str]) -> list[np.ndarray]:
    """The mean over members of the unshifted whole windows of each strand, (n, 4)."""
    views, probs = subject.reader.views("thorough"), study.probs(subject)
    columns = {
        strand: [i for i, view in enumerate(views) if view.placement == Placement(strand)]
        for strand in asked
    }
    return [mean_of(probs[:, columns[strand]]) for strand in asked]


def _correlation(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    """Pearson correlation of weighted rows; NaN where either does not vary."""
    a = a - np.average(a, weights=weights)
    b = b - np.average(b, weights=weights)
    scale = np.sqrt((weights @ a**2) * (weights @ b**2))
    return float(weights @ (a * b) / scale) if scale > 0 else float("nan")


def shifts(study: Study, subject: Subject) -> list[Statistic]:
    """How much the LLR moves when the window moves, or when its phase does."""
    views, probs = subject.reader.views("thorough"), study.probs(subject)
    columns = [
        i for i, view in enumerate(views) if view.strand == "+" and not any(view.placement.crop)
    ]
    offsets = sorted({views[i].placement.shift for i in columns})
    if len(offsets) < 2:
        raise NotRun("the model declares no shift of its window")
    sites, alt = study.sites, _decoys(study)
    llr = np.stack(
        [
            _llr(
                mean_of(probs[:, [i for i in columns if views[i].placement.shift == offset]]),
                sites.real,
                alt,
            )
            for offset in offsets
        ]
    )
    spread, size = llr.std(axis=0, ddof=1), np.abs(llr.mean(axis=0))
    counted = np.isfinite(spread)
    if not size[counted].any():
        raise NotRun("the LLR is 0 at every site")
    block = sites.block[counted]
    rng = study.rng(0x5F)
    finite = llr[:, counted]
    drawn = []
    for _ in range(PERMUTATIONS):
        mixed = np.stack([row[rng.permutation(len(row))] for row in finite])
        drawn.append(mixed.std(axis=0, ddof=1).mean() / np.abs(mixed.mean(axis=0)).mean())
    moved = numbers.ratio(
        "sd of the LLR over shifts by its size", spread[counted], size[counted], block, unit="1"
    )
    signs = (np.sign(finite).max(axis=0) != np.sign(finite).min(axis=0)).astype(float)
    return [
        numbers.under_null(moved, np.array(drawn)),
        numbers.mean("sign of the LLR changes", signs, block, null=0.0, unit="share"),
    ]


def disagreement(study: Study, subject: Subject) -> list[Statistic]:
    """Whether the members of the ensemble say the same: divergence and equal first choice."""
    rows: list[Statistic] = []
    of_model, block = study.mean(subject), study.sites.block
    for number, other in enumerate(study.relatives(subject)):
        theirs = study.mean(other)
        both = np.isfinite(of_model).all(axis=1) & np.isfinite(theirs).all(axis=1)
        a, b, blocks = of_model[both], theirs[both], block[both]
        rng = study.rng(0xD15, number)
        shuffles = [rng.permutation(len(a)) for _ in range(PERMUTATIONS)]
        agree = numbers.mean(
            f"same first choice as {other.name}",
            (a.argmax(axis=1) == b.argmax(axis=1)).astype(float),
            blocks,
            unit="share",
        )
        apart = numbers.mean(f"divergence from {other.name}", divergence(a, b), blocks)
        rows += [
            numbers.under_null(
                agree,
                np.array([(a.argmax(axis=1) == b[i].argmax(axis=1)).mean() for i in shuffles]),
            ),
            numbers.under_null(
                apart, np.array([divergence(a, b[i]).mean() for i in shuffles[:20]])
            ),
        ]
    return rows


def divergence(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of distributions, bits (n,). a, b: (n, 4)."""
    return np.maximum(entropy((a + b) / 2) - (entropy(a) + entropy(b)) / 2, 0.0)
