"""The true distribution of every base of a drawn genome: exact, given the layout and all the other
bases.

Definition: q_i(b) = P(base i is b | the layout, every other base), from the law that the genome was
drawn from. In a chain it is the product of the word weights that cover the base; in an element it
is the distribution of the motif letter or the product over the base's pairs. A reader of the
sequence alone does not know the layout, so what it can reach is a little less.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.core import alphabet
from gfmtrust.validation.oracle.genomes import GAP, NOISE, PLAIN, DrawnContig, DrawnGenome, Segment
from gfmtrust.validation.oracle.law import Chain, Element, Law


def true_distribution(
    genome: DrawnGenome, contig: str, pos: np.ndarray | None = None
) -> np.ndarray:
    """Return the true distributions at positions of one contig.

    pos: int (n,), 0-based; default all positions. Returns float64 (n, 4), order A,C,G,T, forward
    strand; rows sum to 1, all NaN inside gaps. Raises KeyError for an unknown contig and ValueError
    for a position outside it.
    """
    drawn = genome.contig(contig)
    if pos is not None and len(pos) and not (0 <= np.min(pos) and np.max(pos) < len(drawn.codes)):
        raise ValueError(
            f"pos spans {np.min(pos)}..{np.max(pos)}; expected 0..{len(drawn.codes) - 1} on {contig}"
        )
    distribution = np.full((len(drawn.codes), 4), np.nan)
    for segment in drawn.segments:
        distribution[segment.start : segment.end] = _segment_distribution(
            genome.law, drawn, segment
        )
    return distribution if pos is None else distribution[pos]


def true_llr(
    genome: DrawnGenome, contig: str, pos: np.ndarray, ref: np.ndarray, alt: np.ndarray
) -> np.ndarray:
    """Return the true LLR in nats, ln q(alt)/q(ref); pos, ref, alt: int (n,), letters as codes
    0..3. NaN inside gaps."""
    distribution = true_distribution(genome, contig, pos)
    rows = np.arange(len(pos))
    return np.log(distribution[rows, alt]) - np.log(distribution[rows, ref])


def _segment_distribution(law: Law, contig: DrawnContig, segment: Segment) -> np.ndarray:
    codes = contig.codes[segment.start : segment.end]
    if segment.kind == GAP:
        return np.full((len(codes), 4), np.nan)
    if segment.kind in (PLAIN, NOISE):
        return chain_distribution(law.background if segment.kind == PLAIN else law.noise, codes)
    element = next(e for e in law.elements if e.name == segment.kind)
    if segment.strand == "+":
        return element_distribution(element, law, codes)
    return element_distribution(element, law, alphabet.reverse_complement(codes))[::-1, ::-1]


def chain_distribution(chain: Chain, codes: np.ndarray) -> np.ndarray:
    """Return q of every letter of one stationary stretch, float64 (length, 4); codes: 0..3 (length
    >= order,)."""
    order, length = chain.order, len(codes)
    log_q = np.zeros((length, 4))
    log_weights, log_left, log_right = chain.log_tables
    _add_words(log_q, codes, log_weights, order + 1, range(length - order))
    _add_words(log_q, codes, log_left, order, range(1))
    _add_words(log_q, codes, log_right, order, range(length - order, length - order + 1))
    q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
    return q / q.sum(axis=1, keepdims=True)


def _add_words(
    log_q: np.ndarray, codes: np.ndarray, log_table: np.ndarray, width: int, starts: range
) -> None:
    """Add to log_q, for each letter put at each place of the words at `starts`, the table's entry
    of the changed word."""
    n = len(starts)
    letters = [codes[starts.start + offset :][:n].astype(np.int64) for offset in range(width)]
    words = sum(letter * 4 ** (width - 1 - offset) for offset, letter in enumerate(letters))
    for offset, letter in enumerate(letters):
        power = 4 ** (width - 1 - offset)
        changed = (words - letter * power)[:, None] + np.arange(4) * power
        log_q[starts.start + offset :][:n] += log_table[changed]


def element_distribution(element: Element, law: Law, codes: np.ndarray) -> np.ndarray:
    """Return q of every letter of one element on the forward strand, float64 (len(element), 4).

    The distribution of a paired letter is the product over its pairs: pairs form trees whose roots
    are uniform, and a pair reads the same both ways.
    """
    motif = element.codes != alphabet.N
    log_q = np.zeros((len(codes), 4))
    log_q[motif] = _peaked(element.codes[motif], law.motif_fidelity)
    mapping = np.array(element.mapping, dtype=np.uint8)
    for first, second in element.generations:
        log_q[first] += _peaked(mapping[codes[second]], law.pair_fidelity)
        log_q[second] += _peaked(mapping[codes[first]], law.pair_fidelity)
    q = np.exp(log_q)
    return q / q.sum(axis=1, keepdims=True)


def _peaked(expected: np.ndarray, fidelity: float) -> np.ndarray:
    """Return the log distribution with `fidelity` on the expected letter and the rest shared
    equally, float64 (n, 4)."""
    return np.where(expected[:, None] == np.arange(4), np.log(fidelity), np.log((1 - fidelity) / 3))
