"""The name, size and SHA-256 digest of a published file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gfmtrust.core.contracts.counts import PublishedFile
from gfmtrust.io.bgzf import EOF_BLOCK, check_end, open_input

BGZF_MAGIC = 4
"""Bytes at the start that a BGZF file shares with its end-of-file block."""


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


def digest_of(path: Path) -> dict:
    """Return size and SHA-256 of a file as `bytes` and `sha256`, for a contract that has its name."""
    file = published(path)
    return {"bytes": file.bytes, "sha256": file.sha256}
