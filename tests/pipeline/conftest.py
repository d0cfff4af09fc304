"""Session fixtures: each configuration of the pipeline runs once, all tests read what it left."""

import shutil
import sys
from pathlib import Path

import chaos_inputs
import nextflow_run
import pytest


def pytest_collection_modifyitems(items):
    """Everything here that runs Nextflow needs it on PATH; without it the tests skip and say so."""
    if shutil.which("nextflow", path=str(nextflow_run.BIN)) or shutil.which("nextflow"):
        return
    for item in items:
        if "pipeline" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no nextflow on PATH: make setup"))


@pytest.fixture(scope="session")
def stub_tools(tmp_path_factory) -> Path:
    """Commands that only know their version: a stub run calls nothing else but read_sheet, whose
    rows decide which tasks there are."""
    folder = tmp_path_factory.mktemp("tools")
    _real_gfmtrust(folder)
    read = '[ "$1" != read_sheet ] || exec real_gfmtrust "$@"\n'
    for name, first in (("gfmtrust", read), ("multiqc", "")):
        (folder / name).write_text(f"#!/bin/sh\n{first}echo 0.0.0\n")
        (folder / name).chmod(0o755)
    return folder


def _real_gfmtrust(folder: Path) -> None:
    """The package of this checkout, for the step that no stand-in replaces."""
    root = nextflow_run.ROOT
    command = (
        f'PYTHONPATH="{root / "python"}" exec "{sys.executable}" "{root / "bin" / "gfmtrust"}"'
    )
    (folder / "real_gfmtrust").write_text(f'#!/bin/sh\n{command} "$@"\n')
    (folder / "real_gfmtrust").chmod(0o755)


@pytest.fixture(scope="session")
def fake_tools(tmp_path_factory) -> Path:
    """Commands that note their arguments and make files of the right names: `fake_gfmtrust.sh`."""
    folder = tmp_path_factory.mktemp("fake")
    shutil.copy(Path(__file__).with_name("fake_gfmtrust.sh"), folder / "gfmtrust")
    _real_gfmtrust(folder)
    (folder / "multiqc").write_text(
        "#!/bin/sh\nmkdir -p multiqc_report_data\necho 0.0.0 | tee multiqc_report.html\n"
    )
    for name in ("gfmtrust", "multiqc"):
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def page_tools(tmp_path_factory) -> Path:
    """A stand-in for MultiQC alone, for real runs whose MultiQC page no test reads."""
    return chaos_inputs.page_tool(tmp_path_factory.mktemp("page") / "tools")


@pytest.fixture(scope="session")
def odd_stub(tmp_path_factory, stub_tools):
    """A stub run with a space in the launch folder, odd file names in every parameter, two models,
    one of them with the name of the folder that it is staged in, and two BEDs, in the locale of a
    cron job, with the configuration of an institution."""
    launch = nextflow_run.make_inputs(
        tmp_path_factory.mktemp("odd") / "launch here", fasta=nextflow_run.ODD_FASTA
    )
    for name in ("weights", "b"):
        (launch / "models" / name).mkdir(parents=True)
    for name in ("my regions[1].bed", "b.bed"):
        (launch / name).write_text("c1\t1\t5\n")
    (launch / "institution.config").write_text(nextflow_run.INSTITUTION)
    return nextflow_run.run(
        launch,
        *nextflow_run.ODD_OPTIONS,
        "-c",
        "institution.config",
        outdir="out [here]",
        tools=stub_tools,
        extra={"LC_ALL": "C", "LANG": "C"},
    )


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory):
    """-profile test with nothing but --outdir: the context model on the demo cohort."""
    return nextflow_run.run(tmp_path_factory.mktemp("demo"), "-profile", "test")


@pytest.fixture(scope="session")
def regions_run(tmp_path_factory):
    """The regions of a small genome without any VCF: the context model alone. The launch folder has
    letters beyond ASCII, no one else may read what is written, and nothing can be written to HOME."""
    launch = chaos_inputs.inputs(tmp_path_factory.mktemp("regions") / "Régions é 基因")
    return nextflow_run.run(
        launch,
        *chaos_inputs.REGIONS_ALONE,
        tools=launch / chaos_inputs.TOOLS,
        extra={"HOME": "/proc", "LC_ALL": "C.UTF-8"},
        umask=0o077,
    )
