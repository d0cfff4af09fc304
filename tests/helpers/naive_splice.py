"""The obvious twin of splice and verify: whole files in memory, Python's gzip, one expression per
rule of docs/start/output.md, "Annotated VCF"."""

import gzip
import re
from pathlib import Path


def text_of(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def lines_of(path: Path) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+$", text_of(path))


def expected(text: bytes, our_lines: list[str], values) -> bytes:
    """What an annotated file must be, byte for byte. values: list of bytes, None where ALT is `.`,
    one a record."""
    out = []
    values = iter(values)
    lines = re.findall(rb"[^\n]*\n|[^\n]+$", text)
    while lines[-1:] in ([b"\n"], [b"\r\n"]):  # empty lines at the end are not copied
        lines.pop()
    for whole in lines:
        if whole.startswith(b"##"):
            out.append(whole)
        elif whole.startswith(b"#CHROM"):
            ending = b"\r\n" if whole.endswith(b"\r\n") else b"\n"
            out += [line.encode() + ending for line in our_lines]
            out.append(whole if whole.endswith(b"\n") else whole + b"\n")
        else:
            body = whole[:-1] if whole.endswith(b"\n") else whole
            columns = body.split(b"\t")
            tail = b""
            while len(columns) == 8 and columns[7].endswith(b"\r"):
                columns[7], tail = columns[7][:-1], tail + b"\r"
            value = next(values)
            if value is not None:
                info = columns[7]
                columns[7] = (
                    value
                    if info in (b".", b"")
                    else info + (b"" if info[-1:] == b";" else b";") + value
                )
            out.append(b"\t".join(columns) + tail + b"\n")
    return b"".join(out)
