"""The copy class of a site: the classes of certificate cells that replace `unique` and
`soft_masked`.

A site whose flanks contain N or extend beyond the contig has no count of copies. It gets the class
`repeat_family`, because `single_copy` would claim what was not examined.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.vocabulary import CopyClass


def copy_class(
    copies: np.ndarray, repeat_family: np.ndarray, soft_masked: np.ndarray
) -> np.ndarray:
    """Return the class of each site, object (n,). copies: number of near copies, -1 where the
    flanks are incomplete; repeat_family, soft_masked: bool (n,)."""
    copies = np.asarray(copies)
    repeated = np.asarray(repeat_family, bool) | np.asarray(soft_masked, bool) | (copies < 0)
    classes = np.full(len(copies), CopyClass.SINGLE_COPY.value, dtype=object)
    classes[repeated] = CopyClass.REPEAT_FAMILY.value
    classes[copies >= 1] = CopyClass.NEAR_COPY.value
    return classes
