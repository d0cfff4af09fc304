"""The law of an oracle genome: RC-symmetric chains and grammar elements. Nothing is drawn here but the chain's own weights.

A chain is a Markov chain of order k whose law is its own reverse complement. An element is a fixed geometry of motif letters and
letter pairs; its pairs stand more than 12 bases apart, out of reach of counts up to order 11 on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

IDENTITY = (0, 1, 2, 3)
TRANSITION = (2, 3, 0, 1)  # A<->G, C<->T; commutes with the complement, so it is the same rule on both strands
COMPLEMENT = (3, 2, 1, 0)
FAR_BP = 12
"""Partners of a pair stand further apart than this: a two-sided context of order 11 cannot see one from the other."""


def word_reverse_complements(length: int) -> np.ndarray:
    """Index of the reverse complement of every word, int64 (4**length,); first letter most significant."""
    index = np.arange(4**length)
    reverse = np.zeros_like(index)
    for _ in range(length):
        reverse = reverse * 4 + 3 - index % 4
        index = index // 4
    return reverse


@dataclass(frozen=True)
class Chain:
    """A stationary chain of order k in its symmetric form: p(x) = left(first k) * prod of weights / growth * right(last k).

    weights: float64 (4**(k+1),), equal for a word and its reverse complement; right: float64 (4**k,), the Perron vector; the left
    vector is the right one of the reverse complement, which makes the law of the other strand the same law exactly.
    Source: Doob's transform of the weight matrix (Parry 1964).
    """

    order: int
    weights: np.ndarray
    right: np.ndarray
    growth: float

    @cached_property
    def left(self) -> np.ndarray:
        """Left Perron vector, float64 (4**k,)."""
        return self.right[word_reverse_complements(self.order)]

    @cached_property
    def stationary(self) -> np.ndarray:
        """Probability of each k-mer, float64 (4**k,)."""
        mass = self.left * self.right
        return mass / mass.sum()

    @cached_property
    def transitions(self) -> np.ndarray:
        """P(next letter | last k letters), float64 (4**k, 4); rows sum to 1."""
        contexts = 4**self.order
        following = (np.arange(contexts)[:, None] * 4 + np.arange(4)) % contexts
        return self.weights.reshape(contexts, 4) * self.right[following] / (self.growth * self.right[:, None])

    @cached_property
    def thresholds(self) -> list[list[float]]:
        """For each context the three values that part [0, 1) among A, C, G, T."""
        return np.cumsum(self.transitions, axis=1)[:, :3].tolist()

    @cached_property
    def log_tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logarithms of weights, left and right."""
        return np.log(self.weights), np.log(self.left), np.log(self.right)

    def entropy_rate(self) -> float:
        """Bits per letter given the letters before it (one-sided)."""
        transitions = self.transitions
        return float(-(self.stationary[:, None] * transitions * np.log2(transitions)).sum())


def symmetric_chain(order: int, sharpness: float, seed: int) -> Chain:
    """An RC-symmetric chain with random word weights; sharpness 0 is i.i.d. uniform, 1 is far from it.

    Log weights are logistic variates times sharpness, summed over a word and its reverse complement.
    Raises ValueError for an order outside 1..8 or a sharpness outside 0..3 (beyond it the chain hardly mixes).
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
    """Right Perron vector and value of the weight matrix by power iteration; four-term sums, so no BLAS decides the bits."""
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
    """A grammar element: `consensus` has a letter where a motif stands and `.` where a paired letter stands.

    pairs: ((i, j), ...), each `.` in exactly one pair; letter j is `mapping` of letter i with the law's fidelity.
    Raises ValueError where a `.` is not in exactly one pair, or partners stand no more than FAR_BP apart.
    """

    name: str
    consensus: str
    pairs: tuple[tuple[int, int], ...]
    mapping: tuple[int, int, int, int]

    def __post_init__(self):
        free = [i for i, letter in enumerate(self.consensus) if letter == "."]
        if sorted(i for pair in self.pairs for i in pair) != free:
            raise ValueError(f"element {self.name}: pairs cover {sorted(i for p in self.pairs for i in p)}; expected {free}")
        if any(j - i <= FAR_BP for i, j in self.pairs):
            raise ValueError(f"element {self.name}: a pair is at most {FAR_BP} apart; expected more, counts would see it")
        if sorted(self.mapping) != [0, 1, 2, 3]:
            raise ValueError(f"element {self.name}: mapping is {self.mapping}; expected a permutation of 0..3")

    def __len__(self) -> int:
        return len(self.consensus)


def copy_element(name: str, anchor: str, arm_bp: int, mapping: tuple[int, int, int, int]) -> Element:
    """Arm, anchor, the arm again letter by letter through `mapping`: every partner at the same offset."""
    offset = arm_bp + len(anchor)
    pairs = tuple((i, i + offset) for i in range(arm_bp))
    return Element(name, "." * arm_bp + anchor + "." * arm_bp, pairs, mapping)


def stem_element(name: str, anchor: str, arm_bp: int) -> Element:
    """Arm, anchor as the loop, the arm's reverse complement."""
    last = 2 * arm_bp + len(anchor) - 1
    pairs = tuple((i, last - i) for i in range(arm_bp))
    return Element(name, "." * arm_bp + anchor + "." * arm_bp, pairs, COMPLEMENT)


@dataclass(frozen=True)
class Law:
    """What a genome is drawn from. All lengths are (least, most) in bases, uniform.

    Stretches follow each other independently: `plain` background, `noise`, or an island of elements with short spacers of background.
    """

    background: Chain
    noise: Chain
    elements: tuple[Element, ...]
    motif_fidelity: float  # probability of the consensus letter
    pair_fidelity: float  # probability that the partner is the mapped letter
    stretch_shares: tuple[float, float, float] = (0.25, 0.25, 0.5)  # chance that a stretch is plain, noise, island
    plain_bp: tuple[int, int] = (150, 650)
    noise_bp: tuple[int, int] = (150, 550)
    spacer_bp: tuple[int, int] = (4, 12)
    island_elements: tuple[int, int] = (4, 12)

    def __post_init__(self):
        for label, fidelity in (("motif_fidelity", self.motif_fidelity), ("pair_fidelity", self.pair_fidelity)):
            if not 0.25 <= fidelity < 1:
                raise ValueError(f"{label} is {fidelity}; expected 0.25 to below 1")
        if abs(sum(self.stretch_shares) - 1) > 1e-9 or min(self.stretch_shares) < 0:
            raise ValueError(f"stretch_shares are {self.stretch_shares}; expected three shares that sum to 1")
        shortest = max(self.background.order, self.noise.order)
        for label in ("plain_bp", "noise_bp", "spacer_bp", "island_elements"):
            least, most = getattr(self, label)
            if not (1 if label == "island_elements" else shortest) <= least <= most:
                raise ValueError(f"{label} is {(least, most)}; expected at least the order {shortest} of the chains, least first")


def demo_law() -> Law:
    """The law of `assets/demo`: a mild background, noise near 2 bits, three elements of 36 bases, all arm-anchor-arm."""
    return Law(
        background=symmetric_chain(order=2, sharpness=0.42, seed=20),
        noise=symmetric_chain(order=2, sharpness=0.02, seed=21),
        elements=(
            copy_element("direct", "GATTGCACAATC", 12, IDENTITY),
            copy_element("permuted", "CCTATACTCAGC", 12, TRANSITION),
            stem_element("stem", "TCGGACTGTTCAGT", 5),
        ),
        motif_fidelity=0.98,
        pair_fidelity=0.975,
    )
