"""manifest.json: the published files with their digests, and the counts that prove that no record
was lost. Pure functions."""

from __future__ import annotations

from pathlib import Path

from gfmtrust import __version__
from gfmtrust.core.contracts.base import encoded
from gfmtrust.core.contracts.counts import Counts, PublishedFile
from gfmtrust.core.contracts.manifest import (
    Manifest,
    ManifestCalibration,
    ManifestModel,
    ManifestPlan,
    UniqueAlleles,
)
from gfmtrust.io.output_digest import published_whole

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
    "index_file",
)
"""The entry of an annotated file. `digest` covers all records without our keys and is the same for
input and output."""


def manifest(run, files: list[Path]) -> Manifest:
    """The content of manifest.json.

    run: a `report.Run`; files: further published files, whose digests are computed here. The
    digests of the annotated files are in their counts.
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
            set=calibration.sets,
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
        files=tuple(
            sorted(
                (published_whole(path) for path in files), key=lambda file: (file.name, file.sha256)
            )
        ),
        inputs=tuple(
            PublishedFile(one.name, one.bytes, one.sha256)
            for one in sorted(run.checks.inputs, key=lambda one: (one.name, one.id))
        ),
        labels_verdict=run.labels_verdict,
    )


def files_below(*folders: Path) -> list[Path]:
    """Every file of folders that are published whole, in order of path."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def contract(counts: Counts) -> dict:
    """The entry of one annotated file: names of input and output, the digest of the output, and the
    results of the checks."""
    content = encoded(counts)
    return {name: content[name] for name in PUBLISHED_FIELDS if name in content}
