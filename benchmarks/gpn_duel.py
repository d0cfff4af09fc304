"""GPN duel: one random-weight network through the `gpn` package's own command line and through
ours, and past a bare runtime loop.

    python benchmarks/gpn_duel.py --fasta chr20.fa.gz --vcf truth.vcf.gz           5 alternating runs, 100 sites x 3 ALTs, 2 threads
    python benchmarks/gpn_duel.py --n_sites 4 --runs 1                             a short look

The peer lives in an environment of its own, .gfmtrust/bench-venv, made from
python/requirements/bench.txt on the first run. Its untouched command line makes the LLRs that are
compared; its Trainer.predict, called again in a process that has compiled already, makes its time.
Ours is `score_sites` with both strands and without neighbours. The bare loop is onnxruntime alone
with its default options on ready-made inputs of the same windows. Exit 1 where a figure misses its
bar, 66 where something needed is not there.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import torch
from safetensors.torch import save_file

from gfmtrust.bundle import tokenizers
from gfmtrust.bundle.session import Session
from gfmtrust.core import measures
from gfmtrust.core.alphabet import BASES, reverse_complement
from gfmtrust.core.views import Views
from gfmtrust.export.export import export_model
from gfmtrust.export.options import ExportOptions
from gfmtrust.io.genome import Genome
from gfmtrust.models.families import gpn
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "hg19_chr20"
STATE = ROOT / ".gfmtrust"
PEER = ROOT / "benchmarks" / "gpn_duel_peer.py"
REQUIREMENTS = ROOT / "python" / "requirements" / "bench.txt"
SHAPE = {"vocab_size": 7, "hidden_size": 256, "num_hidden_layers": 12, "intermediate_size": 1024}
SEED = 20
HEAD_SCALE = 3.0
"""The last layer times this: official initial weights give logits of standard deviation 0.3, a
trained model's are near 1."""
N_SPECIAL = 3
"""Tokens 0 to 2: padding, mask, unknown; the four letters follow."""
WINDOW_BP = 512
BATCH = 32
GATE_WINDOWS = 8
MAX_LLR_DIFFERENCE = 1e-5
MAX_OVER_BARE = 1.25
MIN_FASTER = 6.0
PAUSE_S = 0.5
"""Before each run: the thread pool of the run before may still spin."""
MARK = "gpn_duel "
NOT_THERE = 66


@dataclass(frozen=True)
class Duel:
    """Figures of one duel. Seconds are one value a run, in order; differences are of LLRs in
    nats."""

    n_sites: int
    threads: int
    batch: int
    max_difference: float
    llr_sd: float
    ours_s: list[float]
    bare_s: list[float]
    peer_s: list[float]
    peer_first_s: float
    peer: dict
    versions: dict[str, str]
    cpu: str

    @property
    def over_bare(self) -> float:
        return float(np.median(self.ours_s) / np.median(self.bare_s))

    @property
    def faster(self) -> float:
        return float(np.median(self.peer_s) / np.median(self.ours_s))

    @property
    def compile_s(self) -> float:
        """The first prediction less an ordinary one."""
        return self.peer_first_s - float(np.median(self.peer_s))

    def missed(self) -> list[str]:
        """What misses its bar, in words."""
        checks = (
            (
                self.max_difference <= MAX_LLR_DIFFERENCE,
                f"LLRs differ by {self.max_difference:.2g}, bar {MAX_LLR_DIFFERENCE:g}",
            ),
            (
                self.over_bare <= MAX_OVER_BARE,
                f"{self.over_bare:.2f} x the bare loop, bar {MAX_OVER_BARE}",
            ),
            (
                self.faster >= MIN_FASTER,
                f"{self.faster:.2f} x faster than the peer, bar {MIN_FASTER}",
            ),
        )
        return [words for holds, words in checks if not holds]


def read_sites(vcf: Path, n_sites: int) -> pd.DataFrame:
    """The first n_sites distinct SNV positions of a VCF: chrom, pos (1-based, as the peer reads
    it), ref."""
    letters = set(BASES)
    with gzip.open(vcf, "rt") as file:
        fields = (line.split("\t", 5)[:5] for line in file if not line.startswith("#"))
        rows = [
            (chrom, int(pos), ref)
            for chrom, pos, _, ref, alt in fields
            if ref in letters and alt in letters
        ]
    sites = (
        pd.DataFrame(rows, columns=["chrom", "pos", "ref"])
        .drop_duplicates(["chrom", "pos"])
        .head(n_sites)
    )
    if len(sites) < n_sites:
        stop(
            f"{vcf}: {len(sites)} SNV positions; expected {n_sites}; give --n_sites or another --vcf"
        )
    return sites.reset_index(drop=True)


