"""Published results that a duel is held against; the assays and the folds are others than the user's,
so that only their order compares."""

from __future__ import annotations

from gfmtrust.core.contracts.duel import Published

SOURCE = (
    "Tang, Somia, Yu and Koo, Genome Biology 2025: lentiMPRA of HepG2 and K562, Pearson correlation; "
    "supervised models beside frozen models with a network on top"
)
PUBLISHED = (
    Published("one-hot residual network", 0.753, 0.790),
    Published("small one-hot CNN", 0.638, 0.691),
    Published("GPN, map + CNN", 0.637, 0.685),
    Published("HyenaDNA, map + CNN", 0.563, 0.650),
    Published("Nucleotide Transformer, map + CNN, best layer (8 of 32)", 0.478, 0.556),
    Published("BERT with random weights, map + CNN", 0.351, 0.447),
)
