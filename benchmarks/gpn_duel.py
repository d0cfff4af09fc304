"""GPN duel: one random-weight network through the `gpn` package's own command line and through
ours, and past a bare runtime loop.

    python benchmarks/gpn_duel.py --fasta chr20.fa.gz --vcf truth.vcf.gz           5 alternating runs, 100 sites x 3 ALTs, 2 threads
    python benchmarks/gpn_duel.py --n_alts 1                                       the ordinary case: the one ALT of the VCF
    python benchmarks/gpn_duel.py --n_sites 4 --runs 1                             a short look

The peer lives in an environment of its own, .gfmtrust/bench-venv, made from
python/requirements/bench.txt on the first run. Its untouched command line makes the LLRs that are
compared; its Trainer.predict, called again in a process that has compiled already, makes its time.
Ours is `score_sites` with both strands, without neighbours and, in a row of its own, with them. The bare loop is onnxruntime alone
with its default options on ready-made inputs of the same windows. Exit 1 where a figure misses its
bar, 66 where something needed is not there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from gpn_duel_parts.figures import Duel, cpu_name, table
from gpn_duel_parts.messages import note, stop
from gpn_duel_parts.ours import BATCH, PAUSE_S, bare_loop, our_llrs, our_scores, seconds
from gpn_duel_parts.peer import (
    ROOT,
    WINDOW_BP,
    TimedPeer,
    peer_environment,
    peer_environment_python,
    write_checkpoint,
)
from gpn_duel_parts.sites import all_alts, read_sites

from gfmtrust.bundle.session import Session
from gfmtrust.export.export import export_model
from gfmtrust.export.options import ExportOptions
from gfmtrust.io.genome import Genome
from gfmtrust.readers.registry import reader_of

DATA = ROOT.parent / "shared" / "data" / "hg19_chr20"
GATE_WINDOWS = 8


def duel(work: Path, peer_python: Path, given: argparse.Namespace) -> Duel:
    """Everything: LLRs of both sides, then alternating runs of ours, the bare loop and the peer."""
    fasta, threads = given.fasta.resolve(), given.threads
    sites = read_sites(given.vcf, given.n_sites)
    variants = all_alts(sites) if given.n_alts == 3 else sites
    variants.to_parquet(work / "variants.parquet")
    weights = write_checkpoint(work / "random-gpn", peer_python)
    bundle = export_model(
        str(weights),
        fasta,
        work / "models",
        ExportOptions(allow_untrained=True, n_windows=GATE_WINDOWS, threads=threads),
    )
    arguments = [str(work / "variants.parquet"), str(fasta), str(WINDOW_BP), str(weights)]
    options = ["--per_device_batch_size", str(BATCH), "--is_file"]
    note("the peer's command line")
    subprocess.run(
        [peer_python, "-m", "gpn.ss.run_vep", *arguments, work / "plain.parquet", *options],
        check=True,
        env=peer_environment(threads, work / "cache_plain"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    theirs = pd.read_parquet(work / "plain.parquet")["score"].to_numpy(np.float64)
    note("the peer's command line, timed")
    peer = TimedPeer(
        peer_python,
        [*arguments, str(work / "timed.parquet"), *options],
        peer_environment(threads, work / "cache_timed"),
    )

    with Genome.open(fasta) as genome:
        contig_index = np.array([genome.names.index(name) for name in sites["chrom"]])
        places = contig_index, sites["pos"].to_numpy() - 1
        session = Session.open(bundle, "cpu", threads=threads, batch=BATCH)
        ours = our_llrs(
            our_scores(session, bundle, genome, places),
            reader_of(bundle).views("default"),
            variants,
        )
        bare = bare_loop(bundle, genome, *places, threads)
        bare()
        peer.again()  # the short last batch may be compiled anew on the second call
        times = {"ours": [], "neighbours": [], "bare": [], "peer": []}
        for number in range(given.runs):
            note(f"run {number + 1} of {given.runs}")
            times["ours"].append(seconds(lambda: our_scores(session, bundle, genome, places)))
            times["neighbours"].append(
                seconds(lambda: our_scores(session, bundle, genome, places, neighbours=True))
            )
            times["bare"].append(seconds(bare))
            time.sleep(PAUSE_S)
            times["peer"].append(peer.again())
    peer.close()
    versions = {name: version(name) for name in ("onnxruntime", "numpy")}
    difference = float(np.abs(ours - theirs).max())
    return Duel(
        given.n_sites,
        given.n_alts,
        threads,
        BATCH,
        difference,
        float(theirs.std()),
        times["ours"],
        times["neighbours"],
        times["bare"],
        times["peer"],
        peer.first["seconds"],
        peer.first,
        versions,
        cpu_name(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fasta", type=Path, default=DATA / "chr20.fa.gz")
    parser.add_argument(
        "--vcf",
        type=Path,
        default=DATA / "NA12878_giab_truth.chr20_100kb.vcf.gz",
        help="names the SNV positions",
    )
    parser.add_argument(
        "--peer_python",
        type=Path,
        help="a Python that has gpn[inference] 0.9.0a1 (default: one is set up)",
    )
    parser.add_argument("--n_sites", type=int, default=100)
    parser.add_argument(
        "--n_alts", type=int, choices=(1, 3), default=3, help="ALTs of a site: all, or the VCF's"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args()
    for path in (given.fasta, given.vcf):
        if not path.is_file():
            stop(f"{path.name}: not found; expected a file; give --fasta and --vcf")
    peer_python = given.peer_python or peer_environment_python()
    with tempfile.TemporaryDirectory() as work:
        result = duel(Path(work), peer_python, given)
    sys.stdout.write(table(result) + "\n")
    if given.out:
        given.out.write_text(json.dumps(asdict(result), indent=1) + "\n")
    missed = result.missed()
    for line in missed:
        sys.stdout.write(f"MISSED: {line}\n")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
