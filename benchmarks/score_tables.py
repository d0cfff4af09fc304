"""How fast scores are looked up in a genome-wide table, and in how much memory.

    python benchmarks/score_tables.py --work /scratch/tables --mb 60 --alleles 10000

Generates a genome of one contig and a table in the layout of GPN-MSA (no header, three rows per
base), bgzip-compressed and indexed, asks it for the bases of that many alleles and of the probes of
a run, drawn uniformly, and for one megabase in one piece; the same bases are asked of htslib. Rates
are alleles (rows) per CPU second of this process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import pysam

from gfmtrust.score_tables.examine import open_table
from gfmtrust.score_tables.layout import parse

CHUNK_BP = 250_000
PROBES = 20_000
HTSLIB_SITES = 500
CONTIG = "20"


def write_table(path: Path, letters: np.ndarray, seed: int) -> None:
    """A table of three rows per base. letters: codes (n,)."""
    rng = np.random.default_rng([seed, 1])
    with pysam.BGZFile(str(path), "w") as file:
        for start in range(0, len(letters), CHUNK_BP):
            codes = letters[start : start + CHUNK_BP].tolist()
            scores = iter(rng.normal(-3, 2, 3 * len(codes)).round(2).tolist())
            rows = (
                f"{CONTIG}\t{start + i + 1}\t{'ACGT'[code]}\t{alt}\t{next(scores)}\n"
                for i, code in enumerate(codes)
                for alt in "ACGT"
                if alt != "ACGT"[code]
            )
            file.write("".join(rows).encode())
    pysam.tabix_index(str(path), force=True, seq_col=0, start_col=1, end_col=1)


def looked_up(path: Path, letters: np.ndarray, positions: np.ndarray) -> tuple[int, float]:
    """Alleles answered and CPU seconds."""
    started = time.process_time()
    table = open_table(path, parse("gpn_msa"), {CONTIG: len(letters)})
    answers = table.sites(CONTIG, positions, letters[positions])
    table.close()
    answered = np.isfinite(answers.values).sum() - np.isfinite(answers.values).any(axis=1).sum()
    return int(answered), time.process_time() - started


def by_htslib(path: Path, positions: np.ndarray) -> tuple[int, float]:
    """The same of pysam's TabixFile."""
    started = time.process_time()
    with pysam.TabixFile(str(path)) as table:
        rows = sum(1 for pos in positions.tolist() for _ in table.fetch(CONTIG, pos, pos + 1))
    return rows, time.process_time() - started


def peak_mib() -> int:
    """The largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def row(name: str, bases: int, alleles: int, seconds: float) -> str:
    return f"| {name} | {bases:,} | {alleles:,} | {seconds:.2f} | {alleles / seconds:,.0f} | {peak_mib():,} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for genome and table")
    parser.add_argument("--mb", type=int, default=10, help="megabases of the genome [10]")
    parser.add_argument("--alleles", type=int, default=10_000, help="SNVs of the run [10000]")
    parser.add_argument("--seed", type=int, default=1, help="seed [1]")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    letters = rng.integers(0, 4, options.mb * 1_000_000, dtype=np.uint8)
    path = options.work / f"scores_{options.mb}mb.tsv.bgz"
    if not path.with_name(f"{path.name}.tbi").exists():
        # in a process of its own: the peak memory below is that of the look-ups
        writer = multiprocessing.get_context("spawn").Process(
            target=write_table, args=(path, letters, options.seed)
        )
        writer.start()
        writer.join()
        if writer.exitcode:
            raise SystemExit(f"score_tables: {path}: not written")
    sites = {
        "alleles and probes": np.unique(rng.integers(0, len(letters), options.alleles + PROBES)),
        "probes alone": np.unique(rng.integers(0, len(letters), PROBES)),
        "1 Mb in one piece": np.arange(min(1_000_000, len(letters))),
    }
    print(f"{path.stat().st_size >> 20:,} MiB, {options.mb} Mb x 3 rows")
    print(f"memory before the first look-up {peak_mib():,} MiB")
    print("| asked for | bases | alleles | CPU s | alleles per CPU s | peak so far, MiB |")
    print("|---|---|---|---|---|---|")
    for name, positions in sites.items():
        n, seconds = looked_up(path, letters, positions)
        print(row(name, len(positions), n, seconds))
    some = np.sort(rng.choice(sites["probes alone"], HTSLIB_SITES, replace=False))
    n, seconds = by_htslib(path, some)
    print(row("by htslib, one fetch per base", len(some), n, seconds))


if __name__ == "__main__":
    main()
