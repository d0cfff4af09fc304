"""Benchmarks: figures for docs/understand/benchmarks.md, never timed tests.

Each prints a table and, on request, writes JSON.

- fit: rate and memory of the context model's fit on a generated genome of --n bases (default
  100 Mb).
- fresh_probes: a finished run's flags against fresh alleles that are drawn like its own probes.
- replications: flags of calibrations that are drawn anew from a pool of scored alleles of an oracle
  genome, against the error of the pool.
- useless: the flags of models without information by the same redraws, each model alone and without
  the caps that depend on the gain.
- transfer: a calibration of an oracle genome that is used on its changed copy: does the shift test
  fire?
- region_flags: flags of an oracle genome's regions by redraws, against the error over all their
  decoys.
- satmut: LLRs of an annotated VCF beside the measured effects that it contains.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.errors import UsageError, message
from gfmtrust.io import bed, tables
from gfmtrust.validation.benchmark.context import fit_rate
from gfmtrust.validation.benchmark.fresh_probes import fresh_probes
from gfmtrust.validation.benchmark.pool import build, stored
from gfmtrust.validation.benchmark.region_proof import region_flags, region_pool
from gfmtrust.validation.benchmark.replications import REPLICATIONS, earned, replicate
from gfmtrust.validation.benchmark.satmut import MIN_BARCODES, correlations
from gfmtrust.validation.benchmark.transfer import transfers
from gfmtrust.validation.oracle.laws import SHIFTED

FIT_BASES = 100_000_000
FRESH_PROBES = 6_000
USELESS_ALLELES = 20_000
MANY, PROCESSES = 100, 2
"""From so many replications on, so many processes share them."""


def run(
    name: str,
    run_dir: Path | None,
    fasta: Path | None,
    regions: list[Path],
    vcf: Path | None,
    n: int | None,
    out: Path | None,
    bundles: Sequence[Path] = (),
    spectrum: str = "germline",
) -> None:
    """Run one benchmark by name; its tables go to stdout and, with `out`, to a JSON file. Raises
    UsageError (64) for an unknown name."""
    if name == "fit":
        with tempfile.TemporaryDirectory() as work:
            tables_by_name = {"rows": fit_rate(n or FIT_BASES, work)}
    elif name == "fresh_probes":
        if run_dir is None or fasta is None:
            raise UsageError(
                message(
                    "benchmark fresh_probes",
                    "no --run or no --fasta",
                    "the results folder and the genome of a run",
                )
            )
        sets = {bed.name_of(path): bed.intervals(path) for path in regions}
        tables_by_name = {"rows": fresh_probes(run_dir, fasta, n or FRESH_PROBES, sets)}
    elif name in ORACLE:
        if run_dir is None:
            raise UsageError(
                message(f"benchmark {name}", "no --run", "a folder written by oracle --law")
            )
        tables_by_name = ORACLE[name](run_dir, list(bundles), spectrum, n or REPLICATIONS)
    elif name == "satmut":
        if vcf is None:
            raise UsageError(
                message(
                    "benchmark satmut", "no --vcf", "an annotated VCF with INFO/EFFECT and BARCODES"
                )
            )
        tables_by_name = {"rows": correlations(vcf, n or MIN_BARCODES)}
    else:
        raise UsageError(
            message("benchmark", name, f"fit, fresh_probes, {', '.join(ORACLE)} or satmut")
        )
    rows_by_table = {table: [asdict(row) for row in rows] for table, rows in tables_by_name.items()}
    sys.stdout.write("\n".join(text_table(rows) for rows in rows_by_table.values()))
    if out:
        tables.write_json(out, tables.plain({"benchmark": name, **rows_by_table}))


def _replications(folder: Path, models: list[Path], spectrum: str, n: int) -> dict[str, list]:
    cells, useful = replicate(
        stored(folder, models, spectrum), n, processes=1 if n < MANY else PROCESSES
    )
    return {"rows": cells, "usefulness": useful}


def _useless(folder: Path, models: list[Path], spectrum: str, n: int) -> dict[str, list]:
    alone = {Bundle.open(path).model_id: [path] for path in models}
    if not alone:
        raise UsageError(message("benchmark useless", "no --bundles", "models that know nothing"))
    return {
        "rows": [
            earned(pool, n)
            for pool in build(folder, alone, spectrum, USELESS_ALLELES, neighbours=False).values()
        ]
    }


def _transfer(folder: Path, _models: list[Path], spectrum: str, n: int) -> dict[str, list]:
    return {"rows": transfers(folder, folder.with_name(folder.name + SHIFTED), n, spectrum)}


def _region_flags(folder: Path, models: list[Path], spectrum: str, n: int) -> dict[str, list]:
    return {"rows": region_flags(region_pool(folder, models), stored(folder, models, spectrum), n)}


ORACLE = {
    "replications": _replications,
    "useless": _useless,
    "transfer": _transfer,
    "region_flags": _region_flags,
}
"""Benchmarks of an oracle genome: (its folder, models, spectrum, redraws) -> tables."""


def text_table(rows: list[dict]) -> str:
    """Tab-separated lines with a head; '' without rows."""
    lines = [list(rows[0])] if rows else []
    lines += [[_text(value) for value in row.values()] for row in rows]
    return "".join("\t".join(line) + "\n" for line in lines)


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
