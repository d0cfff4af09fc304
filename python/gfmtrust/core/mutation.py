"""The mutation class of a substitution: what the certificates never pool over.

Source: the loss of a model differs most between transitions at CpG sites, which methylation makes
frequent, and all other substitutions (Hodgkinson and Eyre-Walker 2011, doi:10.1038/nrg3098).
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core.alphabet import BASES

CPG, TRANSITION, TRANSVERSION = "cpg", "transition", "transversion"
MUTATION_CLASSES = (CPG, TRANSITION, TRANSVERSION)

_C, _G = BASES.index("C"), BASES.index("G")


def mutation_class(
    one: np.ndarray, other: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Mutation class of each substitution, object (n,).

    one, other: codes of the two alleles, left, right: of the letters beside the site; (n,) each.
    `cpg`: either allele makes a CpG with its neighbours. No class changes when the two alleles, or
    the two strands, trade places.
    """
    one, other = np.asarray(one, np.int64), np.asarray(other, np.int64)
    is_c = (one == _C) | (other == _C)
    is_g = (one == _G) | (other == _G)
    is_cpg = (is_c & (np.asarray(right) == _G)) | (is_g & (np.asarray(left) == _C))
    is_transition = np.abs(one - other) == 2  # A, C, G, T are 0..3: A-G and C-T differ by two
    names = np.array([TRANSVERSION, TRANSITION, CPG], dtype=object)
    return names[np.where(is_cpg, 2, is_transition.astype(np.int64))]
