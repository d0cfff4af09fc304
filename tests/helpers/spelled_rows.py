"""Record keys of an input as the check step writes them."""

from gfmtrust.io import tables


def spelled(path, rows):
    """rows: (contig, contig_index, pos, ref, alts), sorted."""
    lists = map(list, zip(*rows, strict=True))
    columns = (
        dict(zip(tables.SPELLINGS.names, lists, strict=True))
        if rows
        else tables.SPELLINGS.empty_table()
    )
    tables.write(path, columns, tables.SPELLINGS)
    return path
