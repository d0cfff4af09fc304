"""LIST_SITES: writes every allele that a run scores as a VCF, for a program that gfmtrust cannot
run. `import_scores` reads the scores of that program.

The VCF contains every base with all three ALTs in one record, including the probes (without their
scores nothing can be certified), and every allele that changes the length, in the form that VCF
requires.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gfmtrust.core.alphabet import BASES, N, decode
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import bgzf, tables
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.genome import Genome
from gfmtrust.io.tabix import CSI_FROM, write_index
from gfmtrust.io.vcf.header import COLUMNS
from gfmtrust.io.vcf.reader import format_position
from gfmtrust.planning.shards import planned_shards

CHUNK = 100_000


def list_sites(plan_dir: Path, fasta: Path, out: Path) -> int:
    """Write the sites and indels of a plan as a sorted, indexed .vcf.gz; return the number of
    records."""
    n, last = 0, 0
    with Genome.open(fasta) as genome, part_file(out, force=True) as part:
        with synced(part) as file:
            text = bgzf.BgzfWriter(file)
            contigs = "".join(
                f"##contig=<ID={name},length={length}>\n" for name, length in genome.contigs.items()
            )
            text.write(f"##fileformat=VCFv4.3\n{contigs}{COLUMNS.decode()}\n".encode())
            for index, pos, ref, alts in heapq.merge(
                _bases(plan_dir, genome), _indels(plan_dir, genome)
            ):
                text.write(
                    f"{genome.names[index]}\t{format_position(pos)}\t.\t{ref}\t{alts}\t.\t.\t.\n".encode()
                )
                n, last = n + 1, max(last, pos)
            text.close()
    write_index(out, "vcf", csi=last > CSI_FROM, warning_counts=WarningCounts())
    return n


def _bases(plan_dir: Path, genome) -> Iterator[tuple[int, int, str, str]]:
    """Yield (contig_index, pos, ref, alts) of every base of any shard, each once, in order."""
    columns = ["contig_index", "pos"]
    asked = [tables.read(path, columns).to_pandas() for path in planned_shards(plan_dir).values()]
    place = (
        np.unique(np.concatenate([part[columns].to_numpy(np.int64) for part in asked]), axis=0)
        if asked
        else np.empty((0, 2), int)
    )
    for index in np.unique(place[:, 0]):
        pos = place[place[:, 0] == index, 1]
        for start in range(0, len(pos), CHUNK):
            some = pos[start : start + CHUNK]
            for at, code in zip(
                some.tolist(),
                genome.windows(genome.names[index], some, 1)[:, 0].tolist(),
                strict=True,
            ):
                if code < N:
                    yield (
                        int(index),
                        at,
                        BASES[code],
                        ",".join(base for base in BASES if base != BASES[code]),
                    )


def _indels(plan_dir: Path, genome) -> Iterator[tuple[int, int, str, str]]:
    """Return (contig_index, pos, ref, alt) of every allele that changes the length, with the base
    before it (at the start of a contig, the base after it), sorted."""
    variants = (
        tables.read(plan_dir / "variants.parquet", ["contig_index", "pos", "ref", "alt"])
        .to_pandas()
        .drop_duplicates()
    )
    records = []
    for index, pos, ref, alt in variants.itertuples(index=False):
        if len(ref) == len(alt):
            continue
        if ref and alt:
            records.append((int(index), int(pos), ref, alt))
            continue
        at = pos - 1 if pos else pos + len(ref)
        beside = decode(genome.codes(genome.names[index], at, at + 1))
        records.append(
            (int(index), int(at), beside + ref, beside + alt)
            if pos
            else (int(index), 0, ref + beside, alt + beside)
        )
    return iter(sorted(records))
