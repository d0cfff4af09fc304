"""CPU time per record of the inputs of a cohort: reading the VCFs, merging their records, and
splitting them into single alleles, for growing numbers of files.

    python benchmarks/cohort_merge.py                                  10, 30 and 100 files of 3,000 records, medians of 3 runs
    python benchmarks/cohort_merge.py --buffer 100000                  with a tenth of the buffer, so that 100 files exceed it
    python benchmarks/cohort_merge.py --files 5 40 --records 500 --runs 5 --out figures.json

The files are generated and differ from each other: three contigs, substitutions, indels and
multi-allelic records, one record in twenty twice, two samples with missing genotypes, and every
third file unsorted. Each number of files runs in a process of its own, one thread. Exit 1 where the
CPU time per record of the merge grows by more than --bar between two numbers of files.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from gfmtrust.core.alphabet import BASES
from gfmtrust.inputs import alleles, check, spelling_merge
from gfmtrust.inputs.spelling_merge import merged_spellings
from gfmtrust.io.genome import Genome
from gfmtrust.planning.variant_plan import Collector

CONTIG_BASES = 1_000_000
N_CONTIGS = 3
MAX_ALLELE_BP = 50
GENOTYPES = ["0/0", "0/1", "1/1", "./.", ".|1", "1"]
HEADER = (
    "##fileformat=VCFv4.2\n"
    + "".join(f"##contig=<ID=chr{c},length={CONTIG_BASES}>\n" for c in range(N_CONTIGS))
    + '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n"
)
STAGES = ("check", "merge", "alleles")


def write_genome(path: Path) -> list[str]:
    """Write random contigs; return their letters."""
    draw = np.random.default_rng(1)
    contigs = ["".join(draw.choice(list(BASES), CONTIG_BASES)) for _ in range(N_CONTIGS)]
    path.write_text("".join(f">chr{c}\n{letters}\n" for c, letters in enumerate(contigs)))
    return contigs


def write_vcf(path: Path, contigs: list[str], n: int, seed: int) -> None:
    """Write n records; the file of every third seed is not sorted."""
    draw = np.random.default_rng([seed, 2])
    n_twice = n // 20
    places = np.stack(
        [draw.integers(0, N_CONTIGS, n), draw.integers(1, CONTIG_BASES - 50, n)], axis=1
    )
    places[n - n_twice :] = places[:n_twice]
    alts_of = draw.random(n)
    alts_of[n - n_twice :] = alts_of[:n_twice]
    if seed % 3:
        order = np.lexsort((places[:, 1], places[:, 0]))
        places, alts_of = places[order], alts_of[order]
    genotypes = draw.choice(GENOTYPES, (n, 2))
    with open(path, "w") as file:
        file.write(HEADER)
        for (contig, pos), kind, pair in zip(
            places.tolist(), alts_of.tolist(), genotypes.tolist(), strict=True
        ):
            ref, alts = _alleles(contigs[contig], pos, kind)
            file.write(f"chr{contig}\t{pos + 1}\t.\t{ref}\t{alts}\t.\t.\t.\tGT\t")
            file.write("\t".join(pair) + "\n")


def _alleles(letters: str, pos: int, kind: float) -> tuple[str, str]:
    """Return REF and the comma-joined ALTs of a record; kind: uniform from 0 to 1."""
    base = letters[pos]
    others = [one for one in BASES if one != base]
    if kind < 0.8:
        return base, others[int(kind * 1000) % 3]
    if kind < 0.9:
        return base, ",".join(others[: 2 + int(kind * 1000) % 2])
    length = 1 + int(kind * 10_000) % 6
    if kind < 0.95:
        return letters[pos : pos + 1 + length], base
    return base, base + "ACGTAC"[:length]


def _cpu_seconds(runs: int, task: Callable[[], object]) -> float:
    """Return the median of the CPU seconds of this process over some runs."""
    seconds = []
    for _ in range(runs):
        before = time.process_time()
        task()
        seconds.append(time.process_time() - before)
    return float(np.median(seconds))


def measured(folder: Path, n_files: int, options: argparse.Namespace) -> dict:
    """Return the CPU seconds of each stage for the first n_files files of the folder. Runs in a
    process of its own."""
    spelling_merge.BUFFER_ROWS = options.buffer
    vcfs = [(f"file{i:04d}", folder / f"file{i:04d}.vcf") for i in range(n_files)]
    fasta, checked = folder / "genome.fa", folder / f"checked{n_files}"
    spellings = [checked / "spellings" / f"{name}.parquet" for name, _ in vcfs]
    with Genome.open(fasta, folder) as genome:
        seconds = {
            "check": _cpu_seconds(
                1, lambda: check.check_inputs(fasta, vcfs, [], None, checked).inputs
            ),
            "merge": _cpu_seconds(
                options.runs, lambda: _exhaust(merged_spellings(spellings, folder))
            ),
            "alleles": _cpu_seconds(1, lambda: _single_alleles(spellings, genome, folder)),
        }
    n = n_files * options.records
    return {
        "files": n_files,
        "records": n,
        "cpu_seconds": seconds,
        "microseconds_per_record": {name: 1e6 * seconds[name] / n for name in STAGES},
        "peak_gib": _peak_bytes() / 2**30,
    }


def _exhaust(frames: Iterable) -> None:
    for _ in frames:
        pass


def _single_alleles(spellings: list[Path], genome: Genome, folder: Path) -> None:
    """Merge, split and judge the records, as PLAN_SITES does."""
    collector = Collector(genome, MAX_ALLELE_BP)
    for frame in merged_spellings(spellings, folder):
        single = alleles.single_alleles(frame)
        collector.add(single.assign(status=alleles.classify(single, genome)))
    collector.variants()


def _peak_bytes() -> int:
    """Of this process; getrusage would give the peak of the process that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--records", type=int, default=3_000, help="records of each file")
    parser.add_argument("--runs", type=int, default=3, help="runs of the merge")
    parser.add_argument("--buffer", type=int, default=spelling_merge.BUFFER_ROWS, help="rows")
    parser.add_argument("--bar", type=float, default=1.3, help="largest growth per record")
    parser.add_argument("--out", type=Path, help="JSON with the figures")
    options = parser.parse_args()
    rows = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contigs = write_genome(folder / "genome.fa")
        for number in range(max(options.files)):
            write_vcf(folder / f"file{number:04d}.vcf", contigs, options.records, number)
        for n_files in options.files:
            with context.Pool(1) as pool:
                rows.append(pool.apply(measured, (folder, n_files, options)))
            print(json.dumps(rows[-1]), flush=True)
    per_record = [row["microseconds_per_record"]["merge"] for row in rows]
    growth = max(later / min(per_record[: i + 1]) for i, later in enumerate(per_record))
    print(f"the merge grows by {growth:.2f} per record; the bar is {options.bar}")
    if options.out:
        figures = {"runs": rows, "growth_of_merge": growth}
        options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return int(growth > options.bar)


if __name__ == "__main__":
    sys.exit(main())
