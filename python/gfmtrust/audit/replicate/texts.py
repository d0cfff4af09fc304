"""The English text of a replication: a file of the user, or the licences and the documentation of the
installed Python packages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from gfmtrust.core.errors import BadDataError, MissingInputError, message

MIN_BYTES = 1_000_000
DOCUMENTS = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|METADATA$)|\.(rst|md)$", re.IGNORECASE)
MIN_PARAGRAPH = 80
"""Shorter paragraphs are headings, names and links."""
NOT_ALLOWED = re.compile(r"[^a-zA-Z0-9\s.,;:!?\"'()\-/\\&%$@#\[\]{}<>]+")
"""What is no letter, digit or punctuation becomes a space, as in the published experiment."""


def read(path: Path | None, letters: int) -> tuple[str, str, str]:
    """The text, its digest and what it is. path: None for that of the installed packages; letters:
    as many are kept at most.

    Raises MissingInputError (66) for a file that cannot be read, BadDataError (65) for less than
    1 MB of text.
    """
    if path is None:
        place, text = "installed packages", "\n".join(paragraphs(packaged()))
    else:
        place = path.name
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise MissingInputError(
                message(str(path), str(error.strerror), "a text file that can be read")
            ) from None
        text = " ".join(NOT_ALLOWED.sub(" ", text).split())
    if len(text) < MIN_BYTES:
        raise BadDataError(
            message(
                place,
                f"{len(text):,} letters of text",
                f"at least {MIN_BYTES:,}",
                "name a longer text with --text",
            )
        )
    text = text[:letters]
    return text, hashlib.sha256(text.encode()).hexdigest(), place


def packaged() -> Iterator[str]:
    """Licences, descriptions and documents of the installed packages, by the digest of each, so that
    the order does not follow the alphabet."""
    documents: dict[str, str] = {}
    for distribution in metadata.distributions():
        for file in distribution.files or ():
            if DOCUMENTS.search(file.name):
                path = Path(str(distribution.locate_file(file)))
                if path.is_file():
                    text = path.read_text(encoding="utf-8", errors="ignore")
                    documents.setdefault(hashlib.sha256(text.encode()).hexdigest(), text)
    yield from (documents[digest] for digest in sorted(documents))


def paragraphs(documents: Iterator[str]) -> Iterator[str]:
    """Each distinct paragraph once: many packages have the same licence."""
    seen = set()
    for document in documents:
        for paragraph in re.split(r"\n\s*\n", document):
            words = " ".join(NOT_ALLOWED.sub(" ", paragraph).split())
            if len(words) >= MIN_PARAGRAPH and words not in seen:
                seen.add(words)
                yield words
