"""Questions to a model of byte pairs: the rows of inputs from which its graph computes the
probabilities of tokens.

    question = ask(bpe, tokens, places)
    for rows, feeds in batches([question, ...]): ...

Not here: which tokens a change of letters asks for (`readers.likelihoods`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gfmtrust.bundle.bpe import Bpe, Tokens


@dataclass(frozen=True)
class Ask:
    """One row for the graph, all int64: input_ids (L,), pos (P,) and target (P,).

    The graph gives ln p of target[i] at pos[i].
    """

    input_ids: np.ndarray
    pos: np.ndarray
    target: np.ndarray


def ask(bpe: Bpe, tokens: Tokens, places: np.ndarray) -> Ask | None:
    """The question for all tokens at `places` (indices into tokens.ids); None if the text is too long.

    A masked model reads the text with a mask over each of them. A causal model reads the tokens
    before each, and none after the last.
    """
    places = np.asarray(places, dtype=np.int64)
    if bpe.text.max_tokens and len(tokens.ids) > bpe.text.max_tokens:
        return None
    if bpe.text.causal:
        return Ask(tokens.ids[: places.max()], places - 1, tokens.ids[places])
    ids = tokens.ids.copy()
    ids[places] = bpe.mask_id
    return Ask(ids, places, tokens.ids[places])


def batches(asked: list[Ask]) -> Iterator[tuple[list[int], dict[str, np.ndarray]]]:
    """Groups of rows that can be run together, each as the row numbers and their feeds.

    The texts of a group have the same number of tokens, so that no padding and no attention mask is
    needed. The places of a row are filled up to a power of two with its last one. So the shape in
    which a row runs depends on that row only.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for row, question in enumerate(asked):
        shape = (len(question.input_ids), _filled(len(question.pos)))
        groups.setdefault(shape, []).append(row)
    for (_, width), rows in sorted(groups.items()):
        take = [np.minimum(np.arange(width), len(asked[row].pos) - 1) for row in rows]
        yield (
            rows,
            {
                "input_ids": np.stack([asked[row].input_ids for row in rows]),
                "pos": np.stack(
                    [asked[row].pos[index] for row, index in zip(rows, take, strict=True)]
                ),
                "target": np.stack(
                    [asked[row].target[index] for row, index in zip(rows, take, strict=True)]
                ),
            },
        )


def feeds_of_shape(
    bpe: Bpe, n: int, length: int, n_positions: int, seed: int, with_blank: bool = False
) -> dict[str, np.ndarray]:
    """Inputs of n random texts of exactly `length` tokens, with random targets at distinct places.

    with_blank: about a tenth of the tokens are ones that do not consist of bases.
    """
    rng = np.random.default_rng(seed)
    with_bases = np.array(sorted(set(bpe.text.vocabulary.values()) - bpe.blank))
    body = length - len(bpe.prefix) - len(bpe.suffix)
    ids = np.concatenate(
        [
            np.tile(bpe.prefix, (n, 1)),
            rng.choice(with_bases, (n, body)),
            np.tile(bpe.suffix, (n, 1)),
        ],
        axis=1,
    ).astype(np.int64)
    place = len(bpe.prefix) + np.stack([rng.permutation(body)[:n_positions] for _ in range(n)])
    if with_blank:
        blanks = np.array(sorted(bpe.blank & set(bpe.text.vocabulary.values())))
        ids[rng.random(ids.shape) < 0.1] = rng.choice(blanks)
    if bpe.mask_id is not None:
        ids[np.arange(n)[:, None], place] = bpe.mask_id
    return {
        "input_ids": ids,
        "pos": place.astype(np.int64),
        "target": rng.choice(with_bases, place.shape).astype(np.int64),
    }


def _filled(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()
