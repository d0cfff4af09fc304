"""The scored SNVs among the rows of an allele table, however their records write them.

Beside an indel a caller writes an SNV with the letters of the indel: REF CA, ALT CT and C. The first
ALT is the SNV A>T at the next base, which `var_pos`, `var_ref` and `var_alt` state.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gfmtrust.core.vocabulary import Status

PLAIN_COLUMNS = ["pos", "ref", "alt", "status", "var_pos"]
"""The columns of an allele table that `plain_snvs` reads."""
COLUMNS = [*PLAIN_COLUMNS, "var_ref", "var_alt"]
"""The columns that the other functions read."""


def snv_positions(alleles: pa.RecordBatch) -> np.ndarray:
    """The 0-based position of the SNV that each row is, int64 (n,); -1 for a row that is not a
    scored SNV. A scored allele whose REF and ALT are the same base counts as an SNV here."""
    is_plain, is_padded = (
        mask.to_numpy(zero_copy_only=False) for mask in (_is_plain(alleles), _is_padded(alleles))
    )
    pos, var_pos = (alleles[name].to_numpy() for name in ("pos", "var_pos"))
    return np.where(is_plain, pos, np.where(is_padded, var_pos, -1))


def place_within(ref: str, alt: str) -> int | None:
    """The index of the only letter in which REF and ALT differ, whatever the case of their letters;
    None where the allele is not an SNV. 1 for CA and CT, 0 for A and T, None for CA and C."""
    if len(ref) != len(alt):
        return None
    ref, alt = ref.upper(), alt.upper()
    differing = (place for place in range(len(ref)) if ref[place] != alt[place])
    place = next(differing, None)
    return place if next(differing, None) is None else None


def plain_snvs(alleles: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that are scored SNVs and are written with one letter each."""
    return alleles.filter(pc.and_(_is_plain(alleles), pc.not_equal(alleles["ref"], alleles["alt"])))


def padded_snvs(alleles: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that are scored SNVs and are written with further letters, with the place and the
    letters of the SNV as `pos`, `ref` and `alt`."""
    is_other = pc.not_equal(alleles["var_ref"], alleles["var_alt"])
    rows = alleles.filter(pc.and_(_is_padded(alleles), is_other))
    for name in ("pos", "ref", "alt"):
        rows = rows.set_column(rows.schema.names.index(name), name, rows[f"var_{name}"])
    return rows


def _is_plain(alleles: pa.RecordBatch) -> pa.BooleanArray:
    return pc.and_(_is_scored(alleles), pc.less(alleles["var_pos"], 0))


def _is_padded(alleles: pa.RecordBatch) -> pa.BooleanArray:
    mask = pc.and_(_is_scored(alleles), pc.greater_equal(alleles["var_pos"], 0))
    for name in ("var_ref", "var_alt"):
        mask = pc.and_(mask, pc.equal(pc.binary_length(alleles[name]), 1))
    return mask


def _is_scored(alleles: pa.RecordBatch) -> pa.BooleanArray:
    return pc.equal(alleles["status"], Status.SCORED.value)
