"""Local likelihood ratios as ClinGen uses them: how many times more likely a score is with an
effect than without, at every labelled score.

A window slides over the labelled scores. Its bounds come from a bootstrap, or from the counts in
the window where it contains few labels of one kind. The output is a table, and the scores beyond
which the bounds reach the published strengths of evidence. It is for research use and is never an
ACMG call. Source: Pejaver et al. 2022 (windows, bounds, prior); Tavtigian et al. 2018 (odds of the
strengths); docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.calls import effect_score
from gfmtrust.calibration.label_blocks import megabases
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.resampling import Blocks
from gfmtrust.io import tables

if TYPE_CHECKING:
    import pandas as pd

USE = "research use only; not ACMG evidence"
PRIOR = 0.0441
"""Share of pathogenic alleles among rare missense variants of genes that cause monogenic disease.
Source: Pejaver et al. 2022."""
LEAST, SHARE = 100, 0.03
"""Labelled alleles in a window: 100, or 3 % of all alleles where that is more."""
CENTRES = 500
"""Largest number of scores at which a window is computed; where there are more distinct scores,
every n-th is used."""
DRAWS = 10_000
DELTA = 0.05
EXPONENTS = {"supporting": 1 / 8, "moderate": 1 / 4, "strong": 1 / 2, "very_strong": 1.0}
"""The exponent of each strength: its odds are those of very strong evidence to this power. Source:
Tavtigian et al. 2018."""
LIKELY_POSTERIOR = 0.8995
"""Posterior of 'likely pathogenic', 0.900 to three digits as in Pejaver et al. The weakest
combinations of evidence for it must reach this value, for example one strong and two supporting
items, or three moderate items. The exponents of each such combination sum to 3/4."""
JSON_FILE, TSV_FILE = "local_lr.json", "local_lr.tsv"


@dataclass(frozen=True)
class Curve:
    """At q ascending scores: half the width of the window, the number of its labelled alleles and
    of those with label 1, its likelihood ratio, and the pointwise one-sided 95 % bounds of that
    ratio. Arrays (q,); infinite where a window contains no allele without an effect. mode: the unit
    that the bootstrap drew, see `resampling`.
    """

    score: np.ndarray
    half_width: np.ndarray
    n: np.ndarray
    n_effect: np.ndarray
    lr: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mode: str


def strengths(prior: float) -> dict[str, float]:
    """Odds that evidence of each strength needs at a prior, weakest first. At the prior 0.0441,
    very strong evidence needs 1,124, as published.

    The odds of very strong evidence are the smallest integer whose power 3/4, times the odds of the
    prior, reaches LIKELY_POSTERIOR. Raises UsageError (64) for a prior that is not between 0 and 1,
    or so high that no evidence is needed.
    """
    wanted = LIKELY_POSTERIOR / (1 - LIKELY_POSTERIOR)
    if not 0 < prior < 1 or prior / (1 - prior) >= wanted:
        raise UsageError(
            message(
                "--prior",
                f"{prior}",
                f"more than 0, less than {LIKELY_POSTERIOR}",
                f"published: {PRIOR}",
            )
        )
    very_strong = np.ceil((wanted / (prior / (1 - prior))) ** (4 / 3))
    return {name: float(very_strong**power) for name, power in EXPONENTS.items()}


def curve(
    label: np.ndarray, score: np.ndarray, block: np.ndarray, seed: int = 1, draws: int = DRAWS
) -> Curve:
    """The local likelihood ratio along the score. label: 0 or 1, score: finite, block: int, all
    (n,) with n >= LEAST and both labels.

    A window is centred on its score and is the narrowest that contains enough alleles, ties
    included. The bootstrap draws whole blocks, or alleles where there are too few blocks; the
    windows do not move. A bound is the less favourable of the bootstrap bound and the
    Clopper-Pearson bound from the counts in the window, because a bootstrap never draws a label
    that the window does not contain.
    """
    order = np.argsort(score, kind="stable")
    label, score, block = (
        np.asarray(label)[order] == 1,
        np.asarray(score, np.float64)[order],
        np.asarray(block)[order],
    )
    centre = _thinned(np.unique(score))
    half_width, first, end = _windows(score, centre, window_size(len(score)))
    counts = _Counts(label, first, end)
    n_effect, n_none = counts.of(np.ones(len(label)))
    odds = (~label).sum() / label.sum()
    blocks = Blocks(block, seed, draws)
    drawn = np.array(
        [
            _ratio(*counts.of(weights), weights[label].sum(), weights[~label].sum())
            for weights in blocks.weights()
        ]
    )
    exact_low, exact_high = (
        _odds(bound(n_effect, end - first, DELTA)) * odds for bound in (lower_bound, upper_bound)
    )
    return Curve(
        centre,
        half_width,
        end - first,
        n_effect.astype(int),
        _ratio(n_effect, n_none, label.sum(), (~label).sum()),
        np.fmin(np.nanquantile(drawn, DELTA, axis=0, method="lower"), exact_low),
        np.fmax(np.nanquantile(drawn, 1 - DELTA, axis=0, method="higher"), exact_high),
        blocks.mode,
    )


def window_size(n: int) -> int:
    """The smallest number of alleles in a window, given n labelled alleles."""
    return max(LEAST, int(np.ceil(SHARE * n - 1e-9)))


def thresholds(lr_curve: Curve, odds: dict[str, float]) -> list[dict]:
    """For each strength: the score from which on all lower bounds reach its odds, and the score up
    to which all upper bounds are at or below the inverse of its odds; None where there is no such
    score."""
    return [
        {
            "strength": name,
            "odds": value,
            "effect_from": _last_run(lr_curve.score[::-1], (lr_curve.low >= value)[::-1]),
            "no_effect_to": _last_run(lr_curve.score, lr_curve.high <= 1 / value),
        }
        for name, value in odds.items()
    ]


def write(
    kinds: dict[str, pd.DataFrame],
    refused: dict[str, str],
    by_size: bool,
    prior: float,
    seed: int,
    out_dir: Path,
    draws: int = DRAWS,
) -> dict:
    """Write local_lr.json and local_lr.tsv for the labelled alleles of each class of variant;
    return the content of the JSON file.

    kinds: tables with contig_index, pos, label and llr (nats, finite); refused: the reason why a
    class has no table. Posteriors are computed with the prior.
    """
    odds, about, reached, rows = strengths(prior), [], [], []
    for kind, table in kinds.items():
        label = table["label"].to_numpy()
        lr_curve = curve(
            label,
            effect_score(table["llr"].to_numpy(np.float64), by_size),
            megabases(table),
            seed,
            draws,
        )
        about.append(
            {
                "kind": kind,
                "n_effect": int((label == 1).sum()),
                "n_none": int((label == 0).sum()),
                "window": window_size(len(label)),
                "intervals": lr_curve.mode,
            }
        )
        reached += [{"kind": kind, **one} for one in thresholds(lr_curve, odds)]
        rows += _rows(kind, lr_curve, prior)
    content = tables.plain(
        {
            "use": USE,
            "score": "|LLR|" if by_size else "-LLR",
            "prior": prior,
            "draws": draws,
            "kinds": about,
            "refused": refused,
            "thresholds": reached,
            "curve": rows,
        }
    )
    tables.write_json(out_dir / JSON_FILE, content)
    tables.write_tsv(out_dir / TSV_FILE, rows, f"{USE}; prior {prior:g}")
    return content


def _rows(kind: str, lr_curve: Curve, prior: float) -> list[dict]:
    columns = {
        "score": lr_curve.score,
        "half_width": lr_curve.half_width,
        "n": lr_curve.n,
        "n_effect": lr_curve.n_effect,
    }
    for name, lr in (("", lr_curve.lr), ("_low", lr_curve.low), ("_high", lr_curve.high)):
        columns |= {f"lr{name}": lr, f"posterior{name}": posterior(lr, prior)}
    return [
        {"kind": kind, **{name: values[i] for name, values in columns.items()}}
        for i in range(len(lr_curve.score))
    ]


def posterior(lr: np.ndarray, prior: float) -> np.ndarray:
    """Probability of an effect at a likelihood ratio and a prior; 1 where the ratio is infinite."""
    return 1 / (1 + (1 - prior) / prior / np.where(lr > 0, lr, 1)) * (lr > 0)


class _Counts:
    """Weighted counts of both labels in windows over sorted alleles."""

    def __init__(self, label: np.ndarray, first: np.ndarray, end: np.ndarray):
        self._label, self._first, self._end = label, first, end

    def of(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The counts with an effect and those without, float64 (q,) each."""
        sums = (
            np.concatenate([[0.0], np.cumsum(weights * in_group)])
            for in_group in (self._label, ~self._label)
        )
        with_effect, without = (total[self._end] - total[self._first] for total in sums)
        return with_effect, without


