"""The user's FASTA: its contigs, and their letters as codes. Positions are 0-based and half-open.

It is read with pyfaidx, and nothing is ever written beside it. Case is kept only as the soft mask.
This module knows nothing of variants.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pyfaidx

from gfmtrust.core.alphabet import FOLD, INVALID, PAD
from gfmtrust.core.disk import writing
from gfmtrust.core.errors import BadDataError, InputOutputError, message
from gfmtrust.core.warning_counts import WarningCounts, shown
from gfmtrust.io import bgzf, fasta_index
from gfmtrust.io import fasta as fasta_scan

log = logging.getLogger(__name__)

CACHED_BASES = 512 << 20
"""The number of bases of whole contigs in memory, one byte each: chr1 and chr2 of the human genome.
The contig in use is kept whatever its length."""
FETCH_BASES = 1 << 20  # pyfaidx joins BGZF blocks by copying, so larger pieces are slower
EDGE_ROWS = (
    1024  # windows across a contig's end that are cut at once; the index array has a few MiB
)
LOWER = 8
"""The bit that is set in a cached byte where the letter is lower case; the low three bits are the
code."""
CODE = 7

FOLD_CASED = FOLD.copy()
for _letter in range(ord("a"), ord("z") + 1):
    if FOLD[_letter] != INVALID:
        FOLD_CASED[_letter] |= LOWER


class Genome:
    """An open FASTA. `contigs` is name -> length in file order and `names` the same names; a contig
    index is an index into `names`.

    path: the file that is read (a decompressed copy where the input was plain gzip). name: the file
    name of the input, for messages and reports. warnings: counted warnings of opening it.
    """

    def __init__(self, faidx: pyfaidx.Faidx, name: str, warning_counts: WarningCounts) -> None:
        self._faidx = faidx
        self._cache: OrderedDict[str, np.ndarray] = OrderedDict()
        self._cached_bases = 0
        self._sums: dict[str, fasta_scan.ContigSum] | None = None
        self.path = Path(faidx.filename)
        self.name = name
        self.warnings = warning_counts
        self.contigs: dict[str, int] = {contig: row.rlen for contig, row in faidx.index.items()}
        self.names: list[str] = list(self.contigs)

    @classmethod
    def open(cls, path: str | Path, work_dir: str | Path = ".", indexed: bool = False) -> Genome:
        """Open a FASTA, plain or BGZF; plain gzip is decompressed into `work_dir` with a warning.

        The .fai (and .gzi) beside it is used where it exists, otherwise one is made in `work_dir`
        (default: the current folder). indexed: an index in `work_dir` was made by this run and is
        used unchanged; otherwise an existing one there is replaced. Raises MissingInputError (66),
        BadDataError (65) for a file that is not a FASTA or an index of another file, and
        InputOutputError (74) for a damaged stream.
        """
        path, work_dir = Path(path), Path(work_dir)
        warning_counts = WarningCounts()
        name = path.name
        kind = bgzf.container(path)
        _check_start(path)
        if kind is bgzf.Container.GZIP or (
            kind is bgzf.Container.BGZF and path.suffix not in (".gz", ".bgz")
        ):
            warning_counts.add(
                "FASTA is plain gzip or not named .gz: decompressed; recompress with bgzip", name
            )
            log.warning(
                "%s: decompressed into the working folder; recompress with bgzip to spare this",
                name,
            )
            path, kind = _decompressed(path, work_dir), bgzf.Container.PLAIN
        elif kind is bgzf.Container.PLAIN and path.suffix in (".gz", ".bgz"):
            raise BadDataError(
                message(name, "plain text", "a compressed file, as it is named", "rename it")
            )
        return cls(_open_faidx(path, kind, work_dir, indexed), name, warning_counts)

    def close(self) -> None:
        """Close the FASTA."""
        self._faidx.close()

    def __enter__(self) -> Genome:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def codes(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return the codes of [start, end), uint8 (end - start,), PAD outside the contig. Raises
        KeyError for an unknown contig."""
        return self._cased(contig, start, end) & CODE

    def soft_masked(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return whether each letter of [start, end) is lower case, bool (end - start,); False
        outside the contig."""
        return (self._cased(contig, start, end) & LOWER) != 0

    def windows(self, contig: str, starts: np.ndarray, width: int) -> np.ndarray:
        """Return the codes of [s, s + width) for every start, uint8 (n, width), PAD outside the
        contig; the starts may be in any order."""
        letters = self._contig(contig)
        starts = np.asarray(starts, dtype=np.int64)
        if width <= len(letters):
            inside = (starts >= 0) & (starts <= len(letters) - width)
            # A strided view copies each row as one run of bytes, which is 10 times faster than an
            # index array of n x width.
            rows = (
                np.lib.stride_tricks.sliding_window_view(letters, width)[
                    np.where(inside, starts, 0)
                ]
                & CODE
            )
        else:
            inside = np.zeros(len(starts), dtype=bool)
            rows = np.empty((len(starts), width), dtype=np.uint8)
        at_edges = np.flatnonzero(~inside)
        for first in range(0, len(at_edges), EDGE_ROWS):
            chosen = at_edges[first : first + EDGE_ROWS]
            at = starts[chosen, None] + np.arange(width)
            codes = (
                letters[np.clip(at, 0, len(letters) - 1)] & CODE
                if len(letters)
                else np.full(at.shape, PAD, np.uint8)
            )
            rows[chosen] = np.where((at >= 0) & (at < len(letters)), codes, PAD)
        return rows

    def digest(self) -> str:
        """Return a digest of the names, lengths and letters of all contigs in order; it does not
        depend on case, line length or compression."""
        rows = (
            f"{contig.name}\t{contig.length}\t{contig.md5}\n".encode()
            for contig in self.sums().values()
        )
        return hashlib.blake2b(b"".join(rows), digest_size=16).hexdigest()

    def sums(self) -> dict[str, fasta_scan.ContigSum]:
        """Return the length, md5 and offset of every contig from one pass over the whole file,
        which also detects a stale index.

        Raises BadDataError (65) for an index that does not fit and for letters that are not DNA.
        """
        if self._sums is None:
            contigs = list(fasta_scan.scan(self.path))
            index = Path(self._faidx.indexname)
            fasta_scan.compare_index(self.path, index, fasta_scan.read_index(index), contigs)
            if bgzf.container(self.path) is bgzf.Container.BGZF:
                fasta_scan.compare_blocks(self.path, Path(self._faidx.gzi_indexname))
            self._sums = {contig.name: contig for contig in contigs}
        return self._sums

    def md5s(self) -> dict[str, str]:
        """Return the md5 of every contig, from `sums`."""
        return {name: contig.md5 for name, contig in self.sums().items()}

    def take_sums(self, sums: dict[str, fasta_scan.ContigSum]) -> None:
        """Take the sums of another process that has read the same file, in place of a pass."""
        self._sums = sums

    def _cased(self, contig: str, start: int, end: int) -> np.ndarray:
        letters = self._contig(contig)
        if 0 <= start <= end <= len(letters):
            return letters[start:end]
        piece = np.full(max(0, end - start), PAD, dtype=np.uint8)
        low, high = min(max(start, 0), len(letters)), max(0, min(end, len(letters)))
        if low < high:
            piece[low - start : high - start] = letters[low:high]
        return piece

    def _contig(self, contig: str) -> np.ndarray:
        """Return all letters of a contig, one byte each: the code, with the bit LOWER where
        soft-masked. The least recently used contigs are dropped from the cache to make room."""
        letters = self._cache.get(contig)
        if letters is not None:
            self._cache.move_to_end(contig)
            return letters
        while self._cache and self._cached_bases + self.contigs[contig] > CACHED_BASES:
            self._cached_bases -= len(self._cache.popitem(last=False)[1])
        letters = self._cache[contig] = self._fetch(contig)
        self._cached_bases += len(letters)
        return letters

    def _fetch(self, contig: str) -> np.ndarray:
        length = self.contigs[contig]
        letters = np.empty(length, dtype=np.uint8)
        for start in range(0, length, FETCH_BASES):
            end = min(start + FETCH_BASES, length)
            try:
                text = self._faidx.from_file(contig, start + 1, end)
            except (OSError, ValueError, pyfaidx.FetchError) as error:
                if isinstance(error, UnicodeDecodeError):
                    self.sums()  # names the letter
                observed = f"{shown(contig)} cannot be read near byte {self._faidx.index[contig].offset:,} ({shown(str(error))})"
                raise InputOutputError(
                    message(self.path.name, observed, "a whole file", "copy it again")
                ) from error
            if len(text) != end - start:
                observed = f"{shown(contig)} gives {len(text)} letters at {start + 1}-{end}"
                raise BadDataError(
                    message(
                        Path(self._faidx.indexname).name,
                        observed,
                        f"{end - start}",
                        "delete the index",
                    )
                )
            letters[start:end] = FOLD_CASED[
                np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8)
            ]
        if letters.max(initial=0) == INVALID:
            pos = int(np.argmax(letters == INVALID))
            raise fasta_scan.bad_letter(
                self.path, contig, pos, self._faidx.from_file(contig, pos + 1, pos + 1).encode()
            )
        letters.flags.writeable = False
        return letters


def _check_start(path: Path) -> None:
    """Raise BadDataError (65) for a file that does not start like a FASTA, before an index is built
    over it."""
    chunks = bgzf.read_chunks(path, max_ratio=None)
    head = next(chunks, b"")
    chunks.close()
    if not head:
        raise BadDataError(
            message(path.name, "empty file", fasta_scan.A_FASTA, "check the copy or download")
        )
    if not head.lstrip(b"\r\n").startswith(b">"):
        raise BadDataError(
            message(path.name, f"begins with '{shown(head[:20])}'", fasta_scan.A_FASTA)
        )


def _decompressed(path: Path, work_dir: Path) -> Path:
    copy = work_dir / (path.name.removesuffix(".gz") + ".decompressed.fa")
    part = copy.with_name(copy.name + ".part")
    with writing(copy), open(part, "wb") as file:
        for chunk in bgzf.read_chunks(path, max_ratio=None):
            file.write(chunk)
    os.replace(part, copy)
    copy.with_name(copy.name + ".fai").unlink(missing_ok=True)  # of an earlier file of that name
    return copy


def _open_faidx(path: Path, kind: bgzf.Container, work_dir: Path, indexed: bool) -> pyfaidx.Faidx:
    """Open `path` with pyfaidx, with the index beside it or one made in `work_dir`."""
    beside, blocks_beside = Path(f"{path}.fai"), Path(f"{path}.gzi")
    compressed = kind is bgzf.Container.BGZF
    given = beside.exists() and (blocks_beside.exists() or not compressed)
    index = beside if given else work_dir / beside.name
    blocks = blocks_beside if given else work_dir / blocks_beside.name
    if not given and not indexed:
        index.unlink(missing_ok=True)  # an interrupted run may have left a partial one
        blocks.unlink(missing_ok=True)
    try:
        with warnings.catch_warnings():
            # pyfaidx warns of an index older than its FASTA, which any staged or copied file may
            # have; the contents are compared instead.
            warnings.simplefilter("ignore", RuntimeWarning)
            faidx = fasta_index.Faidx(
                str(path),
                indexname=str(index),
                gzi_indexname=str(blocks),
                as_raw=True,
                rebuild=False,
            )
    except struct.error as error:
        raise BadDataError(
            message(blocks.name, "cut off", "an index of blocks", "delete the index")
        ) from error
    if not compressed:
        fasta_scan.compare_places(path, index, fasta_scan.read_index(index))
    return faidx