def all_alts(sites: pd.DataFrame) -> pd.DataFrame:
    """Three variants a site: chrom, pos, ref, alt."""
    return (
        sites.merge(pd.DataFrame({"alt": list(BASES)}), how="cross")
        .query("ref != alt")
        .reset_index(drop=True)
    )


def write_checkpoint(directory: Path, peer_python: Path) -> Path:
    """A directory that both sides read: config.json, model.safetensors with the official names,
    tokenizer.json."""
    torch.manual_seed(SEED)
    network = gpn.GpnForMaskedLM(gpn.GpnConfig(**SHAPE))
    by_name = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    by_name["cls.decoder.weight"] *= HEAD_SCALE
    by_name["cls.decoder.weight"][:N_SPECIAL] = away_from_specials(network)
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps({"model_type": "GPN", **SHAPE}))
    save_file(by_name, directory / "model.safetensors", {"format": "pt"})
    subprocess.run(
        [peer_python, PEER, "tokenizer", directory],
        check=True,
        env=peer_environment(1, directory),
        stdout=subprocess.DEVNULL,
    )
    return directory


def away_from_specials(network) -> torch.Tensor:
    """A row for special tokens that makes them improbable, as in a trained model: against the mean
    of what the last layer reads.

    With plain random weights they take a third of the mass or more, which ours refuses as
    MODEL_ERROR. LLRs do not read these rows.
    """
    with torch.no_grad():
        read = network.cls.transform(
            network.hidden(torch.randint(N_SPECIAL, SHAPE["vocab_size"], (2, WINDOW_BP)))
        ).mean((0, 1))
    return -read / read.norm()


def peer_environment(threads: int, cache: Path) -> dict[str, str]:
    """On CPU, with so many threads, with no compiled code from before."""
    ours = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return os.environ | ours


class TimedPeer:
    """The peer's command in a process that stays: `first` holds what its first, compiling
    prediction said."""

    def __init__(self, python: Path, arguments: list[str], environment: dict[str, str]):
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [python, PEER, "predict", *arguments],
            env=environment,
            text=True,
            bufsize=1,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self.first = self._said()

    def again(self) -> float:
        """Seconds of one more prediction."""
        self._process.stdin.write("again\n")
        return self._said()["seconds"]

    def close(self) -> None:
        """Let the command write its output and end."""
        self._process.communicate()
        if self._process.returncode:
            self._fail()

    def _said(self) -> dict:
        for line in self._process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        self._process.wait()
        return self._fail()

    def _fail(self):
        self._log.seek(0)
        stop(f"the peer ended with {self._process.returncode}:\n{self._log.read()[-2000:]}")


def our_scores(session, bundle, genome, contig_index, pos) -> SiteScores:
    return reader_of(bundle).score_sites(
        session, genome, contig_index, pos, ReadingOptions(neighbours=False)
    )


def our_llrs(scores: SiteScores, views, variants: pd.DataFrame) -> np.ndarray:
    """GFM_LLR of three variants a site, float64 (3 n,)."""
    rows = np.repeat(np.arange(len(scores.probs)), 3)
    ref, alt = ([BASES.index(letter) for letter in variants[side]] for side in ("ref", "alt"))
    n_views = len(views)
    values = measures.allele_measures(
        scores.probs[rows],
        np.full((len(rows), n_views), 1 / n_views),
        np.array(ref),
        np.array(alt),
        Views(np.zeros(n_views, int), np.array([view.strand for view in views])),
    )
    return values["llr"]


