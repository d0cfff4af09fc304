"""SCORE_SITES: scores one shard with one model and writes its score table and its metrics.

    result = score_shard(reader_of(bundle), genome, shard, ScoringOptions())
    result.write(out_dir)           # <model>.<shard>.parquet and <model>.<shard>.metrics.json

The metadata of a shard states its kind (`PlannedShard`); the file name does not matter.
"""

from __future__ import annotations

import logging
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gfmtrust.baseline.members import votes_of
from gfmtrust.baseline.scorer import FEW_PLACES, open_scorer
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.contracts.shard import ShardFacts, ShardMetrics, StrideChoice
from gfmtrust.core.errors import ConfigurationError, InternalError, message
from gfmtrust.core.interfaces import Genome, LoadedScorer
from gfmtrust.core.progress import Progress, duration
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import genome as genomes
from gfmtrust.io import tables
from gfmtrust.planning.shards import REGION
from gfmtrust.readers import tiles
from gfmtrust.readers.context_sites import n_places
from gfmtrust.readers.external import ExternalReader
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.scoring import negative_controls
from gfmtrust.scoring.estimate import planned_passes
from gfmtrust.scoring.negative_controls import Control
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.scoring.stride import EXACT
from gfmtrust.store.answers import Answers, StoredAnswers, is_stored

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

MIN_SITES_FOR_CONSTANT = 100


@dataclass(frozen=True)
class ShardScores:
    """A scored shard. name: the name of the shard in logs and file names; rows: the shard's table;
    variant_columns: `llr` and `variant_status` of a shard of variants, otherwise empty; answers:
    the source of the scores, with those that a score store lacks."""

    name: str
    rows: pa.Table
    scores: SiteScores
    variant_columns: dict
    facts: ShardFacts
    metrics: ShardMetrics
    answers: Answers

    def write(self, out_dir: Path) -> None:
        """Write the score table, with the facts in its metadata, and the metrics beside it."""
        scores, n_views = self.scores, len(self.facts.views)
        name = f"{self.facts.model}.{self.name}"
        tables.write(
            out_dir / f"{name}.parquet",
            {
                "contig_index": self.rows["contig_index"].to_numpy().astype(np.int32),
                "pos": self.rows["pos"].to_numpy(),
                "probs": pa.FixedSizeListArray.from_arrays(
                    pa.array(scores.probs.reshape(-1)), 4 * n_views
                ),
                "status": scores.status.astype(str).astype(object),
                "local_surprisal": scores.local_surprisal,
                "n_share": scores.n_share,
                "pad_share": scores.pad_share,
                "off_alphabet": scores.off_alphabet,
                **self.variant_columns,
            },
            tables.score_schema(n_views, bool(self.variant_columns)),
            self.facts.to_dict(),
        )
        self.metrics.write(out_dir / f"{name}.metrics.json")


def score_file(
    fasta: Path,
    bundle_dir: Path,
    shard: Path,
    out_dir: Path,
    options: ScoringOptions,
    work_dir: Path | str = ".",
) -> None:
    """Score one shard with one bundle and write the results.

    work_dir: folder for an index of the FASTA if there is none beside it. The bundle's files are
    checked by size only, because its digest was checked when it was created or accepted, and the
    golden windows are run here.
    """
    bundle = Bundle.open(bundle_dir, verify="sizes")
    genome = genomes.Genome.open(fasta, work_dir)
    reader = reader_of(bundle)
    if isinstance(reader, ExternalReader):
        reader = replace(reader, table=options.score_table)
    result = score_shard(reader, genome, shard, options)
    result.write(out_dir)  # before the store: a full disk there loses no score
    if options.score_store:
        n_rows = result.answers.write(options.new_rows or options.score_store)
        log.info("%s, %s: %s new rows for the score store", bundle.model_id, shard.stem, n_rows)


