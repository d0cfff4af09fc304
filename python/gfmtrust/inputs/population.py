"""Allele frequencies of a population VCF, read through its tabix index at the alleles of the run
alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pysam

from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.binomial import lower_bound
from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError, message
from gfmtrust.core.warning_counts import WarningCounts, shown
from gfmtrust.inputs import contig_names, declared_contigs, frequency_key
from gfmtrust.inputs.allele_counts import FIELDS, RecordCounter, frequencies
from gfmtrust.inputs.check_vcf import CONFIDENCE, MAX_MISMATCH_RATE
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.reference import user_contigs
from gfmtrust.io import bgzf
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.header import N_FIXED, Header
from gfmtrust.io.vcf.reader import Record

if TYPE_CHECKING:
    import pandas as pd

OPTION = "--population_vcf"
KEY = "AF"
MIN_COMPARED = 10
JOIN_BP = 8_192
"""Alleles nearer than this are read in one go: a tabix index finds no place more exactly than to
16,384 bp, and reading on is cheaper than finding anew."""


class Population:
    """The frequencies of one population VCF. warnings: counted warnings about it.

    The records compared with the genome are those at positions of the run's alleles.
    """

    def __init__(self, path: Path, genome, rule: ContigRule, allow_mismatch: bool = False) -> None:
        """Raises MissingInputError (66) for a missing file or index; BadDataError (65) for a file
        that is no VCF, is not compressed by bgzip, states no frequency, or names its contigs
        otherwise than the genome."""
        self._path, self._genome, self._allow_mismatch = path, genome, allow_mismatch
        self.warnings = WarningCounts()
        header = _header(path)
        _check_index(path, self.warnings)
        self._counter = RecordCounter(replace(header, n_columns=N_FIXED), KEY, self._warn)
        self._names = self._contigs(header, rule)
        self._compared = self._mismatched = 0
        self._first = ""

    def _contigs(self, header: Header, rule: ContigRule) -> dict[int, list[str]]:
        """The file's names of each contig of the genome, by its number."""
        lengths, contigs = header.contig_lengths(), user_contigs(self._genome.contigs)
        with self._opened() as file, self._reading():
            in_file = list(file.contigs)
        matches = {
            name: contig_names.match(name, lengths.get(name), rule, contigs) for name in in_file
        }
        if not any(matches.values()) and not self._allow_mismatch:
            refused = contig_names.refusal(
                self._path.name, matches, rule, contigs, getattr(self._genome, "name", "the FASTA")
            )
            if refused:
                raise refused
        self._compare_declared(header, matches)
        names: dict[int, list[str]] = {}
        for name, match in matches.items():
            if match is not None:
                names.setdefault(self._genome.names.index(match), []).append(name)
        return names

    def _compare_declared(self, header: Header, matches: dict[str, str | None]) -> None:
        """Warn of contigs that the header declares unlike the genome's. Raises BadDataError (65) for
        another mitochondrion."""
        genome = self._genome
        declared = declared_contigs.differences(
            header, matches, genome.contigs, genome.md5s, genome.name
        )
        for contig, text in declared.items():
            self.warnings.add(text, contig)
        place, remedy = f"{OPTION} {self._path.name}", "use the file of the FASTA's assembly"
        refused = declared_contigs.other_mitochondrion(place, declared, remedy)
        if refused and not self._allow_mismatch:
            raise refused

    @contextlib.contextmanager
    def _opened(self) -> Iterator[pysam.TabixFile]:
        verbosity = pysam.set_verbosity(0)  # htslib writes to stderr by itself
        try:
            with self._reading():
                file = pysam.TabixFile(str(self._path), encoding="latin-1")
            with file:
                yield file
        finally:
            pysam.set_verbosity(verbosity)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """The errors of htslib within as InputOutputError (74)."""
        try:
            yield
        except (OSError, ValueError) as error:
            observed = f"htslib cannot read it by its index ({shown(str(error))})"
            remedy = f"is the file whole? make the index anew (tabix -f -p vcf {self._path.name})"
            raise InputOutputError(
                message(
                    f"{OPTION} {self._path.name}", observed, "a whole file and its index", remedy
                )
            ) from error

    def _lines(self, file: pysam.TabixFile, name: str, start: int, end: int) -> Iterator[str]:
        with self._reading():
            yield from file.fetch(name, start, end)

    def applied(self, alleles: pd.DataFrame) -> pd.DataFrame:
        """The alleles with af of the population, and an 0, where it states one; else as they are.

        alleles: sorted, with columns contig_index, pos, ref, alt, af and an.
        """
        stated = self.frequencies(alleles)
        is_stated = ~np.isnan(stated)
        return alleles.assign(
            af=np.where(is_stated, stated, alleles["af"].to_numpy()),
            an=np.where(is_stated, 0, alleles["an"].to_numpy()).astype(np.int32),
        )

    def frequencies(self, alleles: pd.DataFrame) -> np.ndarray:
        """Frequency of each allele's ALT, float32 (n,), NaN where the file states none; the mean
        where it states several."""
        counts = np.zeros((len(alleles), FIELDS))
        index = alleles["contig_index"].to_numpy()
        with self._opened() as file:
            for number, names in self._names.items():
                rows = np.flatnonzero(index == number)
                if len(rows):
                    self._add(counts, alleles.iloc[rows], rows, [(file, name) for name in names])
        return frequencies(counts)[0]

    def common_snvs(self, index: int, pos: np.ndarray, least: float) -> dict[int, int]:
        """Position -> code of the commonest ALT of one base with a frequency of at least `least`,
        among the positions asked on one contig, int64 ascending. A record whose REF is not the
        genome's is counted, and left out."""
        best: dict[int, tuple[float, int]] = {}
        reference = self._genome.windows(self._genome.names[index], pos, 1)[:, 0]
        letter_of = dict(zip(pos.tolist(), reference.tolist(), strict=True))
        records = []
        with self._opened() as file:
            for name in self._names.get(index, []):
                records += list(self._records(file, name, pos, set(letter_of)))
        for record in records:
            stated = frequencies(np.reshape(self._counter.counts(record), (-1, FIELDS)))[0]
            ref = encode(record.ref)
            for alt, af in zip(record.alts, stated.tolist(), strict=True):
                code = encode(alt)
                if len(ref) == len(code) == 1 and code[0] < N and ref[0] == letter_of[record.pos]:
                    if af >= least:
                        best[record.pos] = max(best.get(record.pos, (0.0, 0)), (af, int(code[0])))
        if records:
            at = np.array([record.pos for record in records])
            self._compare(index, at, "".join(record.ref[0] for record in records))
        return {place: code for place, (_, code) in best.items()}

    def _add(self, counts: np.ndarray, alleles: pd.DataFrame, rows: np.ndarray, sources) -> None:
        """Add what the file says of alleles of one contig to their rows of the counts."""
        pos = alleles["pos"].to_numpy(np.int64)
        keys = zip(pos.tolist(), alleles["ref"], alleles["alt"], strict=True)
        row_of = dict(zip(keys, rows.tolist(), strict=True))
        places, at, letters = set(pos.tolist()), [], []
        for file, name in sources:
            for record in self._records(file, name, pos, places):
                at.append(record.pos)
                letters.append(record.ref[0])
                wanted = [row_of.get((record.pos, record.ref, alt)) for alt in record.alts]
                if any(row is not None for row in wanted):
                    values = np.reshape(self._counter.counts(record), (-1, FIELDS))
                    for row, one in zip(wanted, values, strict=True):
                        if row is not None:
                            counts[row] += one
        if at:
            self._compare(int(alleles["contig_index"].iloc[0]), np.array(at), "".join(letters))

    def _records(
        self, file: pysam.TabixFile, name: str, pos: np.ndarray, places: set[int]
    ) -> Iterator[Record]:
        """The file's records at the places, which are `pos` without order. An allele before the
        first base (POS 0) has none."""
        pos = pos[pos >= 0]
        groups = np.split(pos, np.flatnonzero(np.diff(pos) > JOIN_BP) + 1)
        for start, end in ((int(group[0]), int(group[-1])) for group in groups if len(group)):
            for line in self._lines(file, name, start, end + 1):
                first = line.find("\t") + 1
                place = vcf_reader.parse_position(line[first : line.find("\t", first)])
                if place not in places or not start <= place <= end:
                    continue
                columns = line.split("\t", N_FIXED)
                if len(columns) < N_FIXED or not columns[3] or not columns[4]:
                    raise BadDataError(
                        message(
                            f"{OPTION} {self._path.name} {name}:{columns[1]}",
                            f"{len(columns)} columns, or an empty one",
                            "a record of a VCF",
                            "fix it and make the index anew (tabix -f -p vcf)",
                        )
                    )
                if columns[4] != ".":
                    info = columns[7].rstrip("\r\n").encode("latin-1")
                    ref, *alts = map(vcf_reader.upper_case, [columns[3], *columns[4].split(",")])
                    yield Record(0, name, place, ref, tuple(alts), info, 0, len(info))

    def _compare(self, index: int, pos: np.ndarray, letters: str) -> None:
        """Count where the first base of REF is not the genome's."""
        name = self._genome.names[index]
        codes, there = encode(letters), self._genome.windows(name, pos, 1)[:, 0]
        both_bases = (codes < N) & (there < N)
        differs = np.flatnonzero(both_bases & (codes != there))
        self._compared += int(both_bases.sum())
        self._mismatched += len(differs)
        if len(differs) and not self._first:
            self._first = f"{name}:{vcf_reader.format_position(int(pos[differs[0]]))}"

    def judge(self) -> None:
        """Raises BadDataError (65) where REF differs from the genome at more than 1 % of the records
        compared, as in `check_vcf`; fewer are counted."""
        if not self._mismatched:
            return
        rate = float(lower_bound(self._mismatched, self._compared, 1 - CONFIDENCE))
        observed = f"REF differs at {self._mismatched:,} of {self._compared:,} records"
        if self._compared >= MIN_COMPARED and rate > MAX_MISMATCH_RATE and not self._allow_mismatch:
            share = self._mismatched / self._compared
            raise BadDataError(
                message(
                    f"{OPTION} {self._path.name} {self._first}",
                    f"{observed} ({100 * share:.1f} %)",
                    "at most 1 %",
                    "a file of another assembly (GRCh37/38)? (or --allow_mismatch)",
                )
            )
        self.warnings.add(observed, self._first, 1)

    def _warn(self, text: str, record: Record) -> None:
        place = f"{record.contig}:{vcf_reader.format_position(record.pos)}"
        self.warnings.add(f"{self._path.name}: {text}", place)