def bare_loop(bundle, genome, contig_index, pos, threads: int) -> Callable[[], None]:
    """onnxruntime alone over all windows of both strands, inputs made beforehand, the last batch as
    short as it is."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    runtime = onnxruntime.InferenceSession(
        str(bundle.graph_for("cpu")), options, providers=["CPUExecutionProvider"]
    )
    forward = np.concatenate(
        [
            genome.windows(genome.names[i], pos[[row]] - bundle.site_forward, bundle.window_bp)
            for row, i in enumerate(contig_index)
        ]
    )
    codes = np.concatenate([forward, reverse_complement(forward)])
    index = np.repeat([bundle.site_forward, bundle.site_reverse], len(pos))[:, None]
    feeds = tokenizers.feeds(tokenizers.build(bundle.text), codes, index)
    batches = [
        {name: values[start : start + BATCH] for name, values in feeds.items()}
        for start in range(0, len(codes), BATCH)
    ]

    def run() -> None:
        for batch in batches:
            runtime.run(None, batch)

    return run


def seconds(call: Callable[[], object]) -> float:
    time.sleep(PAUSE_S)
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def duel(
    work: Path, fasta: Path, vcf: Path, peer_python: Path, n_sites: int, runs: int, threads: int
) -> Duel:
    """Everything: LLRs of both sides, then alternating runs of ours, the bare loop and the peer."""
    sites = read_sites(vcf, n_sites)
    variants = all_alts(sites)
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
        pos = sites["pos"].to_numpy() - 1
        session = Session.open(bundle, "cpu", threads=threads, batch=BATCH)
        ours = our_llrs(
            our_scores(session, bundle, genome, contig_index, pos),
            reader_of(bundle).views("default"),
            variants,
        )
        bare = bare_loop(bundle, genome, contig_index, pos, threads)
        bare()
        peer.again()  # the short last batch may be compiled anew on the second call
        times = {"ours": [], "bare": [], "peer": []}
        for number in range(runs):
            note(f"run {number + 1} of {runs}")
            times["ours"].append(
                seconds(lambda: our_scores(session, bundle, genome, contig_index, pos))
            )
            times["bare"].append(seconds(bare))
            time.sleep(PAUSE_S)
            times["peer"].append(peer.again())
    peer.close()
    versions = {name: version(name) for name in ("onnxruntime", "numpy")}
    difference = float(np.abs(ours - theirs).max())
    return Duel(
        n_sites,
        threads,
        BATCH,
        difference,
        float(theirs.std()),
        times["ours"],
        times["bare"],
        times["peer"],
        peer.first["seconds"],
        peer.first,
        versions,
        cpu_name(),
    )


def table(duel: Duel) -> str:
    """The figures as a small table."""

    def row(name: str, passes: int, values: list[float]) -> str:
        middle = np.median(values)
        return f"{name:<34}{passes:>7}{middle:>9.3f}{min(values):>9.3f}{max(values):>9.3f}{passes / middle:>9.1f}"

    n, peer = duel.n_sites, duel.peer
    return "\n".join(
        [
            f"{'':<34}{'passes':>7}{'median s':>9}{'min s':>9}{'max s':>9}{'passes/s':>9}",
            row("gfmtrust score_sites", 2 * n, duel.ours_s),
            row("bare onnxruntime loop", 2 * n, duel.bare_s),
            row("gpn.ss.run_vep, Trainer.predict", 6 * n, duel.peer_s),
            f"largest difference of {3 * n} LLRs: {duel.max_difference:.2g} nats (their standard deviation: {duel.llr_sd:.2f})",
            f"score_sites / bare loop: {duel.over_bare:.3f}; peer / score_sites: {duel.faster:.2f}",
            f"peer's first predict {duel.peer_first_s:.1f} s, of which torch.compile {duel.compile_s:.1f} s, not counted above",
            f"{duel.cpu}, {duel.threads} threads each (peer says {peer['threads']}), batch {duel.batch}, {len(duel.ours_s)} alternating runs",
            f"peer: {peer['device']}, {peer['dtype']}, autocast {peer['autocast']}, {words(peer['versions'])}",
            f"ours: cpu, float32, {words(duel.versions)}",
        ]
    )


def words(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown CPU"


def peer_environment_python() -> Path:
    """The Python of .gfmtrust/bench-venv, which is made from the lock where it is not there yet."""
    venv = STATE / "bench-venv"
    python, stamp = venv / "bin" / "python", venv / "made_from.txt"
    if not (stamp.is_file() and stamp.read_bytes() == REQUIREMENTS.read_bytes()):
        uv = STATE / "bootstrap" / "bin" / "uv"
        if not uv.is_file():
            stop(f"{uv.relative_to(ROOT)}: not found; expected after set-up; run `make setup`")
        note("making .gfmtrust/bench-venv (torch with its CUDA libraries: about 5 GB)")
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv], check=True
        )
        subprocess.run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "--python",
                python,
                "-r",
                REQUIREMENTS,
            ],
            check=True,
        )
        stamp.write_bytes(REQUIREMENTS.read_bytes())
    return python


def note(words: str) -> None:
    sys.stderr.write(f"gpn_duel: {words}\n")


def stop(line: str):
    sys.stderr.write(f"gpn_duel: {line}\n")
    raise SystemExit(NOT_THERE)


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
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args()
    for path in (given.fasta, given.vcf):
        if not path.is_file():
            stop(f"{path.name}: not found; expected a file; give --fasta and --vcf")
    peer_python = given.peer_python or peer_environment_python()
    with tempfile.TemporaryDirectory() as work:
        result = duel(
            Path(work),
            given.fasta.resolve(),
            given.vcf,
            peer_python,
            given.n_sites,
            given.runs,
            given.threads,
        )
    sys.stdout.write(table(result) + "\n")
    if given.out:
        given.out.write_text(json.dumps(asdict(result), indent=1) + "\n")
    missed = result.missed()
    for line in missed:
        sys.stdout.write(f"MISSED: {line}\n")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
