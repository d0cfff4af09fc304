"""The annotated values of any allele as text, by its record key: contig as written, position, REF
and ALT without regard to the case of letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.io import tables
from gfmtrust.io.position_table import PositionTable, Rows, integers
from gfmtrust.io.vcf.fields import NO_SNV, Fields, Located, snv_codes
from gfmtrust.io.vcf.info_texts import InfoTexts, info_texts
from gfmtrust.io.vcf.info_values import COLUMN
from gfmtrust.io.vcf.reader import format_position, upper_case

CACHE_ROWS = 500_000
"""Alleles with finished texts in memory, about 400 bytes each: 200 MB however large the cohort
is."""
SNV_CODES = {
    (ref, alt): BASES.index(ref.upper()) * 4 + BASES.index(alt.upper())
    for ref in BASES + BASES.lower()
    for alt in BASES + BASES.lower()
}
"""(REF, ALT) -> code as `Fields.snv`."""


class AlleleValues:
    """sites.parquet opened to look up alleles; use it in a `with` block."""

    def __init__(self, sites: Path):
        columns = ["ref", "alt", *COLUMN.values()]
        self._table = PositionTable(sites, columns, CACHE_ROWS, _decoded, tables.SITES)

    def __enter__(self) -> AlleleValues:
        return self

    def __exit__(self, *ended) -> None:
        self._table.__exit__(*ended)

    def contigs(self) -> list[str]:
        return self._table.contigs()

    def texts(self, contig: str, pos: int, ref: str, alts: tuple[str, ...]) -> list[bytes]:
        """One finished text per ALT. Raises BadDataError (65) for an allele that is not in
        sites.parquet."""
        pieces = self._table.rows(contig, pos, pos + 1)
        return [self._one(pieces, contig, pos, upper_case(ref), upper_case(alt)) for alt in alts]

    def snv_texts(self, fields: Fields) -> tuple[list[bytes], np.ndarray] | None:
        """The finished texts of the SNVs among ordinary lines and their flags, uint8 (n,); b'' and
        0 at other lines. None where the lines are not sorted or one of the SNVs is not in
        sites.parquet."""
        texts, ranks = [b""] * len(fields), np.zeros(len(fields), np.uint8)
        for contig, start, stop in fields.contigs:
            rows = start + np.flatnonzero(fields.snv[start:stop] != NO_SNV)
            of_contig = self.of_snvs(contig, fields.pos[rows], fields.snv[rows])
            if of_contig is None:
                return None
            ranks[rows] = of_contig[1]
            for row, text in zip(rows.tolist(), of_contig[0], strict=True):
                texts[row] = text
        return texts, ranks

    def other_texts(
        self, fields: Fields, rows: np.ndarray
    ) -> dict[int, tuple[list[bytes], list[int]]]:
        """The finished text and the flag of each ALT of ordinary lines that are no SNVs, by row.
        rows: of the lines (n,). Lines that are not sorted, and those with an allele that is not in
        sites.parquet, are left out."""
        looked_up = {}
        for contig, start, stop in fields.contigs:
            of_contig = rows[(rows >= start) & (rows < stop)]
            places = self._places(contig, fields.pos[of_contig])
            for row, pos in zip(of_contig.tolist(), fields.pos[of_contig].tolist(), strict=True):
                ref, *alts = (
                    upper_case(text)
                    for begin, end in (fields.ref, fields.alt)
                    for text in fields.text[begin[row] : end[row]].split(b",")
                )
                at = [places[pos, ref, one] for one in alts if (pos, ref, one) in places]
                if len(at) == len(alts):
                    looked_up[row] = (
                        [columns["texts"].one(i) for columns, i in at],
                        [int(columns["rank"][i]) for columns, i in at],
                    )
        return looked_up

    def _places(self, contig: str, pos: np.ndarray) -> dict[tuple, tuple[dict[str, Any], int]]:
        """(pos, REF, ALT) of every allele at sorted positions -> its columns and its row."""
        places: dict[tuple, tuple[dict[str, Any], int]] = {}
        if not len(pos) or (np.diff(pos) < 0).any():
            return places
        for stretch in self._table.stretches(contig, int(pos[0]), int(pos[-1]) + 1):
            low, high = np.searchsorted(pos, [stretch.first, stretch.last + 1])
            if low == high:
                continue
            columns = self._table.columns(stretch)
            of_table = columns["pos"][stretch.start : stretch.stop]
            first, last = np.searchsorted(of_table, [pos[low], pos[high - 1] + 1])
            wanted = np.flatnonzero(np.isin(of_table[first:last], pos[low:high]))
            for row in (stretch.start + first + wanted).tolist():
                key = int(columns["pos"][row]), columns["ref"].one(row), columns["alt"].one(row)
                places[key] = columns, row
        return places

    def of_snvs(
        self, contig: str, pos: np.ndarray, code: np.ndarray
    ) -> tuple[list[bytes], np.ndarray] | None:
        """The finished texts of n SNVs of one contig and their flags, uint8 (n,). pos: (n,); code:
        as `Fields.snv` (n,). None where the positions fall or an SNV is not in sites.parquet."""
        texts, ranks, n_found = [b""] * len(pos), np.zeros(len(pos), np.uint8), 0
        if not len(pos):
            return texts, ranks
        if (np.diff(pos) < 0).any():
            return None
        for stretch in self._table.stretches(contig, int(pos[0]), int(pos[-1]) + 1):
            low = int(np.searchsorted(pos, stretch.first, "left"))
            high = int(np.searchsorted(pos, stretch.last, "right"))
            if low == high:
                continue
            columns = self._table.columns(stretch)
            part = slice(stretch.start, stretch.stop)
            at = _rows_of(columns["pos"][part], columns["snv"][part], pos[low:high], code[low:high])
            hit = np.flatnonzero(at >= 0)
            at = at[hit] + stretch.start
            for row, text in zip((low + hit).tolist(), columns["texts"].of(at), strict=True):
                texts[row] = text
            ranks[low + hit] = columns["rank"][at]
            n_found += len(hit)
        # a position at the edge of two row groups may be looked for in both, and is found in one
        return (texts, ranks) if n_found == len(pos) else None

    def _one(self, pieces: list[Rows], contig: str, pos: int, ref: str, alt: str) -> bytes:
        for piece in pieces:
            columns: dict[str, Any] = piece.columns
            for row in range(piece.start, piece.stop):
                if (
                    columns["alt"].one(row) == alt.encode()
                    and columns["ref"].one(row) == ref.encode()
                ):
                    return columns["texts"].one(row)
        raise BadDataError(
            message(
                f"sites.parquet {contig}:{format_position(pos)}",
                f"no row for {ref[:40]}>{alt[:40]}",
                "a row for every allele of every input",
                "give sites.parquet of the run that planned this VCF",
            )
        )


def _rows_of(
    table_pos: np.ndarray, table_snv: np.ndarray, pos: np.ndarray, code: np.ndarray
) -> np.ndarray:
    """Row of a stretch for each of n sorted SNVs, int64 (n,); -1 where there is none. table_pos,
    table_snv: position and code of each row of the stretch, by position."""
    first = int(np.searchsorted(table_pos, pos[0], "left"))
    last = int(np.searchsorted(table_pos, pos[-1], "right"))
    rows = first + np.flatnonzero(table_snv[first:last] != NO_SNV)
    if not len(rows):
        return np.full(len(pos), -1)
    keys = table_pos[rows] * 16 + table_snv[rows]
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    wanted = pos * 16 + code
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, rows[at], -1)


def _decoded(table: pa.Table) -> dict[str, Any]:
    """The columns of a row group: pos, rank, the texts of all keys, and ref and alt as texts, with
    the code of an SNV as `Fields` has it."""
    ref, alt = (_letters(table[name].combine_chunks()) for name in ("ref", "alt"))
    return {
        "pos": integers(table["pos"]),
        "rank": integers(table["rank"]),
        "texts": info_texts(table),
        "ref": ref,
        "alt": alt,
        "snv": snv_codes(_located(ref), _located(alt)),
    }


def _letters(column: pa.Array) -> InfoTexts:
    _, offsets, data = column.buffers()
    start = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return InfoTexts(data.to_pybytes() if data else b"", start)


def _located(texts: InfoTexts) -> Located:
    # the zero stands behind an empty last text, whose first byte is looked at too
    letters = np.frombuffer(texts.data + b"\0", np.uint8)
    return letters, texts.offsets[:-1], texts.offsets[1:]
