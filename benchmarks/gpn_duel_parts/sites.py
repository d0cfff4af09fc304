"""The variants that both sides score."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

from gfmtrust.core.alphabet import BASES
from gpn_duel_parts.messages import stop


def read_sites(vcf: Path, n_sites: int) -> pd.DataFrame:
    """The first n_sites distinct SNV positions of a VCF: chrom, pos (1-based, as the peer reads
    it), ref, and the alt of the first record there."""
    letters = set(BASES)
    with gzip.open(vcf, "rt") as file:
        fields = (line.split("\t", 5)[:5] for line in file if not line.startswith("#"))
        rows = [
            (chrom, int(pos), ref, alt)
            for chrom, pos, _, ref, alt in fields
            if ref in letters and alt in letters
        ]
    sites = (
        pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt"])
        .drop_duplicates(["chrom", "pos"])
        .head(n_sites)
    )
    if len(sites) < n_sites:
        stop(
            f"{vcf}: {len(sites)} SNV positions; expected {n_sites}; give --n_sites or another --vcf"
        )
    return sites.reset_index(drop=True)


def all_alts(sites: pd.DataFrame) -> pd.DataFrame:
    """Three variants a site: chrom, pos, ref, alt."""
    return (
        sites.drop(columns="alt")
        .merge(pd.DataFrame({"alt": list(BASES)}), how="cross")
        .query("ref != alt")
        .reset_index(drop=True)
    )
