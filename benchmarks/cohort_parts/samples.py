"""A random genome and VCFs of samples that share common alleles, as those of a population do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.core.alphabet import BASES

N_CONTIGS = 3
INDEL_SHARE = 0.1
COMMON_SHARE = 0.95
"""Share of the records of a sample that lie at common places; the others are its own. In 1000
Genomes, a genome of 4 to 5 million alleles has 1 to 4 % that fewer than 1 in 200 others have."""
HEADER = (
    "##fileformat=VCFv4.2\n{contigs}"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
)


def write_genome(path: Path, length: int) -> list[str]:
    """Write random contigs of that length in all; return their letters."""
    draw = np.random.default_rng(1)
    letters = np.array(list(BASES))
    contigs = ["".join(letters[draw.integers(0, 4, length // N_CONTIGS)]) for _ in range(N_CONTIGS)]
    path.write_text("".join(f">chr{c}\n{text}\n" for c, text in enumerate(contigs)))
    return contigs


@dataclass(frozen=True)
class Pool:
    """The alleles of a population: place (contig, pos), REF and ALT of each, sorted by place."""

    contigs: list[str]
    places: np.ndarray
    alleles: list[tuple[str, str]]

    @classmethod
    def drawn(cls, contigs: list[str], n: int) -> Pool:
        """At most n alleles, at most one in three bases."""
        draw = np.random.default_rng(2)
        length = len(contigs[0])
        n = min(n, length * N_CONTIGS // 3)
        flat = np.sort(draw.choice((length - 20) * N_CONTIGS, n, replace=False))
        places = np.stack([flat // (length - 20), flat % (length - 20) + 10], axis=1)
        kinds = draw.random(n)
        alleles = [
            _allele(contigs[contig], pos, kind)
            for (contig, pos), kind in zip(places.tolist(), kinds.tolist(), strict=True)
        ]
        return cls(contigs, places, alleles)


def write_sample(path: Path, pool: Pool, n: int, seed: int) -> None:
    """Write n records: most at the common places of the pool, which are every twentieth, the others
    anywhere in it."""
    draw = np.random.default_rng([seed, 3])
    common = np.arange(0, len(pool.places), max(1, len(pool.places) // (2 * n)))
    n_common = min(int(n * COMMON_SHARE), len(common))
    rows = np.concatenate(
        [
            draw.choice(common, n_common, replace=False),
            draw.choice(len(pool.places), n - n_common, replace=False),
        ]
    )
    declared = "".join(
        f"##contig=<ID=chr{c},length={len(text)}>\n" for c, text in enumerate(pool.contigs)
    )
    with open(path, "w") as file:
        file.write(HEADER.format(contigs=declared))
        for row in np.unique(rows).tolist():
            contig, pos = pool.places[row].tolist()
            ref, alt = pool.alleles[row]
            genotype = "0/1" if row % 3 else "1/1"
            file.write(
                f"chr{contig}\t{pos + 1}\t.\t{ref}\t{alt}\t50\tPASS\tDP=30;MQ=60\tGT\t{genotype}\n"
            )


def _allele(letters: str, pos: int, kind: float) -> tuple[str, str]:
    """REF and ALT at a place; kind: uniform from 0 to 1."""
    base, length = letters[pos], 1 + int(kind * 10_000) % 6
    if kind < INDEL_SHARE / 2:
        return letters[pos : pos + 1 + length], base
    if kind < INDEL_SHARE:
        return base, base + "ACGTAC"[:length]
    others = [one for one in BASES if one != base]
    return base, others[int(kind * 1000) % 3]
