"""Benchmarks: figures for docs/understand/benchmarks.md, never timed tests. Each prints a table
and, on request, writes JSON.

    fit           rate and memory of the context model's fit on a generated genome of --n bases
                  (default 100 Mb)
    fresh_probes  a finished run's flags on new alleles drawn like its own
    replications  flags of calibrations drawn repeatedly from a pool of scored alleles of an oracle
                  genome, compared with the pool's error
    copies        the same on a genome with planted copies: one model that knows the copy rule
                  alone and one that knows the law alone, compared with a genome without copies
    useless       flags of models without information on such redraws, each alone and without the
                  caps that depend on the gain
    transfer      a calibration of one oracle genome used on its shifted version: does the shift
                  test fire?
    region_flags  flags of an oracle genome's regions over redraws, compared with the error over all
                  their decoys
    memory        models that memorise a genome's letters: the memorisation check and the exam
    satmut        LLRs of an annotated VCF compared with the measured effects in it
    scores        a table of many models' scores compared with labels: ranking, wrong calls,
                  disagreement, levels
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.calibration.options import Options
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.resampling import DRAWS
from gfmtrust.io import bed, tables
from gfmtrust.validation.benchmark.context import fit_rate
from gfmtrust.validation.benchmark.copied import copies
from gfmtrust.validation.benchmark.earned import earned
from gfmtrust.validation.benchmark.fresh_probes import fresh_probes
from gfmtrust.validation.benchmark.memorisers import RUNS, memory
from gfmtrust.validation.benchmark.pool import build, stored
from gfmtrust.validation.benchmark.region_proof import region_flags, region_pool
from gfmtrust.validation.benchmark.replications import REPLICATIONS, replicate
from gfmtrust.validation.benchmark.satmut import MIN_BARCODES, correlations
from gfmtrust.validation.benchmark.score_table import (
    ScoreTableOptions,
    names_of,
    score_table,
)
from gfmtrust.validation.benchmark.transfer import transfers
from gfmtrust.validation.oracle import planted
from gfmtrust.validation.oracle.laws import SHIFTED

SCORES = "scores"
FIT_BASES = 100_000_000
FRESH_PROBES = 6_000
PLANTED = (400_000, 1, 0.2, 2_000)
"""Bases, seed, copied share and number of rare letters of the genome for the memorisers."""
USELESS_ALLELES = 20_000
MANY, PROCESSES = 100, 2
"""From MANY replications onwards, PROCESSES processes share them."""


@dataclass(frozen=True)
class BenchmarkOptions:
    """The inputs of the benchmarks; each benchmark needs only some of them.

    run_dir: results folder of a finished run, or a folder written by oracle --law. fasta: the genome
    of the run. regions: BED files. vcf: annotated VCF. n: size of the benchmark; None takes its
    default. out: JSON file for the figures. bundles: the models. spectrum: of the variants.
    scores, out_dir: inputs and output folder of the benchmark `scores`.
    """

    run_dir: Path | None = None
    fasta: Path | None = None
    regions: Sequence[Path] = ()
    vcf: Path | None = None
    n: int | None = None
    out: Path | None = None
    bundles: Sequence[Path] = ()
    spectrum: str = "germline"
    out_dir: Path | None = None
    scores: ScoreTableOptions | None = None


def run(name: str, options: BenchmarkOptions) -> dict[str, list]:
    """Run one benchmark by name; its tables go to stdout and, with `out`, to a JSON file. Returns
    the rows of each table by its title.

    `scores` writes a folder instead. Raises UsageError (64) for an unknown name or a missing input.
    """
    if name == SCORES:
        _scores(options)
        return {}
    results = _results(name, options)
    tables_of_rows = {title: [asdict(row) for row in rows] for title, rows in results.items()}
    sys.stdout.write("\n".join(text_table(rows) for rows in tables_of_rows.values()))
    if options.out:
        tables.write_json(options.out, tables.plain({"benchmark": name, **tables_of_rows}))
    return results


def _results(name: str, options: BenchmarkOptions) -> dict[str, list]:
    """Return the title of each table of a benchmark -> its rows, which are dataclasses."""
    if name == "fit":
        with tempfile.TemporaryDirectory() as work:
            return {"rows": fit_rate(options.n or FIT_BASES, work)}
    if name == "fresh_probes":
        return {"rows": _fresh_probes(options)}
    if name in ORACLE:
        if options.run_dir is None:
            raise UsageError(
                message(f"benchmark {name}", "no --run", "a folder written by oracle --law")
            )
        return ORACLE[name](
            options.run_dir, list(options.bundles), options.spectrum, options.n or REPLICATIONS
        )
    if name == "satmut":
        if options.vcf is None:
            raise UsageError(
                message(
                    "benchmark satmut", "no --vcf", "an annotated VCF with INFO/EFFECT and BARCODES"
                )
            )
        return {"rows": correlations(options.vcf, options.n or MIN_BARCODES)}
    raise UsageError(
        message("benchmark", name, f"fit, fresh_probes, {', '.join(ORACLE)}, satmut or {SCORES}")
    )


def score_table_options(values: Mapping[str, Any]) -> ScoreTableOptions:
    """The options of `scores` from those of the command line, by name."""
    return ScoreTableOptions(
        table=values["table"],
        label=values["label"],
        positive=values["positive"],
        negative=values["negative"],
        class_column=values["class_column"],
        block_column=values["block_column"],
        scores=names_of(values["scores"]),
        higher_is_damaging=names_of(values["higher_is_damaging"]),
        seed=values["seed"],
        draws=values["n"] or DRAWS,
        certify=Options(
            seed=values["seed"],
            alpha_high=values["alpha_high"],
            alpha_medium=values["alpha_medium"],
            delta=values["delta"],
        ),
    )


def _scores(options: BenchmarkOptions) -> None:
    """Write the page and the tables of `scores`, and print its summary."""
    if options.scores is None or options.out_dir is None:
        raise UsageError(
            message(
                f"benchmark {SCORES}", "no --table or no --out_dir",
                "a table of scores and a folder for the output",
            )
        )  # fmt: skip
    content = score_table(options.scores, options.out_dir)
    if options.out:
        tables.write_json(options.out, content)
    sys.stdout.write("".join(f"{line}\n" for line in content["summary"]))


def _fresh_probes(options: BenchmarkOptions) -> list:
    if options.run_dir is None or options.fasta is None:
        raise UsageError(
            message(
                "benchmark fresh_probes",
                "no --run or no --fasta",
                "the results folder and the genome of a run",
            )
        )
    sets = {bed.name_of(path): bed.intervals(path) for path in options.regions}
    return fresh_probes(options.run_dir, options.fasta, options.n or FRESH_PROBES, sets)


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


def _memory(folder: Path, _models: list[Path], _spectrum: str, n: int) -> dict[str, list]:
    """Run on a planted genome, which is written into the folder on first use."""
    if not (folder / planted.RARE).exists():
        planted.write_planted(planted.draw_planted(*PLANTED), folder)
    return {"rows": memory(folder, min(n, RUNS))}


def _copies(folder: Path, _models: list[Path], _spectrum: str, n: int) -> dict[str, list]:
    """On two genomes, written into the folder on first use."""
    return {"rows": copies(folder, n)}


ORACLE = {
    "replications": _replications,
    "copies": _copies,
    "useless": _useless,
    "transfer": _transfer,
    "region_flags": _region_flags,
    "memory": _memory,
}
"""Benchmarks of an oracle genome: (its folder, models, spectrum, number of redraws) -> tables."""


def text_table(rows: list[dict]) -> str:
    """Return tab-separated lines with a header; '' without rows."""
    lines = [list(rows[0])] if rows else []
    lines += [[_text(value) for value in row.values()] for row in rows]
    return "".join("\t".join(line) + "\n" for line in lines)


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
