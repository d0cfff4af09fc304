"""The command line of every step: options declared once, in the words of the pipeline's parameters.

No work is done here. Each module holds the declarations of one group of steps.
"""

from __future__ import annotations

import argparse

from gfmtrust.cli.options import audit, checks, models, results, scoring, sites
from gfmtrust.cli.steps import STEPS as FUNCTIONS

EPILOG = """exit codes: 0 done, 64 usage, 65 bad data, 66 missing input, 69 device unavailable, 70 internal, 73 cannot write,
74 I/O, 75 transient (worth a retry), 78 configuration, 143 terminated"""
STEPS = sites.STEPS | models.STEPS | scoring.STEPS | results.STEPS | audit.STEPS | checks.STEPS
"""Step name -> its declaration; `gfmtrust.cli.steps.STEPS` gives the order."""


def parser(kind: type[argparse.ArgumentParser], version: str) -> argparse.ArgumentParser:
    """The whole command line; `kind` is the parser class, which decides how a usage error ends."""
    top = kind(
        prog="gfmtrust",
        description="gfmtrust reports how far a genomic foundation model can be trusted at each variant. "
        "The pipeline (nextflow run) calls these steps in order, and each can be run by hand. "
        "For interactive use: models, verify, compare, selfcheck, oracle, audit and benchmark.",
        epilog=EPILOG,
    )
    top.add_argument("--version", action="version", version=version)
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    steps = top.add_subparsers(dest="subcommand", required=True, metavar="step", parser_class=kind)
    for name in FUNCTIONS:
        _add_step(steps, name)
    return top


def _add_step(steps: argparse._SubParsersAction, name: str) -> None:
    declaration = STEPS[name]
    parser = steps.add_parser(
        name,
        help=declaration.text.partition(". Example")[0],
        description=declaration.text,
        epilog=EPILOG,
    )
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    declaration.add_to(parser)
