"""Local likelihood ratios in the ClinGen manner: how many times as likely a score is with an effect
as without, at every labelled score.

A window slides over the labelled scores; its bounds come from a bootstrap, and where labels of one
kind run out from the window's own counts. A table and the scores beyond which the bounds reach the
published strengths of evidence: research use, never an ACMG call. Source: Pejaver et al. 2022
(windows, bounds, prior); Tavtigian et al. 2018 (odds of the strengths); docs/understand/reliability.md,
"Labels".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration.calls import effect_score
from gfmtrust.calibration.label_calibration import blocks_of
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.resampling import Blocks
from gfmtrust.io import tables

USE = "research use only; not ACMG evidence"
PRIOR = 0.0441
"""Share of pathogenic alleles among rare missense variants of genes of monogenic disease. Source:
Pejaver et al. 2022."""
LEAST, SHARE = 100, 0.03
"""Labelled alleles of a window: 100, or 3 % of all where that is more."""
CENTRES = 500
"""Scores at most at which a window is looked at: every n-th distinct one where there are more."""
DRAWS = 10_000
DELTA = 0.05
EXPONENTS = {"supporting": 1 / 8, "moderate": 1 / 4, "strong": 1 / 2, "very_strong": 1.0}
"""Power of the odds of very strong evidence that each strength has. Source: Tavtigian et al.
2018."""
LIKELY_POSTERIOR = 0.8995
"""Posterior of 'likely pathogenic', 0.900 to three digits as Pejaver et al. reckon, which the
weakest combinations of evidence for it must reach: one strong and two supporting ones, say, or
three moderate ones; all of them have the power 3/4 of very strong evidence."""
JSON_FILE, TSV_FILE = "local_lr.json", "local_lr.tsv"


@dataclass(frozen=True)
class Curve:
    """At q scores, ascending: half the width of the window, its labelled alleles and those of label
    1 among them, its likelihood ratio, and one-sided 95 % bounds of that, each for itself. Arrays
    (q,); infinite where a window holds no allele without an effect. mode: what the bootstrap drew,
    see `resampling`.
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
    """Odds that evidence of each strength needs at a prior, weakest first; 1,124 is very strong at
    0.0441, as published.

    Very strong is the smallest whole number whose power 3/4, times the odds of the prior, has
    LIKELY_POSTERIOR. Raises UsageError (64) for a prior that is not between 0 and 1, or so high
    that no evidence is needed.
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

    A window is centred on its score and the narrowest that holds enough alleles, ties included.
    Whole blocks are drawn, or alleles where there are too few; windows stay where they are. A bound
    is the less favourable of the bootstrap's and of Clopper-Pearson's from the window's own counts,
    as a bootstrap never draws a label that the window does not hold.
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
    """Alleles that a window over n labelled ones holds at least."""
    return max(LEAST, int(np.ceil(SHARE * n - 1e-9)))


def thresholds(found: Curve, odds: dict[str, float]) -> list[dict]:
    """For each strength: from which score on all lower bounds reach its odds, and up to which score
    all upper bounds lie at or below their inverse; None where none does."""
    return [
        {
            "strength": name,
            "odds": value,
            "effect_from": _last_run(found.score[::-1], (found.low >= value)[::-1]),
            "no_effect_to": _last_run(found.score, found.high <= 1 / value),
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
    returns the content of the former.

    kinds: tables with contig_index, pos, label and llr (nats, finite); refused: why a class has
    none. Posteriors are at the prior.
    """
    odds, about, reached, rows = strengths(prior), [], [], []
    for kind, table in kinds.items():
        label = table["label"].to_numpy()
        found = curve(
            label,
            effect_score(table["llr"].to_numpy(np.float64), by_size),
            blocks_of(table),
            seed,
            draws,
        )
        about.append(
            {
                "kind": kind,
                "n_effect": int((label == 1).sum()),
                "n_none": int((label == 0).sum()),
                "window": window_size(len(label)),
                "intervals": found.mode,
            }
        )
        reached += [{"kind": kind, **one} for one in thresholds(found, odds)]
        rows += _rows(kind, found, prior)
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


def _rows(kind: str, found: Curve, prior: float) -> list[dict]:
    columns = {
        "score": found.score,
        "half_width": found.half_width,
        "n": found.n,
        "n_effect": found.n_effect,
    }
    for name, lr in (("", found.lr), ("_low", found.low), ("_high", found.high)):
        columns |= {f"lr{name}": lr, f"posterior{name}": posterior(lr, prior)}
    return [
        {"kind": kind, **{name: values[i] for name, values in columns.items()}}
        for i in range(len(found.score))
    ]


def posterior(lr: np.ndarray, prior: float) -> np.ndarray:
    """Probability of an effect at a likelihood ratio and a prior; 1 where the ratio is infinite."""
    return 1 / (1 + (1 - prior) / prior / np.where(lr > 0, lr, 1)) * (lr > 0)


class _Counts:
    """Weighted counts of both labels in windows of sorted alleles."""

    def __init__(self, label: np.ndarray, first: np.ndarray, end: np.ndarray):
        self._label, self._first, self._end = label, first, end

    def of(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """With an effect and without, float64 (q,) each."""
        sums = (
            np.concatenate([[0.0], np.cumsum(weights * mine)])
            for mine in (self._label, ~self._label)
        )
        with_effect, without = (total[self._end] - total[self._first] for total in sums)
        return with_effect, without


def _windows(
    score: np.ndarray, centre: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half width, first row and end of the narrowest window round each centre with at least `size`
    of the sorted scores."""
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
    """The score at which an unbroken run of true that begins with the first one ends; None without
    one."""
    n = int(np.cumprod(holds).sum())
    return float(score[n - 1]) if n else None
