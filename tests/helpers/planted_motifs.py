"""Sequences whose labels are known to depend on a planted motif, and tables of them."""

from pathlib import Path

import numpy as np

HALVES = np.array([[0, 2, 3, 1, 0, 3], [3, 3, 1, 2, 0, 1]])  # AGTCAT, TTCGAC
LENGTH = 60
NOISE = 0.3


def planted(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random sequences, codes uint8 (n, 60), and labels. Every sequence has both halves of a motif
    of 12 letters; the label is 1 plus noise where the halves are side by side in order and 0 plus
    noise elsewhere, so that the counts of short words say little and the motif says all."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, LENGTH)).astype(np.uint8)
    joined = rng.random(n) < 0.5
    for row in range(n):
        if joined[row]:
            at = rng.integers(0, LENGTH - 12)
            codes[row, at : at + 12] = HALVES.ravel()
        else:
            first, second = rng.integers(0, 20), rng.integers(32, LENGTH - 6)
            order = HALVES if rng.random() < 0.5 else HALVES[::-1]
            codes[row, first : first + 6], codes[row, second : second + 6] = order
    return codes, joined + NOISE * rng.standard_normal(n)


def write_table(path: Path, codes: np.ndarray, label: np.ndarray, per_element: int = 20) -> Path:
    """A table for `audit duel`; each element has `per_element` sequences."""
    lines = ["sequence\tlabel\telement"]
    for row, (one, value) in enumerate(zip(codes, label, strict=True)):
        text = "".join("ACGT"[code] for code in one)
        lines.append(f"{text}\t{value:.6f}\te{row // per_element}")
    path.write_text("\n".join(lines) + "\n")
    return path
