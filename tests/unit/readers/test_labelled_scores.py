"""A CADD-layout table and labels in the manner of ClinVar at one locus: from the table to labelled
flags, and what shuffled labels give."""

import numpy as np
import pandas as pd
import pysam
import pytest
import small_run
from external_run import CONTIG, flagged, imported_from
from fake_genome import genome_letters
from step_calls import call

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.calibration.record import RunCalibration

pytestmark = pytest.mark.long
LENGTH, SPACING, SHIFT = 120_000, 50, 3.0
"""A locus of the size of BRCA1; a labelled SNV every 50 bp; the scores of the two labels differ by
three standard deviations."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of the context model at the locus, and its labelled SNVs."""
    folder = tmp_path_factory.mktemp("labelled")
    letters = genome_letters(3, LENGTH)
    (folder / "genome.fa").write_text(f">{CONTIG}\n{letters}\n")
    rng = np.random.default_rng(7)
    at = np.arange(200, LENGTH - 200, SPACING)
    effect = rng.random(len(at)) < 0.5
    snvs = pd.DataFrame({"at": at, "effect": effect})
    snvs["score"] = rng.normal(0, 1, len(at)) + SHIFT * effect
    snvs["ref"] = [letters[pos] for pos in at]
    snvs["alt"] = ["ACGT"[("ACGT".index(letters[pos]) + 1 + pos % 3) % 4] for pos in at]
    head = f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={LENGTH}>\n"
    head += '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="significance">\n'
    for name, labels in (("a", None), ("labels", effect), ("shuffled", rng.permutation(effect))):
        rows = "".join(
            f"{CONTIG}\t{row.at + 1}\t.\t{row.ref}\t{row.alt}\t.\t.\t"
            f"{'.' if labels is None else 'CLNSIG=' + ('Pathogenic' if labels[i] else 'Benign')}\n"
            for i, row in enumerate(snvs.itertuples())
        )
        text = head + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + rows
        (folder / f"{name}.vcf").write_text(text)
    table = folder / "cadd.tsv.gz"
    with pysam.BGZFile(str(table), "w") as file:
        file.write(b"## CADD GRCh38-v1.7\n#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED\n")
        for row in snvs.itertuples():
            line = f"{CONTIG}\t{row.at + 1}\t{row.ref}\t{row.alt}\t{row.score:.6f}\t1\n"
            file.write(line.encode())
    pysam.tabix_index(str(table), force=True, seq_col=0, start_col=1, end_col=1)
    small_run.run_steps(folder, {"a": folder / "a.vcf"})
    imported_from(folder, table, folder, "cadd", ("--external_columns", "cadd"))
    return folder, snvs


def with_labels(folder, name: str):
    """The alleles and the calibration of a run with these labels."""
    labels = folder / f"{name}.parquet"
    call(
        *("read_labels", "--labels", folder / f"{name}.vcf", "--fasta", folder / "genome.fa"),
        *("--label_key", "CLNSIG", "--out", labels),
    )
    out = folder / f"run_{name}"
    bundle = Bundle.open(folder / "models" / "cadd")
    table = {"cadd": folder / "cadd.tsv.gz"}
    alleles = flagged(folder, bundle, out=out, outside=table, labels=labels)
    return alleles, RunCalibration.read(out / "calibration" / "calibration.json")


def test_a_score_that_tells_the_labels_earns_labelled_flags_at_its_locus(run):
    folder, snvs = run
    alleles, calibration = with_labels(folder, "labels")
    flags = alleles[alleles["rank"] >= 2]
    assert len(flags) > 0.3 * len(snvs)
    assert set(flags["basis"]) == {"LABELS(locus)"}
    fitted = next(iter(calibration.labels.classes.values()))
    merged = flags.merge(snvs, left_on="pos", right_on="at")
    called = -merged["llr"].to_numpy(np.float64) >= fitted.cut
    wrong = called != merged["effect"].to_numpy()
    assert wrong.mean() < 0.2


def test_shuffled_labels_earn_nothing(run):
    folder, _ = run
    alleles, _ = with_labels(folder, "shuffled")
    assert set(alleles["rank"]) == {1}
