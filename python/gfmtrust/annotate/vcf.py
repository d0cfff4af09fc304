"""ANNOTATE_VCF: inserts the GFM_* keys of every allele, read from sites.parquet, into the user's
VCF.

It runs no model and uses no threshold. Records are looked up block by block as they are read, so
memory does not grow with the file or the cohort.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gfmtrust.annotate.allele_values import AlleleValues
from gfmtrust.annotate.call_facts import CallFacts
from gfmtrust.annotate.header_lines import header_lines
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core import names
from gfmtrust.core.contracts.counts import VcfCounts
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.progress import Progress
from gfmtrust.core.vocabulary import Rank
from gfmtrust.core.warning_counts import shown
from gfmtrust.io.output_digest import published
from gfmtrust.io.vcf import splice
from gfmtrust.io.vcf.fields import NO_SNV, Fields
from gfmtrust.io.vcf.header import DEFAULT_LIMITS, Limits
from gfmtrust.io.vcf.info_texts import joined_texts
from gfmtrust.io.vcf.reader import Block, Record

RANKS = re.compile(rb"GFM_RANK=([0-9,]+)")


def annotate_vcf(
    vcf: Path,
    id: str,  # noqa: A002  (the option's name)
    sites: Path,
    calibration: Path,
    out: Path,
    overwrite: bool = False,
    force: bool = False,
    max_line: int = DEFAULT_LIMITS.max_line >> 20,
) -> VcfCounts:
    """Write `out` (BGZF) with its index, and `<id>.counts.json` beside it; return the content of
    the latter. max_line: longest line of the VCF, MiB.

    Raises UsageError (64) for an id that cannot name a file; InternalError (70) where an allele has
    no row in `sites` or a guarantee of `splice.annotate` is broken; otherwise the errors of
    `splice.annotate`.
    """
    out, id = Path(out), names.check(id, "--id")  # noqa: A001
    lines = header_lines(
        RunCalibration.read(calibration),
        RunFacts.read(sites),
        f"annotate_vcf --id {id} --vcf {shown(Path(vcf).name)}"
        + (" --overwrite" if overwrite else ""),
    )
    with AlleleValues(sites) as alleles:
        values = _Values(alleles, Progress(id, "records"))
        written = splice.annotate(
            vcf,
            out,
            values.of_record,
            lines,
            overwrite=overwrite,
            force=force,
            limits=Limits.of_line(max_line),
            block_values=values.of_block,
        )
    counts = VcfCounts(
        kind=VcfCounts.KIND,
        id=id,
        input=Path(vcf).name,
        ranks={rank.name: int(values.ranks[rank]) for rank in Rank},
        calls=values.calls.by_flag(),
        **vars(written),
        output=published(out),
        index_file=published(out.with_name(written.index)) if written.index else None,
    )
    counts.write(out.with_name(f"{id}.counts.json"))
    return counts


class _Values:
    """The values of records, of one or of many at once, with the counts for the report."""

    def __init__(self, alleles: AlleleValues, progress: Progress):
        self._alleles, self._progress = alleles, progress
        self._n_done = 0
        self.calls, self.ranks = CallFacts(), np.zeros(len(Rank), np.int64)

    def of_record(self, record: Record) -> bytes:
        """The finished text of one record that has an ALT."""
        self._n_done += 1
        self._progress(self._n_done)
        return self._text(record)

    def of_block(self, block: Block, fields: Fields) -> list[bytes]:
        """The finished texts of ordinary lines, b'' where ALT is `.`."""
        of_snvs, other = self._alleles.snv_texts(fields), fields.has_alt
        texts = [b""] * len(fields)
        if of_snvs is not None:
            texts, ranks = of_snvs
            rows = np.flatnonzero(fields.snv != NO_SNV)
            other = fields.has_alt & (fields.snv == NO_SNV)
            self._count(fields, rows, ranks[rows])
        others = np.flatnonzero(other)
        looked_up = self._alleles.other_texts(fields, others)
        of_rows = {row: of_alleles for row, (_, of_alleles) in looked_up.items()}
        repeated = np.repeat(list(of_rows), [len(ranks) for ranks in of_rows.values()])
        self._count(
            fields,
            repeated.astype(np.int64),
            np.array([rank for of_alleles in of_rows.values() for rank in of_alleles], np.int64),
        )
        for row in others.tolist():
            texts[row] = (
                joined_texts(looked_up[row][0])
                if row in looked_up
                else self._text(block.record(fields, row))
            )
        self._n_done += int(fields.has_alt.sum())
        self._progress(self._n_done)
        return texts

    def _count(self, fields: Fields, rows: np.ndarray, ranks: np.ndarray) -> None:
        """Count alleles. rows: the line of each (n,); ranks: its flag (n,)."""
        self.ranks += np.bincount(ranks, minlength=len(Rank))
        self.calls.add_lines(fields, rows, ranks)

    def _text(self, record: Record) -> bytes:
        text = joined_texts(self._alleles.texts(record.contig, record.pos, record.ref, record.alts))
        of_alleles = [int(rank) for rank in RANKS.findall(text)[0].split(b",")]
        for rank in of_alleles:
            self.ranks[rank] += 1
        self.calls.add(record, of_alleles)
        return text
