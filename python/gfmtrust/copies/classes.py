"""The copy class of a site: the classes of certificate cells that replace `unique` and
`soft_masked`.

A site whose flanks hold N or reach beyond the end of the contig has no count of copies. It gets the
class `repeat_family`, because `single_copy` would promise what nobody has looked at.
"""

from __future__ import annotations

import numpy as np

NEAR_COPY = "near_copy"
REPEAT_FAMILY = "repeat_family"
SINGLE_COPY = "single_copy"
COPY_CLASSES = (SINGLE_COPY, REPEAT_FAMILY, NEAR_COPY)


def copy_class(
    copies: np.ndarray, repeat_family: np.ndarray, soft_masked: np.ndarray
) -> np.ndarray:
    """The class of each site, object (n,). copies: number of near copies, -1 where the flanks are
    incomplete; repeat_family, soft_masked: bool (n,)."""
    copies = np.asarray(copies)
    repeated = np.asarray(repeat_family, bool) | np.asarray(soft_masked, bool) | (copies < 0)
    classes = np.full(len(copies), SINGLE_COPY, dtype=object)
    classes[repeated] = REPEAT_FAMILY
    classes[copies >= 1] = NEAR_COPY
    return classes
