"""Oracle genomes: generated genomes with a known distribution of every base, and the demo cohort.

`law` defines what is random, `genomes` draws sequence from a law, `truth` gives the true
distribution of every base, `cohort` draws variants and writes VCF and BED, and `demo` writes the
folder `assets/demo`. The demo models are trained by `training/train_demo.py`. `laws` names the
other genomes (`chains`, `structured`), on which `gfmtrust benchmark` proves the flags; `dataset`
writes one, and `ceiling` gives the limit that no model can exceed there.
"""

from gfmtrust.validation.oracle.dataset import write_oracle
from gfmtrust.validation.oracle.demo import write_demo

__all__ = ["write_demo", "write_oracle"]
