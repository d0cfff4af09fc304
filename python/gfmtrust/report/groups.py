"""Counts flags by group for the report: class of variant, class of region, contig. Batches are
streamed; a group needs a few hundred bytes at most.

A group may be any text of the table; it is counted here and escaped where it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.core.vocabulary import Rank, VariantClass

NEEDED = ["contig", "pos", "ref", "alt", "var_pos", "var_ref", "var_alt", "region_class"]
KINDS = [*map(str, VariantClass), "other"]
SNV, MNV, INS, DEL, COMPLEX, OTHER = range(len(KINDS))
STRIPS, BINS = 60, 80
"""For the STRIPS longest contigs, the positions of their alleles are counted in BINS bins of equal
length."""


@dataclass
class Groups:
    """Number of alleles by group and flag: name -> int64 (4,), by Rank, in the order in which the
    groups first occurred."""

    counts: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, code: np.ndarray, names: list[str], rank: np.ndarray) -> None:
        """code: (n,) index into `names`; rank: (n,)."""
        table = np.bincount(
            code.astype(np.int64) * len(Rank) + rank, minlength=len(names) * len(Rank)
        ).reshape(-1, len(Rank))
        for name, row in zip(names, table, strict=True):
            if row.any():
                self.counts[name] = self.counts.get(name, 0) + row


@dataclass
class Contigs(Groups):
    """Number of alleles by contig and flag. bins: number of scored alleles and of those that are
    MEDIUM or HIGH along the longest contigs, int64 (2, BINS) each; bits: sum and number of the
    entropies, by contig."""

    lengths: dict[str, int] = field(default_factory=dict)
    bins: dict[str, np.ndarray] = field(default_factory=dict)
    bits: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str], lengths: Sequence[int]) -> Contigs:
        length_of = dict(zip(names, lengths, strict=True)) if len(names) == len(lengths) else {}
        longest = sorted(length_of, key=lambda name: -length_of[name])[:STRIPS]
        return cls(
            lengths=length_of, bins={name: np.zeros((2, BINS), np.int64) for name in longest}
        )

    def add(self, batch: pa.RecordBatch, rank: np.ndarray, ent: np.ndarray) -> None:
        code, names = coded(batch["contig"])
        super().add(code, names, rank)
        finite = np.isfinite(ent)
        n = np.bincount(code[finite], minlength=len(names))
        total = np.bincount(code[finite], ent[finite], minlength=len(names))
        pos = batch["pos"].to_numpy()
        for i, name in enumerate(names):
            self.bits[name] = self.bits.get(name, 0) + np.array([total[i], n[i]])
            if name in self.bins:
                scored = (code == i) & (rank > 0)
                where = np.clip(pos[scored] * BINS // max(1, self.lengths[name]), 0, BINS - 1)
                self.bins[name][0] += np.bincount(where, minlength=BINS)
                self.bins[name][1] += np.bincount(
                    where[rank[scored] >= Rank.MEDIUM], minlength=BINS
                )

    def mean_entropy(self, name: str) -> float | None:
        total, n = self.bits.get(name, (0.0, 0))
        return float(total / n) if n else None


def coded(column: pa.Array) -> tuple[np.ndarray, list[str]]:
    """A column of texts as indices (n,) into its distinct texts; a missing text is ''."""
    encoded = column.fill_null("").dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def variant_classes(batch: pa.RecordBatch) -> tuple[np.ndarray, list[str]]:
    """Class of each allele as indices (n,) into KINDS: that of the trimmed allele where it was
    trimmed, else that of REF and ALT as written. An allele of class 'other' has letters that are
    not bases."""
    trimmed = batch["var_pos"].fill_null(-1).to_numpy() >= 0
    ref, alt, short, long = (
        pc.binary_length(batch[name]).fill_null(0).to_numpy()
        for name in ("ref", "alt", "var_ref", "var_alt")
    )
    n_ref, n_alt = np.where(trimmed, short, ref), np.where(trimmed, long, alt)
    kind = np.full(len(ref), COMPLEX, np.int8)
    kind[n_ref == n_alt] = MNV
    kind[(n_ref == 1) & (n_alt == 1)] = SNV
    kind[(n_alt > n_ref) & (n_ref <= np.where(trimmed, 0, 1))] = INS
    kind[(n_ref > n_alt) & (n_alt <= np.where(trimmed, 0, 1))] = DEL
    letters = pc.match_substring_regex(batch["alt"].fill_null("."), "^[A-Za-z]+$").to_numpy(
        zero_copy_only=False
    )
    kind[~letters] = OTHER
    return kind, KINDS
