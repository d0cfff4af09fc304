"""ANNOTATE_REGIONS: adds means, reliability and flag to each line of the user's BED, from the bases
in bases.parquet.

It runs no model. The contig names of the BED may differ from those of the genome; the metadata of
bases.parquet maps them. Lines are summarised one at a time as they are written, so only the text of
the BED is in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust.annotate.exam_lines import exam_notes
from gfmtrust.annotate.header_lines import background_text
from gfmtrust.annotate.region_summary import MEASURED, Levels, RegionSummary, summarise
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core import names
from gfmtrust.core.columns import BED_COLUMNS
from gfmtrust.core.contracts.counts import RegionCounts
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.progress import Progress
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import bed as bed_file
from gfmtrust.io import tables
from gfmtrust.io.output_digest import published
from gfmtrust.io.position_table import PositionTable, Rows
from gfmtrust.io.vcf.info_values import number_text

COLUMNS = tuple(column.bed_name for column in BED_COLUMNS)
"""Our columns, in order, after the user's own."""

DECIMALS = {column.bed_name: column.decimals for column in BED_COLUMNS}

SHOWN = tuple(column.bed_name for column in BED_COLUMNS if column.report)
"""The columns whose mean over the scored bases of a file the report shows."""


def annotate_regions(
    bed: Path, name: str, bases: Path, calibration: Path, out: Path, force: bool = False
) -> RegionCounts:
    """Write `out` (BGZF) with its index, and `<name>.counts.json` beside it; return the content of
    the latter.

    Every line is written, in the original order, with COLUMNS appended. Raises UsageError (64) for
    a name that no file can have, and the errors of `bed.read` and `bed.write`.
    """
    out, name = Path(out), names.check(name, "--name")
    fitted = RunCalibration.read(calibration)
    levels, shift = Levels.of(fitted), fitted.shift is not None and fitted.shift.fired
    lines, totals = bed_file.read(bed), Totals()
    progress = Progress(name, "lines", len(lines.intervals))
    with PositionTable(bases, list(MEASURED)) as table:
        values = (
            texts(totals.add(summary))
            for summary in with_progress(summaries(lines, table, levels, shift), progress)
        )
        written = bed_file.write(
            lines,
            out,
            list(COLUMNS),
            values,
            region_notes(levels, fitted),
            inputs=(Path(bed),),
            force=force,
        )
    counts = RegionCounts(
        kind=RegionCounts.KIND,
        id=name,
        input=Path(bed).name,
        **vars(written),
        **totals.counts(),
        output=published(out),
        index_file=published(out.with_name(written.index)) if written.index else None,
    )
    counts.write(out.with_name(f"{name}.counts.json"))
    return counts


def summaries(
    lines: bed_file.BedFile, table: PositionTable, levels: Levels, shift: bool
) -> Iterator[RegionSummary]:
    """The summary of each interval, in the order of the file."""
    facts = RunFacts.read(table.path)
    contigs = set(facts.contigs)
    for contig, start, end in zip(
        *(lines.intervals[column] for column in ("contig", "start", "end")), strict=True
    ):
        genome_name = facts.contig_map.get(str(contig), str(contig))
        absent = Status.OUT_OF_RANGE if genome_name in contigs else Status.NO_CONTIG
        yield summarise(
            int(end - start),
            gather(table.rows(genome_name, int(start), int(end))),
            absent,
            levels,
            shift,
        )


def with_progress(
    region_summaries: Iterator[RegionSummary], progress: Progress
) -> Iterator[RegionSummary]:
    """The same summaries; the progress is counted as they are consumed."""
    for done, summary in enumerate(region_summaries):
        progress(done)
        yield summary


def gather(pieces: list[Rows]) -> dict[str, np.ndarray]:
    """The columns of neighbouring pieces, each as one array, which has length 0 where there is no
    row."""
    if len(pieces) == 1:
        return {name: pieces[0].column(name) for name in MEASURED}
    if not pieces:
        return {
            name: np.empty(0, tables.REGION_BASES.field(name).type.to_pandas_dtype())
            for name in MEASURED
        }
    return {name: np.concatenate([piece.column(name) for piece in pieces]) for name in MEASURED}


def texts(summary: RegionSummary) -> list[str]:
    """The values of COLUMNS for one line; a missing value is `.`."""
    scored = summary.rank > Rank.NOT_SCORED
    values = {
        "length_bp": summary.length_bp,
        "scored_bases": summary.scored_bases,
        "scored_share": summary.scored_share,
        **summary.numbers,
        "decoy_errors": "." if summary.errors is None else summary.errors,
        "decoy_error_bound": summary.error_bound if summary.scored_bases else float("nan"),
        "rank": int(summary.rank),
        "flag": summary.rank.name if scored else ".",
        "status": summary.status,
        "why": "&".join(summary.why) or ".",
    }
    return [
        number_text(values[name], DECIMALS[name])
        if isinstance(values[name], float)
        else str(values[name])
        for name in COLUMNS
    ]


def region_notes(levels: Levels, fitted: RunCalibration) -> tuple[str, ...]:
    """Comment lines for a reader who has only the BED file."""
    limits = ", ".join(
        f"{rank.name} <= {levels.alpha[rank]:g}" for rank in (Rank.HIGH, Rank.MEDIUM)
    )
    return (
        "#gfmtrust research use only; not ACMG evidence; LOW means: do not read single bases here",
        f"#gfmtrust decoy error of a flag, confidence {1 - levels.delta:g}: {limits}",
        *([f"#gfmtrust {background_text(fitted)}"] if fitted.options.background else []),
        *(f"#gfmtrust {note}" for note in exam_notes(fitted)),
    )


@dataclass
class Totals:
    """Counts over all lines so far. sums: by column, the sum of the mean times its number of scored
    bases, and the sum of these numbers."""

    ranks: Counter = field(default_factory=Counter)
    statuses: Counter = field(default_factory=Counter)
    bases: int = 0
    scored_bases: int = 0
    sums: dict[str, list[float]] = field(default_factory=lambda: {name: [0.0, 0] for name in SHOWN})

    def add(self, summary: RegionSummary) -> RegionSummary:
        self.ranks[summary.rank] += 1
        self.statuses[str(summary.status)] += 1
        self.bases += summary.length_bp
        self.scored_bases += summary.scored_bases
        for name, total in self.sums.items():
            value = summary.numbers[name]
            if not np.isnan(value):
                total[0] += value * summary.scored_bases
                total[1] += summary.scored_bases
        return summary

    def counts(self) -> dict:
        """The content of counts.json. Means are over the scored bases of the lines that have the
        number, None without any."""
        means = {
            f"mean_{name}": round(total / n, 6) if n else None
            for name, (total, n) in self.sums.items()
        }
        return {
            "ranks": {rank.name: self.ranks[rank] for rank in Rank},
            "statuses": dict(sorted(self.statuses.items())),
            "bases": self.bases,
            "scored_bases": self.scored_bases,
            "means": means,
        }
