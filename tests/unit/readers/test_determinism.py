"""Bytes that may depend on nothing but the inputs: batch, threads, size of shards, order of records
and of files."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from paths import ROOT
from step_calls import call

from gfmtrust.planning import variant_probes

DEMO = ROOT / "assets" / "demo"
pytestmark = [pytest.mark.slow, pytest.mark.torch]
GRID = list(itertools.product((1, 3, 32), (1, 2), (90, 1_000_000), (False, True)))
"""Batch, threads, sites a shard, records turned round: 24 configurations."""
LENGTH = 30_000


@pytest.fixture(scope="module", autouse=True)
def few_probes():
    """30 pairs of indel probes and as many of MNVs: the least a run draws otherwise would take most
    of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variant_probes, "PAIR_LIMITS", (30, 60))
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A piece of the demo genome, its variants in two files (SNVs, indels, MNVs), one region, the
    context model and one network."""
    folder = tmp_path_factory.mktemp("inputs")
    letters = "".join(
        gzip.open(DEMO / "genome.fa.gz", "rt").read().split("\n", 1)[1].split("\n>")[0].split()
    )[:LENGTH]
    (folder / "genome.fa").write_text(f">c\n{letters}\n")
    rng = np.random.default_rng(8)
    rows = []
    for pos in np.sort(rng.choice(LENGTH - 40, 120, replace=False)):
        here = letters[pos : pos + 6].upper()
        if set(here) <= set("ACGT"):
            other = "CGTA"["ACGT".index(here[0])]
            both = other + "CGTA"["ACGT".index(here[1])]
            kinds = [
                (here[0], other),
                (here[:3], here[0]),
                (here[0], here[0] + here[2:4]),
                (here[:2], both),
                (here[0], f"{other},{here[0]}TT"),
            ]
            ref, alt = kinds[rng.integers(len(kinds))]
            rows.append(f"c\t{pos + 1}\t.\t{ref}\t{alt}\t.\t.\t.\n")
    header = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={LENGTH}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    for name, subset in (("a", rows[::2]), ("b", rows[1::2] + rows[:20:2])):
        (folder / f"{name}.vcf").write_text(header + "".join(subset))
        (folder / f"{name}.turned.vcf").write_text(header + "".join(subset[::-1]))
    (folder / "r.bed").write_text("c\t5000\t5150\nc\t5100\t5200\n")
    call(
        "fit_context_model", "--fasta", folder / "genome.fa", "--out_dir", folder / "context_model"
    )
    call(
        "export_model",
        "--fasta",
        folder / "genome.fa",
        "--model",
        DEMO / "models" / "gpn-demo-1",
        "--windows",
        50,
        "--allow_untrained",
        "--out_dir",
        folder,
    )
    return folder


def run(
    inputs: Path, out: Path, batch: int, threads: int, shard_size: int, turned: bool
) -> dict[str, bytes]:
    """The tables of one run by name."""
    ending = "turned.vcf" if turned else "vcf"
    names = ("b", "a") if turned else ("a", "b")
    out.mkdir()
    (out / "vcfs.tsv").write_text("".join(f"{name}\t{inputs / name}.{ending}\n" for name in names))
    common = ("--fasta", inputs / "genome.fa")
    regions = ("--regions", inputs / "r.bed")
    bundles = (inputs / "gpn-demo-1", inputs / "context_model")
    call(
        "check_inputs",
        *common,
        "--vcfs",
        out / "vcfs.tsv",
        *regions,
        "--out_dir",
        out / "checked",
        "--cpus",
        threads,
    )
    call(
        "plan_sites",
        *common,
        "--checked",
        out / "checked",
        *regions,
        "--context_model",
        inputs / "context_model",
        "--probes",
        200,
        "--shard_size",
        shard_size,
        "--cpus",
        threads,
        "--out_dir",
        out / "plan",
    )
    for bundle in bundles:
        stride = out / f"{bundle.name}.stride.json"
        call(
            "choose_stride",
            *common,
            "--plan",
            out / "plan",
            "--bundle",
            bundle,
            "--region_stride",
            8,
            "--cpus",
            threads,
            "--out",
            stride,
        )
        for shard in sorted((out / "plan" / "shards").glob("*.parquet")):
            call(
                "score_sites",
                *common,
                "--bundle",
                bundle,
                "--shard",
                shard,
                "--stride",
                stride,
                "--batch",
                batch,
                "--cpus",
                threads,
                "--out_dir",
                out / "scores",
            )
    output = ("--plan", out / "plan", "--scores", out / "scores", "--models", *bundles)
    call("calibrate", *output, "--out_dir", out / "calibration")
    call(
        "annotate_sites",
        *output,
        "--calibration",
        out / "calibration" / "calibration.json",
        "--out_dir",
        out / "sites",
    )
    items = [
        *(out / "sites").iterdir(),
        *(out / "calibration").iterdir(),
        out / "plan" / "variants.parquet",
    ]
    return {path.name: path.read_bytes() for path in sorted(items)}


@pytest.fixture(scope="module")
def first(inputs, tmp_path_factory) -> dict[str, bytes]:
    return run(inputs, tmp_path_factory.mktemp("first") / "out", *GRID[0])


@pytest.mark.parametrize(
    "configuration", GRID[1:], ids=lambda given: "batch{}-threads{}-shard{}-turned{}".format(*given)
)
def test_no_byte_depends_on_how_the_work_is_cut(inputs, first, tmp_path, configuration):
    again = run(inputs, tmp_path / "out", *configuration)
    assert again.keys() == first.keys()
    assert [name for name in first if again[name] != first[name]] == []


def test_the_same_again(inputs, first, tmp_path):
    again = run(inputs, tmp_path / "out", *GRID[0])
    assert again == first
