"""The classes of SNVs within which a log-likelihood ratio is ranked: substitution, flanking bases,
copy class and GC third.

Both strands pool: an allele and its reverse complement are of one class. A class with too few
background alleles gives up GC first, then the flanks down to whether either allele makes a CpG, then
the copy class, that of near copies excepted; the substitution and the CpG are never given up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import BASES, N, encode
from gfmtrust.planning.site_classes import folded

COPY_CLASS = "copy_class"
"""The column of the features that holds the copy class."""
LEVELS = (
    "substitution, flanks, copy class, GC third",
    "substitution, flanks, copy class",
    "substitution, CpG, copy class",
    "substitution, CpG, near copy or not",
)
"""What alleles of one class have in common, from the finest classes to the coarsest."""
JOINING = (1, 2, 3)
"""Levels at which what is too small joins the smallest finer class beside it."""
APART = ("near_copy",)
"""Copy classes that are merged with no other: what a model reads in the other copy makes every ALT
there look disfavoured, so that a rank among single copies would say nothing of the allele."""
SUBSTITUTIONS = tuple(f"{real}>{other}" for real in "AC" for other in BASES if other != real)
NO_SUBSTITUTION = -1
THIRDS = (1 / 3, 2 / 3)
LETTERS = BASES + "N"
_C, _G = encode("CG")


@dataclass(frozen=True)
class ClassParts:
    """What n SNVs are classed by, turned to the strand whose REF is A or C.

    substitution: number in SUBSTITUTIONS, int64 (n,), NO_SUBSTITUTION where the two letters are no
    two bases; left, right: codes 0..4, int64 (n,); cpg: bool (n,), whether REF or ALT is of a CpG;
    copy: class, object (n,); gc: share, float64 (n,).
    """

    substitution: np.ndarray
    left: np.ndarray
    right: np.ndarray
    cpg: np.ndarray
    copy: np.ndarray
    gc: np.ndarray

    def __len__(self) -> int:
        return len(self.substitution)

    def take(self, rows: np.ndarray) -> ClassParts:
        return ClassParts(
            self.substitution[rows],
            self.left[rows],
            self.right[rows],
            self.cpg[rows],
            self.copy[rows],
            self.gc[rows],
        )


def background_class_keys(
    features: pd.DataFrame,
    ref: np.ndarray,
    alt: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
) -> ClassParts:
    """What SNVs are classed by.

    features: n rows with the columns `gc` and `copy_class`; ref, alt: codes of the bases (n,);
    left, right: codes of the letters beside the site on the strand of the genome (n,). Raises
    ValueError where the lengths differ or a column is missing.
    """
    missing = [name for name in ("gc", COPY_CLASS) if name not in features]
    if missing:
        raise ValueError(f"features: column {missing[0]} is missing; expected gc and {COPY_CLASS}")
    letters = [np.asarray(codes).astype(np.int64) for codes in (ref, alt, left, right)]
    lengths = {len(features), *(len(codes) for codes in letters)}
    if len(lengths) > 1:
        raise ValueError(f"ref, alt, left, right: lengths {sorted(lengths)}; expected one length")
    is_snv = (letters[0] < N) & (letters[1] < N) & (letters[0] != letters[1])
    real, other, before, after = (
        np.asarray(codes, dtype=np.int64)
        for codes in folded(*(np.minimum(codes, N) for codes in letters))
    )
    number = real * (len(BASES) - 1) + other - (other > real)
    return ClassParts(
        np.where(is_snv, number, NO_SUBSTITUTION),
        before,
        after,
        # on this strand REF is A or C: a C before G in either allele, or a G behind C in ALT
        ((after == _G) & ((real == _C) | (other == _C))) | ((before == _C) & (other == _G)),
        features[COPY_CLASS].to_numpy(object),
        features["gc"].to_numpy(np.float64),
    )


@dataclass(frozen=True)
class MergedClass:
    """A class of a background. rows: of its alleles, int64; keys: of `class_key`, one for each class
    that it was merged from or stands for; level: the coarsest of them; name: in words."""

    rows: np.ndarray
    keys: tuple[int, ...]
    level: int
    name: str


def merged_classes(
    parts: ClassParts, edges: tuple[float, float], copies: tuple[str, ...], least: int
) -> list[MergedClass]:
    """The classes of background alleles, each allele in one at most, in the order of their first key.

    A class with `least` alleles stands by itself. The alleles of smaller ones merge among themselves
    at the next level; where they are too few there too, they join the smallest class that was
    already made of the same description (JOINING), or else go on. Decided on by counts alone. A name stands for
    all alleles of that description that are in no finer class.
    """
    classes: list[MergedClass] = []
    waiting = np.flatnonzero(parts.substitution != NO_SUBSTITUTION)
    nothing = waiting[:0]
    for level in range(len(LEVELS)):
        key = class_key(parts, level, edges, copies)
        groups = {int(one): waiting[key[waiting] == one] for one in np.unique(key[waiting])}
        finer: dict[int, list[int]] = {}
        for number, one in enumerate(classes):
            if level in JOINING:
                finer.setdefault(int(key[one.rows[0]]), []).append(number)
        left = [nothing]
        for one in sorted(groups.keys() | finer.keys()):
            rows = groups.get(one, nothing)
            if len(rows) >= least:
                name = class_name(parts, rows[0], level, edges)
                classes.append(MergedClass(rows, (one,), level, name))
            elif one in finer:
                number = min(finer[one], key=lambda at: (len(classes[at].rows), classes[at].keys))
                classes[number] = _joined(classes[number], one, rows, parts, (level, edges))
            else:
                left.append(rows)
        waiting = np.concatenate(left)
    return sorted(classes, key=lambda one: one.keys)


def _joined(
    one: MergedClass,
    key: int,
    rows: np.ndarray,
    parts: ClassParts,
    at: tuple[int, tuple[float, float]],
) -> MergedClass:
    """The class with the rows of a coarser one and its key; it keeps its name where there are none.
    at: level of the coarser class, and GC edges."""
    if not len(rows):
        return replace(one, keys=(*one.keys, key))
    name = class_name(parts, rows[0], *at)
    return MergedClass(np.concatenate([one.rows, rows]), (*one.keys, key), at[0], name)


def gc_edges(gc: np.ndarray) -> tuple[float, float]:
    """The two values that cut GC shares (n,) into thirds; a share at an edge is of the lower third.
    Without any share both are 0.5."""
    low, high = np.quantile(gc, THIRDS) if len(gc) else (0.5, 0.5)
    return float(low), float(high)


def class_key(
    parts: ClassParts, level: int, edges: tuple[float, float], copies: tuple[str, ...]
) -> np.ndarray:
    """One integer a class, int64 (n,), -1 for alleles that are of none; it begins with the level,
    so that classes of two levels never share one.

    edges: of `gc_edges`; copies: the copy classes of the background, another one is of no class that
    has any.
    """
    copy_code = pd.Index(copies, dtype=object).get_indexer(pd.Index(parts.copy, dtype=object))
    is_apart = np.isin(parts.copy.astype(str), APART).astype(np.int64)
    columns = (
        (parts.cpg.astype(np.int64), 2),
        (parts.left if level < 2 else 0, len(LETTERS)),
        (parts.right if level < 2 else 0, len(LETTERS)),
        (np.searchsorted(edges, parts.gc) if level < 1 else 0, len(THIRDS) + 1),
        (
            np.where(copy_code < 0, len(copies), copy_code) if level < 3 else is_apart,
            len(copies) + 1,
        ),
    )
    key = level * len(SUBSTITUTIONS) + parts.substitution
    for column, size in columns:
        key = key * size + column
    return np.where(parts.substitution == NO_SUBSTITUTION, -1, key)


def class_name(parts: ClassParts, row: int, level: int, edges: tuple[float, float]) -> str:
    """The name of the class that one allele is of at that level, such as `C>T A_G single_copy
    gc2`."""
    cpg = "CpG" if parts.cpg[row] else "no_CpG"
    words = [SUBSTITUTIONS[parts.substitution[row]]]
    words += [f"{LETTERS[parts.left[row]]}_{LETTERS[parts.right[row]]}"] if level < 2 else [cpg]
    words += [str(parts.copy[row])] if level < 3 or parts.copy[row] in APART else []
    words += [f"gc{np.searchsorted(edges, parts.gc[row]) + 1}"] if level < 1 else []
    return " ".join(words)
