"""Tables outside a bundle: registered once, and recognised whenever they are opened again."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.score_tables.examine import ScoreTable, open_table
from gfmtrust.score_tables.layout import parse
from gfmtrust.score_tables.record import RegisteredTable

EDGE_BYTES = 1 << 20


def register(table: ScoreTable, layout: str) -> RegisteredTable:
    """What a bundle keeps of an open table. layout: as the user named it."""
    size = table.path.stat().st_size
    return RegisteredTable(table.path.name, size, fingerprint(table), layout, dict(table.names))


def open_registered(
    registered: RegisteredTable, path: Path | None, contigs: dict[str, int]
) -> ScoreTable:
    """The table of a bundle, checked to be the one that was registered. contigs: name -> length of
    the genome. Raises UsageError (64) where no path is given, BadDataError (65) where it is another
    table."""
    if path is None:
        raise UsageError(
            message(
                "--score_table",
                "not given",
                f"the table {registered.file} that the bundle names",
                "give it with its index beside it",
            )
        )
    named = {theirs: ours for ours, theirs in registered.contigs.items()}
    table = open_table(path, parse(registered.layout), contigs, ContigRule("file", named))
    size = path.stat().st_size
    if size != registered.bytes or fingerprint(table) != registered.fingerprint:
        table.close()
        raise BadDataError(
            message(
                path.name,
                f"{size:,} bytes, and another size, content or index than the registered one",
                f"the table of {registered.bytes:,} bytes that import_scores registered",
                "run import_scores again",
            )
        )
    table.names.clear()
    table.names.update(registered.contigs)
    return table


def fingerprint(table: ScoreTable) -> str:
    """SHA-256 of the index and of the first and the last EDGE_BYTES of a table."""
    digest = sha256()
    if table.index_path is not None:
        digest.update(table.index_path.read_bytes())
    with open(table.path, "rb") as file:
        digest.update(file.read(EDGE_BYTES))
        file.seek(max(0, table.path.stat().st_size - EDGE_BYTES))
        digest.update(file.read(EDGE_BYTES))
    return digest.hexdigest()
