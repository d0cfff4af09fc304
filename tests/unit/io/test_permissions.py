"""Who may read what a run writes: results follow the umask, and temporary files lie in folders that
nobody else may enter."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long

CODE = """
import json, os, sys, tempfile
from pathlib import Path
os.umask(int(sys.argv[1], 8))
tempfile.gettempdir()  # tries whether it can write there, before anybody listens
written = []

def listen(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] & os.O_CREAT:
        written.append(os.path.abspath(os.fsdecode(arguments[0])))
    if event in ("tempfile.mkdtemp", "tempfile.mkstemp"):
        written.append(os.path.abspath(arguments[0]))

sys.addaudithook(listen)
import small_run
folder = Path("run").resolve()
folder.mkdir()
small_run.run_in(folder)
print(json.dumps([path for path in written if path.startswith(tempfile.gettempdir())]))
"""


@pytest.fixture(scope="module", params=["027"])
def run(request, tmp_path_factory):
    """The folder of all steps up to annotate_sites, the mask, and the paths that were written below
    the folder for temporary files."""
    folder = tmp_path_factory.mktemp("run")
    temporary = folder / "temporary"
    temporary.mkdir(mode=0o755)
    ended = subprocess.run(
        [sys.executable, "-c", CODE, request.param],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    )
    assert ended.returncode == 0, ended.stderr
    return folder / "run", int(request.param, 8), json.loads(ended.stdout.splitlines()[-1])


def test_every_result_has_the_permissions_that_the_umask_leaves(run):
    folder, mask, _ = run
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    assert len(paths) > 20
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in paths}
    wanted = {
        str(path.relative_to(folder)): (0o777 if path.is_dir() else 0o666) & ~mask for path in paths
    }
    assert modes == wanted


@pytest.mark.bad_input
def test_temporary_files_lie_in_private_folders_and_are_removed(run):
    """tempfile makes such folders with mode 700, whatever the umask is."""
    folder, _, written = run
    temporary = folder.parent / "temporary"
    below = [path[len(str(temporary)) :].strip("/") for path in written]
    assert below, "no step wrote a temporary file"
    assert all(name.split("/")[0].startswith("tmp") for name in below), below
    assert list(temporary.iterdir()) == []
