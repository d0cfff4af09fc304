"""How far the model reads: its surprisal where only the nearest letters are the genome's, and what one
changed letter in a hundred costs it."""

from __future__ import annotations

import numpy as np

from gfmtrust.audit import numbers
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Sites, Study
from gfmtrust.audit.subject import Subject, bits, causal_only
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.resampling import Blocks

EFFECTIVE = 0.95
CHANGED = 0.01
DRAWS = 1000


def flanks(subject: Subject) -> list[int]:
    """The flanks that are kept: 0, 1, 2, 4 ... and the whole window."""
    site, width = subject.bundle.site_forward, subject.width
    longest = site if causal_only(subject) else max(site, width - 1 - site)
    kept, radius = [0], 1
    while radius < longest:
        kept.append(radius)
        radius *= 2
    return [*kept, longest]


def shortened(windows: np.ndarray, site: int, radius: int, keys: np.ndarray) -> np.ndarray:
    """Windows whose letters beyond `radius` of the site are in the order of random keys, so that
    the composition is kept. windows, keys: (n, W)."""
    away = np.abs(np.arange(windows.shape[1]) - site) > radius
    places = np.flatnonzero(away)
    order = np.argsort(keys[:, places], axis=1)
    result = windows.copy()
    result[:, places] = np.take_along_axis(windows[:, places], order, axis=1)
    return result


def gain(study: Study, subject: Subject) -> list[Statistic]:
    """Surprisal by kept flank, the whole gain, and the shortest flank with 95 % of it."""
    sites, site = study.fewer_sites(), subject.bundle.site_forward
    windows = study.windows(subject, sites)
    keys = study.rng(0xC7).random(windows.shape)
    voters = study.voters(subject, sites)
    kept = flanks(subject)
    surprisal = np.stack(
        [
            bits(
                subject.site_answers(shortened(windows, site, radius, keys), site, voters),
                sites.real,
            )
            for radius in kept
        ]
    )
    finite = np.isfinite(surprisal).all(axis=0)
    surprisal, block = surprisal[:, finite], sites.block[finite]
    if finite.sum() < 2:
        raise NotRun("fewer than two windows with an answer")
    curve = [
        numbers.mean(
            f"flank of {radius} bp", row, block, null=float(surprisal[0].mean()), series="the model",
            x=float(radius),
        )
        for radius, row in zip(kept, surprisal, strict=True)
    ]  # fmt: skip
    total = numbers.mean("gain of the whole window", surprisal[0] - surprisal[-1], block, null=0.0)
    return [*curve, total, _effective(total, surprisal, kept, block)]


def _effective(
    total: Statistic, surprisal: np.ndarray, kept: list[int], block: np.ndarray
) -> Statistic:
    """The shortest kept flank with 95 % of the gain, with its bootstrap interval; undefined where
    the gain is not above 0."""
    label = "effective context"
    if total.low is None or total.low <= 0:
        return Statistic(label, None, None, None, 0.0, len(block), unit="bp")

    def shortest(weights: np.ndarray) -> float:
        means = surprisal @ weights / weights.sum()
        reached = means[0] - means >= EFFECTIVE * (means[0] - means[-1])
        return float(kept[int(np.argmax(reached))])

    drawn = [shortest(weights) for weights in Blocks(block, draws=DRAWS).weights()]
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    value = shortest(np.ones(len(block)))
    return Statistic(label, value, float(low), float(high), 0.0, len(block), unit="bp")


def gain_passes(study: Study, subject: Subject) -> int:
    return len(flanks(subject)) * study.sizes.fewer * subject.reader.passes_per_view


def memorisation(study: Study, subject: Subject) -> list[Statistic]:
    """What one changed letter in a hundred costs the model, and the context model, at the same
    sites."""
    sites = study.fewer_sites()
    costs = [_cost_of_changes(study, one, sites) for one in (subject, study.context)]
    finite = np.isfinite(costs[0]) & np.isfinite(costs[1])
    block = sites.block[finite]
    of_model, context = costs[0][finite], costs[1][finite]
    return [
        numbers.mean("rise of the surprisal", of_model, block, null=0.0),
        numbers.mean("rise of the context model's", context, block, null=0.0),
        numbers.mean("difference of the two", of_model - context, block, null=0.0),
    ]


def _cost_of_changes(study: Study, subject: Subject, sites: Sites) -> np.ndarray:
    """Rise of the surprisal at sites, bits (n,), where 1 % of the letters of the window, at least
    one, are replaced by another letter."""
    windows, site = study.windows(subject, sites), subject.bundle.site_forward
    voters, rng = study.voters(subject, sites), study.rng(0x3E3)
    changed = changed_letters(windows, site, rng, site if causal_only(subject) else None)
    return bits(subject.site_answers(changed, site, voters), sites.real) - bits(
        subject.site_answers(windows, site, voters), sites.real
    )


def changed_letters(
    windows: np.ndarray, site: int, rng: np.random.Generator, before: int | None
) -> np.ndarray:
    """Windows with 1 % of their letters, at least one, replaced by another base; the site stays.
    before: only letters before this index are replaced, None for all."""
    places = np.delete(np.arange(windows.shape[1]), site)
    places = places if before is None else places[places < before]
    n = max(1, round(CHANGED * len(places)))
    at = places[np.argsort(rng.random((len(windows), len(places))), axis=1)[:, :n]]
    letters = np.take_along_axis(windows, at, axis=1)
    other = np.where(letters < 4, (letters + rng.integers(1, 4, at.shape)) % 4, letters)
    result = windows.copy()
    np.put_along_axis(result, at, other.astype(np.uint8), axis=1)
    return result


def memorisation_passes(study: Study, subject: Subject) -> int:
    return 2 * study.sizes.fewer * subject.reader.passes_per_view
