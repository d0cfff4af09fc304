"""Which part of the calibration each probe belongs to: half A fits, B1 certifies HIGH, B2 certifies
MEDIUM.

A and B share no block of the genome. Source: docs/understand/reliability.md 3.4. Labels play no part in it.
"""

from __future__ import annotations

import hashlib

import numpy as np

A, B1, B2 = 0, 1, 2
MIN_BLOCKS = 8
SHARE_RANGE = (0.4, 0.6)


def hash_ranked(blocks: np.ndarray, seed: int) -> list[int]:
    """The distinct block ids in the order of their hash with the seed: the same ids and seed, the
    same order anywhere."""
    return sorted(
        (int(block) for block in np.unique(blocks)),
        key=lambda block: hashlib.blake2b(f"{seed}:{block}".encode(), digest_size=8).digest(),
    )


def split(blocks: np.ndarray, seed: int) -> np.ndarray:
    """Part of each probe, uint8 (n,): A, B1 or B2. Probes must be in their canonical order (contig,
    pos, alleles).

    Blocks ranked by hash are dealt alternately to A and B; where that leaves a half outside 40-60 %
    of the probes (blocks of very unequal size), they go, largest first, to the half that is behind.
    B's probes are halved by a permutation from the seed.
    """
    ids, index = np.unique(blocks, return_inverse=True)
    sizes = np.bincount(index, minlength=len(ids))
    order = np.searchsorted(ids, hash_ranked(blocks, seed))
    in_a = np.zeros(len(ids), dtype=bool)
    in_a[order[::2]] = True
    if not halves_balanced(sizes[in_a].sum(), len(blocks)):
        in_a[:] = False
        behind = 0
        for block in order[np.argsort(-sizes[order], kind="stable")]:
            in_a[block] = behind <= 0
            behind += sizes[block] if in_a[block] else -sizes[block]
    part = np.where(in_a[index], A, B1).astype(np.uint8)
    of_b = np.random.default_rng([seed, 2]).permutation(np.flatnonzero(part == B1))
    part[of_b[: len(of_b) // 2]] = B2
    return part


def halves_balanced(n_a: int, n: int) -> bool:
    """Does half A hold 40-60 % of the probes?"""
    return n > 0 and SHARE_RANGE[0] <= n_a / n <= SHARE_RANGE[1]


def folds(blocks: np.ndarray, seed: int, n_folds: int) -> np.ndarray:
    """Cross-validation fold of each probe, int (n,): whole blocks, dealt in the order of another
    hash than the halves."""
    fold_of = {
        block: place % n_folds for place, block in enumerate(hash_ranked(blocks, seed + 1_000_003))
    }
    return np.array([fold_of[int(block)] for block in blocks], dtype=np.int64)
