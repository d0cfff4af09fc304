"""What htslib makes of a VCF that we read ourselves: bcftools and pysam are built on it."""

from __future__ import annotations

from pathlib import Path

import pysam

from gfmtrust.core.warning_counts import shown
from gfmtrust.io import bgzf


def check_with_htslib(path: str | Path, n_records: int) -> str | None:
    """Read the file again with pysam. Return None where it finds the same number of records,
    otherwise the difference as the text of a warning.

    A difference does not stop the run: bcftools cannot read such a file, but every record of it can
    be copied (GATK's own 1000G_phase1.indels is one). Agreement proves little, because pysam
    silently reads many broken records.
    """
    if bgzf.container(path) is bgzf.Container.GZIP:
        return None  # pysam cannot seek in plain gzip and raises NotImplementedError
    verbosity = pysam.set_verbosity(0)  # htslib writes to stderr by itself
    n_seen = 0
    try:
        with pysam.VariantFile(str(path), drop_samples=True) as file:
            for _ in file:
                n_seen += 1
    except (ValueError, OSError) as error:
        observed = f"htslib (bcftools, pysam) stops after {n_seen:,} of {n_records:,} records"
        return (
            f"{observed}: {shown(str(error))}"
            if n_seen
            else "htslib (bcftools, pysam) cannot read the header or first record"
        )
    finally:
        pysam.set_verbosity(verbosity)
    return (
        None
        if n_seen == n_records
        else f"htslib (bcftools, pysam) reads {n_seen:,} of {n_records:,} records"
    )
