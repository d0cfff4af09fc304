"""Shards: every site to be scored, once, in genome order, divided by number of sites and not by
contig."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.vocabulary import CONTROL_PROBES, NEGATIVE_CONTROLS, ShardKind
from gfmtrust.inputs.sites import place_key, surroundings
from gfmtrust.inputs.snvs import COLUMNS as ALLELE_COLUMNS
from gfmtrust.inputs.snvs import snv_positions
from gfmtrust.io import tables
from gfmtrust.planning import stable_draws
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.stable_draws import Purpose

VARIANT, PROBE, REGION, HELD_OUT = 1, 2, 4, 8
"""Bits of the column `use`. HELD_OUT: a further probe of contigs that were held out of the models'
training."""
PROBE_FILES = {PROBE: "probes.parquet", HELD_OUT: "heldout.parquet"}
"""Use -> the file of the probes that have it."""
UNDER_REF, TO_SCORE = 1, 2
CHUNK_SITES = 1_000_000
FOLDER = "shards"
FILE_NAMES = {kind: kind.value for kind in ShardKind} | {ShardKind.SITES: "shard"}
"""The first part of a shard's file name, for readers and logs; the kind of a shard is stated in its
metadata."""


def write_shard(
    plan_dir: Path, shard: PlannedShard, rows: dict | pa.Table, schema: pa.Schema
) -> None:
    """Write one shard with its kind and number in the metadata. rows: columns of the schema."""
    name = f"{FILE_NAMES[shard.kind]}_{shard.number:05d}.parquet"
    tables.write(plan_dir / FOLDER / name, rows, schema, shard.to_dict())


def planned_shards(plan_dir: Path, *kinds: ShardKind) -> dict[PlannedShard, Path]:
    """Return the plan's shards of those kinds (of all kinds where none is given), in order of kind
    and number.

    Raises BadDataError (65) for a table in the folder that is not a shard of this version.
    """
    paths = {PlannedShard.read(path): path for path in (plan_dir / FOLDER).glob("*.parquet")}
    return {shard: paths[shard] for shard in sorted(paths) if not kinds or shard.kind in kinds}


class Positions:
    """The marks of each position from the allele table: one byte per position, one contig at a
    time."""

    def __init__(self, path: Path):
        self._path = path

    def by_contig(self, genome) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (contig_index, uint8 mask (length,) with the bits UNDER_REF and TO_SCORE) for each
        contig of the genome, in order."""
        stream = (
            {
                name: rows.column(name).to_numpy(zero_copy_only=False)
                for name in ("contig_index", "pos", "ref")
            }
            | {"snv_pos": snv_positions(rows)}
            for rows in tables.batches(self._path, ["contig_index", *ALLELE_COLUMNS])
        )
        batch = next(stream, None)
        for index, length in enumerate(genome.contigs.values()):
            mask = np.zeros(length, np.uint8)
            while batch is not None:
                first, end = np.searchsorted(batch["contig_index"], [index, index + 1])
                _mark(mask, *(batch[name][first:end] for name in ("pos", "ref", "snv_pos")))
                if end < len(batch["pos"]):
                    break
                batch = next(stream, None)
            yield index, mask


def _mark(mask: np.ndarray, pos: np.ndarray, ref: np.ndarray, snv_pos: np.ndarray) -> None:
    inside = (pos >= 0) & (pos < len(mask))
    pos, ref, snv_pos = pos[inside], ref[inside], snv_pos[inside]
    mask[pos] |= UNDER_REF
    for start, letters in zip(pos, ref, strict=True):
        if len(letters) > 1:
            mask[start : start + len(letters)] |= UNDER_REF
    mask[snv_pos[snv_pos >= 0]] |= TO_SCORE


class ShardWriter:
    """Writes rows of tables.SHARD in order, `shard_size` rows per file. There is always at least
    one file, which may be empty."""

    def __init__(self, plan_dir: Path, shard_size: int):
        self._plan_dir, self._size = plan_dir, shard_size
        self._pending = tables.SHARD.empty_table()
        self.n_shards = 0

    def add(self, rows: dict[str, np.ndarray]) -> None:
        """Append rows; full shards are written at once."""
        self._pending = pa.concat_tables([self._pending, pa.table(rows, schema=tables.SHARD)])
        while self._pending.num_rows >= self._size:
            self._write(self._size)

    def close(self) -> None:
        """Write the remaining rows, or an empty shard if there were none at all."""
        if self._pending.num_rows or not self.n_shards:
            self._write(self._pending.num_rows)

    def _write(self, n: int) -> None:
        write_shard(
            self._plan_dir,
            PlannedShard(ShardKind.SITES, self.n_shards),
            self._pending.slice(0, n).combine_chunks(),
            tables.SHARD,
        )
        self._pending = self._pending.slice(n)
        self.n_shards += 1


