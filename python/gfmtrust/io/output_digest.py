"""The name, size and SHA-256 digest of a published file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gfmtrust.core.contracts.counts import PublishedFile
from gfmtrust.io.bgzf import open_input


def published(path: Path) -> PublishedFile:
    """Return the description of a published file; its name is without the folder. Raises
    MissingInputError (66)."""
    with open_input(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return PublishedFile(Path(path).name, size, digest)


def digest_of(path: Path) -> dict:
    """Return size and SHA-256 of a file as `bytes` and `sha256`, for a contract that has its name."""
    file = published(path)
    return {"bytes": file.bytes, "sha256": file.sha256}
