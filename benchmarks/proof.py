"""The proof of the flags on oracle genomes: writes genomes, trains what is to be proven, and prints
the tables of docs/understand/benchmarks.md.

    python benchmarks/proof.py --work .gfmtrust/proof                       the parts of `make proof`
    python benchmarks/proof.py --part cpg --n 100                           one part, fewer redraws
    python benchmarks/proof.py --law motifs --part ensemble                 another law

Parts of `make proof`, with their redraws: context (1,000; the context model alone), cpg (1,000; the
same on the law `few_cpg`, whatever --law is), copies (200 of each model; copies planted in that
law), memory (100 of each model and form; models that remember the file).
Further parts: ensemble (five small GPN networks, trained here on another genome of the law, once),
useless (five models that know nothing, germline-like and APOBEC-like), transfer (the shifted twin),
regions; 1,000 each. All that is made is kept in --work. Where a promise is broken more often than
delta allows, or a model earns what it must not, the last lines say so and the exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from gfmtrust.core.vocabulary import CopyClass
from gfmtrust.export.export import export_model
from gfmtrust.export.options import ExportOptions
from gfmtrust.validation import benchmark
from gfmtrust.validation.benchmark import copied, memorisers
from gfmtrust.validation.benchmark.pool import POOL_ALLELES, stored
from gfmtrust.validation.benchmark.replications import REPLICATIONS, Cell
from gfmtrust.validation.oracle import dataset, write_oracle
from gfmtrust.validation.oracle.laws import LAWS, SHIFTED

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "helpers"), str(ROOT / "training")]
import proof_networks  # noqa: E402  (training/)
import useless  # noqa: E402  (tests/helpers: models that know nothing)

LOG = logging.getLogger("proof")
SEEDS = range(1, 6)
GENOME_BP = 1_000_000
PROCESSES = 2
CPG_LAW = "few_cpg"
PROOF = ("context", "cpg", "copies", "memory")
FURTHER = ("ensemble", "useless", "transfer", "regions")


def genome(work: Path, law: str) -> Path:
    """Folder of the law's genome, written on first use."""
    folder = work / law
    if not (folder / dataset.CEILING).exists():
        write_oracle(law, GENOME_BP, 1, folder)
    return folder


def ensemble(work: Path, law: str) -> list[Path]:
    """Bundles of five networks with the same data and different seeds; no base of the genome they
    are asked about is in that data."""
    folders = {seed: work / "weights" / f"{law}-{seed}" for seed in SEEDS}
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as workers:
        collected = [
            workers.submit(proof_networks.make, law, seed, folder)
            for seed, folder in folders.items()
            if not (folder / "model.safetensors").exists()
        ]
        for one in collected:
            one.result()
    return [_exported(work, folder, work / law) for folder in folders.values()]


def useless_models(work: Path, law: str) -> list[Path]:
    """Bundles: random weights, constant, GC only, letters alone (order 0), flanks alone (order 1),
    the last two counted from the genome."""
    items = []
    for kind in useless.KINDS:
        weights = work / "weights" / kind
        if not weights.exists():
            useless.write(weights, kind)
        items.append(_exported(work, weights, work / law))
    for order in (0, 1):
        items.append(work / "bundles" / f"order_{order}_of_{law}")
        if not items[-1].exists():
            useless.write_counted(work / law / dataset.GENOME, order, items[-1])
    return items


def _exported(work: Path, weights: Path, folder: Path) -> Path:
    bundle = work / "bundles" / f"{weights.name}_on_{folder.name}"
    if not bundle.exists():
        export_model(
            str(weights),
            folder / dataset.GENOME,
            bundle.parent,
            ExportOptions(model_id=bundle.name, allow_untrained=True, n_windows=200),
        )
    return bundle


def main() -> None:
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    failures = [line for part in options.part or PROOF for line in run_part(part, options)]
    sys.stdout.write("".join(f"proof: {line}\n" for line in failures))
    sys.exit(1 if failures else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--law", choices=[*LAWS], default="easy")
    parser.add_argument(
        "--part",
        choices=PROOF + FURTHER,
        action="append",
        help="this part alone; may be given again",
    )
    parser.add_argument("--n", type=int, help="redraws [those of the part]")
    parser.add_argument("--work", type=Path, default=Path(".gfmtrust/proof"))
    parser.add_argument(
        "--alleles",
        type=int,
        default=POOL_ALLELES,
        help=f"alleles of a law's pool, when made [{POOL_ALLELES}]",
    )
    return parser.parse_args()


def run_part(part: str, options: argparse.Namespace) -> list[str]:
    """Run one part and print its tables; returns what failed."""
    work, law = options.work, options.law
    n = options.n or {"copies": copied.RUNS, "memory": memorisers.RUNS}.get(part, REPLICATIONS)
    if part in ("copies", "memory"):
        return show(part, part, work / part, n, work)
    if part == "cpg":
        law = CPG_LAW
    folder = genome(work, law)
    if part in ("context", "cpg"):
        stored(folder, [], "germline", options.alleles)
        return show(part, "replications", folder, n, work)
    if part == "ensemble":
        networks = ensemble(work, law)
        stored(folder, networks, "germline", options.alleles)
        return show(part, "replications", folder, n, work, networks)
    if part == "useless":
        models = useless_models(work, law)
        return [
            line
            for spectrum in ("germline", "apobec")
            for line in show(f"{part}.{spectrum}", "useless", folder, n, work, models, spectrum)
        ]
    if part == "transfer":
        genome(work, law + SHIFTED)
        return show(part, "transfer", folder, n, work)
    return show(part, "region_flags", folder, n, work)


def show(
    part: str,
    name: str,
    folder: Path,
    n: int,
    work: Path,
    bundles: list[Path] = (),
    spectrum: str = "germline",
) -> list[str]:
    """Run one benchmark of the oracle genome, under a heading, and keep its figures as JSON;
    returns what failed."""
    sys.stdout.write(f"\n== {folder.name}: {part}\n")
    results = benchmark.run(
        name,
        benchmark.BenchmarkOptions(
            run_dir=folder,
            n=n,
            out=work / f"{folder.name}.{part}.json",
            bundles=list(bundles),
            spectrum=spectrum,
        ),
    )
    sys.stdout.flush()
    return failures_of(f"{folder.name}, {part}", [*results.get("rows", ())])


def failures_of(place: str, rows: list) -> list[str]:
    """A line for each cell that broke its promise more often than its limit, and for each level
    that a model earned which knows nothing there."""
    lines = []
    for row in rows:
        if not isinstance(row, Cell):
            continue
        cell = f"{place}: {row.level} in {row.stratum}"
        if not row.keeps_promise:
            counts = (row.above_alpha, row.above_alpha_run, row.above_alpha_mutated)
            lines.append(
                f"{cell} was above its limit in {max(counts)} of {row.replications}; "
                f"expected at most {row.limit}"
            )
        if (
            isinstance(row, copied.CopiedCell)
            and row.model == copied.RULE
            and row.exists
            and row.stratum.startswith(CopyClass.SINGLE_COPY.value)
        ):
            lines.append(f"{cell} was earned by the copy rule in {row.exists}; expected in none")
    return lines


if __name__ == "__main__":
    main()
