"""Benchmarks: figures for docs/benchmarks.md, never timed tests. Each prints a table and, on request, writes JSON.

fit         rate and memory of the context model's fit on a generated genome of --n bases (default 100 Mb)
fresh_probes  a finished run's flags against fresh alleles drawn like its own
satmut      LLRs of an annotated VCF beside the measured effects it carries
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from gfmtrust import bed, tables
from gfmtrust.benchmark.context import fit_rate
from gfmtrust.benchmark.fresh_probes import fresh_probes
from gfmtrust.benchmark.satmut import MIN_BARCODES, correlations
from gfmtrust.errors import UsageError, message

FIT_BASES = 100_000_000
FRESH_PROBES = 6_000


def run(name: str, run_dir: Path | None, fasta: Path | None, regions: list[Path], vcf: Path | None, n: int | None,
        out: Path | None) -> None:
    """Run one benchmark by name; its rows go to stdout and, with `out`, to a JSON file. Raises UsageError (64) for an unknown name."""
    if name == "fit":
        with tempfile.TemporaryDirectory() as work:
            rows = [asdict(rate) for rate in fit_rate(n or FIT_BASES, work)]
    elif name == "fresh_probes":
        if run_dir is None or fasta is None:
            raise UsageError(message("benchmark fresh_probes", "no --run or no --fasta", "the results folder and the genome of a run"))
        sets = {bed.name_of(path): bed.intervals(path) for path in regions}
        rows = [asdict(level) for level in fresh_probes(run_dir, fasta, n or FRESH_PROBES, sets)]
    elif name == "satmut":
        if vcf is None:
            raise UsageError(message("benchmark satmut", "no --vcf", "an annotated VCF with INFO/EFFECT and BARCODES"))
        rows = [asdict(one) for one in correlations(vcf, n or MIN_BARCODES)]
    else:
        raise UsageError(message("benchmark", name, "fit, fresh_probes or satmut"))
    columns = list(rows[0])
    for row in [dict(zip(columns, columns, strict=True)), *rows]:
        sys.stdout.write("\t".join(_text(row[column]) for column in columns) + "\n")
    if out:
        tables.write_json(out, {"benchmark": name, "rows": rows})


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
