"""Tables and VCFs of imported scores: read, placed on the genome, and checked row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.alleles import classify
from gfmtrust.inputs.contig_names import ContigRule, match
from gfmtrust.inputs.labels import info_value
from gfmtrust.inputs.variants import normalised
from gfmtrust.io.text_lines import read_lines
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.score_tables.indexed import MAX_LINE
from gfmtrust.score_tables.layout import ONLY_DIFFERENCES, ScoreLayout
from gfmtrust.score_tables.rows import MISSING

ALLELES = ("chrom", "pos", "ref", "alt", "score")


LAWS = ("chrom", "pos", *BASES)


KEY = ["contig", "pos", "ref", "alt"]


def is_vcf(path: Path) -> bool:
    return re.search(r"\.vcf(\.b?gz)?$", path.name, re.IGNORECASE) is not None


MAX_WHOLE_BYTES = 1 << 30
"""Compressed bytes of a table that is read whole; a larger one needs an index."""


def first_line(path: Path) -> str:
    """The first line of a table that is no comment of two marks, without its end."""
    for line in read_lines(path, 1 << 20):
        if not line.startswith(b"##"):
            return line.decode("utf-8", "backslashreplace").rstrip("\r\n")
    return ""


def has_only_differences(path: Path, layout: ScoreLayout | None) -> bool:
    """Whether a table of the four bases says in its header that only the differences of its values
    have a meaning, as `precompute` writes it for a model of whole tokens."""
    if layout is None or not layout.has_bases:
        return False
    for line in read_lines(path, MAX_LINE):
        if not line.startswith(b"##"):
            return False
        if line[2:].startswith(ONLY_DIFFERENCES.encode()):
            return True
    return False


def read_table(
    path: Path, genome, contig_map: str | Path, layout: ScoreLayout | None = None
) -> pd.DataFrame:
    """Columns contig_index (-1: not in the genome), contig, pos (0-based), line, and ref, alt,
    score or A, C, G, T. Scores are multiplied by the layout's factor; rows without one are left
    out. Raises BadDataError (65) for a table that does not fit the layout, and for a row that is
    short or has no position or no number."""
    if path.stat().st_size > MAX_WHOLE_BYTES:
        raise BadDataError(
            message(
                path.name,
                f"{path.stat().st_size >> 20:,} MiB without an index",
                f"at most {MAX_WHOLE_BYTES >> 20:,} MiB, or an index of tabix",
                f"sort it, bgzip it, and run tabix -s 1 -b 2 -e 2 {path.name}",
            )
        )
    columns, read = _columns_of(path, layout)
    place = [vcf_reader.parse_position(text) for text in read["pos"]]
    refuse(
        path.name,
        read,
        np.array([pos is None or pos < 0 for pos in place], bool),
        "pos",
        "a whole number from 1 on",
    )
    read["pos"] = np.array(place, dtype=np.int64)
    for name in ("score",) if columns is ALLELES else BASES:
        missing = read[name].isin(MISSING).to_numpy()
        numbers = pd.to_numeric(read[name], errors="coerce").to_numpy(np.float64)
        refuse(path.name, read, ~np.isfinite(numbers) & ~missing, name, "a finite number")
        read[name] = numbers
        read = read[~missing]
    if layout:
        read = _in_nats(read, columns, layout)
    return placed(read.reset_index(drop=True), genome, contig_map)


def _in_nats(read: pd.DataFrame, columns: tuple[str, ...], layout: ScoreLayout) -> pd.DataFrame:
    """Scores by the layout's factor; logarithms of probabilities as probabilities."""
    if columns is ALLELES:
        kept = read[~read["alt"].isin([".", ""]) & (read["alt"] != read["ref"])]
        return kept.assign(score=kept["score"] * layout.factor)
    if layout.scale == "probability":
        return read
    return read.assign(**{base: np.exp(read[base] * layout.factor) for base in BASES})


def _columns_of(path: Path, layout: ScoreLayout | None) -> tuple[tuple[str, ...], pd.DataFrame]:
    """The columns of a table by role, as text, and the number of each line from 1 as `line`."""
    skipped, header = 0, None
    for line in read_lines(path, 1 << 20):
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if (
            layout is not None
            and not text.startswith("#")
            and not (layout.header and header is None)
        ):
            break
        if layout is None and skipped:
            break
        skipped, header = skipped + 1, text.lstrip("#").split("\t")
        if layout is None or (layout.header and not text.startswith("#")):
            break
    try:
        whole = pd.read_csv(
            path,
            sep="\t",
            dtype=str,
            header=None,
            skiprows=skipped,
            keep_default_na=False,
            quoting=csv.QUOTE_NONE,
            compression="gzip" if path.suffix in (".gz", ".bgz") else None,
        )
    except pd.errors.EmptyDataError:
        whole = pd.DataFrame(columns=range(len(header or ())), dtype=str)
    except (ValueError, OSError, EOFError) as error:
        raise BadDataError(
            message(
                path.name, f"no table ({str(error).splitlines()[0]})", "columns separated by tabs"
            )
        ) from error
    if layout is None:
        columns = next(
            (wanted for wanted in (ALLELES, LAWS) if tuple(header or ()) == wanted), None
        )
        index = {name: number for number, name in enumerate(columns or ())}
    else:
        index = layout.indices(header, path.name)
        columns = LAWS if layout.has_bases else ALLELES
    if columns is None or len(whole.columns) <= max(index.values(), default=0):
        names = header if layout is None else [f"{len(whole.columns)} columns"]
        raise BadDataError(
            message(
                path.name,
                f"columns {shown(' '.join(map(str, names or ())))}",
                f"{' '.join(ALLELES)}, or {' '.join(LAWS)}, in this order"
                if layout is None
                else f"layout {layout.name}: {layout.text()}",
                "see --external_columns",
            )
        )
    read = pd.DataFrame({role: whole[number] for role, number in index.items()})
    read["line"] = _line_numbers(path, skipped, len(read), 1 + max(index.values()))
    return columns, read


