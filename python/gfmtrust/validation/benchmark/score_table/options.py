"""The inputs and options of `gfmtrust benchmark scores`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gfmtrust.calibration.options import Options
from gfmtrust.core.errors import UsageError, message
from gfmtrust.core.resampling import DRAWS

CHROM, POS, REF, ALT = "chrom", "pos", "ref", "alt"
"""Columns that name the allele where the table has them."""


@dataclass(frozen=True)
class ScoreTableOptions:
    """table: TSV, CSV (gz allowed) or Parquet. label: column of the label, with the values
    `positive` and `negative`. class_column, block_column: '' without one. scores: columns of the
    models; empty takes every numeric column that has no other use. higher_is_damaging: models
    whose direction is stated. draws: of the bootstrap. certify: errors that the levels may have.
    """

    table: Path
    label: str = "label"
    positive: str = "1"
    negative: str = "0"
    class_column: str = ""
    block_column: str = ""
    scores: Sequence[str] = ()
    higher_is_damaging: Sequence[str] = ()
    seed: int = 1
    draws: int = DRAWS
    certify: Options = Options()

    def check(self) -> None:
        """Raises UsageError (64) for options that contradict each other, ConfigurationError (78)
        for levels that cannot be."""
        if self.positive == self.negative:
            raise UsageError(
                message(
                    "--positive, --negative", f"both are {self.positive!r}", "two different values"
                )
            )
        for option, names in (
            ("--scores", self.scores),
            ("--higher_is_damaging", self.higher_is_damaging),
        ):
            if repeated := sorted({name for name in names if list(names).count(name) > 1}):
                raise UsageError(message(option, f"{repeated[0]} twice", "each model once"))
        reserved = {self.label, self.class_column, self.block_column} - {""}
        if taken := [name for name in self.scores if name in reserved]:
            raise UsageError(
                message("--scores", f"{taken[0]} is also label, class or block", "other columns")
            )
        self.certify.check("benchmark scores")


def names_of(text: str | None) -> tuple[str, ...]:
    """The names of an option value that lists them with commas; () for None."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
