"""A region file of ten million lines: answered line for line, in bounded memory, each base scored
once."""

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fake_genome import genome_letters

from gfmtrust.annotate.regions import COLUMNS

pytestmark = [pytest.mark.slow, pytest.mark.bad_input]
LENGTH = 60_000
N_LINES = int(os.environ.get("GFMTRUST_TEST_LINES", "10_000_000"))
MEMORY_KB = 4 << 20


def step(folder: Path, *arguments) -> None:
    """One step in a process of its own, so that its memory can be read."""
    program = "import sys; from gfmtrust import cli; sys.exit(cli.main(sys.argv[1:]))"
    ended = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def write_lines(path: Path, rng) -> None:
    """Unsorted, overlapping, repeated lines, one in fifty of no length; a name in the fourth
    column."""
    with open(path, "w") as file:
        for first in range(0, N_LINES, 100_000):
            n = min(100_000, N_LINES - first)
            start, length = rng.integers(0, LENGTH - 300, n), rng.integers(0, 50, n)
            lines = enumerate(zip(start.tolist(), length.tolist(), strict=True), start=first)
            file.writelines(f"c\t{at}\t{at + bases}\tr{number}\n" for number, (at, bases) in lines)


def same_number(text: str, wanted: float) -> str:
    """The text, where it is that number to the digits it has."""
    return text if float(text) == pytest.approx(wanted, abs=6e-5) else f"{wanted:.6g}"


def test_ten_million_lines(tmp_path):
    (tmp_path / "genome.fa").write_text(f">c\n{genome_letters(6, LENGTH)}\n")
    write_lines(tmp_path / "many.bed", np.random.default_rng(4))
    step(tmp_path, "fit_context_model", "--fasta", "genome.fa", "--out_dir", "context_model")
    step(
        tmp_path,
        "check_inputs",
        "--fasta",
        "genome.fa",
        "--regions",
        "many.bed",
        "--out_dir",
        "checked",
    )
    step(
        tmp_path,
        "plan_sites",
        "--fasta",
        "genome.fa",
        "--checked",
        "checked",
        "--regions",
        "many.bed",
        "--context_model",
        "context_model",
        "--probes",
        2000,
        "--out_dir",
        "plan",
    )
    for shard in sorted((tmp_path / "plan" / "shards").glob("*.parquet")):
        step(
            tmp_path,
            "score_sites",
            "--fasta",
            "genome.fa",
            "--bundle",
            "context_model",
            "--shard",
            shard,
            "--out_dir",
            "scores",
        )
    output = ("--plan", "plan", "--scores", "scores", "--models", "context_model")
    step(tmp_path, "calibrate", *output, "--out_dir", "calibration")
    step(
        tmp_path,
        "annotate_sites",
        *output,
        "--calibration",
        "calibration/calibration.json",
        "--out_dir",
        "sites",
    )
    step(
        tmp_path,
        "annotate_regions",
        "--bed",
        "many.bed",
        "--name",
        "many",
        "--bases",
        "sites/bases.parquet",
        "--calibration",
        "calibration/calibration.json",
        "--out",
        "many.gfm.bed.gz",
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    bases = pq.read_table(
        tmp_path / "sites" / "bases.parquet", columns=["pos", "ent", "status"]
    ).to_pandas()
    assert not bases["pos"].duplicated().any()
    entropy = np.full(LENGTH, np.nan)
    entropy[bases["pos"]] = bases["ent"].where(bases["status"] == "SCORED")
    place = COLUMNS.index("entropy") + 4
    n = 0
    with (
        gzip.open(tmp_path / "many.gfm.bed.gz", "rt") as result,
        open(tmp_path / "many.bed") as given,
    ):
        for line in result:
            if line.startswith("#"):
                continue
            input_line = next(given)
            assert line.startswith(input_line.rstrip("\n") + "\t")
            if n % 10_007 == 0:
                cells = line.split("\t")
                inside = entropy[int(cells[1]) : int(cells[2])]
                inside = inside[np.isfinite(inside)]
                assert cells[place] == (
                    same_number(cells[place], inside.mean()) if len(inside) else "."
                )
            n += 1
        assert next(given, None) is None
    assert n == N_LINES
    print(f"{n:,} lines, {len(bases):,} bases scored, at most {peak / (1 << 20):.2f} GiB a step")
    assert peak <= MEMORY_KB
