"""What the ##contig lines of a VCF declare of a contig, against the contig of the genome: its length
and md5.

The assembly that a line names is shown and not judged, because a FASTA does not state its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.contig_names import MITOCHONDRIA
from gfmtrust.io.vcf.header import DECLARATION, LENGTH, Header

MD5 = re.compile(rb"[<,](?:md5|M5)=\"?([0-9A-Fa-f]{32})\"?[,>]", re.IGNORECASE)
QUOTE = b'"'
ASSEMBLY = re.compile(rb"[<,]assembly=(\"[^\"]*\"|[^,>]*)")


def differences(
    header: Header,
    matches: Mapping[str, str | None],
    lengths: Mapping[str, int],
    md5_of: Callable[[], Mapping[str, str]],
    fasta: str,
) -> dict[str, str]:
    """Contig of the VCF -> how its declaration differs from the genome's contig; contigs that agree,
    that are not declared or that have no match are left out.

    matches: contig of the records -> contig of the genome; lengths: of the genome; md5_of: returns
    the md5 of each contig of the genome, and is called only where the header declares one, because
    it may read the whole genome.
    """
    texts = {}
    for line in header.lines:
        declaration = DECLARATION.match(line)
        if not declaration or declaration[1] != b"contig":
            continue
        name = declaration[2].decode("utf-8", "backslashreplace")
        match = matches.get(name)
        text = _difference(line, match, lengths, md5_of, fasta) if match is not None else ""
        if text:
            texts[name] = f"contig {shown(name)}{_assembly(line)} is declared with {text}"
    return texts


def other_mitochondrion(place: str, texts: Mapping[str, str], remedy: str) -> BadDataError | None:
    """The error for a declared mitochondrion that is not the genome's: that of hg19 and the rCRS
    have most letters in common, two bases apart, so that REF does not tell them apart.

    texts: of `differences`.
    """
    for name, text in texts.items():
        if name in MITOCHONDRIA:
            return BadDataError(message(place, text, "the same sequence", remedy))
    return None


def _assembly(line: bytes) -> str:
    match = ASSEMBLY.search(line)
    return f" of {shown(match[1].strip(QUOTE))}" if match else ""


def _difference(
    line: bytes,
    match: str,
    lengths: Mapping[str, int],
    md5_of: Callable[[], Mapping[str, str]],
    fasta: str,
) -> str:
    length, md5 = LENGTH.search(line), MD5.search(line)
    if length and int(length[1]) != lengths[match]:
        return f"{int(length[1]):,} bases; {fasta} has {lengths[match]:,}"
    if md5 and md5[1].decode().lower() != md5_of()[match]:
        return f"another md5 than that of {fasta}"
    return ""
