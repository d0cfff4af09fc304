"""The facts of the copy index for each row of a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.copies.classes import copy_class
from gfmtrust.copies.index import CopyIndex


@dataclass(frozen=True)
class CopyFacts:
    """The copy index of the plan's sites."""

    index: CopyIndex

    def columns(
        self, contig_index: np.ndarray, pos: np.ndarray, span: np.ndarray, soft_masked: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the columns copies, copy_bases, diverged_base and copy_class of n sites that are
        in the index. span: the number of letters between the flanks, 1 for a base."""
        rows = self.index.lookup(contig_index, pos, span)
        return {
            "copies": rows.copies,
            "copy_bases": rows.copy_bases,
            "diverged_base": rows.diverged_base,
            "copy_class": copy_class(rows.copies, rows.repeat_family, soft_masked),
        }
