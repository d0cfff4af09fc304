"""`gfmtrust audit duel`: reads the labels, says the cost, trains all competitors on the same folds, and
writes duel.json and its page."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gfmtrust.audit.duel import page
from gfmtrust.audit.duel.contest import Contest
from gfmtrust.audit.duel.embed import Distinct, embedded, n_tiles, opened
from gfmtrust.audit.duel.examples import Alleles, Examples, LabelSource, read_examples
from gfmtrust.audit.duel.published import PUBLISHED, SOURCE
from gfmtrust.audit.duel.verdict import verdict
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.subject import Subject, mean_of
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.layers import Layers
from gfmtrust.bundle.permuted_weights import permuted_weights
from gfmtrust.core.alphabet import N, encode
from gfmtrust.core.contracts.audit import AuditedModel, Statistic
from gfmtrust.core.contracts.duel import Duel, LeftOut
from gfmtrust.core.errors import ConfigurationError, UsageError, message
from gfmtrust.core.progress import Progress, duration
from gfmtrust.io.genome import Genome
from gfmtrust.scoring.options import ScoringOptions

log = logging.getLogger(__name__)
TIMED = 4
"""Windows that are timed for the cost."""
CHANGED = 1e-4
"""A twin whose embeddings differ less, by their size, has the weights of the model."""


@dataclass(frozen=True)
class DuelRequest:
    """What a user asks for. flank: letters on either side of an allele that the simple models
    read."""

    bundles: tuple[Path, ...]
    labels: LabelSource
    fasta: Path | None
    out_dir: Path
    flank: int = 100
    seed: int = 1
    epochs: int = 40
    scoring: ScoringOptions = field(default_factory=ScoringOptions)


def duel(request: DuelRequest) -> Duel:
    """Run a duel and write `<out_dir>/duel.json` and its page.

    Raises UsageError (64) for two models of one name, BadDataError (65) for labels that allow no
    duel.
    """
    started = time.monotonic()
    bundles = [Bundle.open(path) for path in request.bundles]
    names = [bundle.model_id for bundle in bundles]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            message("--bundles", f"{twice} twice", "models with different ids", "name each once")
        )
    with ExitStack() as stack:
        genome = None
        if request.fasta is not None:
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            genome = stack.enter_context(Genome.open(request.fasta, scratch))
        examples = read_examples(request.labels, genome)
        contest = Contest.of(examples, _training(request), request.seed)
        simple = Distinct.of_pair(*examples.letters.windows(2 * request.flank + 1))
        networks, not_run = _networks(request, bundles, examples)
        if contest.training is None:
            reason = "PyTorch is not installed"
            not_run.append(LeftOut("the networks: one-hot CNN and map + CNN", reason))
        contest.progress = _say_cost(contest, simple, networks)
        untrained, further = _untrained(request, contest, bundles, not_run)
        contest.simple(simple)
        passes = _probe(request, contest, networks, not_run)
    last = {
        name: next(one for one in contest.curves[::-1] if one.series == name)
        for name in contest.final
    }
    differences = contest.differences()
    result = Duel(
        labels=examples.name,
        labels_sha256=hashlib.sha256(request.labels.path.read_bytes()).hexdigest(),
        kind=examples.kind,
        score=contest.score_name,
        examples=len(examples),
        elements=len(np.unique(examples.element)),
        folds=contest.folds.n,
        sizes=contest.folds.sizes,
        interval_mode=contest.judge.mode,
        left_out_labels=examples.left_out,
        genome=request.fasta.name if request.fasta else "",
        seed=request.seed,
        models=tuple(_model(bundle) for bundle in bundles),
        competitors=tuple(contest.competitors),
        curves=tuple(contest.curves),
        differences=tuple(differences),
        untrained=tuple(untrained),
        not_run=tuple(not_run),
        published=PUBLISHED,
        published_source=SOURCE,
        passes=passes + further,
        trainings=contest.trainings,
        seconds=round(time.monotonic() - started, 3),
        verdict=verdict(contest.competitors, last, differences),
    )
    result.write(request.out_dir / Duel.NAME)
    page.write(request.out_dir, result)
    for line in result.verdict:
        log.info("%s", line)
    return result


@dataclass(frozen=True)
class Network:
    """A bundle, or its twin, that embeds the examples."""

    bundle: Bundle
    layers: Layers
    distinct: Distinct
    is_twin: bool

    @property
    def name(self) -> str:
        return f"{self.bundle.model_id}{', permuted' if self.is_twin else ''}"

    @property
    def passes(self) -> int:
        windows = self.distinct.windows
        return len(windows) * n_tiles(windows.shape[1], self.bundle.window_bp)


def _training(request: DuelRequest) -> Any:
    """The settings of the networks; None without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return None
    from gfmtrust.models.small_cnn import Training

    return Training(request.seed, request.scoring.threads, epochs=request.epochs)


def _model(bundle: Bundle) -> AuditedModel:
    parameters = bundle.meta["identity"]["n_parameters"]
    return AuditedModel(bundle.model_id, bundle.family, bundle.sha256, bundle.window_bp, parameters)


