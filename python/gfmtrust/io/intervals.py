"""Merged intervals by contig, and tests of positions and spans against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class IntervalSet:
    """Merged intervals by contig, which test whether positions and spans are covered. Overlapping
    and adjacent intervals are merged; empty ones are dropped."""

    def __init__(self, merged: dict[str, np.ndarray]) -> None:
        self._merged = merged

    @classmethod
    def of(
        cls, intervals: pd.DataFrame, contig_map: Mapping[str, str] | None = None
    ) -> IntervalSet:
        """Return the set of a BED's intervals (columns contig, start, end); contig names that are
        keys of `contig_map` are translated."""
        import pandas as pd
        import pybedtools

        kept = intervals[intervals["end"] > intervals["start"]]
        if not len(kept):
            return cls({})
        # bedtools gives empty intervals a length of 1, hence the filter above, and treats a contig
        # named track1 as a header, hence the numbers instead of names
        codes, names = pd.factorize(kept["contig"])
        number, contigs = pd.factorize(
            np.array([(contig_map or {}).get(name, name) for name in names], dtype=object)
        )
        table = pd.DataFrame(
            {
                "contig": number[codes],
                "start": kept["start"].to_numpy(),
                "end": kept["end"].to_numpy(),
            }
        )
        # sorted here, because bedtools sort needs 400 bytes per line
        table = table.sort_values(["contig", "start"], ignore_index=True).drop_duplicates()
        tool = pybedtools.BedTool.from_dataframe(table).merge()
        merged = pd.read_csv(
            tool.fn, sep="\t", names=["contig", "start", "end"]
        )  # 60 times faster than iterating over intervals
        pybedtools.cleanup()
        return cls(
            {
                contigs[index]: rows.to_numpy(np.int64)
                for index, rows in merged.groupby("contig")[["start", "end"]]
            }
        )

    @property
    def names(self) -> list[str]:
        """The contigs that have intervals."""
        return list(self._merged)

    def intervals(self, contig: str) -> np.ndarray:
        """Return the merged intervals of a contig, int64 (n, 2) of start and end, sorted and
        disjoint."""
        return self._merged.get(contig, np.empty((0, 2), dtype=np.int64))

    def contains(self, contig: str, pos: np.ndarray) -> np.ndarray:
        """Return whether each position is covered, bool with the shape of `pos`."""
        return self.overlaps(contig, pos, np.asarray(pos) + 1)

    def overlaps(self, contig: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return whether any base of each span [start, end) is covered, bool; an empty span never
        is."""
        spans = self.intervals(contig)
        start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
        if not len(spans):
            return np.zeros(start.shape, dtype=bool)
        # the first interval that ends after `start` is the only one that can contain the span's
        # first covered base
        first = np.searchsorted(spans[:, 1], start, side="right")
        reached = spans[np.minimum(first, len(spans) - 1), 0] < end
        return (first < len(spans)) & reached & (end > start)

    def n_bases(self) -> int:
        """Return the number of covered bases."""
        return int(sum((spans[:, 1] - spans[:, 0]).sum() for spans in self._merged.values()))
