"""The run's own alleles as an exam of the flags: does each level keep its promise on them?

Two checks. The own-allele check: REF is the base that stands there, so an SNV at which the model
does not prefer REF is a visible miss. The population check: where ALT is the common allele the
reference carries the rare one, and a model that remembers the file prefers it. Source:
docs/understand/reliability.md, "The exam on the run's own alleles".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gfmtrust.core.binomial import lower_bound, upper_bound
from gfmtrust.core.contracts.base import entry
from gfmtrust.core.vocabulary import Rank

MIN_OWN = 30
"""Own alleles that must carry a level in a cell before it can be confirmed, or called not
contradicted. It can be contradicted by fewer: the lower bound is exact at any number, and on chr20
of NA12878 a level stood with 8 of 17 own alleles wrong."""
MIN_COMMON = 30
"""ALT-common alleles that must carry a level before the population check may withdraw it. The lower
bound is exact at any number; at 100, a memoriser whose HIGH exists in few cells kept it in 15 of
100 runs."""
ALT_COMMON, REF_COMMON = 0.9, 0.1
MIN_CALLED = 20
"""Called alleles that a counted frequency must rest on before it says which allele is common in a
population; one sample's genotype says nothing of the kind."""

CONFIRMED, NOT_CONTRADICTED = "confirmed", "not contradicted"
CONTRADICTED, NOT_TESTED = "contradicted", "not tested"


@dataclass(frozen=True)
class OwnAlleleRow:
    """One level in one cell, on the run's own alleles."""

    level: str = entry("the flag")
    stratum: str = entry(
        "cell of the alleles: copy class and mutation class, with the BED file where it has a "
        "certificate of its own"
    )
    n: int = entry("own alleles with the flag whose ALT is not the common allele")
    errors: int = entry("those at which the model does not prefer REF")
    low: float = entry("one-sided lower bound of their error")
    high: float = entry("one-sided upper bound of their error")
    alpha: float = entry("error that the level promises at most")
    left_out: int = entry("own alleles with the flag that were left out: ALT is the common allele")

    @property
    def outcome(self) -> str:
        if self.low > self.alpha:
            return CONTRADICTED
        if self.n < MIN_OWN:
            return NOT_TESTED
        return CONFIRMED if self.high <= self.alpha else NOT_CONTRADICTED


@dataclass(frozen=True)
class PopulationRow:
    """One level on alleles whose common form is known."""

    level: str = entry("the flag")
    alt_common: int = entry("alleles with the flag whose ALT is common (AF at least 0.9)")
    alt_common_errors: int = entry("those at which the model prefers the rare REF")
    ref_common: int = entry(
        "alleles with the flag whose REF is common, weighted to the same strata"
    )
    ref_common_error: float | None = entry("share of them at which the model prefers the rare ALT")
    bias: float | None = entry("reference bias: the difference of the two losses")
    bias_low: float | None = entry("its 95 % interval, lower end")
    bias_high: float | None = entry("its 95 % interval, upper end")
    low: float = entry("one-sided lower bound of the loss where ALT is common")
    alpha: float = entry("error that the level promises at most")

    @property
    def outcome(self) -> str:
        if self.alt_common < MIN_COMMON:
            return NOT_TESTED
        if self.low > self.alpha:
            return CONTRADICTED
        high = float(upper_bound(self.alt_common_errors, self.alt_common, 0.05))
        return CONFIRMED if high <= self.alpha else NOT_CONTRADICTED


@dataclass(frozen=True)
class OwnAlleles:
    """Own SNVs as both checks see them, n rows. rank: flag; stratum: copy class and mutation class,
    object; llr: nats; af: ALT frequency, NaN unknown; an: called alleles behind it, 0 where it was
    stated; cells: by level the cell of each allele, object, where it is not the stratum."""

    rank: np.ndarray
    stratum: np.ndarray
    llr: np.ndarray
    af: np.ndarray
    an: np.ndarray
    cells: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.llr)


