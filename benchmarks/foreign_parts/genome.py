"""A genome on which foreign VCFs can be scored: random letters with the REF of their records.

It reads VCFs as leniently as it can, with Python's gzip and by splitting lines, because what it
reads may be no VCF at all.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

NAME = re.compile(rb"[0-9A-Za-z!$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]{0,200}")
LETTERS = re.compile(rb"[ACGTNacgtn]+")
MARGIN = 300
LINE = 60


def write(path: Path, vcfs: Iterable[Path], longest: int) -> dict[str, int]:
    """Write a FASTA with every contig that a record of the VCFs names, up to `longest` bases each;
    return the length of each contig. Of two records that differ, the first decides a letter."""
    contigs: dict[bytes, bytearray] = {}
    for vcf in vcfs:
        for contig, start, ref in records(vcf):
            text = contigs.setdefault(contig, bytearray())
            end = start + len(ref)
            if end > longest:
                continue
            text.extend(bytes(max(0, end - len(text))))
            if not any(text[start:end]):
                text[start:end] = ref.upper()
    rng = np.random.default_rng(1)
    with open(path, "wb") as file:
        for contig, text in contigs.items():
            file.write(b">" + contig + b"\n" + wrapped(filled(text, rng)))
    return {name.decode(): len(text) + MARGIN for name, text in contigs.items()}


def filled(text: bytearray, rng: np.random.Generator) -> bytes:
    """The letters of a contig, with random ones where no record states any and after the last."""
    letters = np.frombuffer(text + bytes(MARGIN), np.uint8).copy()
    empty = letters == 0
    letters[empty] = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, int(empty.sum()))]
    return letters.tobytes()


def wrapped(letters: bytes) -> bytes:
    """Lines of equal length, each with its end."""
    lines = (letters[start : start + LINE] for start in range(0, len(letters), LINE))
    return b"\n".join(lines) + b"\n"


def records(path: Path) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield contig, 0-based position and REF of every line that may be a record."""
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else open(path, "rb") as file:
            for line in file:
                columns = line.split(b"\t", 5)
                if len(columns) == 6 and NAME.fullmatch(columns[0]) and columns[1].isdigit():
                    pos = int(columns[1][:18]) - 1
                    if pos >= 0 and LETTERS.fullmatch(columns[3]):
                        yield columns[0], pos, columns[3]
    except (OSError, EOFError, zlib.error):
        return
