"""The examples of a duel: labelled alleles of a VCF, or labelled sequences of a table."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import INVALID, PAD, encode
from gfmtrust.core.errors import BadDataError, MissingInputError, UsageError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.label_numbers import Number, labelled_alleles
from gfmtrust.inputs.labels import CLNSIG, rule_of
from gfmtrust.io.genome import Genome
from gfmtrust.readers.windows import cut

LEAST = 100
"""Fewer examples give no learning curve."""
ELEMENT_BP = 10_000
"""A contig up to this length is one element; a longer one is cut into blocks."""
BLOCK_BP = 100_000
TABLES = (".tsv", ".csv", ".txt")


class Letters(Protocol):
    """Letters of examples."""

    def windows(self, width: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Codes uint8 (n, L), and those of the references, None where examples stand alone. width:
        letters round an allele; sequences have their own length."""
        ...


@dataclass(frozen=True)
class Alleles:
    """Alleles of a genome. contig_index, pos: int64 (n,); ref, alt: texts, either may be empty."""

    genome: Genome
    contig_index: np.ndarray
    pos: np.ndarray
    ref: np.ndarray
    alt: np.ndarray

    def windows(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """The windows with the allele and with the reference, the position at `width // 2`; PAD
        beyond the contig."""
        left, longest = width // 2, max(map(len, self.ref), default=0)
        wide = cut(self.genome, self.contig_index, self.pos - left, width + longest)
        changed = wide[:, :width].copy()
        for row, (ref, alt) in enumerate(zip(self.ref, self.alt, strict=True)):
            if len(ref) == len(alt) == 1:
                changed[row, left] = encode(alt)[0]
            else:
                parts = (wide[row, :left], encode(alt), wide[row, left + len(ref) :])
                changed[row] = np.concatenate(parts)[:width]
        return changed, wide[:, :width]

    @property
    def single(self) -> np.ndarray:
        """Whether an allele replaces one base, bool (n,)."""
        sizes = [len(ref) == len(alt) == 1 for ref, alt in zip(self.ref, self.alt, strict=True)]
        return np.array(sizes, dtype=bool)


@dataclass(frozen=True)
class Texts:
    """Sequences of a table, codes uint8 (n, L), PAD behind the end of a shorter one."""

    codes: np.ndarray

    def windows(self, width: int) -> tuple[np.ndarray, None]:
        return self.codes, None


@dataclass(frozen=True)
class Examples:
    """Labelled examples. label: float64 (n,). element: int (n,), the element or block, whose
    examples are never in two folds; element_names: of each. left_out: what was not used, as a
    sentence, '' where all was."""

    name: str
    letters: Letters
    label: np.ndarray
    element: np.ndarray
    element_names: tuple[str, ...]
    left_out: str = ""

    def __len__(self) -> int:
        return len(self.label)

    @property
    def is_binary(self) -> bool:
        return bool(np.isin(self.label, (0.0, 1.0)).all())

    @property
    def kind(self) -> str:
        return "alleles" if isinstance(self.letters, Alleles) else "sequences"


@dataclass(frozen=True)
class LabelSource:
    """Where labels come from: a labelled VCF or a table. key, values: of a VCF, as in read_labels;
    block_bp: length of the blocks that contigs are cut into, None for whole short contigs."""

    path: Path
    key: str = CLNSIG
    values: str | None = None
    block_bp: int | None = None


def read_examples(source: LabelSource, genome: Genome | None) -> Examples:
    """The examples of a VCF or a table. Raises BadDataError (65) for fewer than LEAST, for labels of
    one value, and for examples of one element; UsageError (64) for a VCF without a FASTA."""
    if not source.path.is_file():
        raise MissingInputError(message(str(source.path), "not found", "labels", "see --labels"))
    if is_table(source.path):
        examples = from_table(source, genome)
    elif genome is None:
        raise UsageError(message("--labels", "a VCF without --fasta", "the genome of the alleles"))
    else:
        examples = from_vcf(source, genome)
    return checked(examples)


def is_table(path: Path) -> bool:
    return Path(path.name.removesuffix(".gz")).suffix in TABLES


def checked(examples: Examples) -> Examples:
    """The examples, where they are enough. Raises BadDataError (65)."""
    n, values = len(examples), np.unique(examples.label)
    if n < LEAST:
        fault, expected, remedy = f"{n} labelled examples", f"at least {LEAST}", "give more labels"
    elif len(values) < 2:
        fault = f"all {n:,} labels are {values[0]:g}"
        expected, remedy = "labels of at least two values", "see --label_key and --label_values"
    elif len(np.unique(examples.element)) < 2:
        fault = f"all examples are of one element ({examples.element_names[0]})"
        expected = "at least two, so that a model is tested where it was not trained"
        remedy = "cut it into blocks with --block_bp, or name the elements of the table"
    else:
        return examples
    raise BadDataError(message(examples.name, fault, expected, remedy))


def from_vcf(source: LabelSource, genome: Genome) -> Examples:
    """Labelled alleles of a VCF: numbers of an INFO key, or words with labels."""
    by_words = source.values is not None or source.key == CLNSIG
    rule = rule_of(source.key, source.values, None) if by_words else Number(source.key)
    rows, counts = labelled_alleles(source.path, rule, genome)
    contig, pos = (rows[name].to_numpy(np.int64) for name in ("contig_index", "pos"))
    element, names = blocks_of(genome, contig, pos, source.block_bp)
    left_out = ", ".join(
        f"{name} {n:,}" for name, n in sorted(counts.items()) if n and name != "alleles"
    )
    return Examples(
        source.path.name,
        Alleles(genome, contig, pos, rows["ref"].to_numpy(object), rows["alt"].to_numpy(object)),
        rows["label"].to_numpy(),
        element,
        names,
        f"alleles without a label that was used: {left_out}" if left_out else "",
    )  # fmt: skip


def blocks_of(
    genome: Genome, contig: np.ndarray, pos: np.ndarray, block_bp: int | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The element of each place, int (n,), and the elements' names: a contig of at most 10 kb, or a
    block of a longer one; with `block_bp` blocks of that length in every contig."""
    named = []
    for index, at in zip(contig.tolist(), pos.tolist(), strict=True):
        name = str(genome.names[index])
        size = block_bp or (0 if genome.contigs[name] <= ELEMENT_BP else BLOCK_BP)
        start = at // size * size if size else 0
        named.append((index, start, f"{name}:{start + 1:,}" if size else name))
    distinct = sorted(set(named))
    number = {one: place for place, one in enumerate(distinct)}
    return np.array([number[one] for one in named]), tuple(one[2] for one in distinct)


def from_table(source: LabelSource, genome: Genome | None) -> Examples:
    """Labelled sequences of a table with columns label, and sequence and element; or contig, start
    and end (0-based, half-open) of the FASTA."""
    table = _read_table(source.path)
    label = _numbers(table, "label", source.path.name)
    if "sequence" in table:
        codes = _encoded(table["sequence"], source.path.name)
        if "element" not in table:
            raise _no_column(
                source.path.name, "element",
                "the element, gene or locus of each sequence, which is never in two folds",
            )  # fmt: skip
        element, names = _numbered(table["element"], source.path.name)
    else:
        codes, element, names = _cut(table, source, genome)
    return Examples(source.path.name, Texts(codes), label, element, names)


def _read_table(path: Path) -> pd.DataFrame:
    separator = "," if path.name.removesuffix(".gz").endswith(".csv") else "\t"
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as file
        ):
            # a "#" or an "NA" inside a row is what the user wrote: a locus "HLA-A#2", an element "NA"
            rows = io.StringIO("".join(line for line in file if not line.startswith("#")))
            table = pd.read_csv(
                rows, sep=separator, dtype=str, keep_default_na=False, na_values=[""]
            )
    except (ValueError, OSError, EOFError, UnicodeDecodeError) as error:
        fault = f"unreadable ({shown(str(error))})"
        raise BadDataError(message(path.name, fault, "a TSV or CSV table with a header")) from error
    if separator == "\t" and table.map(lambda cell: "\n" in str(cell)).to_numpy().any():
        fault = "a field that goes on over lines, from one quotation mark to the next"
        remedy = "remove the quotation marks"
        raise BadDataError(message(path.name, fault, "one row per line", remedy))
    if "label" not in table:
        raise _no_column(path.name, "label", "the measured number of each row")
    return table


def _no_column(name: str, column: str, meaning: str) -> BadDataError:
    return BadDataError(message(name, f"no column {column}", meaning, "add the column"))


def _numbers(table: pd.DataFrame, column: str, name: str) -> np.ndarray:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(wrong[0])
        fault = f"row {row + 1}: {column} is '{shown(str(table[column].iloc[row]))}'"
        raise BadDataError(message(name, fault, "a number in each row", "remove or mend the row"))
    return values


def _encoded(column: pd.Series, name: str) -> np.ndarray:
    """Codes of sequences, uint8 (n, longest), PAD behind a shorter one."""
    texts = [encode(text) if isinstance(text, str) else np.empty(0, np.uint8) for text in column]
    for row, codes in enumerate(texts):
        if not len(codes) or (codes == INVALID).any():
            fault = f"row {row + 1}: sequence '{shown(str(column.iloc[row]))}'"
            raise BadDataError(message(name, fault, "letters of DNA", "write T for U"))
    result = np.full((len(texts), max(map(len, texts), default=0)), PAD, np.uint8)
    for row, codes in enumerate(texts):
        result[row, : len(codes)] = codes
    return result


def _numbered(column: pd.Series, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of each row's element, and the elements' names. Raises BadDataError (65) for rows
    without one, which would be one element of many places."""
    absent = int((column.isna() | (column.str.strip() == "")).sum())
    if absent:
        observed = f"{absent:,} rows without an element"
        raise BadDataError(message(name, observed, "one in each row", "name it, or remove the row"))
    number, names = pd.factorize(column.astype(str), sort=True)
    return number.astype(np.int64), tuple(names)


def _cut(
    table: pd.DataFrame, source: LabelSource, genome: Genome | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    name = source.path.name
    for column in ("contig", "start", "end"):
        if column not in table:
            raise _no_column(name, column, "sequence and element, or contig, start and end")
    if genome is None:
        raise UsageError(message("--labels", f"{name} names places", "--fasta, to read them"))
    start, end = (_numbers(table, one, name).astype(np.int64) for one in ("start", "end"))
    index = {contig: number for number, contig in enumerate(genome.names)}
    contig = table["contig"].map(index)
    inside = contig.notna().to_numpy()
    lengths = np.array([genome.contigs.get(one, 0) for one in table["contig"]])
    wrong = np.flatnonzero(~inside | (start < 0) | (end <= start) | (end > lengths))
    if len(wrong):
        row = int(wrong[0])
        place = f"{table['contig'].iloc[row]}:{start[row]}-{end[row]}"
        fault = (
            f"{len(wrong):,} of {len(table):,} rows are no place of the FASTA, first {shown(place)}"
        )
        remedy = "is it the FASTA of this assembly? start counts from 0"
        raise BadDataError(message(name, fault, "known elements", remedy))
    contig = contig.to_numpy(np.int64)
    codes = np.full((len(table), int((end - start).max(initial=0))), PAD, np.uint8)
    for row, (at, first, last) in enumerate(zip(contig, start, end, strict=True)):
        codes[row, : last - first] = genome.codes(genome.names[int(at)], int(first), int(last))
    if "element" in table:
        return codes, *_numbered(table["element"], name)
    return codes, *blocks_of(genome, contig, start, source.block_bp)
