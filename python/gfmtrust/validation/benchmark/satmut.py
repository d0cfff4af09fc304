"""LLRs compared with measured effects: the correlation in the annotated VCF of a saturation assay
(INFO/EFFECT, BARCODES).

    gfmtrust benchmark satmut --vcf results/annotated/satmut/satmut.gfm.vcf.gz

An effect is not a decoy, so a flag promises nothing here. SNVs and deletions are separate; elements
are reported alone and together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.io.vcf import reader as vcf_reader

MIN_BARCODES = 10
"""Below this number an effect is mostly noise; the limit of Kircher et al. 2019."""
BLOCK_BP = 10
"""The size of the blocks that are drawn for the interval: three alleles at a position, and the
neighbours in a binding site, are not independent."""
DRAWS = 1_000
MIN_ALLELES = 10
EVERY = "all"


@dataclass(frozen=True)
class Correlation:
    """One kind of variant in one element (or all): the correlation of |LLR| with |effect|, or of
    LLR with effect, with 95 % intervals by block bootstrap."""

    element: str
    kind: str
    of: str
    n: int
    spearman: float
    spearman_low: float
    spearman_high: float
    pearson: float
    pearson_low: float
    pearson_high: float


@dataclass(frozen=True)
class Effects:
    """n scored alleles: element and kind (SNV, DEL, ...) as text, block number, LLR in nats, effect
    in log2 units."""

    element: np.ndarray
    kind: np.ndarray
    block: np.ndarray
    llr: np.ndarray
    effect: np.ndarray

    def take(self, rows: np.ndarray) -> Effects:
        """Return the effects of the given rows."""
        return Effects(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def correlations(path: Path, min_barcodes: int = MIN_BARCODES, seed: int = 0) -> list[Correlation]:
    """Return two rows for each kind in each element with MIN_ALLELES alleles of it: magnitudes,
    then signed values; all elements together are last.

    Raises BadDataError (65) where no record has EFFECT, BARCODES and GFM_LLR.
    """
    effects = read_effects(path, min_barcodes)
    rows = []
    for kind in dict.fromkeys(effects.kind):
        of_kind = effects.take(effects.kind == kind)
        for element in (*dict.fromkeys(of_kind.element), EVERY):
            of_element = of_kind if element == EVERY else of_kind.take(of_kind.element == element)
            if len(of_element.llr) >= MIN_ALLELES:
                rows.append(
                    _correlation(element, kind, "|LLR|, |effect|", of_element, np.abs, seed)
                )
                rows.append(
                    _correlation(element, kind, "LLR, effect", of_element, np.asarray, seed)
                )
    return rows


def read_effects(path: Path, min_barcodes: int) -> Effects:
    """Return the scored alleles with at least so many barcodes, in file order."""
    rows = []
    for record in vcf_reader.read_records(path):
        pairs = (pair.partition("=") for pair in record.info.decode("utf-8", "replace").split(";"))
        info = {key: value for key, _, value in pairs}
        values = [info.get(key, ".") for key in ("EFFECT", "BARCODES", "GFM_LLR")]
        if len(record.alts) == 1 and "." not in values and int(values[1]) >= min_barcodes:
            kind = (
                "SNV"
                if vcf_reader.is_snv(record.ref, record.alts[0])
                else "DEL"
                if len(record.ref) > len(record.alts[0])
                else "other"
            )
            rows.append(
                (record.contig, kind, record.pos // BLOCK_BP, float(values[2]), float(values[0]))
            )
    if not rows:
        raise BadDataError(
            message(
                Path(path).name,
                f"no scored record with EFFECT and {min_barcodes} BARCODES",
                "an annotated VCF of a saturation assay",
            )
        )
    element, kind, block, llr, effect = zip(*rows, strict=True)
    _, number = np.unique(
        [f"{name}:{index}" for name, index in zip(element, block, strict=True)], return_inverse=True
    )
    return Effects(np.array(element), np.array(kind), number, np.array(llr), np.array(effect))


def _correlation(
    element: str, kind: str, of: str, effects: Effects, shape, seed: int
) -> Correlation:
    x, y = shape(effects.llr), shape(effects.effect)
    order = np.argsort(effects.block, kind="stable")
    pieces = np.split(order, np.flatnonzero(np.diff(effects.block[order])) + 1)
    rng = np.random.default_rng(seed)
    drawn = [
        np.concatenate([pieces[i] for i in rng.integers(0, len(pieces), len(pieces))])
        for _ in range(DRAWS)
    ]
    columns = []
    for correlate in (spearman, pearson):
        low, high = np.nanquantile([correlate(x[rows], y[rows]) for rows in drawn], [0.025, 0.975])
        columns += [correlate(x, y), float(low), float(high)]
    return Correlation(element, kind, of, len(x), *columns)


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's r; NaN where one side does not vary."""
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / size) if size else float("nan")


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rho: Pearson's r of mean ranks."""
    return pearson(rankdata(x), rankdata(y))
