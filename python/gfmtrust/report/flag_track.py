"""WRITE_TRACKS: writes the cohort's alleles as one BED9 file with one colour per flag, for a genome
browser.

Positions are those of the trimmed record and contigs have the names of the FASTA, so that the file
is valid for one genome whatever contig names the inputs use.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.vocabulary import Rank
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import bgzf, tables
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.tabix import CSI_FROM, write_index
from gfmtrust.report.track_list import FLAGS, LEVEL_COLOURS

log = logging.getLogger(__name__)
COLUMNS = "#contig\tstart\tend\tname\tscore\tstrand\tthick_start\tthick_end\titem_rgb\n"
LONGEST_ALLELE = 60
"""Longer alleles are cut in the name, because BED limits it to 255 characters. No allele of this
length is scored."""


def write_flags(sites: Path, out_dir: Path, force: bool = False) -> list[Path]:
    """Write `flags.bed.gz` and its index to `out_dir`; return their paths. Where htslib cannot make
    an index, a warning is logged and no index is returned.

    There is one line per allele that lies within its contig: contig, 0-based half-open range of
    REF, `FLAG REF>ALT` (and the status where it is not scored), round(1000 * reliability), `.`, the
    range again, colour. The lines are sorted and are written one position at a time.
    """
    contigs = RunFacts.read(sites).genome
    path = out_dir / FLAGS.file
    out_dir.mkdir(parents=True, exist_ok=True)
    last = 0
    with part_file(path, force=force) as part, synced(part) as file:
        text = bgzf.BgzfWriter(file)
        text.write(COLUMNS.encode())
        for (index, _), rows in groupby(_rows(sites), key=lambda row: row[:2]):
            name, length = contigs[index]
            for end, line in sorted(
                _line(name, row) for row in rows if 0 <= row[1] and row[1] + len(row[2]) <= length
            ):
                text.write(line.encode())
                last = max(last, end)
        text.close()
    warning_counts = WarningCounts()
    index_name = write_index(path, "bed", csi=last > CSI_FROM, warning_counts=warning_counts)
    for line in warning_counts.lines():  # such as a contig whose name holds control characters
        log.warning("%s", line)
    return [path, *([path.with_name(index_name)] if index_name else [])]


def _rows(sites: Path) -> Iterator[tuple]:
    """(contig_index, pos, ref, alt, status, rank, rel) of the alleles on contigs of the genome,
    contig by contig."""
    for batch in tables.batches(
        sites, ["contig_index", "pos", "ref", "alt", "status", "rank", "rel"]
    ):
        yield from (
            row
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
            if row[0] >= 0
        )


def _line(contig: str, row: tuple) -> tuple[int, str]:
    """The end and the line of an allele."""
    _, pos, ref, alt, status, rank, rel = row
    end = pos + len(ref)
    name = f"{Rank(rank).name} {_cut(ref)}>{_cut(alt)}" + ("" if rank else f" {status}")
    score = 0 if rel is None or math.isnan(rel) else round(1000 * min(max(rel, 0), 1))
    colour = ",".join(map(str, LEVEL_COLOURS[Rank(rank)]))
    return end, f"{contig}\t{pos}\t{end}\t{name}\t{score}\t.\t{pos}\t{end}\t{colour}\n"


def _cut(allele: str) -> str:
    return allele if len(allele) <= LONGEST_ALLELE else f"{allele[:LONGEST_ALLELE]}..."
