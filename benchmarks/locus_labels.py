"""What labels of single loci certify: the regulatory elements of the saturation assay, each alone
and all together, by the pipeline's own steps with the context model.

    python benchmarks/locus_labels.py --elements mpra_satmut --background hg38_chr1/chr1_1M.fa.gz \\
        --work /tmp/locus_labels --cuts 0.3 0.1

--elements names a folder with elements.fa and satmut.labelled.vcf.gz (INFO/EFFECT, INFO/BARCODES). The
sites are scored once; then each set of labels calibrates and flags them. Printed for the SNVs of
each set: labels, prevalence, blocks, the level of GFM_BASIS LABELS(locus) or why the labels cannot
calibrate, and the AUROC of |LLR|. What is found in --work is used again.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from gfmtrust.calibration.label_blocks import blocks_of
from gfmtrust.calibration.outcome import label_sentences
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.cli.main import main as gfmtrust
from gfmtrust.core.vocabulary import Rank, VariantClass
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome

MIN_BARCODES = 10
KIND = VariantClass.SNV.value
HEADINGS = ("labels", "cut", "SNVs", "effects", "blocks", "AUROC", "flags of all SNVs", "level")


def step(*arguments: str | Path) -> None:
    """Run a step of gfmtrust as its command line does; ends the script where the step fails."""
    code = gfmtrust([str(argument) for argument in arguments])
    if code:
        sys.exit(code)


def _pair(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def chosen_records(vcf: Path, element: str | None, out: Path) -> None:
    """Copy the SNVs of an element (None: of all) with at least MIN_BARCODES barcodes."""
    with gzip.open(vcf, "rt") as file, open(out, "w") as copy:
        for line in file:
            if not line.startswith("#"):
                columns = line.rstrip("\n").split("\t")
                values = {key: value for key, _, value in map(_pair, columns[7].split(";"))}
                is_snv = len(columns[3]) == len(columns[4]) == 1
                if not is_snv or int(values["BARCODES"]) < MIN_BARCODES:
                    continue
                if element not in (None, columns[0]):
                    continue
            copy.write(line)


class Steps:
    """The steps of one run on the elements; all files are below `work`."""

    def __init__(self, elements: Path, background: Path, work: Path):
        self.work, self._vcf = work, elements / "satmut.labelled.vcf.gz"
        self._fasta, self._background = elements / "elements.fa", background
        self._joined = work / "checked" / "joined.fa"

    def scored(self) -> None:
        """Check, plan and score the alleles of all elements."""
        if (self.work / "scored").exists():
            return
        self.work.mkdir(parents=True, exist_ok=True)
        vcf, sheet = self.work / "assay.vcf", self.work / "vcfs.tsv"
        chosen_records(self._vcf, None, vcf)
        sheet.write_text(f"assay\t{vcf}\n")
        work, fasta = self.work, ("--fasta", self._joined)
        inputs = ("--fasta", self._fasta, "--background_fasta", self._background, "--vcfs", sheet)
        model = work / "context_model"
        step("check_inputs", *inputs, "--out_dir", work / "checked")
        step("fit_context_model", *fasta, "--out_dir", model)
        plan = ("--checked", work / "checked", "--context_model", model)
        step("plan_sites", *fasta, *plan, "--out_dir", work / "plan")
        for shard in sorted((work / "plan" / "shards").glob("*.parquet")):
            asked = ("--bundle", model, "--shard", shard, "--out_dir", work / "scores")
            step("score_sites", *fasta, *asked)
        (work / "scored").touch()

    def labelled(self, element: str | None, cut: float) -> Path:
        """Calibrate and flag by the labels of one element, or of all; returns the folder."""
        folder = self.work / f"{element or 'all'}.{cut}"
        folder.mkdir(exist_ok=True)
        vcf, labels = folder / "labels.vcf", folder / "labels.parquet"
        chosen_records(self._vcf, element, vcf)
        by_size = ("--label_key", "EFFECT", "--label_cut", str(cut))
        asked = ("--labels", labels, "--out_dir")
        run = ("--plan", self.work / "plan", "--scores", self.work / "scores")
        run += ("--models", self.work / "context_model")
        step("read_labels", "--fasta", self._joined, "--labels", vcf, *by_size, "--out", labels)
        step("calibrate", *run, *asked, folder / "calibration")
        flags = ("--calibration", folder / "calibration" / "calibration.json")
        step("annotate_sites", *run, *flags, "--out_dir", folder / "sites")
        sites = ("--sites", folder / "sites" / "sites.parquet")
        step("benchmark_labels", *sites, *asked, folder / "benchmark")
        return folder


def row_of(folder: Path, element: str | None, cut: float) -> tuple[str, ...]:
    """The row of the table for one set of labels. Columns: HEADINGS."""
    with open(folder / "benchmark" / "ranking.tsv", newline="") as file:
        ranking = list(csv.DictReader(file, delimiter="\t"))
    auroc = next(one for one in ranking if one["scorer"] == "ensemble")
    calibration = RunCalibration.read(folder / "calibration" / "calibration.json")
    certified, refused = calibration.labels.classes.get(KIND), dict(calibration.labels.refusals)
    n, n_effects = int(auroc["n"]), int(auroc["n_effect"])
    return (
        element or "all five",
        f"{cut:g}",
        f"{n:,}",
        f"{n_effects:,} ({n_effects / n:.1%})",
        str(blocks_of(_snvs(folder / "labels.parquet")).n),
        f"{float(auroc['auroc']):.3f}",
        " ".join(_flags(folder / "sites" / "sites.parquet")),
        label_sentences(calibration)[KIND] if certified else f"none: {refused[KIND]}",
    )


def _snvs(labels: Path) -> pd.DataFrame:
    """The labelled SNVs in order of contig_index and pos."""
    table = tables.read(labels).to_pandas()
    is_snv = (table["ref"].str.len() == 1) & (table["alt"].str.len() == 1)
    return table[is_snv].sort_values(["contig_index", "pos"], ignore_index=True)


def _flags(sites: Path) -> list[str]:
    """The number of SNVs with each flag and basis."""
    table = tables.read(sites).to_pandas()
    is_snv = (table["ref"].str.len() == 1) & (table["alt"].str.len() == 1)
    table = table[is_snv & (table["rank"] > Rank.NOT_SCORED)]
    counted = Counter(zip(table["conf"], table["basis"], strict=True))
    return [f"{count:,} {flag} {basis}," for (flag, basis), count in sorted(counted.items())]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--elements", type=Path, required=True, help="folder of the assay")
    parser.add_argument("--background", type=Path, required=True, help="FASTA to draw probes from")
    parser.add_argument("--work", type=Path, required=True, help="folder for all that is made")
    parser.add_argument("--cuts", type=float, nargs="+", default=[0.3, 0.1])
    options = parser.parse_args()
    steps = Steps(options.elements, options.background, options.work)
    steps.scored()
    rows = []
    with Genome.open(options.elements / "elements.fa", options.work) as genome:
        elements = list(genome.names)
    for cut in options.cuts:
        for element in [*elements, None]:
            rows.append(row_of(steps.labelled(element, cut), element, cut))
    for row in (HEADINGS, ("---",) * len(HEADINGS), *rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
