"""Several models side by side by rank: how alike they rank the run's SNVs, whatever their scales.

Log-likelihood ratios, conservation and scores of other programs have no common unit, so that their
raw numbers are never averaged or subtracted. The rank of an allele among the run's own SNVs is a
number that every model has. Source: docs/understand/published_models.md, where the spread of the
ranks foretells wrong calls of ten published models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from gfmtrust.calibration.ensemble import Ensemble, SiteBlock
from gfmtrust.calibration.own_snvs import thinned_snvs
from gfmtrust.core.alphabet import encode
from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.errors import ConfigurationError, GfmtrustError
from gfmtrust.core.measures import llr, view_llr
from gfmtrust.core.ranking import correlation, mid_ranks, rank_disagreement, ranks_among
from gfmtrust.core.views import shared_weights
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables

FILE = "model_ranks.parquet"
KEPT = 50_000
"""SNVs of the run that ranks are taken among; where there are more, every n-th is used."""
MIN_SNVS = 20
"""SNVs below which a rank says nothing."""
NEAR_DUPLICATE = 0.95
"""Spearman correlation from which two models are called near-duplicates: GPN-MSA and GPN-Star have
.97 (docs/understand/published_models.md)."""
SCHEMA = pa.schema([("model", pa.int16()), ("score", pa.float64())])


@dataclass(frozen=True)
class ModelPair:
    """Two models at the run's SNVs."""

    a: str = entry("id of a model")
    b: str = entry("id of another model")
    n: int = entry("SNVs with a score of both")
    spearman: float | None = entry("Spearman correlation of their scores; null below 20 SNVs")

    @property
    def near_duplicate(self) -> bool:
        return self.spearman is not None and self.spearman >= NEAR_DUPLICATE


@dataclass(frozen=True)
class ModelRankFacts(Contract):
    """What model_ranks.parquet says of itself; its rows are the scores of each model, ascending."""

    NAME: ClassVar[str] = f"{FILE} (table metadata)"
    WRITER: ClassVar[str] = "CALIBRATE"
    ERROR: ClassVar[type[GfmtrustError]] = ConfigurationError

    models: tuple[str, ...] = entry("ids of the models, the context model left out")
    snvs: int = entry("SNVs of the run that were used")
    pairs: tuple[ModelPair, ...] = entry("every two models")

    @property
    def near_duplicates(self) -> tuple[ModelPair, ...]:
        """The pairs that are counted as two models but say the same."""
        return tuple(pair for pair in self.pairs if pair.near_duplicate)

    @property
    def duplicate_texts(self) -> tuple[str, ...]:
        """One sentence per group of models that near-duplicate pairs connect, in their order."""
        group_of = {name: {name} for name in self.models}
        for pair in self.near_duplicates:
            joined = group_of[pair.a] | group_of[pair.b]
            group_of.update(dict.fromkeys(joined, joined))
        groups = {id(group): group for group in group_of.values() if len(group) > 1}
        texts = []
        for group in groups.values():
            rho = [pair.spearman or 0.0 for pair in self.pairs if {pair.a, pair.b} <= group]
            names = [name for name in self.models if name in group]
            values = f"{rho[0]:.3f}" if len(rho) == 1 else f"{min(rho):.3f} to {max(rho):.3f}"
            texts.append(
                f"{', '.join(names[:-1])} and {names[-1]} rank the run's SNVs alike "
                f"(Spearman {values}): they count as {len(names)} models but say the same"
            )
        return tuple(texts)


def ranked_models(ensemble: Ensemble) -> tuple[str, ...]:
    """Ids of the models whose ranks are compared: those that vote, and those beside them."""
    return () if ensemble.context_only else (*ensemble.models, *ensemble.beside)


def scores_by_model(
    block: SiteBlock, ensemble: Ensemble, rows: np.ndarray, ref: np.ndarray, alt: np.ndarray
) -> np.ndarray:
    """The score of alleles by each of `ranked_models`, low is disfavoured, float64 (n, models); NaN
    where a model has none. rows: (n,) of the block; ref, alt: codes (n,)."""
    columns = []
    probs = block.probs[rows]
    for model in range(len(ensemble.models)):
        of_model = probs[:, ensemble.view_models == model]
        ratios = view_llr(of_model, ref, alt)
        weights = shared_weights(np.isfinite(ratios), np.zeros(ratios.shape[1], int))
        columns.append(llr(ratios, weights))
    if block.beside is not None:
        of_scores = view_llr(block.beside[rows], ref, alt)
        columns += list(of_scores.T)
    return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))


