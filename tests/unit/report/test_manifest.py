"""manifest.json and the MultiQC files: digests against sha256sum, data against the counts, and real
MultiQC reads them."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pysam
import pytest
from hand_made_calibration import by_hand
from paths import ROOT
from synthetic_run import DIGESTS, bed_counts, make_run, vcf_counts

from gfmtrust.calibration.own_alleles import OwnAlleleRow
from gfmtrust.core.errors import InputOutputError, MissingInputError
from gfmtrust.io.bgzf import EOF_BLOCK
from gfmtrust.io.output_digest import published, published_whole
from gfmtrust.report import multiqc
from gfmtrust.report.report import RunFiles, report


@pytest.fixture(scope="module")
def report_output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    tracks = [folder / "tracks" / name for name in ("entropy.bw", "flags.bed.gz.tbi")]
    tracks[0].parent.mkdir()
    for path in tracks:
        path.write_bytes(EOF_BLOCK if path.suffix == ".tbi" else path.name.encode())
    files = make_run(folder, n_sites=300, n_probes=600)
    for number in (1, 2):  # two files of one name
        audit = folder / "audit" / f"m{number}" / "audit.html"
        audit.parent.mkdir(parents=True)
        audit.write_text(f"<html>{number}</html>")
    report(RunFiles(**files, audit=folder / "audit", tracks=tuple(tracks)), out_dir=folder / "out")
    return folder, json.loads((folder / "out" / "manifest.json").read_text())


def test_digests_are_those_of_sha256sum(report_output):
    folder, manifest = report_output
    for entry in manifest["files"]:
        paths = [str(path) for path in folder.rglob(entry["name"])]
        lines = subprocess.run(
            ["sha256sum", *paths], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        sizes = {(line.split()[0], Path(line.split()[1]).stat().st_size) for line in lines}
        assert (entry["sha256"], entry["bytes"]) in sizes


def test_manifest_names_every_file_and_no_folder(report_output):
    folder, manifest = report_output
    names = [entry["name"] for entry in manifest["files"]]
    assert names == sorted(names)
    assert {
        "gfmtrust_report.html",
        "sites.parquet",
        "bases.parquet",
        "calibration.json",
        "probes.scored.parquet",
        "NA1.counts.json",
        "ccre.counts.json",
        "gfmtrust_flags_mqc.json",
        "entropy.bw",
        "flags.bed.gz.tbi",
    } <= set(names)
    assert names.count("audit.html") == 2
    assert str(folder) not in json.dumps(manifest)


def test_manifest_holds_the_contract_of_each_annotated_file(report_output):
    annotated = {entry["id"]: entry for entry in report_output[1]["annotated"]}
    assert list(annotated) == ["ccre", "NA1", "NA2", "NA3"]
    assert annotated["NA1"]["digest"] == "d1" * 32
    assert annotated["NA1"]["statuses"] == {"SCORED": 900, "UNSUPPORTED": 100}
    assert annotated["NA1"]["no_alt"] == 2
    assert annotated["NA1"]["output"]["sha256"] == "ab" * 32
    assert annotated["ccre"]["intervals"] == 8


def test_manifest_tells_genome_models_and_seed(report_output):
    manifest = report_output[1]
    assert manifest["genome"]["digest"] == DIGESTS["genome"]
    assert manifest["genome"]["contigs"][0] == {
        "name": "chr1",
        "length": 1_000_000,
        "md5": "e4" * 16,
    }
    assert [(model["id"], model["sha256"]) for model in manifest["models"]] == [
        ("gpn-a", "a1" * 32),
        ("context", "c0" * 32),
    ]
    assert manifest["calibration"]["seed"] == manifest["plan"]["seed"] == 1
    assert sum(manifest["unique_alleles"]["statuses"].values()) == 300


@pytest.mark.bad_input
def test_a_file_that_is_gone_cannot_be_published(tmp_path):
    with pytest.raises(MissingInputError):
        published(tmp_path / "gone.vcf.gz")


def content(counts, name):
    return json.loads(multiqc.files(counts, by_hand())[name])


def test_general_table_holds_the_counts():
    table = content([vcf_counts("s1", 1, 2, 3, 4), bed_counts("r")], multiqc.GENERAL)
    assert table["data"] == {"s1": {"scored": 6, "HIGH": 1, "MEDIUM": 2, "LOW": 3}}


def test_bars_add_up_and_leave_out_what_no_file_has():
    counts = [vcf_counts("s1", 0, 2, 3, 4), vcf_counts("s2", 0, 0, 9, 0)]
    flags = content(counts, multiqc.FLAGS)
    assert list(flags["categories"]) == ["MEDIUM", "LOW", "NOT_SCORED"]
    assert flags["data"]["s1"] == {"MEDIUM": 2, "LOW": 3, "NOT_SCORED": 4}
    assert content(counts, multiqc.STATUSES)["data"] == {
        "s1": {"UNSUPPORTED": 4},
        "s2": {"UNSUPPORTED": 0},
    }


@pytest.mark.bad_input
def test_no_files_no_content():
    assert multiqc.files([], by_hand()) == {}
    assert set(multiqc.files([bed_counts("r")], by_hand())) == {multiqc.REGIONS}


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a&b", '"quoted"', "</script>"])
def test_names_are_escaped(name):
    for text in multiqc.files([vcf_counts(name, 1, 1, 1, 1)], by_hand()).values():
        assert "<" not in text.replace("&lt;", "")
        assert not {'"' + name + '"'} & {json.dumps(key) for key in json.loads(text)["data"]}


@pytest.mark.long
def test_real_multiqc_reads_them_offline(tmp_path):
    pytest.importorskip("multiqc")
    hostile = "<img src=x onerror=alert(1)>"
    own_row = OwnAlleleRow("HIGH", "single_copy", 40, 9, 0.12, 0.36, 0.05, 2)
    for name, text in multiqc.files(
        [vcf_counts("NA1", 5, 4, 3, 2), vcf_counts(hostile, 1, 1, 1, 1), bed_counts("ccre")],
        by_hand(own_alleles=(own_row,)),
    ).items():
        (tmp_path / name).write_text(text)
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    config = ROOT / "assets" / "multiqc_config.yml"  # the pipeline's own
    command = [
        sys.executable,
        "-m",
        "multiqc",
        "--no-version-check",
        "--no-ansi",
        "--strict",
        "-q",
        "-c",
        config,
        "-o",
        tmp_path / "mqc",
        tmp_path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    table = (
        (tmp_path / "mqc" / "multiqc_data" / "multiqc_general_stats.txt").read_text().splitlines()
    )
    assert len(table) == 3
    assert [float(value) for value in table[2].split("\t")[1:]] == [12.0, 5.0, 4.0, 3.0]
    page = Path(tmp_path / "mqc" / "multiqc_report.html").read_text()
    assert hostile not in page
    assert 'id="general_stats"' in page
    for section in ("gfmtrust_flags", "gfmtrust_statuses", "gfmtrust_regions"):
        assert f"{section}_plot" in page
    assert "gfmtrust_own_alleles_table" in page
    assert "HIGH single_copy" in page


@pytest.mark.bad_input
def test_an_index_that_was_cut_is_not_published(tmp_path):
    """make chaos, run 41: a cut index of a finished task was published with the digest of what was
    left of it."""
    text, index = tmp_path / "sites.vcf.gz", tmp_path / "sites.vcf.gz.tbi"
    with pysam.BGZFile(str(text), "wb") as file:
        file.write(b"chr1\t5\t5\n" * 9)
    pysam.tabix_index(str(text), seq_col=0, start_col=1, end_col=2, force=True)
    assert published(index).bytes == index.stat().st_size
    index.write_bytes(index.read_bytes()[:-9])
    with pytest.raises(InputOutputError, match=r"sites.vcf.gz.tbi: compressed stream ends inside"):
        published(index)


@pytest.mark.bad_input
def test_an_index_with_a_flipped_bit_is_not_published(tmp_path):
    """make chaos, run 78: such an index of a finished task was published with its new digest."""
    text, index = tmp_path / "sites.vcf.gz", tmp_path / "sites.vcf.gz.tbi"
    with pysam.BGZFile(str(text), "wb") as file:
        file.write(b"chr1\t5\t5\n" * 9)
    pysam.tabix_index(str(text), seq_col=0, start_col=1, end_col=2, force=True)
    whole, refused = index.read_bytes(), 0
    assert published_whole(index) == published(index)
    for at in range(8 * len(whole)):
        content = bytearray(whole)
        content[at // 8] ^= 1 << at % 8
        index.write_bytes(content)
        try:
            published_whole(index)
        except InputOutputError as error:
            refused += str(error).startswith("sites.vcf.gz.tbi: ")
        else:  # bits that change no text: the last seven, and codes of which several say the same
            assert gzip.decompress(content) == gzip.decompress(whole)
    assert refused >= 8 * len(whole) - 16
