"""Published scores of five models at 1,000 ClinVar alleles, as tables of single alleles on a
synthetic genome that has their REFs: agreement by rank in the annotated VCF, and near-duplicates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
import small_run
from external_run import CONTIG, flagged, imported_from
from fake_genome import genome_letters
from step_calls import call

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data" / "published_scores" / "clinvar_1000.tsv.gz"
MODELS = ("evo2_7b", "gpn_msa", "gpn_star_v", "phylogpn", "ntv3_pre_position")
SPACING = 60
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not DATA.is_file(), reason="no ../shared/data/published_scores"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The alleles, each on a place of its own; the annotated VCF; and the alleles of the run."""
    folder = tmp_path_factory.mktemp("published")
    scores = pd.read_csv(DATA, sep="\t")
    scores = scores[(scores["ref"].str.len() == 1) & (scores["alt"].str.len() == 1)]
    scores = scores.reset_index(drop=True)
    scores["at"] = 100 + SPACING * np.arange(len(scores))
    letters = list(genome_letters(3, 200 + SPACING * len(scores)))
    for at, ref in zip(scores["at"], scores["ref"], strict=True):
        letters[at] = ref
    (folder / "genome.fa").write_text(f">{CONTIG}\n{''.join(letters)}\n")
    head = f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={len(letters)}>\n"
    rows = "".join(
        f"{CONTIG}\t{row.at + 1}\t.\t{row.ref}\t{row.alt}\t.\t.\t.\n" for row in scores.itertuples()
    )
    (folder / "a.vcf").write_text(head + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + rows)
    small_run.run_steps(folder, {"a": folder / "a.vcf"})
    bundles = []
    for model in MODELS:
        path = folder / f"{model}.tsv"
        table = scores.assign(chrom=CONTIG, pos=scores["at"] + 1, score=scores[model])
        columns = ["chrom", "pos", "ref", "alt", "score"]
        table[columns].dropna().to_csv(path, sep="\t", index=False)
        layout = "chrom:1/pos:2/ref:3/alt:4/score:5/header:yes/scale:none/meaning:alleles"
        bundles.append(imported_from(folder, path, folder, model, ("--external_columns", layout)))
    alleles = flagged(folder, *bundles, out=folder / "run")
    call(
        *("annotate_vcf", "--vcf", folder / "a.vcf", "--id", "a"),
        *("--sites", folder / "run" / "sites" / "sites.parquet"),
        *("--calibration", folder / "run" / "calibration" / "calibration.json"),
        *("--out", folder / "a.gfm.vcf.gz"),
    )
    return folder, scores, alleles


def test_every_allele_has_its_agreement_in_the_vcf(run):
    folder, scores, _ = run
    with pysam.VariantFile(str(folder / "a.gfm.vcf.gz")) as vcf:
        records = {record.pos - 1: record.info for record in vcf}
    # the slow twin: mid-ranks over the alleles, low is disfavoured
    complete = scores[list(MODELS)].notna().all(axis=1).to_numpy()
    ranks = np.full((len(scores), len(MODELS)), np.nan)
    for column, model in enumerate(MODELS):
        values = scores[model].to_numpy().astype(np.float32)
        known_values = values[np.isfinite(values)]
        for row, value in enumerate(values):
            if np.isfinite(value):
                below = np.sum(known_values < value) + np.sum(known_values == value) / 2
                ranks[row, column] = 100 * below / len(known_values)
    spread = np.std(ranks[complete], axis=1)
    written = [records[at]["GFM_MODELS_SD"][0] for at in scores["at"][complete]]
    np.testing.assert_allclose(written, spread, atol=0.2)
    means = [records[at]["GFM_MODELS_PCT"][0] for at in scores["at"][complete]]
    np.testing.assert_allclose(means, ranks[complete].mean(axis=1), atol=0.2)


def test_no_level_is_given_without_decoys_or_labels(run):
    _, _, alleles = run
    scored = alleles[alleles["status"] == "SCORED"]
    assert len(scored) > 900
    assert set(scored["rank"]) == {1}
    assert scored["basis"].isna().all()


def test_the_two_gpn_models_are_named_as_near_duplicates(run):
    folder, _, _ = run
    comparison = json.loads((folder / "run" / "sites" / "model_comparison.json").read_text())
    alike = [(one["a"], one["b"]) for one in comparison["ranks"] if one["near_duplicate"]]
    assert alike == [("gpn_msa", "gpn_star_v")]
