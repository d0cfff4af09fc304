"""The last section of the report: version, genome, background and plan of the run."""

from __future__ import annotations

from gfmtrust import __version__
from gfmtrust.core.contracts.base import encoded
from gfmtrust.core.contracts.checks import Background, Checks
from gfmtrust.core.contracts.plan import Plan


def provenance(checks: Checks, plan: Plan) -> list[tuple[str, str]]:
    """The name and the value of each row."""
    genome, counts = checks.genome, encoded(plan.counts)
    return [
        ("gfmtrust", __version__),
        ("genome", genome.name),
        ("genome digest", genome.digest),
        ("contigs", f"{len(genome.contigs):,}"),
        *_background(checks.background),
        ("seed", str(plan.seed)),
        (
            "planned",
            ", ".join(
                f"{n:,} {name.replace('_', ' ')}"
                for name, n in sorted(counts.items())
                if isinstance(n, int)
            ),
        ),
    ]


def _background(background: Background | None) -> list[tuple[str, str]]:
    if not background:
        return []
    return [
        ("context model and probes come from", background.name),
        ("background digest", background.digest),
        (
            "k-mers of the genome that are also in the background",
            f"{background.shared_words:,} of {background.sampled_words:,} sampled",
        ),
    ]
