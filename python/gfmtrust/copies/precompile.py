"""Compiles the search at set-up: `python -m gfmtrust.copies.precompile`.

The machine code is kept beside the modules of this package, where every later process reads it
(`core.machine_code`). Without it the search is compiled by the first process on a machine, or in a
container by each task, which takes five seconds of CPU.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from gfmtrust.copies import index
from gfmtrust.io.genome import Genome

FASTA = ">chr1\n" + "ACGTTGCA" * 32 + "\n"


def compile_search() -> None:
    """Compile every function of the search, by searching a small genome once."""
    # numba, which is loaded by the search, then keeps the code beside the modules
    os.environ.pop("NUMBA_CACHE_DIR", None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genome.fa"
        path.write_text(FASTA, encoding="utf-8")
        sites = np.array([0, 0]), np.array([100, 140]), np.array([1, 0])
        index.build(Genome.open(path, folder), *sites)


if __name__ == "__main__":
    sys.exit(compile_search())
