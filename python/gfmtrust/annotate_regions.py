"""ANNOTATE_REGIONS: the user's BED, each line with its means, its reliability and its flag from the bases of bases.parquet.

Runs no model. Contig names of the BED may be spelled unlike the genome's; bases.parquet tells how they map.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gfmtrust import bed as bed_file
from gfmtrust import tables
from gfmtrust.header_lines import read_calibration
from gfmtrust.info_values import number_text
from gfmtrust.output_digest import published
from gfmtrust.records import Rank, Status
from gfmtrust.region_summary import Levels, RegionSummary, summarise
from gfmtrust.site_lookup import PositionTable, Rows

MEASURED = ("status", "rank", "wrong", "surprisal", "ent", "dis", "gain", "rel")
COLUMNS = ("length_bp", "scored_bases", "scored_share", "entropy", "gain", "disagreement", "surprisal", "decoy_errors", "decoy_error_bound",
           "reliability", "rank", "flag", "status", "why")
"""Our columns, in order, after the user's own."""


def annotate_regions(bed: Path, name: str, bases: Path, calibration: Path, out: Path, force: bool = False) -> dict:
    """Write `out` (BGZF) with its index, and `<name>.counts.json` beside it; returns what the latter holds.

    Every line comes back, in order, with COLUMNS appended. Raises the errors of `bed.read` and `bed.write`.
    """
    out = Path(out)
    fitted = read_calibration(calibration)
    levels, shift = Levels.of(fitted), fitted.shift is not None and fitted.shift.fired
    contig_map = tables.read_metadata(bases).get("contig_map", {})
    lines = bed_file.read(bed)
    with PositionTable(bases, list(MEASURED)) as table:
        known = set(tables.read_metadata(bases).get("contigs", table.contigs()))
        summaries = []
        for contig, start, end in zip(*(lines.intervals[column] for column in ("contig", "start", "end")), strict=True):
            genome_name = contig_map.get(contig, contig)
            absent = Status.OUT_OF_RANGE if genome_name in known else Status.NO_CONTIG
            columns = gather(table.rows(genome_name, int(start), int(end)))
            summaries.append(summarise(int(end - start), columns, absent, levels, shift))
    values = [texts(summary) for summary in summaries]
    contract = bed_file.write(lines, out, list(COLUMNS), values, region_notes(levels), inputs=(Path(bed),), force=force)
    counts = {"kind": "bed", "id": name, "input": Path(bed).name, **asdict(contract), **totals(summaries), "output": published(out)}
    tables.write_json(out.with_name(f"{name}.counts.json"), counts)
    return counts


def gather(pieces: list[Rows]) -> dict[str, np.ndarray]:
    """The columns of neighbouring pieces as one array each; of length 0 where there is no row."""
    if not pieces:
        return {name: np.empty(0, bool if name == "wrong" else object if name == "status" else np.float32) for name in MEASURED}
    return {name: np.concatenate([piece.column(name) for piece in pieces]) for name in MEASURED}


def texts(summary: RegionSummary) -> list[str]:
    """The values of COLUMNS for one line; `.` is missing."""
    means = (summary.scored_share, summary.entropy, summary.gain, summary.disagreement, summary.surprisal)
    scored = summary.rank > Rank.NOT_SCORED
    return [str(summary.length_bp), str(summary.scored_bases), *map(number_text, means), str(summary.errors),
            number_text(summary.error_bound) if summary.scored_bases else ".", number_text(summary.reliability), str(int(summary.rank)),
            summary.rank.name if scored else ".", summary.status, "&".join(summary.why) or "."]


def region_notes(levels: Levels) -> tuple[str, ...]:
    """Comment lines for the reader of the BED alone."""
    limits = ", ".join(f"{rank.name} <= {levels.alpha[rank]:g}" for rank in (Rank.HIGH, Rank.MEDIUM))
    return ("#gfmtrust research use only; not ACMG evidence; LOW means: do not read single bases here",
            f"#gfmtrust decoy error of a flag, confidence {1 - levels.delta:g}: {limits}")


def totals(summaries: list[RegionSummary]) -> dict:
    """Counts of all lines for counts.json; means are over scored bases, None without any."""
    n = sum(summary.scored_bases for summary in summaries)
    ranks = Counter(summary.rank.name for summary in summaries)
    return {"ranks": {rank.name: ranks[rank.name] for rank in Rank},
            "statuses": dict(sorted(Counter(str(summary.status) for summary in summaries).items())),
            "bases": sum(summary.length_bp for summary in summaries), "scored_bases": n,
            "mean_entropy": _weighted(summaries, "entropy"), "mean_gain": _weighted(summaries, "gain")}


def _weighted(summaries: list[RegionSummary], name: str) -> float | None:
    """Mean over the scored bases of all lines that have the measure; None where no line has it."""
    pairs = [(getattr(summary, name), summary.scored_bases) for summary in summaries]
    known = [(value, n) for value, n in pairs if n and not np.isnan(value)]
    total = sum(n for _, n in known)
    return round(sum(value * n for value, n in known) / total, 6) if total else None
