"""The checks of one BED of the run, and what is kept of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gfmtrust.core.contracts.checks import CheckedInput
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.inputs import contig_names
from gfmtrust.inputs.check_vcf import InputCheck
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.io import bed
from gfmtrust.io.genome import Genome
from gfmtrust.io.output_digest import digest_of


def check_bed(
    path: Path, name: str, genome: Genome, rule: ContigRule, allow_mismatch: bool
) -> InputCheck:
    """Read a BED and match its contigs. Raises BadDataError (65) for malformed lines and for contig
    names that do not fit."""
    content = bed.read(path)
    tally = WarningCounts()
    matches = {
        contig: contig_names.match(contig, None, rule, genome.contigs)
        for contig in content.intervals["contig"].unique()
    }
    refused = contig_names.refusal(path.name, matches, rule, genome.contigs, genome.name)
    if refused and not allow_mismatch:
        raise refused
    absent = [contig for contig, match in matches.items() if match is None]
    lengths = (
        content.intervals["contig"]
        .map(lambda contig: genome.contigs.get(matches[contig] or "", -1))
        .to_numpy(np.int64)
    )
    if absent:
        tally.add(
            f"contigs {contig_names.listed(absent)} not in {genome.name}: NO_CONTIG",
            absent[0],
            int((lengths < 0).sum()),
        )
    beyond = content.intervals[
        (lengths >= 0) & (content.intervals["end"].to_numpy(np.int64) > lengths)
    ]
    if len(beyond):
        tally.add(
            "end beyond the contig's end",
            f"{path.name} line {beyond['line_no'].iloc[0]}",
            len(beyond),
        )
    is_sorted = bed.check_sorted(content, tally)
    facts = CheckedInput(
        id=name,
        kind="bed",
        name=path.name,
        records=len(content.intervals),
        alts=0,
        no_alt=0,
        n_snv=0,
        n_snv_mismatch=0,
        sorted=is_sorted,
        warnings=tally.rows(),
        **digest_of(path),
    )
    return InputCheck(facts, matches)
