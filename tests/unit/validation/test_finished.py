"""A finished run against its manifest, and its scores computed again: one flipped byte, one wrong
number, another bundle or genome is found and named."""

import json
import shutil
from pathlib import Path

import external_run
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from gfmtrust.cli.main import main
from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.validation.finished import digests, rescore

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def finished(examples):
    """The folder of a small run with its annotated VCF and its report; the results are in
    `results`."""
    return examples


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the results that a test may harm."""
    return shutil.copytree(finished / "results", tmp_path / "results")


def again(run, folder, share=0.2, seed=1):
    return rescore.rescore(run, folder / "genome.fa", share, seed, ScoringOptions(device="cpu"))


def with_column(path, name, values):
    """The table again with other values in one column, float32, and its metadata unchanged."""
    table = pq.read_table(path)
    place = table.schema.names.index(name)
    pq.write_table(
        table.set_column(place, table.schema.field(name), pa.array(values, pa.float32())), path
    )


def test_a_sound_run_has_every_digest(finished):
    manifest = json.loads((finished / "results/pipeline_info/manifest.json").read_text())
    assert [one["name"] for one in manifest["inputs"]] == ["a.vcf"]
    assert manifest["inputs"][0]["bytes"] == (finished / "a.vcf").stat().st_size
    assert manifest["annotated"][0]["index_file"]["name"] == "annotated.vcf.gz.tbi"
    assert {"sites.parquet", "calibration.json", "copies.parquet"} <= {
        file["name"] for file in manifest["files"]
    }
    verified = digests.verify_run(finished / "results", [finished / "a.vcf"])
    assert (verified.models, verified.inputs) == (1, 1)
    assert verified.files == len(manifest["files"]) + 2


@pytest.mark.parametrize(("share", "n"), [(0.3, None), (1e-9, 1)])
def test_scores_are_the_same_bit_by_bit(finished, share, n):
    rescored = again(finished / "results", finished, share)
    assert rescored.bit_by_bit
    assert rescored.largest == {"llr": 0, "ent": 0}
    assert rescored.alleles == n or 5 < rescored.alleles < 35  # of 60 SNVs
    assert rescored.alleles == rescored.sites


def test_the_seed_decides_which_alleles_are_drawn(finished):
    sites = pq.read_table(finished / "results" / "scores" / "sites.parquet").to_pandas()
    first, same, other = (rescore.drawn(sites, 0.3, seed) for seed in (1, 1, 2))
    assert first.equals(same)
    assert not first["pos"].equals(other["pos"])
    assert (first["ref"].str.len() == 1).all()


def test_the_command_prints_what_it_compared(finished, capsys):
    run, fasta = str(finished / "results"), str(finished / "genome.fa")
    assert main(["verify", run, "--rescore", "0.1", "--fasta", fasta, "--device", "cpu"]) == 0
    printed = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert printed["bit_by_bit"] == "yes"
    assert printed["largest_llr_difference"] == "0"


def table_of(folder, path, head=()):
    """An indexed table with a score of every SNV of the genome."""
    letters = (folder / "genome.fa").read_text().split()[1]
    rng = np.random.default_rng(3)
    lines = [
        f"c\t{pos + 1}\t{ref}\t{alt}\t{rng.normal():.3f}\t1\n"
        for pos, ref in enumerate(letters)
        for alt in "ACGT"
        if alt != ref
    ]
    path.write_text("".join([*head, *lines]))
    return Path(pysam.tabix_index(str(path), seq_col=0, start_col=1, end_col=1, force=True))


CADD = ("#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED\n",)


def run_with_tables(folder, out, outside, inside=""):
    """The results folder of a run of the context model beside tables. outside: the layout of the
    table that stays outside; inside: name of a model whose table is in its bundle."""
    table = table_of(folder, out / "table.tsv", CADD if outside == "cadd" else ())
    bundles = [
        external_run.imported_from(folder, table, out, "table", ("--external_columns", outside))
    ]
    if inside:
        laws, _ = external_run.answers(folder)
        text = external_run.table_of_laws(laws)
        bundles.insert(0, external_run.imported(folder, text, out, inside))
    external_run.flagged(folder, *bundles, out=out / "steps", outside={"table": table})
    run = shutil.copytree(folder / "results", out / "results")
    shutil.copy(out / "steps" / "sites" / "sites.parquet", run / "scores")
    path = run / "pipeline_info" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[documents.SEAL]
    for bundle in reversed(bundles):
        shutil.copytree(bundle.directory, run / "models" / bundle.model_id)
        manifest["models"].insert(0, manifest["models"][0] | {"id": bundle.model_id})
    path.write_text(json.dumps(manifest))
    return run


def shifted(run, column):
    """The table of the run with other values in one column."""
    path = run / "scores" / "sites.parquet"
    with_column(path, column, pq.read_table(path)[column].to_numpy().astype(np.float32) + 1)


@pytest.mark.parametrize("layout", ["gpn_msa", "cadd"])
def test_scores_of_a_table_outside_the_run_are_left_out(finished, tmp_path, caplog, layout):
    """Every such run ended with a missing --score_table, which verify does not have. A table that
    votes leaves what follows from the context model alone."""
    run = run_with_tables(finished, tmp_path, layout)
    rescored = again(run, finished)
    assert (rescored.models, rescored.bit_by_bit, rescored.largest) == (1, True, {})
    assert "table: the scores are in tables outside the run" in caplog.text
    shifted(run, "llr")
    again(run, finished)
    shifted(run, "local_surprisal")
    with pytest.raises(BadDataError, match="local_surprisal is"):
        again(run, finished)


def test_a_table_outside_the_run_that_has_no_vote_leaves_all_else_compared(finished, tmp_path):
    run = run_with_tables(finished, tmp_path, "cadd", inside="voter")
    rescored = again(run, finished)
    assert (rescored.models, rescored.largest) == (2, {"llr": 0, "ent": 0})
    shifted(run, "llr")
    with pytest.raises(BadDataError, match="llr is"):
        again(run, finished)


@pytest.mark.bad_input
def test_a_run_whose_models_are_all_tables_outside_it_cannot_be_scored_again(finished, tmp_path):
    run = run_with_tables(finished, tmp_path, "gpn_msa")
    path = run / "pipeline_info" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"models": manifest["models"][:1]}))
    with pytest.raises(BadDataError, match="table are in tables outside it; expected a model"):
        again(run, finished)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "name",
    [
        "scores/sites.parquet",
        "calibration/calibration.json",
        "calibration/background.parquet",
        "calibration/model_ranks.parquet",
        "calibration/probes.scored.parquet",
        "annotated.counts.json",
        "annotated.vcf.gz",
        "annotated.vcf.gz.tbi",
        "gfmtrust_report.html",
        "models/context_model/model.onnx",
        "models/context_model/members.json",
        "copies.parquet",
    ],
)
def test_one_flipped_bit_is_found_in_its_file(copied, name):
    path = copied / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=path.name):
        digests.verify_run(copied, [])
    path.unlink()
    with pytest.raises((MissingInputError, BadDataError), match=path.name):
        digests.verify_run(copied, [])


def test_two_files_of_one_name_are_compared_each_with_its_own_digest(copied):
    """A sample of the name `sites` has a sites.gfm.vcf.gz beside that of the run's alleles."""
    path = copied / "pipeline_info" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[documents.SEAL]
    manifest["annotated"][0]["output"]["name"] = "copies.parquet"
    path.write_text(json.dumps(manifest))
    (copied / "sub").mkdir()
    second = (copied / "annotated.vcf.gz").rename(copied / "sub" / "copies.parquet")
    assert digests.verify_run(copied, []).files == len(manifest["files"]) + 2
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(MissingInputError, match=r"no copies\.parquet"):
        digests.verify_run(copied, [])
    second.write_bytes(content[:-1])
    with pytest.raises((BadDataError, InputOutputError), match=r"copies\.parquet"):
        digests.verify_run(copied, [])


