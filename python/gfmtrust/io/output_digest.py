"""The name, size and SHA-256 digest of a published file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gfmtrust.core.contracts.counts import PublishedFile
from gfmtrust.core.errors import InputOutputError, message
from gfmtrust.io.bgzf import EOF_BLOCK, block_starts, check_end, open_input, read_chunks

BGZF_MAGIC = 4
"""Bytes at the start that a BGZF file shares with its end-of-file block."""
COMPRESSED = (".gz", ".tbi", ".csi")
"""Endings of published files that are BGZF."""
BLOCK_HEADER = 16
"""Bytes at the start that each block of our own files and of htslib's shares with that block."""


def published(path: Path) -> PublishedFile:
    """Return the description of a published file; its name is without the folder. Raises
    MissingInputError (66), and InputOutputError (74) for a BGZF file, such as an index, that was cut
    since its task wrote it."""
    with open_input(path) as file:
        if file.read(BGZF_MAGIC) == EOF_BLOCK[:BGZF_MAGIC]:
            check_end(path, file)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return PublishedFile(Path(path).name, size, digest)


def published_whole(path: Path) -> PublishedFile:
    """Return the description of a file that an earlier task made and no task reads again. Raises also
    InputOutputError (74) for a BGZF file with a damaged block, as by a flipped bit in an index."""
    file = published(path)
    if Path(path).suffix not in COMPRESSED:
        return file
    for _ in read_chunks(path, max_ratio=None):
        pass  # compares the checksum of each block
    with open_input(path) as stream:
        for start in [start for start, _ in block_starts(path)] or [0]:
            stream.seek(start)
            if stream.read(BLOCK_HEADER) != EOF_BLOCK[:BLOCK_HEADER]:
                observed = f"damaged block at byte {start:,}"
                raise InputOutputError(
                    message(Path(path).name, observed, "the file of its task", "run its step again")
                )
    return file


def digest_of(path: Path) -> dict:
    """Return size and SHA-256 of a file as `bytes` and `sha256`, for a contract that has its name."""
    file = published(path)
    return {"bytes": file.bytes, "sha256": file.sha256}
