"""The common ground of an audit: the genome, the sites that all models are asked about, and their
answers there, each computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.subject import Subject, bits, mean_of
from gfmtrust.baseline.members import block_size_for
from gfmtrust.core.alphabet import N
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.interfaces import Genome
from gfmtrust.inputs.population import Population
from gfmtrust.io.intervals import IntervalSet
from gfmtrust.readers.windows import bases_at, cut

MIN_BASES = 20_000
"""A smaller genome has no order-k counts worth comparing with, and no haystack of its own."""
MIN_SITES = 100
SAME = 1e-6
"""A twin whose probabilities all differ by less is the model itself."""
TRIES = 20
"""Rounds of drawing until the sites are given up."""


@dataclass(frozen=True)
class Sites:
    """contig_index, pos, real (code of the letter), block: int64 (n,)."""

    contig_index: np.ndarray
    pos: np.ndarray
    real: np.ndarray
    block: np.ndarray

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        return self.contig_index, self.pos

    def __len__(self) -> int:
        return len(self.pos)

    def take(self, rows: np.ndarray) -> Sites:
        return Sites(self.contig_index[rows], self.pos[rows], self.real[rows], self.block[rows])


@dataclass(frozen=True)
class AuditSizes:
    """How much is drawn. sites: bases of the league; fewer: bases and windows of measures that cost
    many passes each; probes: windows of each point of an archetype."""

    sites: int = 2000
    fewer: int = 400
    probes: int = 100


@dataclass
class Study:
    """What all measures of an audit share. ensemble: the models under audit; context: the context
    model; functional: intervals of --regions, population: alleles of --population_vcf, None without
    these; checkpoints: the folder of weights of a model, by its id."""

    genome: Genome
    sites: Sites
    ensemble: list[Subject]
    context: Subject
    sizes: AuditSizes = field(default_factory=AuditSizes)
    seed: int = 1
    price_per_hour: float | None = None
    functional: IntervalSet | None = None
    population: Population | None = None
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    scratch: Path | None = None
    _cache: dict = field(default_factory=dict)

    def rng(self, *name: int) -> np.random.Generator:
        """A generator for one purpose, so that measures do not depend on each other's draws."""
        return np.random.default_rng([self.seed, *name])

    def relatives(self, subject: Subject) -> list[Subject]:
        """The other models of the same family. Raises NotRun where there is none."""
        others = [
            one
            for one in self.ensemble
            if one is not subject and one.bundle.family == subject.bundle.family
        ]
        if not others:
            raise NotRun("there is no other model of its family to compare with")
        return others

    def probs(self, subject: Subject) -> np.ndarray:
        """Answers at the sites in all views of `thorough`, float32 (n, V, 4)."""
        return self._once(
            ("probs", subject.name),
            lambda: subject.scores(self.genome, self.sites.places, "thorough").probs,
        )

    def mean(self, subject: Subject) -> np.ndarray:
        """The mean distribution of both strands at the sites, as a run scores them, float64
        (n, 4)."""
        if subject is self.context:
            return self._once(
                ("context",),
                lambda: mean_of(subject.scores(self.genome, self.sites.places, "default").probs),
            )
        whole = [
            number
            for number, view in enumerate(subject.reader.views("thorough"))
            if view.placement.shift == 0 and not any(view.placement.crop)
        ]
        return mean_of(self.probs(subject)[:, whole])

    def bits(self, subject: Subject) -> np.ndarray:
        """Surprisal of the real base at the sites, bits (n,)."""
        return bits(self.mean(subject), self.sites.real)

    def twin(self, subject: Subject) -> np.ndarray:
        """The permuted twin's mean distribution at the sites, float64 (n, 4). Raises NotRun."""
        answer = self._once(("twin", subject.name), lambda: self._twin(subject))
        if isinstance(answer, str):
            raise NotRun(answer)
        return answer

    def _twin(self, subject: Subject) -> np.ndarray | str:
        try:
            twin = subject.twin_scores(self.genome, self.sites.places)
        except NotRun as why:
            return str(why)
        if not np.nanmax(np.abs(twin - self.mean(subject)), initial=0.0) > SAME:
            return "no weight of the graph can be permuted so that its answers change"
        return twin

    def fewer_sites(self) -> Sites:
        """The sites of measures that cost many passes each, spread over all sites."""
        n = min(self.sizes.fewer, len(self.sites))
        return self.sites.take(np.linspace(0, len(self.sites) - 1, n).astype(np.int64))

    def windows(self, subject: Subject, sites: Sites) -> np.ndarray:
        """Forward windows of sites, codes uint8 (n, W)."""
        return cut(
            self.genome, sites.contig_index, sites.pos - subject.bundle.site_forward, subject.width
        )

    def voters(self, subject: Subject, sites: Sites) -> np.ndarray | None:
        """The members of a model that may vote at sites; None where all may."""
        return subject.votes(*sites.places) if subject.votes else None

    def once(self, key: tuple, make):
        """A value that several measures share, made at its first use."""
        return self._once(key, make)

    def _once(self, key: tuple, make):
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


def draw_sites(genome: Genome, n: int, width: int, seed: int) -> Sites:
    """Draw distinct bases A, C, G, T whose window lies inside a contig, evenly over the genome, in
    genome order. width: of the widest window, bp.

    Raises BadDataError (65) for a genome of fewer than MIN_BASES bases, or with fewer than
    MIN_SITES such bases.
    """
    rng = np.random.default_rng([seed, 0xA0D1])
    lengths = np.array([genome.contigs[name] for name in genome.names], dtype=np.int64)
    room = np.maximum(lengths - 2 * width, 0)
    if lengths.sum() < MIN_BASES or not room.sum():
        raise _too_small(genome, int(lengths.sum()), f"at least {MIN_BASES} bases")
    chosen: dict[tuple[int, int], int] = {}
    for _ in range(TRIES):
        contig = rng.choice(len(room), n, p=room / room.sum())
        pos = width + (rng.random(n) * room[contig]).astype(np.int64)
        real = bases_at(genome, contig, pos)
        for one in zip(contig.tolist(), pos.tolist(), real.tolist(), strict=True):
            if one[2] < N and len(chosen) < n:
                chosen[one[:2]] = one[2]
        if len(chosen) >= n:
            break
    if len(chosen) < min(n, MIN_SITES):
        raise _too_small(genome, len(chosen), f"at least {MIN_SITES} known bases to ask about")
    rows = np.array(sorted((*place, base) for place, base in chosen.items()), dtype=np.int64)
    contig, pos, real = rows.T
    return Sites(contig, pos, real, block_of(genome, contig, pos))


def block_of(genome: Genome, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """The block of each place for the bootstrap, int64 (n,): 100 kb, or a 64th of a small
    genome."""
    lengths = np.array([genome.contigs[name] for name in genome.names], dtype=np.int64)
    size = block_size_for(int(lengths.sum()))
    starts = np.concatenate([[0], np.cumsum(-(-lengths // size))])
    return starts[contig_index] + pos // size


def _too_small(genome: Genome, observed: int, expected: str) -> BadDataError:
    name = getattr(genome, "name", "genome")
    return BadDataError(
        message(
            name,
            f"{observed} bases that an audit can use",
            expected,
            "audit the model on the whole genome",
        )
    )
