"""The members of the context model that saw each block of the genome, so that a member that counted
a site does not vote on it.

The genome is cut into blocks contig by contig. A block's letters are counted by exactly 4 of the 8
members, so that every pair of members shares as many blocks as every other: the patterns are the
rows of a Hadamard matrix and their complements. Blocks outside the background have a pattern too,
though nothing in them is counted: 4 members vote there as at a probe. Not here: counting
(`counts`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.core.interfaces import ModelSpec, Votes
from gfmtrust.core.vocabulary import CONTEXT_FAMILY
from gfmtrust.inputs.reference import sources

N_MEMBERS = 8
MEMBERS_FILE = "members.json"
BLOCK_BASES = 100_000
BLOCKS_OF_A_SMALL_GENOME = 64
SCHEMA = 1


def patterns() -> np.ndarray:
    """The 14 balanced ways to let 4 of 8 members see a block, bool (14, 8): 7 Hadamard rows, then
    their complements."""
    row, column = np.arange(1, N_MEMBERS)[:, None], np.arange(N_MEMBERS)
    odd = (
        np.bitwise_count(row & column) % 2 == 1
    )  # Sylvester's construction: sign is the parity of the common bits
    return np.concatenate([~odd, odd])


@dataclass(frozen=True)
class Members:
    """Blocks of a genome and the members that saw them.

    block_size: bases of a block; each contig starts a new one. first_block: int64 (n_contigs + 1,),
    number of the first block of each contig, then the total. pattern: int8 (n_blocks,), row of
    `patterns()`; -1 where the members saw nothing because there is no base. contigs: names in
    genome order.
    """

    contigs: tuple[str, ...]
    block_size: int
    first_block: np.ndarray
    pattern: np.ndarray

    @classmethod
    def open(cls, bundle_dir: str | Path) -> Members:
        """Read members.json of a context model's bundle. Raises MissingInputError (66),
        BadDataError (65)."""
        path = Path(bundle_dir) / MEMBERS_FILE
        if not path.is_file():
            raise MissingInputError(
                message(
                    str(path),
                    "not found",
                    "the context model's blocks",
                    "fit the context model again",
                )
            )
        try:
            content = documents.parsed(path.read_text(encoding="utf-8"))
            rows = content["contigs"]
            counts = [len(row["patterns"]) for row in rows]
            pattern = np.array(
                [number for row in rows for number in row["patterns"]], dtype=np.int8
            )
            members = cls(
                tuple(row["name"] for row in rows),
                int(content["block_size"]),
                _starts(counts),
                pattern,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadDataError(
                message(
                    str(path), f"no table of blocks ({error})", "members.json as it was written"
                )
            ) from error
        if (
            content.get("schema") != SCHEMA
            or members.block_size < 1
            or ((pattern < -1) | (pattern >= len(patterns()))).any()
        ):
            observed = f"schema {content.get('schema')}, block size {members.block_size}, or a pattern out of range"
            raise BadDataError(
                message(
                    str(path), observed, f"schema {SCHEMA}, patterns -1 to {len(patterns()) - 1}"
                )
            )
        return members

    def write(self, path: Path) -> None:
        """Write members.json: schema, block size and per contig its name and the pattern of each
        block."""
        rows = [
            {"name": name, "patterns": self.pattern[first:end].tolist()}
            for name, first, end in zip(
                self.contigs, self.first_block[:-1], self.first_block[1:], strict=True
            )
        ]
        never_saw = [np.flatnonzero(~row).tolist() for row in patterns()]
        content = {
            "schema": SCHEMA,
            "n_members": N_MEMBERS,
            "block_size": self.block_size,
            "never_saw": never_saw,
            "contigs": rows,
        }
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")

    def block_of(self, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
        """Number of the block of each position, int64 (n,); a position outside its contig belongs
        to the nearest block."""
        first, end = self.first_block[contig_index], self.first_block[np.asarray(contig_index) + 1]
        return np.clip(first + np.asarray(pos) // self.block_size, first, end - 1)

    def admitted(self, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
        """Whether each member never saw the block of each position, bool (n, 8): 4 members, or all
        where the block contains no base."""
        return never_saw(self.pattern[self.block_of(contig_index, pos)])


def votes_of(bundle: ModelSpec) -> Votes | None:
    """The members of a bundle that may vote at a position: for the context model those that never
    saw its block, for other models all (None)."""
    if bundle.family != CONTEXT_FAMILY:
        return None
    return Members.open(bundle.directory).admitted


def never_saw(pattern: np.ndarray) -> np.ndarray:
    """Members that never saw blocks of these patterns, bool (n, 8)."""
    table = np.concatenate([~patterns(), np.ones((1, N_MEMBERS), bool)])  # the last row serves -1
    return table[pattern]


def block_size_for(n_bases: int) -> int:
    """Bases of a block for a genome of that many A, C, G, T: 100 kb, or a 64th of a small
    genome."""
    return min(BLOCK_BASES, max(1, n_bases // BLOCKS_OF_A_SMALL_GENOME))


def deal(contigs: dict[str, int], block_size: int, occupied: np.ndarray, seed: int) -> Members:
    """Deal the patterns to the blocks that hold a base, in an order drawn by `seed`, each pattern
    equally often (within one), and so among the blocks that are counted.

    contigs: name -> length in genome order. occupied: bool (n_blocks,).
    """
    rng = np.random.default_rng([seed, 0])
    n_patterns = len(patterns())
    counted = np.repeat(sources(contigs), n_blocks(contigs, block_size))
    dealt = rng.permutation(n_patterns)
    order = np.concatenate(
        [rng.permutation(np.flatnonzero(occupied & part)) for part in (counted, ~counted)]
    )
    pattern = np.full(len(occupied), -1, dtype=np.int8)
    pattern[order] = dealt[np.arange(len(order)) % n_patterns]
    return Members(tuple(contigs), block_size, _starts(n_blocks(contigs, block_size)), pattern)


def n_blocks(contigs: dict[str, int], block_size: int) -> list[int]:
    """Blocks of each contig; an empty contig has one, so that every contig has a first block."""
    return [max(1, -(-length // block_size)) for length in contigs.values()]


def _starts(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))]).astype(np.int64)
