"""Plans the alleles that are not SNVs: they are collected in normalised form, get probes of their
kinds, and are divided into separate shards.

The shard rows of a variant are the sites whose distributions its measures need, so that one table
contains everything that decides its flag.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.core.alphabet import N, decode
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.vocabulary import ShardKind, Status, VariantClass
from gfmtrust.inputs.reference import fence
from gfmtrust.inputs.sites import block_of, surroundings
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.io import tables
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.shards import PROBE, VARIANT, write_shard

KEY = ["contig_index", "pos", "ref", "alt"]
SITES_PER_VARIANT = 16
"""A variant costs about as many passes as this number of sites, so a shard contains fewer variants
than sites by this factor."""
PAIR_LIMITS = (500, 4_000)
MIN_TO_IMITATE = 20
"""With fewer indels, the lengths of the probes are drawn from DEFAULT_LENGTHS."""
DEFAULT_LENGTHS = np.array([1] * 9 + [2] * 4 + [3] * 2 + [4] * 3 + [5, 6, 8, 12])
"""Roughly the distribution of human germline indels: half of them have one base (Mills et al.
2006)."""
MAX_MNV_BP = 3
"""Longer words are too rare in a genome to draw positions for both of their orientations."""


class Collector:
    """Normalises alleles as they are streamed and keeps each distinct variant once."""

    def __init__(self, genome, max_allele_bp: int):
        self._genome, self._max = genome, max_allele_bp
        self._parts = [
            pd.DataFrame(
                {
                    "contig_index": np.empty(0, np.int64),
                    "pos": np.empty(0, np.int64),
                    "ref": np.empty(0, object),
                    "alt": np.empty(0, object),
                }
            )
        ]

    def add(self, alleles: pd.DataFrame) -> pd.DataFrame:
        """Return the alleles with the columns var_pos (-1 where the allele is an SNV or cannot be
        scored), var_ref and var_alt. An allele that is too long after normalisation has the status
        TOO_LONG and keeps its normalised form, so that labels match it."""
        ref, alt, status = (alleles[name].to_numpy(object) for name in ("ref", "alt", "status"))
        status = status.copy()
        pos = np.full(len(alleles), -1, dtype=np.int64)
        short_ref, short_alt = np.full(len(alleles), "", object), np.full(len(alleles), "", object)
        where = zip(
            alleles["contig_index"].to_numpy(), alleles["pos"].to_numpy(np.int64), strict=True
        )
        for row, (index, start) in enumerate(where):
            if status[row] != Status.SCORED or len(ref[row]) == len(alt[row]) == 1:
                continue
            variant = normalised(
                self._genome, self._genome.names[index], int(start), ref[row], alt[row]
            )
            pos[row], short_ref[row], short_alt[row] = variant.pos, variant.ref, variant.alt
            if variant.length > self._max:
                status[row] = Status.TOO_LONG
        alleles = alleles.assign(status=status, var_pos=pos, var_ref=short_ref, var_alt=short_alt)
        listed = alleles[(pos >= 0) & (status == Status.SCORED)]
        if len(listed):
            self._parts.append(
                pd.DataFrame(
                    {
                        "contig_index": listed["contig_index"].astype(np.int64),
                        "pos": listed["var_pos"],
                        "ref": listed["var_ref"],
                        "alt": listed["var_alt"],
                    }
                ).drop_duplicates()
            )
        return alleles

    def variants(self) -> pd.DataFrame:
        """Return all distinct variants, sorted by contig, pos, ref, alt."""
        return (
            pd.concat(self._parts, ignore_index=True)
            .drop_duplicates()
            .sort_values(KEY, ignore_index=True)
        )


def with_probes(
    variants: pd.DataFrame,
    genome,
    contig_index: np.ndarray,
    pos: np.ndarray,
    block_bp: int,
    seed: int,
) -> pd.DataFrame:
    """Return the run's variants, then probes of their kinds, as rows of tables.VARIANTS.

    contig_index, pos: candidate positions outside the run's alleles. Indel probes are pairs of a
    deletion and an insertion of the same length at the same position, with tandem copies as often
    as in the run, so that a model that prefers short sequences is wrong in half of them. MNV probes
    have the run's REF at half of the positions and its ALT at the other half.
    """
    rng = np.random.default_rng([seed, 0x1DE1])
    run = variants.assign(use=VARIANT, run_oriented=True)
    kinds = np.array(
        [Variant(*row).kind for row in zip(run["pos"], run["ref"], run["alt"], strict=True)],
        dtype=object,
    )
    pairs = _indel_pairs(
        run[np.isin(kinds, (VariantClass.INS, VariantClass.DEL))], genome, contig_index, pos, rng
    )
    swaps = _mnv_probes(run[kinds == VariantClass.MNV], genome, contig_index, pos, rng)
    variants = pd.concat([run, pairs, swaps], ignore_index=True)
    variants = variants.astype(
        {
            "contig_index": np.int32,
            "pos": np.int64,
            "ref": object,
            "alt": object,
            "use": np.uint8,
            "run_oriented": bool,
        }
    )
    variants["kind"] = np.array(
        [
            str(Variant(*row).kind)
            for row in zip(variants["pos"], variants["ref"], variants["alt"], strict=True)
        ],
        dtype=object,
    )
    variants["block"] = block_of(
        genome, variants["contig_index"].to_numpy(np.int64), variants["pos"].to_numpy(), block_bp
    )
    return variants.reset_index(drop=True)


def number(n: int) -> int:
    """Return the number of probes of one kind: a tenth of the run's variants of this kind, within
    PAIR_LIMITS; 0 where the run has none."""
    return min(PAIR_LIMITS[1], max(PAIR_LIMITS[0], n // 10)) if n else 0


def _frame(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*KEY, "run_oriented"]).assign(use=PROBE)


def _indel_pairs(indels: pd.DataFrame, genome, contig_index, pos, rng) -> pd.DataFrame:
    wanted = number(len(indels))
    lengths, tandem = DEFAULT_LENGTHS, np.full(len(DEFAULT_LENGTHS), 0.5)
    if len(indels) >= MIN_TO_IMITATE:
        seen = [
            (index, Variant(pos_, ref, alt))
            for index, pos_, ref, alt in indels[KEY].itertuples(index=False)
        ]
        lengths = np.array([variant.length for _, variant in seen])
        tandem = np.array(
            [_is_tandem(genome, index, variant) for index, variant in seen], dtype=float
        )
    rows: list[tuple] = []
    tries = iter(rng.permutation(len(pos)))
    while len(rows) < 2 * wanted and (place := next(tries, None)) is not None:
        pick, other = rng.integers(len(lengths)), rng.integers(len(pos))
        length, is_tandem = int(lengths[pick]), rng.random() < tandem[pick]
        index, at = int(contig_index[place]), int(pos[place])
        here = genome.codes(genome.names[index], at - 1, at + length)
        away = genome.codes(
            genome.names[int(contig_index[other])], int(pos[other]), int(pos[other]) + length
        )
        if (here >= N).any() or (away >= N).any():
            continue
        anchor, lost = decode(here[:1]), decode(here[1:])
        gained = lost if is_tandem else decode(away)
        pair = [
            normalised(genome, genome.names[index], at - 1, ref, alt)
            for ref, alt in ((anchor + lost, anchor), (anchor, anchor + gained))
        ]
        if all(_is_tandem(genome, index, variant) == is_tandem for variant in pair):
            rows += [(index, variant.pos, variant.ref, variant.alt, True) for variant in pair]
    return _in_one_piece(genome, _frame(rows))


def _is_tandem(genome, index: int, variant: Variant) -> bool:
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


def _mnv_probes(mnvs: pd.DataFrame, genome, contig_index, pos, rng) -> pd.DataFrame:
    wanted = number(len(mnvs))
    usual = [
        (ref, alt)
        for ref, alt in mnvs[["ref", "alt"]].itertuples(index=False)
        if len(ref) <= MAX_MNV_BP
    ]
    places = (
        _places_by_word(genome, contig_index, pos, {len(ref) for ref, _ in usual}) if wanted else {}
    )
    rows: list[tuple] = []
    for turn in range(4 * wanted if usual else 0):
        ref, alt = usual[rng.integers(len(usual))]
        run_oriented = turn % 2 == 0
        here, decoy = (ref, alt) if run_oriented else (alt, ref)
        if (
            here in places and decoy in places and len(rows) < wanted
        ):  # a word that does not occur cannot be used in both orientations
            place = places[here][rng.integers(len(places[here]))]
            rows.append((int(contig_index[place]), int(pos[place]), here, decoy, run_oriented))
    return _frame(rows)


def _places_by_word(genome, contig_index, pos, lengths: set[int]) -> dict[str, np.ndarray]:
    """Return the rows of the candidates at which each word of these lengths occurs."""
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


def write(
    genome, regions, copies: CopyFacts, variants: pd.DataFrame, plan_dir: Path, shard_size: int
) -> dict[str, int]:
    """Write variants.parquet and the shards of variants; return the counts. The id of a variant is
    its row in variants.parquet."""
    tables.write(
        plan_dir / "variants.parquet",
        {name: variants[name].to_numpy() for name in tables.VARIANTS.names},
        tables.VARIANTS,
    )
    step = max(1, shard_size // SITES_PER_VARIANT)
    for n, start in enumerate(range(0, len(variants), step)):
        write_shard(
            plan_dir,
            PlannedShard(ShardKind.VARIANTS, n),
            _rows(genome, regions, copies, variants.iloc[start : start + step]),
            tables.VARIANT_SHARD,
        )
    return {
        "variants": int((variants["use"] == VARIANT).sum()),
        "variant_probes": int((variants["use"] == PROBE).sum()),
    }


def _rows(genome, regions, copies: CopyFacts, variants: pd.DataFrame) -> pa.Table:
    lengths = list(genome.contigs.values())
    sites = [
        Variant(pos, ref, alt).sites(lengths[index])
        for index, pos, ref, alt in zip(*(variants[name] for name in KEY), strict=True)
    ]
    rows = np.repeat(np.arange(len(variants)), [len(part) for part in sites])
    owner = variants.iloc[rows]
    contig_index, pos = owner["contig_index"].to_numpy(np.int32), np.concatenate(sites)
    around = surroundings(genome, contig_index, pos)
    of_copies = copies.columns(
        contig_index,
        owner["pos"].to_numpy(np.int64),
        owner["ref"].str.len().to_numpy(np.int64),
        around.soft_masked,
    )
    return pa.table(
        {
            "contig_index": contig_index,
            "pos": pos,
            "use": owner["use"].to_numpy(np.uint8),
            "base": around.base,
            "left": around.left,
            "right": around.right,
            "gc": around.gc,
            "soft_masked": around.soft_masked,
            **of_copies,
            "region_class": regions.classes(genome, contig_index, pos, of_copies["copy_class"]),
            "variant": owner.index.to_numpy(np.int64),
            "start": owner["pos"].to_numpy(),
            "ref": owner["ref"].to_numpy(object),
            "alt": owner["alt"].to_numpy(object),
        },
        schema=tables.VARIANT_SHARD,
    )
