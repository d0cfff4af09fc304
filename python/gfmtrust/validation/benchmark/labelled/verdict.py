"""The findings of the benchmark in words; that the flag carries no information is a finding like
any other. These are pure functions of the tables."""

from __future__ import annotations

import math

from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.resampling import ACROSS
from gfmtrust.validation.benchmark.labelled.alleles import COMPOSITION, ENSEMBLE
from gfmtrust.validation.benchmark.labelled.questions import EVERY

NOTHING = "the flag carries no information here"
TREND_P = 0.01


def verdict(result_tables: dict[str, list[dict]], kind: str = EVERY) -> list[str]:
    """Return sentences on one class of variant over all region classes: the value of the flag,
    whether it adds to simpler scores, and the value of the model.

    result_tables: table name -> its rows, see `labelled.benchmark_labels`.
    """
    overall = {
        name: [row for row in rows if row["kind"] == kind and row["region_class"] == EVERY]
        for name, rows in result_tables.items()
    }
    trend = overall["trend"][0]
    sentences = [_flag(trend, overall["tiers"], overall["ranking"])]
    if _falls(trend):
        sentences.append(_beyond(overall["nested"], overall["within"]))
    sentences.append(
        _model(
            next(
                row
                for row in overall["ranking"]
                if row["scorer"] == ENSEMBLE and row["flag"] == EVERY
            ),
            overall["ranking"],
        )
    )
    if trend["intervals"] != ACROSS:
        loci = f"{trend['blocks']} {'locus' if trend['blocks'] == 1 else 'loci'}"
        sentences.append(f"The intervals hold for {loci} and for no other.")
    return sentences


def of_calibration(run: RunFacts, kind: str) -> list[str]:
    """Return what the calibration by labels promises for that class of variant, in its own words
    and numbers; [] without one. All other sentences describe the same labels, including those that
    it was fitted on, and are therefore no test of it."""
    classes = [name for name in run.flagged_by_labels if kind in (EVERY, name)]
    promised = [f"{run.label_levels[name]}." for name in classes if name in run.label_levels]
    if not classes:
        return []
    return [
        *promised,
        f"The flags of {', '.join(classes)} were calibrated on these labels, so that the figures that "
        "follow cannot test them.",
    ]


def _falls(trend: dict) -> bool:
    """Return whether wrong calls decrease with the flag beyond chance (interval of the slope below
    0, p < .01 where there is one), and whether the LLR ranks the labels better among the flagged,
    where that can be computed. Calls alone do not suffice: rare effects that are never called look
    right."""
    better = math.isnan(trend["auroc_gain"]) or trend["auroc_gain_low"] > 0
    return (
        trend["flags"] > 1
        and trend["slope_high"] < 0
        and not (trend["slope_p"] >= TREND_P)
        and better
    )


def _flag(trend: dict, tiers: list[dict], ranking: list[dict]) -> str:
    every = [row for row in tiers if row["prefers"] == EVERY and row["n"]][::-1]
    errors = ", ".join(f"{row['flag']} {row['error']:.1%} of {row['n']:,}" for row in every)
    if trend["flags"] == 1:
        return f"All {trend['n']:,} labelled alleles are {every[0]['flag']}: {NOTHING} (wrong calls: {errors})."
    ranks = {row["flag"]: row["auroc"] for row in ranking if row["scorer"] == ENSEMBLE}
    auroc_texts = [
        f"{row['flag']} {ranks[row['flag']]:.3f}"
        for row in every
        if not math.isnan(ranks[row["flag"]])
    ]
    shown = f"wrong calls {errors}; AUROC {', '.join(auroc_texts) or 'unknown'}"
    if trend["slope_low"] > 0 and trend["auroc_gain_high"] < 0:
        return f"The flag misleads here, calls and ranking both grow worse with it: {shown}."
    if not _falls(trend):
        return f"By these labels {NOTHING}: calls and ranking do not both grow better from LOW to HIGH beyond chance ({shown})."
    return f"Calls grow better with the flag: {shown}."


def _beyond(nested: list[dict], within: list[dict]) -> str:
    """Say whether the flag tells more than |LLR|, composition, repeats and region class."""
    flag = next((row for row in nested if row["added"] == "flag" and row["df"]), None)
    inside = next(row for row in within if row["ranking"] == "flag")
    adds = inside["auroc_within_low"] > 0.5 and (
        flag is None or math.isnan(flag["p"]) or flag["p"] < TREND_P
    )
    value, low, high = (inside[f"auroc_within{end}"] for end in ("", "_low", "_high"))
    size = f"AUROC within tenths of |LLR| {value:.3f} ({low:.3f} to {high:.3f})"
    if adds:
        return f"That is more than |LLR|, composition, repeats and region class tell: {size}."
    return f"The flag adds nothing to |LLR|, composition, repeats and region class ({size}): |LLR| alone is as good."


def _model(row: dict, rows: list[dict]) -> str:
    """Say whether the LLR itself distinguishes the labels."""
    if math.isnan(row["auroc_low"]):
        return "Too little is known to say whether the LLR tells the labels apart."
    composition = next(one["auroc"] for one in rows if one["scorer"] == COMPOSITION)
    others = ", ".join(
        f"{one['scorer']} {one['auroc']:.3f}"
        for one in rows
        if one["flag"] == EVERY and one is not row
    )
    figures = f"AUROC {row['auroc']:.3f} ({row['auroc_low']:.3f} to {row['auroc_high']:.3f}); beside it {others}"
    if row["auroc_low"] > 0.5:
        return f"The LLR tells the labels apart{', but GC and CpG alone do better' if composition > row['auroc'] else ''}: {figures}."
    if row["auroc_high"] < 0.5:
        return f"The LLR points the wrong way: {figures}."
    return f"The LLR does not tell the labels apart: {figures}."
