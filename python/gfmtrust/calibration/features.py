"""The features a flag is decided on, of any alleles at scored sites: the same function for probes,
variants and region bases.

Local surprisal is the context model's throughout: probes are matched to the run by it before any
other model has run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.core.alphabet import encode
from gfmtrust.core.measures import (
    allele_measures,
    likelihood_measures,
    mean_distribution,
    surprisal,
    view_llr,
)
from gfmtrust.core.vocabulary import STATUS_ORDER, Status


def features(
    block: SiteBlock, ensemble: Ensemble, rows: np.ndarray, ref: np.ndarray, alt: np.ndarray
) -> pd.DataFrame:
    """One row an allele: its measures and what is known of its site.

    rows: (n,) rows of the block; ref, alt: (n,) codes 0..3. Measures are NaN where the site was not
    scored.
    """
    measured = allele_measures(
        block.probs[rows],
        block.weights[rows],
        ensemble.view_models,
        ensemble.view_strands,
        ref,
        alt,
        ensemble.view_equivariant,
        ensemble.view_told,
    )
    site = block.site.iloc[rows]
    return pd.DataFrame(
        {
            **measured,
            "local_surprisal": block.context_surprisal[rows],
            "gain": block.gain[rows],
            "gc": site["gc"].to_numpy(np.float64),
            "soft_masked": site["soft_masked"].to_numpy(bool),
            "n_share": block.n_share[rows].astype(np.float64),
            "near_edge": block.pad_share[rows] > 0,
            "region_class": site["region_class"].to_numpy(object),
        }
    )


SITE_MEANS = (
    "ent",
    "dis",
    "dis_between",
    "dis_strand",
    "dis_shift",
    "dis_within",
    "strand_jsd",
    "local_surprisal",
    "gain",
    "gc",
    "n_share",
)
"""Measures of a variant that are the mean over its sites."""


def variant_features(block: SiteBlock, ensemble: Ensemble) -> pd.DataFrame:
    """One row a variant of a shard of variants: the columns of `features` with `variant` (its id),
    `length` (bp) and `status`.

    LLRs are the sum over the sites of a substitution, each with the others as in the genome, or the
    haplotypes' own, which a model of whole tokens has of every variant; entropy, disagreement, gain
    and the rest of SITE_MEANS are means over the sites; region class is the first site's. NaN where
    a status is not SCORED.
    """
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
    own = block.llr[first].astype(np.float64)
    status = _worst(block, first)
    llrs = np.where(same_length[first][:, None] & (ensemble.view_told | np.isnan(own)), sums, own)
    llrs[status != Status.SCORED] = np.nan
    n_sites = np.diff(first, append=len(rows))
    means = {
        name: np.add.reduceat(sites[name].to_numpy(np.float64), first) / n_sites
        for name in SITE_MEANS
    }
    made = sites.iloc[first].reset_index(drop=True).assign(**means)
    told = likelihood_measures(
        llrs, ensemble.view_models, ensemble.view_strands, ensemble.view_equivariant
    )
    lengths = [max(len(ref[row]), len(alt[row])) for row in first]
    near_edge = np.logical_or.reduceat(sites["near_edge"].to_numpy(bool), first)
    return made.assign(
        **told,
        variant=rows["variant"].to_numpy()[first],
        length=lengths,
        near_edge=near_edge,
        status=status,
    )


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
    known = (base < 4) & (weights.sum(axis=1) > 0)
    bits = surprisal(mean_distribution(probs, weights), np.where(known, base, 0).astype(np.int64))
    return np.where(known, bits, np.nan)
