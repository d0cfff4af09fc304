"""How often each ALT of a record was seen: as a key of INFO states it, from AC and AN, or counted
from the genotypes of all samples.

Five numbers per ALT (`FIELDS`), which add up over records, files and spellings; `frequencies` turns
sums into the columns `af` and `an`. Source: VCF 4.5, sections 1.6.1 and 1.6.2 (AC, AN, AF and GT).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gfmtrust.core.warning_counts import shown
from gfmtrust.io.vcf.header import N_FIXED, Header
from gfmtrust.io.vcf.reader import Record

FIELDS = 5
"""Per ALT: alleles of this kind (AC), called alleles (AN), sum of the stated frequencies, number of
stated frequencies, and those of the called alleles that are of several samples: a VCF of one sample
lists an allele only where the sample carries it."""
PLOIDY = 2
"""Called alleles of a record that may be those of one sample without a look at its genotype."""
UNKNOWN = (0.0,) * FIELDS
Counts = tuple[float, ...]
"""FIELDS numbers for each ALT of a record, one ALT after the other."""
Warn = Callable[[str, Record], None]

VECTOR_FROM = 32
"""Samples from which arrays are faster than a loop (measured: 14 us, against 0.45 us a sample)."""
MAX_INDEX_DIGITS = 6
_GENOTYPE = re.compile(
    rb"[/|]?(?:\.|[0-9]{1,%d})(?:[/|](?:\.|[0-9]{1,%d}))*" % ((MAX_INDEX_DIGITS,) * 2)
)
_ALLELE = re.compile(rb"[0-9]+")
_COUNT = re.compile(rb"[0-9]{1,10}")
"""AC and AN: an Integer of VCF has 32 bits. Sums of longer ones are no exact float64."""
_TAB, _COLON, _ZERO, _DOT = b"\t:0."
_SEPARATES = np.isin(np.arange(256), list(b"/|"))
_ENDS = np.isin(np.arange(256), (_TAB, _COLON))


class InfoCounts(NamedTuple):
    """AC per ALT and AN of one record."""

    ac: tuple[int, ...]
    an: int


class RecordCounter:
    """The counts of the records of one VCF.

    key: the INFO key that states frequencies, None for none. warn: takes the text and the record of
    what cannot be used; such a value counts as absent.
    """

    def __init__(self, header: Header, key: str | None, warn: Warn) -> None:
        self._key = key.encode() if key else None
        self._n_samples = max(0, header.n_columns - N_FIXED - 1)
        self._warn = warn

    def counts(self, record: Record) -> Counts:
        """The counts of a record's ALTs, in their order; zeros where nothing is known."""
        n = len(record.alts)
        info = record.info
        stated = self._stated(info, record, n) if self._key else None
        if stated and None not in stated:
            return tuple(value for one in stated for value in (0.0, 0.0, one or 0.0, 1.0, 0.0))
        counted = self._of_info(info, record, n)
        if counted is None and self._n_samples:
            counted = self._of_genotypes(record, n)
        if counted is None and stated is None:
            return UNKNOWN * n
        ac, an = counted or InfoCounts((0,) * n, 0)
        several = self._of_several(record, an, n) if self._n_samples == 1 else an
        if stated is None and n == 1:  # nearly every record
            return (ac[0], an, 0.0, 0.0, several)
        return tuple(
            value
            for one, by_key in zip(ac, stated or (None,) * n, strict=True)
            for value in (one, an, by_key or 0.0, float(by_key is not None), several)
        )

    def _of_several(self, record: Record, an: int, n: int) -> int:
        """AN of a record of a VCF of one sample where it counts other samples too, as in a file that
        was cut out of a joint one; 0 where it counts the alleles of that sample."""
        if an <= PLOIDY:
            return 0
        counts = genotype_counts(record.line, record.info_end, 1, n)
        return 0 if isinstance(counts, InfoCounts) and counts.an >= an else an

    def _stated(self, info: bytes, record: Record, n: int) -> list[float | None] | None:
        """The stated frequency of each ALT, None where it is `.`; None where there is none at all."""
        key = self._key or b""
        value = info_value(info, key)
        if value is None or value == b".":
            return None
        texts, name = value.split(b","), shown(key)
        if len(texts) != n:
            self._warn(f"INFO {name} has another number of values than ALT; not used", record)
            return None
        frequencies = [None if text == b"." else frequency(text) for text in texts]
        if any(one is not None and not 0 <= one <= 1 for one in frequencies):  # true for NaN too
            self._warn(f"INFO {name} is no number from 0 to 1; not used", record)
            return None
        return frequencies

    def _of_info(self, info: bytes, record: Record, n: int) -> InfoCounts | None:
        counts = ac_and_an(info, n)
        if isinstance(counts, str):
            self._warn(f"{counts}; not used", record)
            return None
        return counts

    def _of_genotypes(self, record: Record, n: int) -> InfoCounts | None:
        counts = genotype_counts(record.line, record.info_end, self._n_samples, n)
        if isinstance(counts, str):
            self._warn(f"{counts}; the genotypes are not counted", record)
            return None
        return counts


