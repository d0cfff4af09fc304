"""Strata in terms of the certificates of a calibration: by which stratum an allele is certified, and
in which cell the exam counts it.

A BED file with enough probes has certificates of its own, and its alleles are examined alone; the
strata of other BED files count to the cell of the rest of the genome, whose certificate they share.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.strata import cell_of


def cells_of(certificate: Certificate) -> dict[str, tuple[str, ...]]:
    """Name of each cell of a certificate -> its strata. Strata of BED files that share a
    certificate with the rest of the genome count to the cell of the rest."""
    names = set(certificate.strata)
    cells: dict[str, list[str]] = {}
    for stratum in certificate.strata:
        wide = cell_of(stratum)
        cells.setdefault(wide if wide in names else stratum, []).append(stratum)
    return {name: tuple(strata) for name, strata in cells.items()}


def as_calibrated(certificates: tuple[Certificate, ...], stratum: np.ndarray) -> np.ndarray:
    """The stratum by which each allele is certified, object (n,). A BED file that a calibration has
    no probes of, as one that was added after a calibration was frozen, makes no stratum: its alleles
    are those of the rest of the genome."""
    with_probes = {name for one in certificates for name in one.strata}
    return _renamed(stratum, lambda name: name if name in with_probes else cell_of(name))


def cell_names(
    certificates: tuple[Certificate, ...], level: str, stratum: np.ndarray
) -> np.ndarray:
    """The cell of each allele at that level, object (n,); without its BED file where no certificate
    of the level names its stratum."""
    cell: dict[str, str] = {}
    for certificate in certificates:
        if certificate.level == level:
            for name, strata in cells_of(certificate).items():
                cell |= dict.fromkeys(strata, name)
    return _renamed(stratum, lambda name: cell.get(name) or cell_of(name))


def _renamed(stratum: np.ndarray, new_name: Callable[[str], str]) -> np.ndarray:
    # of very many alleles there are few names
    places, distinct = pd.factorize(stratum)
    return np.array([new_name(name) for name in distinct], dtype=object)[places]
