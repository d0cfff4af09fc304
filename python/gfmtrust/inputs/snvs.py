"""The scored SNVs among the rows of an allele table, however their records write them.

Beside an indel a caller writes an SNV with the letters of the indel: REF CA, ALT CT and C. The first
ALT is the SNV A>T at the next base, which `var_pos`, `var_ref` and `var_alt` state.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.core.vocabulary import Status

COLUMNS = ["pos", "ref", "alt", "status", "var_pos", "var_ref", "var_alt"]
"""The columns of an allele table that this module reads."""


def snv_positions(alleles: pa.RecordBatch) -> np.ndarray:
    """The 0-based position of the SNV that each row is, int64 (n,); -1 for a row that is not a
    scored SNV. A scored allele whose REF and ALT are the same base counts as an SNV here."""
    var_pos = alleles["var_pos"].to_numpy()
    n_ref, n_alt = (
        pc.binary_length(alleles[name]).fill_null(0).to_numpy() for name in ("var_ref", "var_alt")
    )
    is_scored = pc.equal(alleles["status"], Status.SCORED.value).to_numpy(zero_copy_only=False)
    is_padded = (var_pos >= 0) & (n_ref == 1) & (n_alt == 1)
    pos = np.where(var_pos < 0, alleles["pos"].to_numpy(), np.where(is_padded, var_pos, -1))
    return np.where(is_scored, pos, -1)


def plain_snvs(alleles: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that are scored SNVs and are written with one letter each."""
    is_snv = snv_positions(alleles) >= 0
    is_plain = pc.and_(pc.less(alleles["var_pos"], 0), pc.not_equal(alleles["ref"], alleles["alt"]))
    return alleles.filter(pc.and_(pa.array(is_snv), is_plain))


def padded_snvs(alleles: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that are scored SNVs and are written with further letters, with the place and the
    letters of the SNV as `pos`, `ref` and `alt`."""
    is_padded = (snv_positions(alleles) >= 0) & (alleles["var_pos"].to_numpy() >= 0)
    rows = alleles.filter(pa.array(is_padded))
    for name in ("pos", "ref", "alt"):
        rows = rows.set_column(rows.schema.names.index(name), name, rows[f"var_{name}"])
    return rows