def info_value(info: bytes, key: bytes) -> bytes | None:
    """The value of an INFO key; None where it has none or two."""
    wanted = key + b"="
    inside = info.find(b";" + wanted)
    if info.startswith(wanted):
        if inside >= 0:
            return None
        start = len(wanted)
    elif inside < 0:
        return None
    else:
        start = inside + 1 + len(wanted)
        if info.find(b";" + wanted, start) >= 0:
            return None
    end = info.find(b";", start)
    return info[start:] if end < 0 else info[start:end]


def frequency(text: bytes) -> float:
    """The number of a text, NaN where it is none."""
    try:
        return float(text) if b"_" not in text else np.nan  # Python reads 1_0 as 10
    except ValueError:
        return np.nan


def ac_and_an(info: bytes, n: int) -> InfoCounts | str | None:
    """AC and AN of a record with n ALTs; a text where they contradict themselves; None where they
    are absent or missing (`.`)."""
    ac_text = info_value(info, b"AC")
    if ac_text is None:
        return None
    an_text = info_value(info, b"AN")
    if an_text is None:
        return "INFO AC without AN"
    texts = ac_text.split(b",")
    if an_text == b"." or b"." in texts:
        return None
    if len(texts) != n:
        return "INFO AC has another number of values than ALT"
    if not all(map(_COUNT.fullmatch, (an_text, *texts))):
        return "INFO AC or AN is no whole number of at most 10 digits"
    counts = InfoCounts(tuple(map(int, texts)), int(an_text))
    return "INFO AC is above AN" if sum(counts.ac) > counts.an else counts


def genotype_counts(line: bytes, info_end: int, n_samples: int, n: int) -> InfoCounts | str | None:
    """Alleles over the genotypes of all samples of a record with n ALTs; missing ones do not count.

    line, info_end: as of a `Record` with samples. None where FORMAT has no GT; a text where a
    genotype cannot be read or names an allele that the record does not have.
    """
    format_end = line.find(b"\t", info_end + 1)
    keys = line[info_end + 1 : format_end]
    if keys == b"GT" or keys.startswith(b"GT:"):
        place = 0
    elif b"GT" in (names := keys.split(b":")):
        place = names.index(b"GT")  # forbidden by the specification, and unambiguous all the same
    else:
        return None
    samples = line[format_end + 1 :].rstrip(b"\r\n")
    if place == 0 and n_samples >= VECTOR_FROM:
        letters = np.frombuffer(samples, np.uint8)
        return (_of_letters(letters, n) if keys == b"GT" else None) or _of_many(samples, n)
    texts = samples.split(b"\t")
    if place:
        texts = [text.split(b":")[place] if text.count(b":") >= place else b"." for text in texts]
    return _added(np.zeros(n + 1, np.int64).tolist(), texts)


