"""Probes of indels and MNVs: changes of the genome, away from the alleles of the run, that resemble
those of the run without saying by their length or letters which answer is right.

Every number is a hash of what it decides (`stable_draws`), so that a run with a few more variants
keeps nearly all of its probes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfmtrust.core.alphabet import N, decode
from gfmtrust.inputs.reference import fence
from gfmtrust.inputs.sites import place_key
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.planning import stable_draws
from gfmtrust.planning.drawn_probes import Candidates
from gfmtrust.planning.stable_draws import Purpose

KEY = ["contig_index", "pos", "ref", "alt"]
PAIR_LIMITS = (500, 4_000)
MIN_TO_IMITATE = 20
"""With fewer indels, the lengths of the probes are drawn from DEFAULT_LENGTHS."""
DEFAULT_LENGTHS = np.array([1] * 9 + [2] * 4 + [3] * 2 + [4] * 3 + [5, 6, 8, 12])
"""Roughly the distribution of human germline indels: half of them have one base (Mills et al.
2006)."""
MAX_MNV_BP = 3
"""Longer words are too rare in a genome to draw positions for both of their orientations."""
TRIES_AT_ONCE = 2_000
PROPOSALS = 16
"""Places that an MNV probe proposes before it is given up: each is free but for the alleles of the
run."""


def number(n: int) -> int:
    """Return the number of probes of one kind: a tenth of the run's variants of this kind, within
    PAIR_LIMITS; 0 where the run has none."""
    return min(PAIR_LIMITS[1], max(PAIR_LIMITS[0], n // 10)) if n else 0


def indel_pairs(indels: pd.DataFrame, genome, candidates: Candidates, seed: int) -> pd.DataFrame:
    """Columns KEY and run_oriented: pairs of a deletion and an insertion of the same length at the
    same position, with tandem copies as often as in the run, so that a model that prefers short
    sequences is wrong in half of them. indels: rows with the columns KEY."""
    wanted = number(len(indels))
    if not wanted:
        return _frame([])
    kind, weight = _kinds(indels, genome)
    place = place_key(candidates.contig_index, candidates.pos)
    tries = np.argsort(stable_draws.words(seed, Purpose.INDEL_PLACE, place))
    tries = tries[candidates.is_free[tries]]
    rows: list[tuple] = []
    for start in range(0, len(tries), TRIES_AT_ONCE):
        if len(rows) >= 2 * wanted:
            break
        part = tries[start : start + TRIES_AT_ONCE]
        kind_of = kind[stable_draws.chosen(weight, kind, seed, Purpose.INDEL_KIND, place[part])]
        other_of = stable_draws.below(len(place), seed, Purpose.INDEL_LETTERS, place[part])
        for row, kind_here, other in zip(part, kind_of, other_of, strict=True):
            length, is_tandem = int(kind_here) // 2, bool(kind_here % 2)
            pair = _pair(genome, candidates, int(row), int(other), (length, is_tandem))
            if pair and len(rows) < 2 * wanted:
                rows += pair
    return _in_one_piece(genome, _frame(rows))


def _kinds(indels: pd.DataFrame, genome) -> tuple[np.ndarray, np.ndarray]:
    """Kinds of indels to imitate as 2 * length + whether it is a tandem copy, int64 (k,), and how
    often each of them occurs, float64 (k,)."""
    if len(indels) < MIN_TO_IMITATE:
        kinds = np.concatenate([2 * DEFAULT_LENGTHS, 2 * DEFAULT_LENGTHS + 1])
    else:
        variants = [
            (index, Variant(pos, ref, alt))
            for index, pos, ref, alt in indels[KEY].itertuples(index=False)
        ]
        kinds = np.array(
            [2 * variant.length + is_tandem(genome, index, variant) for index, variant in variants]
        )
    names, counts = np.unique(kinds, return_counts=True)
    return names, counts.astype(float)


def _pair(
    genome, candidates: Candidates, row: int, other: int, kind: tuple[int, bool]
) -> list[tuple]:
    """The deletion and the insertion at a place, rows of KEY and run_oriented; none where the
    letters there are no indel of the kind. other: the place whose letters are inserted if they are
    no tandem copy."""
    length, wants_tandem = kind
    index, at = int(candidates.contig_index[row]), int(candidates.pos[row])
    away_name, away_at = genome.names[int(candidates.contig_index[other])], candidates.pos[other]
    here = genome.codes(genome.names[index], at - 1, at + length)
    away = genome.codes(away_name, int(away_at), int(away_at) + length)
    if (here >= N).any() or (away >= N).any():
        return []
    anchor, lost = decode(here[:1]), decode(here[1:])
    gained = lost if wants_tandem else decode(away)
    pair = [
        normalised(genome, genome.names[index], at - 1, ref, alt)
        for ref, alt in ((anchor + lost, anchor), (anchor, anchor + gained))
    ]
    if not all(is_tandem(genome, index, variant) == wants_tandem for variant in pair):
        return []
    return [(index, variant.pos, variant.ref, variant.alt, True) for variant in pair]


def is_tandem(genome, index: int, variant: Variant) -> bool:
    """Return whether the indel removes or adds one of several adjacent copies. The variant is
    normalised, so the other copies follow it."""
    unit = variant.ref or variant.alt
    end = variant.pos + len(variant.ref)
    return decode(genome.codes(genome.names[index], end, end + len(unit))) == unit


def _in_one_piece(genome, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs in which neither indel extends beyond a piece of the background, just as no
    allele extends beyond its contig."""
    index, pos = pairs["contig_index"].to_numpy(np.int64), pairs["pos"].to_numpy(np.int64)
    first, last = (
        fence(genome, index, pos - 1),
        fence(genome, index, pos + pairs["ref"].str.len().to_numpy(np.int64)),
    )
    if first is None or last is None:
        return pairs
    return pairs[np.repeat((first.low == last.low).reshape(-1, 2).all(axis=1), 2)]


