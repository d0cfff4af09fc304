"""The models of a run side by side: the entropy of each model, and the divergence and the agreement
of sign of each pair.

The report shows it; no flag depends on it. All counts and sums are integers, so that the result
does not depend on how sites are divided into shards.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.calibration.caps import HIGH_ENTROPY_BITS
from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.core.distributions import plane_entropy
from gfmtrust.core.measures import llr, mean_distribution, view_llr, view_weights

FILE = "model_comparison.json"
ENTROPY_EDGES = np.linspace(0.0, 2.0, 41)
STEPS = 1 << 24
"""Bits are summed as integer multiples of 1/STEPS, which is exact for 2**38 sites."""


class ModelComparison:
    """Compares models at sites that are added block by block. The models are the voting models,
    followed by the context model where it is only the baseline."""

    def __init__(self, ensemble: Ensemble):
        beside = [] if ensemble.context_only or ensemble.baseline is None else [ensemble.baseline]
        self._ensemble = ensemble
        self._has_distribution = [
            bool(ensemble.view_has_distribution[ensemble.view_models == model].all())
            for model in range(len(ensemble.models))
        ]
        self._has_distribution += [True] * len(beside)
        self.models = [*ensemble.models, *beside]
        n = len(self.models)
        self._counts = np.zeros((n, len(ENTROPY_EDGES) - 1), np.int64)
        self._bits, self._near = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._n_jsd, self._jsd, self._n_sign, self._same = (
            np.zeros((n, n), np.int64) for _ in range(4)
        )

    def add(self, block: SiteBlock, rows: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> None:
        """Add sites of a block with two bases each. rows: (n,) rows of the block; ref, alt: (n,)
        codes 0..3."""
        planes, signs = zip(
            *(self._answer(probs, ref, alt) for probs in self._views(block, rows)), strict=True
        )
        bits = [plane_entropy(plane) for plane in planes]
        for model, finite in enumerate(one[np.isfinite(one)] for one in bits):
            if self._has_distribution[model]:
                self._counts[model] += np.histogram(np.minimum(finite, 2.0), ENTROPY_EDGES)[0]
                self._bits[model] += _whole(finite)
                self._near[model] += int((finite > HIGH_ENTROPY_BITS).sum())
        for a in range(len(planes)):
            for b in range(a):
                # a score on a scale of its own prefers neither allele
                both = np.isfinite(signs[a] + signs[b]) & (not self._ensemble.scores_alleles)
                self._n_sign[a, b] += int(both.sum())
                self._same[a, b] += int((signs[a] == signs[b])[both].sum())
                if (
                    self._has_distribution[a] and self._has_distribution[b]
                ):  # as measures.jensen_shannon, each entropy taken once
                    jsd = np.maximum(
                        plane_entropy((planes[a] + planes[b]) / 2) - (bits[a] + bits[b]) / 2, 0.0
                    )
                    jsd = jsd[np.isfinite(jsd)]
                    self._n_jsd[a, b] += len(jsd)
                    self._jsd[a, b] += _whole(jsd)

    def _views(self, block: SiteBlock, rows: np.ndarray):
        """The distributions of each model in turn, (n, views, 4)."""
        probs = block.probs[rows]
        for model in range(len(self._ensemble.models)):
            yield probs[:, self._ensemble.view_models == model]
        if len(self.models) > len(self._ensemble.models):
            yield block.context_probs[rows]

    @staticmethod
    def _answer(
        probs: np.ndarray, ref: np.ndarray, alt: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean distribution (4, n) and sign of the mean LLR (n,) of one model; NaN where it gave no
        score."""
        weights = view_weights(probs, np.zeros(probs.shape[1], int))
        return np.ascontiguousarray(mean_distribution(probs, weights).T), np.sign(
            llr(view_llr(probs, ref, alt), weights)
        )

    def as_dict(self) -> dict:
        """models: id, n (sites), mean_entropy (bits), near_uniform (share above 1.9 bits), entropy
        (counts by ENTROPY_EDGES); pairs: a, b, jsd (mean Jensen-Shannon divergence, bits) over
        n_jsd sites, same_sign (share of sites where the LLRs have equal sign) over n_sign sites. A
        value is None without any site."""
        n = self._counts.sum(axis=1)
        return {
            "models": [
                {
                    "id": name,
                    "n": int(n[i]),
                    "mean_entropy": _share(self._bits[i], n[i] * STEPS),
                    "near_uniform": _share(self._near[i], n[i]),
                    "entropy": self._counts[i].tolist(),
                }
                for i, name in enumerate(self.models)
            ],
            "pairs": [
                {
                    "a": self.models[a],
                    "b": self.models[b],
                    "n_jsd": int(self._n_jsd[a, b]),
                    "n_sign": int(self._n_sign[a, b]),
                    "jsd": _share(self._jsd[a, b], self._n_jsd[a, b] * STEPS),
                    "same_sign": _share(self._same[a, b], self._n_sign[a, b]),
                }
                for a in range(len(self.models))
                for b in range(a)
            ],
        }


def _whole(bits: np.ndarray) -> int:
    return int(np.rint(bits * STEPS).astype(np.int64).sum())


def _share(part: int, whole: int) -> float | None:
    return round(int(part) / int(whole), 6) if whole else None
