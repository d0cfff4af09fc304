"""`sites.gfm.vcf.gz`: the distinct records and the single alleles of the cohort, each as one
record, for `bcftools annotate -a`.

`columns.txt` and `header.hdr`, which bcftools and sarek need, and `legend.json` for viewers are
written beside it. A record A>C,G
gives three records (A>C,G, A>C and A>G), because bcftools fills a multi-allelic target only from a
record with the same record key (REF and ALTs), and a split target only from the single allele
(measured with 1.16). The file contains no genotypes, no records with ALT `.`, and no ID, QUAL or
INFO of the user. The record keys are in spellings.parquet.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from gfmtrust.annotate.allele_values import SNV_CODES, AlleleValues
from gfmtrust.annotate.header_lines import header_lines
from gfmtrust.annotate.legend import write_legend
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.columns import info_header_lines
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import bgzf, tables
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.tabix import CSI_FROM, CSI_TO, write_index
from gfmtrust.io.vcf.header import COLUMNS
from gfmtrust.io.vcf.info_texts import joined_texts
from gfmtrust.io.vcf.info_values import KEYS
from gfmtrust.io.vcf.reader import format_position

log = logging.getLogger(__name__)
SiteRecord = tuple[str, int, str, tuple[str, ...]]
"""contig, pos, ref, alts."""
PIECE = 8_192
"""Records that are looked up and written together."""


def write_sites_vcf(sites: Path, spellings: Path, calibration: Path, out_dir: Path) -> int:
    """Write sites.gfm.vcf.gz with its index, columns.txt, header.hdr and legend.json to `out_dir`; return the
    number of records.

    Records are in the order of spellings.parquet: contig, position, REF, ALTs. Those at a position
    that no index supports, beyond the end of any contig, are left out with a warning.
    """
    fitted = RunCalibration.read(calibration)
    lines = header_lines(fitted, RunFacts.read(sites), "annotate_sites")
    out = out_dir / "sites.gfm.vcf.gz"
    n_records, n_beyond, last = 0, 0, 0
    with AlleleValues(sites) as values, part_file(out, force=True) as part:
        with synced(part) as file:
            text = bgzf.BgzfWriter(file)
            text.write(_header(lines, values.contigs()))
            for piece in _pieces(site_records(spellings)):
                records = [one for one in piece if _end(one) <= CSI_TO]
                text.write(_lines(records, values))
                n_records, n_beyond = n_records + len(records), n_beyond + len(piece) - len(records)
                last = max([last, *map(_end, records)])
            text.close()
    if n_beyond:
        log.warning(
            "%s: %d records at positions above %s are left out, because no index supports them",
            out.name,
            n_beyond,
            f"{CSI_TO:,}",
        )
    warning_counts = WarningCounts()
    if not write_index(out, "vcf", csi=last > CSI_FROM, warning_counts=warning_counts):
        raise InternalError(
            message(
                out.name,
                "; ".join(warning_counts.lines()),
                "a sorted file of ours that htslib can index",
            )
        )
    _write_text(out_dir / "columns.txt", [f"INFO/{key}" for key in KEYS])
    _write_text(out_dir / "header.hdr", info_header_lines())
    write_legend(fitted, out_dir)
    return n_records


def site_records(spellings: Path) -> Iterator[SiteRecord]:
    """(contig, pos, ref, alts) of every distinct record key and of every single allele, each once,
    sorted within a position."""
    contig_there, pos_there = "", -1
    alleles_there: set[tuple[str, tuple[str, ...]]] = set()
    for batch in tables.batches(spellings, ["contig", "pos", "ref", "alts"]):
        for contig, pos, ref, alts in zip(
            *(batch.column(name).to_pylist() for name in range(4)), strict=True
        ):
            if (contig, pos) != (contig_there, pos_there):
                yield from ((contig_there, pos_there, *both) for both in sorted(alleles_there))
                contig_there, pos_there, alleles_there = contig, pos, set()
            spelled = tuple(alts.split(","))
            alleles_there |= {(ref, spelled), *((ref, (alt,)) for alt in spelled)}
    yield from ((contig_there, pos_there, *both) for both in sorted(alleles_there))


def _end(record: SiteRecord) -> int:
    _, pos, ref, _ = record
    return pos + len(ref)


def _pieces(records: Iterator[SiteRecord]) -> Iterator[list[SiteRecord]]:
    """The records in lists of PIECE."""
    while piece := list(islice(records, PIECE)):
        yield piece


def _lines(records: list[SiteRecord], values: AlleleValues) -> bytes:
    """The lines of records with their values. SNVs, nearly all of them, are looked up together."""
    codes = [SNV_CODES.get((ref, alts[0])) if len(alts) == 1 else None for *_, ref, alts in records]
    texts: list[bytes | None] = [None] * len(records)
    for contig, group in groupby(range(len(records)), key=lambda row: records[row][0]):
        rows = [row for row in group if codes[row] is not None]
        pos = np.array([records[row][1] for row in rows], np.int64)
        of_snvs = values.of_snvs(contig, pos, np.array([codes[row] for row in rows], np.int64))
        for row, text in zip(rows, of_snvs[0] if of_snvs else [], strict=of_snvs is not None):
            texts[row] = text
    return b"".join(
        b"%b%b\n"
        % (
            f"{contig}\t{format_position(pos)}\t.\t{ref}\t{','.join(alts)}\t.\t.\t".encode(),
            text or joined_texts(values.texts(contig, pos, ref, alts)),
        )
        for (contig, pos, ref, alts), text in zip(records, texts, strict=True)
    )


def _header(lines: list[str], contigs: list[str]) -> bytes:
    contig_lines = [f"##contig=<ID={contig}>" for contig in contigs]
    return (
        "\n".join(["##fileformat=VCFv4.3", *contig_lines, *lines, COLUMNS.decode()]) + "\n"
    ).encode()


def _write_text(path: Path, lines: list[str]) -> None:
    with part_file(path, force=True) as part, synced(part) as file:
        file.write(("\n".join(lines) + "\n").encode())
