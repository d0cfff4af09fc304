"""WRITE_TRACKS: the IGV session that opens the tracks.

It is created from `track_list`. Its paths are relative, so the folder can be moved. The standard
library writes the XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

from gfmtrust.core.errors import UsageError, message
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.report.track_list import BIGWIGS, FLAGS, Track

SESSION_FILE = "igv_session.xml"
ASSEMBLY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PRINTABLE = re.compile(r"[!-~]+")
SHOWN_BP = 500
"""Number of bases that IGV shows when it opens, from the first base or allele on."""


def write_session(
    out_dir: Path,
    present: Iterable[str],
    contigs: list[tuple[str, int]],
    assembly: str,
    start: tuple[int, int] | None,
    force: bool = False,
) -> Path:
    """Write igv_session.xml to `out_dir`; return its path.

    present: names of the track files in `out_dir`; contigs: (name, length) in the genome's order;
    assembly: IGV's name of the genome; start: (contig_index, pos) where IGV opens. Raises
    UsageError (64) for an assembly name with other characters than letters, digits, `_`, `.` and
    `-`.
    """
    if not ASSEMBLY.fullmatch(assembly):
        raise UsageError(
            message(
                "--assembly",
                repr(assembly)[:80],
                "letters, digits, _ . - only, at most 64",
                "give a name such as hg38",
            )
        )
    present = set(present)
    tracks = [track for track in (*BIGWIGS, FLAGS) if track.file in present]
    path = out_dir / SESSION_FILE
    with part_file(path, force=force) as part, synced(part) as file:
        file.write(igv_session(tracks, assembly, _locus(contigs, start)))
    return path


def igv_session(tracks: list[Track], assembly: str, locus: str | None) -> bytes:
    """An IGV session with one resource per file and the title, range and colour of each track."""
    session = ElementTree.Element(
        "Session", {"genome": assembly, "locus": locus or "All", "version": "8"}
    )
    resources = ElementTree.SubElement(session, "Resources")
    panel = ElementTree.SubElement(session, "Panel", {"name": "gfmtrust"})
    for track in tracks:
        ElementTree.SubElement(
            resources,
            "Resource",
            {"path": track.file, "name": track.title, "type": "bw" if track.column else "bed"},
        )
        colour = ",".join(map(str, track.colour))
        shown = ElementTree.SubElement(
            panel,
            "Track",
            {"id": track.file, "name": track.title, "visible": "true"}
            | (
                {"color": colour, "autoScale": "false", "renderer": "BAR_CHART"}
                if track.column
                else {"displayMode": "EXPANDED"}
            ),
        )
        if track.column:
            ElementTree.SubElement(
                shown,
                "DataRange",
                {
                    "type": "LINEAR",
                    "minimum": f"{track.lowest:g}",
                    "maximum": f"{track.highest:g}",
                    "baseline": "0",
                },
            )
    ElementTree.indent(session)
    out = BytesIO()
    ElementTree.ElementTree(session).write(out, encoding="UTF-8", xml_declaration=True)
    return out.getvalue() + b"\n"


def _locus(contigs: list[tuple[str, int]], start: tuple[int, int] | None) -> str | None:
    """`contig:first-last`, 1-based; None without a start or where the name has characters that are
    not allowed in XML."""
    if start is None or not PRINTABLE.fullmatch(contigs[start[0]][0]):
        return None
    name, length = contigs[start[0]]
    first = max(0, min(start[1], length - 1))
    return f"{name}:{first + 1}-{min(first + SHOWN_BP, length)}"
