"""Tripwires: does a model know sequence like this genome's, or these very letters?

No decoy of a genome can test a model that was trained on that genome: one that remembers the file
prefers the real letter everywhere. Two signs are looked for in single-copy sequence, where nothing
in the window repeats the answer: next to no error together with far fewer bits per base than the
context model needs, and a genome that splits into parts known by heart and parts not known at all.
A sign is no proof and its absence is none either; the population check of `own_alleles` is the
test. Limits: docs/understand/reliability.md, "Memory", measured on models that know the law of a
genome and not its letters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gfmtrust.calibration.caps import column
from gfmtrust.calibration.features import own_surprisal
from gfmtrust.core.contracts.base import entry
from gfmtrust.core.vocabulary import CopyClass

if TYPE_CHECKING:
    import pandas as pd

MIN_PROBES = 200
"""Single-copy probes without which nothing is said."""
MAX_ERROR = 0.01
FEW_BITS = 0.75
"""Bits per base: a model of DNA that is not in the window twice needs more (published models need
about 1.6 to 1.95 bits in single-copy human sequence)."""
SOME_GAIN = 0.3
"""Bits per base: models that know the law of an oracle genome gain at most 0.06 over the context
model; a memoriser with one letter in twenty wrong gains 0.4 where the context model needs one bit."""
KNOWN_GAIN, BLIND_GAIN = 1.0, 0.1
MIN_PART = 0.05
"""Share of the probes that each part of a split genome must hold."""
KNOWN_ERROR, BLIND_ERROR = 0.02, 0.3
NEAR_PROBES, NEAR_BP = 5, 10_000
"""Where a model says nothing of the letters beside a site (a table of scores), its answers at so
many probes on either side, no further away than this, stand for them."""

SUSPECTED, NO_SIGN, NOT_TESTED = "suspected", "no sign", "not tested"


@dataclass(frozen=True)
class MemoryVerdict:
    """The signs of memory at single-copy probes."""

    state: str = entry("'suspected', 'no sign' or 'not tested'")
    n: int = entry("single-copy probes")
    error: float | None = entry("share of them at which the decoy is preferred", default=None)
    surprisal: float | None = entry("mean local surprisal of the voting models", "bit", None)
    gain: float | None = entry("mean gain over the context model", "bit per base", None)
    known_share: float | None = entry(
        "share of them near which the gain is 1 bit or more", default=None
    )
    known_error: float | None = entry("error there", default=None)
    blind_share: float | None = entry("share of them near which there is no gain", default=None)
    blind_error: float | None = entry("error there", default=None)
    text: str = entry("the sign in words; empty without one", default="")

    @property
    def suspected(self) -> bool:
        return self.state == SUSPECTED


def memory_verdict(probes: pd.DataFrame, context_only: bool) -> MemoryVerdict:
    """Look for signs of memory. probes: the columns of `probe_tables.ProbeRows`.

    context_only: the context model is the model, each of whose members never counted the block that
    it answers for; it has no gain over itself (NaN) and is judged by error and bits alone.
    """
    llr, gain = column(probes, "llr"), column(probes, "gain")
    rows = np.isfinite(llr) & (probes["copy_class"] == CopyClass.SINGLE_COPY).to_numpy()
    n = int(rows.sum())
    if n < MIN_PROBES:
        return MemoryVerdict(NOT_TESTED, n)
    wrong = ~(llr[rows] < 0)
    bits, gain = own_surprisal(probes[rows]), gain[rows]
    if not context_only:
        bits = np.where(np.isfinite(gain), bits, np.nan)
        if not np.isfinite(gain).any():
            bits, gain = _from_probes_beside(probes[rows])
    remembered, blind = gain >= KNOWN_GAIN, gain <= BLIND_GAIN
    verdict = MemoryVerdict(
        NO_SIGN,
        n,
        error=float(wrong.mean()),
        surprisal=_mean(bits),
        gain=_mean(gain),
        known_share=float(remembered.mean()) if np.isfinite(gain).any() else None,
        known_error=_mean(wrong[remembered]),
        blind_share=float(blind.mean()) if np.isfinite(gain).any() else None,
        blind_error=_mean(wrong[blind]),
    )
    text = _sign(verdict)
    return replace(verdict, state=SUSPECTED, text=text) if text else verdict


def _from_probes_beside(probes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Bits at each probe (n,), and the mean gain over the context model at the probes beside it,
    itself left out (n,), NaN where fewer than NEAR_PROBES are within NEAR_BP. All NaN for models
    without distributions."""
    bits, context = column(probes, "surprisal"), column(probes, "context_site_surprisal")
    if not np.isfinite(context - bits).any():
        return np.full(len(bits), np.nan), np.full(len(bits), np.nan)
    contig, pos = (column(probes, name) for name in ("contig_index", "pos"))
    order = np.lexsort((pos, contig))
    contig, pos, gain = contig[order], pos[order], (context - bits)[order]
    total, count = np.zeros(len(bits)), np.zeros(len(bits))
    for step in range(1, NEAR_PROBES + 1):
        near = (contig[step:] == contig[:-step]) & (pos[step:] - pos[:-step] <= NEAR_BP)
        # the same site drawn twice would answer for itself
        near &= (pos[step:] != pos[:-step]) & np.isfinite(gain[step:]) & np.isfinite(gain[:-step])
        for here, other in (
            (slice(None, -step), slice(step, None)),
            (slice(step, None), slice(None, -step)),
        ):
            total[here] += np.where(near, gain[other], 0)
            count[here] += near
    beside = np.full(len(bits), np.nan)
    beside[order] = np.where(count >= NEAR_PROBES, total / np.maximum(count, 1), np.nan)
    if not np.isfinite(beside).any():  # probes too far apart: the mean alone can be judged
        beside[:] = np.nanmean(gain)
    return bits, beside


