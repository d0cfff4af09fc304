"""Sentences of the report's verdict that come from the exam: what was withdrawn, what the own alleles
say, and what looks wrong about the alleles that carry the best flag."""

from __future__ import annotations

from gfmtrust.annotate.exam_lines import NO_LOWER_CASE, SWITCHES, memory_text
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.vocabulary import Rank
from gfmtrust.report.exam_rows import own_by_level
from gfmtrust.report.sanity import Calls, Share, suspicious


def verdict_lines(
    calibration: RunCalibration, calls: dict[Rank, Calls], soft_masked: bool
) -> list[str]:
    """The sentences that follow the verdict on HIGH and MEDIUM."""
    lines = [
        f"Of this run's own {level} SNVs the model misses the reference base in {share(Share(*total))}; the level "
        f"promises at most {_alpha(calibration, level):.0%}."
        for level, total in own_by_level(calibration).items()
    ]
    lines += [
        f"{one.level} is withdrawn{f' in {one.stratum}' if one.stratum else ''} ({one.reason}): {one.text}."
        for one in calibration.withdrawals
    ]
    if calibration.memory is not None and calibration.memory.suspected:
        lines.append(f"{memory_text(calibration.memory)}.")
    if calibration.heldout is not None and calibration.heldout.holds:
        lines.append(f"{_capitalised(calibration.heldout.words)}.")
    enriched = suspicious(calls)
    if enriched is not None:
        flag, best, low = enriched
        lines.append(
            f"Fewer {flag.name} calls pass FILTER ({share(best.passed)}) than LOW calls ({share(low.passed)}): "
            f"{flag.name} is enriched in calls that the caller doubts."
        )
    lines += [
        f"--{name} was set: {meaning}."
        for name, meaning in SWITCHES.items()
        if getattr(calibration.options, name)
    ]
    if not soft_masked:
        lines.append(f"Warning: {NO_LOWER_CASE}.")
    return lines


def _capitalised(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def share(one: Share) -> str:
    """A share with its counts and its 95 % interval."""
    return f"{one.value:.1%} ({one.part:,} of {one.n:,}; {100 * one.low:.1f} to {100 * one.high:.1f} %)"


def _alpha(calibration: RunCalibration, level: str) -> float:
    options = calibration.options
    return {"HIGH": options.alpha_high, "MEDIUM": options.alpha_medium}[level]
