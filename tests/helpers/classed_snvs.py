"""SNVs with letters, copy classes and GC of their own, as the percentile takes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfmtrust.calibration.background_classes import background_class_keys
from gfmtrust.calibration.percentile import Alleles
from gfmtrust.core.alphabet import encode
from gfmtrust.inputs.sites import place_key

COPIES = ("near_copy", "repeat_family", "single_copy")


def alleles_of(ref, alt, left, right, llr=None, first=0, copy="single_copy", gc=0.5) -> Alleles:
    """SNVs from texts of letters, one a site from `first` on."""
    codes = [encode(text).astype(np.int64) for text in (ref, alt, left, right)]
    n = len(ref)
    features = pd.DataFrame(
        {"gc": np.broadcast_to(gc, n), "copy_class": np.broadcast_to(np.array(copy, object), n)}
    )
    parts = background_class_keys(features, *codes)
    values = np.zeros(n) if llr is None else np.asarray(llr, dtype=np.float64)
    return Alleles(parts, place_key(np.zeros(n), first + np.arange(n)), *codes[:2], values)


def same_context(llr, first=0, **changed) -> Alleles:
    """SNVs of one class."""
    n = len(llr)
    return alleles_of("C" * n, "T" * n, "A" * n, "A" * n, llr, first, **changed)


def random_alleles(rng, n, first=0, llr=None) -> Alleles:
    """SNVs with letters, copy classes and GC at random."""
    letters = rng.integers(0, 4, (4, n))
    letters[1] = (letters[0] + 1 + rng.integers(0, 3, n)) % 4
    texts = ["".join("ACGT"[code] for code in row) for row in letters]
    values = rng.normal(size=n) if llr is None else llr
    copy = rng.choice(np.array(COPIES, object), n, p=[0.1, 0.3, 0.6])
    return alleles_of(*texts, values, first, copy, rng.random(n))