def _line_numbers(path: Path, skipped: int, n_rows: int, n_columns: int) -> np.ndarray:
    """The number of the line, from 1 on, of each row after the skipped lines, int64 (n_rows,). Blank
    lines are no rows. Raises BadDataError (65) for a line with fewer columns, whose missing ones
    pandas reads as empty."""
    numbers = []
    for number, line in enumerate(read_lines(path, MAX_LINE), 1):
        if number <= skipped or not line.strip(b" \r\n"):
            continue
        numbers.append(number)
        n_here = line.count(b"\t") + 1
        if n_here < n_columns:
            place = f"{path.name} line {number}"
            raise BadDataError(message(place, f"{n_here} columns", f"{n_columns} at least"))
    return (
        np.array(numbers, np.int64) if len(numbers) == n_rows else skipped + 1 + np.arange(n_rows)
    )


def read_vcf(path: Path, key: str, genome, contig_map: str | Path) -> pd.DataFrame:
    """As `read_table`, from INFO/key of every ALT; an allele with '.' for it has no answer."""
    header, records = vcf_reader.read(path)
    rows = []
    for record in records:
        text = info_value(record.info, key)
        values = [] if text in (None, "", ".") else text.split(",")
        if values and len(values) != len(record.alts):
            raise BadDataError(
                message(
                    vcf_reader.place(path, record),
                    f"{len(values)} values of {key}",
                    f"{len(record.alts)}, one an ALT",
                )
            )
        for alt, value in zip(record.alts, values, strict=False):
            if value == ".":
                continue
            try:
                score = float(value)
            except ValueError:
                score = np.nan
            if not np.isfinite(score):
                raise BadDataError(
                    message(
                        vcf_reader.place(path, record),
                        f"{key} is {shown(value)}",
                        "a finite number or '.'",
                    )
                )
            rows.append((record.contig, record.pos, record.ref, alt, score, record.line_no))
    if not rows:
        raise BadDataError(
            message(path.name, f"no record has INFO/{key}", "scores", "see --external_key")
        )
    read = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "score", "line"])
    return placed(read, genome, contig_map, header.contig_lengths())


def placed(
    read: pd.DataFrame,
    genome,
    contig_map: str | Path,
    lengths: Mapping[str, int | None] | None = None,
) -> pd.DataFrame:
    naming = ContigRule.of(contig_map, genome.contigs)
    index = {name: place for place, name in enumerate(genome.names)}
    matches = {
        name: match(name, (lengths or {}).get(name), naming, genome.contigs)
        for name in read["chrom"].unique()
    }
    contig = read["chrom"].map(matches)
    return read.assign(contig=contig, contig_index=contig.map(index).fillna(-1).astype(np.int64))


def refuse(name: str, read: pd.DataFrame, wrong: np.ndarray, column: str, expected: str) -> None:
    if wrong.any():
        row = read.iloc[int(np.flatnonzero(wrong)[0])]
        raise BadDataError(
            message(
                f"{name} line {row['line']}", f"{column} is {shown(str(row[column]))}", expected
            )
        )


def check_alleles(name: str, read: pd.DataFrame, genome) -> None:
    """Bring alleles that change one base to that base, as a record of several ALTs pads them; refuse
    an allele that the genome does not have, or that is answered twice with different scores."""
    read["ref"], read["alt"] = read["ref"].str.upper(), read["alt"].str.upper()
    for column in ("ref", "alt"):
        refuse(name, read, (read[column] == "").to_numpy(), column, "letters")
    status = classify(read, genome)
    wrong = np.flatnonzero(status != Status.SCORED)
    if len(wrong):
        row = read.iloc[int(wrong[0])]
        observed = f"{row['chrom']}:{row['pos'] + 1} {shown(row['ref'])}>{shown(row['alt'])} is {status[wrong[0]]} ({len(wrong)} such)"
        raise BadDataError(
            message(
                f"{name} line {row['line']}",
                observed,
                "alleles of the genome",
                "is it this FASTA? see --contig_map",
            )
        )
    lengths = read["ref"].str.len().to_numpy()
    columns = [read.columns.get_loc(column) for column in ("pos", "ref", "alt")]
    for place in np.flatnonzero((lengths > 1) & (lengths == read["alt"].str.len().to_numpy())):
        row = read.iloc[int(place)]
        one = normalised(genome, row["contig"], row["pos"], row["ref"], row["alt"])
        if len(one.ref) == 1:
            read.iloc[int(place), columns] = [one.pos, one.ref, one.alt]
    one_answer(name, read, KEY, ["score"])


def one_answer(name: str, read: pd.DataFrame, key: list[str], values: list[str]) -> None:
    twice = read[read.duplicated(key, keep=False)]
    differing = (
        twice.groupby(key)[values].nunique().max(axis=1) if len(twice) else pd.Series(dtype=int)
    )
    if (differing > 1).any():
        where = differing.index[int(np.flatnonzero(differing > 1)[0])]
        raise BadDataError(
            message(
                name,
                f"{where[0]}:{where[1] + 1} is answered twice, with different values",
                "one answer each",
            )
        )
