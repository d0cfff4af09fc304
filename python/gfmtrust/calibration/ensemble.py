"""The score tables of all models side by side: the only module that combines models, members and
strands.

Where the context model is the only model, it is the ensemble. Beside other models it is the
baseline against which their gain is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.core.contracts.base import decoded
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.errors import BadDataError, InternalError, MissingInputError, message
from gfmtrust.core.measures import shared_weights
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, STATUS_ORDER, ShardKind, Status
from gfmtrust.io import tables
from gfmtrust.planning.shards import planned_shards

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Ensemble:
    """The models of a run and their views, from the metadata of any one shard's tables.

    models: ids of the models that vote, as given; baseline: id of the context model, or None where
    there is none. view_models: (V,) index into `models`; view_strands: (V,) '+' or '-';
    view_equivariant: (V,) bool, whether both strands are equal by construction. metadata: the
    metadata of each model's tables. view_has_distribution: (V,) bool, whether a view is a
    distribution; a view of whole tokens has only LLRs. beside: ids of the models whose scores are
    on scales of their own and do not vote; they are compared by rank alone.
    """

    models: tuple[str, ...]
    baseline: str | None
    view_models: np.ndarray
    view_strands: np.ndarray
    view_equivariant: np.ndarray
    metadata: dict[str, dict]
    beside: tuple[str, ...] = ()

    @property
    def view_has_distribution(self) -> np.ndarray:
        return np.array(
            [
                has_distribution(self.metadata.get(self.models[model], {}))
                for model in self.view_models
            ],
            dtype=bool,
        )

    @property
    def scores_alleles(self) -> bool:
        """Whether the run's one voting model scores alleles on a scale of its own, without a
        preference between bases that a decoy could test."""
        return any(is_score(self.metadata.get(model, {})) for model in self.models)

    @property
    def context_only(self) -> bool:
        return self.models == (self.baseline,)


@dataclass(frozen=True)
class SiteBlock:
    """The sites of one shard, n rows in shard order.

    site: DataFrame of tables.SHARD columns. probs: float32 (n, V, 4). weights: float64 (n, V), rows
    sum to 1 or 0; distribution_weights: the same over the views that are distributions. status:
    object (n,), '' or the reason why a model could not score the site. local_surprisal: mean over
    the voting models that have distributions, bits. context_surprisal: the same of the context
    model. gain: context - local, NaN where the context model is the only model. context_probs:
    float32 (n, members, 4), the distributions of the context model, all NaN where it was not run.
    llr: float32 (n, V), the LLR between the haplotypes of the row's variant, NaN where the variant
    does not change the length; variant_status: the status of the variant. In a shard of sites every
    LLR is NaN and every such status ''.
    """

    site: pd.DataFrame
    probs: np.ndarray
    weights: np.ndarray
    distribution_weights: np.ndarray
    status: np.ndarray
    local_surprisal: np.ndarray
    context_surprisal: np.ndarray
    gain: np.ndarray
    n_share: np.ndarray
    pad_share: np.ndarray
    context_probs: np.ndarray
    llr: np.ndarray
    variant_status: np.ndarray
    beside: np.ndarray | None = None


class ScoreTables:
    """Finds score tables among files and folders by their metadata and reads them shard by shard.

    model_order: ids as the user gave them; the context model comes last if it is not among them.
    """

    def __init__(self, paths: list[Path], model_order: list[str]):
        files = sorted(
            file for path in paths for file in (path.glob("*.parquet") if path.is_dir() else [path])
        )
        self._file: dict[tuple[str, PlannedShard], Path] = {}
        self._metadata: dict[Path, dict] = {}
        for file in files:
            self._metadata[file] = metadata = tables.read_metadata(file)
            self._file[metadata["model"], decoded(PlannedShard, metadata["shard"])] = file
        scored = {model for model, _ in self._file}
        missing = [model for model in model_order if model not in scored]
        if missing or not scored:
            raise MissingInputError(
                message(
                    "score tables",
                    f"none of {', '.join(missing) or 'any model'}",
                    "one a model and shard",
                    "run score_sites",
                )
            )
        self.ensemble = self._describe(model_order)

    def _describe(self, order: list[str]) -> Ensemble:
        metadata = {
            model: {
                name: fact
                for name, fact in self._metadata[self._first_table(model)].items()
                if name != "shard"
            }
            for model in order
        }
        context = [model for model in order if metadata[model]["family"] == CONTEXT_FAMILY]
        voting = voting_models(metadata)
        views = [
            (voting.index(model), view[2], metadata[model]["rc_equivariant"])
            for model in voting
            for view in metadata[model]["views"]
        ]
        models, strands, equivariant = (np.array(column) for column in zip(*views, strict=True))
        return Ensemble(
            tuple(voting),
            context[0] if context else None,
            models,
            strands,
            equivariant,
            metadata,
            tuple(model for model in order if is_score(metadata[model]) and model not in voting),
        )

    def _first_table(self, model: str) -> Path:
        return min(
            (shard, file) for (scored, shard), file in self._file.items() if scored == model
        )[1]

    def block(self, shard: PlannedShard, site: pd.DataFrame) -> SiteBlock:
        """The sites of one shard with the scores of every model. Raises InternalError (70) where a
        table belongs to other sites."""
        answer = {model: self._read(model, shard, site) for model in self.ensemble.metadata}
        voting = [answer[model] for model in self.ensemble.models]
        beside = np.stack(
            [answer[model]["probs"][:, 0] for model in self.ensemble.beside]
            or [np.empty((len(site), 0))],
            axis=1,
        )
        probs = np.concatenate([part["probs"] for part in voting], axis=1)
        status = _first_status([part["status"] for part in voting])
        probs[status != ""] = np.nan
        nowhere = np.full(len(site), np.nan)
        view_has_distribution = self.ensemble.view_has_distribution
        near = [
            answer[model]["local_surprisal"]
            for model in self.ensemble.models
            if has_distribution(self.ensemble.metadata[model])
        ]
        local = np.stack(near).mean(axis=0, dtype=np.float64) if near else nowhere
        baseline = self.ensemble.baseline
        base = answer[baseline] if baseline is not None else None
        context = base["local_surprisal"].astype(np.float64) if base else nowhere
        return SiteBlock(
            site=site,
            probs=probs,
            weights=shared_weights(
                _has_answer(probs, self.ensemble.scores_alleles), self.ensemble.view_models
            ),
            status=status,
            local_surprisal=local,
            context_surprisal=context,
            gain=nowhere if self.ensemble.context_only else context - local,
            n_share=np.max([part["n_share"] for part in voting], axis=0),
            pad_share=np.max([part["pad_share"] for part in voting], axis=0),
            context_probs=base["probs"] if base else np.full((len(site), 1, 4), np.nan, np.float32),
            distribution_weights=shared_weights(
                view_has_distribution & ~np.isnan(probs).any(axis=2), self.ensemble.view_models
            ),
            beside=beside if self.ensemble.beside else None,
            llr=np.concatenate([part["llr"] for part in voting], axis=1),
            variant_status=_first_status([part["variant_status"] for part in voting]),
        )

    def _read(self, model: str, shard: PlannedShard, site: pd.DataFrame) -> dict[str, np.ndarray]:
        path = self._file.get((model, shard))
        if path is None:
            raise MissingInputError(
                message(
                    f"scores of {model}",
                    f"no table of shard {shard.number} of {shard.kind.label}",
                    "one a model and shard",
                    "run score_sites again",
                )
            )
        if self._metadata[path]["bundle_sha256"] != self.ensemble.metadata[model]["bundle_sha256"]:
            raise BadDataError(
                message(
                    str(path),
                    "another bundle's scores",
                    f"those of {model}'s bundle",
                    "run score_sites again",
                )
            )
        table = tables.read(path)
        if not all(
            np.array_equal(table[name].to_numpy(), site[name]) for name in ("contig_index", "pos")
        ):
            raise InternalError(
                message(str(path), "other sites than the shard's", "one row a site in shard order")
            )
        n_views = table.schema.field("probs").type.list_size // 4
        probs = table["probs"].combine_chunks().flatten().to_numpy().reshape(-1, n_views, 4).copy()
        columns = {
            name: table[name].to_numpy() for name in ("local_surprisal", "n_share", "pad_share")
        }
        status = table["status"].to_pandas().to_numpy(object)
        return {"probs": probs, "status": status, **columns, **_of_variants(table, n_views)}


def voting_models(metadata: dict[str, dict]) -> list[str]:
    """The models that vote, in their order. metadata: that of each model's tables, in the order of
    the models. Scores on scales of their own are never averaged: the first of them votes where no
    other model but the context model does, which votes alone."""
    others = [model for model in metadata if metadata[model].get("family") != CONTEXT_FAMILY]
    scales = [model for model in others if is_score(metadata[model])]
    return [model for model in others if model not in scales] or scales[:1] or list(metadata)


def has_distribution(metadata: dict) -> bool:
    """Whether a model's table contains distributions, according to its metadata."""
    return metadata.get("quantity") not in ("likelihood", "score")


