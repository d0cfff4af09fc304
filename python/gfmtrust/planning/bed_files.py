"""Opens the BED files of a run for the plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gfmtrust.io import bed
from gfmtrust.planning.regions import Regions


def regions(paths: list[Path], contig_map: Mapping[str, str]) -> Regions:
    """Return the BED files by the name that `check_inputs` gave them. contig_map: contig names in
    the files -> names in the genome, from check_inputs."""
    return Regions({bed.name_of(path): bed.intervals(path, contig_map) for path in paths})


def include(path: Path | None, contig_map: Mapping[str, str]):
    """Return the intervals to which the run is limited; None where it is not limited."""
    return bed.intervals(path, contig_map) if path else None
