"""A table of scores that is read by region: examined at a few thousand bases, and registered in a
bundle that names it."""

from __future__ import annotations

import logging
from pathlib import Path

from gfmtrust.bundle import bundle
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.export.external_bundle import (
    ScoresStated,
    groups,
    judged,
    quantity_of,
    say_meaning,
    say_only_differences,
)
from gfmtrust.export.score_files import ALLELES, LAWS, first_line, has_only_differences, is_vcf
from gfmtrust.io.genome import Genome
from gfmtrust.score_tables.examine import examine, open_table
from gfmtrust.score_tables.layout import PRESETS, parse
from gfmtrust.score_tables.opened import register
from gfmtrust.score_tables.track import is_track

log = logging.getLogger(__name__)

HEADERS = {
    ALLELES: "chrom:1/pos:2/ref:3/alt:4/score:5",
    LAWS: "chrom:1/pos:2/A:3/C:4/G:5/T:6/scale:probability",
    tuple(name for _, name in PRESETS["gfmtrust"].columns): "gfmtrust",
}
"""Layouts that the first line of a table names."""


def register_scores(
    scores: Path, name: str, genome: Genome, out_dir: Path, stated: ScoresStated
) -> bundle.Bundle:
    """Write the bundle of a table that is read by region. Raises the errors of `import_scores`."""
    layout = stated.layout or _layout_of(scores, stated.key)
    table = open_table(scores, parse(layout), dict(genome.contigs), stated.contig_map)
    try:
        examined = examine(table, genome)
        meaning = table.layout.meaning
        if has_only_differences(scores, table.layout):
            quantity, verdict = "score", judged(float("nan"), 0)
            say_only_differences(name)
        else:
            quantity = quantity_of(meaning, examined.gives_distributions)
            verdict = judged(examined.nll, examined.whole if meaning.is_preference else 0)
            say_meaning(name, quantity, meaning)
        meta = groups(name, stated.licence, quantity, verdict, {})
        meta["table"] = register(table, layout).to_meta()
        if table.layout.damaging == "high":
            log.info("%s: high scores are the damaging ones; GFM_LLR holds their negatives", name)
    finally:
        table.close()
    written = bundle.write(Path(out_dir) / name, stated.written(meta, genome), None)
    log.info(
        "%s: %s of %s sampled bases have a score (%s of them for every base); read by region",
        name,
        f"{examined.answered:,}",
        f"{examined.asked:,}",
        f"{examined.whole:,}",
    )
    return written


def _layout_of(scores: Path, key: str) -> str:
    """The layout of an indexed file of which none is stated: that of a VCF or of our own tables by
    the columns' names."""
    if is_track(scores):
        return "phylop"
    if is_vcf(scores):
        return f"info:{key}"
    first = first_line(scores).lstrip("#").split("\t")
    for names, layout in HEADERS.items():
        if tuple(first[: len(names)]) == names:
            return layout
    raise BadDataError(
        message(
            scores.name,
            f"first line {shown(' '.join(first))}",
            " or ".join(" ".join(names) for names in HEADERS),
            f"name its layout: --external_columns NAME={'|'.join(PRESETS)} or NAME=chrom:1/pos:2/...",
        )
    )
