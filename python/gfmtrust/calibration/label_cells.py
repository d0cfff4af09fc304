"""Labelled alleles as a certificate sees them, and the cells that have a certificate each.

The cells are those of decoys: copy class and mutation class are never pooled. What differs is that
labels are few and counted by label. Source: docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.calibration.homogeneity import err_alike
from gfmtrust.calibration.strata import joined, pooled

MIN_CELL_LABELS = 250
"""Alleles of each label in the certification splits from which transitions and transversions have a
certificate of their own: about as many of a label as MEDIUM needs for a model of AUROC .8."""


@dataclass(frozen=True)
class Calls:
    """Calls of labelled alleles, arrays of one length. effect: the label is 1; call: the model calls
    an effect; stratum: see `strata`; block: of the genome, int; own_surprisal: of the voting models
    near the site, bits."""

    reliability: np.ndarray
    effect: np.ndarray
    call: np.ndarray
    stratum: np.ndarray
    block: np.ndarray
    own_surprisal: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Does the call differ from the label? bool (n,)."""
        return self.call != self.effect

    def of(self, keep: np.ndarray) -> Calls:
        return Calls(
            self.reliability[keep],
            self.effect[keep],
            self.call[keep],
            self.stratum[keep],
            self.block[keep],
            self.own_surprisal[keep],
        )


def cells(calls: Calls, counted: np.ndarray, in_fit: np.ndarray) -> list[np.ndarray]:
    """Split labelled alleles into the cells that have a certificate each, bool masks (n,) in order of
    name.

    One cell per copy class and mutation class, over all BED files. Transitions and transversions of
    one copy class share a cell where either has fewer than 250 `counted` alleles (bool (n,)) of a
    label and their errors on the fit split (`in_fit`) do not differ among the alleles of either
    label. CpG is never pooled with them.
    """
    wide, widest = pooled(calls.stratum), joined(calls.stratum)
    label_cells = []
    for name in sorted(set(widest)):
        together = widest == name
        parts = [together & (wide == part) for part in sorted(set(wide[together]))]
        few = any(
            (part & counted & (calls.effect == label)).sum() < MIN_CELL_LABELS
            for part in parts
            for label in (True, False)
        )
        alike = False
        if few and len(parts) == 2:
            one, other = (part & in_fit for part in parts)
            alike = err_alike(calls.wrong, one, other, (calls.effect, ~calls.effect))
        label_cells += [together] if alike else parts
    return label_cells
