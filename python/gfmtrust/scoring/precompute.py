"""PRECOMPUTE: scores every base of regions, or of whole contigs, into a score store and a table.

Bases are scored one by one, exactly as variant sites are. After each shard its rows are written to
the store, so that a run that was stopped goes on where it was: what is stored is not scored again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.core.interfaces import Genome as GenomeProtocol
from gfmtrust.core.progress import Progress
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs.contig_names import ContigRule, listed, match
from gfmtrust.io import bed
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.bgzf import BgzfWriter
from gfmtrust.io.genome import Genome
from gfmtrust.io.intervals import IntervalSet
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.windows import bases_at
from gfmtrust.scoring import base_table
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.store.answers import Answers, StoredAnswers, is_stored

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scale:
    """shard_size: bases after which the store is written; part, parts: only the part-th of so many
    equal parts of all bases is scored, from 1."""

    shard_size: int = 20_000
    part: int = 1
    parts: int = 1


@dataclass(frozen=True)
class Bases:
    """Bases in genome order, each once. contig_index, start: int64 (k,), of merged intervals; ends:
    (k,), number of bases up to the end of each."""

    contig_index: np.ndarray
    start: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, genome: GenomeProtocol, intervals: IntervalSet) -> Bases:
        """The bases of an interval set with the names of the genome."""
        rows = [
            (index, start, end)
            for index, name in enumerate(genome.names)
            for start, end in intervals.intervals(name).tolist()
        ]
        table = np.array(rows, np.int64).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], np.cumsum(table[:, 2] - table[:, 1]))

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def places(self, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """contig_index and pos, (n,) each, of the bases numbered [first, end)."""
        number = np.arange(first, end)
        interval = np.searchsorted(self.ends, number, side="right")
        before = self.ends - np.diff(self.ends, prepend=0)
        return self.contig_index[interval], (self.start - before)[interval] + number


def precompute(
    fasta: Path,
    bundle_dir: Path,
    intervals: list[Path] | list[str],
    out: Path,
    options: ScoringOptions,
    scale: Scale,
    contig_map: str = "none",
) -> None:
    """Score the bases of BED files (paths), of contigs (names), or where neither is given of the
    whole genome; write the table `out` with its index, and the rows into the store of the options.

    Raises ConfigurationError (78) for a model whose answers are not stored, BadDataError (65) for
    intervals outside the genome.
    """
    bundle, genome = Bundle.open(bundle_dir, verify="sizes"), Genome.open(fasta)
    reader = reader_of(bundle)
    if not is_stored(reader) or options.score_store is None:
        raise ConfigurationError(
            message(
                f"model {bundle.model_id}",
                "has no stored answers",
                "a network, as the context model's votes depend on the position and external "
                "scores are a table already",
            )
        )
    bases = Bases.of(genome, interval_set(genome, intervals, contig_map))
    scorer = reader.open_scorer(
        options.device, options.threads, options.batch, options.allow_long_window
    )
    reading = options.reading(reader.reads_neighbours(options.neighbours))
    answers = StoredAnswers.open(
        Answers(reader, scorer, genome, reading), scorer.device, options.score_store
    )
    assert answers.site_rows is not None
    head = base_table.header(
        answers.site_rows.scope,
        [view.id for view in reader.views(reading.views)],
        fasta.name,
        reader.has_distribution,
    )
    first, end = (len(bases) * at // scale.parts for at in (scale.part - 1, scale.part))
    with part_file(out, force=True) as part, synced(part) as file:
        table = base_table.started(file, head)
        n_lines = _write_lines(answers, bases, (first, end), table, options, scale)
        table.close()
    base_table.index(out, max(genome.contigs.values(), default=0))
    log.info(
        "%s: %s bases, %s of them stored before, %s passes, %s lines in %s",
        bundle.model_id,
        f"{end - first:,}",
        f"{answers.sites:,}",
        f"{scorer.passes:,}",
        f"{n_lines:,}",
        out.name,
    )


def _write_lines(
    answers: StoredAnswers,
    bases: Bases,
    numbers: tuple[int, int],
    table: BgzfWriter,
    options: ScoringOptions,
    scale: Scale,
) -> int:
    """Score the bases numbered [first, end) by shards; the rows of each go to the store at once,
    its lines to the table. Returns the number of lines."""
    (first, end), genome, reader = numbers, answers.genome, answers.reader
    store = options.new_rows or options.score_store
    assert store is not None
    progress, n_lines = Progress(reader.model.model_id, "bases", end - first), 0
    for start in range(first, end, scale.shard_size):
        contig_index, pos = bases.places(start, min(start + scale.shard_size, end))
        scores = answers.score_sites(contig_index, pos)
        answers.write(store)
        for index in np.unique(contig_index):
            rows = np.flatnonzero(contig_index == index)
            ref = bases_at(genome, contig_index[rows], pos[rows])
            name = genome.names[int(index)]
            lines, n_rows = base_table.lines_of(
                name, pos[rows], ref, scores.take(rows), reader.has_distribution
            )
            table.write(lines)
            n_lines += n_rows
        progress(start + len(pos) - first, f"{answers.sites:,} from the store")
    return n_lines


def interval_set(
    genome: GenomeProtocol, intervals: list[Path] | list[str], contig_map: str
) -> IntervalSet:
    """The intervals of BED files, or the whole contigs of that name; all contigs where the list is
    empty. Raises BadDataError (65) for what is not in the genome."""
    contigs = dict(genome.contigs)
    rule = ContigRule.of(contig_map, contigs)
    tables = []
    for one in intervals or list(contigs):
        if not isinstance(one, Path):
            tables.append(_whole_contig(one, rule, contigs))
            continue
        table = bed.read(one).intervals[["contig", "start", "end"]]
        names = {name: match(name, None, rule, contigs) for name in table["contig"].unique()}
        for name, genome_name in names.items():
            last = int(table.loc[table["contig"] == name, "end"].max())
            if genome_name is None or last > contigs[genome_name]:
                observed = f"{shown(name)}:0-{last:,}"
                raise BadDataError(
                    message(
                        one.name, observed, "contigs and positions of the FASTA", "see --contig_map"
                    )
                )
        tables.append(table.assign(contig=table["contig"].map(names)))
    return IntervalSet.of(pd.concat(tables, ignore_index=True))


def _whole_contig(name: str, rule: ContigRule, contigs: dict[str, int]) -> pd.DataFrame:
    """The interval of a whole contig, by its name in the genome or by one that the rule translates.
    Raises BadDataError (65) for a name that no contig of the genome matches."""
    genome_name = name if name in contigs else match(name, None, rule, contigs)
    if genome_name is None:
        expected = f"contigs of the FASTA: {listed(contigs)}"
        raise BadDataError(message("--contigs", shown(name), expected, "see --contig_map"))
    return pd.DataFrame({"contig": [genome_name], "start": [0], "end": [contigs[genome_name]]})
