"""Whether a model knows functional bases better than others, from a BED file of the user."""

from __future__ import annotations

import numpy as np

from gfmtrust.audit import numbers
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Sites, Study, block_of
from gfmtrust.audit.subject import Subject, bits, mean_of
from gfmtrust.core.alphabet import N
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.io.intervals import IntervalSet
from gfmtrust.readers.windows import bases_at

PERMUTATIONS = 100
LEAST = 50
"""Bases of either kind below which their mean says nothing."""
OTHERS = 4
"""Other bases at most, by the number of functional ones."""


def gap(study: Study, subject: Subject) -> list[Statistic]:
    """Mean log-likelihood of functional bases minus that of the others, beside the context
    model's."""
    functional = study.functional
    if functional is None:
        raise NotRun("no BED file of functional bases was given (--regions)")
    sides = study.once(("functional",), lambda: _sides(study, functional))
    if min(len(side) for side in sides) < LEAST:
        raise NotRun(
            f"{len(sides[0])} bases of the BED file and {len(sides[1])} others can be asked; "
            f"expected at least {LEAST} of each"
        )
    block = np.concatenate([side.block for side in sides])
    inside = np.repeat([True, False], [len(side) for side in sides])
    rows = []
    for one, name in ((subject, "the model"), (study.context, "the context model")):
        likelihood = -np.concatenate([_surprisal(study, one, side) for side in sides])
        finite = np.isfinite(likelihood)
        values, within = likelihood[finite], inside[finite]
        row = numbers.of_weights(
            f"functional minus other bases, {name}", difference(values, within), block[finite]
        )
        rng, ones = study.rng(0x6A9), np.ones(len(values))
        drawn = [difference(values, rng.permutation(within))(ones) for _ in range(PERMUTATIONS)]
        rows.append(numbers.under_null(row, np.array(drawn)))
    return rows


def difference(values: np.ndarray, inside: np.ndarray):
    """A function of weights: the weighted mean of the values inside minus that of the others; NaN
    where either has no weight."""

    def statistic(weights: np.ndarray) -> float:
        total = [float(weights[side].sum()) for side in (inside, ~inside)]
        if not all(total):
            return float("nan")
        return float(
            weights[inside] @ values[inside] / total[0]
            - weights[~inside] @ values[~inside] / total[1]
        )

    return statistic


def passes(study: Study, subject: Subject) -> int:
    if study.functional is None:
        return 0
    most = study.sizes.fewer * (1 + OTHERS)
    return most * subject.reader.passes_per_site("default", False)


def _surprisal(study: Study, subject: Subject, sites: Sites) -> np.ndarray:
    probs = subject.scores(study.genome, sites.places, "default").probs
    return bits(mean_of(probs), sites.real)


def _sides(study: Study, functional: IntervalSet) -> tuple[Sites, Sites]:
    """Bases drawn evenly from the intervals, and sites of the audit outside them."""
    sites, names = study.sites, study.genome.names
    outside = np.array(
        [
            not functional.contains(names[int(i)], np.array([pos]))[0]
            for i, pos in zip(sites.contig_index, sites.pos, strict=True)
        ],
        dtype=bool,
    )
    rows = np.flatnonzero(outside)[: study.sizes.fewer * OTHERS]
    return _drawn(study, functional), sites.take(rows)


def _drawn(study: Study, functional: IntervalSet) -> Sites:
    genome, names = study.genome, study.genome.names
    spans = np.array(
        [
            (index, start, end)
            for index, name in enumerate(names)
            for start, end in functional.intervals(name).reshape(-1, 2).tolist()
        ],
        dtype=np.int64,
    ).reshape(-1, 3)
    places = np.concatenate(
        [
            np.stack([np.full(end - start, index), np.arange(start, end)], axis=1)
            for index, start, end in spans.tolist()
        ]
        or [np.empty((0, 2), np.int64)]
    )
    width = max(one.width for one in study.ensemble)
    lengths = np.array([genome.contigs[name] for name in names], dtype=np.int64)
    inside = (places[:, 1] >= width) & (places[:, 1] < lengths[places[:, 0]] - width)
    places = study.rng(0xBED).permutation(places[inside])[: 2 * study.sizes.fewer]
    real = bases_at(genome, places[:, 0], places[:, 1]).astype(np.int64)
    kept = np.flatnonzero(real < N)[: study.sizes.fewer]
    kept = kept[np.lexsort((places[kept, 1], places[kept, 0]))]
    contig, pos = places[kept, 0], places[kept, 1]
    return Sites(contig, pos, real[kept], block_of(genome, contig, pos))