def _windows(
    score: np.ndarray, centre: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half width, first row and end of the narrowest window around each centre that contains at
    least `size` of the sorted scores."""
    half_width, first, end = (
        np.empty(len(centre)),
        np.empty(len(centre), int),
        np.empty(len(centre), int),
    )
    for i, at in enumerate(centre):
        distance = np.abs(score - at)
        half_width[i] = np.partition(distance, size - 1)[size - 1]
        inside = distance <= half_width[i]
        first[i] = inside.argmax()
        end[i] = first[i] + inside.sum()
    return half_width, first, end


def _thinned(distinct: np.ndarray) -> np.ndarray:
    return distinct[
        np.unique(
            np.linspace(0, len(distinct) - 1, min(len(distinct), CENTRES)).round().astype(int)
        )
    ]


def _ratio(effect: np.ndarray, none: np.ndarray, all_effect: float, all_none: float) -> np.ndarray:
    """Likelihood ratio of windows; NaN for an empty window or where a label was never drawn."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(effect, all_effect) / np.divide(none, all_none)


def _odds(share: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return share / (1 - share)


def _last_run(score: np.ndarray, holds: np.ndarray) -> float | None:
    """The score at the end of the unbroken run of true values that begins with the first value;
    None without such a run."""
    n = int(np.cumprod(holds).sum())
    return float(score[n - 1]) if n else None
