"""The inputs of the runs of `make chaos`: small enough for a hundred runs."""

import shutil
from pathlib import Path

import numpy as np
import toy_models
from fake_genome import genome_letters

LENGTH, N_SNVS = 12_000, 60
TOOLS = "tools"
OPTIONS = (
    *("--input", "sheet.csv", "--fasta", "genome.fa", "--regions", "r.bed", "--probes", "400"),
)
REGIONS_ALONE = ("--regions_only", *OPTIONS[2:])
WITH_A_NETWORK = ("--models", "toy", "--score_store", "store", "--allow_untrained")
"""Further options of the runs in which a bundle or a store of the user is harmed."""


def inputs(folder: Path, store: Path | None = None) -> Path:
    """A genome of one contig, a VCF of 60 SNVs, a BED and their samplesheet; a bundle and a score
    store, which is empty without `store`."""
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
    toy_models.write_toy(folder / "toy")
    if store is None:
        (folder / "store").mkdir()
    else:
        shutil.copytree(store, folder / "store")
    page_tool(folder / TOOLS)
    return folder


def page_tool(tools: Path) -> Path:
    """Stands for MultiQC, which takes a quarter of such a run and whose page is not compared."""
    tools.mkdir()
    (tools / "multiqc").write_text(
        '#!/bin/bash\n[ "$1" != --version ] || { echo multiqc, version 0; exit; }\n'
        "mkdir -p multiqc_report_data\ntouch multiqc_report_data/multiqc_data.json\n"
        "echo page > multiqc_report.html\n"
    )
    (tools / "multiqc").chmod(0o755)
    return tools
