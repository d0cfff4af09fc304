"""The step copy_index: the copy index of the sites of some files, written as a table."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.copies import asked, index
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.progress import Progress
from gfmtrust.io.atomic import part_file
from gfmtrust.io.genome import Genome

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """The files that name the sites, and how their contigs are named (`inputs.contig_names`)."""

    vcfs: tuple[Path, ...] = ()
    beds: tuple[Path, ...] = ()
    tables: tuple[Path, ...] = ()
    contig_map: str | Path = "none"

    def sites(self, genome: Genome) -> asked.Sites:
        """Return all sites to be searched, of the VCFs, the BEDs and the tables together."""
        return asked.together(
            [
                *(asked.of_vcf(path, genome, self.contig_map) for path in self.vcfs),
                *(asked.of_bed(path, genome, self.contig_map) for path in self.beds),
                *(asked.of_table(path, genome) for path in self.tables),
            ]
        )


def copy_index(
    fasta: Path,
    inputs: Inputs,
    out: Path,
    existing: Path | None = None,
    threads: int = 1,
    force: bool = False,
) -> index.CopyIndex:
    """Write the copy index of the sites of the inputs, and of those of an existing index.

    Raises UsageError (64) without any input, ConfigurationError (78) for an existing index of
    another genome or version, CannotWriteError (73), and what reading the inputs raises.
    """
    files = (*inputs.vcfs, *inputs.beds, *inputs.tables)
    if not files:
        raise UsageError(message("copy_index", "no sites", "--vcf, --bed or --sites"))
    with part_file(out, (fasta, *files), force) as part, Genome.open(fasta) as genome:
        digest = genome.digest()
        stored = index.CopyIndex.read(existing, digest) if existing else None
        sites = inputs.sites(genome)
        progress = Progress("copy_index", "bases")
        built = index.build_missing(genome, stored, *sites, threads=threads, progress=progress)
        built.write(part, digest)
    log.info(
        "%d sites: %d with near copies, %d in repeat families, %d with incomplete flanks",
        len(built),
        np.count_nonzero(built.copies > 0),
        np.count_nonzero(built.repeat_family),
        np.count_nonzero(built.copies < 0),
    )
    return built