def _sign(verdict: MemoryVerdict) -> str:
    """The first sign that applies to the figures of a verdict, in words; '' where none does."""
    error, bits, gain = verdict.error, verdict.surprisal, verdict.gain
    if error is None:
        return ""
    if gain is None:
        # without a distribution near the site the error is all that can be seen
        if error >= MAX_ERROR or (bits is not None and bits >= FEW_BITS):
            return ""
        needed = "" if bits is None else f", with {bits:.2f} bits per base"
        return f"{error:.1%} of single-copy probes are wrong{needed}"
    if bits is not None and bits < FEW_BITS and gain >= SOME_GAIN:
        return (
            f"the models need {bits:.2f} bits per base in single-copy sequence, {gain:.2f} fewer than "
            "the context model"
        )
    if error < MAX_ERROR and gain >= SOME_GAIN:
        return (
            f"{error:.1%} of single-copy probes are wrong, with {gain:.2f} bits per base fewer than "
            "the context model"
        )
    return _split_sign(verdict)


def _split_sign(verdict: MemoryVerdict) -> str:
    """Whether the genome splits into a part known by heart and a part not known at all, in words;
    '' where it does not."""
    known_share, known_error = verdict.known_share, verdict.known_error
    blind_share, blind_error = verdict.blind_share, verdict.blind_error
    if known_share is None or known_error is None or blind_share is None or blind_error is None:
        return ""
    if min(known_share, blind_share) < MIN_PART:
        return ""
    if known_error >= KNOWN_ERROR or blind_error <= BLIND_ERROR:
        return ""
    return (
        f"the genome splits: {known_share:.0%} of single-copy probes lie where {known_error:.1%} "
        f"are wrong and {blind_share:.0%} where {blind_error:.0%} are"
    )


def _mean(values: np.ndarray) -> float | None:
    numbers = values[np.isfinite(values.astype(np.float64))]
    return float(numbers.mean()) if len(numbers) else None
