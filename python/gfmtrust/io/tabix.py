"""Indexes of sorted, BGZF-compressed VCF and BED files, made by htslib."""

from __future__ import annotations

from pathlib import Path

import pysam

from gfmtrust.core.warning_counts import WarningCounts, shown
from gfmtrust.io.atomic import INDEX_ENDINGS

CSI_FROM = 2**29 - 1
"""The last position that a .tbi supports (tabix specification); beyond it a .csi is written."""
CSI_TO = 1 << 32
"""The last position that a .csi of htslib's tabix supports: six levels above windows of 2^14 bases.
A VCF may state any POS, which is OUT_OF_RANGE then."""


def write_index(
    path: Path, preset: str, csi: bool, warning_counts: WarningCounts, skipped_lines: int = 0
) -> str | None:
    """Index `path` in place and return the file name of the index, or None with a counted warning
    where htslib cannot.

    preset: 'vcf', 'bed', or 'table' for lines that begin with a contig and a 1-based position. csi:
    write .csi instead of .tbi. skipped_lines: lines at the start of a BED to pass over, as the
    preset knows only # lines and takes a track line for a broken interval. Default is 0.
    """
    layout: dict = {"preset": preset}
    if preset == "table":
        layout = {"seq_col": 0, "start_col": 1, "end_col": 1, "zerobased": False, "meta_char": "#"}
    elif skipped_lines:
        layout = {
            "seq_col": 0,
            "start_col": 1,
            "end_col": 2,
            "zerobased": True,
            "meta_char": "#",
            "line_skip": skipped_lines,
        }
    verbosity = pysam.set_verbosity(0)  # htslib writes to stderr by itself
    try:
        pysam.tabix_index(str(path), force=True, keep_original=True, csi=csi, **layout)
    except OSError as error:
        for ending in INDEX_ENDINGS:
            path.with_name(path.name + ending).unlink(missing_ok=True)  # it may be cut off
        warning_counts.add(
            f"no index written: htslib cannot ({shown(str(error)).replace(str(path), path.name)})",
            path.name,
        )
        return None
    finally:
        pysam.set_verbosity(verbosity)
    return f"{path.name}.{'csi' if csi else 'tbi'}"
