#!/usr/bin/env python3
"""Compare the results folders of two runs: does a change of the code change a result?

    python dev/same_results.py BEFORE AFTER

Annotated VCFs, sites.gfm.vcf.gz and BEDs are compared byte by byte, uncompressed, but for the values
of header lines that name a version, a date, a command or a digest; Parquet tables value by value,
column order and types included; calibration.json and the counts of each file by their content. Each
file that differs is printed with its first difference. Ends with 1 where one does, and where there
is nothing to compare.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PATTERNS = (
    "annotated/**/*.vcf.gz",
    "annotated/**/*.counts.json",
    "regions/*.bed.gz",
    "regions/*.counts.json",
    "scores/sites.gfm.vcf.gz",
    "scores/*.parquet",
    "scores/columns.txt",
    "calibration/calibration.json",
    "calibration/*.parquet",
)
CHANGING = re.compile(
    rb"^##gfmtrust(Version|Command)=.*|^##fileDate=.*|(?<=SHA256=)[0-9a-f]+"
    rb"|(?<=Version=\")[^\"]*|(?<=Genome=)[0-9a-f]+"
)
"""What a header line may have otherwise: versions, dates, commands and digests."""
DIGESTS = {"bundles", "bundle_sha256", "sha256", "bytes", "digest", "genome", "background"}
"""Names in JSON whose values are digests, or follow from the version in a header."""


def files(folder: Path) -> dict[str, Path]:
    """The files of a results folder that hold results, by their path in it."""
    return {
        str(path.relative_to(folder)): path
        for pattern in PATTERNS
        for path in sorted(folder.glob(pattern))
    }


def difference(before: Path, after: Path) -> str | None:
    """The first difference of two files of one name, None where they are equal."""
    if before.suffix == ".parquet":
        return table_difference(pq.read_table(before), pq.read_table(after))
    if before.suffix == ".json":
        return json_difference(json.loads(before.read_text()), json.loads(after.read_text()))
    return line_difference(before, after)


def line_difference(before: Path, after: Path) -> str | None:
    for number, (left, right) in enumerate(zip_longest(lines(before), lines(after)), start=1):
        if left != right:
            return f"line {number}: {shown(left)} | {shown(right)}"
    return None


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, what may change in a header taken away."""
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        for line in file:
            yield CHANGING.sub(b"", line) if line.startswith(b"#") else line


def table_difference(before: pa.Table, after: pa.Table) -> str | None:
    left, right = (table.replace_schema_metadata(None) for table in (before, after))
    if left.schema != right.schema:
        pairs = zip_longest(left.schema, right.schema)
        return next(f"column {shown(a)} | {shown(b)}" for a, b in pairs if a != b)
    if len(left) != len(right):
        return f"{len(left)} rows | {len(right)} rows"
    for name in left.column_names:
        a, b = (bits_of(table[name].combine_chunks()) for table in (left, right))
        if not a.equals(b):
            row = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if not x.equals(y))
            return f"column {name}, row {row}: {shown(left[name][row])} | {shown(right[name][row])}"
    return None


def bits_of(column: pa.Array) -> pa.Array:
    """A column of floats as integers of the same bits: NaN is then equal to NaN, and 0 not to -0."""
    kinds = {pa.float32(): pa.int32(), pa.float64(): pa.int64()}
    return column.view(kinds[column.type]) if column.type in kinds else column


def json_difference(before, after, place: str = "") -> str | None:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after} - DIGESTS):
            if name not in before or name not in after:
                return f"{place}.{name} is on one side alone"
            if text := json_difference(before[name], after[name], f"{place}.{name}"):
                return text
        return None
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        differences = (json_difference(a, b, f"{place}[{i}]") for i, (a, b) in pairs)
        return next(filter(None, differences), None)
    return None if before == after else f"{place}: {shown(before)} | {shown(after)}"


def shown(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def compare(before: Path, after: Path) -> Iterator[str]:
    """A line for each file that differs or is in one folder alone."""
    left, right = files(before), files(after)
    for name in sorted({*left, *right}):
        if name not in left or name not in right:
            yield f"{name}: only in {before if name in left else after}"
        elif text := difference(left[name], right[name]):
            yield f"{name}: {text}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="results folder of the one run")
    parser.add_argument("after", type=Path, help="results folder of the other")
    options = parser.parse_args(arguments)
    n_files = len(files(options.before))
    differing = list(compare(options.before, options.after))
    sys.stdout.write("".join(f"{line}\n" for line in differing))
    sys.stdout.write(f"{n_files} files compared, {len(differing)} differ\n")
    return int(bool(differing) or not n_files)


if __name__ == "__main__":
    sys.exit(main())
