"""The Parquet tables that pass between processes: fixed writer settings, metadata as JSON, streams
that never load a whole file, and the schema of each table.

The bytes depend on the rows alone: there is one compression, one row-group size and no time stamp.
The types and meanings of the columns are declared in `core.columns`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gfmtrust.core.column import Column
from gfmtrust.core.columns import BASES_COLUMNS, SITES_COLUMNS, column_of
from gfmtrust.core.disk import writing
from gfmtrust.core.documents import (
    METADATA_KEY,
    open_table,
    plain,
    read_json,
    read_metadata,
    sealed,
    write_json,
    write_text,
)
from gfmtrust.core.errors import BadDataError, message

__all__ = [
    "METADATA_KEY",
    "TableWriter",
    "batches",
    "open_table",
    "plain",
    "read",
    "read_as",
    "read_json",
    "read_metadata",
    "write",
    "write_json",
    "write_text",
    "write_tsv",
]

ROW_GROUP = 65_536


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a whole table in memory; only for tables known to be small."""
    with open_table(path) as file:
        return file.read(columns=columns)


def read_as(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema of a whole table that a user gave. Raises BadDataError (65)
    where one is missing, of another type, or has a missing value."""
    table = read(path, schema.names)
    for field in schema:
        column = table[field.name]
        if column.type != field.type or column.null_count:
            observed = f"column {field.name} is {column.type} with {column.null_count} missing"
            raise BadDataError(message(str(path), observed, f"{field.type} without missing values"))
    return table


def batches(
    path: Path, columns: list[str] | None = None, rows: int = ROW_GROUP
) -> Iterator[pa.RecordBatch]:
    """Yield the table in order, at most `rows` rows at a time."""
    with open_table(path) as file:
        yield from file.iter_batches(batch_size=rows, columns=columns)


class TableWriter:
    """Writes a table in pieces to `<path>.part` and renames it when the block ends without an
    error.

    The sizes of the pieces do not affect the file, because rows are collected into groups of
    ROW_GROUP before they are written. Raises InputOutputError (74) for a full disk, with no file
    left.
    """

    def __init__(self, path: Path, schema: pa.Schema, metadata: dict | None = None):
        self.path = Path(path)
        self._part = self.path.with_name(self.path.name + ".part")
        blob = (
            {METADATA_KEY: sealed(json.dumps(metadata, sort_keys=True)).encode()}
            if metadata is not None
            else None
        )
        self.schema = schema.with_metadata(blob)
        self._pending: list[pa.Table] = []
        self._n_pending = 0
        self.n_rows = 0

    def __enter__(self) -> TableWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(
            self._part, self.schema, compression="zstd", write_page_checksum=True
        )
        return self

    def write(self, columns: dict | pa.Table) -> None:
        """Append rows, given as a table or as columns by name; full row groups are written at
        once."""
        table = pa.table(columns, schema=self.schema) if isinstance(columns, dict) else columns
        self._pending.append(table.cast(self.schema))
        self._n_pending += table.num_rows
        self.n_rows += table.num_rows
        if self._n_pending >= ROW_GROUP:
            self._flush(keep_rest=True)

    def _flush(self, keep_rest: bool) -> None:
        rows = (
            pa.concat_tables(self._pending).combine_chunks()
            if self._pending
            else self.schema.empty_table()
        )
        whole = rows.num_rows - rows.num_rows % ROW_GROUP if keep_rest else rows.num_rows
        if whole:
            with writing(self.path):
                self._writer.write_table(rows.slice(0, whole), row_group_size=ROW_GROUP)
        self._pending = [rows.slice(whole)]
        self._n_pending = rows.num_rows - whole

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None:
                self._flush(keep_rest=False)
                with writing(self.path):
                    self._writer.close()
                    self._part.replace(self.path)
        finally:
            if self._part.exists():  # the table is not whole
                with suppress(OSError):  # the first error is the one to see
                    self._writer.close()
                self._part.unlink(missing_ok=True)


def write(
    path: Path, columns: dict | pa.Table, schema: pa.Schema, metadata: dict | None = None
) -> None:
    """Write a whole table at once, through `<path>.part`."""
    with TableWriter(path, schema, metadata) as writer:
        writer.write(columns)


def write_tsv(path: Path, rows: Iterable[dict], remark: str = "") -> None:
    """Write a tab-separated table with a header, six significant digits and `.` for missing values;
    the columns are in the order of their first occurrence.

    remark: a line above the table, after `# `.
    """
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, *([_text(row.get(name)) for name in columns] for row in rows)]
    write_text(
        path,
        (f"# {remark}\n" if remark else "") + "".join("\t".join(line) + "\n" for line in lines),
    )


def _text(value) -> str:
    value = plain(value)
    return "." if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def schema_of(*columns: Column | str | tuple[str, pa.DataType]) -> pa.Schema:
    """Return the schema of columns or of their names in `core.columns`; (name, type) where a table
    stores another type under that name."""
    entries = [
        column if isinstance(column, (Column, tuple)) else column_of(column) for column in columns
    ]
    return pa.schema(
        [
            (entry.name, pa.type_for_alias(entry.dtype)) if isinstance(entry, Column) else entry
            for entry in entries
        ]
    )


SPELLINGS = schema_of("contig", "contig_index", "pos", "ref", "alts")
COUNTED_SPELLINGS = pa.schema([*SPELLINGS, ("counts", pa.list_(pa.float64()))])
"""The record keys of one input, with four counts per ALT, see `inputs.allele_counts`."""
ALLELES = schema_of(
    "contig",
    "contig_index",
    "pos",
    "ref",
    "alt",
    "status",
    "var_pos",
    "var_ref",
    "var_alt",
    "regions",
    "af",
    "an",
)
BASE_CODE = ("base", pa.uint8())
"""The base as a code, 0..3 or higher where there is none, in tables between steps."""
SHARD = schema_of(
    "contig_index",
    "pos",
    "use",
    BASE_CODE,
    "left",
    "right",
    "gc",
    "soft_masked",
    "copies",
    "copy_bases",
    "diverged_base",
    "copy_class",
    "region_class",
)
VARIANTS = schema_of("contig_index", "pos", "ref", "alt", "kind", "use", "run_oriented", "block")
VARIANT_SHARD = pa.schema([*SHARD, *schema_of("variant", "start", "ref", "alt")])
PROBES = schema_of(
    "contig_index",
    "pos",
    "real",
    "decoy",
    "run_oriented",
    "copy_class",
    "region_class",
    "block",
    "local_surprisal",
    "gc",
    "soft_masked",
)
SITES = pa.schema([*ALLELES, *schema_of(*SITES_COLUMNS)])
"""sites.parquet: one row per single allele of the cohort."""
REGION_BASES = schema_of("contig", "contig_index", "pos", "base", *BASES_COLUMNS)
"""bases.parquet: one row per base of the regions."""


def score_schema(n_views: int, of_variants: bool = False) -> pa.Schema:
    """Return the columns of a score table: one row per site with `n_views` distributions of four
    side by side; with of_variants also the LLR of a variant by view, null where it follows from the
    distributions of its sites."""
    variant_columns = (
        [("llr", pa.list_(pa.float32(), n_views)), "variant_status"] if of_variants else []
    )
    return schema_of(
        "contig_index",
        "pos",
        ("probs", pa.list_(pa.float32(), n_views * 4)),
        "status",
        "local_surprisal",
        "n_share",
        "pad_share",
        "off_alphabet",
        *variant_columns,
    )