def _networks(
    request: DuelRequest, bundles: list[Bundle], examples: Examples
) -> tuple[list[Network], list[LeftOut]]:
    """Each bundle with its twin behind it, and the bundles without embeddings."""
    networks, not_run = [], []
    for bundle in bundles:
        try:
            layers = opened(bundle, request.scoring)
        except NotRun as why:
            log.warning("%s: %s; the rest of the duel runs", bundle.model_id, why)
            not_run.append(LeftOut(f"probes of {bundle.model_id}", str(why)))
            continue
        distinct = Distinct.of_pair(*examples.letters.windows(bundle.window_bp))
        networks.append(Network(bundle, layers, distinct, False))
        twin = opened(bundle, request.scoring, permuted_weights)
        networks.append(Network(bundle, twin, distinct, True))
    return networks, not_run


def _say_cost(contest: Contest, simple: Distinct, networks: list[Network]) -> Progress:
    """Log what the duel will cost; return the progress of its trainings."""
    seconds, folds = 0.0, contest.folds
    for network in networks:
        windows = network.distinct.windows[:TIMED]
        few = np.resize(windows[:, : network.bundle.window_bp], (TIMED, network.bundle.window_bp))
        network.layers.maps(few)
        started = time.monotonic()
        network.layers.maps(few)
        seconds += network.passes * (time.monotonic() - started) / TIMED
    passes = sum(network.passes for network in networks)
    log.info(
        "duel on %s: %s examples of %s elements in %s folds; about %s passes: %s",
        contest.examples.name,
        f"{len(contest.examples):,}",
        f"{len(np.unique(contest.examples.element)):,}",
        folds.n,
        f"{passes:,}",
        duration(seconds),
    )
    n_layers = sum(len(network.layers.names) for network in networks)
    points = folds.n * len(folds.sizes)
    regressions, trainings = points * (1 + n_layers), 0
    if contest.training is not None:
        trainings = (points + folds.n) * (1 + len(networks))
        log.info(
            "duel: %s ridge regressions, and %s trainings of a small network, at most %s",
            f"{regressions:,}", f"{trainings:,}", duration(_network_seconds(contest, simple, len(networks))),
        )  # fmt: skip
    return Progress("duel", "trainings", regressions + trainings)


def _network_seconds(contest: Contest, simple: Distinct, n_networks: int) -> float:
    """Seconds of all trainings of networks, each to its last epoch, at the price of the one-hot
    CNN."""
    from gfmtrust.models import small_cnn

    training: Any = contest.training
    onehot = np.zeros((len(simple.windows), 4, simple.windows.shape[1]), bool)
    sequences = small_cnn.Sequences(onehot, simple.of, simple.reference)
    step = small_cnn.seconds_per_step(sequences, training)
    sizes = [*contest.folds.sizes, contest.folds.sizes[-1]]
    steps = sum(min(training.steps, -(-size // training.batch) * training.epochs) for size in sizes)
    return step * steps * contest.folds.n * (1 + n_networks)


def _probe(
    request: DuelRequest, contest: Contest, networks: list[Network], not_run: list[LeftOut]
) -> int:
    """Train the probes of all networks; return the passes."""
    passes, before = 0, None
    for network in networks:
        progress = Progress(f"duel, windows of {network.name}", "passes", network.passes)
        try:
            values = embedded(
                network.layers, network.distinct.windows, network.bundle.window_bp, progress
            )
            if network.is_twin and before is not None and _is_same(before, values.pooled[-1]):
                raise NotRun("no weight of the graph can be permuted so that its answers change")
        except NotRun as why:
            not_run.append(LeftOut(f"probes of {network.name}", str(why)))
            continue
        finally:
            passes += network.passes
        before = None if network.is_twin else values.pooled[-1]
        contest.probes(network.bundle.model_id, values, network.distinct, network.is_twin)
    return passes


def _is_same(a: np.ndarray, b: np.ndarray) -> bool:
    return float(np.abs(a - b).max()) <= CHANGED * float(np.abs(a).max())


def _untrained(
    request: DuelRequest, contest: Contest, bundles: list[Bundle], not_run: list[LeftOut]
) -> tuple[list[Statistic], int]:
    """The LLRs of the models at single-base alleles against the labels, and their passes."""
    alleles = contest.examples.letters
    if not isinstance(alleles, Alleles):
        return [], 0
    rows, passes, digest = [], 0, alleles.genome.digest()
    for bundle in bundles:
        try:
            subject = Subject.open(bundle, request.scoring)
        except ConfigurationError as error:
            not_run.append(LeftOut(f"LLR of {bundle.model_id}", str(error)))
            continue
        subject.genome_digest = digest
        rows += contest.untrained(bundle.model_id, llr_of(subject, alleles))
        passes += subject.passes
    return rows, passes


def llr_of(subject: Subject, alleles: Alleles) -> np.ndarray:
    """LLR of the alleles that replace one base, nats (n,); NaN for the others and where the model
    has no answer."""
    single = np.flatnonzero(alleles.single)
    places = np.stack([alleles.contig_index[single], alleles.pos[single]], axis=1)
    distinct, back = np.unique(places, axis=0, return_inverse=True)
    scored = subject.scores(alleles.genome, (distinct[:, 0], distinct[:, 1]), "default")
    with np.errstate(divide="ignore"):
        log_p = np.log(mean_of(scored.probs))[back.reshape(-1)]
    ref, alt = (encode("".join(one[single])).astype(np.int64) for one in (alleles.ref, alleles.alt))
    both = (ref < N) & (alt < N)
    rows = np.arange(len(single))
    values = log_p[rows, np.minimum(alt, 3)] - log_p[rows, np.minimum(ref, 3)]
    result = np.full(len(alleles.pos), np.nan)
    result[single] = np.where(both & np.isfinite(values), values, np.nan)
    return result
