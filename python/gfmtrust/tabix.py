"""Indexes of sorted, BGZF-compressed VCF and BED files, made by htslib."""

from __future__ import annotations

from pathlib import Path

import pysam

from gfmtrust.tally import Tally, shown

CSI_FROM = 2**29 - 1
"""The last position a .tbi can hold (tabix specification); beyond it a .csi is written."""


def write_index(path: Path, preset: str, csi: bool, tally: Tally) -> str | None:
    """Index `path` in place; the index's file name, or None with a counted warning where htslib cannot.

    preset: 'vcf' or 'bed'. csi: write .csi instead of .tbi.
    """
    verbosity = pysam.set_verbosity(0)  # htslib writes to stderr by itself
    try:
        pysam.tabix_index(str(path), preset=preset, force=True, keep_original=True, csi=csi)
    except OSError as error:
        tally.add(f"no index written: {shown(str(error)) or 'htslib cannot index it'}", path.name)
        return None
    finally:
        pysam.set_verbosity(verbosity)
    return f"{path.name}.{'csi' if csi else 'tbi'}"
