"""CPU time of the context model: the compiled law against its graph in ONNX Runtime, in one run.

    python benchmarks/context_model.py                          a generated genome of 2 Mb
    python benchmarks/context_model.py --fasta chr20.fa.gz --runs 7 --out figures.json

A model is fitted to the genome, or taken from --bundle. Both score the same SNV sites with their
neighbours, a region, and changes with all sites that their rows list, in turns, with one thread; the
figures are medians of CPU seconds in Reader.score_sites and Reader.score_variants. Bars: an SNV site
4 times faster than the graph, a region at 100 Mb per hour, an indel or MNV at most 4 SNV sites, and
equal answers (2e-5 in ln p, four times that in a sum over a haplotype). Exit 1 where one is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gfmtrust.baseline.members import Members
from gfmtrust.baseline.scorer import FEW_PLACES, CompiledLaw, open_scorer
from gfmtrust.baseline.write import fit_context_model
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import LETTERS, N, decode
from gfmtrust.inputs.variants import Variant
from gfmtrust.io.genome import Genome
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.validation.benchmark.context import write_genome

GENERATED_BASES = 2_000_000
MARGIN = 200
SNV_BAR, REGION_BAR, CHANGE_BAR = 4.0, 100.0, 4.0
TOLERANCE = 2e-5
KINDS = ("snv", "region", "mnv2", "ins1", "ins3", "del1", "del3")


def drawn_places(genome: Genome, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """contig_index and pos of n bases with known letters around them, in genome order."""
    names = [name for name in genome.names if genome.contigs[name] > 4 * MARGIN]
    index = rng.choice([genome.names.index(name) for name in names], 4 * n)
    lengths = np.array(list(genome.contigs.values()))[index]
    if len(names) == 1:  # a contig of one slice among N: its bases alone
        bases = np.flatnonzero(genome.codes(names[0], 0, int(lengths[0])) < N)
        pos = rng.choice(bases[(bases > MARGIN) & (bases < lengths[0] - MARGIN)], 4 * n)
    else:
        pos = rng.integers(MARGIN, lengths - MARGIN)
    order = np.lexsort((pos, index))
    contig_index, pos = index[order], pos[order]
    clean = [
        bool((genome.codes(genome.names[i], at - MARGIN, at + MARGIN) < N).all())
        for i, at in zip(contig_index.tolist(), pos.tolist(), strict=True)
    ]
    chosen = np.sort(rng.choice(np.flatnonzero(clean), n, replace=False))
    return contig_index[chosen], pos[chosen]


def changes(
    kind: str, genome: Genome, places: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[list[Variant], np.ndarray]:
    """Changes of one kind at places, and the distance of each of their sites from the place."""
    length = int(kind[3:])
    variants = []
    for index, at in zip(*(column.tolist() for column in places), strict=True):
        if kind.startswith("ins"):
            letters = LETTERS[rng.integers(0, 4, length)].tobytes().decode()
            variants.append(Variant(at, "", letters))
        else:
            ref = decode(genome.codes(genome.names[index], at, at + length))
            variants.append(Variant(at, ref, ""))
    beside = [-1, 0] if kind.startswith("ins") else list(range(length))
    return variants, np.array(beside)


class Contest:
    """Both ways of running one model, and the inputs."""

    def __init__(self, bundle: Bundle, genome: Genome, n: int, seed: int) -> None:
        self.reader, self.genome, self.n = reader_of(bundle), genome, n
        self.reading = ReadingOptions(admitted=Members.open(bundle.directory).admitted)
        rng = np.random.default_rng(seed)
        self.places = drawn_places(genome, n, rng)
        self.changes = {
            kind: changes(kind, genome, self.places, rng)
            for kind in KINDS
            if kind[:3] in ("ins", "del")
        }
        self.answers: dict[tuple[str, str], list[np.ndarray]] = {}

    def scorer(self, way: str):
        """The model opened anew, so that nothing is remembered."""
        if way == "graph":
            return self.reader.open_scorer("cpu", 1, None, False)
        scorer = open_scorer(self.reader, "cpu", n_places=FEW_PLACES + 1)  # as large tasks do
        assert isinstance(scorer, CompiledLaw), "the bundle has another graph"
        return scorer

    def task(self, way: str, kind: str) -> Callable[[], list[np.ndarray]]:
        """What is timed: the answers of a kind of inputs."""
        scorer, (index, pos) = self.scorer(way), self.places

        def sites(contig_index: np.ndarray, at: np.ndarray) -> list[np.ndarray]:
            scores = self.reader.score_sites(scorer, self.genome, contig_index, at, self.reading)
            return [np.log(scores.probs), scores.local_surprisal]

        if kind == "snv":
            return lambda: sites(index, pos)
        if kind == "region":
            middle = int(pos[len(pos) // 2])
            return lambda: sites(np.full(self.n, index[len(pos) // 2]), middle + np.arange(self.n))
        if kind == "mnv2":
            return lambda: sites(np.repeat(index, 2), (pos[:, None] + [0, 1]).ravel())
        variants, beside = self.changes[kind]
        rows = np.repeat(index, len(beside)), (pos[:, None] + beside).ravel()

        def scored() -> list[np.ndarray]:
            llr = self.reader.score_variants(scorer, self.genome, index, variants, self.reading).llr
            return [*sites(*rows), llr / 4]

        return scored

    def seconds(self, way: str, kind: str) -> float:
        task = self.task(way, kind)
        started = time.process_time()
        self.answers[way, kind] = task()
        return time.process_time() - started

    def difference(self, kind: str) -> float:
        """The largest difference between both ways; a sum over a haplotype counts a quarter."""
        pairs = zip(self.answers["graph", kind], self.answers["law", kind], strict=True)
        return max(float(np.nanmax(np.abs(one - other), initial=0.0)) for one, other in pairs)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fasta", type=Path, help="genome [generated]")
    parser.add_argument("--bundle", type=Path, help="a context model that was fitted to it")
    parser.add_argument("--sites", type=int, default=4_000, help="sites, bases and changes [4000]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--graph_runs", type=int, default=2, help="of these with the graph [2]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        fasta = given.fasta or Path(folder) / "genome.fa"
        if not given.fasta:
            write_genome(fasta, GENERATED_BASES, given.seed)
        bundle = (
            Bundle.open(given.bundle)
            if given.bundle
            else fit_context_model(fasta, Path(folder) / "context_model", given.seed)
        )
        with Genome.open(fasta, folder) as genome:
            contest = Contest(bundle, genome, given.sites, given.seed)
            seconds: dict[tuple[str, str], list[float]] = {}
            for run in range(given.runs):
                for kind in KINDS:
                    for way in ("graph", "law")[run >= given.graph_runs :]:
                        seconds.setdefault((way, kind), []).append(contest.seconds(way, kind))
            differences = {kind: contest.difference(kind) for kind in KINDS}
    raise SystemExit(reported(seconds, differences, given))


def reported(
    seconds: dict[tuple[str, str], list[float]], differences: dict[str, float], given
) -> int:
    """Print the table, write the figures, and return the exit code."""
    each = {key: 1e6 * float(np.median(values)) / given.sites for key, values in seconds.items()}
    rows, missed = [], []
    for kind in KINDS:
        graph, law = each["graph", kind], each["law", kind]
        in_snvs = law / each["law", "snv"]
        rows.append(
            {
                "kind": kind,
                "graph_us": round(graph, 1),
                "law_us": round(law, 1),
                "faster": round(graph / law, 1),
                "in_snv_sites": round(in_snvs, 2),
                "before_in_snv_sites": round(graph / each["graph", "snv"], 2),
                "difference": differences[kind],
            }
        )
        if kind not in ("snv", "region") and in_snvs > CHANGE_BAR:
            missed.append(f"{kind}: {in_snvs:.2f} SNV sites; expected at most {CHANGE_BAR:g}")
        if not differences[kind] <= TOLERANCE:
            missed.append(f"{kind}: differs by {differences[kind]:.2g}")
    if rows[0]["faster"] < SNV_BAR:
        missed.append(f"snv: {rows[0]['faster']} times faster; expected {SNV_BAR:g}")
    rate = 3600 / each["law", "region"]
    if rate < REGION_BAR:
        missed.append(f"region: {rate:.0f} Mb per hour; expected {REGION_BAR:g}")
    columns = list(rows[0])
    lines = [columns, *([str(row[name]) for name in columns] for row in rows)]
    sys.stdout.write("".join("\t".join(line) + "\n" for line in lines))
    sys.stdout.write(f"region: {rate:.0f} Mb per hour and thread\n")
    sys.stdout.write("".join(f"missed: {line}\n" for line in missed))
    if given.out:
        figures = {"rows": rows, "region_mb_per_hour": rate, "missed": missed}
        given.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    main()
