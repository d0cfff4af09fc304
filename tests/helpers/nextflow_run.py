"""Runs Nextflow as a user would and reads what it left. Knows nothing of what the pipeline
computes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from paths import ROOT

BIN = Path(sys.executable).parent
SOURCES = sorted(
    path
    for folder in ("modules", "subworkflows", "workflows")
    for path in (ROOT / folder).rglob("*.nf")
) + [ROOT / "main.nf"]
LIMIT_S = 1500
"""Longer than any run of ours on a busy machine; a hanging run fails instead of stopping the whole
suite."""

RUN_DEPENDENT = ("pipeline_info", "multiqc", "report")
"""Folders of the results whose files carry dates, times or durations; everything else is compared
byte by byte."""


ODD_FASTA = "ge nome[1]'.fa"
ODD_OPTIONS = (
    "-stub-run",
    "--input",
    "sheet.csv",
    "--fasta",
    ODD_FASTA,
    "--models",
    "models/weights,models/b",
)
ODD_OPTIONS += ("--regions", "my regions[1].bed,b.bed", "--include", "b.bed")
INSTITUTION = """
params {
    config_profile_description = 'The cluster of an example university'
    max_memory    = 128.GB
    max_cpus      = 16
    max_time      = 240.h
    igenomes_base = '/data/igenomes'
}
"""
"""Parameters of an institution, as the configurations of nf-core/configs are written."""
SHEET = "sample,vcf\nS2,calls/S2.vcf\nS1,calls/S1.vcf\n"


@dataclass(frozen=True)
class Run:
    """A finished run: exit code, everything it printed, its launch folder, its results folder, its
    suffix in pipeline_info."""

    code: int
    text: str
    launch: Path
    outdir: Path
    suffix: str

    def tasks(self) -> list[dict[str, str]]:
        """Rows of the trace, e.g. {'name': 'GFMTRUST:ANNOTATE_VCF (A)', 'status': 'CACHED', 'exit':
        '0', ...}."""
        path = self.outdir / "pipeline_info" / f"execution_trace_{self.suffix}.txt"
        if not path.exists():
            # Nextflow 25.04.0's strict parser names files from the defaults of nextflow.config, not
            # from the command line
            path = max((self.launch / "results" / "pipeline_info").glob("execution_trace_*.txt"))
        with open(path, newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))

    def executed(self) -> set[str]:
        """Processes that ran a task anew, e.g. {'CALIBRATE', 'REPORT'}."""
        return {process(task) for task in self.tasks() if task["status"] != "CACHED"}

    def log(self) -> str:
        return (self.launch / ".nextflow.log").read_text()


def process(task: dict[str, str]) -> str:
    """SCORE_SITES of 'GFMTRUST:SCORE_SITES (gpn:shard_00000)'."""
    return task["name"].split(" ")[0].split(":")[-1]


def command(
    launch: Path,
    outdir: str,
    suffix: str,
    *options: str,
    before: tuple[str, ...] = (),
    script: str = "main.nf",
) -> list[str]:
    """The command line of a run whose work directory lies in its launch folder; `before` are
    Nextflow's own options, `script` is the one that is run."""
    return [
        "nextflow",
        *before,
        "run",
        str(ROOT / script),
        "-work-dir",
        str(launch / "work"),
        "--outdir",
        outdir,
        "--trace_report_suffix",
        suffix,
        *options,
    ]


def environment(launch: Path, parser: str = "v1", tools: Path | None = None) -> dict[str, str]:
    """Environment of a run: private NXF_HOME, no colours, no network; `tools` goes first on
    PATH."""
    paths = [str(tools)] if tools else []
    return os.environ | {
        "PATH": os.pathsep.join([*paths, str(BIN), os.environ["PATH"]]),
        "NXF_HOME": str(launch / ".home"),
        "NXF_OFFLINE": "true",
        "NXF_ANSI_LOG": "false",
        "NXF_SYNTAX_PARSER": parser,
    }


def run(
    launch: Path,
    *options: str,
    outdir: str = "out",
    suffix: str = "first",
    parser: str = "v1",
    tools: Path | None = None,
    extra: dict[str, str] | None = None,
    before: tuple[str, ...] = (),
    script: str = "main.nf",
    umask: int = -1,
) -> Run:
    """Run the pipeline in `launch` and wait for its end, whatever its exit code; `extra` are
    environment variables, `umask` is that of the process (-1: unchanged)."""
    launch.mkdir(parents=True, exist_ok=True)
    variables = environment(launch, parser, tools) | (extra or {})
    ended = subprocess.run(
        command(launch, outdir, suffix, *options, before=before, script=script),
        cwd=launch,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        umask=umask,
    )
    return Run(ended.returncode, ended.stdout + ended.stderr, launch, launch / outdir, suffix)


def make_inputs(
    folder: Path,
    sheet: str = SHEET,
    samples: tuple[str, ...] = ("S1", "S2"),
    fasta: str = "genome.fa",
) -> Path:
    """A launch folder with a samplesheet, its VCFs and a genome; a stub run reads none of them."""
    (folder / "calls").mkdir(parents=True)
    (folder / "sheet.csv").write_text(sheet)
    for sample in samples:
        (folder / "calls" / f"{sample}.vcf").write_text(
            "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        )
    (folder / fasta).write_text(">c1\nACGTACGTAC\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Published file -> bytes, without the folders that carry dates and durations."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.relative_to(folder).parts[0] not in RUN_DEPENDENT
    }


def config(folder: Path, parser: str, *options: str, before: tuple[str, ...] = ()) -> dict:
    """The whole configuration as `nextflow config -o json` gives it; plugins of executors cannot be
    fetched and are not asked for."""
    variables = environment(folder, parser) | {"NXF_PLUGINS_DEFAULT": "false"}
    ended = subprocess.run(
        [
            "nextflow",
            "-log",
            str(folder / "log"),
            *before,
            "config",
            "-o",
            "json",
            *options,
            str(ROOT),
        ],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout[ended.stdout.index("{") :])