def write_shards(
    genome, regions, copies: CopyFacts, plan_dir: Path, shard_size: int
) -> dict[str, int]:
    """Write `shards/` in `plan_dir` from its alleles, probes and region bases; return the counts of
    sites by use."""
    drawn = {}
    for bit, name in PROBE_FILES.items():
        probe = tables.read(plan_dir / name, ["contig_index", "pos"])
        drawn[bit] = [probe.column(column).to_numpy() for column in ("contig_index", "pos")]
    counts = {"variant_sites": 0, "probe_sites": 0, "region_bases": 0, "sites": 0}
    writer = ShardWriter(plan_dir, shard_size)
    for index, mask in Positions(plan_dir / "alleles.parquet").by_contig(genome):
        use = np.where(mask & TO_SCORE, VARIANT, 0).astype(np.uint8)
        for bit, (probe_contig, probe_pos) in drawn.items():
            first, end = np.searchsorted(probe_contig, [index, index + 1])
            use[probe_pos[first:end]] |= bit
        for intervals in regions.sets.values():
            for start, stop in intervals.intervals(genome.names[index]):
                use[max(0, start) : stop] |= REGION
        pos = np.flatnonzero(use)
        for start in range(0, len(pos), CHUNK_SITES):
            chunk = pos[start : start + CHUNK_SITES]
            writer.add(_rows(genome, regions, copies, index, chunk, use))
        counts["sites"] += len(pos)
        for name, bit in (
            ("variant_sites", VARIANT),
            ("probe_sites", PROBE | HELD_OUT),
            ("region_bases", REGION),
        ):
            counts[name] += int(np.count_nonzero(use[pos] & bit))
    writer.close()
    return {**counts, "shards": writer.n_shards}


def write_controls(genome, regions, copies: CopyFacts, plan_dir: Path, seed: int) -> dict[str, int]:
    """Write a shard for each negative control: the sites of CONTROL_PROBES of the probes, drawn
    with the seed. Return the number of their sites."""
    probe = tables.read(plan_dir / "probes.parquet", ["contig_index", "pos"]).to_pandas()
    probe = probe.drop_duplicates()
    place = place_key(probe["contig_index"], probe["pos"])
    drawn = np.argsort(stable_draws.words(seed, Purpose.CONTROL, place), kind="stable")
    sites = probe.iloc[np.sort(drawn[:CONTROL_PROBES])]
    shard = {name: [] for name in tables.SHARD.names}
    for index, rows in sites.groupby("contig_index", sort=True):
        pos = rows["pos"].to_numpy(np.int64)
        for name, values in _rows(
            genome, regions, copies, int(index), pos, np.full(int(pos.max()) + 1, PROBE, np.uint8)
        ).items():
            shard[name].append(values)
    if len(sites):
        for kind in NEGATIVE_CONTROLS:
            write_shard(
                plan_dir,
                PlannedShard(kind, 0),
                {name: np.concatenate(parts) for name, parts in shard.items()},
                tables.SHARD,
            )
    return {"control_sites": len(sites) * len(NEGATIVE_CONTROLS)}


def _rows(
    genome, regions, copies: CopyFacts, index: int, pos: np.ndarray, use: np.ndarray
) -> dict[str, np.ndarray]:
    where = np.full(len(pos), index, np.int32)
    around = surroundings(genome, where, pos)
    of_copies = copies.columns(where, pos, np.ones(len(pos), np.int64), around.soft_masked)
    return {
        "contig_index": where,
        "pos": pos,
        "use": use[pos],
        "base": around.base,
        "left": around.left,
        "right": around.right,
        "gc": around.gc,
        "soft_masked": around.soft_masked,
        **of_copies,
        "region_class": regions.classes(genome, where, pos, of_copies["copy_class"]),
    }
