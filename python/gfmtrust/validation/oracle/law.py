"""The law of an oracle genome: RC-symmetric chains and grammar elements. Nothing is drawn here
except the chain's own weights.

A chain is a Markov chain of order k whose law is its own reverse complement. An element is a fixed
geometry of motif letters and letter pairs. The letters of a pair are more than 12 bases apart, out
of reach of counts up to order 11 on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gfmtrust.core.alphabet import encode

IDENTITY = (0, 1, 2, 3)
TRANSITION = (
    2,
    3,
    0,
    1,
)  # A<->G, C<->T; commutes with the complement, so it is the same rule on both strands
COMPLEMENT = (3, 2, 1, 0)
FAR_BP = 12
"""The letters of a pair are further apart than this, so a two-sided context of order 11 cannot see
one from the other."""


def word_reverse_complements(length: int) -> np.ndarray:
    """Return the index of the reverse complement of every word, int64 (4**length,); the first
    letter is the most significant."""
    index = np.arange(4**length)
    reverse = np.zeros_like(index)
    for _ in range(length):
        reverse = reverse * 4 + 3 - index % 4
        index = index // 4
    return reverse


@dataclass(frozen=True)
class Chain:
    """A stationary chain of order k in its symmetric form: p(x) = left(first k) * prod of weights /
    growth * right(last k).

    weights: float64 (4**(k+1),), equal for a word and its reverse complement; right: float64
    (4**k,), the Perron vector. The left vector is the right one of the reverse complement, so the
    law of the other strand is exactly the same. Source: Doob's transform of the weight matrix
    (Parry 1964).
    """

    order: int
    weights: np.ndarray
    right: np.ndarray
    growth: float

    @cached_property
    def left(self) -> np.ndarray:
        """The left Perron vector, float64 (4**k,)."""
        return self.right[word_reverse_complements(self.order)]

    @cached_property
    def stationary(self) -> np.ndarray:
        """The probability of each k-mer, float64 (4**k,)."""
        mass = self.left * self.right
        return mass / mass.sum()

    @cached_property
    def transitions(self) -> np.ndarray:
        """P(next letter | last k letters), float64 (4**k, 4); rows sum to 1."""
        contexts = 4**self.order
        following = (np.arange(contexts)[:, None] * 4 + np.arange(4)) % contexts
        return (
            self.weights.reshape(contexts, 4)
            * self.right[following]
            / (self.growth * self.right[:, None])
        )

    @cached_property
    def thresholds(self) -> list[list[float]]:
        """For each context, the three values that divide [0, 1) among A, C, G, T."""
        return np.cumsum(self.transitions, axis=1)[:, :3].tolist()

    @cached_property
    def log_tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The logarithms of weights, left and right."""
        return np.log(self.weights), np.log(self.left), np.log(self.right)


def symmetric_chain(order: int, sharpness: float, seed: int) -> Chain:
    """Return an RC-symmetric chain with random word weights. Sharpness 0 is i.i.d. uniform; 1 is
    far from that.

    Log weights are logistic variates times sharpness, summed over a word and its reverse
    complement. Raises ValueError for an order outside 1..8 or a sharpness outside 0..3, beyond
    which the chain hardly mixes.
    """
    if not 1 <= order <= 8:
        raise ValueError(f"order is {order}; expected 1..8")
    if not 0 <= sharpness <= 3:
        raise ValueError(f"sharpness is {sharpness}; expected 0..3")
    uniform = np.random.default_rng(seed).random(4 ** (order + 1))
    logits = sharpness * np.log(uniform / (1 - uniform))
    weights = np.exp((logits + logits[word_reverse_complements(order + 1)]) / np.sqrt(2))
    right, growth = _perron(weights, order)
    return Chain(order, weights, right, growth)


def _perron(weights: np.ndarray, order: int) -> tuple[np.ndarray, float]:
    """Return the right Perron vector and value of the weight matrix by power iteration. Sums have
    four terms, so the bits do not depend on BLAS."""
    contexts = 4**order
    following = (np.arange(contexts)[:, None] * 4 + np.arange(4)) % contexts
    table = weights.reshape(contexts, 4)
    right, growth = np.ones(contexts), 0.0
    for _ in range(10_000):
        product = table * right[following]
        image = product[:, 0] + product[:, 1] + product[:, 2] + product[:, 3]
        previous, growth = growth, float(image.max())
        right = image / growth
        if abs(growth - previous) < 1e-15 * growth:
            break
    return right, growth


