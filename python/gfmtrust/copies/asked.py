"""The sites that input files request: alleles of VCFs, bases of BEDs, rows of tables of earlier
steps.

Positions are 0-based. An SNV is a site of span 1. Any other allele is normalised
(`inputs.variants`), and its span is the number of letters that it replaces: 0 for an insertion.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.alleles import classify
from gfmtrust.inputs.contig_names import ContigRule, match
from gfmtrust.inputs.variants import normalised
from gfmtrust.io import bed, tables
from gfmtrust.io.vcf import reader

log = logging.getLogger(__name__)

BATCH_ALLELES = 200_000
SITE_COLUMNS = ("contig_index", "pos")
ALLELE_COLUMNS = ["contig_index", "pos", "ref", "alt"]


class Sites(NamedTuple):
    """Sites in any order, with repeats; int64 (n,) each."""

    contig_index: np.ndarray
    pos: np.ndarray
    span: np.ndarray


def together(parts: Iterable[Sites]) -> Sites:
    """Return all sites of several parts."""
    empty = Sites(*(np.zeros(0, dtype=np.int64) for _ in Sites._fields))
    return Sites(*(np.concatenate(columns) for columns in zip(empty, *parts, strict=True)))


def of_vcf(path: Path, genome, contig_map: str | Path = "none") -> Sites:
    """Return the alleles of a VCF that can be scored. The others (symbolic, another REF, unknown
    contig) are left out, and the log states their number. Raises what the VCF reader raises."""
    header, records = reader.read(path)
    naming = ContigRule.of(contig_map, genome.contigs)
    lengths, numbers = header.contig_lengths(), {name: n for n, name in enumerate(genome.names)}
    contigs: dict[str, int] = {}
    rows, parts, n_alleles = [], [], 0
    for record in records:
        if record.contig not in contigs:
            name = match(record.contig, lengths.get(record.contig), naming, genome.contigs)
            contigs[record.contig] = numbers.get(name, -1)
        index, ref = contigs[record.contig], record.ref.upper()
        rows += [(index, record.pos, ref, alt.upper()) for alt in record.alts]
        n_alleles += len(record.alts)
        if len(rows) >= BATCH_ALLELES:
            parts.append(_of_alleles(rows, genome))
            rows = []
    sites = together([*parts, *([_of_alleles(rows, genome)] if rows else [])])
    log.info("%s: %d sites of %d alleles", Path(path).name, len(sites.pos), n_alleles)
    return sites


def _of_alleles(rows: list[tuple], genome) -> Sites:
    alleles = pd.DataFrame(rows, columns=ALLELE_COLUMNS)
    alleles = alleles[classify(alleles, genome) == Status.SCORED]
    contig_index = alleles["contig_index"].to_numpy(np.int64)
    pos, span = alleles["pos"].to_numpy(np.int64).copy(), np.ones(len(alleles), dtype=np.int64)
    ref, alt = alleles["ref"].to_numpy(object), alleles["alt"].to_numpy(object)
    for row in range(len(alleles)):
        if len(ref[row]) != 1 or len(alt[row]) != 1:
            name = genome.names[contig_index[row]]
            variant = normalised(genome, name, int(pos[row]), ref[row], alt[row])
            pos[row], span[row] = variant.pos, len(variant.ref)
    return Sites(contig_index, pos, span)


def of_bed(path: Path, genome, contig_map: str | Path = "none") -> Sites:
    """Return every base of the intervals of a BED that lies in the genome, with span 1."""
    naming = ContigRule.of(contig_map, genome.contigs)
    numbers = {name: n for n, name in enumerate(genome.names)}
    intervals = bed.intervals(path)
    parts = []
    for name in intervals.names:
        genome_name = match(name, None, naming, genome.contigs)
        if genome_name is None:
            log.warning("%s: contig %s is not in the genome; its bases are left out", path, name)
            continue
        for start, end in intervals.intervals(name):
            pos = np.arange(start, min(end, genome.contigs[genome_name]), dtype=np.int64)
            parts.append(
                Sites(np.full(len(pos), numbers[genome_name]), pos, np.ones(len(pos), np.int64))
            )
    return together(parts)


def of_table(path: Path, genome) -> Sites:
    """Return the rows of a table with contig_index, pos and optionally span (1 without it).

    Raises BadDataError (65) where a column is missing or a row cannot be a site of this genome.
    """
    with tables.open_table(path) as file:
        names = file.schema_arrow.names
    absent = [name for name in SITE_COLUMNS if name not in names]
    if absent:
        observed = f"no column {' and '.join(absent)}"
        raise BadDataError(message(Path(path).name, observed, "a table of sites, such as a shard"))
    columns = tables.read(path, [*SITE_COLUMNS, *(["span"] if "span" in names else [])])
    contig_index, pos = (columns[name].to_numpy().astype(np.int64) for name in SITE_COLUMNS)
    span = columns["span"].to_numpy().astype(np.int64) if "span" in names else np.ones_like(pos)
    wrong = (contig_index < 0) | (contig_index >= len(genome.names)) | (span < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        observed = f"row {row + 1} has contig {contig_index[row]} and span {span[row]}"
        expected = f"contigs 0..{len(genome.names) - 1} and spans from 0"
        raise BadDataError(
            message(Path(path).name, observed, expected, "give the genome of its run")
        )
    return Sites(contig_index, pos, span)
