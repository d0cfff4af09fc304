"""Does a table belong to this genome, and does it hold what its layout says? Asked of a few thousand
bases, spread over the table, before anything is planned."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.interfaces import Genome
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.variants import Variant
from gfmtrust.io.tabix_index import index_of
from gfmtrust.score_tables.indexed import IndexedTable
from gfmtrust.score_tables.layout import Meaning, ScoreLayout
from gfmtrust.score_tables.track import Track, is_track
from gfmtrust.score_tables.values import SiteValues, say_cut

log = logging.getLogger(__name__)

MAX_OTHER_REF = 0.01
"""Share of bases with another REF above which a table is of another assembly: soft errors of
assemblies differ in far fewer bases, and a shift by one base gives about 70 %."""
MIN_OTHER_REF = 5
WHOLE_BASES = 0.5
"""Share of bases with all three ALTs above which a table of ratios is one of distributions."""
PHRED_LIKE = 15.0
"""Nats above which a table of ratios without a negative value looks like PHRED."""


class ScoreTable(Protocol):
    """A table of scores that is asked by region."""

    path: Path
    layout: ScoreLayout
    index_path: Path | None
    names: dict[str, str]

    def sites(self, contig: str, positions: np.ndarray, bases: np.ndarray) -> SiteValues: ...

    def alleles(self, genome: Genome, contig: str, variants: list[Variant]) -> np.ndarray: ...

    def sampled(self, seed: int) -> Iterator[tuple[str, np.ndarray]]: ...

    def close(self) -> None: ...


def is_indexed(path: Path) -> bool:
    """Whether a file of scores is read by region: it has an index of tabix, or is a bigWig."""
    return is_track(path) or index_of(path) is not None


def open_table(
    path: Path,
    layout: ScoreLayout,
    contigs: dict[str, int],
    contig_map: str | Path | ContigRule = "none",
) -> ScoreTable:
    """Open a table that is read by region. contigs: name -> length of the genome. Raises the errors
    of `IndexedTable` and `Track`."""
    kind = Track if is_track(path) else IndexedTable
    return kind(Path(path), layout, contigs, contig_map)


@dataclass(frozen=True)
class Examined:
    """What a sample of a table showed.

    asked: bases of the genome that were asked for; answered: those with a score; other_ref: those
    whose rows have another REF; whole: answered bases with a score of every ALT; nll: mean -ln of
    the probability of the genome's own bases, nats, over the whole ones (NaN without a
    distribution); lowest, highest: scores, low is disfavoured.
    """

    asked: int
    answered: int
    other_ref: int
    whole: int
    nll: float
    lowest: float
    highest: float

    @property
    def gives_distributions(self) -> bool:
        return self.whole > WHOLE_BASES * max(self.answered, 1)


def examine(table: ScoreTable, genome: Genome, seed: int = 1) -> Examined:
    """Ask a table for a few thousand bases. Raises BadDataError (65) where more than MAX_OTHER_REF
    of them have another REF than the genome, and where none has a score; warns of scores that look
    like PHRED although the layout says nats."""
    values, bases, other = [], [], 0
    asked = 0
    for contig, positions in table.sampled(seed):
        inside = positions[positions < genome.contigs[contig]]
        codes = genome.windows(contig, inside, 1)[:, 0]
        answers = table.sites(contig, inside, codes)
        asked += len(inside)
        other += int(answers.differs.sum())
        values.append(answers.values)
        bases.append(codes)
    every = np.concatenate([np.empty((0, 4)), *values])
    codes = np.concatenate([np.empty(0, np.uint8), *bases]).astype(np.int64)
    answered = np.isfinite(every).any(axis=1)
    refuse_other_assembly(table.path.name, int(answered.sum()), other)
    if not answered.any():
        raise BadDataError(
            message(
                table.path.name,
                f"no score at {asked:,} bases of its own contigs",
                "scores of single bases",
                f"is its layout {table.layout.name}? see --external_columns",
            )
        )
    whole = np.isfinite(every).all(axis=1) & (codes < len(BASES))
    scores = every[np.isfinite(every)]
    examined = Examined(
        asked,
        int(answered.sum()),
        other,
        int(whole.sum()),
        _nll(every[whole], codes[whole]) if table.layout.meaning.is_preference else float("nan"),
        float(scores.min()),
        float(scores.max()),
    )
    _warn_of_scale(table, examined)
    if not table.layout.has_bases:
        say_cut(table.path.name, scores)
    return examined


def refuse_other_assembly(name: str, answered: int, other_ref: int | np.ndarray) -> None:
    """Raise BadDataError (65) with the rate where too many bases have another REF than the genome.

    name: of the table; answered: bases with a score; other_ref: bases whose rows have another REF,
    or which ones (bool).
    """
    other = int(np.sum(other_ref))
    judged = answered + other
    if other >= MIN_OTHER_REF and other > MAX_OTHER_REF * judged:
        raise BadDataError(
            message(
                name,
                f"{other:,} of {judged:,} bases ({other / judged:.0%}) have another REF than the genome",
                f"at most {MAX_OTHER_REF:.0%}",
                "is the table of this assembly, and the layout right? see --external_columns",
            )
        )
    if other:
        log.warning(
            "%s: %d bases have another REF than the genome; they are not scored", name, other
        )


def _warn_of_scale(table: ScoreTable, examined: Examined) -> None:
    layout = table.layout
    if layout.meaning is not Meaning.PREFERENCE or layout.scale == "phred":
        return
    lowest, highest = sorted((examined.lowest, examined.highest), key=abs)
    if (
        lowest == 0.0
        and (examined.lowest >= 0 or examined.highest <= 0)
        and abs(highest) > PHRED_LIKE
    ):
        log.warning(
            "%s: scores from %.1f to %.1f, none on the other side of 0: this looks like PHRED or another "
            "magnitude, not like log-likelihood ratios; for CADD give the layout cadd in --external_columns",
            table.path.name,
            examined.lowest,
            examined.highest,
        )


def _nll(values: np.ndarray, codes: np.ndarray) -> float:
    """Mean -ln p of the genome's own bases, nats. values: (n, 4), log-ratios or log-probabilities."""
    if not len(values):
        return float("nan")
    top = values.max(axis=1, keepdims=True)
    total = np.log(np.exp(values - top).sum(axis=1)) + top[:, 0]
    return float((total - values[np.arange(len(codes)), codes]).mean())