def own_allele_rows(
    alleles: OwnAlleles, alphas: dict[str, float], delta: float
) -> tuple[OwnAlleleRow, ...]:
    """The own-allele check, a row per level and cell that some own allele carries, in order of
    level (HIGH first) and cell.

    alphas: level -> promised error. Alleles whose ALT is the common one (AF above 0.5, from any
    source, also from the genotypes of one sample) are left out: there REF may be the rare base.
    """
    rows = []
    alt_is_common = alleles.af > 0.5
    scored = np.isfinite(alleles.llr)
    for level, alpha in alphas.items():
        carries = scored & (alleles.rank == Rank[level])
        cells = alleles.cells.get(level, alleles.stratum)
        for cell in sorted({str(name) for name in cells[carries]}):
            in_cell = carries & (cells == cell)
            tested = in_cell & ~alt_is_common
            n, errors = int(tested.sum()), int((~(alleles.llr[tested] < 0)).sum())
            rows.append(
                OwnAlleleRow(
                    level,
                    cell,
                    n,
                    errors,
                    float(lower_bound(errors, n, delta)),
                    float(upper_bound(errors, n, delta)) if n else 1.0,
                    alpha,
                    int((in_cell & alt_is_common).sum()),
                )
            )
    return tuple(rows)


def population_rows(
    alleles: OwnAlleles, alphas: dict[str, float], delta: float
) -> tuple[PopulationRow, ...]:
    """The population check, a row per level.

    The loss where REF is common is weighted to the strata and the thirds of |LLR| of the alleles
    whose ALT is common, so that the two differ in orientation alone. Its variance and that of the
    other loss are binomial; the interval of the bias is normal (Newcombe 1998 without the score
    correction, as both n are at least 30 where it is used).
    """
    from scipy.special import ndtri

    stated = (alleles.an == 0) | (alleles.an >= MIN_CALLED)
    scored = np.isfinite(alleles.llr) & stated
    rows = []
    for level, alpha in alphas.items():
        carries = scored & (alleles.rank == Rank[level])
        alt_common = carries & (alleles.af >= ALT_COMMON)
        ref_common = carries & (alleles.af <= REF_COMMON)
        n = int(alt_common.sum())
        errors = int((~(alleles.llr[alt_common] > 0)).sum())
        loss = errors / n if n else float("nan")
        other, variance = _matched_loss(alleles, alt_common, ref_common)
        bias = loss - other
        spread = float(ndtri(0.975)) * np.sqrt((loss * (1 - loss) / n if n else np.nan) + variance)
        rows.append(
            PopulationRow(
                level,
                n,
                errors,
                int(ref_common.sum()),
                _finite(other),
                _finite(bias),
                _finite(bias - spread),
                _finite(bias + spread),
                float(lower_bound(errors, n, delta)) if n else 0.0,
                alpha,
            )
        )
    return tuple(rows)


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _matched_loss(
    alleles: OwnAlleles, alt_common: np.ndarray, ref_common: np.ndarray
) -> tuple[float, float]:
    """Loss of the REF-common alleles, weighted to the strata and the thirds of |LLR| of the
    ALT-common ones, and its variance; (NaN, NaN) where no stratum holds both."""
    size = np.abs(alleles.llr)
    if not alt_common.any() or not ref_common.any():
        return float("nan"), float("nan")
    edges = np.quantile(size[alt_common], [1 / 3, 2 / 3])
    third = np.searchsorted(edges, size)
    key = np.array(
        [f"{name}/{number}" for name, number in zip(alleles.stratum, third, strict=True)]
    )
    loss = variance = weight_sum = 0.0
    for name in np.unique(key[alt_common]):
        rows = ref_common & (key == name)
        if not rows.any():
            continue
        weight = float((alt_common & (key == name)).sum())
        share = float((~(alleles.llr[rows] < 0)).mean())
        loss += weight * share
        variance += weight**2 * share * (1 - share) / rows.sum()
        weight_sum += weight
    if not weight_sum:
        return float("nan"), float("nan")
    return loss / weight_sum, variance / weight_sum**2
