"""CPU time and memory of the copy index, on generated genomes that repeat themselves like the human
one.

    python benchmarks/copy_index.py --megabases 100 300 --sites 200000 1000000 --out figures.json
    python benchmarks/copy_index.py --sensitivity      share of the repeat families that are found

A genome holds random letters (41 % GC), and by length 10 % of a family of 300 bp (10 to 15 %
diverged, with a tail of A), 15 % of the ends of a family of 6 kb (15 to 25 % diverged), 1 % of
simple repeats, 5 % of segmental duplications (20 kb, 1 to 2 % diverged), all on both strands, and
the contigs of the FASTAs given by --insert. Sites are uniform: 90 % bases, 5 % insertion points,
5 % gaps of 2 to 50 letters. Each size runs in a process of its own; the figures for 3.1 Gb and 5
million sites follow from T = L (a + b S) + c S by least squares, where L is the length and S the
number of sites.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np

from gfmtrust.copies import index
from gfmtrust.core.alphabet import LETTERS
from gfmtrust.io.genome import Genome

CONTIG_BASES = 50_000_000
HUMAN_BASES, COHORT_SITES = 3.1e9, 5e6


def random_codes(draw: np.random.Generator, n: int) -> np.ndarray:
    return draw.choice(4, n, p=[0.295, 0.205, 0.205, 0.295]).astype(np.uint8)


def mutated(draw: np.random.Generator, codes: np.ndarray, share: float) -> np.ndarray:
    """A copy in which that share of the letters is another one, on either strand."""
    changed = (codes + (draw.random(len(codes)) < share) * draw.integers(1, 4, len(codes))) % 4
    return (3 - changed[::-1] if draw.random() < 0.5 else changed).astype(np.uint8)


def fill(draw: np.random.Generator, genome: np.ndarray, share: float, make) -> None:
    """Write elements of make() at random places until they have that share of the letters."""
    written = 0
    while written < share * len(genome):
        element = make()
        start = int(draw.integers(0, len(genome) - len(element)))
        genome[start : start + len(element)] = element
        written += len(element)


def generated(seed: int, n: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    genome = random_codes(draw, n)
    short, long = random_codes(draw, 300), random_codes(draw, 6_000)

    def short_element() -> np.ndarray:
        tail = np.zeros(int(draw.integers(8, 30)), dtype=np.uint8)
        element = np.concatenate([short, tail])
        return mutated(draw, element, draw.uniform(0.10, 0.15))

    def long_element() -> np.ndarray:
        end = long[-min(6_000, 100 + int(draw.exponential(900))) :]
        return mutated(draw, end, draw.uniform(0.15, 0.25))

    def simple_repeat() -> np.ndarray:
        unit = draw.integers(0, 4, int(draw.integers(1, 5)))
        return mutated(draw, np.tile(unit, 12), draw.uniform(0, 0.1))

    def duplication() -> np.ndarray:
        start = int(draw.integers(0, n - 20_000))
        return mutated(draw, genome[start : start + 20_000], draw.uniform(0.01, 0.02))

    fill(draw, genome, 0.15, long_element)
    fill(draw, genome, 0.10, short_element)
    fill(draw, genome, 0.01, simple_repeat)
    fill(draw, genome, 0.05, duplication)
    return genome


def write_genome(path: Path, n: int, inserts: list[Path]) -> None:
    with open(path, "wb") as file:
        codes = generated(1, n)
        for number, start in enumerate(range(0, n, CONTIG_BASES)):
            file.write(f">chr{number}\n".encode())
            file.write(LETTERS[codes[start : start + CONTIG_BASES]].tobytes() + b"\n")
        for number, insert in enumerate(inserts):
            with Genome.open(insert, path.parent) as genome:
                for name, length in genome.contigs.items():
                    file.write(f">insert{number}_{name}\n".encode())
                    file.write(LETTERS[genome.codes(name, 0, length)].tobytes() + b"\n")


def sites_of(genome: Genome, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(2)
    lengths = np.array(list(genome.contigs.values()), dtype=np.int64)
    ends = np.cumsum(lengths)
    place = draw.integers(0, ends[-1], n)
    contig = np.searchsorted(ends, place, side="right")
    kind = draw.random(n)
    span = np.where(kind < 0.9, 1, np.where(kind < 0.95, 0, draw.integers(2, 51, n)))
    return contig, place - (ends - lengths)[contig], span


def measured(fasta: Path, n_sites: int, threads: int) -> dict:
    """Run in a process of its own, so that the peak of memory is that of this size."""
    with Genome.open(fasta, fasta.parent, indexed=True) as genome:
        sites = sites_of(genome, n_sites)
        index.build(_tiny(fasta.parent), 0, 30, 1)  # loads or compiles the code
        before, started = time.process_time(), time.monotonic()
        built = index.build(genome, *sites, threads=threads)
        cpu, wall = time.process_time() - before, time.monotonic() - started
        peak = _peak_bytes()
    copies = built.copies
    return {
        "bases": sum(genome.contigs.values()),
        "sites": n_sites,
        "threads": threads,
        "cpu_seconds": cpu,
        "wall_seconds": wall,
        "peak_gib": peak / 2**30,
        "near_copy": float((copies > 0).mean()),
        "saturated": float((copies == 100).mean()),
        "repeat_family": float(built.repeat_family.mean()),
    }


def _peak_bytes() -> int:
    """Of this process; getrusage would give the peak of the process that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _tiny(folder: Path) -> Genome:
    path = folder / "tiny.fa"
    path.write_text(">a\n" + "ACGTTGCA" * 20 + "\n")
    return Genome.open(path, folder)


