"""The obvious twin of `info_texts`: one value at a time, with Python's own formatting."""

from gfmtrust.core.columns import INFO_COLUMNS
from gfmtrust.io.vcf.info_values import number_text, word_text


def texts_of(row: dict) -> list[str]:
    """The texts of one row of sites.parquet, in the order of the keys."""
    return [
        number_text(float("nan") if row[column.name] is None else row[column.name], column.decimals)
        if column.is_float
        else word_text(row[column.name])
        for column in INFO_COLUMNS
    ]


def info_of_rows(rows: list[dict]) -> bytes:
    """The finished text of a record with these alleles."""
    of_alleles = [texts_of(row) for row in rows]
    return ";".join(
        f"{column.vcf}={','.join(texts[i] for texts in of_alleles)}"
        for i, column in enumerate(INFO_COLUMNS)
    ).encode()
