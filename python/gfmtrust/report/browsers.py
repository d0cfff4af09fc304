"""WRITE_TRACKS: what genome browsers open beside the tracks: a UCSC track hub, an IGV session, a
JBrowse 2 configuration.

All three are made from `track_list`. Paths are relative, so the folder can be moved or served as it
is; XML and JSON are written by their libraries, never pasted together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

from gfmtrust.core.errors import UsageError, message
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.report.track_list import BIGWIGS, FLAGS, Track

ASSEMBLY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PRINTABLE = re.compile(r"[!-~]+")
USE = "research use only; not ACMG evidence"
SHOWN_BP = 500
"""Bases that IGV opens with, from the first base or allele on."""
CHROM_SIZES = "genome.chrom.sizes"


def write_browsers(
    out_dir: Path,
    present: Iterable[str],
    contigs: list[tuple[str, int]],
    assembly: str,
    start: tuple[int, int] | None,
    force: bool = False,
) -> list[Path]:
    """Write hub.txt, genomes.txt, trackDb.txt (where there is a bigWig), igv_session.xml,
    jbrowse_config.json and genome.chrom.sizes.

    present: names of the track files that lie below `out_dir`. contigs: (name, length) in the
    genome's order. assembly: the browser's name of the genome. start: (contig_index, pos) where IGV
    opens. Returns the paths written. Raises UsageError (64) for an assembly that is no plain word:
    it stands in files that know no escape.
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
    bigwigs = [track for track in BIGWIGS if track.file in present]
    tracks = [*bigwigs, *([FLAGS] if FLAGS.file in present else [])]
    index = next((name for name in sorted(present) if name.startswith(FLAGS.file + ".")), "")
    texts = {
        CHROM_SIZES: "".join(f"{name}\t{length}\n" for name, length in contigs).encode(),
        "igv_session.xml": igv_session(tracks, assembly, _locus(contigs, start)),
        "jbrowse_config.json": jbrowse_config(tracks, assembly, index),
    }
    if bigwigs:
        texts |= {
            "hub.txt": hub(),
            "genomes.txt": f"genome {assembly}\ntrackDb trackDb.txt\n".encode(),
            "trackDb.txt": track_db(bigwigs),
        }
    for name, text in texts.items():
        with part_file(out_dir / name, force=force) as part, synced(part) as file:
            file.write(text)
    return [out_dir / name for name in texts]


def hub() -> bytes:
    """hub.txt of the UCSC track hub. Hubs show BED only as bigBed, for which there is no free
    writer: the flags are not in it."""
    return (
        f"hub gfmtrust\nshortLabel gfmtrust\nlongLabel gfmtrust, region bases; {USE}\ngenomesFile genomes.txt\n"
        "email nobody@example.org\n"
    ).encode()


def track_db(bigwigs: list[Track]) -> bytes:
    """trackDb.txt: a stanza a bigWig."""
    stanzas = [
        [
            ("track", f"gfmtrust_{track.id}"),
            ("type", f"bigWig {track.lowest:g} {track.highest:g}"),
            ("shortLabel", track.title[:17]),
            ("longLabel", track.sentence),
            ("bigDataUrl", track.file),
            ("viewLimits", f"{track.lowest:g}:{track.highest:g}"),
            ("color", _rgb(track)),
            ("visibility", "full"),
            ("priority", str(number)),
        ]
        for number, track in enumerate(bigwigs, 1)
    ]
    return "\n".join(
        "".join(f"{key} {value}\n" for key, value in stanza) for stanza in stanzas
    ).encode()


def igv_session(tracks: list[Track], assembly: str, locus: str | None) -> bytes:
    """An IGV session: each file a resource, each track with its title, range and colour."""
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
        shown = ElementTree.SubElement(
            panel,
            "Track",
            {"id": track.file, "name": track.title, "visible": "true"}
            | (
                {"color": _rgb(track), "autoScale": "false", "renderer": "BAR_CHART"}
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


def jbrowse_config(tracks: list[Track], assembly: str, flags_index: str) -> bytes:
    """A JBrowse 2 configuration; the sequence is known by its contig lengths alone, until the
    reader names a FASTA."""
    sequence = {
        "type": "ReferenceSequenceTrack",
        "trackId": f"{assembly}_sequence",
        "adapter": {"type": "ChromSizesAdapter", "chromSizesLocation": _uri(CHROM_SIZES)},
    }
    shown = [
        {
            "type": "QuantitativeTrack" if track.column else "FeatureTrack",
            "trackId": f"gfmtrust_{track.id}",
            "name": track.title,
            "description": track.sentence,
            "assemblyNames": [assembly],
            "adapter": _adapter(track, flags_index),
            "displays": [_display(track)],
        }
        for track in tracks
    ]
    config = {"assemblies": [{"name": assembly, "sequence": sequence}], "tracks": shown}
    return (json.dumps(config, indent=2, sort_keys=True) + "\n").encode()


def _adapter(track: Track, flags_index: str) -> dict:
    if track.column:
        return {"type": "BigWigAdapter", "bigWigLocation": _uri(track.file)}
    if not flags_index:
        return {"type": "BedAdapter", "bedLocation": _uri(track.file)}
    kind = flags_index.rsplit(".", 1)[-1].upper()
    return {
        "type": "BedTabixAdapter",
        "bedGzLocation": _uri(track.file),
        "index": {"indexType": kind, "location": _uri(flags_index)},
    }


def _display(track: Track) -> dict:
    name = f"gfmtrust_{track.id}_display"
    if track.column:
        return {
            "type": "LinearWiggleDisplay",
            "displayId": name,
            "minScore": track.lowest,
            "maxScore": track.highest,
            "renderers": {
                "XYPlotRenderer": {"type": "XYPlotRenderer", "color": f"rgb({_rgb(track)})"}
            },
        }
    return {
        "type": "LinearBasicDisplay",
        "displayId": name,
        "renderer": {
            "type": "SvgFeatureRenderer",
            "color1": "jexl:'rgb(' + get(feature,'itemRgb') + ')'",
        },
    }


def _uri(name: str) -> dict:
    return {"locationType": "UriLocation", "uri": name}


def _rgb(track: Track) -> str:
    return ",".join(map(str, track.colour))


def _locus(contigs: list[tuple[str, int]], start: tuple[int, int] | None) -> str | None:
    """`contig:first-last`, 1-based; None where nothing is known or the name holds characters that
    no XML file may hold."""
    if start is None or not PRINTABLE.fullmatch(contigs[start[0]][0]):
        return None
    name, length = contigs[start[0]]
    first = max(0, min(start[1], length - 1))
    return f"{name}:{first + 1}-{min(first + SHOWN_BP, length)}"
