"""Compiles the law at set-up: `python -m gfmtrust.baseline.precompile`.

The machine code is kept beside the modules of this package, where every later process reads it
(`core.machine_code`). Without it the law is compiled by the first process on a machine, or in a
container by each task, which takes four seconds of CPU.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from gfmtrust.baseline.counts import Table
from gfmtrust.baseline.evaluate import Law
from gfmtrust.baseline.lookup import Lookup
from gfmtrust.baseline.members import N_MEMBERS


def compile_law() -> None:
    """Compile the law, by asking one of two orders for one place and one change."""
    # numba, which is loaded by the look-up, then keeps the code beside the modules
    os.environ.pop("NUMBA_CACHE_DIR", None)
    tables = [Table(np.zeros((4**length, N_MEMBERS), np.float32)) for length in (1, 2)]
    law = Law((0, 1), tables, np.empty(0, np.float32), np.ones((1, 2), np.float32))
    votes = np.ones((1, N_MEMBERS), bool)
    lookup, letters = Lookup.of(law, np.float32(0)), np.zeros(16, np.uint8)
    lookup.log_probs(letters, np.array([1]), votes)
    lookup.log_ratios(letters, np.array([[2, 8]]), np.array([[1, 0]]), votes)


if __name__ == "__main__":
    sys.exit(compile_law())