def extrapolated(runs: list[dict]) -> dict:
    """CPU minutes for the human genome and 5 million sites."""
    length, sites, seconds = (
        np.array([run[name] for run in runs], dtype=float)
        for name in ("bases", "sites", "cpu_seconds")
    )
    factors = np.stack([length, length * sites, sites], axis=1)
    scale = factors.max(axis=0)
    solved = np.linalg.lstsq(factors / scale, seconds, rcond=None)[0] / scale
    whole = np.array([HUMAN_BASES, HUMAN_BASES * COHORT_SITES, COHORT_SITES])
    return {
        "nanoseconds_per_base": solved[0] * 1e9,
        "seconds_per_base_and_site": solved[1],
        "microseconds_per_site": solved[2] * 1e6,
        "cpu_minutes": float(solved @ whole) / 60,
    }


def sensitivity(folder: Path) -> list[dict]:
    """Share of sites called repeat_family that have n other places at a given identity, each of
    which differs from the site independently; 400 sites each. Places below 71 of 101 letters by
    chance are counted too."""
    draw = np.random.default_rng(3)
    rows = []
    for identity in (0.72, 0.75, 0.80, 0.85, 0.90):
        for n_places in (1, 10, 100):
            n_sites = 400
            path = folder / "families.fa"
            with open(path, "wb") as file:
                for number in range(n_sites):
                    site = random_codes(draw, 161)
                    places = [mutated(draw, site, 1 - identity) for _ in range(n_places)]
                    text = LETTERS[np.concatenate([site, *places])].tobytes()
                    file.write(f">c{number}\n".encode() + text + b"\n")
            Path(f"{path}.fai").unlink(missing_ok=True)
            with Genome.open(path, folder) as genome:
                built = index.build(genome, np.arange(n_sites), 80, 1)
            rows.append(
                {
                    "identity": identity,
                    "other_places": n_places,
                    "near_copy": float((built.copies > 0).mean()),
                    "repeat_family": float(built.repeat_family.mean()),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabases", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--sites", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument("--insert", type=Path, nargs="*", default=[], help="FASTAs to add")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON with the figures")
    parser.add_argument("--sensitivity", action="store_true", help="of repeat_family; nothing else")
    options = parser.parse_args()
    if options.sensitivity:
        with tempfile.TemporaryDirectory() as folder:
            sensitivity(Path(folder))
        return
    runs = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for megabases in options.megabases:
            fasta = Path(folder) / f"genome{megabases}.fa"
            write_genome(fasta, megabases * 1_000_000, options.insert)
            for n_sites in options.sites:
                with context.Pool(1) as pool:
                    runs.append(pool.apply(measured, (fasta, n_sites, options.threads)))
                print(json.dumps(runs[-1]), flush=True)
            fasta.unlink()
    figures = {"runs": runs}
    if len(runs) >= 3:
        figures["human_genome_5_million_sites"] = extrapolated(runs)
        print(json.dumps(figures["human_genome_5_million_sites"]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
