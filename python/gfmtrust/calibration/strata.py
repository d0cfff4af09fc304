"""Strata: the classes of alleles that a guarantee is never pooled over.

The copy class of the site, the mutation class of an SNV and the length of an insertion or deletion;
in front of them the user's BED file, where it holds enough SNVs to be a class. Which strata share a
certificate is decided in `certificates.cells`: alleles of different BED files may, transitions may
with transversions where a test finds no difference, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.core.mutation import TRANSITION, TRANSVERSION
from gfmtrust.core.vocabulary import CopyClass

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = (1, 2, 6)
"""First length of each bin, bp: 1, 2 to 5, 6 and more. About half of germline indels are of one
base and most others of two to five (Mills et al. 2006); a run draws at most 4,000 deletion probes,
a quarter of which decides on a level, so that a fourth bin would never fill."""

OTHER = "substitution"
"""The mutation class of transitions and transversions where they share a certificate."""


def strata(features: pd.DataFrame, lengths: tuple[int, ...]) -> np.ndarray:
    """Stratum of each allele, object (n,), e.g. `single_copy/cpg`, `exons:near_copy/transversion`
    or `single_copy/2-5bp`; '' where a class of the site is missing, which no certificate covers.

    features: copy_class, region_class and, for SNVs, mutation_class (None for others); for the bins
    that begin at `lengths`, length (bp, at least the first bin's). Raises ValueError where the
    latter is missing.
    """
    region, copy = (
        features[name].fillna("").to_numpy(dtype=object) for name in ("region_class", "copy_class")
    )
    names = _cell_names(features, copy, lengths)
    in_bed = region != copy
    names[in_bed] = region[in_bed] + ":" + names[in_bed]
    names[(region == "") | (copy == "")] = ""
    return names


def pooled(stratum: np.ndarray) -> np.ndarray:
    """The stratum without its BED file, object (n,): the widest class that a certificate is pooled
    over."""
    return np.array([cell_of(name) for name in stratum], dtype=object)


def cell_of(stratum: str) -> str:
    """One stratum without its BED file."""
    return stratum.rpartition(":")[2]


def in_one(features: pd.DataFrame) -> pd.DataFrame:
    """The features with every allele in one stratum, that of single copies. Negative controls are
    judged so: the few hundred probes of a control cannot certify several cells, and what a control
    must not know does not depend on the class."""
    return features.assign(
        region_class=CopyClass.SINGLE_COPY.value,
        copy_class=CopyClass.SINGLE_COPY.value,
        mutation_class=None,
        paralog=False,
    )


def joined(stratum: np.ndarray) -> np.ndarray:
    """The pooled strata with transitions and transversions in one, object (n,)."""
    return np.array(
        [
            f"{copy}/{OTHER}" if rest in (TRANSITION, TRANSVERSION) else name
            for name in pooled(stratum)
            for copy, _, rest in [name.partition("/")]
        ],
        dtype=object,
    )


def _cell_names(features: pd.DataFrame, copy: np.ndarray, lengths: tuple[int, ...]) -> np.ndarray:
    if not lengths:
        # of very many alleles: there are few names, and joining text for each allele is slow
        import pandas as pd

        copy_index, copy_names = pd.factorize(copy)
        mutation_index, mutations = pd.factorize(features["mutation_class"].to_numpy(dtype=object))
        joined_names = np.array(
            [[name, *(f"{name}/{mutation}" for mutation in mutations)] for name in copy_names],
            dtype=object,
        ).reshape(len(copy_names), 1 + len(mutations))
        return joined_names[copy_index, mutation_index + 1]
    if "length" not in features:
        raise ValueError(
            f"features: column length is missing; expected it for the bins from {lengths} bp on"
        )
    bins = np.array(bin_names(lengths), dtype=object)
    place = np.searchsorted(lengths, features["length"].to_numpy(np.int64), side="right") - 1
    return (copy + "/" + bins[np.maximum(place, 0)]).astype(object)


def bin_names(lengths: tuple[int, ...]) -> list[str]:
    """Names of the bins that begin at these lengths: 1bp, 2-5bp, over_5bp."""
    ends = [follower - 1 for follower in lengths[1:]]
    return [
        f"{first}bp" if first == last else f"{first}-{last}bp"
        for first, last in zip(lengths, ends, strict=False)
    ] + [f"over_{lengths[-1] - 1}bp"]
