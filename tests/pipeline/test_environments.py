"""A small run in the environments of other people: as a user who may read the checkout and write
nowhere but in the launch folder, and with German numbers; the results are the same bytes."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nextflow_run
import pytest
from chaos_inputs import OPTIONS, TOOLS, inputs

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]
NOBODY = 65534
READER = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
)
"""Another user, who may read everything, as a checkout below /root cannot be read otherwise."""


def run(launch, before=(), extra=None) -> nextflow_run.Run:
    command = nextflow_run.command(launch, "out", "first", *OPTIONS)
    ended = subprocess.run(
        [*before, *command],
        cwd=launch,
        env=nextflow_run.environment(launch, tools=launch / TOOLS) | (extra or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=nextflow_run.LIMIT_S,
        check=False,
    )
    text = ended.stdout + ended.stderr
    return nextflow_run.Run(ended.returncode, text, launch, launch / "out", "first")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Published file -> bytes of a run in the environment of the tests."""
    done = run(inputs(tmp_path_factory.mktemp("reference") / "launch"))
    assert done.code == 0, done.text
    return nextflow_run.contents(done.outdir)


@pytest.fixture
def public():
    """A folder that others may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv of util-linux")
def test_another_user(reference, public):
    launch = inputs(public / "launch")
    for path in (launch, *launch.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    done = run(launch, READER, {"HOME": str(launch), "TMPDIR": str(launch)})
    assert done.code == 0, done.text
    assert nextflow_run.contents(done.outdir) == reference
    owners = {path.stat().st_uid for path in (launch / "out").rglob("*")}
    assert owners == {NOBODY}


@pytest.mark.bad_input
def test_german_numbers(reference, tmp_path):
    """With a decimal comma in Java, in Python and in the tools of the shell."""
    compiled = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")],
        capture_output=True,
        check=False,
    )
    if compiled.returncode:
        pytest.skip("localedef has no source of de_DE")
    german = {
        "LOCPATH": str(tmp_path),
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "de_DE.UTF-8",
        "NXF_OPTS": "-Duser.language=de -Duser.country=DE -Duser.region=DE",
    }
    printed = subprocess.run(
        ["bash", "-c", "printf %.1f 1,5"], env=os.environ | german, capture_output=True, check=True
    )
    assert printed.stdout == b"1,5"
    done = run(inputs(tmp_path / "launch"), extra=german)
    assert done.code == 0, done.text
    assert nextflow_run.contents(done.outdir) == reference
