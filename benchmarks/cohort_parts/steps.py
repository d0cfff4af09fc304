"""The steps after scoring, as the command line runs them, on the folders of a generated cohort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cohort_parts.generate import MODELS


def calibrate(folder: Path) -> None:
    from gfmtrust.calibration import calibrate as step
    from gfmtrust.calibration.ensemble import ScoreTables
    from gfmtrust.calibration.options import Options

    scores = ScoreTables([folder / "scores"], list(MODELS))
    step.calibrate(folder / "plan", scores, folder / "calibration", Options())


def annotate_sites(folder: Path) -> None:
    from gfmtrust.annotate import alleles, sites_vcf
    from gfmtrust.calibration.ensemble import ScoreTables
    from gfmtrust.calibration.record import RunCalibration
    from gfmtrust.report import loci

    scores, results = ScoreTables([folder / "scores"], list(MODELS)), folder / "calibration"
    fitted, out = RunCalibration.read(results / RunCalibration.NAME), folder / "sites"
    background, ranks = results / "background.parquet", results / "model_ranks.parquet"
    alleles.annotate_sites(folder / "plan", scores, fitted, out, background, ranks)
    loci.write_loci(folder / "plan", scores, out)
    spellings = folder / "plan" / "spellings.parquet"
    sites_vcf.write_sites_vcf(out / "sites.parquet", spellings, results / RunCalibration.NAME, out)


def annotate_vcf(folder: Path) -> None:
    from gfmtrust.annotate import vcf
    from gfmtrust.calibration.record import RunCalibration

    vcf.annotate_vcf(
        folder / "sample.vcf.gz",
        "sample",
        folder / "sites" / "sites.parquet",
        folder / "calibration" / RunCalibration.NAME,
        folder / "sample.gfm.vcf.gz",
        force=True,
    )


STEPS: dict[str, Callable[[Path], None]] = {
    "calibrate": calibrate,
    "annotate_sites": annotate_sites,
    "annotate_vcf": annotate_vcf,
}
"""The steps in the order in which a run has them; each needs the output of those before it."""
