"""The verdict of a run's labels, as BENCHMARK_LABELS wrote it."""

from __future__ import annotations

from pathlib import Path

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.io import tables


def labels_verdict(benchmark: Path | None) -> tuple[str, ...]:
    """The sentences of BENCHMARK_LABELS on the labelled alleles of all classes of variant; () without
    labels. Raises MissingInputError (66), BadDataError (65)."""
    if benchmark is None:
        return ()
    content = tables.read_json(benchmark / "benchmark.json")
    try:
        return tuple(str(sentence) for sentence in content["verdict"]["all"])
    except (KeyError, TypeError) as fault:
        raise BadDataError(
            message("benchmark.json", "no verdict", "a file of BENCHMARK_LABELS", "run it again")
        ) from fault
