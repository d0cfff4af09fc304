"""The recipes of docs/understand/models.md, "Scores from elsewhere": a run with a table in each
published layout, from import to flags."""

import json

import numpy as np
import pyBigWig
import pysam
import pytest
import small_run
from external_run import CONTIG, answers, flagged, imported, imported_from, table_of_laws

from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import BASES

pytestmark = pytest.mark.long
MEASURED = ["rank", "llr", "ent", "rel", "why", "basis", "pct"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished small run of the context model."""
    folder = tmp_path_factory.mktemp("tables")
    small_run.finish(folder)
    return folder


@pytest.fixture(scope="module")
def laws(run):
    """What the context model said of every base that the run asks for, without indels' haplotypes,
    and the genome's letters."""
    frame, _ = answers(run)
    return frame, (run / "genome.fa").read_text().split("\n")[1]


def lines_of_alleles(laws, tail=lambda _ratio: "", sign=1.0):
    """One line per ALT: chrom pos ref alt score, and what `tail` makes of the ratio."""
    frame, letters = laws
    for pos, *law in frame[["pos", *BASES]].itertuples(index=False):
        ref = letters[pos]
        for alt in BASES:
            if alt != ref:
                ratio = float(np.log(law[BASES.index(alt)] / law[BASES.index(ref)]))
                yield f"{CONTIG}\t{pos + 1}\t{ref}\t{alt}\t{sign * ratio!r}{tail(ratio)}"


def indexed(path, lines, head=()):
    with pysam.BGZFile(str(path), "w") as file:
        file.write("".join(f"{line}\n" for line in (*head, *lines)).encode())
    pysam.tabix_index(str(path), force=True, seq_col=0, start_col=1, end_col=1)
    return path


def registered(run, out, path, layout, name):
    return imported_from(run, path, out, name, ("--external_columns", layout))


@pytest.fixture(scope="module")
def of_probabilities(run, laws, tmp_path_factory):
    """The alleles of a run that got the four probabilities in a small table, read whole."""
    out = tmp_path_factory.mktemp("probabilities")
    bundle = imported(run, table_of_laws(laws[0]), out)
    return flagged(run, bundle, out=out / "run")


def test_gpn_msa_gives_the_flags_of_the_same_probabilities(run, laws, of_probabilities, tmp_path):
    table = indexed(tmp_path / "scores.tsv.bgz", lines_of_alleles(laws))
    bundle = registered(run, tmp_path, table, "gpn_msa", "elsewhere")
    assert bundle.quantity == "direct"
    alleles = flagged(run, bundle, out=tmp_path / "run", outside={"elsewhere": table})
    for name in ("rank", "why", "basis"):
        assert alleles[name].tolist() == of_probabilities[name].tolist()
    for name in ("llr", "ent", "rel"):
        np.testing.assert_allclose(alleles[name], of_probabilities[name], atol=1e-5)
    assert (alleles["status"] == "SCORED").any()
    assert not alleles["why"].fillna("").str.contains("NO_DISTRIBUTION").any()


def test_a_table_of_whole_cadd_gives_no_decoy_level_and_says_why(run, laws, tmp_path, caplog):
    head = ["## CADD GRCh38-v1.7", "#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED"]
    table = indexed(
        tmp_path / "cadd.tsv.gz", lines_of_alleles(laws, lambda _: "\t1.0", sign=-1.0), head
    )
    bundle = registered(run, tmp_path, table, "cadd", "cadd")
    assert bundle.quantity == "score"
    assert "no decoy can test them" in caplog.text
    alleles = flagged(run, bundle, out=tmp_path / "run", outside={"cadd": table})
    scored = alleles[(alleles["status"] == "SCORED") & (alleles["var_pos"] < 0)]
    assert len(scored)
    assert set(scored["rank"]) == {1}
    assert scored["basis"].isna().all()
    assert scored["ent"].isna().all()
    assert not scored["why"].str.contains("ALT_PREFERRED|NO_DISTRIBUTION").any()
    calibration = json.loads((tmp_path / "run" / "calibration" / "calibration.json").read_text())
    assert "prefer no base" in calibration["outcome"]
    assert calibration["options"]["scores"] == "cadd"


def test_models_on_other_scales_are_compared_by_rank_alone(run, laws, of_probabilities, tmp_path):
    """A magnitude and a track beside a model of probabilities: flags stay those of the model, and
    the ranks are those of the three scores."""
    frame, letters = laws
    model = imported(run, table_of_laws(frame), tmp_path)
    head = ["#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED"]
    cadd = indexed(
        tmp_path / "cadd.tsv.gz",
        lines_of_alleles(laws, lambda _: "\t1.0", sign=-3.0),
        head,
    )
    track = tmp_path / "phylop.bw"
    values = np.cos(np.arange(len(letters)))
    file = pyBigWig.open(str(track), "w")
    file.addHeader([(CONTIG, len(letters))])
    file.addEntries(CONTIG, 0, values=values.tolist(), span=1, step=1)
    file.close()
    bundles = [
        model,
        registered(run, tmp_path, cadd, "cadd", "cadd"),
        registered(run, tmp_path, track, "phylop", "phylop"),
    ]
    outside = {"cadd": cadd, "phylop": track}
    alleles = flagged(run, *bundles, out=tmp_path / "run", outside=outside)
    snv = (alleles["status"] == "SCORED") & (alleles["var_pos"] < 0)
    assert alleles["rank"].tolist() == of_probabilities["rank"].tolist()
    np.testing.assert_array_equal(alleles["llr"], of_probabilities["llr"])
    # the slow twin: share of the run's SNVs below, an equal one half, over three scores
    chosen = alleles[snv]
    llr = chosen["llr"].to_numpy(np.float64)
    conserved = -values[chosen["pos"].to_numpy()].astype(np.float32).astype(np.float64)
    ranks = [
        [100 * np.mean((scores < one) + (scores == one) / 2) for one in scores]
        for scores in (llr, llr, conserved)
    ]
    np.testing.assert_allclose(chosen["models_pct"], np.mean(ranks, axis=0), atol=1.5)
    np.testing.assert_allclose(chosen["models_sd"], np.std(ranks, axis=0), atol=1.5)
    comparison = json.loads((tmp_path / "run" / "sites" / "model_comparison.json").read_text())
    alike = [(one["a"], one["b"]) for one in comparison["ranks"] if one["near_duplicate"]]
    assert alike == [("elsewhere", "cadd")]


# ---- bad input


def outcome(capsys, *options):
    """Exit code and message of import_scores."""
    code = cli.main(["import_scores", *map(str, options)])
    return code, capsys.readouterr().err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("given", "code", "words"),
    [("changed", 65, "import_scores registered"), ("none", 64, "--score_table: not given")],
)
def test_the_table_that_was_registered_must_be_given(
    run, laws, tmp_path, capsys, given, code, words
):
    lines = list(lines_of_alleles(laws))
    bundle = registered(
        run, tmp_path, indexed(tmp_path / "scores.tsv.bgz", lines), "gpn_msa", "elsewhere"
    )
    (tmp_path / "other").mkdir()
    changed = indexed(tmp_path / "other" / "scores.tsv.bgz", lines[:-1])
    shard = next((run / "plan" / "shards").glob("shard_*.parquet"))
    options = ["--fasta", run / "genome.fa", "--bundle", bundle.directory, "--shard", shard]
    options += ["--out_dir", tmp_path / "scores"]
    options += ["--score_table", changed] if given == "changed" else []
    assert cli.main(["score_sites", *map(str, options)]) == code
    assert words in capsys.readouterr().err
    assert not list((tmp_path / "scores").glob("*"))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("layout", "code", "words"),
    [("cadd", 65, "layout cadd"), ("gpnmsa", 64, "gpn_msa"), ("", 65, "--external_columns")],
)
def test_a_layout_that_does_not_fit_is_refused(run, laws, tmp_path, capsys, layout, code, words):
    table = indexed(tmp_path / "scores.tsv.bgz", lines_of_alleles(laws))
    options = ["--scores", table, "--model_id", "x", "--fasta", run / "genome.fa"]
    observed, text = outcome(
        capsys, *options, "--external_columns", layout, "--out_dir", tmp_path / "models"
    )
    assert observed == code
    assert words in text
    assert not (tmp_path / "models" / "x").exists()
