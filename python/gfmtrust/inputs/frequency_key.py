"""The INFO key that states allele frequencies, against the headers of the VCFs that should carry it."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io.vcf import reader as vcf_reader

NAMES_SHOWN = 3


def check(key: str, vcfs: list[Path]) -> None:
    """Raises BadDataError (65) where no VCF declares `key` in INFO; and as `vcf_reader.read` does."""
    info, samples = set(), set()
    for path in vcfs:
        header = vcf_reader.read(path)[0]
        info |= header.declared("INFO")
        samples |= header.declared("FORMAT")
    if key.encode() in info or not vcfs:
        return
    if key.encode() in samples:
        observed = "is declared in FORMAT only, as a value of each sample"
        remedy = "write it to INFO (bcftools +fill-tags), or leave --af_key out"
    else:
        observed = "is declared by no VCF"
        remedy = f"declared are {nearest(key, info)}" if info else "the VCFs declare no INFO key"
    raise BadDataError(
        message(f"--af_key {shown(key)}", observed, "an INFO key of the VCFs", remedy)
    )


def nearest(key: str, declared: Collection[bytes]) -> str:
    """The declared names that are spelled most like `key`."""
    names = [shown(name) for name in sorted(declared)]
    near = difflib.get_close_matches(key, names, NAMES_SHOWN, 0.4)
    return ", ".join(near or names[:NAMES_SHOWN])
