"""The features that a flag is decided by, for any alleles at scored sites. Probes, variants and
region bases use the same function.

Local surprisal is always that of the context model, because probes are matched to the run by it
before any other model has run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.caps import column
from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.core.alphabet import encode
from gfmtrust.core.columns import column_of
from gfmtrust.core.measures import (
    FUNCTIONS,
    allele_measures,
    likelihood_measures,
    mean_distribution,
    surprisal,
    view_llr,
)
from gfmtrust.core.mutation import mutation_class
from gfmtrust.core.views import Views
from gfmtrust.core.vocabulary import STATUS_ORDER, Status

if TYPE_CHECKING:
    import pandas as pd

SITE_FACTS: dict[str, Callable[[SiteBlock, np.ndarray], np.ndarray]] = {
    "local_surprisal": lambda block, rows: block.context_surprisal[rows],
    "gain": lambda block, rows: block.gain[rows],
    "gc": lambda block, rows: block.site["gc"].to_numpy(np.float64)[rows],
    "soft_masked": lambda block, rows: block.site["soft_masked"].to_numpy(bool)[rows],
    "n_share": lambda block, rows: block.n_share[rows].astype(np.float64),
    "near_edge": lambda block, rows: block.pad_share[rows] > 0,
    "copies": lambda block, rows: block.site["copies"].to_numpy(np.int16)[rows],
    "copy_class": lambda block, rows: block.site["copy_class"].to_numpy(object)[rows],
    "region_class": lambda block, rows: block.site["region_class"].to_numpy(object)[rows],
}
"""Facts about the sites in rows (n,) of a block that do not depend on the allele, by the name of
their column."""

ALLELE_FACTS = ("mutation_class", "paralog")
"""What is known of a substitution from the letters of the genome alone."""

FEATURE_NAMES = (*(name for names in FUNCTIONS for name in names), *SITE_FACTS, *ALLELE_FACTS)
"""The columns of `features`, in order."""


def features(
    block: SiteBlock, ensemble: Ensemble, rows: np.ndarray, ref: np.ndarray, alt: np.ndarray
) -> pd.DataFrame:
    """One row per allele: its measures, SITE_FACTS and ALLELE_FACTS.

    rows: (n,) rows of the block; ref, alt: (n,) codes 0..3. Measures are NaN where the site was not
    scored.
    """
    import pandas as pd

    measures = allele_measures(block.probs[rows], block.weights[rows], ref, alt, views_of(ensemble))
    left, right, copy_bases = (
        block.site[name].to_numpy()[rows] for name in ("left", "right", "copy_bases")
    )
    of_alleles = {
        "mutation_class": mutation_class(ref, alt, left, right),
        "paralog": (copy_bases.astype(np.int64) >> np.asarray(alt, np.int64)) & 1 > 0,
    }
    of_sites = {name: fact(block, rows) for name, fact in SITE_FACTS.items()}
    return pd.DataFrame(measures | of_sites | of_alleles)


def own_surprisal(features: pd.DataFrame) -> np.ndarray:
    """Local surprisal of the voting models near each site, bits, float64 (n,): the context model's
    less the gain over it. Where there is no gain, the context model is the only model, or the
    models have no distributions, and its surprisal stands for theirs."""
    local, gain = column(features, "local_surprisal"), column(features, "gain")
    return np.where(np.isfinite(gain), local - gain, local)


def views_of(ensemble: Ensemble) -> Views:
    """The views of an ensemble as the measures take them."""
    return Views(
        ensemble.view_models,
        ensemble.view_strands,
        ensemble.view_equivariant,
        ensemble.view_has_distribution,
    )


def variant_features(block: SiteBlock, ensemble: Ensemble) -> pd.DataFrame:
    """One row per variant of a shard of variants: the columns of `features` with `variant` (its
    id), `length` (bp) and `status`. An SNV that is written with further letters has all of them as
    it has where it is written plainly; other variants have no mutation class.

    The LLR of a substitution is the sum over its sites, each scored with the other sites as in the
    genome. The LLR of other variants is that between the haplotypes; a model of whole tokens gives
    it for every variant. The other columns are averaged over the sites as their entries in
    `columns` say. All are NaN where the status is not SCORED.
    """
    import pandas as pd

    rows = block.site.reset_index(drop=True)
    first = np.flatnonzero(np.diff(rows["variant"].to_numpy(), prepend=-1))
    ref, alt, start = (rows[name].to_numpy() for name in ("ref", "alt", "start"))
    same_length = np.array(
        [len(one) == len(other) for one, other in zip(ref, alt, strict=True)], dtype=bool
    )
    at = np.where(same_length, rows["pos"].to_numpy() - start, 0)
    letter = [
        (one[i], other[i]) if same else "AC"
        for one, other, i, same in zip(ref, alt, at, same_length, strict=True)
    ]
    codes = encode("".join("".join(pair) for pair in letter)).astype(np.int64).reshape(-1, 2)
    sites = features(block, ensemble, np.arange(len(rows)), codes[:, 0], codes[:, 1])
    sums = np.add.reduceat(view_llr(block.probs, codes[:, 0], codes[:, 1]), first)
    of_haplotypes = block.llr[first].astype(np.float64)
    status = _worst(block, first)
    llrs = np.where(
        same_length[first][:, None] & (ensemble.view_has_distribution | np.isnan(of_haplotypes)),
        sums,
        of_haplotypes,
    )
    llrs[status != Status.SCORED] = np.nan
    of_llrs = likelihood_measures(llrs, views_of(ensemble))
    # a table of single alleles may have a score at the site and none of this ALT
    status[(status == Status.SCORED) & np.isnan(of_llrs["llr"])] = Status.UNSUPPORTED
    lengths = np.array([max(len(ref[row]), len(alt[row])) for row in first], np.int64)
    is_snv = same_length[first] & (lengths == 1)
    of_first = sites.iloc[first]
    classes = np.where(is_snv, of_first["mutation_class"].to_numpy(object), None)
    return over_sites(sites, first).assign(
        **of_llrs,
        mutation_class=pd.Series(classes, dtype=object),  # text alone would make None a NaN
        paralog=is_snv & of_first["paralog"].to_numpy(bool),
        variant=rows["variant"].to_numpy()[first],
        length=lengths,
        status=status,
    )


def over_sites(sites: pd.DataFrame, first: np.ndarray) -> pd.DataFrame:
    """The features of variants from those of their sites, one row per variant, averaged by
    `over_sites` of each column. A column that follows from the variant's LLRs has the value of the
    first site. first: (n,) the first row of each variant."""
    n_sites = np.diff(first, append=len(sites))
    values: dict[str, np.ndarray] = {}
    for name in sites:
        how = column_of(str(name)).over_sites
        if how == "mean":
            values[name] = np.add.reduceat(sites[name].to_numpy(np.float64), first) / n_sites
        elif how == "any":
            values[name] = np.logical_or.reduceat(sites[name].to_numpy(bool), first)
    return sites.iloc[first].reset_index(drop=True).assign(**values)


def _worst(block: SiteBlock, first: np.ndarray) -> np.ndarray:
    """Status of each variant: SCORED, or the first in order of precedence of its sites and of its
    haplotypes."""
    order = {
        "": len(STATUS_ORDER) - 1,
        **{status.value: i for i, status in enumerate(STATUS_ORDER)},
    }
    rank = np.array(
        [
            min(order[str(one)], order[str(other)])
            for one, other in zip(block.status, block.variant_status, strict=True)
        ]
    )
    return np.array([STATUS_ORDER[i] for i in np.minimum.reduceat(rank, first)], dtype=object)


def surprisal_of(probs: np.ndarray, weights: np.ndarray, base: np.ndarray) -> np.ndarray:
    """-log2 of the weighted mean probability of the genome's base, bits, float64 (n,); NaN where no
    view voted.

    probs: (n, V, 4), weights: (n, V), base: codes (n,), 4 and above give NaN.
    """
    has_bits = (base < 4) & (weights.sum(axis=1) > 0)
    codes = np.where(has_bits, base, 0).astype(np.int64)
    return np.where(has_bits, surprisal(mean_distribution(probs, weights), codes), np.nan)