def mnvs(variants: pd.DataFrame, genome, candidates: Candidates, seed: int) -> pd.DataFrame:
    """Columns KEY and run_oriented: MNVs that have the REF of the run at half of the positions and
    its ALT at the other half. variants: the MNVs of the run, rows with the columns KEY."""
    wanted = number(len(variants))
    usual = variants.loc[variants["ref"].str.len() <= MAX_MNV_BP, ["ref", "alt"]]
    if not len(usual):
        return _frame([])
    words = usual.value_counts(sort=False).sort_index()
    pairs = list(words.index)
    names = np.array([_word_number(ref + alt) for ref, alt in pairs])
    places = _places_by_word(genome, candidates, {len(ref) for ref, _ in pairs})
    turn = np.arange(4 * wanted)
    chosen = stable_draws.chosen(words.to_numpy(float), names, seed, Purpose.MNV_KIND, turn)
    rows: list[tuple] = []
    for number_of_turn, row in zip(turn, chosen, strict=True):
        ref, alt = pairs[row]
        run_oriented = number_of_turn % 2 == 0
        here, decoy = (ref, alt) if run_oriented else (alt, ref)
        if here in places and decoy in places and len(rows) < wanted:
            # a word that does not occur cannot be used in both orientations
            at = _free_place(places[here], candidates, seed, int(number_of_turn))
            if at is not None:
                index, pos = int(candidates.contig_index[at]), int(candidates.pos[at])
                rows.append((index, pos, here, decoy, run_oriented))
    return _frame(rows)


def _free_place(rows: np.ndarray, candidates: Candidates, seed: int, turn: int) -> int | None:
    """The first proposed row of the candidates that is free."""
    proposals = rows[
        stable_draws.below(len(rows), seed, Purpose.MNV_PLACE, turn, np.arange(PROPOSALS))
    ]
    free = proposals[candidates.is_free[proposals]]
    return int(free[0]) if len(free) else None


def _word_number(word: str) -> int:
    return int.from_bytes(word.encode("ascii"), "big")


def _frame(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*KEY, "run_oriented"])


def _places_by_word(genome, candidates: Candidates, lengths: set[int]) -> dict[str, np.ndarray]:
    """Return the rows of the candidates at which each word of these lengths occurs."""
    contig_index, pos = candidates.contig_index, candidates.pos
    rows_of_word: dict[str, np.ndarray] = {}
    for length in sorted(lengths):
        words = np.empty((len(pos), length), dtype=np.uint8)
        for index in np.unique(contig_index):
            rows = np.flatnonzero(contig_index == index)
            words[rows] = genome.windows(genome.names[index], pos[rows], length)
        complete = np.flatnonzero((words < N).all(axis=1))
        key = words[complete].astype(np.int64) @ (4 ** np.arange(length)[::-1])
        order = np.argsort(key, kind="stable")
        distinct, first = np.unique(key[order], return_index=True)
        for word, rows in zip(distinct, np.split(complete[order], first[1:]), strict=True):
            rows_of_word[
                decode(
                    np.array(
                        [word // 4**place % 4 for place in range(length)[::-1]], dtype=np.uint8
                    )
                )
            ] = rows
    return rows_of_word
