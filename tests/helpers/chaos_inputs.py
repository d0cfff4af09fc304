"""The inputs of the runs of `make chaos`: small enough for a hundred runs."""

from pathlib import Path

import numpy as np
from fake_genome import genome_letters

LENGTH, N_SNVS = 12_000, 60


def inputs(folder: Path) -> Path:
    """A genome of one contig, a VCF of 60 SNVs, a BED and their samplesheet."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = genome_letters(3, LENGTH)
    (folder / "genome.fa").write_text(f">c\n{letters}\n")
    places = np.sort(np.random.default_rng(1).choice(LENGTH - 1000, N_SNVS, replace=False))
    rows = (
        f"c\t{pos + 1}\t.\t{letters[pos]}\t{'CGTA'['ACGT'.index(letters[pos])]}\t.\t.\t.\n"
        for pos in places.tolist()
    )
    head = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={LENGTH}>\n"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (folder / "a.vcf").write_text(head + columns + "".join(rows))
    (folder / "r.bed").write_text("c\t100\t160\tone\n")
    (folder / "sheet.csv").write_text("sample,vcf\na,a.vcf\n")
    return folder


OPTIONS = (
    *("--input", "sheet.csv", "--fasta", "genome.fa", "--regions", "r.bed", "--probes", "400"),
)
