"""manifest.json: what was published, with its digests, and the proof that nothing was lost on the
way. Pure functions."""

from __future__ import annotations

from pathlib import Path

from gfmtrust import __version__
from gfmtrust.core.contracts.base import encoded
from gfmtrust.core.contracts.counts import Counts
from gfmtrust.core.contracts.manifest import (
    Manifest,
    ManifestCalibration,
    ManifestModel,
    ManifestPlan,
    UniqueAlleles,
)
from gfmtrust.io.output_digest import published

PUBLISHED_FIELDS = (
    "id",
    "kind",
    "input",
    "output",
    "records",
    "intervals",
    "carried",
    "alts",
    "no_alt",
    "statuses",
    "ranks",
    "digest",
    "replaced",
    "newline_added",
    "sorted",
    "index",
)
"""What is said of an annotated file: `digest` is that of all records without our keys, the same for
input and output."""


def manifest(run, files: list[Path]) -> Manifest:
    """The content of manifest.json.

    run: `report.Run`. files: further published files, which are digested here; the annotated ones
    bring theirs in their counts.
    """
    calibration = run.calibration
    return Manifest(
        gfmtrust=__version__,
        genome=run.checks.genome,
        background=run.checks.background,
        models=tuple(
            ManifestModel(model["id"], model["sha256"], model["family"], model["device"])
            for model in run.models
        ),
        calibration=ManifestCalibration(
            set=calibration.snv.set,
            outcome=calibration.outcome,
            seed=calibration.options.seed,
            alpha_high=calibration.options.alpha_high,
            alpha_medium=calibration.options.alpha_medium,
            delta=calibration.options.delta,
            shift=calibration.shift.state if calibration.shift else "not_tested",
        ),
        plan=ManifestPlan(run.plan.seed, run.plan.counts),
        unique_alleles=UniqueAlleles(
            dict(sorted(run.numbers.statuses.items())),
            {rank.name: n for rank, n in sorted(run.numbers.ranks.items())},
        ),
        annotated=tuple(contract(counts) for counts in run.files),
        files=tuple(sorted((published(path) for path in files), key=lambda file: file.name)),
        labels_verdict=run.labels_verdict,
    )


def contract(counts: Counts) -> dict:
    """One annotated file: names of input and output, the output's digest, and what was checked."""
    content = encoded(counts)
    return {name: content[name] for name in PUBLISHED_FIELDS if name in content}
