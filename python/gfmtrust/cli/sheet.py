"""The step `read_sheet`: its options and its function."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

log = logging.getLogger("gfmtrust")

SUMMARY = (
    "Read and check a samplesheet (CSV, TSV, YAML, JSON) and write its VCFs with their ids: "
    "samplesheet.json. Example: gfmtrust read_sheet --input samplesheet.csv "
    "--schema assets/schema_input.json --check_files --out samplesheet.json"
)
OPTIONS = {
    "input": dict(type=Path, required=True, help="the samplesheet, one row per VCF"),
    "schema": dict(
        type=Path, required=True, help="JSON Schema of its columns: assets/schema_input.json"
    ),
    "folders": dict(
        nargs="+",
        metavar="FOLDER",
        help="folders or addresses that relative paths start from, in this order [the folder of "
        "the samplesheet, then the current one]",
    ),
    "check_files": dict(action="store_true", help="refuse a row whose local file does not exist"),
    "out": dict(type=Path, required=True, help="JSON file to write"),
}


def read_sheet(options: argparse.Namespace) -> None:
    from gfmtrust.inputs import samplesheet

    folders = options.folders or [str(options.input.absolute().parent), os.getcwd()]
    found = samplesheet.read_sheet(
        options.input, options.schema, options.out, folders, options.check_files
    )
    log.info("%s: number of VCFs: %d", found.name, len(found.entries))
