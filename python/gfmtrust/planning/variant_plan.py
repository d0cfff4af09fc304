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

from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.vocabulary import ShardKind, Status, VariantClass
from gfmtrust.inputs.sites import block_of, surroundings
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.io import tables
from gfmtrust.planning import variant_probes
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.drawn_probes import Candidates
from gfmtrust.planning.shards import PROBE, VARIANT, write_shard
from gfmtrust.planning.variant_probes import KEY

SITES_PER_VARIANT = 16
"""A variant costs about as many passes as this number of sites, so a shard contains fewer variants
than sites by this factor."""


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
    variants: pd.DataFrame, genome, candidates: Candidates, block_bp: int, seed: int
) -> pd.DataFrame:
    """Return the run's variants, then probes of their kinds (`variant_probes`), as rows of
    tables.VARIANTS."""
    run = variants.assign(use=VARIANT, run_oriented=True)
    kinds = np.array(
        [Variant(*row).kind for row in zip(run["pos"], run["ref"], run["alt"], strict=True)],
        dtype=object,
    )
    indels = run[np.isin(kinds, (VariantClass.INS, VariantClass.DEL))]
    pairs = variant_probes.indel_pairs(indels, genome, candidates, seed)
    swaps = variant_probes.mnvs(run[kinds == VariantClass.MNV], genome, candidates, seed)
    probes = pd.concat([pairs, swaps], ignore_index=True).assign(use=PROBE)
    variants = pd.concat([run, probes], ignore_index=True)
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
