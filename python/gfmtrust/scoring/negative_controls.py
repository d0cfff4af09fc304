"""Negative controls: permuted weights, and dinucleotide-shuffled windows. Every run scores some
probes with both.

Permuted weights: each model with the values of every weight tensor permuted, in an otherwise
unchanged graph. Shuffled windows: the real models on windows whose flanks keep their dinucleotides
but not the order of them. Both are calibrated like the run; a control with a flag above LOW shows
an error in the method. Source: docs/understand/reliability.md, "Negative controls". The verdicts
are computed in `calibrate`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gfmtrust.core.alphabet import PAD
from gfmtrust.core.errors import InternalError
from gfmtrust.core.interfaces import ContextScorer, Genome, ModelSpec, Scorer, Votes
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.site_scores import SiteScores, unanswered
from gfmtrust.store.answers import Answers

log = logging.getLogger(__name__)

_CONTIG = "site_"


@dataclass(frozen=True)
class Control:
    """What a negative control asks: the scorer and the genome that it reads, the places in it, int64
    (n,) each, and how they are read."""

    scorer: Scorer
    genome: Genome
    contig_index: np.ndarray
    pos: np.ndarray
    reading: ReadingOptions

    @classmethod
    def of(
        cls,
        kind: ShardKind,
        model: ModelSpec,
        scorer: Scorer,
        genome: Genome,
        places: tuple[np.ndarray, np.ndarray],
        reading: ReadingOptions,
    ) -> Control:
        """The control of that kind. scorer: has permuted weights where the kind is permuted weights;
        places: contig_index and pos, (n,) each."""
        if kind == ShardKind.PERMUTED_WEIGHTS:
            # a context model that answers place by place has no answer outside the alphabet
            scorer = scorer if isinstance(scorer, ContextScorer) else OnAlphabet(scorer)
            return cls(scorer, genome, *places, reading)
        windows = ShuffledGenome.of(genome, model, *places)
        if reading.admitted:
            reading = replace(reading, admitted=windows.admitted(reading.admitted))
        return cls(scorer, windows, windows.contig_index, windows.pos, reading)


def score_control(kind: ShardKind, control: Control, answers: Answers) -> SiteScores:
    """Return the scores of the sites of a negative control. A control without finite output does
    not end the run; a model whose scores are looked up has no control. answers: of the scorer and
    the genome of the control."""
    reader = answers.reader
    nothing = unanswered(len(control.pos), len(reader.views(control.reading.views)))
    if not reader.runs_network:
        return nothing
    try:
        return answers.score_sites(control.contig_index, control.pos)
    except InternalError as error:
        log.warning("negative control %s: %s; it has no result in this run", kind.label, error)
        return nothing


class OnAlphabet:
    """A scorer that ignores probability outside A, C, G, T: permuted weights may give any
    probability to other tokens, which is not an error here."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def distributions(self, codes: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distributions of the scorer, with a mass outside A, C, G, T of 0."""
        probs, mass = self._scorer.distributions(codes, index)
        return probs, np.zeros_like(mass)

    @property
    def bpe(self) -> Any:
        return self._scorer.bpe

    def token_logps(self, asked: list) -> list[np.ndarray]:
        """A model of whole tokens gives no probabilities of letters; its answers are passed on
        unchanged."""
        return self._scorer.token_logps(asked)


@dataclass(frozen=True)
class ShuffledGenome:
    """Sites of a genome, each in its own contig: the window of the site with shuffled flanks. It
    has the interface of a `genome.Genome`.

    contig_index, pos: positions of the sites in it, int64 (n,); `admitted` translates its positions
    to those of the genome.
    """

    names: list[str]
    contigs: dict[str, int]
    letters: np.ndarray
    contig_index: np.ndarray
    pos: np.ndarray
    _of_genome: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(
        cls, genome: Genome, model: ModelSpec, contig_index: np.ndarray, pos: np.ndarray
    ) -> ShuffledGenome:
        """Return the shuffled windows of sites. contig_index, pos: the sites in the genome, int64
        (n,). Every window of the model that contains a site lies inside the contig of that site."""
        radius = model.window_bp + max(abs(shift) for shift in (0, *model.shifts))
        letters = np.stack(
            [
                _shuffled_flanks(
                    genome.codes(genome.names[int(index)], at - radius, at + radius + 1),
                    radius,
                    np.random.default_rng([int(index), int(at)]),
                )
                for index, at in zip(contig_index, pos, strict=True)
            ]
            or [np.empty(2 * radius + 1, np.uint8)]
        )[: len(pos)]
        names = [f"{_CONTIG}{number}" for number in range(len(pos))]
        return cls(
            names,
            {name: 2 * radius + 1 for name in names},
            letters,
            np.arange(len(pos), dtype=np.int64),
            np.full(len(pos), radius, np.int64),
            (contig_index, pos),
        )

    def codes(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return the letters of [start, end), uint8; PAD outside the window."""
        return self.windows(contig, np.array([start]), end - start)[0]

    def windows(self, contig: str, starts: np.ndarray, width: int) -> np.ndarray:
        """Return windows of equal width of one contig, uint8 (n, width); PAD outside the contig."""
        letters = self.letters[int(contig.removeprefix(_CONTIG))]
        at = np.asarray(starts)[:, None] + np.arange(width)
        inside = (at >= 0) & (at < len(letters))
        return np.where(inside, letters[np.clip(at, 0, len(letters) - 1)], PAD).astype(np.uint8)

    def admitted(self, votes: Votes) -> Votes:
        """Return `votes`, a function of positions in the genome, as a function of positions
        here."""
        contig_index, pos = self._of_genome
        return lambda site, at: votes(contig_index[site], pos[site] + at - self.pos[site])


def _shuffled_flanks(codes: np.ndarray, site: int, rng: np.random.Generator) -> np.ndarray:
    """Return the letters with those on either side of the site shuffled; the two neighbours of the
    site and the padding keep their positions."""
    result = codes.copy()
    inside = np.flatnonzero(codes != PAD)
    first, end = int(inside[0]), int(inside[-1]) + 1
    result[first:site] = shuffled(codes[first:site], rng)
    result[site + 1 : end] = shuffled(codes[site + 1 : end], rng)
    return result


def shuffled(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the codes in an order that is drawn uniformly from all orders with the same first and
    last letter and the same number of each dinucleotide.

    codes: uint8 (n,). The order is a random Eulerian path of the graph whose edges are the
    dinucleotides (Altschul and Erickson 1985).
    """
    if len(codes) < 4:
        return codes.copy()
    following: dict[int, list[int]] = {}
    for letter, after in zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True):
        following.setdefault(letter, []).append(after)
    last = int(codes[-1])
    while True:  # the last edge that leaves each letter must lead to the last letter
        leaving = {
            letter: int(rng.integers(len(after)))
            for letter, after in following.items()
            if letter != last
        }
        if all(_leads_to(last, letter, following, leaving) for letter in leaving):
            break
    for letter, after in following.items():
        final = [after.pop(leaving[letter])] if letter in leaving else []
        after[:] = [after[i] for i in rng.permutation(len(after))] + final
    path, turn = [int(codes[0])], dict.fromkeys(following, 0)
    while len(path) < len(codes):
        letter = path[-1]
        path.append(following[letter][turn[letter]])
        turn[letter] += 1
    return np.array(path, dtype=codes.dtype)


def _leads_to(
    last: int, letter: int, following: dict[int, list[int]], leaving: dict[int, int]
) -> bool:
    seen = set()
    while letter != last and letter not in seen:
        seen.add(letter)
        letter = following[letter][leaving[letter]]
    return letter == last
