"""The registry of named checkpoints: the rows of models/data/models.csv, and what a row must
contain before anything is downloaded.

A cell is empty where no citable source states the value. A row without a commit is unpinned and is
never downloaded; a row with a commit but without the digests of its weights is as trustworthy as
`repository@commit`. A directory of weights that the user gives needs no row.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from gfmtrust import models
from gfmtrust.core.errors import (
    BadDataError,
    ConfigurationError,
    MissingInputError,
    UsageError,
    message,
)
from gfmtrust.io.atomic import part_file
from gfmtrust.models import hub, package_data

LOG = logging.getLogger(__name__)

TABLE = package_data.path("models.csv")
COMMIT = ("revision", "pin_source")
"""The columns that a download needs. The commit fixes every file, and the digests that the hub
lists are checked; pin_source names the place where the commit was read."""
DIGESTS = (*COMMIT, "weights_sha256")
"""The columns that a row needs so that its weights can be identified without the hub."""
OPTIONAL = ("config_sha256", "vocabulary_sha256", "weights_bytes", "licence", "licence_url")
"""Columns that are filled where the source states them. A digest that is present is checked; a
missing licence is read from the model card."""
PINNED = (*DIGESTS, *OPTIONAL)
"""All columns that `pin` writes."""
SHA256 = re.compile(r"[0-9a-f]{64}")
REVISION = re.compile(r"[0-9a-f]{40}")
"""A commit. A branch is not accepted, because it moves."""


@dataclass(frozen=True)
class Row:
    """One checkpoint.

    weights_sha256: digests of the weight files that are loaded (`models.files`), in the order of
        their names, separated by a space; weights_bytes holds their sizes in the same way.
    vocabulary_sha256: digest of the file that the vocabulary is read from, or of
        tokenizer_config.json where the tokenizer is a class of code.
    organisms: the organisms it was trained on, where a citable source states them.
    layout_source: where the names of the repository's files, the keys of its config and its
        vocabulary were read; empty where nobody has checked them.
    """

    id: str
    family: str
    repository: str
    revision: str
    config_sha256: str
    vocabulary_sha256: str
    weights_sha256: str
    weights_bytes: str
    licence: str
    licence_url: str
    pin_source: str
    window_bp: str
    citation: str
    organisms: str
    layout_source: str

    @property
    def pinned(self) -> str:
        """'digests', 'commit' or 'no': how much of the checkpoint is fixed before the hub is
        contacted."""
        if not all(getattr(self, column) for column in COMMIT):
            return "no"
        return "digests" if all(getattr(self, column) for column in DIGESTS) else "commit"


def read_rows(table: Path = TABLE) -> dict[str, Row]:
    """Return the rows by id, in file order. Raises MissingInputError (66) where the file is missing
    and BadDataError (65) for an invalid row."""
    if not table.is_file():
        raise MissingInputError(message(str(table), "not found", "the registry of checkpoints"))
    with open(table, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = [field.name for field in fields(Row)]
        if reader.fieldnames != columns:
            raise BadDataError(message(str(table), f"columns {reader.fieldnames}", str(columns)))
        rows: dict[str, Row] = {}
        for number, cells in enumerate(reader, 2):
            if None in cells or None in cells.values():
                raise BadDataError(
                    message(
                        f"{table} line {number}", "too few or too many cells", f"{len(columns)}"
                    )
                )
            row = Row(**cells)
            _check(row, f"{table} line {number}")
            if row.id in rows:
                raise BadDataError(
                    message(f"{table} line {number}", f"id {row.id} twice", "unique ids")
                )
            rows[row.id] = row
    return rows


def find(name: str, table: Path = TABLE) -> Row:
    """Return the row of that name; it has at least a commit. Raises ConfigurationError (78) for an
    unknown name and for an unpinned row."""
    rows = read_rows(table)
    if name not in rows:
        remedy = "or give the directory of its weights or bundle"
        raise ConfigurationError(
            message("models", f"unknown model {name}", f"one of {', '.join(rows)}", remedy)
        )
    if rows[name].pinned == "no":
        remedy = f"run gfmtrust models pin {name} where there is a network, or give the directory of its weights"
        raise ConfigurationError(
            message("models", f"row {name} is unpinned", "a revision with its source", remedy)
        )
    return rows[name]


def pin(
    name: str | None, table: Path = TABLE, facts: Callable[[str, bool], dict[str, str]] = hub.facts
) -> Row:
    """Fill the pinned columns of a row from the current commit of its repository, rewrite the table
    and return the new row; this needs a network.

    facts: (repository, whether its family reads a byte pair encoding) -> the columns of PINNED.
    Raises UsageError (64) without a name, ConfigurationError (78) for an unknown name, and what
    `facts` raises. The table is either replaced as a whole or left unchanged.
    """
    if not name:
        raise UsageError(message("models pin", "no id", "the id of a registered checkpoint"))
    rows = read_rows(table)
    if name not in rows:
        raise ConfigurationError(
            message("models", f"unknown model {name}", f"one of {', '.join(rows)}")
        )
    bpe = models.family(rows[name].family).quantity == "likelihood"
    rows[name] = replace(rows[name], **facts(rows[name].repository, bpe))
    _check(rows[name], f"row {name}")
    with (
        part_file(table, force=True) as part,
        open(part, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows.values())
    LOG.info(
        "%s is pinned to %s; licence %s",
        name,
        rows[name].revision,
        rows[name].licence or "not stated",
    )
    return rows[name]


def _check(row: Row, place: str) -> None:
    checks = (
        ("revision", REVISION.fullmatch, "40 hex digits, never a branch"),
        ("config_sha256", SHA256.fullmatch, "64 hex digits"),
        ("vocabulary_sha256", SHA256.fullmatch, "64 hex digits"),
        (
            "weights_sha256",
            lambda text: all(map(SHA256.fullmatch, text.split())),
            "64 hex digits a file",
        ),
        ("weights_bytes", lambda text: all(map(str.isdecimal, text.split())), "whole numbers"),
        ("window_bp", str.isdecimal, "a whole number"),
    )
    for column, is_good, expected in checks:
        value = getattr(row, column)
        if value and not is_good(value):
            raise BadDataError(message(place, f"{column} is {value!r}", expected))
    if not row.id or not row.family:
        raise BadDataError(message(place, "no id or family", "both"))
    if row.weights_bytes and len(row.weights_sha256.split()) != len(row.weights_bytes.split()):
        raise BadDataError(
            message(
                place,
                "weights_sha256 and weights_bytes are of another number of files",
                "a digest and a size a file",
            )
        )
    if any(getattr(row, column) for column in PINNED) and not all(
        getattr(row, column) for column in COMMIT
    ):
        raise BadDataError(
            message(
                place,
                "a digest, size or licence without revision and pin_source",
                "all of them of one commit",
            )
        )
