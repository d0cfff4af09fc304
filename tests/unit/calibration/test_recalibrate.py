"""How long new limits take: calibration, annotation and report of 100,000 alleles that are scored
already."""

import time

import numpy as np
import pytest
from fake_genome import genome_letters
from step_calls import call

LENGTH, N_SNVS = 1_200_000, 100_000
MAX_SECONDS = 30


@pytest.mark.bench
def test_new_limits_take_seconds(tmp_path):
    letters = genome_letters(3, LENGTH)
    (tmp_path / "genome.fa").write_text(f">c\n{letters}\n")
    rng = np.random.default_rng(5)
    header = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={LENGTH}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    places = np.sort(rng.choice(LENGTH, N_SNVS, replace=False)).tolist()
    turned = dict(zip("ACGT", "GTAC", strict=True))
    records = [
        f"c\t{at + 1}\t.\t{letters[at]}\t{turned[letters[at]]}\t.\t.\tDP=9\n" for at in places
    ]
    (tmp_path / "s.vcf").write_text(header + "".join(records))
    (tmp_path / "vcfs.tsv").write_text(f"s\t{tmp_path / 's.vcf'}\n")
    fasta, context = ("--fasta", tmp_path / "genome.fa"), tmp_path / "context_model"
    call("check_inputs", *fasta, "--vcfs", tmp_path / "vcfs.tsv", "--out_dir", tmp_path / "checked")
    call("fit_context_model", *fasta, "--out_dir", context)
    call(
        "plan_sites",
        *fasta,
        "--checked",
        tmp_path / "checked",
        "--context_model",
        context,
        "--out_dir",
        tmp_path / "plan",
    )
    for shard in sorted((tmp_path / "plan" / "shards").iterdir()):
        call(
            "score_sites",
            *fasta,
            "--bundle",
            context,
            "--shard",
            shard,
            "--cpus",
            2,
            "--out_dir",
            tmp_path / "scores",
        )
    output = ("--plan", tmp_path / "plan", "--models", context)
    fitted, seconds = tmp_path / "calibration" / "calibration.json", {}

    def timed(step: str, *arguments) -> None:
        started = time.monotonic()
        call(step, *arguments)
        seconds[step] = time.monotonic() - started

    timed(
        "calibrate",
        *output,
        "--scores",
        tmp_path / "scores",
        "--alpha_high",
        0.04,
        "--looks",
        2,
        "--out_dir",
        tmp_path / "calibration",
    )
    timed(
        "annotate_sites",
        *output,
        "--scores",
        tmp_path / "scores",
        "--calibration",
        fitted,
        "--out_dir",
        tmp_path / "sites",
    )
    timed(
        "annotate_vcf",
        "--vcf",
        tmp_path / "s.vcf",
        "--id",
        "s",
        "--sites",
        tmp_path / "sites" / "sites.parquet",
        "--calibration",
        fitted,
        "--out",
        tmp_path / "s.gfm.vcf.gz",
    )
    timed(
        "report",
        *output,
        "--checked",
        tmp_path / "checked",
        "--calibration",
        tmp_path / "calibration",
        "--sites",
        tmp_path / "sites",
        "--counts",
        tmp_path / "s.counts.json",
        "--metrics",
        *sorted((tmp_path / "scores").glob("*.metrics.json")),
        "--out_dir",
        tmp_path / "report",
    )
    print(
        ", ".join(f"{step} {value:.1f} s" for step, value in seconds.items()),
        f"together {sum(seconds.values()):.1f} s",
    )
    assert sum(seconds.values()) < MAX_SECONDS
