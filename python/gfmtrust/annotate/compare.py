"""Two annotations of the same alleles side by side: what moved, which flags changed, which alleles
only one of them has.

For CPU against GPU, one release against the next, one model against another; with a limit it is a
lock for a laboratory's upgrade. Each side is an annotated VCF, or the results folder of a run (all
of its alleles). Nothing is scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import tables
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.info_values import COLUMN, MISSING, NUMBERS

ALLELE = ["contig", "pos", "ref", "alt"]
KEY = [*ALLELE, "copy"]
"""copy: 0 for the first record of an allele in a file, 1 for its next."""
QUANTILES = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "largest": 1.0}
SITES = Path("scores", "sites.parquet")
LISTED, SHOWN = 1000, 3
"""Alleles of one side alone that the JSON file lists, and that the terminal shows; their number is
always told."""


@dataclass(frozen=True)
class Change:
    """How one number moved over the alleles that have it on both sides: n of them, how many differ
    at all, quantiles of |B - A| by name (None without any).

    only_a, only_b: alleles of both sides that have the number on one alone.
    """

    n: int
    differ: int
    quantiles: dict[str, float | None]
    only_a: int
    only_b: int


@dataclass(frozen=True)
class Comparison:
    """n_a, n_b: alleles of each side; both: of those in common; only_a, only_b: the first LISTED of
    one side alone, 'contig:pos REF>ALT' with pos as in the VCF; flags, statuses: counts, rows A and
    columns B, of those in common; changes: by column of sites.parquet; facts: header facts that
    differ, name -> (A, B)."""

    n_a: int
    n_b: int
    both: int
    only_a: list[str]
    only_b: list[str]
    flags: pd.DataFrame
    statuses: pd.DataFrame
    changes: dict[str, Change]
    facts: dict[str, tuple[str, str]]

    @property
    def flips(self) -> int:
        """Alleles that are HIGH on one side and LOW on the other."""
        return int(self.flags.loc["HIGH", "LOW"] + self.flags.loc["LOW", "HIGH"])

    @property
    def changed_flags(self) -> int:
        return int(self.flags.to_numpy().sum() - np.trace(self.flags.to_numpy()))

    def as_dict(self) -> dict:
        return {
            "alleles": {"a": self.n_a, "b": self.n_b, "both": self.both},
            "only_a": self.only_a,
            "only_b": self.only_b,
            "flags": self.flags.to_dict("index"),
            "changed_flags": self.changed_flags,
            "high_low_flips": self.flips,
            "changed_statuses": int(
                self.statuses.to_numpy().sum() - np.trace(self.statuses.to_numpy())
            ),
            "numbers": {
                name: {
                    "n": one.n,
                    "differ": one.differ,
                    **one.quantiles,
                    "only_a": one.only_a,
                    "only_b": one.only_b,
                }
                for name, one in self.changes.items()
            },
            "facts": {name: list(both) for name, both in self.facts.items()},
        }


def compare(a: Path, b: Path) -> Comparison:
    """Compare two annotated VCFs, or results folders, or one of each.

    Raises MissingInputError (66) where one is absent, BadDataError (65) where one was not annotated
    or they have no allele in common.
    """
    (left, facts_a), (right, facts_b) = read(a), read(b)
    joined = left.merge(right, on=KEY, suffixes=("_a", "_b"))
    if not len(joined):
        raise BadDataError(
            message(
                f"{Path(a).name}, {Path(b).name}",
                "no allele in common",
                "annotations of the same variants",
                "compare files of one callset",
            )
        )
    flag_names, status_names = (
        [rank.name for rank in sorted(Rank, reverse=True)],
        [str(status) for status in Status],
    )
    flags = _table(
        *(joined[f"rank_{side}"].map(lambda rank: Rank(rank).name) for side in "ab"), flag_names
    )
    statuses = _table(joined["status_a"], joined["status_b"], status_names)
    changes = {
        name: _change(
            joined[f"{name}_a"].to_numpy(np.float64), joined[f"{name}_b"].to_numpy(np.float64)
        )
        for name in NUMBERS
    }
    differing = {
        name: (facts_a.get(name, MISSING), facts_b.get(name, MISSING))
        for name in sorted({*facts_a, *facts_b})
        if facts_a.get(name) != facts_b.get(name)
    }
    return Comparison(
        len(left),
        len(right),
        len(joined),
        _alone(left, right),
        _alone(right, left),
        flags,
        statuses,
        changes,
        differing,
    )


def read(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """The alleles of a side, columns KEY, status, rank and NUMBERS (float32, NaN where missing),
    and its header facts."""
    path = Path(path)
    if not path.exists():
        raise MissingInputError(
            message(
                str(path), "not found", "an annotated VCF or a results folder", "check the path"
            )
        )
    table, facts = _of_run(path) if path.is_dir() else _of_vcf(path)
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
    table = tables.read(folder / SITES, [*ALLELE, "status", "rank", *NUMBERS]).to_pandas()
    models = RunFacts.read(folder / SITES).models
    return table, {f"model {name}": facts["bundle_sha256"] for name, facts in models.items()}


def _of_vcf(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    header, records = vcf_reader.read(path)
    rows: dict[str, list] = {name: [] for name in (*ALLELE, "status", "rank", *NUMBERS)}
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
            rows[name] += values
        if ours:
            rows["contig"] += [record.contig] * len(record.alts)
            rows["pos"] += [record.pos] * len(record.alts)
            rows["ref"] += [record.ref] * len(record.alts)
            rows["alt"] += record.alts
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


def _values(record: vcf_reader.Record) -> dict[str, list[str]] | None:
    """Texts of status, rank and numbers of a record's alleles by column; None where it carries none
    of our keys."""
    pairs = dict(
        pair.partition("=")[::2]
        for pair in record.info.decode("utf-8", "replace").split(";")
        if pair.startswith("GFM_")
    )
    wanted = {key: name for key, name in COLUMN.items() if name in ("status", "rank", *NUMBERS)}
    if "GFM_STATUS" not in pairs:
        return None
    return {
        name: pairs.get(key, ",".join([MISSING] * len(record.alts))).split(",")
        for key, name in wanted.items()
    }


def _facts(header: vcf_reader.Header) -> dict[str, str]:
    """What our header lines say of the run: models by digest, and the calibration with its
    outcome."""
    lines = [
        line.decode("utf-8", "replace").rstrip()
        for line in header.lines
        if line.startswith((b"##GFM_", b"##gfmtrust"))
    ]
    facts = {}
    for line in lines:
        name, _, said = line.removeprefix("##").partition("=")
        if name == "GFM_model":
            fields = dict(field.partition("=")[::2] for field in said.strip("<>").split(","))
            facts[f"model {fields.get('ID')}"] = fields.get("SHA256", MISSING)
        elif name != "gfmtrustCommand":
            facts[name] = f"{facts[name]} | {said}" if name in facts else said
    return facts


def _table(a: pd.Series, b: pd.Series, names: list[str]) -> pd.DataFrame:
    return pd.crosstab(a.to_numpy(object), b.to_numpy(object)).reindex(
        index=names, columns=names, fill_value=0
    )


def _change(a: np.ndarray, b: np.ndarray) -> Change:
    has_a, has_b = np.isfinite(a), np.isfinite(b)
    moved = np.abs(b - a)[has_a & has_b]
    found = {
        name: float(np.quantile(moved, share)) if len(moved) else None
        for name, share in QUANTILES.items()
    }
    return Change(
        len(moved),
        int((moved > 0).sum()),
        found,
        int((has_a & ~has_b).sum()),
        int((has_b & ~has_a).sum()),
    )


def _alone(here: pd.DataFrame, there: pd.DataFrame) -> list[str]:
    """The first LISTED alleles that stand here and not there."""
    joined = here[KEY].merge(there[KEY], on=KEY, how="left", indicator=True)
    rows = joined[joined["_merge"] == "left_only"].head(LISTED)
    return [f"{row.contig}:{row.pos + 1} {row.ref}>{row.alt}" for row in rows.itertuples()]


def text(found: Comparison) -> str:
    """The comparison for a terminal, in columns."""
    rows = [
        [
            "alleles",
            f"A {found.n_a:,}",
            f"B {found.n_b:,}",
            f"both {found.both:,}",
            f"only A {found.n_a - found.both:,}",
            f"only B {found.n_b - found.both:,}",
        ]
    ]
    for side, alone, n in (("A", found.only_a, found.n_a), ("B", found.only_b, found.n_b)):
        rows += (
            [
                [
                    f"only {side}",
                    ", ".join(alone[:SHOWN]) + (", ..." if n - found.both > SHOWN else ""),
                ]
            ]
            if alone
            else []
        )
    rows += [[], ["A down, B across", *found.flags.columns]]
    rows += [
        [name, *(f"{n:,}" for n in row)]
        for name, row in zip(found.flags.index, found.flags.to_numpy(), strict=True)
    ]
    rows += [
        ["changed", f"{found.changed_flags:,}"],
        ["HIGH to LOW or back", f"{found.flips:,}"],
        [],
    ]
    rows += [["number", "n", "differ", *QUANTILES]]
    rows += [
        [
            name,
            f"{one.n:,}",
            f"{one.differ:,}",
            *(MISSING if value is None else f"{value:.4g}" for value in one.quantiles.values()),
        ]
        for name, one in found.changes.items()
    ]
    rows += [[]]
    pairs = [
        (a, b, int(found.statuses.loc[a, b]))
        for a in found.statuses.index
        for b in found.statuses.columns
        if a != b
    ]
    rows += [["status", f"{a} -> {b}", f"{n:,}"] for a, b, n in pairs if n]
    rows += [
        ["differs", name, f"A {_short(a)}", f"B {_short(b)}"]
        for name, (a, b) in found.facts.items()
    ]
    return "".join(f"{line}\n" for block in _blocks(rows) for line in block)


def _blocks(rows: list[list[str]]) -> Iterator[list[str]]:
    """Lines of the rows between two empty ones, their columns as wide as each needs; a line of two
    cells takes what room it likes."""
    for is_empty, block in groupby(rows, key=lambda row: not row):
        block = list(block)
        cells = list(zip_longest(*(row for row in block if len(row) > 2), fillvalue=""))
        widths = [max(map(len, column)) for column in cells]
        yield (
            [""]
            if is_empty
            else [
                "  ".join(
                    cell.ljust(width) for cell, width in zip(row, [*widths, 0, 0], strict=False)
                ).rstrip()
                for row in block
            ]
        )


def _short(fact: str) -> str:
    return fact if len(fact) <= 60 else fact[:57] + "..."


def check(found: Comparison, max_flags: float | None, max_llr: float | None) -> None:
    """The lock: raises BadDataError (65) where alleles are missing on one side, a larger share of
    flags than max_flags changed, or an LLR moved by more than max_llr nats, naming the first; None
    checks nothing."""
    if max_flags is None and max_llr is None:
        return
    if found.both < max(found.n_a, found.n_b):
        raise _broken(
            f"{max(found.n_a, found.n_b) - found.both:,} alleles on one side alone", "none"
        )
    share = found.changed_flags / found.both
    if max_flags is not None and share > max_flags:
        raise _broken(
            f"{found.changed_flags:,} of {found.both:,} flags changed ({100 * share:.2g} %)",
            f"at most {100 * max_flags:g} %",
        )
    moved = found.changes["llr"]
    largest = moved.quantiles["largest"] or 0.0
    if max_llr is not None and (moved.only_a or moved.only_b or largest > max_llr):
        raise _broken(
            f"an LLR moved by {largest:.3g} nats, {moved.only_a + moved.only_b:,} are on one side alone",
            f"at most {max_llr:g} nats",
        )


def _broken(found: str, expected: str) -> BadDataError:
    return BadDataError(
        message(
            "compare",
            found,
            expected,
            "see the table above; keep the former version until it is understood",
        )
    )
