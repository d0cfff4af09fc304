"""A bgzip-compressed table with a tabix index, asked for bases and alleles."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.core.interfaces import Genome
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.io.sorted_text import SortedText
from gfmtrust.io.tabix_index import TBI_MIN_SHIFT, TabixIndex, index_of, read_index
from gfmtrust.io.text_lines import read_lines
from gfmtrust.score_tables.contigs import names_in_table
from gfmtrust.score_tables.layout import ScoreLayout
from gfmtrust.score_tables.rows import CODES, Row, RowReader, one_score_each
from gfmtrust.score_tables.values import SiteValues

log = logging.getLogger(__name__)

CLOCK_S = 60
MAX_HEADER_LINES = 100_000
MAX_LINE = 1 << 26
SAMPLED_WINDOWS = 250
SAMPLED_BASES = 8
WINDOW_BP = 1 << TBI_MIN_SHIFT


class IndexedTable:
    """The rows of a table by contig and position of the genome.

    Raises MissingInputError (66) without an index, BadDataError (65) for an index that does not
    fit, a layout that does not fit the header, or no contig of the genome.
    """

    def __init__(
        self,
        path: Path,
        layout: ScoreLayout,
        contigs: dict[str, int],
        contig_map: str | Path | ContigRule,
    ):
        self.path, self.layout = Path(path), layout
        index_path = index_of(self.path)
        if index_path is None:
            raise MissingInputError(
                message(
                    self.path.name,
                    "no index beside it",
                    f"{self.path.name}.tbi or .csi",
                    f"make it with tabix -s 1 -b 2 -e 2 {self.path.name} (a sorted file, bgzip)",
                )
            )
        self.index_path: Path | None = index_path
        if index_path.stat().st_mtime < self.path.stat().st_mtime - CLOCK_S:
            # copies often get their times in the order in which they were made, so this is no error;
            # an index that does not fit is found as the table is read
            log.warning(
                "%s: the index is older than the table; if the table was written anew, run tabix --force",
                self.path.name,
            )
        index = read_index(index_path)
        self.names = names_in_table(contigs, index.contigs, contig_map)
        if not self.names:
            raise BadDataError(
                message(
                    self.path.name,
                    f"contigs {', '.join(list(index.contigs)[:5]) or 'none'}",
                    f"contigs of the genome: {', '.join(list(contigs)[:5])}",
                    "is it this assembly? see --contig_map",
                )
            )
        name = self.path.name
        self._rows = RowReader(layout, layout.indices(self._header(index), name), name)
        self._windows = index.contigs
        self._text = SortedText(self.path, index)

    def close(self) -> None:
        self._text.close()

    def _header(self, index: TabixIndex) -> list[str] | None:
        """Names of the columns: the last comment line or skipped line before the records."""
        last = None
        for number, line in enumerate(read_lines(self.path, MAX_LINE)):
            is_comment = bool(index.comment) and line.startswith(index.comment.encode())
            if number >= index.skipped_lines and not is_comment or number > MAX_HEADER_LINES:
                break
            last = line
        if last is None:
            return None
        return last.decode("utf-8", "backslashreplace").strip().lstrip("#").split("\t")

    def sites(self, contig: str, positions: np.ndarray, bases: np.ndarray) -> SiteValues:
        """What the table says of bases. contig: of the genome; positions: int64 (n,), ascending;
        bases: codes of the genome's letters there (n,)."""
        answers = SiteValues.empty(len(positions))
        name = self.names.get(contig)
        if name is None:
            return answers
        for i, lines in self._text.lines(name, positions):
            base = int(bases[i])
            if base >= len(BASES):
                continue
            if self.layout.has_bases:
                self._set_bases(answers, i, base, lines)
            else:
                self._set_alleles(answers, i, base, lines, f"{contig}:{int(positions[i]) + 1:,}")
        return answers

    def _set_bases(self, answers: SiteValues, i: int, base: int, lines: list[bytes]) -> None:
        read = self._rows.bases(lines)
        if read is None:
            return
        ref, numbers = read
        if ref and CODES.get(ref, -1) != base:
            answers.differs[i] = True
        else:
            answers.values[i] = numbers

    def _set_alleles(
        self, answers: SiteValues, i: int, base: int, lines: list[bytes], where: str
    ) -> None:
        read = map(_without_padding, self._rows.alleles(lines))
        rows = [row for row in read if row.ref in CODES and row.alt in CODES]
        letter = BASES[base].encode()
        scores = one_score_each(
            (Row(row.ref.upper(), row.alt.upper(), row.score) for row in rows),
            lambda: where,
            self.path.name,
        )
        for (ref, alt), score in scores.items():
            if ref != letter:
                answers.differs[i] = True
            else:
                answers.values[i, CODES[alt]] = score
        if np.isfinite(answers.values[i]).any():
            answers.values[i, base] = 0.0

    def alleles(self, genome: Genome, contig: str, variants: list[Variant]) -> np.ndarray:
        """Scores of alleles that change the length, float64 (n,), NaN where the table has none.

        An allele of the table is brought to the normalised form, as those of the run are; it is
        sought at the position of the normalised form and the one before it, where a VCF writes it.
        """
        scores = np.full(len(variants), np.nan)
        name = self.names.get(contig)
        if name is None or self.layout.has_bases:
            return scores
        asked = {(one.pos, one.ref, one.alt): i for i, one in enumerate(variants)}
        near = sorted({max(one.pos - step, 0) for one in variants for step in (0, 1)})
        positions = np.array(near, np.int64)
        for i, lines in self._text.lines(name, positions):
            pos = int(positions[i])
            rows = [row for row in self._rows.alleles(lines) if len(row.ref) != len(row.alt)]
            where = f"{contig}:{pos + 1:,}"
            for (ref, alt), score in one_score_each(rows, lambda at=where: at, name).items():
                if not _are_letters(ref, alt):
                    continue
                one = normalised(genome, contig, pos, ref.decode().upper(), alt.decode().upper())
                row = asked.get((one.pos, one.ref, one.alt))
                if row is not None:
                    scores[row] = score
        return scores

    def sampled(self, seed: int) -> Iterator[tuple[str, np.ndarray]]:
        """(contig, positions) of bases spread over the table, some thousands at most."""
        rng = np.random.default_rng([seed, 0x5C0])
        windows = [
            (contig, place)
            for contig, name in self.names.items()
            for place in range(len(self._windows[name].starts))
        ]
        some = rng.permutation(len(windows))[:SAMPLED_WINDOWS]
        chosen: Counter[tuple[str, int]] = Counter(windows[int(i)] for i in some)
        spread = max(SAMPLED_BASES, SAMPLED_WINDOWS * SAMPLED_BASES // max(len(chosen), 1))
        for contig, place in sorted(chosen):
            first = self._text.first_position(self.names[contig], place)
            if first is not None:
                # the rows of a sparse table begin there; those of a dense one fill the window
                further = rng.integers(first, first + WINDOW_BP, spread)
                yield contig, np.union1d(first + np.arange(SAMPLED_BASES), further)


def _without_padding(row: Row) -> Row:
    """An SNV that a record of several ALTs writes with the bases after it, by its one base."""
    ref, alt = row.ref[:1], row.alt[:1]
    is_padded = len(row.ref) == len(row.alt) > 1 and row.ref[1:].upper() == row.alt[1:].upper()
    return Row(ref, alt, row.score) if is_padded else row


def _are_letters(*texts: bytes) -> bool:
    return all(text.isalpha() for text in texts)
