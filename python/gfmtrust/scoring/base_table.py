"""A table of a model's answers by base, for tabix: one line per base with its distribution, entropy
and disagreement; the origin of the answers is in the header lines.

The header has BGZF blocks of its own, so that tables of consecutive parts are joined without being
decompressed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gfmtrust import __version__
from gfmtrust.core.alphabet import BASES
from gfmtrust.core.contracts.score_store import StoreScope
from gfmtrust.core.distributions import log_of
from gfmtrust.core.divergence import disagreement
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.measures import entropy, mean_distribution, view_weights
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import bgzf
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.tabix import CSI_FROM, write_index
from gfmtrust.io.vcf.reader import format_position
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.score_tables.layout import ONLY_DIFFERENCES, PRESETS

COLUMNS = tuple(name for _, name in PRESETS["gfmtrust"].columns)
"""The columns by which `import_scores` knows such a table again."""
MEASURES = ("entropy", "disagreement")


def header(scope: StoreScope, views: Iterable[str], genome: str, is_distribution: bool) -> bytes:
    """The header lines. views: the id of each view; genome: name of the FASTA; is_distribution:
    whether the four numbers are ln p; otherwise only their differences have a meaning."""
    lines = [
        f"gfmtrust_version={__version__}",
        f"genome={genome}",
        f"model={scope.model}",
        f"model_digest={scope.bundle_sha256}",
        f"views={scope.views} ({', '.join(views)})",
        f"device={scope.device}, {scope.precision}, ONNX Runtime {scope.runtime}",
        f"neighbours={str(scope.neighbours).lower()}, max_n={scope.max_n:g}, reading={scope.reading}",
        "positions=1-based; bases without an answer are left out",
        "logp=natural logarithm of the mean over the views, forward strand"
        if is_distribution
        else f"{ONLY_DIFFERENCES}: a model of whole tokens has no distribution",
        "entropy, disagreement=bits; . where undefined",
    ]
    columns = "\t".join((*COLUMNS, *MEASURES))
    return "".join(f"##{line}\n" for line in lines).encode() + f"#{columns}\n".encode()


def lines_of(
    contig: str, pos: np.ndarray, ref: np.ndarray, scores: SiteScores, is_distribution: bool
) -> tuple[bytes, int]:
    """The lines of the answered bases of one contig, and their number. pos: 0-based (n,), ref: code
    of the base (n,)."""
    rows = np.flatnonzero(scores.status == "")
    probs = scores.probs[rows]
    weights = view_weights(probs, np.zeros(probs.shape[1], int))
    mean = mean_distribution(probs, weights)
    measures = np.full((len(rows), 2), np.nan)
    if is_distribution and len(rows):
        measures = np.column_stack([entropy(mean), disagreement(probs, weights)])
    text = "".join(
        f"{contig}\t{format_position(at)}\t{BASES[base]}\t{_numbers(four)}\t{_numbers(two)}\n"
        for at, base, four, two in zip(
            pos[rows].tolist(),
            ref[rows].tolist(),
            log_of(mean).tolist(),
            measures.tolist(),
            strict=True,
        )
    )
    return text.encode(), len(rows)


def _numbers(values: list[float]) -> str:
    return "\t".join("." if value != value else f"{value:.6g}" for value in values)


def started(file: BinaryIO, head: bytes) -> bgzf.BgzfWriter:
    """A writer of lines behind the header, which is in a block of its own."""
    text = bgzf.BgzfWriter(file)
    text.write(head)
    text.end_block()
    return text


def index(path: Path, longest_contig: int) -> None:
    """Write the tabix index beside a finished table: .tbi, or .csi where a contig needs it."""
    write_index(path, "table", csi=longest_contig > CSI_FROM, warning_counts=WarningCounts())


def join_tables(parts: list[Path], out: Path, longest_contig: int) -> None:
    """Join the tables of consecutive parts, in the order given, and index the result.

    Raises BadDataError (65) where two headers differ.
    """
    heads = [_head_bytes(path) for path in parts]
    for path, head in zip(parts, heads, strict=True):
        if head != heads[0]:
            raise BadDataError(
                message(
                    path.name, "another header", f"that of {parts[0].name}", "one model a table"
                )
            )
    with part_file(out, tuple(parts), force=True) as part, synced(part) as target:
        target.write(heads[0])
        for path, head in zip(parts, heads, strict=True):
            with bgzf.open_input(path) as source:
                end = source.seek(0, 2) - len(bgzf.EOF_BLOCK)
                source.seek(len(head))
                _copy(source, target, end - len(head))
        target.write(bgzf.EOF_BLOCK)
    index(out, longest_contig)


def _copy(source: BinaryIO, target: BinaryIO, n_bytes: int) -> None:
    while n_bytes > 0:
        piece = source.read(min(n_bytes, bgzf.READ_BYTES))
        target.write(piece)
        n_bytes -= len(piece)


def _head_bytes(path: Path) -> bytes:
    """The compressed blocks of the header: the first one, as a header is shorter than a block."""
    if bgzf.container(path) is not bgzf.Container.BGZF:
        raise BadDataError(message(path.name, "not BGZF", "a table of precompute"))
    _, (second, _) = islice(bgzf.block_starts(path), 2)
    with bgzf.open_input(path) as file:
        return file.read(second)
