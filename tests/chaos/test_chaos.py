"""Whole runs with one fault each, then -resume: the same bytes as the untouched run, or a refusal that
names the harmed file, or a harmed result that `gfmtrust verify` names; never a traceback of ours.

`make chaos` makes CHAOS runs from number CHAOS_FIRST on; the number of a run is its seed. Every run
adds a line to CHAOS_TABLE.
"""

import contextlib
import io
import json
import os
import resource
from pathlib import Path

import chaos_faults
import nextflow_run
import numpy as np
import pytest

from gfmtrust.cli.main import main

pytestmark = [pytest.mark.chaos, pytest.mark.bad_input]
RUNS = int(os.environ.get("CHAOS", "100"))
FIRST = int(os.environ.get("CHAOS_FIRST", "1"))
OUTCOMES = Path(os.environ.get("CHAOS_TABLE", "chaos.tsv")).absolute()
BUG = "this is a bug in gfmtrust"


def outcome(resumed, untouched: dict[str, bytes], harmed: str) -> str:
    """What the resumed run came to; empty where it is none of what is allowed."""
    if resumed.code:
        return "refused by name" if harmed and harmed in resumed.text else ""
    results = nextflow_run.contents(resumed.outdir)
    if results == untouched:
        return "same bytes"
    differing = {
        name for name in {*results, *untouched} if results.get(name) != untouched.get(name)
    }
    with contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(["verify", str(resumed.outdir)])
    named = code in (65, 66, 74) and any(Path(name).name in err.getvalue() for name in differing)
    return "named by verify" if named else ""


def bugs(launch: Path) -> list[str]:
    """The last lines of the tasks that ended with a traceback."""
    texts = (path.read_text(errors="replace") for path in launch.glob("work/*/*/.command.err"))
    return [text[-1500:] for text in texts if BUG in text]


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("number", range(FIRST, FIRST + RUNS))
def test_a_run_with_one_fault(number, request):
    rng = np.random.default_rng(number)
    fault = chaos_faults.FAULTS[(number - 1) % len(chaos_faults.FAULTS)]
    if lack := chaos_faults.lacking(fault):
        pytest.skip(f"{fault.__name__} {lack}")
    network = fault in chaos_faults.NETWORK_FAULTS
    untouched = request.getfixturevalue("with_a_network" if network else "plain")
    start = cpu_s()
    faulty = chaos_faults.Faulty(untouched, rng)
    with faulty.after:
        row = [number, fault.__name__]
        try:
            fault(faulty)
            tracebacks = bugs(faulty.launch)
            resumed = faulty.resume()
            tracebacks += bugs(faulty.launch)
            result = "" if tracebacks else outcome(resumed, untouched.contents, faulty.harmed)
            row += [faulty.harmed or "-", resumed.code, result or "FAULT"]
        except BaseException:
            row += [faulty.harmed or "-", "-", "FAULT"]
            raise
        finally:
            with open(OUTCOMES, "a", encoding="utf-8") as file:
                file.write("\t".join(map(str, [*row, f"{cpu_s() - start:.0f}"])) + "\n")
    assert result, json.dumps([row, *tracebacks, resumed.text[-3000:]], indent=1)