def _header(path: Path) -> Header:
    """The header of a BGZF-compressed VCF that declares AF, or AC and AN."""
    header, _ = vcf_reader.read(path)
    if bgzf.container(path) is not bgzf.Container.BGZF:
        remedy = f"compress it (bgzip {path.name}) and index it (tabix -p vcf)"
        raise BadDataError(
            message(f"{OPTION} {path.name}", "not compressed by bgzip", "a BGZF file", remedy)
        )
    declared = header.declared("INFO")
    if KEY.encode() in declared or {b"AC", b"AN"} <= declared:
        return header
    observed = "INFO declares neither AF, nor AC and AN"
    if KEY.encode() in header.declared("FORMAT"):
        observed += "; AF is in FORMAT, where it is a value of each sample"
    remedy = "write them (bcftools +fill-tags)"
    if declared:
        remedy += f", or rename one of {frequency_key.nearest(KEY, declared)}"
    raise BadDataError(message(f"{OPTION} {path.name}", observed, "frequencies in INFO", remedy))


def _check_index(path: Path, warnings: WarningCounts) -> None:
    """Raises MissingInputError (66) where there is none; an old one is counted as a warning."""
    indexes = [path.with_name(path.name + ending) for ending in (".tbi", ".csi")]
    there = [index for index in indexes if index.is_file()]
    if not there:
        expected = " or ".join(index.name for index in indexes)
        remedy = f"make it with tabix -p vcf {path.name}"
        raise MissingInputError(message(f"{OPTION} {path.name}", "no index", expected, remedy))
    if max(index.stat().st_mtime for index in there) < path.stat().st_mtime:
        text = "the index is older than the file; make it anew (tabix -f -p vcf)"
        warnings.add(f"{path.name}: {text}", there[0].name)