def score_shard(
    reader: Reader, genome: Genome, shard: Path, options: ScoringOptions
) -> ShardScores:
    """Score the sites of a shard, and its variants if it is a shard of variants. reader: the reader
    of a bundle. Raises ConfigurationError (78) for the stride of another model, InternalError (70)
    for constant output of a model that passed the sanity check."""
    choice = _stride_of(reader, options)
    planned, rows = PlannedShard.read(shard), tables.read(shard)
    contig_index, pos = rows["contig_index"].to_numpy().astype(np.int64), rows["pos"].to_numpy()
    n_variants = len(rows["variant"].unique()) if "variant" in rows.schema.names else 0
    scorer = open_scorer(
        reader,
        options.device,
        options.threads,
        options.batch,
        options.allow_long_window,
        planned.kind == ShardKind.PERMUTED_WEIGHTS,
        n_places(reader.model, (contig_index, pos), n_variants, FEW_PLACES),
    )
    reading = options.reading(reader.reads_neighbours(options.neighbours), votes_of(reader.model))
    control = None
    answers = Answers(reader, scorer, genome, reading)
    if planned.kind.is_control:
        places = (contig_index, pos)
        control = Control.of(planned.kind, reader.model, scorer, genome, places, reading)
        answers = Answers(reader, control.scorer, control.genome, control.reading)
    if options.score_store and is_stored(reader):
        permuted = planned.kind == ShardKind.PERMUTED_WEIGHTS
        answers = StoredAnswers.open(answers, scorer.device, options.score_store, permuted)
    started = time.monotonic()
    tiled = rows["use"].to_numpy() == REGION if choice.stride > EXACT else np.zeros(len(pos), bool)
    tiled[tiled] = tiles.answerable(reader, genome, contig_index[tiled], pos[tiled], options.max_n)
    if reader.runs_network:
        places = [(contig_index[tiled], pos[tiled])]
        passes = planned_passes(reader, places, len(pos), reading, choice.stride)
        passes += n_variants * reader.passes_per_variant(options.views)
        _announce(scorer, f"{reader.model.model_id}, {shard.stem}", len(pos), passes)
    variant_columns, shares = {}, None
    if "variant" in rows.schema.names:
        # before the sites: the context model then has the answers beside each change already
        variant_columns, shares = _variant_columns(answers, rows.to_pandas())
    if control:
        scores = negative_controls.score_control(planned.kind, control, answers)
    else:
        scores = tiles.score_rows(
            reader,
            scorer,
            genome,
            (contig_index, pos),
            tiled,
            choice.stride,
            reading,
            answers.score_sites,
        )
    if shares is not None:
        n_share, pad_share = np.maximum((scores.n_share, scores.pad_share), shares)
        scores = replace(scores, n_share=n_share, pad_share=pad_share)
    metrics = _metrics(answers, scorer, shard.stem, choice, int(tiled.sum()), (len(pos), started))
    if _is_judged(reader, planned.kind):
        refuse_constant(scores, reader.model.model_id)
    facts = _facts(reader, planned, scorer, reading)
    return ShardScores(shard.stem, rows, scores, variant_columns, facts, metrics, answers)


def _stride_of(reader: Reader, options: ScoringOptions) -> StrideChoice:
    """Return the stride that was chosen for the model; a model whose scores are looked up has
    none. Raises ConfigurationError (78) for the choice of another model."""
    model = reader.model.model_id
    if options.stride and options.stride.model != model:
        observed, remedy = f"the choice of model {options.stride.model}", "run choose_stride for it"
        raise ConfigurationError(message("--stride", observed, f"that of model {model}", remedy))
    if options.stride and reader.runs_network:
        return options.stride
    return StrideChoice(model, EXACT, EXACT)


def _is_judged(reader: Reader, kind: ShardKind) -> bool:
    """Whether constant output is an error. It is for a network that passed the sanity check of its
    export, on windows of the genome."""
    return reader.runs_network and reader.model.gate == "passed" and not kind.is_control


def _announce(scorer: LoadedScorer, task: str, n_sites: int, passes: int) -> None:
    """Log the task, and from now on its progress every half minute. passes: the planned number;
    windows with N need fewer passes."""
    log.info(
        "%s: %s sites, about %s passes on %s, batch %d, threads %d",
        task,
        f"{n_sites:,}",
        f"{passes:,}",
        scorer.device,
        scorer.batch,
        scorer.threads,
    )
    progress = Progress(task, "passes", passes)
    scorer.on_passes = lambda done: progress(done, f"batch {scorer.batch}")


