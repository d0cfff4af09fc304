"""The context model's law in numpy: what the ONNX graph must return, and what the fit reads. See
docs/understand/reliability.md, "The context model".

For order k the evidence for base b is S_k(b) = sum over (k+1)-words over the site ln(n + a_k) - sum
over the k-words between them ln(n + 4 a_k): the likelihood of the window under a chain of order k,
all four bases tried, and the same read from either strand. A word that touches an N or the window's
edge drops out; an order left without a word says what the next lower one says. logits(b) = sum_k
w[bin, k] S_k(b), the bin being how often the genome has the site's flanks at the highest order. The
base at the site is never read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.baseline.counts import Table
from gfmtrust.core.alphabet import N

ORDERS = (0, 1, 2, 3, 4, 6, 8, 9, 10, 11)
CHUNK_SITES = (
    2048  # 12 words x 4 bases x 8 members x 4 bytes x 2048 = 3 MB a table: stays in the cache
)


def alpha(order: int) -> float:
    """Pseudocount of each base: 1, and 2 from order 8 on.

    A one-sided coder wants 1/16 at order 10; here 12 words vote together and one lone observation
    is counted 12 times. Measured on chr20, mean of the members / each: 1/16 from order 10 on 1.7899
    / 1.8077, 1 everywhere 1.7881 / 1.8058, this 1.7875 / 1.8048.
    """
    return 1.0 if order < 8 else 2.0


@dataclass(frozen=True)
class Law:
    """A fitted context model without its genome.

    orders: ascending, 0 first. tables: of word lengths 1..orders[-1] + 1. edges: float32, rising
    bounds between the bins of flank counts. weights: float32 (len(edges) + 1, len(orders)).
    """

    orders: tuple[int, ...]
    tables: list[Table]
    edges: np.ndarray
    weights: np.ndarray

    @property
    def reach(self) -> int:
        """Letters read on each side of the site."""
        return self.orders[-1]

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """ln q(b) of every member at the centre of windows (n, 2 reach + 1), codes as in
        `alphabet`; float32 (n, 8, 4)."""
        evidence, flanks = self.evidence(windows)
        weights = self.weights[np.digitize(flanks, self.edges)]  # (n, 8, K)
        logits = np.einsum("knbm,nmk->nmb", evidence, weights)
        return log_softmax(logits, axis=2)

    def evidence(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """S_k(b), float32 (K, n, 4, 8), and how often the site's two flanks occur in the genome,
        float32 (n, 8)."""
        return evidence(self.tables, self.orders, windows)


def log_softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def orders_for(n_bases: int) -> tuple[int, ...]:
    """Orders k with .75 * 4^(k-1) <= n, n counting A, C, G, T: up to 8 for a 48 kb phage, up to 11
    from 0.79 Mb on.

    Measured on 0.88 Mb of chr20: order 11 in place of 10 at the top takes the mean of the members
    from 1.798 to 1.788 bits.
    """
    return tuple(order for order in ORDERS if 3 * 4**order <= 16 * n_bases)


def evidence(
    tables: list[Table], orders: tuple[int, ...], windows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """See Law.evidence; windows (n, 2 orders[-1] + 1)."""
    pieces = [
        _evidence(tables, orders, windows[first : first + CHUNK_SITES])
        for first in range(0, max(1, len(windows)), CHUNK_SITES)
    ]
    return np.concatenate([piece[0] for piece in pieces], axis=1), np.concatenate(
        [piece[1] for piece in pieces]
    )


def _evidence(
    tables: list[Table], orders: tuple[int, ...], windows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    site = windows.shape[1] // 2
    unknown = windows >= N
    unknown[:, site] = False
    letters = np.where(unknown, 0, windows).astype(np.int32)
    letters[:, site] = 0
    counts = [
        _counts_over_site(table, letters, site, length)
        for length, table in enumerate(tables, start=1)
    ]
    usable = [_words_without_n(unknown, site, length) for length in range(1, len(tables) + 1)]
    log_sums = []
    for order in orders:
        whole = usable[order]
        said = _log_sum(counts[order], whole, alpha(order))
        if order:
            said -= _log_sum(counts[order - 1], whole[:, 1:] & whole[:, :-1], 4 * alpha(order))
            said = np.where(np.asarray(whole.any(axis=1))[:, None, None], said, log_sums[-1])
        log_sums.append(said)
    top, whole = counts[-1], usable[-1]
    left, right = (top[:, at].sum(axis=1) * whole[:, at, None] for at in (0, -1))
    return np.stack(log_sums), left + right


def _counts_over_site(table: Table, letters: np.ndarray, site: int, length: int) -> np.ndarray:
    """Counts of the words of one length over the site, by start (leftmost first) and base at the
    site: float32 (n, length, 4, 8)."""
    powers = 4 ** np.arange(length - 1, -1, -1, dtype=np.int32)
    starts = site - length + 1 + np.arange(length)
    word = letters[:, starts[:, None] + np.arange(length)] @ powers  # (n, length)
    # The word that starts j letters right of the leftmost has the site as its letter length-1-j, of
    # weight 4^j.
    return table.counts(word[:, :, None] + powers[::-1, None] * np.arange(4, dtype=np.int32))


def _words_without_n(unknown: np.ndarray, site: int, length: int) -> np.ndarray:
    """Whether the words of one length over the site hold no N beside it, by start, leftmost first:
    bool (n, length)."""
    starts = site - length + 1 + np.arange(length)
    return np.logical_not(unknown[:, starts[:, None] + np.arange(length)].any(axis=2))


def _log_sum(counts: np.ndarray, whole: np.ndarray, pseudo: float) -> np.ndarray:
    """Sum of ln(count + pseudo) over the usable words, float32 (n, 4, 8)."""
    return (np.log(counts + np.float32(pseudo)) * whole[:, :, None, None]).sum(axis=1)
