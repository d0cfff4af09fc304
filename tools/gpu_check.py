#!/usr/bin/env python3
"""What a GPU makes of the exported graphs: agreement with torch on the CPU, throughput, and how much of the card's matrix rate is used.

    python tools/gpu_check.py parity              every example of the registry, fp32, fp16 and bf16, CUDA against torch CPU fp32
    python tools/gpu_check.py speed               models at their published width, ONNX Runtime and torch eager, both on CUDA
    python tools/gpu_check.py parity --family gpn --family nt_v2

Needs torch with CUDA and onnxruntime-gpu, and nothing of pysam or pyfaidx. The tables of docs/performance.md are what it prints.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from gfmtrust import models, parity, session, tokenizers
from gfmtrust.errors import GfmtrustError
from gfmtrust.models import examples
from gfmtrust.models.graph import answerer, export_graph

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
MATMUL = 8192
"""Side of the square matrix product that says what the card can do."""
FAILURES = (GfmtrustError, RuntimeError, ValueError, *session.failures())
ROUNDS = 7
SECONDS = 0.5
"""A round runs at least this long."""
ESM_100M = {
    "model_type": "esm", "vocab_size": 4107, "hidden_size": 512, "num_hidden_layers": 22, "num_attention_heads": 16,
    "intermediate_size": 2048, "max_position_embeddings": 2050, "pad_token_id": 1, "mask_token_id": 2, "token_dropout": False,
    "position_embedding_type": "rotary", "emb_layer_norm_before": False, "tie_word_embeddings": False, "add_bias_fnn": False,
    "layer_norm_eps": 1e-12}
PUBLISHED = {
    "nt_v2": (ESM_100M, ((1, 512), (8, 512), (32, 512), (1, 2048), (8, 2048))),
    "gpn": ({"model_type": "GPN", "vocab_size": 7, "hidden_size": 512, "num_hidden_layers": 25}, ((8, 512), (64, 512))),
    "generator": ({"model_type": "llama", "vocab_size": 4128, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
                   "num_key_value_heads": 4, "intermediate_size": 3072, "max_position_embeddings": 16384, "bos_token_id": 1},
                  ((8, 512), (8, 1024))),
}
"""Family -> config.json at published width (about 100 million parameters; the Llama as wide as that) and (batch, tokens) to run."""


def as_dtype(scorer: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """A copy whose network reckons in dtype; what follows its logits stays float32."""
    copied = copy.deepcopy(scorer)
    copied.network.to(dtype)
    return copied


def scorer_of(example, cuda_form: bool = True):
    """(network's family, config, folded module as CUDA would run it, text)."""
    family = models.family_of(example.config)
    config = family.read_config(example.config)
    network = examples.network(example)
    text = family.text(config, example.vocabulary)
    make = (getattr(family, "cuda_scorer", None) if cuda_form else None) or family.scorer
    return family, config, make(network, config, text).eval(), text


def wait(device: str) -> None:
    """Until the card has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def check(name: str, example, folder: Path, device: str) -> list[str]:
    """Rows of the parity table: an example at each precision."""
    family, config, scorer, text = scorer_of(example)
    window = family.window(config, example.window_bp)
    made = parity.references(answerer(scorer_of(example, cuda_form=False)[2]), tokenizers.build(text), window)
    rows = []
    for precision, dtype in DTYPES.items():
        graph = folder / f"{name}.{precision}.onnx"
        try:
            export_graph(as_dtype(scorer, dtype), made[0].feeds, graph)
            found = parity.certify(made, session.runner(graph, 2, device), session.PROVIDERS[device], np.inf)
        except FAILURES as error:
            rows.append(f"| `{name}` | {precision} | not run: {first_line(error)} | | | |")
            continue
        worst = {key: max(shape[key] for shape in found["shapes"]) for key in ("max_logp", "max_llr", "max_entropy_bits")}
        rows.append(f"| `{name}` | {precision} | {worst['max_logp']:.1e} | {worst['max_llr']:.1e} | {worst['max_entropy_bits']:.1e} | "
                    f"{found['batch_invariance_max_logp']:.1e} |")
    return rows


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120]


def median_seconds(run: Callable[[], object], device: str) -> float:
    """Median seconds a call over ROUNDS rounds of repeated calls, after a warm-up."""
    for _ in range(3):
        run()
    wait(device)
    started = time.perf_counter()
    run()
    wait(device)
    repeats = max(1, int(SECONDS / (time.perf_counter() - started)))
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(repeats):
            run()
        wait(device)
        rounds.append((time.perf_counter() - started) / repeats)
    return float(np.median(rounds))


def matrix_rate(dtype: torch.dtype, side: int, device: str) -> float:
    """Operations a second of a large square product of random numbers, TF32 off."""
    torch.backends.cuda.matmul.allow_tf32 = False
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / median_seconds(lambda: one @ other, device)


def operations(scorer: torch.nn.Module, feeds: dict) -> int:
    """Operations of the matrix products and convolutions of one pass, counted by torch on the CPU."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        scorer(**{name: torch.from_numpy(values) for name, values in feeds.items()})
    return counter.get_total_flops()


def speed(name: str, folder: Path, rates: dict[str, float], device: str) -> None:
    """Print the rows of the speed table: a family at published width, each shape and precision."""
    config, shapes = PUBLISHED[name]
    example = models.family(name).examples[name]
    example = type(example)(config, example.vocabulary, 0, 1.0)
    family, read, scorer, text = scorer_of(example)
    build = tokenizers.build(text)
    millions = f"{sum(p.numel() for p in scorer.network.parameters()) / 1e6:.0f} M"
    for precision, dtype in DTYPES.items():
        mine, graph = as_dtype(scorer, dtype), folder / f"{name}.{precision}.onnx"
        head = f"| `{name}` | {millions} | {precision} |"
        try:
            export_graph(mine, parity.feeds_of_shape(build, 2, 20 * text.k, 2, 0), graph)
            run = session.runner(graph, 2, device)
        except FAILURES as error:
            print(f"{head} | not run: {first_line(error)} | | | |", flush=True)
            continue
        mine = mine.to(device)
        for batch, tokens in shapes:
            feeds = parity.feeds_of_shape(build, batch, (tokens - len(text.prefix)) * text.k, 1, 0)
            count = operations(scorer, {key: values[:1] for key, values in feeds.items()}) * batch
            given = {key: torch.from_numpy(values).to(device) for key, values in feeds.items()}
            try:
                ours = median_seconds(lambda run=run, feeds=feeds: run(feeds), device)
                with torch.no_grad():
                    eager = median_seconds(lambda mine=mine, given=given: mine(**given)[0].cpu(), device)
            except FAILURES as error:
                print(f"{head} {batch} x {tokens} | failed: {first_line(error)} | | | |", flush=True)
                continue
            n = feeds["input_ids"].size
            print(f"{head} {batch} x {tokens} | {n / ours:,.0f} | {n / eager:,.0f} | {eager / ours:.2f} | "
                  f"{100 * count / ours / rates[precision]:.0f} % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("parity", "speed"))
    parser.add_argument("--family", action="append", help="this family alone; may be given again")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu tries the tool itself [cuda]")
    options = parser.parse_args()
    device = options.device
    if device == "cuda" and not session.cuda_works():
        sys.exit("gpu_check: no working CUDA provider; expected onnxruntime-gpu and a card; nothing was measured")
    card = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{card}, torch {torch.__version__}, onnxruntime {session.runtime_version()}")
    with tempfile.TemporaryDirectory() as scratch:
        if options.part == "parity":
            print("\n| example | precision | max Δ log p | max Δ LLR, nat | max Δ entropy, bit | batch |\n|---|---|---|---|---|---|")
            for name, (_, example) in examples.all_of(options.family).items():
                print(*check(name, example, Path(scratch), device), sep="\n", flush=True)
            return
        side = MATMUL if device == "cuda" else MATMUL // 16
        rates = {precision: matrix_rate(dtype, side, device) for precision, dtype in DTYPES.items()}
        print(f"matrix product of side {side}, 1e12 operations a second: "
              + ", ".join(f"{precision} {rate / 1e12:.0f}" for precision, rate in rates.items()))
        print("\n| family | parameters | precision | batch x tokens | ONNX Runtime, tokens/s | torch eager, tokens/s | ratio | "
              "of the matrix rate |\n|---|---|---|---|---|---|---|---|")
        for name in options.family or PUBLISHED:
            if name in models.FAMILIES:
                speed(name, Path(scratch), rates, device)


if __name__ == "__main__":
    main()
