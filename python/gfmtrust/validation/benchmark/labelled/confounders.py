"""Does the flag tell more than the size of the LLR, composition, repeats and region class?

Nested logistic regressions of a wrong call, and the flag within tenths of |LLR|. The alleles of a
block are not independent, so the likelihood ratio is compared with a block bootstrap under the
null: each draw is fitted with free coefficients and with those of all alleles held fixed. Source:
docs/understand/reliability.md, "Labels"; Davison and Hinkley 1997, chapter 4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gfmtrust.calibration.reliability import newton
from gfmtrust.core.ranking import Ties, auroc
from gfmtrust.core.resampling import ACROSS, Blocks
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation.benchmark.labelled.alleles import Judged
from gfmtrust.validation.benchmark.labelled.questions import LEVELS
from gfmtrust.validation.benchmark.labelled.rows import Row, of_rows

STRENGTH = 1e6
"""The inverse penalty: too weak to matter unless two classes separate perfectly."""
DRAWS = 199
MIN_ALLELES = 50
N_TENTHS = 10


def base_matrix(table: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Return the confounders: |LLR|, distance to the cut, GC, CpG, soft mask, region class and
    class of variant, without constant columns.

    Returns (n, p), standardised, with ones first, and the names of the p - 1 others.
    """
    columns = {
        "abs_llr": np.abs(table["llr"].to_numpy(np.float64)),
        **{
            name: table[name].to_numpy(np.float64)
            for name in ("distance", "gc", "cpg", "soft_masked")
        },
    }
    for of in ("region_class", "kind"):
        columns |= {
            f"{of}={name}": (table[of] == name).to_numpy(np.float64)
            for name in sorted(table[of].unique())[1:]
        }
    return _standard(columns)


