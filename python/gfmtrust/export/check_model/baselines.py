"""The surprisal of simple models at the bases that the model under check scored: letter
frequencies, an order-2 chain, and the context model.

None of them was fitted with the block of a base that it scores. The letters are divided into blocks
as for the context model. The two chains score each base with the counts of the blocks of the other
parity, the context model with the members that were fitted without the block.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.baseline.fit import ContextModel, fit_model
from gfmtrust.baseline.members import Members
from gfmtrust.core.alphabet import PAD, N
from gfmtrust.export.check_model.sample import Letters

ORDERS = {"letter_frequencies": 0, "order_2": 2}
CONTEXT = "context_model"
NAMES = (*ORDERS, CONTEXT)


def surprisals(
    letters: Letters, contig_index: np.ndarray, pos: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the bits of each real base under each baseline, name -> float64 (n,). Every base must
    be A, C, G or T."""
    context = fit_model(letters)
    bits = {
        name: chain(letters, context.members, order, contig_index, pos)
        for name, order in ORDERS.items()
    }
    return bits | {CONTEXT: of_context(context, letters, contig_index, pos)}


def chain(
    letters: Letters, members: Members, order: int, contig_index: np.ndarray, pos: np.ndarray
) -> np.ndarray:
    """Return -log2 p of each base given the `order` letters before it, bits (n,): (count + 1) /
    (counts + 4) in the blocks of the other parity.

    A base whose context contains an unknown letter counts as 2 bits.
    """
    counts = np.ones((2, 4**order, 4))
    for index, (name, length) in enumerate(letters.contigs.items()):
        place = np.arange(length)
        is_base, word, base = _words(letters, order, np.full(length, index), place, name)
        parity = members.block_of(np.full(length, index), place) % 2
        np.add.at(counts, (parity[is_base], word[is_base], base[is_base]), 1)
    law = counts / counts.sum(axis=2, keepdims=True)
    bits = np.full(len(pos), 2.0)
    parity = members.block_of(contig_index, pos) % 2
    for index, name in enumerate(letters.names):
        rows = np.flatnonzero(contig_index == index)
        whole, word, base = _words(letters, order, contig_index[rows], pos[rows], name)
        bits[rows[whole]] = -np.log2(law[1 - parity[rows[whole]], word[whole], base[whole]])
    return bits


def _words(
    letters: Letters, order: int, contig_index: np.ndarray, pos: np.ndarray, name: str
) -> tuple[np.ndarray, ...]:
    """Return for positions of one contig whether base and context are known, the rank of the
    context, and the code of the base; each (n,)."""
    flanked = np.concatenate(
        [np.full(order, PAD, np.uint8), letters.codes(name, 0, letters.contigs[name])]
    ).astype(np.int64)
    around = flanked[pos[:, None] + np.arange(order + 1)]
    whole = np.asarray((around < N).all(axis=1))
    word = np.where(around < N, around, 0)
    return (
        whole,
        word[:, :-1] @ (4 ** np.arange(order - 1, -1, -1))
        if order
        else np.zeros(len(pos), np.int64),
        word[:, -1],
    )


def of_context(
    context: ContextModel, letters: Letters, contig_index: np.ndarray, pos: np.ndarray
) -> np.ndarray:
    """Return -log2 of the mean probability from the members that were fitted without the base's
    block, bits (n,)."""
    reach = context.law.reach
    cut = np.stack(
        [
            letters.codes(letters.names[index], at - reach, at + reach + 1)
            for index, at in zip(contig_index, pos, strict=True)
        ]
    )
    probs = np.exp(context.law.log_probs(cut).astype(np.float64))
    real = np.take_along_axis(probs, cut[:, reach].astype(np.int64)[:, None, None], axis=2)[..., 0]
    votes = context.members.admitted(contig_index, pos)
    return -np.log2((real * votes).sum(axis=1) / votes.sum(axis=1))
