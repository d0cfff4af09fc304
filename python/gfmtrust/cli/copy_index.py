"""The step copy_index of the command line: its text, its own options, and its call."""

from __future__ import annotations

import argparse
from pathlib import Path

TEXT = (
    "Count the near copies of each site in the genome: other places whose 20 + 20 flanking letters "
    "differ in at most 2. Example: gfmtrust copy_index --fasta genome.fa --vcf calls.vcf.gz --out "
    "copies.parquet"
)
SHARED = ("fasta", "contig_map", "cpus", "force")
OPTIONS = {
    "vcf": dict(type=Path, nargs="*", default=[], help="VCFs whose alleles are sites"),
    "bed": dict(type=Path, nargs="*", default=[], help="BED files whose bases are sites"),
    "sites": dict(
        type=Path,
        nargs="*",
        default=[],
        help="Parquet tables of sites with contig_index, pos and perhaps span, such as the shards "
        "of plan_sites",
    ),
    "copy_index": dict(
        type=Path,
        help="an earlier index of the same genome; its sites are kept and only the others are "
        "searched",
    ),
    "out": dict(type=Path, required=True, help="the index, a Parquet table"),
}


def run(options: argparse.Namespace) -> None:
    from gfmtrust.copies import step  # noqa: PLC0415

    step.copy_index(
        options.fasta,
        step.Inputs(
            tuple(options.vcf), tuple(options.bed), tuple(options.sites), options.contig_map
        ),
        options.out,
        options.copy_index,
        options.cpus,
        options.force,
    )