def is_score(metadata: dict) -> bool:
    """Whether a model's table contains scores on a scale of their own, see `Ensemble`."""
    return metadata.get("quantity") == "score"


def _has_answer(probs: np.ndarray, partly: bool) -> np.ndarray:
    """Whether each view votes at each site, bool (n, V). partly: whether the ratios of some ALTs
    are enough."""
    absent = np.isnan(probs)
    return np.asarray(~(absent.all(axis=2) if partly else absent.any(axis=2)))


def _of_variants(table: pa.Table, n_views: int) -> dict[str, np.ndarray]:
    """The columns of a shard of variants, see `SiteBlock`; those of a shard of sites say nothing."""
    if "llr" not in table.schema.names:
        return {
            "llr": np.full((len(table), n_views), np.nan, np.float32),
            "variant_status": np.full(len(table), "", object),
        }
    return {
        "llr": table["llr"].combine_chunks().flatten().to_numpy().reshape(-1, n_views),
        "variant_status": table["variant_status"].to_pandas().to_numpy(object),
    }


def _first_status(per_model: list[np.ndarray]) -> np.ndarray:
    """The first status in order of precedence over the models; '' where every model scored the
    site."""
    rank = {"": len(STATUS_ORDER), **{status.value: i for i, status in enumerate(STATUS_ORDER)}}
    worst = (
        np.min([[rank[str(value)] for value in status] for status in per_model], axis=0)
        if len(per_model[0])
        else np.empty(0, int)
    )
    names = [*STATUS_ORDER, ""]
    return np.array([names[i] for i in worst], dtype=object)


def blocks(
    plan_dir: Path, scores: ScoreTables, kind: ShardKind = ShardKind.SITES
) -> Iterator[SiteBlock]:
    """Every shard of that kind of the plan, in order. The sites of the run's variants are in the
    shards of sites and also in the shards of variants.

    Raises MissingInputError (66) where a shard was not scored.
    """
    for shard, path in planned_shards(plan_dir, kind).items():
        yield scores.block(shard, tables.read(path).to_pandas())


def allele_status(block: SiteBlock, rows: np.ndarray) -> np.ndarray:
    """Status of the alleles at the given rows: SCORED, or the reason why the models could not score
    the site."""
    return np.where(block.status[rows] == "", Status.SCORED, block.status[rows])
