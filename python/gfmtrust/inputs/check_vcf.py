"""Checks one VCF against the genome and lists its distinct spellings.

Every line is read and every fault of the file found here, before any model runs. What is wrong with
a single record is counted.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.binomial import lower_bound
from gfmtrust.core.contracts.checks import CheckedInput
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import WarningCounts, shown
from gfmtrust.inputs import contig_names, declared_contigs, record_keys
from gfmtrust.inputs.allele_counts import UNKNOWN, RecordCounter
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.record_keys import CountedSpelling, SpellingSorter
from gfmtrust.io import bgzf, tables
from gfmtrust.io.fasta import ContigSum
from gfmtrust.io.genome import Genome
from gfmtrust.io.output_digest import digest_of
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.copied import Order
from gfmtrust.io.vcf.htslib_check import check_with_htslib
from gfmtrust.io.vcf.info_values import KEYS
from gfmtrust.io.vcf.our_lines import KeyClash, is_ours
from gfmtrust.io.vcf.reader import DEFAULT_LIMITS, Header, Limits, Record

MIN_MISMATCHES = 10
MAX_MISMATCH_RATE = 0.01
CHANCE_RATE = 0.75  # at which a base differs from another one of four
CHANCE_RATIO = 1000
CONFIDENCE = 0.99
OUR_KEYS = frozenset(key.encode() for key in KEYS)
MAX_KINDS = 1000  # of warnings about records; those about the whole file are never left out


@dataclass(frozen=True)
class VcfJob:
    """All that is said of one VCF to check: where it is, by which rules, where its spellings go."""

    id: str
    path: Path
    work_dir: Path
    out: Path
    rule: ContigRule
    allow_mismatch: bool
    limits: Limits = DEFAULT_LIMITS
    af_key: str | None = None


@dataclass(frozen=True)
class InputCheck:
    """One input of `checks.json`, and how its contigs are called in the genome (None: not
    there)."""

    facts: CheckedInput
    contigs: dict[str, str | None]


def check_vcf(job: VcfJob, genome: Genome) -> InputCheck:
    """Read all of one VCF, compare it with the genome and write its table of spellings.

    Raises BadDataError (65) for a malformed file, contig names that do not fit (rows 33, 34 of
    faults), a wrong assembly (row 36), an INFO key of another program with the name of one of ours;
    InputOutputError (74); MissingInputError (66).
    """
    warning_counts = WarningCounts()
    with tempfile.TemporaryDirectory(dir=job.work_dir) as runs:
        header, records = vcf_reader.read(job.path, job.limits)
        reader = _Reader(job, genome, header, warning_counts, SpellingSorter(Path(runs)))
        for record in records:
            reader.take(record)
        reader.finish()
        declared = declared_contigs.differences(
            header, reader.matches, genome.contigs, genome.md5s, genome.name
        )
        for contig, text in declared.items():
            warning_counts.add(text, contig)
        refused = contig_names.refusal(
            job.path.name, reader.matches, job.rule, genome.contigs, genome.name
        )
        refused = refused or declared_contigs.other_mitochondrion(
            job.path.name, declared, "use the FASTA of the VCF (or --allow_mismatch)"
        )
        if refused and not job.allow_mismatch:
            raise refused
        compared = RefCheck()
        record_keys.write(job.out, compared.watch(genome, reader.sorter.sorted()))
    compared.judge(job, genome.name, warning_counts)
    facts = CheckedInput(
        id=job.id,
        kind="vcf",
        name=job.path.name,
        **reader.counts(),
        **compared.counts(),
        warnings=warning_counts.rows(),
        **digest_of(job.path),
    )
    return InputCheck(facts, reader.matches)


class _Reader:
    """What is gathered from the records as they stream by."""

    def __init__(
        self,
        job: VcfJob,
        genome: Genome,
        header: Header,
        warning_counts: WarningCounts,
        sorter: SpellingSorter,
    ) -> None:
        self._job = job
        self._fasta = genome.name
        self._contigs = genome.contigs
        self._index = {name: index for index, name in enumerate(genome.names)}
        self._lengths = header.contig_lengths()
        self._info_keys = header.declared("INFO")
        self._filters = header.declared("FILTER") | {b"PASS", b".", b"0"}
        self._warning_counts = warning_counts
        self._order = Order()
        self._numbers: Counter[str] = Counter(records=0, alts=0, no_alt=0)
        self._absent: Counter[str] = Counter()
        self._counter = RecordCounter(header, job.af_key, self._warn)
        self._last = b"\n"
        self.sorter = sorter
        self.matches: dict[str, str | None] = {}
        if bgzf.container(job.path) is bgzf.Container.GZIP:
            warning_counts.add(
                "plain gzip, not BGZF; recompress with bgzip for an index", job.path.name
            )
        self._clash = KeyClash(job.path, header.lines, OUR_KEYS)
        if any(is_ours(line) for line in header.lines):
            warning_counts.add(
                "carries lines of an earlier annotation; annotate_vcf asks for --overwrite",
                job.path.name,
            )

    def take(self, record: Record) -> None:
        self._order.add(record)
        self._last = record.line[-1:]
        contig = record.contig
        if contig not in self.matches:
            self.matches[contig] = contig_names.match(
                contig, self._lengths.get(contig), self._job.rule, self._contigs
            )
            if contig not in self._lengths:
                self._warn(f"contig {shown(contig)} not in header", record)
        match = self.matches[contig]
        if match is None:
            self._absent[contig] += 1
        self._numbers["records"] += 1
        self._numbers["alts"] += len(record.alts)
        self._check_columns(record)
        if not record.alts:
            self._numbers["no_alt"] += 1
            return
        ref = vcf_reader.upper_case(record.ref)
        alts = tuple(map(vcf_reader.upper_case, record.alts))
        if len(set(alts)) < len(alts) or ref in alts:
            self._warn("ALT twice or equal to REF", record)
            counts = UNKNOWN * len(alts)  # whose count would it be?
        else:
            counts = self._counter.counts(record)
        index = -1 if match is None else self._index[match]
        self.sorter.add((index, contig, record.pos, ref, ",".join(alts)), counts)

    def _check_columns(self, record: Record) -> None:
        """FILTER and INFO against the header; their bytes are kept whatever they are."""
        filters = record.line[: record.info_start - 1].rsplit(b"\t", 1)[1]
        if filters not in self._filters:
            for name in filters.split(b";"):
                if name not in self._filters:
                    self._warn(f"FILTER {shown(name)} not in header", record)
        info = record.info
        if info in (b"", b"."):
            return
        keys = [part.partition(b"=")[0] for part in info.rstrip(b";").split(b";")]
        distinct = set(keys)
        if len(distinct) < len(keys):
            self._warn("INFO key twice in a record", record)
        for key in sorted(distinct - self._info_keys):
            self._warn(f"INFO key {shown(key)} not in header", record)
        self._clash.check(record)

    def _warn(self, text: str, record: Record) -> None:
        if len(self._warning_counts) >= MAX_KINDS and text not in self._warning_counts:
            text = "further kinds of warnings"  # a hostile file has a new undeclared key in every record
        self._warning_counts.add(text, f"{record.contig}:{vcf_reader.format_position(record.pos)}")

    def finish(self) -> None:
        """Warnings that only the whole file tells."""
        name = self._job.path.name
        if self._absent:
            observed = (
                f"contigs {contig_names.listed(list(self._absent))} not in {self._fasta}: NO_CONTIG"
            )
            self._warning_counts.add(observed, next(iter(self._absent)), self._absent.total())
        if self._order.unsorted_line is not None:
            self._warning_counts.add(
                "not sorted; no index is written; sort with bcftools sort",
                f"{name} line {self._order.unsorted_line}",
            )
        if self._last != b"\n":
            self._warning_counts.add("no final newline; one is added", name)
        if (
            len(self._warning_counts) < MAX_KINDS
        ):  # htslib takes time by the square of the names it does not know: minutes for 100,000
            seen = check_with_htslib(self._job.path, self._numbers["records"])
            if seen:
                self._warning_counts.add(seen, name)

    def counts(self) -> dict:
        return {**self._numbers, "sorted": self._order.unsorted_line is None}


class RefCheck:
    """REF against the genome, over the distinct spellings of a file: at SNVs, and at the first base
    of REF of every record."""

    def __init__(self) -> None:
        self.n_snv = self.n_snv_mismatch = self.n_ref = self.n_ref_mismatch = 0
        self._first: str | None = None

    def watch(self, genome: Genome, rows: Iterable[CountedSpelling]) -> Iterator[CountedSpelling]:
        """Pass the sorted spellings on, comparing them by the batch."""
        for batch in record_keys.batched(rows, tables.ROW_GROUP):
            self._compare(genome, batch)
            yield from batch

    def _compare(self, genome: Genome, batch: list[CountedSpelling]) -> None:
        index = np.array([row[0] for row in batch])
        pos = np.array([row[2] for row in batch])
        letters = encode("".join(row[3][0] for row in batch))
        snv = np.array(
            [any(vcf_reader.is_snv(row[3], alt) for alt in row[4].split(",")) for row in batch]
        )
        starts = np.flatnonzero(
            np.diff(index, prepend=-2)
        )  # the batch is sorted: each contig is one run
        for start, end in zip(starts, [*starts[1:], len(index)], strict=True):
            if index[start] < 0:
                continue
            name = genome.names[index[start]]
            run = slice(start, end)
            rows = start + np.flatnonzero(
                (letters[run] < N) & (pos[run] >= 0) & (pos[run] < genome.contigs[name])
            )
            there = genome.windows(name, pos[rows], 1)[:, 0]
            is_base = there < N
            differs = is_base & (there != letters[rows])
            self.n_ref += int(is_base.sum())
            self.n_ref_mismatch += int(differs.sum())
            self.n_snv += int((is_base & snv[rows]).sum())
            self.n_snv_mismatch += int((differs & snv[rows]).sum())
            if differs.any() and self._first is None:
                row = batch[rows[np.flatnonzero(differs)[0]]]
                self._first = f"{row[1]}:{vcf_reader.format_position(row[2])}"

    def judge(self, job: VcfJob, fasta: str, warning_counts: WarningCounts) -> None:
        """Refuse (65) a wrong assembly; count what mismatches there are. Source: docs/start/usage.md,
        "When something looks wrong"."""
        for n_mismatch, n, what in (
            (self.n_snv_mismatch, self.n_snv, "SNVs"),
            (self.n_ref_mismatch, self.n_ref, "records"),
        ):
            rate = float(lower_bound(n_mismatch, n, 1 - CONFIDENCE))
            above = n_mismatch >= MIN_MISMATCHES and rate > MAX_MISMATCH_RATE
            if above or looks_like_chance(n_mismatch, n):
                observed = f"REF differs at {n_mismatch:,} of {n:,} {what}, rate at least {100 * rate:.1f} %"
                if not job.allow_mismatch:
                    remedy = "wrong assembly (GRCh37/38)? (or --allow_mismatch)"
                    raise BadDataError(
                        message(f"{job.path.name} {self._first}", observed, "at most 1 %", remedy)
                    )
                warning_counts.add(f"{observed}; allowed by --allow_mismatch", str(self._first))
                break
        if self.n_ref_mismatch:
            warning_counts.add(
                f"REF differs from {fasta}: REF_MISMATCH", str(self._first), self.n_ref_mismatch
            )

    def counts(self) -> dict:
        return {
            "n_snv": self.n_snv,
            "n_snv_mismatch": self.n_snv_mismatch,
            "n_ref": self.n_ref,
            "n_ref_mismatch": self.n_ref_mismatch,
        }


def looks_like_chance(n_mismatch: int, n: int) -> bool:
    """Whether the number of mismatches among n alleles is at least CHANCE_RATIO times as likely at
    CHANCE_RATE, in another genome, as at MAX_MISMATCH_RATE, the most that the right one may have.

    It judges files of a few alleles too: 2 of 2 and 5 of 12 stop, 1 of 1 and 4 of 12 do not. Source:
    likelihood ratio of two binomials (Wald 1945).
    """
    ratio = n_mismatch * math.log(CHANCE_RATE / MAX_MISMATCH_RATE)
    ratio += (n - n_mismatch) * math.log((1 - CHANCE_RATE) / (1 - MAX_MISMATCH_RATE))
    return ratio >= math.log(CHANCE_RATIO)


_genome_of_child: list[Genome] = []
"""The genome that a child process opened once for all of its jobs; empty in the parent."""


def open_in_child(fasta: Path, name: str, sums: dict[str, ContigSum], work_dir: Path) -> None:
    """Start of a child process; the index lies beside the FASTA or in `work_dir` already."""
    genome = Genome.open(fasta, work_dir, indexed=True)
    genome.take_sums(sums)
    genome.name = name  # of the user's file, where `fasta` is a decompressed copy
    _genome_of_child.append(genome)


def check_in_child(job: VcfJob) -> InputCheck:
    """`check_vcf` in a child process."""
    return check_vcf(job, _genome_of_child[0])
