"""The decoy ladder: where does a model's knowledge end?

The same probe sites against ever harder decoys: any other letter, the transition, and the letter
that stands at the nearest diverged copy of the site. A model that knows only how its genome is
composed falls at the second rung, one that knows the family of a repeat and not the copy at the
third. It describes and decides on nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.calibration.ensemble import SiteBlock
from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.base import entry
from gfmtrust.core.measures import llr, view_llr
from gfmtrust.core.vocabulary import CopyClass
from gfmtrust.planning.shards import PROBE

ANY, TRANSITION, COPY = "any letter", "transition", "nearest diverged copy"
RUNGS = (ANY, TRANSITION, COPY)


@dataclass(frozen=True)
class LadderRow:
    """One rung in one copy class."""

    copy_class: str = entry("copy class of the sites")
    rung: str = entry("the decoy: 'any letter', 'transition' or 'nearest diverged copy'")
    n: int = entry("sites with such a decoy that were scored")
    error: float = entry("mean share of decoys that are preferred to the genome's letter, or tie")
    low: float = entry("two-sided 95 % Clopper-Pearson interval, lower end")
    high: float = entry("its upper end")


class Ladder:
    """Gathers the rungs from the probe sites of every shard; each site counts once."""

    def __init__(self) -> None:
        self._sites: dict[tuple[str, str], int] = {}
        self._thirds: dict[tuple[str, str], int] = {}

    def add(self, block: SiteBlock) -> None:
        rows = np.flatnonzero(
            (block.site["use"].to_numpy() & PROBE > 0)
            & (block.site["base"].to_numpy() < 4)
            & (block.status == "")
        )
        if not len(rows):
            return
        base = block.site["base"].to_numpy(np.int64)[rows]
        copy = block.site["copy_class"].to_numpy(object)[rows]
        diverged = block.site["diverged_base"].to_numpy(np.int64)[rows]
        wrong = np.stack(
            [_wrong(block, rows, base, (base + step) % 4) for step in (1, 2, 3)], axis=1
        )
        at_copy = np.flatnonzero((diverged >= 0) & (diverged != base))
        decoy = diverged[at_copy]
        by_rung = {
            ANY: (np.arange(len(rows)), wrong.mean(axis=1)),
            TRANSITION: (np.arange(len(rows)), wrong[:, 1]),  # two steps on is the transition
            COPY: (at_copy, wrong[at_copy, (decoy - base[at_copy]) % 4 - 1]),
        }
        for rung, (sites, errors) in by_rung.items():
            answered = np.isfinite(errors)
            for name in CopyClass:
                of_class = answered & (copy[sites] == name)
                key = (name.value, rung)
                self._sites[key] = self._sites.get(key, 0) + int(of_class.sum())
                # an error against any letter is a number of thirds, and whole numbers have one sum
                thirds = int(np.rint(3 * errors[of_class]).sum())
                self._thirds[key] = self._thirds.get(key, 0) + thirds

    def rows(self) -> tuple[LadderRow, ...]:
        """A row per copy class and rung that has a site. The interval takes each site as one
        trial."""
        rows = []
        for name in CopyClass:
            for rung in RUNGS:
                n = self._sites.get((name.value, rung), 0)
                if not n:
                    continue
                errors = self._thirds[name.value, rung] / 3
                low, high = lower_bound(errors, n, 0.025), upper_bound(errors, n, 0.025)
                rows.append(
                    LadderRow(name.value, rung, int(n), errors / n, float(low), float(high))
                )
        return tuple(rows)


def _wrong(block: SiteBlock, rows: np.ndarray, base: np.ndarray, decoy: np.ndarray) -> np.ndarray:
    """1 where the decoy is preferred or ties, 0 where the base is, NaN without an answer, float64
    (n,)."""
    ratio = llr(view_llr(block.probs[rows], base, decoy), block.weights[rows])
    return np.where(np.isfinite(ratio), (~(ratio < 0)).astype(np.float64), np.nan)