@pytest.mark.bad_input
def test_another_bundle_with_sound_digests_is_found(copied):
    path = copied / "pipeline_info" / "manifest.json"
    path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0', 1))
    manifest = json.loads(path.read_text())
    del manifest[documents.SEAL]
    manifest["models"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))
    with pytest.raises(BadDataError, match="SHA-256"):
        digests.verify_run(copied, [])


@pytest.mark.bad_input
def test_an_input_that_is_another_file_is_found(finished, tmp_path):
    (tmp_path / "a.vcf").write_bytes((finished / "a.vcf").read_bytes() + b"\n")
    with pytest.raises(BadDataError, match=r"a\.vcf: SHA-256 is"):
        digests.verify_run(finished / "results", [tmp_path / "a.vcf"])
    with pytest.raises(BadDataError, match=r"genome\.fa: no input of this run; expected one of a"):
        digests.verify_run(finished / "results", [finished / "genome.fa"])


@pytest.mark.bad_input
@pytest.mark.parametrize("column", ["llr", "ent", "llr_sd", "dis", "strand_jsd"])
def test_one_number_one_bit_off_is_found_at_its_allele(finished, copied, column):
    path = copied / "scores" / "sites.parquet"
    sites = pq.read_table(path).to_pandas()
    drawn = rescore.drawn(sites, 0.2, 1)
    row = sites.index[(sites["pos"] == drawn["pos"].iloc[-1]) & (sites["var_pos"] < 0)][0]
    values = sites[column].to_numpy(np.float32).copy()
    values[row] = np.nextafter(values[row], np.float32(9)) if np.isfinite(values[row]) else 0.5
    with_column(path, column, values)
    place = f"c:{sites['pos'][row] + 1} {sites['ref'][row]}>{sites['alt'][row]}: {column} is"
    with pytest.raises(BadDataError, match=f"sites.parquet {place}.* as in 1 of"):
        again(copied, finished)


