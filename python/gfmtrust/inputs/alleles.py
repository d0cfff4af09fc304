"""The cohort's alleles: the record keys of all inputs are merged in one stream and split into
single alleles, each with a status.

A record key is contig, position, REF and ALTs as written; the tables spellings/<id>.parquet contain
them. These tables are sorted, so any number of them can be merged in memory that does not grow with
the cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.vocabulary import Status
from gfmtrust.io import tables
from gfmtrust.io.vcf.reader import text_status

KEY = ["contig_index", "contig", "pos", "ref", "alts"]
BUFFER_ROWS = 1_000_000
"""Number of rows of all inputs that are in memory while merging; about 300 MB as pandas strings."""


def merged_spellings(paths: list[Path]) -> Iterator[pd.DataFrame]:
    """Distinct record keys of all inputs, sorted by contig, pos, REF and ALTs, in frames of about
    100,000 rows. The rows of one position are always in one frame."""
    streams = [_Stream(path, max(256, BUFFER_ROWS // max(1, len(paths)))) for path in paths]
    while True:
        waiting = [stream.last_place() for stream in streams if not stream.ended]
        horizon = min(waiting) if waiting else None
        parts = [stream.take_before(horizon) for stream in streams]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=KEY)
        if len(frame):
            yield frame.drop_duplicates(KEY).sort_values(KEY, kind="stable", ignore_index=True)
        if horizon is None:
            return
        for stream in streams:
            stream.refill(horizon)


class _Stream:
    """One sorted table of record keys, read in batches of `rows`."""

    def __init__(self, path: Path, rows: int):
        self._batches = tables.batches(path, KEY, rows)
        self._pending = pd.DataFrame(columns=KEY)
        self.ended = False
        self._read()

    def _read(self) -> None:
        batch = next(self._batches, None)
        if batch is None:
            self.ended = True
            return
        self._pending = (
            pd.concat([self._pending, batch.to_pandas()], ignore_index=True)
            if len(self._pending)
            else batch.to_pandas()
        )

    def last_place(self) -> tuple:
        last = self._pending.iloc[-1]
        return last["contig_index"], last["contig"], last["pos"]

    def take_before(self, horizon: tuple | None) -> pd.DataFrame:
        """The rows before the position of the horizon (all rows if None). Rows at this position are
        kept until the other inputs have reached it."""
        if horizon is None or not len(self._pending):
            taken, self._pending = self._pending, self._pending.iloc[:0]
            return taken
        index, contig, pos = (self._pending[name].to_numpy() for name in KEY[:3])
        before = (index < horizon[0]) | (
            (index == horizon[0])
            & ((contig < horizon[1]) | ((contig == horizon[1]) & (pos < horizon[2])))
        )
        taken, self._pending = self._pending[before], self._pending[~before]
        return taken

    def refill(self, horizon: tuple) -> None:
        """Read more rows while the pending rows do not extend beyond the horizon."""
        while not self.ended and (not len(self._pending) or self.last_place() <= horizon):
            self._read()


def single_alleles(spellings: pd.DataFrame) -> pd.DataFrame:
    """Each distinct single allele of the record keys, in order; columns contig, contig_index, pos,
    ref, alt."""
    alleles = spellings.assign(alt=spellings["alts"].str.split(",")).explode(
        "alt", ignore_index=True
    )
    key = ["contig_index", "contig", "pos", "ref", "alt"]
    return alleles[key].drop_duplicates().sort_values(key, kind="stable", ignore_index=True)


def classify(alleles: pd.DataFrame, genome, selected=None) -> np.ndarray:
    """Status of each allele, object array (n,): SCORED where a model may score it, else the first
    reason that applies.

    alleles: columns contig_index (-1: not in the genome), pos (0-based), ref, alt (upper case).
    selected: function (contig name of the genome, pos array) -> bool array, None selects
    everything. The content of a window is not checked here; `scoring.window_status` does that.
    """
    status = np.full(len(alleles), Status.SCORED, dtype=object)
    ref, alt = alleles["ref"].to_numpy(object), alleles["alt"].to_numpy(object)
    contig_index, pos = (
        alleles["contig_index"].to_numpy(np.int64),
        alleles["pos"].to_numpy(np.int64),
    )
    length = np.fromiter((len(text) for text in ref), np.int64, len(ref))
    snv = (length == 1) & np.fromiter((len(text) == 1 for text in alt), bool, len(alt))
    lengths = np.array([*genome.contigs.values(), 0], dtype=np.int64)  # the last answers index -1
    outside = (pos < 0) | (pos + length > lengths[contig_index])

    for row in np.flatnonzero(~snv):
        status[row] = _long_allele(
            ref[row], alt[row], genome, contig_index[row], pos[row], outside[row]
        )
    _snv_status(status, np.flatnonzero(snv), ref, alt, genome, contig_index, pos, outside)
    if selected is not None:
        for index in np.unique(contig_index):
            rows = np.flatnonzero(contig_index == index)
            inside = (
                selected(genome.names[index], pos[rows])
                if index >= 0
                else np.zeros(len(rows), bool)
            )
            status[rows[~inside]] = Status.NOT_SELECTED
    return status


def _snv_status(status, rows, ref, alt, genome, contig_index, pos, outside) -> None:
    """Set the statuses of many one-letter alleles at once."""
    letters = encode("".join(ref[rows]))
    others = encode("".join(alt[rows]))
    text = (
        np.array(
            [text_status(r, a) or "" for r, a in zip(ref[rows], alt[rows], strict=True)],
            dtype=object,
        )
        if (others >= N).any() or (letters >= N).any()
        else np.full(len(rows), "", object)
    )
    inside = (contig_index[rows] >= 0) & ~outside[rows]
    there = np.full(len(rows), N, np.uint8)
    for index in np.unique(contig_index[rows][inside]):
        of_contig = np.flatnonzero(inside & (contig_index[rows] == index))
        there[of_contig] = genome.windows(genome.names[index], pos[rows[of_contig]], 1)[:, 0]
    statuses = np.full(len(rows), Status.SCORED, dtype=object)
    statuses[there != letters] = Status.REF_MISMATCH
    statuses[there >= N] = Status.AMBIGUOUS_BASE
    statuses[text == Status.AMBIGUOUS_BASE] = Status.AMBIGUOUS_BASE
    statuses[outside[rows]] = Status.OUT_OF_RANGE
    statuses[contig_index[rows] < 0] = Status.NO_CONTIG
    early = (text != "") & (text != Status.AMBIGUOUS_BASE)
    statuses[early] = text[early]
    status[rows] = statuses


def _long_allele(ref: str, alt: str, genome, index: int, pos: int, outside: bool) -> Status:
    """Status of an allele of more than one letter; its length is checked after normalisation."""
    text = text_status(ref, alt)
    if text is not None and text != Status.AMBIGUOUS_BASE:
        return text
    if index < 0:
        return Status.NO_CONTIG
    if outside:
        return Status.OUT_OF_RANGE
    there = genome.codes(genome.names[index], pos, pos + len(ref))
    if text is not None or (there >= N).any():
        return text or Status.AMBIGUOUS_BASE
    if (there != encode(ref)).any():
        return Status.REF_MISMATCH
    return Status.SCORED