def _standard(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    kept = {name: values for name, values in columns.items() if values.std() > 0}
    n = len(next(iter(columns.values())))
    return np.column_stack(
        [np.ones(n), *((values - values.mean()) / values.std() for values in kept.values())]
    ), list(kept)


def nested_rows(judged: Judged, blocks: Blocks) -> list[Row]:
    """Return a row for the reliability and one for the flag: the likelihood ratio of adding it to
    the confounders, and its p-value across loci.

    The list is empty where fewer than 50 alleles have a reliability, or none or all are wrong; `df`
    is 0 where the addition does not vary.
    """
    finite = np.flatnonzero(np.isfinite(judged.table["rel"].to_numpy(np.float64)))
    table, blocks = (
        judged.table.iloc[finite],
        replace(blocks, block=blocks.block[finite], draws=DRAWS),
    )
    wrong, rank = table["wrong"].to_numpy(np.float64), table["rank"].to_numpy()
    if len(table) < MIN_ALLELES or not 0 < wrong.sum() < len(wrong):
        return []
    base, names = base_matrix(table)
    added = {
        "reliability": {"rel": table["rel"].to_numpy(np.float64)},
        "flag": {level.name: (rank >= level).astype(np.float64) for level in LEVELS[1:]},
    }
    rows = []
    for name, columns in added.items():
        extra = _standard(columns)[0][:, 1:]
        facts = {
            "added": name,
            "to": "+".join(names),
            "n": len(table),
            "errors": int(wrong.sum()),
            "df": extra.shape[1],
        }
        lr, p = likelihood_ratio(base, extra, wrong, blocks) if extra.shape[1] else (np.nan, np.nan)
        rows.append(Row(facts | {"lr": lr, "p": p}))
    return rows


def likelihood_ratio(
    base: np.ndarray, extra: np.ndarray, wrong: np.ndarray, blocks: Blocks
) -> tuple[float, float]:
    """Return twice the gain in log likelihood of adding `extra` (n, q) to `base` (n, p), and its
    p-value; NaN with fewer than 20 blocks."""
    full, ones = np.column_stack([base, extra]), np.ones(len(wrong))
    coefficients = newton(full, wrong, STRENGTH)
    observed = 2 * (
        _log_likelihood(full @ coefficients, wrong, ones)
        - _log_likelihood(base @ newton(base, wrong, STRENGTH), wrong, ones)
    )
    if blocks.mode != ACROSS:
        return observed, float("nan")
    offset = extra @ coefficients[base.shape[1] :]
    as_large = drawn = 0
    for weights in blocks.weights():
        if not 0 < (weights * wrong).sum() < weights.sum():
            continue  # all right or all wrong: there is nothing to fit
        free = _log_likelihood(
            full @ newton(full, wrong, STRENGTH, weights=weights), wrong, weights
        )
        fixed = newton(base, wrong, STRENGTH, weights=weights, offset=offset)
        as_large += 2 * (free - _log_likelihood(base @ fixed + offset, wrong, weights)) >= observed
        drawn += 1
    return observed, (as_large + 1) / (drawn + 1)


def _log_likelihood(linear: np.ndarray, wrong: np.ndarray, weights: np.ndarray) -> float:
    return float((weights * (wrong * linear - np.logaddexp(0, linear))).sum())


def tenths(values: np.ndarray) -> np.ndarray:
    """Return the tenth of each value, 0 to 9, (n,): equal in number, with ties in the same
    tenth."""
    edges = np.quantile(values, np.linspace(0, 1, N_TENTHS + 1)[1:-1])
    return np.searchsorted(edges, values, side="right")


def within_rows(judged: Judged) -> list[Row]:
    """Return the AUROC of right against wrong calls among alleles of one tenth of |LLR|, with pairs
    pooled over tenths, for reliability and flag."""
    table = judged.table
    wrong, tenth = (
        table["wrong"].to_numpy(np.float64),
        tenths(np.abs(table["llr"].to_numpy(np.float64))),
    )
    rows = []
    for name, column in (("reliability", "rel"), ("flag", "rank")):
        ranking = table[column].to_numpy(np.float64)
        parts = [np.flatnonzero((tenth == one) & np.isfinite(ranking)) for one in range(N_TENTHS)]
        ties = [Ties.of(ranking[part]) if len(part) else None for part in parts]
        rows.append(
            Row(
                {"ranking": name, "n": sum(map(len, parts))},
                {"auroc_within": of_rows(_pooled(parts, ties), np.arange(len(table)), wrong)},
                {"auroc_within": 0.5},
            )
        )
    return rows


def _pooled(parts: list[np.ndarray], ties: list[Ties | None]):
    def statistic(wrong: np.ndarray, weights: np.ndarray) -> float:
        won = pairs = 0.0
        for part, tie in zip(parts, ties, strict=True):
            part_weights = weights[part]
            size = (part_weights * wrong[part]).sum() * (part_weights * (1 - wrong[part])).sum()
            if size and tie is not None:
                won, pairs = won + size * auroc(1 - wrong[part], tie, part_weights), pairs + size
        return won / pairs if pairs else float("nan")

    return statistic


def tenth_rows(judged: Judged) -> list[Row]:
    """Return the number of alleles and of wrong calls in each tenth of |LLR|, by flag."""
    table = judged.table
    size = np.abs(table["llr"].to_numpy(np.float64))
    tenth, rank, wrong = tenths(size), table["rank"].to_numpy(), table["wrong"].to_numpy()
    rows = []
    for one in np.unique(tenth):
        in_tenth = tenth == one
        facts = {
            "tenth": int(one) + 1,
            "abs_llr_from": size[in_tenth].min(),
            "abs_llr_to": size[in_tenth].max(),
            "n": int(in_tenth.sum()),
            "errors": int(wrong[in_tenth].sum()),
        }
        for level in (Rank.HIGH, Rank.MEDIUM, Rank.LOW):
            of_level = in_tenth & (rank == level)
            facts |= {
                f"n_{level.name}": int(of_level.sum()),
                f"errors_{level.name}": int(wrong[of_level].sum()),
            }
        rows.append(Row(facts))
    return rows
