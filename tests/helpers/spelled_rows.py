"""Record keys of an input as the check step writes them."""

from gfmtrust.inputs.allele_counts import UNKNOWN
from gfmtrust.io import tables


def spelled(path, rows):
    """rows: (contig, contig_index, pos, ref, alts[, counts]), sorted; counts: FIELDS per ALT."""
    rows = [row if len(row) == 6 else (*row, UNKNOWN * (row[4].count(",") + 1)) for row in rows]
    lists = map(list, zip(*rows, strict=True))
    schema = tables.COUNTED_SPELLINGS
    columns = dict(zip(schema.names, lists, strict=True)) if rows else schema.empty_table()
    tables.write(path, columns, schema)
    return path
