"""Local surprisal under the context model, by which the plan matches its probes to the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gfmtrust.baseline.members import Members
from gfmtrust.baseline.scorer import open_scorer
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.core.interfaces import Genome
from gfmtrust.inputs.contig_names import listed
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of


def context_surprisal(
    bundle_dir: Path, genome: Genome, threads: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Local surprisal under the context model, members that saw a base left out, as a function of
    (contig_index, pos).

    Raises ConfigurationError (78) where the model was fitted to other contigs: it would not know
    which members saw a base.
    """
    bundle = Bundle.open(bundle_dir, verify="sizes")
    members = Members.open(bundle_dir)
    if members.contigs != tuple(genome.names):
        raise ConfigurationError(
            message(
                str(bundle_dir),
                f"fitted to contigs {listed(members.contigs)}",
                f"{listed(genome.names)}",
                "fit the context model to this genome",
            )
        )
    reader = reader_of(bundle)
    scorer = open_scorer(reader, "cpu", threads)
    options = ReadingOptions("fast", neighbours=True, admitted=members.admitted)

    def local_surprisal(contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
        return reader.score_sites(scorer, genome, contig_index, pos, options).local_surprisal

    return local_surprisal
