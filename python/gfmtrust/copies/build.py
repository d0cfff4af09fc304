"""Building of the copy index: sites are searched in rounds, each of which reads the genome once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gfmtrust.copies import queries as site_queries
from gfmtrust.copies.compare import BASES, COPIES, FAMILY, NEAREST, NO_COPY, STATE, empty_results
from gfmtrust.copies.queries import Queries
from gfmtrust.copies.search import Batch, room, search, steps
from gfmtrust.copies.seeds import seed_table
from gfmtrust.copies.stretches import contig_places, groups, read_stretch
from gfmtrust.inputs.reference import is_background

ROUND_SITES = 6_000_000
"""The number of sites that one pass over the genome searches, at about 200 bytes each."""
THREAD_SITES = 20_000
"""The smallest number of sites per thread, because each thread reads the whole genome for its own
sites."""
STEPS = 16 << 20
"""The number of letters between two progress reports."""
LETTER_MASK = np.int64(3)


def search_sites(
    genome,
    sites: tuple[np.ndarray, np.ndarray, np.ndarray],
    threads: int,
    progress: Callable[[int], None] | None,
) -> dict[str, np.ndarray]:
    """Return the columns of the index (copies, copy_bases, diverged_base, repeat_family).

    sites: contig indices, positions and spans, sorted, int64 (n,). The copies of a site are
    searched in the user's contigs or in those of the background, whichever contain the site.
    progress is called with the number of letters read so far.
    """
    contig_index = sites[0]
    n = len(contig_index)
    columns = {
        "copies": np.full(n, -1, dtype=np.int16),
        "copy_bases": np.zeros(n, dtype=np.uint8),
        "diverged_base": np.full(n, -1, dtype=np.int8),
        "repeat_family": np.zeros(n, dtype=bool),
    }
    behind = np.array([is_background(name) for name in genome.names], dtype=bool)
    count = _Counter(progress)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for side in (behind, ~behind):
            rows = np.flatnonzero(side[contig_index])
            for first in range(0, len(rows), ROUND_SITES):
                chosen = rows[first : first + ROUND_SITES]
                asked = tuple(column[chosen] for column in sites)
                round_columns = _Round(genome, side, asked, max(1, threads)).run(pool, count)
                for name, column in round_columns.items():
                    columns[name][chosen] = column
    return columns


class _Counter:
    def __init__(self, progress: Callable[[int], None] | None):
        self._progress, self._done = progress, 0

    def add(self, letters: int) -> None:
        self._done += letters
        if self._progress is not None:
            self._progress(self._done)


class _Round:
    """Sites of one side of the genome, searched by one pass over its contigs."""

    def __init__(self, genome, side: np.ndarray, sites: tuple, threads: int):
        self._genome, self._side, self._threads = genome, side, threads
        self._contig_index, self._pos, self._span = sites
        self._lengths = np.array(list(genome.contigs.values()), dtype=np.int64)
        self._places = contig_places(self._lengths)

    def run(self, pool: ThreadPoolExecutor, count: _Counter) -> dict[str, np.ndarray]:
        queries = self._cut()
        parts = list(self._parts(len(queries.sites)))
        batches = list(pool.map(lambda rows: _batch(queries, *rows), parts))
        if queries.complete().any():
            for contigs in groups(self._lengths, self._side):
                stretch = read_stretch(self._genome, contigs, self._places)
                start, stop = steps(stretch)
                for first in range(start, stop, STEPS):
                    end = min(first + STEPS, stop)
                    jobs = [pool.submit(search, stretch, batch, first, end) for batch in batches]
                    for job in jobs:
                        job.result()
                    count.add(end - first)
        return _columns(queries, batches)

    def _cut(self) -> Queries:
        """Return the letters of all sites, read from the contigs that contain any."""
        queries = site_queries.uncut(self._places[self._contig_index] + self._pos, self._span)
        asked = np.zeros(len(self._lengths), dtype=bool)
        asked[self._contig_index] = True
        for contigs in groups(self._lengths, asked):
            stretch = read_stretch(self._genome, contigs, self._places)
            firsts = np.searchsorted(self._contig_index, contigs, side="left")
            ends = np.searchsorted(self._contig_index, contigs, side="right")
            for number, (first, end) in enumerate(zip(firsts, ends, strict=True)):
                part = queries.part(first, end)
                site_queries.cut(stretch.letters, stretch.contigs[number], part.sites)
        return queries

    def _parts(self, n: int) -> Iterator[tuple[int, int]]:
        n_parts = max(1, min(self._threads, n // THREAD_SITES))
        edges = np.linspace(0, n, n_parts + 1).astype(np.int64)
        yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _batch(queries: Queries, first: int, end: int) -> Batch:
    part = queries.part(first, end)
    words, spaced = seed_table(part, False), seed_table(part, True)
    return Batch(part, words, spaced, empty_results(end - first), *room())


def _columns(queries: Queries, batches: list[Batch]) -> dict[str, np.ndarray]:
    tally = np.concatenate([batch.results.tally for batch in batches])
    marks = np.concatenate([batch.results.marks for batch in batches])
    copies, nearest = tally[:, COPIES], tally[:, NEAREST]
    complete = queries.complete()
    diverged = np.where(nearest == NO_COPY, -1, nearest & LETTER_MASK)
    return {
        "copies": np.where(complete, copies, -1).astype(np.int16),
        "copy_bases": marks[:, BASES],
        "diverged_base": diverged.astype(np.int8),
        "repeat_family": ((marks[:, STATE] & FAMILY) != 0) & (copies == 0) & complete,
    }
