"""Strata: the classes that a guarantee may be split by, region class and, for insertions and
deletions, length.

`certificates.cells` decides which strata have enough probes for a separate certificate and which
share one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LENGTHS = (1, 2, 6)
"""First length of each bin, bp: 1, 2 to 5, 6 and more. About half of germline indels are of one
base and most others of two to five (Mills et al. 2006); a run draws at most 4,000 deletion probes,
a quarter of which decides on a level, so that a fourth bin would never fill."""


def strata(features: pd.DataFrame, lengths: tuple[int, ...]) -> np.ndarray:
    """Stratum of each allele, object (n,): its region class, followed by a slash and its bin of
    length where `lengths` (the first bp of each bin) is not empty.

    features: region_class and, for bins, length (bp, at least the first bin's). Raises ValueError
    where length is missing.
    """
    region_class = features["region_class"].to_numpy(dtype=object)
    if not lengths:
        return region_class
    if "length" not in features:
        raise ValueError(
            f"features: column length is missing; expected it for the bins from {lengths} bp on"
        )
    names = np.array(bin_names(lengths), dtype=object)
    place = np.searchsorted(lengths, features["length"].to_numpy(np.int64), side="right") - 1
    return (region_class + "/" + names[np.maximum(place, 0)]).astype(object)


def bin_names(lengths: tuple[int, ...]) -> list[str]:
    """Names of the bins that begin at these lengths: 1bp, 2-5bp, over_5bp."""
    ends = [follower - 1 for follower in lengths[1:]]
    return [
        f"{first}bp" if first == last else f"{first}-{last}bp"
        for first, last in zip(lengths, ends, strict=False)
    ] + [f"over_{lengths[-1] - 1}bp"]
