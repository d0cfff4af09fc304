"""A run whose one model reads whole tokens, from export to report: exact LLRs, nothing of a
distribution, no HIGH, and it says so."""

import numpy as np
import pysam
import pytest
import small_run
from fake_genome import genome_letters
from reading import score_haplotypes, score_sites
from step_calls import call

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome

pytestmark = pytest.mark.torch
MISSING = ["ent", "dis", "dis_between", "dis_strand", "dis_shift", "gain", "strand_jsd"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, exported):
    """Folder of a small run of the context model and GROVER's reduced example, annotated and
    reported."""
    folder, bundle = tmp_path_factory.mktemp("likelihood"), exported("grover")
    small_run.finish(folder)
    fasta = ("--fasta", folder / "genome.fa")
    for shard in (folder / "plan" / "shards").glob("*.parquet"):
        call(
            "score_sites",
            *fasta,
            "--bundle",
            bundle.directory,
            "--shard",
            shard,
            "--out_dir",
            folder / "scores",
        )
    bundles = folder / "results" / "models" / "context_model", bundle.directory
    output = ("--plan", folder / "plan", "--scores", folder / "scores", "--models", *bundles)
    call("calibrate", *output, "--out_dir", folder / "calibration")
    call(
        "annotate_sites",
        *output,
        "--calibration",
        folder / "calibration" / "calibration.json",
        "--out_dir",
        folder / "sites",
    )
    call(
        "annotate_vcf",
        "--vcf",
        folder / "a.vcf",
        "--id",
        "a",
        "--sites",
        folder / "sites" / "sites.parquet",
        "--out",
        folder / "a.out.vcf.gz",
        "--calibration",
        folder / "calibration" / "calibration.json",
    )
    call(
        "report",
        "--checked",
        folder / "checked",
        "--plan",
        folder / "plan",
        "--models",
        *bundles,
        "--calibration",
        folder / "calibration",
        "--sites",
        folder / "sites",
        "--counts",
        folder / "a.counts.json",
        "--metrics",
        *sorted((folder / "scores").glob("*.metrics.json")),
        "--out_dir",
        folder / "report",
    )
    call(
        "estimate_run",
        "--plan",
        folder / "plan",
        "--bundles",
        *bundles,
        "--out",
        folder / "estimate.json",
    )
    return folder


def test_alleles_have_the_models_llr_and_nothing_of_a_distribution(run, exported):
    """Substitutions and deletions against scoring and haplotypes asked directly."""
    bundle = Bundle.open(exported("grover").directory)
    session, genome = Session.open(bundle, "cpu"), Genome.open(run / "genome.fa", run)
    sites = tables.read(run / "sites" / "sites.parquet").to_pandas()
    scored = sites[sites["status"] == "SCORED"].reset_index(drop=True)
    assert len(scored) > 70
    assert scored[MISSING].isna().all(axis=None)
    assert (scored["rank"] <= 2).all()
    assert scored["why"].str.contains("NO_DISTRIBUTION").all()
    snv = scored[(scored["ref"].str.len() == 1) & (scored["alt"].str.len() == 1)]
    probs = score_sites(
        session, bundle, genome, np.zeros(len(snv), int), snv["pos"].to_numpy()
    ).probs.astype(float)
    ref, alt = (np.array(["ACGT".index(letter) for letter in snv[name]]) for name in ("ref", "alt"))
    rows = np.arange(len(snv))
    np.testing.assert_allclose(
        snv["llr"], np.log(probs[rows, :, alt] / probs[rows, :, ref]).mean(axis=1), atol=1e-5
    )
    gone = scored[scored["ref"].str.len() > 1]
    assert len(gone) >= 15
    variants = [Variant(row.var_pos, row.var_ref, row.var_alt) for row in gone.itertuples()]
    llrs = score_haplotypes(session, bundle, genome, np.zeros(len(gone), int), variants).llr
    np.testing.assert_allclose(gone["llr"], llrs.mean(axis=1), atol=1e-5)


def test_the_vcf_leaves_out_what_is_missing_and_says_why(run):
    records = [
        record
        for record in pysam.VariantFile(str(run / "a.out.vcf.gz"))
        if record.info["GFM_STATUS"][0] == "SCORED"
    ]
    assert records
    for record in records:
        assert record.info.get("GFM_ENT", (None,))[0] is None
        assert record.info.get("GFM_DIS", (None,))[0] is None
        assert np.isfinite(record.info["GFM_LLR"][0])
        assert "NO_DISTRIBUTION" in record.info["GFM_WHY"][0]
        assert record.info["GFM_CONF"][0] != "HIGH"


def test_the_report_says_that_there_is_no_entropy(run):
    page = (run / "report" / "gfmtrust_report.html").read_text()
    assert "no distribution over the four bases" in page


def test_passes_are_estimated_from_below_six_a_look(run):
    rows = {row["model"]: row for row in tables.read_json(run / "estimate.json")["models"]}
    assert rows["grover"]["passes_per_site"]["default"] == 12
    done = sum(
        tables.read_json(path)["passes"] for path in (run / "scores").glob("grover.*.metrics.json")
    )
    assert done <= rows["grover"]["passes"]


def test_a_substitution_of_several_letters_is_one_question(exported):
    """An MNV's LLR is of both letters together; asked one by one they are another number."""
    bundle = exported("grover")
    session = Session.open(bundle, "cpu")
    letters = genome_letters(3, 12_000)
    variants = [
        Variant(
            pos,
            letters[pos : pos + 2],
            letters[pos : pos + 2].translate(str.maketrans("ACGT", "CGTA")),
        )
        for pos in (500, 900)
    ]
    from fake_genome import FakeGenome

    genome = FakeGenome(c=letters)
    together = score_haplotypes(session, bundle, genome, np.zeros(2, int), variants).llr
    alone = [
        score_haplotypes(
            session,
            bundle,
            genome,
            np.zeros(2, int),
            [Variant(v.pos + i, v.ref[i], v.alt[i]) for v in variants],
        ).llr
        for i in range(2)
    ]
    assert np.isfinite(together).all()
    assert (np.abs(together - sum(alone)) > 1e-3).any()
