"""The proof of the flags on oracle genomes: writes genomes, trains what is to be proven, and prints the tables of docs/benchmarks.md.

    python tools/proof.py --law easy --work .gfmtrust/proof            all parts, 1,000 redraws each
    python tools/proof.py --law easy --part useless --n 100            one part, fewer redraws

Parts: context (the context model alone), ensemble (five small GPN networks, trained here on another genome of the law, once), useless
(five models that know nothing, germline-like and APOBEC-like), transfer (the shifted twin), regions. All that is made is kept in --work.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import numpy as np
import torch
import train_demo

from gfmtrust import benchmark
from gfmtrust.alphabet import N
from gfmtrust.benchmark.pool import POOL_ALLELES, stored
from gfmtrust.benchmark.replications import REPLICATIONS
from gfmtrust.export import export_model
from gfmtrust.genome import Genome
from gfmtrust.models import gpn
from gfmtrust.oracle import dataset, write_oracle
from gfmtrust.oracle.law import word_reverse_complements
from gfmtrust.oracle.laws import LAWS, SHIFTED, draw_contigs
from gfmtrust.oracle.markov import MarkovTable
from gfmtrust.oracle.markov_bundle import Oracle, Reading, write_bundle

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))
import useless  # noqa: E402  (models that know nothing, written by the tests)

LOG = logging.getLogger("proof")
SEEDS = range(1, 6)
GENOME_BP = 1_000_000
NETWORK = gpn.GpnConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=2, first_kernel_size=9, rest_kernel_size=1, bias=True,
                        initializer_range=0.08)
STEPS = 600
"""A minute or two a network; the decoy error of the five is then some .04 above the law's."""


def genome(work: Path, law: str) -> Path:
    """Folder of the law's genome, written on first use."""
    folder = work / law
    if not (folder / dataset.CEILING).exists():
        write_oracle(law, GENOME_BP, 1, folder)
    return folder


def ensemble(work: Path, law: str) -> list[Path]:
    """Bundles of five networks with the same data and different seeds; no base of the genome they are asked about is in that data."""
    train_demo.CONFIG, train_demo.WINDOW_BP, train_demo.BATCH, train_demo.PEAK_RATE = NETWORK, 64, 64, 0.004
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    gpn.gelu = train_demo.VectorGelu.apply
    codes = np.concatenate([contig.codes for contig in draw_contigs(law, GENOME_BP, train_demo.TRAINING_SEED)])
    for seed in SEEDS:
        weights = work / "weights" / f"{law}-{seed}"
        if not (weights / "model.safetensors").exists():
            train_demo.save(train_demo.train(codes, seed, STEPS), weights)
    return [_exported(work, work / "weights" / f"{law}-{seed}", work / law) for seed in SEEDS]


def useless_models(work: Path, law: str) -> list[Path]:
    """Bundles: random weights, constant, GC only, letters alone (order 0), flanks alone (order 1), the last two counted from the genome."""
    made = []
    for kind in useless.KINDS:
        weights = work / "weights" / kind
        if not weights.exists():
            useless.write(weights, kind)
        made.append(_exported(work, weights, work / law))
    for order in (0, 1):
        bundle = work / "bundles" / f"order_{order}_of_{law}"
        if not bundle.exists():
            write_bundle(Oracle(counted_table(work / law / dataset.GENOME, order), Reading.MASKED), bundle, gate="failed")
        made.append(bundle)
    return made


def counted_table(fasta: Path, order: int) -> MarkovTable:
    """The chain of that order whose words are as frequent as in the genome, both strands."""
    counts = np.ones(4 ** (order + 1))
    opened = Genome.open(fasta)
    for name, length in opened.contigs.items():
        codes = opened.codes(name, 0, length).astype(np.int64)
        codes = np.concatenate([codes, codes[:order]])  # closed to a ring, so that first and last letters of words are as frequent
        assert (codes < N).all()
        words = sum(codes[i: len(codes) - order + i] * 4 ** (order - i) for i in range(order + 1))
        counts += np.bincount(words, minlength=len(counts))
    counts += counts[word_reverse_complements(order + 1)]
    return MarkovTable(order, counts / counts.sum())


def _exported(work: Path, weights: Path, folder: Path) -> Path:
    bundle = work / "bundles" / f"{weights.name}_on_{folder.name}"
    if not bundle.exists():
        export_model(str(weights), folder / dataset.GENOME, bundle.parent, model_id=bundle.name, allow_untrained=True, n_windows=200)
    return bundle


def main() -> None:
    parts = ("context", "ensemble", "useless", "transfer", "regions")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--law", choices=[*LAWS], default="easy")
    parser.add_argument("--part", choices=parts, action="append", help="this part alone; may be given again")
    parser.add_argument("--n", type=int, default=REPLICATIONS, help=f"redraws [{REPLICATIONS}]")
    parser.add_argument("--work", type=Path, default=Path(".gfmtrust/proof"))
    parser.add_argument("--alleles", type=int, default=POOL_ALLELES, help=f"alleles of the ensemble's pool, when made [{POOL_ALLELES}]")
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
                show(f"{part}.{spectrum}", "useless", folder, n, work, useless_models(work, law), spectrum)
        elif part == "transfer":
            genome(work, law + SHIFTED)
            show(part, "transfer", folder, n, work)
        else:
            show(part, "region_flags", folder, n, work)


def show(part: str, name: str, folder: Path, n: int, work: Path, bundles: list[Path] = (), spectrum: str = "germline") -> None:
    """Run one benchmark of the oracle genome, under a heading, and keep its figures as JSON."""
    sys.stdout.write(f"\n== {folder.name}: {part}\n")
    benchmark.run(name, folder, None, [], None, n, work / f"{folder.name}.{part}.json", list(bundles), spectrum)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
