"""The annotated values of any allele as text, by its record key: contig as written, position, REF
and ALT without regard to case."""

from __future__ import annotations

from pathlib import Path

from gfmtrust.core.errors import InternalError, message
from gfmtrust.io import tables
from gfmtrust.io.position_table import PositionTable, Rows
from gfmtrust.io.vcf.info_values import COLUMN, row_texts
from gfmtrust.io.vcf.reader import format_position


class AlleleValues:
    """sites.parquet opened to look up single alleles; use it in a `with` block."""

    def __init__(self, sites: Path):
        columns = ["ref", "alt", *COLUMN.values()]
        self._table = PositionTable(sites, columns, schema=tables.SITES)

    def __enter__(self) -> AlleleValues:
        return self

    def __exit__(self, *ended) -> None:
        self._table.__exit__(*ended)

    def contigs(self) -> list[str]:
        return self._table.contigs()

    def texts(self, contig: str, pos: int, ref: str, alts: tuple[str, ...]) -> list[list[str]]:
        """One list of texts per ALT, in the order of the keys. Raises InternalError (70) for an
        allele that is not in sites.parquet."""
        pieces = self._table.rows(contig, pos, pos + 1)
        return [self._one(pieces, contig, pos, ref.upper(), alt.upper()) for alt in alts]

    def _one(self, pieces: list[Rows], contig: str, pos: int, ref: str, alt: str) -> list[str]:
        for piece in pieces:
            refs, alts = piece.columns["ref"], piece.columns["alt"]
            for row in range(piece.start, piece.stop):
                if alts[row] == alt and refs[row] == ref:
                    return row_texts(piece.columns, row)
        raise InternalError(
            message(
                f"sites.parquet {contig}:{format_position(pos)}",
                f"no row for {ref[:40]}>{alt[:40]}",
                "a row for every allele of every input",
                "run again from plan_sites",
            )
        )
