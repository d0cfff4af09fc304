"""Fits the mixture: the weight of each order's evidence, by how often the flanks of the site occur
in the genome.

Multinomial logistic regression on sites scored by members that never saw their block. The loss is
mostly the surprisal of the mean of a site's members, because that mean is what every score is made
of; so the mean is calibrated and a single member is a little too sure. Only sums over fixed orders
of numpy arrays, no BLAS: the result does not depend on the number of threads.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from gfmtrust.baseline.evaluate import log_softmax

log = logging.getLogger(__name__)

MIN_BIN_ROWS = 2_000
"""Site-member pairs below which a bin of flank counts is joined to the next: ten weights from fewer
would be noise."""
RIDGE_SHARED, RIDGE_BIN = 1e-5, 1e-2
"""L2 on the weights all bins share, and on each bin's difference from them, per pair of the bin
(chr20, 1.1 Mb: see benchmark)."""
MEMBER_PART = 0.2
"""Part of the loss that is the surprisal of single members, the rest being that of their mean. On
chr20 it takes .002 bits off each member and none off the mean; at 0 the mean is too sure by .002
bits on left-out blocks, at .25 not sure enough by .004."""
MAX_ITERATIONS, TOLERANCE = 200, 1e-7
"""The search ends when a step gains less than this share of the loss: 1e-7 bits a base is far below
the noise of the sample."""


@dataclass(frozen=True)
class Evidence:
    """What the fit reads: S_k(b) (K, n, 4, M) centred over b, flanks (n, M), both of the M members
    admitted at each site; real (n,)."""

    said: np.ndarray
    flanks: np.ndarray
    real: np.ndarray


def fit(seen: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the bins and weights (bins, K), float32."""
    edges = bin_edges(seen.flanks)
    bins = np.digitize(seen.flanks, edges)
    shared = _minimise(seen, np.zeros_like(bins), np.zeros((1, len(seen.said))), RIDGE_SHARED)
    start = np.repeat(shared, len(edges) + 1, axis=0)
    return edges, _minimise(seen, bins, start, RIDGE_BIN).astype(np.float32)


def bin_edges(flanks: np.ndarray) -> np.ndarray:
    """Bounds at half counts, doubling (.5, 1.5, 3.5, 7.5, ...), those kept that leave MIN_BIN_ROWS
    pairs on either side; float32."""
    values = np.sort(flanks, axis=None)
    edges, taken = [], 0
    for edge in 2.0 ** np.arange(32) - 0.5:
        below = int(np.searchsorted(values, edge))
        if below - taken >= MIN_BIN_ROWS and len(values) - below >= MIN_BIN_ROWS:
            edges.append(edge)
            taken = below
    return np.array(edges, dtype=np.float32)


def _minimise(seen: Evidence, bins: np.ndarray, prior: np.ndarray, ridge: float) -> np.ndarray:
    """Weights (n_bins, K) of least loss, drawn to `prior`, where the search also starts."""
    result = minimize(
        _Loss(seen, bins, prior, ridge),
        prior.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_ITERATIONS, "ftol": TOLERANCE},
    )
    log.debug(
        "mixture of %s bins and orders: %.4f nats after %d steps",
        prior.shape,
        result.fun,
        result.nit,
    )
    return result.x.reshape(prior.shape)


class _Loss:
    """Mean surprisal (nats) of the members' mean and its gradient. Pairs (site, member) are sorted
    by bin: a bin is one block of memory."""

    def __init__(self, seen: Evidence, bins: np.ndarray, prior: np.ndarray, ridge: float):
        n_orders, n, _, n_members = seen.said.shape
        self.shape = (n, n_members)
        self.order = np.argsort(bins, axis=None, kind="stable")
        bounds = np.searchsorted(bins.ravel()[self.order], np.arange(len(prior) + 1))
        self.slices = [
            slice(first, end) for first, end in zip(bounds[:-1], bounds[1:], strict=True)
        ]
        said = seen.said.transpose(0, 2, 1, 3).reshape(n_orders, 4, -1)[:, :, self.order]
        self.said = [
            said[:, :, rows].astype(np.float64, order="C") for rows in self.slices
        ]  # per bin (K, 4, pairs)
        self.is_real = np.repeat(seen.real, n_members)[self.order] == np.arange(4)[:, None]
        self.prior = prior
        self.penalty = ridge * np.diff(bounds)[:, None] / (n * n_members)

    def __call__(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(self.prior.shape)
        logits = [_weighted(said, row) for said, row in zip(self.said, weights, strict=True)]
        log_probs = log_softmax(np.concatenate(logits, axis=1), axis=0)
        probs = np.exp(log_probs)
        by_site = np.empty(probs.shape[1])
        by_site[self.order] = (probs * self.is_real).sum(axis=0)
        by_site = by_site.reshape(self.shape)
        mean = by_site.mean(axis=1, keepdims=True)
        share = (
            1 - MEMBER_PART
        ) * by_site / mean + MEMBER_PART  # a member's part in the site's gradient
        slope = share.ravel()[self.order] / by_site.size * (probs - self.is_real)
        gradient = np.stack(
            [
                (said * slope[:, rows]).sum(axis=(1, 2))
                for said, rows in zip(self.said, self.slices, strict=True)
            ]
        )
        pull = weights - self.prior
        loss = (
            -(1 - MEMBER_PART) * np.log(mean).mean()
            - MEMBER_PART * np.log(by_site).mean()
            + (self.penalty * pull**2).sum() / 2
        )
        return loss, (gradient + self.penalty * pull).ravel()


def _weighted(said: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over orders of weight times evidence, (4, pairs); an order at a time, 10 times faster
    than einsum on this shape."""
    total = np.zeros(said.shape[1:])
    for order, weight in zip(said, weights, strict=True):
        total += weight * order
    return total
