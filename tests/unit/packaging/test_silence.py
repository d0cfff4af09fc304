"""No library that we load leaves an id of the machine or events to be sent."""

import os
import subprocess
import sys

import pytest
import toy_models

CODE = """
import sys
{first}
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
"""


def left_by(folder, first: str) -> list[str]:
    """Names of the files in the folders for temporary and cached files after a session of ONNX
    Runtime."""
    home, temporary = folder / "home", folder / "temporary"
    home.mkdir()
    temporary.mkdir()
    toy_models.write_toy(folder / "toy")
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    subprocess.run(
        [sys.executable, "-c", CODE.format(first=first), str(folder / "toy" / "model.onnx")],
        env={
            **kept,
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "PYTHONPATH": os.pathsep.join(map(str, sys.path)),
        },
        check=True,
    )
    return sorted(
        path.name for place in (home, temporary) for path in place.rglob("*") if path.is_file()
    )


@pytest.mark.long
@pytest.mark.bad_input
def test_onnx_runtime_neither_keeps_an_id_nor_an_event(tmp_path):
    """By itself, 1.31 writes `.ses` and a database of events as soon as it is imported."""
    assert left_by(tmp_path, "import gfmtrust") == []
