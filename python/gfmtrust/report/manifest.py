"""manifest.json: what was published, with its digests, and the proof that nothing was lost on the
way. Pure functions."""

from __future__ import annotations

from pathlib import Path

from gfmtrust import __version__
from gfmtrust.io.output_digest import published

CONTRACT_FIELDS = (
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


def manifest(run, files: list[Path]) -> dict:
    """The content of manifest.json.

    run: `report.Run`. files: further published files, which are digested here; the annotated ones
    bring theirs in their counts.
    """
    calibration, genome = run.calibration, run.checks["genome"]
    return {
        "gfmtrust": __version__,
        "genome": {
            "name": genome["name"],
            "digest": genome["digest"],
            "contigs": genome["contigs"],
        },
        "background": run.checks.get("background"),
        "models": [
            {
                "id": model["id"],
                "sha256": model["sha256"],
                "family": model["family"],
                "device": model["device"],
            }
            for model in run.models
        ],
        "calibration": {
            "set": calibration.set,
            "outcome": calibration.outcome,
            "seed": calibration.options.seed,
            "alpha_high": calibration.options.alpha_high,
            "alpha_medium": calibration.options.alpha_medium,
            "delta": calibration.options.delta,
            "shift": calibration.shift.state if calibration.shift else "not_tested",
        },
        "plan": {"seed": run.plan["seed"], "counts": run.plan["counts"]},
        "unique_alleles": {
            "statuses": dict(sorted(run.numbers.statuses.items())),
            "ranks": {rank.name: n for rank, n in sorted(run.numbers.ranks.items())},
        },
        "annotated": [contract(counts) for counts in run.files],
        "files": sorted((published(path) for path in files), key=lambda file: file["name"]),
    }


def contract(counts: dict) -> dict:
    """One annotated file: names of input and output, the output's digest, and what was checked."""
    checked = {name: counts[name] for name in CONTRACT_FIELDS if name in counts}
    return {
        "id": counts["id"],
        "kind": counts["kind"],
        "input": counts["input"],
        "output": counts["output"],
        **checked,
    }
