"""The cells that the exam counts own alleles by: each allele in the cell of the certificate that
flags it.

A BED file with enough probes has certificates of its own, and its alleles are examined alone; the
strata of other BED files count to the cell of the rest of the genome, whose certificate they share.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.strata import cell_of, pooled


def cells_of(certificate: Certificate) -> dict[str, tuple[str, ...]]:
    """Name of each cell of a certificate -> its strata. Strata of BED files that share a
    certificate with the rest of the genome count to the cell of the rest."""
    names = set(certificate.strata)
    cells: dict[str, list[str]] = {}
    for stratum in certificate.strata:
        wide = cell_of(stratum)
        cells.setdefault(wide if wide in names else stratum, []).append(stratum)
    return {name: tuple(strata) for name, strata in cells.items()}


def cell_names(
    certificates: tuple[Certificate, ...], level: str, stratum: np.ndarray
) -> np.ndarray:
    """The cell of each allele at that level, object (n,); without its BED file where no certificate
    of the level names its stratum."""
    names = pooled(stratum)
    for certificate in certificates:
        if certificate.level == level:
            for name, strata in cells_of(certificate).items():
                names[np.isin(stratum, strata)] = name
    return names
