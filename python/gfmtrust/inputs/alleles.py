"""The cohort's alleles: per-input spellings merged in one stream, split into single alleles, each
with a status.

Spelling tables are sorted, so any number of them merges within a memory that does not grow with the
cohort.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.allele_counts import FIELDS, frequencies
from gfmtrust.io import tables
from gfmtrust.io.vcf.reader import text_status

KEY = ["contig_index", "contig", "pos", "ref", "alts"]
COLUMNS = [*KEY, "counts"]
BUFFER_ROWS = 1_000_000
"""Rows held over all inputs while merging; about 450 MB as pandas strings and arrays."""


def merged_spellings(paths: list[Path]) -> Iterator[pd.DataFrame]:
    """Distinct spellings of all inputs in order of contig, pos, REF, ALTs, in frames of some
    100,000 rows with COLUMNS; a position is never cut. The counts of equal spellings are summed."""
    streams = [_Stream(path, max(256, BUFFER_ROWS // max(1, len(paths)))) for path in paths]
    while True:
        waiting = [stream.last_place() for stream in streams if not stream.ended]
        horizon = min(waiting) if waiting else None
        parts = [stream.take_before(horizon) for stream in streams]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
        if len(frame):
            yield _summed(frame.sort_values(KEY, kind="stable", ignore_index=True))
        if horizon is None:
            return
        for stream in streams:
            stream.refill(horizon)


def _summed(frame: pd.DataFrame) -> pd.DataFrame:
    """A sorted frame with the rows of one spelling joined into one, their counts added."""
    first = ~frame.duplicated(KEY).to_numpy()
    if first.all():
        return frame
    counts = frame["counts"].to_numpy(object)
    lengths = np.fromiter(map(len, counts), np.int64, len(counts))
    ends = np.cumsum(lengths[first])  # rows of one spelling have as many counts as it has ALTs
    starts = (ends - lengths[first])[np.cumsum(first) - 1]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    summed = np.bincount(np.repeat(starts, lengths) + within, weights=np.concatenate(counts))
    joined = frame[first].reset_index(drop=True)
    joined["counts"] = pd.Series(np.split(summed, ends[:-1]), dtype=object)
    return joined


class _Stream:
    """One sorted spelling table, read ahead by `rows`."""

    def __init__(self, path: Path, rows: int):
        self._batches = tables.batches(path, COLUMNS, rows)
        self._pending = pd.DataFrame(columns=COLUMNS)
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
        """Rows before the horizon's position (all of them if None); rows at it wait for what the
        other inputs say of it."""
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
        """Read on where what is held ends at the horizon, so that the horizon moves."""
        while not self.ended and (not len(self._pending) or self.last_place() <= horizon):
            self._read()


def single_alleles(spellings: pd.DataFrame) -> pd.DataFrame:
    """Each distinct single allele of the spellings, in order; columns contig, contig_index, pos,
    ref, alt, and af and an over all of its spellings. spellings: with COLUMNS."""
    alleles = (
        spellings[KEY]
        .assign(alt=spellings["alts"].str.split(","))
        .explode("alt", ignore_index=True)
    )
    key = ["contig_index", "contig", "pos", "ref", "alt"]
    order = alleles[key].sort_values(key, kind="stable").index.to_numpy()
    alleles = alleles[key].iloc[order]
    first = ~alleles.duplicated().to_numpy()
    counts = np.concatenate([np.empty(0), *spellings["counts"]]).reshape(-1, FIELDS)[order]
    summed = np.add.reduceat(counts, np.flatnonzero(first)) if len(counts) else counts
    af, an = frequencies(summed)
    return alleles[first].reset_index(drop=True).assign(af=af, an=an)


def classify(alleles: pd.DataFrame, genome, selected=None) -> np.ndarray:
    """Status of each allele, object array (n,): SCORED where a model may be asked, else the first
    reason that fits.

    alleles: columns contig_index (-1: not in the genome), pos (0-based), ref, alt (upper case).
    selected: function (contig name of the genome, pos array) -> bool array, None = everything is.
    What a window holds is not seen here: `scoring.window_status` adds that.
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
    """Statuses of one-letter alleles, many at a time."""
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
    on_genome = (contig_index[rows] >= 0) & ~outside[rows]
    there = np.full(len(rows), N, np.uint8)
    for index in np.unique(contig_index[rows][on_genome]):
        on_contig = np.flatnonzero(on_genome & (contig_index[rows] == index))
        there[on_contig] = genome.windows(genome.names[index], pos[rows[on_contig]], 1)[:, 0]
    judged = np.full(len(rows), Status.SCORED, dtype=object)
    judged[there != letters] = Status.REF_MISMATCH
    judged[there >= N] = Status.AMBIGUOUS_BASE
    judged[text == Status.AMBIGUOUS_BASE] = Status.AMBIGUOUS_BASE
    judged[outside[rows]] = Status.OUT_OF_RANGE
    judged[contig_index[rows] < 0] = Status.NO_CONTIG
    early = (text != "") & (text != Status.AMBIGUOUS_BASE)
    judged[early] = text[early]
    status[rows] = judged


def _long_allele(ref: str, alt: str, genome, index: int, pos: int, outside: bool) -> Status:
    """Status of an allele of more than one letter; its length is judged once it is normalised."""
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
