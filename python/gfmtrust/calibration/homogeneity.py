"""Do the blocks of the genome agree on the error of a cell, and do two cells err alike? A pooled
error hides a model that is perfect in one half of the genome and guesses in the other.

Two tests on the probes that a candidate threshold accepts, and the bound that replaces the pooled
one where either fires. Source: docs/understand/reliability.md, "The certification splits: certificates"; Tarone 1979
(doi:10.1093/biomet/66.3.585) for the overdispersion of binomial counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.binomial import upper_bound
from gfmtrust.core.contracts.base import entry

P_VALUE = 0.01
WORST_SHARE = 0.2
"""Share of the accepted probes that the worst blocks hold."""
MIN_CELL_BLOCKS = 4
"""Blocks in which the accepted probes of a cell must lie: half of the 8 that a genome must have,
because half of the blocks certify. One duplication is one block, however many probes it holds."""
ALIKE_P = 0.05
"""Transitions and transversions share a certificate where Fisher's exact test of their errors on
the fit split gives at least this p-value."""


@dataclass(frozen=True)
class BlockAgreement:
    """Whether the blocks of the genome agree on the error of a cell."""

    worst_n: int = entry("accepted probes in the blocks with the highest surprisal, one fifth")
    worst_errors: int = entry("wrong ones among them")
    dispersion: float = entry("variance of the blocks' errors over that of a binomial, at least 1")
    p_dispersion: float = entry("one-sided p-value of the dispersion")
    p_worst: float = entry("one-sided p-value of a higher error of that fifth")
    bound: float = entry(
        "upper bound of the error that must be within alpha too; 0 where the blocks agree, 1 where "
        "they are too few"
    )
    blocks: int = entry("blocks with accepted probes; 0 where they were not counted", default=0)

    @property
    def too_few(self) -> bool:
        """Whether the accepted probes lie in too few blocks to stand for the genome."""
        return 0 < self.blocks < MIN_CELL_BLOCKS

    @property
    def agrees(self) -> bool:
        return min(self.p_dispersion, self.p_worst) >= P_VALUE


def err_alike(
    wrong: np.ndarray, one: np.ndarray, other: np.ndarray, parts: Iterable[np.ndarray]
) -> bool:
    """Do two kinds of alleles err alike? Fisher's exact test of their errors in each part, all bool
    (n,). wrong: of each allele; one, other: the alleles of either kind; parts: the alleles that are
    compared, which may overlap."""
    from scipy.stats import fisher_exact

    for part in parts:
        table = [
            [int((kind & part & wrong).sum()), int((kind & part & ~wrong).sum())]
            for kind in (one, other)
        ]
        if fisher_exact(table).pvalue < ALIKE_P:
            return False
    return True


def block_agreement(
    wrong: np.ndarray, block: np.ndarray, own_surprisal: np.ndarray, delta: float
) -> BlockAgreement:
    """Compare the error between blocks.

    wrong: bool (n,), of accepted probes; block: int (n,); own_surprisal: the voting models' local
    surprisal, bits, the site left out (n,), NaN where unknown. The worst fifth of the blocks is
    chosen by that surprisal alone, never by the errors, so that its Clopper-Pearson bound is exact.
    Where the counts are overdispersed the bound is also taken with the sample size divided by the
    dispersion.
    """
    from scipy.stats import fisher_exact

    n, errors = len(wrong), int(wrong.sum())
    if not n:
        return BlockAgreement(0, 0, 1.0, 1.0, 1.0, 0.0)
    worst = _worst_rows(block, own_surprisal)
    worst_n, worst_errors = int(worst.sum()), int(wrong[worst].sum())
    rest_n, rest_errors = n - worst_n, errors - worst_errors
    p_worst = 1.0
    if worst_n and rest_n:
        table = [
            [worst_errors, worst_n - worst_errors],
            [rest_errors, rest_n - rest_errors],
        ]
        p_worst = float(fisher_exact(table, alternative="greater").pvalue)
    dispersion, p_dispersion = _dispersion(wrong, block)
    bound = 0.0
    if min(p_worst, p_dispersion) < P_VALUE:
        bound = float(upper_bound(worst_errors, worst_n, delta)) if worst_n else 1.0
    if p_dispersion < P_VALUE:
        bound = max(bound, float(upper_bound(errors / dispersion, n / dispersion, delta)))
    n_blocks = len(np.unique(block))
    if n_blocks < MIN_CELL_BLOCKS:
        bound = 1.0
    return BlockAgreement(worst_n, worst_errors, dispersion, p_dispersion, p_worst, bound, n_blocks)


def _worst_rows(block: np.ndarray, own_surprisal: np.ndarray) -> np.ndarray:
    """The probes of the blocks with the highest own surprisal that together hold a fifth, bool
    (n,); none where no surprisal is known or there is one block only."""
    names, index = np.unique(block, return_inverse=True)
    has_surprisal = np.isfinite(own_surprisal)
    if not has_surprisal.any() or len(names) < 2:
        return np.zeros(len(block), dtype=bool)
    counts = np.bincount(index, minlength=len(names))
    counts_known = np.bincount(index[has_surprisal], minlength=len(names))
    sums = np.bincount(
        index[has_surprisal], weights=own_surprisal[has_surprisal], minlength=len(names)
    )
    mean = np.divide(sums, counts_known, out=np.full(len(names), -np.inf), where=counts_known > 0)
    order = np.argsort(-mean, kind="stable")
    n_blocks = int(np.searchsorted(np.cumsum(counts[order]), WORST_SHARE * len(block))) + 1
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[: min(n_blocks, len(names) - 1)]] = True
    return chosen[index]


def _dispersion(wrong: np.ndarray, block: np.ndarray) -> tuple[float, float]:
    """Index of dispersion of the errors over blocks, at least 1, and Tarone's one-sided p-value;
    (1, 1) where nothing can vary."""
    from scipy.special import ndtr

    _, index = np.unique(block, return_inverse=True)
    sizes = np.bincount(index).astype(np.float64)
    errors = np.bincount(index, weights=wrong)
    share = errors.sum() / sizes.sum()
    pairs = float((sizes * (sizes - 1)).sum())
    if share in (0.0, 1.0) or pairs <= 0:
        return 1.0, 1.0
    chi_square = float(((errors - sizes * share) ** 2).sum() / (share * (1 - share)))
    z = (chi_square - sizes.sum()) / np.sqrt(2 * pairs)
    # variance inflation of the mean error: sum of the squared deviations over its binomial value
    return max(1.0, chi_square / sizes.sum()), float(ndtr(-z))
