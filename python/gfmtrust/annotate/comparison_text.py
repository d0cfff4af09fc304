"""A comparison of two annotations as text for a terminal, in columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, zip_longest

from gfmtrust.annotate.compare import QUANTILES, Comparison
from gfmtrust.io.vcf.info_values import MISSING

SHOWN = 3
"""Largest number of alleles of only one side that the terminal shows; their total number is always
stated."""


def text(comparison: Comparison) -> str:
    """The comparison for a terminal, in columns."""
    rows = [
        [
            "alleles",
            f"A {comparison.n_a:,}",
            f"B {comparison.n_b:,}",
            f"both {comparison.both:,}",
            f"only A {comparison.n_a - comparison.both:,}",
            f"only B {comparison.n_b - comparison.both:,}",
        ]
    ]
    for side, alone, n in (
        ("A", comparison.only_a, comparison.n_a),
        ("B", comparison.only_b, comparison.n_b),
    ):
        rows += (
            [
                [
                    f"only {side}",
                    ", ".join(alone[:SHOWN]) + (", ..." if n - comparison.both > SHOWN else ""),
                ]
            ]
            if alone
            else []
        )
    rows += [[], ["A down, B across", *comparison.flags.columns]]
    rows += [
        [name, *(f"{n:,}" for n in row)]
        for name, row in zip(comparison.flags.index, comparison.flags.to_numpy(), strict=True)
    ]
    rows += [
        ["changed", f"{comparison.changed_flags:,}"],
        ["HIGH to LOW or back", f"{comparison.flips:,}"],
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
        for name, one in comparison.changes.items()
    ]
    rows += [[]]
    pairs = [
        (a, b, int(comparison.statuses.loc[a, b]))
        for a in comparison.statuses.index
        for b in comparison.statuses.columns
        if a != b
    ]
    rows += [["status", f"{a} -> {b}", f"{n:,}"] for a, b, n in pairs if n]
    rows += [
        ["differs", name, f"A {_short(a)}", f"B {_short(b)}"]
        for name, (a, b) in comparison.facts.items()
    ]
    return "".join(f"{line}\n" for block in _blocks(rows) for line in block)


def _blocks(rows: list[list[str]]) -> Iterator[list[str]]:
    """Lines of the rows between two empty rows. Each column is as wide as its widest cell; a line
    of two cells does not count for the width."""
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
