"""Genomes of the law `few_cpg` with two further properties of a real reference: copied stretches of
known divergence, and places at which the file has the rare allele.

    gfmtrust oracle --law few_cpg writes the law alone; `write_planted` writes this one.

The distribution written beside the genome is that of the law at the letters of the file: the answer
of a model that knows the law, but no copy and no letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gfmtrust.core.alphabet import reverse_complement
from gfmtrust.io import tables
from gfmtrust.validation.oracle import dataset
from gfmtrust.validation.oracle.demo import file_bytes
from gfmtrust.validation.oracle.genomes import draw_chain, fasta_record
from gfmtrust.validation.oracle.laws import OracleContig, few_cpg_chain
from gfmtrust.validation.oracle.spectra import SPECTRA
from gfmtrust.validation.oracle.truth import chain_distribution

N_CONTIGS = 8
COPY_BP = (1_000, 2_500)
DIVERGENCE = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""The share of the letters of a copy that are drawn again."""
RARE = "rare.parquet"
RARE_SCHEMA = pa.schema([("contig_index", pa.int32()), ("pos", pa.int64()), ("common", pa.uint8())])


@dataclass(frozen=True)
class PlantedGenome:
    """contigs: as in a file, equally long. rare: rows (contig_index, pos, code of the common
    letter), int64 (n, 3), ascending; there the file has the rare letter of the population."""

    contigs: tuple[OracleContig, ...]
    rare: np.ndarray


def draw_planted(length: int, seed: int, copied_share: float, n_rare: int) -> PlantedGenome:
    """Return a genome of `length` bases over N_CONTIGS contigs. copied_share: share of the bases
    overwritten by copies of other stretches, half of them inverted; n_rare: number of places with
    the rare letter, evenly spaced. The same arguments give the same letters."""
    rng = np.random.default_rng([seed, 0xC0B1])
    chain, bp = few_cpg_chain(), length // N_CONTIGS
    codes = [draw_chain(chain, bp, rng) for _ in range(N_CONTIGS)]
    copied = 0
    while copied < copied_share * length:
        size = COPY_BP[0] + int(rng.random() * (COPY_BP[1] - COPY_BP[0]))
        source, target = (int(rng.random() * N_CONTIGS) for _ in range(2))
        start, place = (int(rng.random() * (bp - size)) for _ in range(2))
        letters = codes[source][start : start + size].copy()
        letters = reverse_complement(letters) if rng.random() < 0.5 else letters
        new = rng.random(size) < DIVERGENCE[int(rng.random() * len(DIVERGENCE))]
        letters[new] = (rng.random(int(new.sum())) * 4).astype(np.uint8)
        codes[target][place : place + size] = letters
        copied += size
    rare = _with_rare_letters(codes, n_rare, rng)
    return PlantedGenome(
        tuple(
            OracleContig(
                f"planted{index + 1}", part, np.zeros(bp, bool), chain_distribution(chain, part)
            )
            for index, part in enumerate(codes)
        ),
        rare,
    )


def _with_rare_letters(codes: list[np.ndarray], n: int, rng: np.random.Generator) -> np.ndarray:
    """Mutate n evenly spaced letters of the contigs in place, by the germline spectrum, and return
    the rows of `PlantedGenome.rare`."""
    rows = []
    per_contig = n // len(codes)
    for index, part in enumerate(codes):
        step = len(part) / max(1, per_contig)
        pos = ((np.arange(per_contig) + rng.random(per_contig) * 0.5) * step).astype(np.int64)
        weight = SPECTRA["germline"](part)[pos].cumsum(axis=1)
        letter = (rng.random((len(pos), 1)) * weight[:, -1:] >= weight).sum(axis=1)
        rows.append(np.column_stack([np.full(len(pos), index), pos, part[pos]]))
        part[pos] = letter.astype(np.uint8)
    return np.concatenate(rows).astype(np.int64)


def write_planted(genome: PlantedGenome, folder: Path) -> None:
    """Write the FASTA, the distribution of every base, and the places with the rare letter where
    there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(fasta_record(contig) for contig in genome.contigs)
    (folder / dataset.GENOME).write_bytes(file_bytes(dataset.GENOME, text))
    dataset.write_truth(folder / dataset.TRUTH, genome.contigs)
    if not len(genome.rare):
        return
    columns = dict(zip(RARE_SCHEMA.names, genome.rare.T, strict=True))
    tables.write(
        folder / RARE,
        {
            name: values.astype(RARE_SCHEMA.field(name).type.to_pandas_dtype())
            for name, values in columns.items()
        },
        RARE_SCHEMA,
    )
