#!/usr/bin/env python3
"""What a GPU makes of the exported graphs: agreement with torch on the CPU, and the card's own
matrix rate.

    python benchmarks/gpu_check.py parity              every example of the registry, fp32 and fp16, CUDA against torch CPU fp32
    python benchmarks/gpu_check.py parity --family gpn --family nt_v2
    python benchmarks/gpu_check.py matrix              what a large matrix product reaches; throughput.py --device cuda gives TFLOP/s beside it

Needs torch with CUDA and onnxruntime-gpu, and nothing of pysam or pyfaidx.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))


from gfmtrust.bundle import bpe, devices, runtime, session
from gfmtrust.core.errors import GfmtrustError
from gfmtrust.export import parity
from gfmtrust.models import checkpoint, examples
from gfmtrust.models.graph import answerer, export_graph

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
SIDE = 8192
"""Of the square matrix product."""
FAILURES = (GfmtrustError, RuntimeError, ValueError, *runtime.failures())
ROUNDS = 7


def check(name: str, example, folder: Path, device: str) -> list[str]:
    """Rows of the parity table: an example at each precision."""
    loaded = checkpoint.load(examples.write(folder / name, example))
    family, config, text = loaded.family, loaded.config, loaded.text
    window = family.window(config, example.window_bp)
    network = family.sized(
        loaded.network, max(window.window_bp, parity.longest_but_window(window, text.k))
    )
    scorer = family.scorer(network, config, text).eval()
    references = parity.references_of_tokens if isinstance(text, bpe.BpeText) else parity.references
    references_made = references(answerer(scorer), session.tables(text), window)
    scored_network = (
        family.cuda_scorer(network, config, text).eval() if family.cuda_scorer else scorer
    )
    rows = []
    for precision in DTYPES:
        graph = folder / f"{name}.{precision}.onnx"
        try:
            export_graph(
                scored_network if precision == "fp32" else scored_network.halved(),
                references_made[0].feeds,
                graph,
            )
            outcome = parity.certify(
                references_made, runtime.runner(graph, 2, device), runtime.PROVIDERS[device], np.inf
            )
        except FAILURES as error:
            rows.append(
                f"| `{name}` | {precision} | not run: {str(error).splitlines()[0][:120]} | |"
            )
            continue
        rows.append(
            f"| `{name}` | {precision} | {max(shape['max_logp'] for shape in outcome['shapes']):.1e} | "
            f"{outcome['batch_invariance_max_logp']:.1e} |"
        )
    return rows


def matrix_rate(dtype: torch.dtype, side: int, device: str) -> float:
    """Operations a second of a square product of random numbers, the median of ROUNDS, TF32 off."""
    torch.backends.cuda.matmul.allow_tf32 = False
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(ROUNDS + 3):  # the first three warm it up
        started = time.perf_counter()
        product = one @ other
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    assert product.isfinite().all()
    return 2 * side**3 / float(np.median(seconds[3:]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("parity", "matrix"))
    parser.add_argument("--family", action="append", help="this family alone; may be given again")
    parser.add_argument(
        "--device", choices=("cuda", "cpu"), default="cuda", help="cpu tries the tool itself [cuda]"
    )
    options = parser.parse_args()
    device = options.device
    if device == "cuda" and not devices.cuda_works():
        sys.exit(
            "gpu_check: no working CUDA provider; expected onnxruntime-gpu and a card; nothing was measured"
        )
    card = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{card}, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}")
    if options.part == "matrix":
        side = SIDE if device == "cuda" else SIDE // 16
        rates = ", ".join(
            f"{precision} {matrix_rate(dtype, side, device) / 1e12:.3g}"
            for precision, dtype in DTYPES.items()
        )
        print(f"matrix product of side {side}, TFLOP/s: {rates}")
        return
    print("\n| example | precision | max Δ log p | batch |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name, (_, example) in examples.all_of(options.family).items():
            print(*check(name, example, Path(scratch), device), sep="\n", flush=True)


if __name__ == "__main__":
    main()
