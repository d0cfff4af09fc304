"""Which architectures follow a state: words of groups, trained at 16 letters and asked at
up to 64, and words to copy, asked at 32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.base import Contract, entry


@dataclass(frozen=True)
class TrackedGroup:
    """One architecture on the words of one group."""

    group: str = entry("parity, A5, S5 or copy")
    network: str = entry("architecture")
    verdict: str = entry("passes, fails, or cannot be decided")
    truth: str = entry("passes or fails, where theory says which; '' where it does not")
    steps: int = entry("updates of the training")
    trained_length: int = entry("letters of the longest words that it was trained on")
    seconds: float = entry("CPU time of the training", "s")
    statistics: tuple[Statistic, ...] = entry("share of right answers at some letters")
    curve: tuple[float, ...] = entry("share of right answers at each letter, from 1", default=())


@dataclass(frozen=True)
class Tracking(Contract):
    """The test of tracking, with its positive control."""

    NAME: ClassVar[str] = "tracking.json"
    WRITER: ClassVar[str] = "gfmtrust audit tracking"

    seed: int = entry("seed of all draws")
    rows: tuple[TrackedGroup, ...] = entry("all architectures on all groups")
    not_ranked: tuple[str, ...] = entry(
        "groups whose positive control failed, of which nothing is concluded"
    )
    verdict: tuple[str, ...] = entry("the test in sentences")