def _facts(
    reader: Reader, planned: PlannedShard, scorer: LoadedScorer, reading: ReadingOptions
) -> ShardFacts:
    bundle = reader.model
    return ShardFacts(
        shard=planned,
        model=bundle.model_id,
        family=bundle.family,
        bundle_sha256=bundle.sha256,
        quantity=bundle.quantity,
        views=tuple(
            (
                view.model,
                view.member,
                view.placement.strand,
                view.placement.shift,
                view.placement.crop,
            )
            for view in reader.views(reading.views)
        ),
        rc_equivariant=bundle.rc_equivariant,
        precision=bundle.precision,
        device=scorer.device,
        window_bp=bundle.window_bp,
        trained_bp=bundle.trained_bp,
        training={name: tuple(stated) for name, stated in bundle.training.items()},
        gate=bundle.gate,
        neighbours=reading.neighbours,
        opset=bundle.opset,
    )


def _metrics(
    answers: Answers,
    scorer: LoadedScorer,
    shard: str,
    choice: StrideChoice,
    tiled_sites: int,
    work: tuple[int, float],
) -> ShardMetrics:
    """Return the metrics, which are also logged. work: number of scored sites, and the start time
    of the work, s."""
    n_sites, started = work
    reader = answers.reader
    seconds = time.monotonic() - started
    log.info(
        "%s, %s: %s sites in %s, %s a second, %s passes, batch %d",
        reader.model.model_id,
        shard,
        f"{n_sites:,}",
        duration(seconds),
        f"{n_sites / max(seconds, 1e-9):,.0f}",
        f"{scorer.passes:,}",
        scorer.batch,
    )
    dropped = answers.damaged + answers.conflicting
    if dropped:
        log.warning(
            "%s, %s: %d damaged rows and %d contradictory ones of the score store are not used",
            reader.model.model_id,
            shard,
            answers.damaged,
            answers.conflicting,
        )
    return ShardMetrics(
        model=reader.model.model_id,
        shard=shard,
        sites=n_sites,
        requested_device=scorer.requested,
        device=scorer.device,
        provider=scorer.provider,
        threads=scorer.threads,
        batch=scorer.batch,
        halvings=scorer.halvings,
        passes=scorer.passes,
        region_stride=choice,
        tiled_sites=tiled_sites,
        seconds=round(seconds, 3),
        sites_per_s=round(n_sites / seconds, 2) if seconds > 0 else 0.0,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        stored_sites=answers.sites,
        stored_variants=answers.variants,
        dropped_rows=dropped,
    )


def _variant_columns(answers: Answers, rows: pd.DataFrame) -> tuple[dict, np.ndarray]:
    """Columns `llr` and `variant_status` of a shard of variants, one value per variant; and the
    shares of N and padding in the windows that its haplotypes are read in, float32 (2, rows), which
    are not those of its sites in a long tandem tract.

    The haplotypes are scored of those variants that are not the sum of their sites
    (`Reader.scores_whole`); the others have NaN, '' and 0.
    """
    reader, n_views = answers.reader, len(answers.reader.views(answers.reading.views))
    distinct = rows.drop_duplicates("variant")
    variants = [
        Variant(*row)
        for row in zip(distinct["start"], distinct["ref"], distinct["alt"], strict=True)
    ]
    asked = np.flatnonzero([reader.scores_whole(variant) for variant in variants])
    llr = np.full((len(variants), n_views), np.nan, np.float32)
    status = np.full(len(variants), "", object)
    places = distinct["contig_index"].to_numpy(np.int64)[asked], [variants[i] for i in asked]
    scores = answers.score_variants(*places)
    llr[asked], status[asked] = scores.llr, scores.status
    shares = np.zeros((2, len(variants)), np.float32)
    shares[:, asked] = reader.variant_shares(answers.genome, *places, answers.reading)
    row = np.searchsorted(distinct["variant"].to_numpy(), rows["variant"].to_numpy())
    columns = {
        "llr": pa.FixedSizeListArray.from_arrays(pa.array(llr[row].reshape(-1)), n_views),
        "variant_status": status[row].astype(object),
    }
    return columns, shares[:, row]


def refuse_constant(scores: SiteScores, model: str) -> None:
    """Raise InternalError (70) for constant output. A model that passed the sanity check and has
    constant output was read incorrectly; it is not a useless model."""
    answered = scores.probs[scores.status == ""]
    voted = [view[np.isfinite(view).all(axis=1)] for view in answered.transpose(1, 0, 2)]
    if len(answered) >= MIN_SITES_FOR_CONSTANT and all((view == view[:1]).all() for view in voted):
        raise InternalError(
            message(
                f"model {model}",
                "output is constant (100 % of windows)",
                "an answer that depends on the window",
                "export it again; --allow_untrained lets a useless model through",
            )
        )
