"""BENCHMARK_LABELS: the value of a finished run's LLRs and flags on alleles whose effect is known;
it writes tables, a page of figures and a verdict.

    gfmtrust read_labels --fasta genome.fa.gz --labels clinvar.vcf.gz --out labels.parquet
    gfmtrust benchmark_labels --labels labels.parquet --sites results/scores/sites.parquet --out_dir benchmark

Nothing that a flag depends on is fitted here. Source: docs/understand/reliability.md, "Labels".
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.resampling import Blocks
from gfmtrust.core.vocabulary import CONTEXT_FAMILY
from gfmtrust.inputs import training
from gfmtrust.io import tables
from gfmtrust.validation.benchmark.labelled import confounders, plots, questions
from gfmtrust.validation.benchmark.labelled.alleles import Judged, judge
from gfmtrust.validation.benchmark.labelled.questions import EVERY
from gfmtrust.validation.benchmark.labelled.rows import filled
from gfmtrust.validation.benchmark.labelled.verdict import of_calibration, verdict

log = logging.getLogger(__name__)

MIN_ALLELES = 20
"""The number of labelled alleles, of both labels, that a class of variant and region needs for rows
of its own."""


def benchmark_labels(
    label_table: Path,
    sites: Path,
    out_dir: Path,
    plan_dir: Path | None = None,
    scores: list[Path] | None = None,
    llr_cut: float | None = None,
    seed: int = 1,
) -> dict:
    """Write the tables (TSV), benchmark.json and benchmark.svg below `out_dir`; return the content
    of benchmark.json.

    label_table: from read_labels; sites: sites.parquet of the run; plan_dir, scores: for rows of
    each model; llr_cut: nats, see `alleles.judge`. Raises BadDataError (65) where the run scored
    only one label.
    """
    judged, lost = judge(label_table, sites, plan_dir, scores or [], llr_cut)
    metadata, run = tables.read_metadata(label_table), RunFacts.read(sites)
    result_tables: dict[str, list[dict]] = {}
    for kind in _classes(judged.table["kind"]):
        for region_class in _classes(judged.table["region_class"]):
            in_stratum = np.flatnonzero(
                ((judged.table["kind"] == kind) | (kind == EVERY)).to_numpy()
                & (
                    (judged.table["region_class"] == region_class) | (region_class == EVERY)
                ).to_numpy()
            )
            n_effect = int(judged.table["label"].to_numpy()[in_stratum].sum())
            if (kind, region_class) == (EVERY, EVERY) or (
                len(in_stratum) >= MIN_ALLELES and 0 < n_effect < len(in_stratum)
            ):
                for name, rows in _stratum(
                    judged.take(in_stratum), kind, region_class, seed
                ).items():
                    result_tables.setdefault(name, []).extend(rows)
    verdicts = {
        kind: verdict(result_tables, kind)
        for kind in dict.fromkeys(row["kind"] for row in result_tables["trend"])
    }
    verdicts = {kind: [*of_calibration(run, kind), *lines] for kind, lines in verdicts.items()}
    overlaps = training.of_models(
        run.models,
        run.contigs,
        judged.table["contig_index"].to_numpy(),
        CONTEXT_FAMILY,
    )
    if overlaps:
        log.warning("labels: %s", training.line(overlaps))
    counts = {**metadata["counts"], **lost, "benchmarked": len(judged.table)}
    content = tables.plain(
        {
            "labels": metadata,
            "counts": counts,
            "scorers": judged.about,
            "cuts": _cuts(judged),
            "verdict": verdicts,
            "training": [asdict(one) for one in overlaps],
            "tables": result_tables,
        }
    )
    tables.write_json(out_dir / "benchmark.json", content)
    for name, rows in result_tables.items():
        tables.write_tsv(out_dir / f"{name}.tsv", rows)
    tables.write_tsv(
        out_dir / "training.tsv",
        [
            {
                "model": one.model,
                "assemblies": ", ".join(one.assemblies) or None,
                "labels": one.labels,
                "on_training_contigs": one.n,
                "words": one.words,
            }
            for one in overlaps
        ],
    )
    tables.write_tsv(
        out_dir / "labels.tsv", [{"alleles": name, "n": n} for name, n in counts.items()]
    )
    title = f"{len(judged.table):,} labelled alleles, {int(judged.table['label'].sum()):,} with an effect"
    tables.write_text(out_dir / "benchmark.svg", plots.page(judged, title))
    tables.write_text(
        out_dir / "verdict.txt",
        "".join(f"{kind}: {' '.join(lines)}\n" for kind, lines in verdicts.items()),
    )
    for line in verdicts[EVERY]:
        log.info("%s", line)
    return content


def _classes(column: pd.Series) -> list[str]:
    """Return all together, then each class alone where there are several."""
    several = sorted(column.unique())
    return [EVERY, *(several if len(several) > 1 else [])]


def _stratum(judged: Judged, kind: str, region_class: str, seed: int) -> dict[str, list[dict]]:
    """Return the rows of every table for one class of variant in one region class."""
    blocks = Blocks(judged.table["block"].to_numpy(), seed)
    where = {
        "kind": kind,
        "region_class": region_class,
        "blocks": len(np.unique(blocks.block)),
        "intervals": blocks.mode,
    }
    asked = {
        "ranking": questions.ranking_rows(judged),
        "selective": questions.selective_rows(judged),
        "tiers": questions.tier_rows(judged),
        "trend": questions.trend_rows(judged),
    }
    if region_class == EVERY:
        asked |= {
            "within": confounders.within_rows(judged),
            "nested": confounders.nested_rows(judged, blocks),
            "tenths": confounders.tenth_rows(judged),
        }
    answers = iter(filled([row for rows in asked.values() for row in rows], blocks))
    filled_rows = {name: [where | next(answers) for _ in rows] for name, rows in asked.items()}
    return filled_rows | {
        "curve": [where | point for point in plots.curve_points(judged)]
        if region_class == EVERY
        else []
    }


def _cuts(judged: Judged) -> list[dict]:
    """Return the cut of each class of variant."""
    grouped = judged.table.groupby("kind", sort=True)["cut"].agg(["first", "size"]).reset_index()
    return [
        {"kind": kind, "cut": float(cut), "n": int(n)}
        for kind, cut, n in grouped.itertuples(index=False)
    ]