@dataclass(frozen=True)
class Element:
    """A grammar element: `consensus` has a letter for a motif letter and `.` for a paired letter.

    pairs: ((i, j), ...), i < j: letter j is `mapping` of letter i with the law's fidelity. A `.`
    that is not the second letter of a pair is uniform. The mapping is its own inverse, so that a
    pair is the same rule read from either letter. Raises ValueError where a `.` is in no pair or a
    motif letter is in one, a letter is the second of two pairs, the letters of a pair are at most
    FAR_BP apart, or the mapping is not a self-inverse permutation.
    """

    name: str
    consensus: str
    pairs: tuple[tuple[int, int], ...]
    mapping: tuple[int, int, int, int]

    def __post_init__(self):
        free = [i for i, letter in enumerate(self.consensus) if letter == "."]
        seconds = [j for _, j in self.pairs]
        if sorted({i for pair in self.pairs for i in pair}) != free:
            raise ValueError(
                f"element {self.name}: pairs cover {sorted({i for p in self.pairs for i in p})}; expected {free}"
            )
        if len(set(seconds)) < len(seconds):
            raise ValueError(
                f"element {self.name}: a letter is the second of two pairs; expected one"
            )
        if any(j - i <= FAR_BP for i, j in self.pairs):
            raise ValueError(
                f"element {self.name}: a pair is at most {FAR_BP} apart; expected more, counts would see it"
            )
        if [self.mapping[self.mapping[base]] for base in range(4) if base in self.mapping] != [
            0,
            1,
            2,
            3,
        ]:
            raise ValueError(
                f"element {self.name}: mapping is {self.mapping}; expected a permutation of 0..3, its own inverse"
            )

    def __len__(self) -> int:
        return len(self.consensus)

    @cached_property
    def codes(self) -> np.ndarray:
        """The codes of the consensus, uint8 (length,), 4 for a paired letter."""
        return encode(self.consensus)

    @cached_property
    def generations(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The pairs as (first, second) arrays, in an order in which every first letter is drawn
        before its second."""
        depth: dict[int, int] = {}
        for i, j in sorted(self.pairs, key=lambda pair: pair[1]):
            depth[j] = depth.get(i, 0) + 1
        generations = []
        for level in sorted(set(depth.values())):
            first, second = zip(*(p for p in self.pairs if depth[p[1]] == level), strict=True)
            generations.append((np.array(first), np.array(second)))
        return generations


def copy_element(
    name: str, period: str, copies: int, mapping: tuple[int, int, int, int]
) -> Element:
    """Return `period` repeated; each paired letter follows through `mapping` from the one a period
    before."""
    length = len(period)
    pairs = tuple(
        (i, i + length) for i in range(length * (copies - 1)) if period[i % length] == "."
    )
    return Element(name, period * copies, pairs, mapping)


def stem_element(name: str, consensus: str) -> Element:
    """Return an inverted copy: the first `.` is paired with the last, by complement."""
    free = [i for i, letter in enumerate(consensus) if letter == "."]
    half = len(free) // 2
    return Element(
        name, consensus, tuple(zip(free[:half], free[: half - 1 : -1], strict=True)), COMPLEMENT
    )


@dataclass(frozen=True)
class Law:
    """The distribution that a genome is drawn from. All lengths are (least, most) in bases,
    uniform.

    Stretches follow each other independently: `plain` background, `noise`, or an island of elements
    with short spacers of background.
    """

    background: Chain
    noise: Chain
    elements: tuple[Element, ...]
    motif_fidelity: float  # probability of the consensus letter
    pair_fidelity: float  # probability that the partner is the mapped letter
    element_shares: tuple[float, ...]  # chance of each element at a place in an island
    stretch_shares: tuple[float, float, float] = (
        0.25,
        0.25,
        0.5,
    )  # chance that a stretch is plain, noise, island
    plain_bp: tuple[int, int] = (150, 650)
    noise_bp: tuple[int, int] = (150, 550)
    spacer_bp: tuple[int, int] = (4, 12)
    island_elements: tuple[int, int] = (3, 9)

    def __post_init__(self):
        for label, fidelity in (
            ("motif_fidelity", self.motif_fidelity),
            ("pair_fidelity", self.pair_fidelity),
        ):
            if not 0.25 <= fidelity < 1:
                raise ValueError(f"{label} is {fidelity}; expected 0.25 to below 1")
        for label, n in (("stretch_shares", 3), ("element_shares", len(self.elements))):
            shares = getattr(self, label)
            if len(shares) != n or abs(sum(shares) - 1) > 1e-9 or min(shares) < 0:
                raise ValueError(f"{label} are {shares}; expected {n} shares that sum to 1")
        shortest = max(self.background.order, self.noise.order)
        for label in ("plain_bp", "noise_bp", "spacer_bp", "island_elements"):
            least, most = getattr(self, label)
            if not (1 if label == "island_elements" else shortest) <= least <= most:
                raise ValueError(
                    f"{label} is {(least, most)}; expected at least the order {shortest} of the chains, least first"
                )


def demo_law() -> Law:
    """Return the law of `assets/demo`: a mild background, noise near 2 bits, and three elements on
    either strand.

    Two elements are spaced copies, letter by letter or through A<->G, C<->T, four times at an
    offset of 16; one is a stem. The motif letters between them let a small network recognise them.
    Counts up to order 11 see these letters too, but never a partner.
    """
    return Law(
        background=symmetric_chain(order=2, sharpness=0.5, seed=20),
        noise=symmetric_chain(order=2, sharpness=0.02, seed=21),
        elements=(
            copy_element("direct", "..C...A....G...T", 4, IDENTITY),
            copy_element("permuted", "...TA.....CC....", 4, TRANSITION),
            stem_element("stem", "....TCCGGACTGTTCA...."),
        ),
        element_shares=(0.45, 0.25, 0.3),
        motif_fidelity=0.98,
        pair_fidelity=0.97,
    )
