"""Columns that say of which classes alleles are, for tests that make feature tables by hand."""

from __future__ import annotations


def of_class(name) -> dict:
    """The columns of alleles whose stratum is that name (a text, or an array of them): outside all
    BED files, not split by mutation class, without a near copy."""
    return {
        "region_class": name,
        "copy_class": name,
        "mutation_class": None,
        "paralog": False,
        "copies": 0,
    }