@pytest.mark.bad_input
def test_between_devices_a_small_difference_passes_and_a_large_one_does_not(finished):
    path = finished / "results" / "scores" / "sites.parquet"
    sites = rescore.drawn(pq.read_table(path).to_pandas(), 0.999, 1)
    moved = sites.assign(llr=sites["llr"] + np.float32(5e-4))
    assert 4e-4 < rescore.compare(path, sites, moved, bit_by_bit=False)["llr"] < 6e-4
    with pytest.raises(BadDataError, match="llr is"):
        rescore.compare(path, sites, moved, bit_by_bit=True)
    for name in ("llr", "ent"):
        far = sites.assign(**{name: sites[name] + np.float32(2e-3)})
        with pytest.raises(BadDataError, match=f"{name} is"):
            rescore.compare(path, sites, far, bit_by_bit=False)
    absent = sites.assign(llr=np.nan)
    with pytest.raises(BadDataError, match="llr is"):
        rescore.compare(path, sites, absent, bit_by_bit=False)


@pytest.mark.bad_input
def test_another_genome_and_a_bundle_that_is_gone_are_refused(finished, copied, tmp_path):
    (tmp_path / "other.fa").write_text(">c\nACGT\n")
    with pytest.raises(BadDataError, match=r"other\.fa: contigs of other names or lengths"):
        rescore.rescore(copied, tmp_path / "other.fa", 0.1, 1, ScoringOptions(device="cpu"))
    shutil.rmtree(copied / "models")
    with pytest.raises(MissingInputError, match="context_model: not found"):
        again(copied, finished)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["."], "not found; expected the --outdir of a finished run"),
        ([".", "b.vcf"], "after a folder"),
        ([".", "--rescore", "0.1"], "one of --rescore and --fasta"),
        (["a.vcf"], "a.vcf alone; expected the annotated VCF after it"),
        (["a.vcf", "--inputs", "b.vcf"], "expected the --outdir of a run, as --inputs is given"),
        (["a.vcf", "b.vcf", "--rescore", "2"], "not between 0 and 1"),
    ],
)
def test_a_wrong_command_line_is_one_line(tmp_path, monkeypatch, capsys, words, line):
    monkeypatch.chdir(tmp_path)
    assert main(["verify", *words]) in (64, 66)
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "annotated", ["null", "[null]", '[{"output": 1}]', '[{"output": {"name": "a"}}]', '["a"]']
)
def test_a_manifest_with_other_values_is_refused_by_name(copied, annotated):
    path = copied / "pipeline_info" / "manifest.json"
    manifest = documents.read_json(path) | {"annotated": json.loads(annotated)}
    path.write_text(json.dumps(manifest))
    with pytest.raises(BadDataError, match="manifest.json"):
        digests.verify_run(copied, [])
