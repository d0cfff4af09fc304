"""Which split of the calibration each probe belongs to: one fits the reliability, one certifies
HIGH, one certifies MEDIUM.

The fit split shares no block of the genome with the certification splits. Labels play no part in
it. Source: docs/understand/reliability.md, "The fit split: reliability".
"""

from __future__ import annotations

import hashlib

import numpy as np

FIT, CERTIFY_HIGH, CERTIFY_MEDIUM = 0, 1, 2
MIN_BLOCKS = 8
SHARE_RANGE = (0.4, 0.6)


def hash_ranked(blocks: np.ndarray, seed: int) -> list[int]:
    """The distinct block ids in the order of their hash with the seed. The same ids and the same
    seed give the same order on every machine."""
    return sorted(
        (int(block) for block in np.unique(blocks)),
        key=lambda block: hashlib.blake2b(f"{seed}:{block}".encode(), digest_size=8).digest(),
    )


def split(blocks: np.ndarray, seed: int) -> np.ndarray:
    """Split of each probe, uint8 (n,). Probes must be in their canonical order (contig,
    pos, alleles).

    Blocks ranked by hash are dealt alternately to fit and certification; where that leaves either
    outside 40-60 % of the probes (blocks of very unequal size), they go, largest first, to the side
    that has fewer probes. The probes for certification are halved by a permutation that the seed
    determines.
    """
    ids, index = np.unique(blocks, return_inverse=True)
    sizes = np.bincount(index, minlength=len(ids))
    order = np.searchsorted(ids, hash_ranked(blocks, seed))
    in_fit = np.zeros(len(ids), dtype=bool)
    in_fit[order[::2]] = True
    if not halves_balanced(sizes[in_fit].sum(), len(blocks)):
        in_fit[:] = False
        behind = 0
        for block in order[np.argsort(-sizes[order], kind="stable")]:
            in_fit[block] = behind <= 0
            behind += sizes[block] if in_fit[block] else -sizes[block]
    part = np.where(in_fit[index], FIT, CERTIFY_HIGH).astype(np.uint8)
    certifying = np.random.default_rng([seed, 2]).permutation(np.flatnonzero(part == CERTIFY_HIGH))
    part[certifying[: len(certifying) // 2]] = CERTIFY_MEDIUM
    return part


def halves_balanced(n_fit: int, n: int) -> bool:
    """Does the fit split hold 40-60 % of the probes?"""
    return n > 0 and SHARE_RANGE[0] <= n_fit / n <= SHARE_RANGE[1]


def folds(blocks: np.ndarray, seed: int, n_folds: int) -> np.ndarray:
    """Cross-validation fold of each probe, int (n,): whole blocks, dealt in the order of another
    hash than the splits."""
    fold_of = {
        block: place % n_folds for place, block in enumerate(hash_ranked(blocks, seed + 1_000_003))
    }
    return np.array([fold_of[int(block)] for block in blocks], dtype=np.int64)
