"""Throughput of exported graphs against PyTorch eager, one member of each class of network at real
width, in one run.

    python benchmarks/throughput.py                                   512 and 6,144 tokens, 2 threads, medians of 7 interleaved runs
    python benchmarks/throughput.py --only Mamba-1 --lengths 512      one class; --set num_hidden_layers=22 gives every one other keys
    python benchmarks/throughput.py --device cuda --precisions fp32 fp16

Weights are random, inputs the same for all. Contestants: the graph in ONNX Runtime; the same folded
module in eager torch, which gathers the scored row before the head as the graph does; the whole
network in eager torch, which gives logits of every token and, for Hyena, convolves by torch.fft;
and for Mamba transformers' own network with the same weights. Bars are of the ratio to the
contestant named beside them. For a missed bar the graph's operators are timed. A
class whose family is not in the registry is skipped with a line. Exit 1 where a bar is missed (CPU,
fp32), 66 where no class is left, 69 without a CUDA provider. No genome is needed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import onnxruntime
import torch
from throughput_parts import cases, figures
from throughput_parts.contest import DTYPES, PROVIDERS, contest
from throughput_parts.messages import NO_DEVICE, NOTHING_LEFT, note, stop

LENGTHS = (512, 6144)
RUNS = 7


def setting(words: str) -> tuple[str, object]:
    key, _, value = words.partition("=")
    if not value:
        raise argparse.ArgumentTypeError(f"{words!r}; expected key=value")
    return key, json.loads(value)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=[case.kind for case in cases.CASES], help="these classes alone"
    )
    parser.add_argument(
        "--lengths", nargs="+", type=int, default=LENGTHS, help="tokens a window [512 6144]"
    )
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=PROVIDERS, default="cpu")
    parser.add_argument("--precisions", nargs="+", choices=[*DTYPES], default=["fp32"])
    parser.add_argument(
        "--set",
        nargs="+",
        type=setting,
        default=[],
        metavar="KEY=VALUE",
        help="keys of config.json, where a class has them",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="time the operators of every graph, not of missed bars alone",
    )
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    given.set = dict(given.set)
    if given.device == "cuda":
        if (
            not torch.cuda.is_available()
            or PROVIDERS["cuda"] not in onnxruntime.get_available_providers()
        ):
            stop(
                "device cuda: not there for both torch and onnxruntime; expected one; use --device cpu",
                NO_DEVICE,
            )
        onnxruntime.preload_dlls(directory="")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(given.threads)
    rows: list[figures.Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases.CASES:
            family = cases.member(case)
            if given.only and case.kind not in given.only:
                continue
            if family is None:
                note(
                    f"{case.kind}: no family {' or '.join(case.families)} in the registry; skipped"
                )
                continue
            for tokens in given.lengths:
                rows += contest(case, family, tokens, given, Path(folder))
    if not rows:
        stop("no class is left", NOTHING_LEFT)
    place = (
        torch.cuda.get_device_name()
        if given.device == "cuda"
        else f"{platform.machine()}, {given.threads} threads"
    )
    sys.stdout.write(
        f"{figures.table(rows)}\n\n{place}; {figures.versions()}; medians of {given.runs} interleaved runs.\n"
    )
    if given.out:
        given.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    raise SystemExit(1 if any(row.missed for row in rows) else 0)


if __name__ == "__main__":
    main()
