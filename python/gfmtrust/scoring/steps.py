"""What a step needs before its work can start: bundles opened, regions read, a shard scored and
written with its metrics."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from gfmtrust.baseline import Members
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.contracts.base import encoded
from gfmtrust.core.contracts.checks import Checks
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.errors import ConfigurationError, InternalError, message
from gfmtrust.core.progress import Progress, duration
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, ShardKind
from gfmtrust.inputs.contig_names import listed
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import bed, tables
from gfmtrust.io.genome import Genome
from gfmtrust.planning.plan import Regions
from gfmtrust.planning.shards import REGION
from gfmtrust.readers import haplotypes, site_scores, tiles
from gfmtrust.readers.external import External
from gfmtrust.readers.views import views_of
from gfmtrust.scoring import negative_controls
from gfmtrust.scoring.estimate import planned_passes
from gfmtrust.scoring.stride import EXACT

log = logging.getLogger(__name__)

MIN_SITES_FOR_CONSTANT = 100


def regions(paths: list[Path], checks: Checks) -> Regions:
    """The BED files by the name that `check_inputs` gave them."""
    return Regions({bed.name_of(path): bed.intervals(path, checks.contig_map) for path in paths})


def include(path: Path | None, checks: Checks):
    return bed.intervals(path, checks.contig_map) if path else None


def context_surprisal(
    bundle_dir: Path, genome: Genome, threads: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Local surprisal under the context model, members that saw a base left out, as a function of
    (contig_index, pos).

    Raises ConfigurationError (78) where the model was fitted to other contigs: it would not know
    which members saw a base.
    """
    bundle = Bundle.open(bundle_dir)
    members = Members.open(bundle_dir)
    if members.contigs != tuple(genome.names):
        raise ConfigurationError(
            message(
                str(bundle_dir),
                f"fitted to contigs {listed(members.contigs)}",
                f"{listed(genome.names)}",
                "fit the context model to this genome",
            )
        )
    session = Session.open(bundle, device="cpu", threads=threads)
    admitted = members.admitted

    def local_surprisal(contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
        return site_scores.score_sites(
            session, bundle, genome, contig_index, pos, "fast", True, admitted=admitted
        ).local_surprisal

    return local_surprisal


def score_shard(
    fasta: Path,
    bundle_dir: Path,
    shard: Path,
    out_dir: Path,
    views: str,
    device: str,
    neighbours: bool,
    threads: int,
    batch: int | None,
    max_n: float,
    allow_long_window: bool,
    stride: Path | None = None,
    work_dir: Path | str = ".",
) -> None:
    """Score one shard with one bundle; writes the score table and `<model>.<shard>.metrics.json`.

    work_dir: where an index of the FASTA is made if there is none beside it.
    stride: what `choose_stride` wrote for this bundle; without it every base is scored on its own.
    """
    bundle = Bundle.open(bundle_dir)
    genome = Genome.open(fasta, work_dir)
    kind = PlannedShard.read(shard).kind
    if bundle.is_external:
        _look_up_shard(bundle, genome, shard, kind, out_dir, views)
        return
    session = Session.open(
        bundle,
        device=device,
        threads=threads,
        batch=batch,
        allow_long_window=allow_long_window,
        weights=negative_controls.permuted_weights if kind == ShardKind.PERMUTED_WEIGHTS else None,
    )
    site = tables.read(shard)
    chosen = tables.read_json(stride) if stride else {"stride": EXACT}
    contig_index, pos = site["contig_index"].to_numpy().astype(np.int64), site["pos"].to_numpy()
    of_variants = "variant" in site.schema.names
    is_context = bundle.family == CONTEXT_FAMILY
    admitted = Members.open(bundle_dir).admitted if is_context else None
    started = time.monotonic()
    tiled = (
        site["use"].to_numpy() == REGION if chosen["stride"] > EXACT else np.zeros(len(pos), bool)
    )
    tiled[tiled] = tiles.answerable(bundle, genome, contig_index[tiled], pos[tiled], max_n)
    told = views, neighbours or is_context, max_n
    asked = planned_passes(
        bundle, [(contig_index[tiled], pos[tiled])], len(pos), *told[:2], chosen["stride"]
    )
    asked += (
        site["variant"].to_pandas().nunique() * haplotypes.passes_per_variant(bundle, views)
        if of_variants
        else 0
    )
    _tell(session, bundle.model_id, shard.stem, len(pos), asked, threads)
    if kind.is_control:
        scores = _null_scores(session, bundle, genome, contig_index, pos, kind, *told, admitted)
    else:
        scores = tiles.score_rows(
            session, bundle, genome, contig_index, pos, tiled, chosen["stride"], *told, admitted
        )
    own = (
        _haplotypes(session, bundle, genome, site.to_pandas(), views, max_n, admitted)
        if of_variants
        else {}
    )
    seconds = time.monotonic() - started
    log.info(
        "%s, %s: %s sites in %s, %s a second, %s passes, batch %d",
        bundle.model_id,
        shard.stem,
        f"{len(pos):,}",
        duration(seconds),
        f"{len(pos) / max(seconds, 1e-9):,.0f}",
        f"{session.passes:,}",
        session.batch,
    )
    if bundle.gate == "passed" and not kind.is_control:
        refuse_constant(scores, bundle.model_id)
    _write_scores(
        bundle,
        shard,
        site,
        scores,
        own,
        out_dir,
        views,
        {
            "device": session.device,
            "neighbours": neighbours or is_context,
            "opset": next(iter(bundle.meta["graphs"].values()))["opsets"][""],
        },
        {
            "requested_device": device,
            "device": session.device,
            "provider": session.provider,
            "threads": threads,
            "batch": session.batch,
            "halvings": session.halvings,
            "passes": session.passes,
            "region_stride": chosen,
            "tiled_sites": int(tiled.sum()),
        },
        seconds,
    )


def _tell(
    session: Session, model: str, shard: str, n_sites: int, passes: int, threads: int
) -> None:
    """Say what is about to be done, and from now on every half minute how far it is. passes: as
    planned; N in a window saves some."""
    log.info(
        "%s, %s: %s sites, about %s passes on %s, batch %d, threads %d",
        model,
        shard,
        f"{n_sites:,}",
        f"{passes:,}",
        session.device,
        session.batch,
        threads,
    )
    progress = Progress(f"{model}, {shard}", "passes", passes)
    session.told = lambda done: progress(done, f"batch {session.batch}")


def _look_up_shard(
    bundle: Bundle, genome: Genome, shard: Path, kind: ShardKind, out_dir: Path, views: str
) -> None:
    """Write the score table of a bundle that has its answers already; of a null control it has
    none."""
    site = tables.read(shard)
    contig_index, pos = site["contig_index"].to_numpy().astype(np.int64), site["pos"].to_numpy()
    started = time.monotonic()
    held = External.open(bundle.directory)
    scores = (
        site_scores.unanswered(len(pos), 1)
        if kind.is_control
        else held.at_sites(genome, contig_index, pos)
    )
    own = {}
    if "variant" in site.schema.names:
        rows = site.to_pandas()
        own = _per_variant(
            rows,
            1,
            lambda contig_index, variants: held.of_variants(
                np.array(genome.names, object)[contig_index], variants
            ),
        )
    _write_scores(
        bundle,
        shard,
        site,
        scores,
        own,
        out_dir,
        views,
        {"device": bundle.family, "neighbours": False, "opset": 0},
        {
            "requested_device": bundle.family,
            "device": bundle.family,
            "provider": bundle.family,
            "threads": 1,
            "batch": 0,
            "halvings": 0,
            "passes": 0,
            "region_stride": {"stride": EXACT},
            "tiled_sites": 0,
        },
        time.monotonic() - started,
    )


def _write_scores(
    bundle: Bundle,
    shard: Path,
    site: pa.Table,
    scores: site_scores.SiteScores,
    own: dict,
    out_dir: Path,
    views: str,
    facts: dict,
    metrics: dict,
    seconds: float,
) -> None:
    """The score table of a shard, its metadata (`facts` among it), and its metrics file."""
    listed = views_of(bundle, views)
    metadata = {
        "shard": encoded(PlannedShard.read(shard)),
        "model": bundle.model_id,
        "family": bundle.family,
        "bundle_sha256": bundle.sha256,
        "quantity": bundle.quantity,
        "views": [[view.model, view.member, *view.look] for view in listed],
        "rc_equivariant": bundle.rc_equivariant,
        "precision": bundle.precision,
        "window_bp": bundle.window_bp,
        "trained_bp": bundle.trained_bp,
        "training": bundle.training,
        "gate": bundle.gate,
        **facts,
    }
    n, name = site.num_rows, f"{bundle.model_id}.{shard.stem}"
    tables.write(
        out_dir / f"{name}.parquet",
        {
            "contig_index": site["contig_index"].to_numpy().astype(np.int32),
            "pos": site["pos"].to_numpy(),
            "probs": pa.FixedSizeListArray.from_arrays(
                pa.array(scores.probs.reshape(-1)), 4 * len(listed)
            ),
            "status": scores.status.astype(str).astype(object),
            "local_surprisal": scores.local_surprisal,
            "n_share": scores.n_share,
            "pad_share": scores.pad_share,
            "off_alphabet": scores.off_alphabet,
            **own,
        },
        tables.score_schema(len(listed), bool(own)),
        metadata,
    )
    tables.write_json(
        out_dir / f"{name}.metrics.json",
        {
            "model": bundle.model_id,
            "shard": shard.stem,
            "sites": n,
            **metrics,
            "seconds": round(seconds, 3),
            "sites_per_s": round(n / seconds, 2) if seconds > 0 else 0.0,
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        },
    )


def _null_scores(
    session,
    bundle,
    genome,
    contig_index,
    pos,
    kind: ShardKind,
    views: str,
    neighbours: bool,
    max_n: float,
    admitted,
) -> site_scores.SiteScores:
    """Scores of a null control's sites; a control that gives no finite answers is no reason to end
    the run."""
    if kind == ShardKind.PERMUTED_WEIGHTS:
        session = negative_controls.OnAlphabet(session)
    else:
        genome = negative_controls.ShuffledGenome.of(genome, bundle, contig_index, pos)
        contig_index, pos, admitted = (
            genome.contig_index,
            genome.pos,
            admitted and genome.admitted(admitted),
        )
    try:
        return site_scores.score_sites(
            session, bundle, genome, contig_index, pos, views, neighbours, max_n, admitted
        )
    except InternalError as error:
        log.warning("null control %s: %s; it says nothing in this run", kind.label, error)
        return site_scores.unanswered(len(pos), len(views_of(bundle, views)))


def _haplotypes(session, bundle, genome, rows, views: str, max_n: float, admitted) -> dict:
    """Columns `llr` and `variant_status` of a shard of variants: haplotypes of those that change
    the length, one a variant; of all where the model reads whole tokens, whose substitutions do not
    add up site by site."""

    def asked(contig_index: np.ndarray, variants: list[Variant]) -> tuple[np.ndarray, np.ndarray]:
        found = haplotypes.score_haplotypes(
            session, bundle, genome, contig_index, variants, views, max_n, admitted
        )
        return found.llr, found.status

    return _per_variant(rows, len(views_of(bundle, views)), asked, not bundle.has_distribution)


def _per_variant(
    rows,
    n_views: int,
    answer: Callable[[np.ndarray, list[Variant]], tuple[np.ndarray, np.ndarray]],
    of_all: bool = False,
) -> dict:
    """What `answer` (contig_index, variants -> llr (n, n_views), status (n,)) says of a shard's
    variants that change the length, or of all, as columns of its rows."""
    distinct = rows.drop_duplicates("variant")
    variants = [
        Variant(*row)
        for row in zip(distinct["start"], distinct["ref"], distinct["alt"], strict=True)
    ]
    asked = np.flatnonzero([of_all or len(variant.ref) != len(variant.alt) for variant in variants])
    llr, status = (
        np.full((len(variants), n_views), np.nan, np.float32),
        np.full(len(variants), "", object),
    )
    llr[asked], status[asked] = answer(
        distinct["contig_index"].to_numpy(np.int64)[asked], [variants[i] for i in asked]
    )
    row = np.searchsorted(distinct["variant"].to_numpy(), rows["variant"].to_numpy())
    return {
        "llr": pa.FixedSizeListArray.from_arrays(pa.array(llr[row].reshape(-1)), n_views),
        "variant_status": status[row].astype(object),
    }


def refuse_constant(scores: site_scores.SiteScores, model: str) -> None:
    """A model that passed the likelihood gate and yet answers everywhere alike is misread, not
    useless. Raises InternalError (70)."""
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
