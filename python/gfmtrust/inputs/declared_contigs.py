"""What the ##contig lines of a VCF declare of a contig, against the contig of the genome: its length
and md5.

The assembly that a line names is shown and not judged, because a FASTA does not state its own.
"""

from __future__ import annotations

import re

from gfmtrust.core.warning_counts import shown
from gfmtrust.io.fasta import ContigSum
from gfmtrust.io.vcf.header import DECLARATION, LENGTH, Header

MD5 = re.compile(rb"[<,](?:md5|M5)=\"?([0-9A-Fa-f]{32})\"?[,>]", re.IGNORECASE)
QUOTE = b'"'
ASSEMBLY = re.compile(rb"[<,]assembly=(\"[^\"]*\"|[^,>]*)")


def differences(
    header: Header, matches: dict[str, str | None], sums: dict[str, ContigSum], fasta: str
) -> dict[str, str]:
    """Contig of the VCF -> how its declaration differs from the genome's contig; contigs that agree,
    that are not declared or that have no match are left out.

    matches: contig of the records -> contig of the genome.
    """
    texts = {}
    for line in header.lines:
        declaration = DECLARATION.match(line)
        if not declaration or declaration[1] != b"contig":
            continue
        name = declaration[2].decode("utf-8", "backslashreplace")
        match = matches.get(name)
        text = _difference(line, sums[match], fasta) if match is not None else ""
        if text:
            texts[name] = f"contig {shown(name)}{_assembly(line)} is declared with {text}"
    return texts


def _assembly(line: bytes) -> str:
    match = ASSEMBLY.search(line)
    return f" of {shown(match[1].strip(QUOTE))}" if match else ""


def _difference(line: bytes, contig: ContigSum, fasta: str) -> str:
    length, md5 = LENGTH.search(line), MD5.search(line)
    if length and int(length[1]) != contig.length:
        return f"{int(length[1]):,} bases; {fasta} has {contig.length:,}"
    if md5 and md5[1].decode().lower() != contig.md5:
        return f"another md5 than that of {fasta}"
    return ""
