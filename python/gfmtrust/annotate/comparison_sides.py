"""One side of a comparison: the alleles of an annotated VCF, or of the results folder of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.columns import INFO_COLUMNS
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.core.vocabulary import Rank
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import tables
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.info_values import COLUMN, MISSING, NUMBERS

ALLELE = ["contig", "pos", "ref", "alt"]
KEY = [*ALLELE, "copy"]
"""copy: 0 for the first record of an allele in a file, 1 for its second record."""
READ = ["status", "rank", *NUMBERS]
"""The columns of sites.parquet that are compared."""
SITES = Path("scores", "sites.parquet")
RANKS = frozenset(str(int(rank)) for rank in Rank)


def read(path: Path, is_rounded: bool = False) -> tuple[pd.DataFrame, dict[str, str]]:
    """The alleles of one side, columns KEY and READ (numbers are float32, NaN where missing), and
    the facts of its header. is_rounded: whether the numbers of a results folder are rounded as
    those of a VCF are."""
    path = Path(path)
    if not path.exists():
        raise MissingInputError(
            message(
                str(path), "not found", "an annotated VCF or a results folder", "check the path"
            )
        )
    table, facts = _of_run(path) if path.is_dir() else _of_vcf(path)
    if is_rounded and path.is_dir():
        table = table.assign(**_rounded(table))
    return table.assign(copy=table.groupby(ALLELE).cumcount()), facts


def _of_run(folder: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    if not (folder / SITES).is_file():
        raise MissingInputError(
            message(
                str(folder),
                f"no {SITES}",
                "the results folder of a finished run",
                "or name an annotated VCF",
            )
        )
    table = tables.read(folder / SITES, [*ALLELE, *READ]).to_pandas()
    models = tables.read_metadata(folder / SITES)["models"]
    return table, {f"model {name}": facts["bundle_sha256"] for name, facts in models.items()}


def _rounded(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The columns of NUMBERS as a VCF has them, with the decimals of their texts, float32 (n,)."""
    # in float64 a float32 times 10^4 is exact, and the quotient is the number nearest to the text
    return {
        column.name: np.round(table[column.name].to_numpy(np.float64), column.decimals).astype(
            np.float32
        )
        for column in INFO_COLUMNS
        if column.is_float
    }


def _of_vcf(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    header, records = vcf_reader.read(path)
    rows: dict[str, list] = {name: [] for name in (*ALLELE, *READ)}
    for record in records:
        ours = _values(record)
        for name, values in (ours or {}).items():
            if len(values) != len(record.alts):
                raise BadDataError(
                    message(
                        vcf_reader.place(path, record),
                        f"{len(values)} values of {name}",
                        f"{len(record.alts)}, one an ALT",
                        "annotate the file again",
                    )
                )
            _check(path, record, name, values)
            rows[name] += values
        if ours:
            rows["contig"] += [record.contig] * len(record.alts)
            rows["pos"] += [record.pos] * len(record.alts)
            # sites.parquet has letters in upper case
            rows["ref"] += [vcf_reader.upper_case(record.ref)] * len(record.alts)
            rows["alt"] += map(vcf_reader.upper_case, record.alts)
    if not rows["contig"]:
        raise BadDataError(
            message(path.name, "no record with GFM_STATUS", "an annotated VCF", "annotate it first")
        )
    numbers = {
        name: np.array(
            [np.nan if text == MISSING else float(text) for text in rows[name]], np.float32
        )
        for name in NUMBERS
    }
    return pd.DataFrame(
        {**rows, **numbers, "rank": np.array(rows["rank"], dtype=np.uint8)}
    ), _facts(header)


def _check(path: Path, record: vcf_reader.Record, name: str, values: list[str]) -> None:
    """Raise BadDataError (65) for a value of a column that is no value of its key."""
    for text in values:
        if name == "rank":
            observed, expected = "GFM_RANK", f"a rank from 0 to {max(Rank):d}"
            is_wrong = text not in RANKS
        else:
            observed, expected = name, f"a number or {MISSING}"
            is_wrong = name in NUMBERS and text != MISSING and not _is_number(text)
        if is_wrong:
            place = vcf_reader.place(path, record)
            observed = f"{observed} is {shown(text)}"
            raise BadDataError(message(place, observed, expected, "annotate the file again"))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _values(record: vcf_reader.Record) -> dict[str, list[str]] | None:
    """Texts of status, rank and numbers of a record's alleles, by column; None where the record has
    none of our keys."""
    entries = record.info.decode("utf-8", "replace").split(";")
    pairs = _pairs([entry for entry in entries if entry.startswith("GFM_")])
    wanted = {key: name for key, name in COLUMN.items() if name in READ}
    if "GFM_STATUS" not in pairs:
        return None
    return {
        name: pairs.get(key, ",".join([MISSING] * len(record.alts))).split(",")
        for key, name in wanted.items()
    }


def _pairs(entries: list[str]) -> dict[str, str]:
    """Entries 'key=value' as a dict; '' is the value of a key that stands alone."""
    parts = (entry.partition("=") for entry in entries)
    return {key: value for key, _, value in parts}


def _facts(header: vcf_reader.Header) -> dict[str, str]:
    """The facts about the run in our header lines: the models with their digests, and the
    calibration with its outcome."""
    lines = [
        line.decode("utf-8", "replace").rstrip()
        for line in header.lines
        if line.startswith((b"##GFM_", b"##gfmtrust"))
    ]
    facts = {}
    for line in lines:
        name, _, said = line.removeprefix("##").partition("=")
        if name == "GFM_model":
            fields = _pairs(said.strip("<>").split(","))
            facts[f"model {fields.get('ID')}"] = fields.get("SHA256", MISSING)
        elif name != "gfmtrustCommand":
            facts[name] = f"{facts[name]} | {said}" if name in facts else said
    return facts