class RunRanks:
    """Gathers the scores of every model at the run's SNVs from the shards as they are read."""

    def __init__(self, plan_dir: Path, ensemble: Ensemble):
        self._ensemble, self.models = ensemble, ranked_models(ensemble)
        self._parts: list[np.ndarray] = [np.empty((0, len(self.models)))]
        if len(self.models) < 2:
            return  # there is nothing to compare
        snvs = thinned_snvs(plan_dir, KEPT)
        self._place = place_key(snvs["contig_index"], snvs["pos"])
        self._ref, self._alt = (
            encode("".join(snvs[name])).astype(np.int64) for name in ("ref", "alt")
        )

    def add(self, block: SiteBlock) -> None:
        if len(self.models) < 2 or not len(block.site):
            return
        site = place_key(block.site["contig_index"], block.site["pos"])
        rows = np.minimum(np.searchsorted(site, self._place), len(site) - 1)
        here = np.flatnonzero(site[rows] == self._place)
        self._parts.append(
            scores_by_model(block, self._ensemble, rows[here], self._ref[here], self._alt[here])
        )

    def write(self, out_dir: Path) -> ModelRankFacts:
        """Write model_ranks.parquet below `out_dir`; it has no row with fewer than two models."""
        scores = np.concatenate(self._parts)
        facts = ModelRankFacts(self.models, len(scores), _pairs(self.models, scores))
        kept = [np.sort(column[np.isfinite(column)]) for column in scores.T]
        lengths = [len(column) for column in kept]
        tables.write(
            out_dir / FILE,
            {
                "model": np.repeat(np.arange(len(kept)), lengths).astype(np.int16),
                "score": np.concatenate([np.empty(0), *kept]),
            },
            SCHEMA,
            facts.to_dict(),
        )
        return facts


def _pairs(models: tuple[str, ...], scores: np.ndarray) -> tuple[ModelPair, ...]:
    pairs = []
    for b in range(len(models)):
        for a in range(b):
            both = np.isfinite(scores[:, [a, b]]).all(axis=1)
            n = int(both.sum())
            spearman = None
            if n >= MIN_SNVS:
                value = correlation(mid_ranks(scores[both, a]), mid_ranks(scores[both, b]))
                spearman = round(value, 6) if np.isfinite(value) else None
            pairs.append(ModelPair(models[a], models[b], n, spearman))
    return tuple(pairs)


@dataclass(frozen=True)
class ModelRanks:
    """The scores that ranks are taken among. scores: of each model, ascending."""

    facts: ModelRankFacts
    scores: tuple[np.ndarray, ...]

    @property
    def compares(self) -> bool:
        """Whether the run has several models."""
        return len(self.scores) > 1

    @classmethod
    def read(cls, path: Path) -> ModelRanks:
        """Raises the errors of `ModelRankFacts.read`."""
        facts, table = ModelRankFacts.read(path), tables.read(path)
        model, score = table["model"].to_numpy(), table["score"].to_numpy()
        return cls(facts, tuple(score[model == i] for i in range(len(facts.models))))

    def rows(self) -> list[dict]:
        """Every two models, as the report shows them."""
        return [
            {
                "a": pair.a,
                "b": pair.b,
                "n": pair.n,
                "spearman": pair.spearman,
                "near_duplicate": pair.near_duplicate,
            }
            for pair in self.facts.pairs
        ]

    def compared(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean percent rank of alleles over the models, and its standard deviation over them,
        percent, float64 (n,) each; NaN with fewer than two models or too few SNVs.

        scores: (n, models), as `scores_by_model` gives them.
        """
        ranks = np.full(scores.shape, np.nan)
        for model, reference in enumerate(self.scores):
            if len(reference) >= MIN_SNVS:
                ranks[:, model] = ranks_among(scores[:, model], reference)
        spread = rank_disagreement(ranks)
        several = np.isfinite(spread)
        mean = np.full(len(ranks), np.nan)
        mean[several] = np.nanmean(ranks[several], axis=1)
        return 100 * mean, 100 * spread
