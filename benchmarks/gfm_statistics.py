"""Compares the statistics of `gfmtrust audit replicate` with those of the public code of arXiv
2604.04287, lbcb-sci/GFMs at 277899c (MIT), on the same arrays, and writes the numbers of that code
into tests/data/golden/gfm_statistics.json.

    python benchmarks/gfm_statistics.py --code a-checkout-of-GFMs --write

It needs the packages torchmetrics and ckatorch beside ours. The modules of the public code that load
data and draw progress are not imported: their functions are not compared. Arrays are drawn from seeds
by `arrays` and `tiny_network`, so that the file holds numbers alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
import types
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from gfm_golden import CUTS, KS, arrays, batches, our_numbers, tiny_network  # noqa: E402

GOLDEN = ROOT / "tests" / "data" / "golden" / "gfm_statistics.json"
COMMIT = "277899cd58a030f07de19d13252c9bc22fb9f06e"
LARGEST_DIFFERENCE = 1e-6


def public_modules(code: Path):
    """The modules of the public code that have its statistics."""
    sys.path.insert(0, str(code))
    for name, values in {
        "src.analyze.data": dict.fromkeys(
            ("mlm_preprocess", "get_dataset_wiki", "get_dna_dataset", "DeviceWrapper")
        ),
        "src.utils": {"DATA_TOKENIZER_PAIRS": (), "create_results_dict": dict, "run_key": str},
        "src.analyze": {"__path__": [str(code / "src" / "analyze")]},
    }.items():
        module = types.ModuleType(name)
        vars(module).update(values)
        sys.modules[name] = module
    names = ("metrics", "distribution.distribution", "embeddings.embeddings", "fisher.fisher")
    # an import of the folder "embeddings" would give the function of that name
    return [importlib.import_module(f"src.analyze.{name}") for name in names]


def public_numbers(code: Path) -> dict[str, float]:
    """Name -> number of the public code, on float64 arrays."""
    metrics, distribution, embeddings, fisher = public_modules(code)
    torch.set_default_dtype(torch.float64)  # its checks compare with arrays of the default type
    drawn = {name: torch.from_numpy(one) for name, one in arrays().items()}
    p, q, a, b = drawn["p"], drawn["q"], drawn["a"], drawn["b"]
    uniform = torch.ones_like(p) / p.shape[-1]
    numbers = {
        "kl": metrics.kl_divergence(uniform, p).sum() / len(p),
        "entropy": -(p * torch.log2(p + 1e-10)).sum() / len(p),
    }
    for cut in CUTS:
        both = distribution.top_p_reweight(torch.stack([p, q]), cut)
        numbers[f"js {cut:g}"] = metrics.jensen_shannon_distance(*both).nanmean()
    alike = [metrics.cosine_similarity(one, one) for one in (a, b)]
    for k in KS:
        numbers[f"jaccard {k}"] = metrics.topk_overlap(*alike, k=k)
        numbers[f"spearman {k}"] = metrics.local_spearman_correlation(*alike, k=k)
    x, y, disparity = metrics.get_procrustes([a, b])[0]
    cosine = torch.nn.functional.cosine_similarity(torch.tensor(x), torch.tensor(y))
    numbers |= {"procrustes": disparity, "procrustes cosine": cosine.mean()}
    for kernel in ("linear", "rbf"):
        numbers[f"{kernel} cka"] = metrics.centered_kernel_alignment(a, b, kernel)
    for name in ("uniformity", "anisotropy", "avg_cosine_sim", "effective_rank"):
        numbers[name] = getattr(embeddings, name)(a)
    for name in ("neighbor_alignment", "alignment", "linear_cka"):
        numbers[name] = getattr(embeddings, name)(a, b)
    for tied in (True, False):
        network = tiny_network(tied)
        values = fisher.get_fisher_information((network,), batches(), logging.getLogger())
        for group, value in fisher.reduce_fisher_average_models(values).items():
            numbers[f"fisher {group}, {'tied' if tied else 'untied'}"] = value
    return {name: float(value) for name, value in numbers.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--code", type=Path, required=True, help="a checkout of lbcb-sci/GFMs")
    parser.add_argument("--write", action="store_true", help="write the golden file")
    options = parser.parse_args()
    public, ours = public_numbers(options.code), our_numbers()
    worst = 0.0
    for name, value in public.items():
        difference = abs(ours[name] - value) / max(1.0, abs(value))
        worst = max(worst, difference)
        sys.stdout.write(f"{name}\t{value:.10g}\t{ours[name]:.10g}\t{difference:.1e}\n")
    sys.stdout.write(f"largest difference\t{worst:.1e}\n")
    if options.write:
        content = {"source": f"lbcb-sci/GFMs at {COMMIT} (MIT)", "numbers": public}
        GOLDEN.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return int(worst > LARGEST_DIFFERENCE)


if __name__ == "__main__":
    sys.exit(main())