def _of_letters(letters: np.ndarray, n: int) -> InfoCounts | None:
    """`genotype_counts` of columns that hold genotypes alone, by counting letters; None where an
    allele has two digits or the letters are not as many as genotypes of them have.

    Five times as fast as looking at each sample.
    """
    if n > 9:
        return None
    by_allele = [int(np.count_nonzero(letters == _ZERO + allele)) for allele in range(n + 1)]
    missing, *between = (int(np.count_nonzero(letters == letter)) for letter in b".\t/|")
    called = sum(by_allele)
    alleles = called + missing
    if alleles != sum(between) + 1 or alleles + sum(between) != len(letters):
        return None
    return InfoCounts(tuple(by_allele[1:]), called)


def _of_many(samples: bytes, n: int) -> InfoCounts | str:
    """`genotype_counts` by arrays: one letter an allele, one or two alleles a sample; the other
    samples one by one."""
    letters = np.frombuffer(samples + b"\t\t\t\t", np.uint8)
    starts = np.flatnonzero(letters[:-4] == _TAB) + 1
    starts = np.concatenate([np.zeros(1, starts.dtype), starts])
    second, fourth = letters[starts + 1], letters[starts + 3]
    diploid = _SEPARATES[second] & _ENDS[fourth]
    plain = diploid | _ENDS[second]
    every = bool(diploid.all())  # then nothing needs to be picked
    seen = np.bincount(letters[starts if every else starts[plain]], minlength=256)
    seen += np.bincount(letters[(starts if every else starts[diploid]) + 2], minlength=256)
    seen[_DOT] = 0
    by_allele = seen[_ZERO : _ZERO + min(n, 9) + 1]
    if by_allele.sum() != seen.sum():
        return _BAD_GENOTYPE
    odd = (samples[start : _end_of(samples, start)] for start in starts[~plain].tolist())
    return _added(by_allele.tolist() + [0] * (n - 9), odd)


def _end_of(samples: bytes, start: int) -> int:
    end = samples.find(b"\t", start)
    return end if end >= 0 else len(samples)


_BAD_GENOTYPE = "a genotype that names no allele of its record"


def _added(counts: list[int], texts: Iterable[bytes]) -> InfoCounts | str:
    """The counts by allele, REF first, with the genotypes of these sample texts added."""
    for text in texts:
        alleles = _alleles(text.partition(b":")[0])
        if alleles is None or any(allele >= len(counts) for allele in alleles):
            return _BAD_GENOTYPE
        for allele in alleles:
            counts[allele] += 1
    return InfoCounts(tuple(counts[1:]), sum(counts))


@lru_cache(maxsize=4096)
def _alleles(genotype: bytes) -> tuple[int, ...] | None:
    """The called alleles of a genotype of any ploidy; None where it is none."""
    if not _GENOTYPE.fullmatch(genotype):
        return None
    return tuple(map(int, _ALLELE.findall(genotype)))


def frequencies(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """af float32 (n,), NaN where unknown, and an int32 (n,), 0 where no alleles were counted.

    counts: float64 (n, FIELDS), summed. A stated frequency comes before a counted one; several are
    averaged. Called alleles are those of VCFs of several samples; an allele that only VCFs of one
    sample list has at most those of one sample, however many carry it, because the samples without
    it are not counted.
    """
    ac, an, stated, n_stated, several = counts.T
    by_key = n_stated > 0
    counted = np.divide(ac, an, out=np.full(len(counts), np.nan), where=an > 0)
    an = np.where(several > 0, several, np.minimum(an, PLOIDY))
    af = np.where(by_key, stated / np.maximum(n_stated, 1), counted)
    an = np.where(by_key, 0, np.minimum(an, np.iinfo(np.int32).max))
    return af.astype(np.float32), an.astype(np.int32)
