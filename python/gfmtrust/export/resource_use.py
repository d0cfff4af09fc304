"""The resource use of a bundle: time per window and peak memory of a separate process that does
nothing else and does not import torch.

    python -m gfmtrust.export.resource_use BUNDLE N_WINDOWS THREADS
        ->   {"seconds": per window, "megabytes": peak}
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import InternalError, message
from gfmtrust.readers.registry import reader_of

STATUS = Path("/proc/self/status")
"""Its VmHWM starts anew with each program, whereas getrusage passes on the peak of the parent."""


def footprint(bundle: Bundle, n_windows: int = 16, threads: int = 1) -> dict[str, float]:
    """Return the seconds per window and the peak memory in MB of scoring n windows in a new
    process. Raises InternalError (70) where that fails."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(bundle.directory), str(n_windows), str(threads)],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    if done.returncode:
        raise InternalError(
            message(
                f"bundle {bundle.model_id}",
                f"exit code {done.returncode} in a process of its own",
                "figures",
                done.stderr.strip().splitlines()[-1]
                if done.stderr.strip()
                else "is there enough memory?",
            )
        )
    return json.loads(done.stdout)


def _measured(directory: Path, n_windows: int, threads: int) -> dict[str, float]:
    bundle = Bundle.open(directory)
    session = Session.open(bundle, "cpu", threads, allow_long_window=True)
    codes = np.random.default_rng(1).integers(0, 4, (n_windows, bundle.window_bp), dtype=np.uint8)
    started = time.monotonic()
    reader_of(bundle).letter_scores(session, codes, bundle.site_forward)
    seconds = (time.monotonic() - started) / n_windows
    peak = re.search(r"VmHWM:\s+(\d+)", STATUS.read_text(encoding="utf-8"))
    assert peak is not None, "Linux states the peak of every process"
    return {"seconds": seconds, "megabytes": int(peak[1]) / 1024}


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
