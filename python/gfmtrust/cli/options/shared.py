"""The types of option values, the options that several steps share, and the record of a step."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def truth(text: str) -> bool:
    """`true` or `false`, as the pipeline hands them over."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def several(text: str) -> int:
    """A number of things that are compared with each other."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 2")
    return int(text)


LARGEST_SEED = 2**31 - 1
"""As in nextflow_schema.json."""


def seed(text: str) -> int:
    """A seed of all random generators: none of them takes a negative one."""
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer from 0 to {LARGEST_SEED:,}")
    return int(text)


def not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is negative or not finite")
    return value


def share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def probe_number(text: str) -> str | int:
    if text != "auto" and not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a positive integer")
    return text if text == "auto" else int(text)


def part(text: str) -> tuple[int, int]:
    """`3/10`: the third of ten parts."""
    one, _, total = text.partition("/")
    if not (one.isdecimal() and total.isdecimal() and 1 <= int(one) <= int(total)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part such as 3/10")
    return int(one), int(total)


SHARED = {
    "fasta": dict(
        type=Path, required=True, help="the genome: a FASTA file, plain or compressed (bgzip)"
    ),
    "out_dir": dict(type=Path, required=True, help="folder for the output of this step"),
    "cpus": dict(
        type=positive,
        default=1,
        help="number of threads or processes; it does not change the output [1]",
    ),
    "seed": dict(type=seed, default=1, help="seed of all random draws [1]"),
    "plan": dict(type=Path, required=True, help="folder written by plan_sites"),
    "checked": dict(type=Path, required=True, help="folder written by check_inputs"),
    "bundles": dict(
        type=Path,
        nargs="+",
        required=True,
        help="bundle folders of all models, in the order of --models",
    ),
    "models": dict(
        type=Path,
        nargs="+",
        required=True,
        help="bundle folders, or only their bundle.json, of all models in the order of the run",
    ),
    "scores": dict(
        type=Path,
        nargs="+",
        required=True,
        help="score tables written by score_sites, or folders of them",
    ),
    "device": dict(
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="device for the models; auto uses CUDA if it works, and reports the device [auto]",
    ),
    "views": dict(
        choices=["fast", "default", "thorough"],
        default="default",
        help="views of each site; fast: forward strand; default: both strands; thorough: also "
        "shifts or k-mer phases, and half of the context [default]",
    ),
    "neighbours": dict(
        type=truth,
        default=True,
        metavar="true|false",
        help="also score the neighbours of each site, for GFM_GAIN; this doubles the passes of "
        "masked models [true]",
    ),
    "heldout_contigs": dict(
        nargs="+",
        default=[],
        metavar="CONTIG",
        help="contigs of the genome that the model never saw in its training: if it seems to have "
        "memorised the others, HIGH is certified on these alone [those of the model's gfmtrust.json]",
    ),
    "regions": dict(type=Path, nargs="*", default=[], help="BED files of regions"),
    "include": dict(
        type=Path, help="BED file; variants outside it are not scored (status NOT_SELECTED)"
    ),
    "contig_map": dict(
        default="none",
        help="none, auto (chr prefix and MT; the lengths must agree), or a tab-separated file of "
        "input and genome names [none]",
    ),
    "calibration": dict(type=Path, required=True, help="calibration.json written by calibrate"),
    "region_stride": dict(
        type=positive,
        default=8,
        help="distance in tokens between the region bases that are masked in one pass; 1 scores "
        "each base separately and exactly [8]",
    ),
    "max_n": dict(
        type=share,
        default=0.10,
        help="largest share of N in a window; above it a site is AMBIGUOUS_BASE [0.10]",
    ),
    "max_line": dict(
        type=positive,
        default=256,
        help="longest line of a VCF in MiB; a task needs some ten times as much memory [256]",
    ),
    "allow_long_window": dict(
        action="store_true",
        help="allow a window longer than the model was trained on; the alleles are marked "
        "OOD_WINDOW",
    ),
    "bundle": dict(type=Path, required=True, help="bundle folder"),
    "bases": dict(type=Path, required=True, help="bases.parquet written by annotate_sites"),
    "force": dict(action="store_true", help="replace an existing output"),
}


@dataclass(frozen=True)
class Step:
    """The declaration of a step.

    text: the description; the list of steps shows what precedes ". Example".
    shared: names of entries of `SHARED`.
    options: name -> arguments of `add_argument`; `bare=True` declares a positional argument.
    """

    text: str
    shared: tuple[str, ...]
    options: dict[str, dict[str, Any]]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        for name in self.shared:
            parser.add_argument(f"--{name}", **SHARED[name])
        for name, settings in self.options.items():
            arguments = {key: value for key, value in settings.items() if key != "bare"}
            parser.add_argument(name if settings.get("bare") else f"--{name}", **arguments)


def step(text: str, /, *shared: str, **options: dict[str, Any]) -> Step:
    return Step(text, shared, options)
