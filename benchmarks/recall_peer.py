"""The copy probe of recall-bench through its own code and through ours: the same windows, and the same
numbers.

    pip install --target DIR --no-deps recall-bench==0.2.1
    PYTHONPATH=DIR:python python benchmarks/recall_peer.py --fasta genome.fa --pairs WEIGHTS=BUNDLE ...

recall-bench (MIT) repeats a segment A of real sequence after d letters and measures `copy_advantage =
CE(control) - CE(repeat)` of the last copy in nats per letter; in the control the genome stands where
the first copy was. Its side runs the network of the checkpoint in torch, ours the graph of the
bundle in ONNX Runtime with windows of our own making. Only the numbers are compared: the difference
of the mean and of both ends of its interval. Exit 1 where one is above 1e-4 nats, 66 where
recall-bench is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from gfmtrust.audit.subject import Subject
from gfmtrust.bundle import tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import N, decode
from gfmtrust.io.genome import Genome
from gfmtrust.scoring.options import ScoringOptions

BAR = 1e-4
DRAWS = 1000
BATCH = 16


def windows(letters: list[np.ndarray], shape: tuple[int, int, int], trials: int, seed: int):
    """Repeat and control windows, codes uint8 (trials, ctx) each, drawn as the protocol draws them.
    letters: of each contig; shape: ctx, distance, segment."""
    ctx, distance, segment = shape
    rng = np.random.default_rng([seed, ctx, distance])
    lengths = np.array([len(one) for one in letters])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    controls = []
    while len(controls) < trials:
        contig = rng.choice(np.flatnonzero(lengths >= ctx))
        at = rng.integers(starts[contig], starts[contig + 1] - ctx + 1) - starts[contig]
        window = letters[contig][at : at + ctx]
        if (window >= N).mean() < 0.01:
            controls.append(window)
    control = np.stack(controls)
    repeat, lead = control.copy(), ctx - 2 * segment - distance
    repeat[:, lead : lead + segment] = control[:, ctx - segment :]
    return repeat, control


def ours(subject: Subject, letters: list[np.ndarray], shape, trials: int, seed: int) -> dict:
    """Copy advantage of a bundle, and the ends of its 95 % interval."""
    ctx, _, segment = shape
    index = np.repeat(np.arange(ctx - segment, ctx)[None], trials, axis=0)
    cost = []
    for codes in windows(letters, shape, trials, seed):
        asked = subject._asked(codes, index)
        probs, off = subject.scorer.distributions(asked, index)
        p = np.take_along_axis(
            np.nanmean(probs, axis=2), np.take_along_axis(codes, index, 1)[..., None], 2
        )
        cost.append(-(np.log(p[..., 0]) + np.log1p(-off)).sum(axis=1))
    advantage = (cost[1] - cost[0]) / segment
    drawn = np.random.default_rng(seed).choice(advantage, (DRAWS, trials)).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"copy_advantage": advantage.mean(), "ci_lo": low, "ci_hi": high}  # fmt: skip


def theirs(weights: Path, letters: list[np.ndarray], shape, trials: int, seed: int) -> dict:
    """The same from recall-bench and the checkpoint's network in torch."""
    import recall_bench  # noqa: PLC0415

    from gfmtrust.models.checkpoint import load  # noqa: PLC0415

    checkpoint = load(weights)
    text = checkpoint.text
    tokens = [*tokenizers.words(text), text.unknown]
    ids = {letter: text.vocabulary[token] for letter, token in zip("ACGTN", tokens, strict=True)}
    model = recall_bench.CallableModel(
        checkpoint.network,
        lambda sequence: [ids[letter] for letter in sequence],
        causal=text.causal,
        mask_id=text.vocabulary[text.mask] if text.mask else None,
        max_ctx=1 << 20,
        prefix=[text.vocabulary[token] for token in text.prefix],
        suffix=[text.vocabulary[token] for token in text.suffix],
        device="cpu",
    )
    background = recall_bench.DNABackground.from_strings([decode(one) for one in letters])
    ctx, distance, segment = shape
    return recall_bench.evaluate(
        model, [distance], seg=segment, trials=trials, seed=seed, ctx=ctx, background=background, verbose=False
    )[0]  # fmt: skip


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--fasta", type=Path, required=True)
    parser.add_argument("--pairs", nargs="+", required=True, metavar="WEIGHTS=BUNDLE")
    parser.add_argument(
        "--shapes", nargs="+", default=["256,16,32", "256,64,32", "1024,64,256"],
        metavar="CTX,DISTANCE,SEGMENT", help="[256,16,32 256,64,32 1024,64,256]",
    )  # fmt: skip
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="also write the rows as JSON")
    return parser.parse_args()


def main() -> int:
    settings = options()
    if importlib.util.find_spec("recall_bench") is None:
        print("recall-bench is not installed; see the head of this file", file=sys.stderr)
        return 66
    with tempfile.TemporaryDirectory() as scratch, Genome.open(settings.fasta, scratch) as genome:
        letters = [genome.codes(name, 0, genome.contigs[name]) for name in genome.names]
    rows = []
    for pair in settings.pairs:
        weights, _, bundle = pair.partition("=")
        scoring = ScoringOptions(device="cpu", batch=BATCH, allow_long_window=True)
        subject = Subject.open(Bundle.open(bundle), scoring)
        for text in settings.shapes:
            shape = tuple(map(int, text.split(",")))
            here = ours(subject, letters, shape, settings.trials, settings.seed)
            there = theirs(Path(weights), letters, shape, settings.trials, settings.seed)
            apart = max(abs(here[name] - there[name]) for name in here)
            row = {
                "model": subject.name,
                "ctx": shape[0],
                "distance": shape[1],
                "segment": shape[2],
            }
            row |= {f"{name}, ours": float(value) for name, value in here.items()}
            row |= {f"{name}, recall-bench": there[name] for name in here} | {
                "largest difference": float(apart)
            }
            rows.append(row)
            print(
                f"{subject.name:24} ctx {shape[0]:5} distance {shape[1]:4} segment {shape[2]:4}  "
                f"ours {here['copy_advantage']:+.6f}  recall-bench {there['copy_advantage']:+.6f}  "
                f"largest difference {apart:.1e}",
                flush=True,
            )
    if settings.out:
        settings.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(row["largest difference"] > BAR for row in rows))


if __name__ == "__main__":
    sys.exit(main())
