"""The proof of the flags on oracle genomes: writes genomes, trains what is to be proven, and prints
the tables of docs/understand/benchmarks.md.

    python benchmarks/proof.py --law easy --work .gfmtrust/proof            all parts, 1,000 redraws each
    python benchmarks/proof.py --law easy --part useless --n 100            one part, fewer redraws

Parts: context (the context model alone), ensemble (five small GPN networks, trained here on another
genome of the law, once), useless (five models that know nothing, germline-like and APOBEC-like),
transfer (the shifted twin), regions. All that is made is kept in --work.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from gfmtrust.export.export import export_model
from gfmtrust.export.options import ExportOptions
from gfmtrust.validation import benchmark
from gfmtrust.validation.benchmark.pool import POOL_ALLELES, stored
from gfmtrust.validation.benchmark.replications import REPLICATIONS
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
    parts = ("context", "ensemble", "useless", "transfer", "regions")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--law", choices=[*LAWS], default="easy")
    parser.add_argument(
        "--part", choices=parts, action="append", help="this part alone; may be given again"
    )
    parser.add_argument("--n", type=int, default=REPLICATIONS, help=f"redraws [{REPLICATIONS}]")
    parser.add_argument("--work", type=Path, default=Path(".gfmtrust/proof"))
    parser.add_argument(
        "--alleles",
        type=int,
        default=POOL_ALLELES,
        help=f"alleles of the ensemble's pool, when made [{POOL_ALLELES}]",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    work, law, n = options.work, options.law, options.n
    folder = genome(work, law)
    for part in options.part or parts:
        if part == "context":
            show(part, "replications", folder, n, work)
        elif part == "ensemble":
            networks = ensemble(work, law)
            stored(folder, networks, "germline", options.alleles)
            show(part, "replications", folder, n, work, networks)
        elif part == "useless":
            for spectrum in ("germline", "apobec"):
                show(
                    f"{part}.{spectrum}",
                    "useless",
                    folder,
                    n,
                    work,
                    useless_models(work, law),
                    spectrum,
                )
        elif part == "transfer":
            genome(work, law + SHIFTED)
            show(part, "transfer", folder, n, work)
        else:
            show(part, "region_flags", folder, n, work)


def show(
    part: str,
    name: str,
    folder: Path,
    n: int,
    work: Path,
    bundles: list[Path] = (),
    spectrum: str = "germline",
) -> None:
    """Run one benchmark of the oracle genome, under a heading, and keep its figures as JSON."""
    sys.stdout.write(f"\n== {folder.name}: {part}\n")
    benchmark.run(
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


if __name__ == "__main__":
    main()
