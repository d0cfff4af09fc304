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
    where htslib cannot. A .tbi that htslib refuses to write is tried as a .csi once more: INFO/END of
    a record may lie beyond what a .tbi supports where no POS does.

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
    reason = ""
    for is_csi in (False, True)[int(csi) :]:
        reason = _refusal(path, is_csi, layout)
        if not reason:
            return f"{path.name}.{'csi' if is_csi else 'tbi'}"
    warning_counts.add(
        f"no index written: htslib cannot ({shown(reason).replace(str(path), path.name)})",
        path.name,
    )
    return None


def _refusal(path: Path, is_csi: bool, layout: dict) -> str:
    """Write the index; why htslib did not, or '' where it did."""
    verbosity = pysam.set_verbosity(0)  # htslib writes to stderr by itself
    try:
        pysam.tabix_index(str(path), force=True, keep_original=True, csi=is_csi, **layout)
    except OSError as error:
        for ending in INDEX_ENDINGS:
            path.with_name(path.name + ending).unlink(missing_ok=True)  # it may be cut off
        return str(error) or type(error).__name__
    finally:
        pysam.set_verbosity(verbosity)
    return ""
