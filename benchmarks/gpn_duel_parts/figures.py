"""The figures of a duel, their bars and their table."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_LLR_DIFFERENCE = 1e-5
MAX_OVER_BARE = 1.25
MIN_FASTER = {3: 6.0, 1: 2.0}
"""By the ALTs of a site: with three, ours runs a third of the passes of the peer; with one, as many."""


@dataclass(frozen=True)
class Duel:
    """Figures of one duel. Seconds are one value a run, in order; differences are of LLRs in
    nats."""

    n_sites: int
    n_alts: int
    threads: int
    batch: int
    max_difference: float
    llr_sd: float
    ours_s: list[float]
    neighbours_s: list[float]
    bare_s: list[float]
    peer_s: list[float]
    peer_first_s: float
    peer: dict
    versions: dict[str, str]
    cpu: str

    @property
    def over_bare(self) -> float:
        return float(np.median(self.ours_s) / np.median(self.bare_s))

    @property
    def faster(self) -> float:
        return float(np.median(self.peer_s) / np.median(self.ours_s))

    @property
    def neighbours_cost(self) -> float:
        """The time with neighbours over the time without."""
        return float(np.median(self.neighbours_s) / np.median(self.ours_s))

    @property
    def compile_s(self) -> float:
        """The first prediction less an ordinary one."""
        return self.peer_first_s - float(np.median(self.peer_s))

    def missed(self) -> list[str]:
        """What misses its bar, in words."""
        checks = (
            (
                self.max_difference <= MAX_LLR_DIFFERENCE,
                f"LLRs differ by {self.max_difference:.2g}, bar {MAX_LLR_DIFFERENCE:g}",
            ),
            (
                self.over_bare <= MAX_OVER_BARE,
                f"{self.over_bare:.2f} x the bare loop, bar {MAX_OVER_BARE}",
            ),
            (
                self.faster >= MIN_FASTER[self.n_alts],
                f"{self.faster:.2f} x faster than the peer, bar {MIN_FASTER[self.n_alts]}",
            ),
        )
        return [words for holds, words in checks if not holds]


def table(duel: Duel) -> str:
    """The figures as a small table."""

    def row(name: str, passes: int, values: list[float]) -> str:
        middle = np.median(values)
        return f"{name:<34}{passes:>7}{middle:>9.3f}{min(values):>9.3f}{max(values):>9.3f}{passes / middle:>9.1f}"

    n, n_alts, peer = duel.n_sites, duel.n_alts, duel.peer
    return "\n".join(
        [
            f"{'':<34}{'passes':>7}{'median s':>9}{'min s':>9}{'max s':>9}{'passes/s':>9}",
            row("gfmtrust score_sites", 2 * n, duel.ours_s),
            row("the same with neighbours", 4 * n, duel.neighbours_s),
            row("bare onnxruntime loop", 2 * n, duel.bare_s),
            row("gpn.ss.run_vep, Trainer.predict", 2 * n_alts * n, duel.peer_s),
            f"largest difference of {n_alts * n} LLRs: {duel.max_difference:.2g} nats (their standard deviation: {duel.llr_sd:.2f})",
            f"score_sites / bare loop: {duel.over_bare:.3f}; peer / score_sites: {duel.faster:.2f}; "
            f"with neighbours / without: {duel.neighbours_cost:.2f}",
            f"peer's first predict {duel.peer_first_s:.1f} s, of which torch.compile {duel.compile_s:.1f} s, not counted above",
            f"{duel.cpu}, {duel.threads} threads each (peer says {peer['threads']}), batch {duel.batch}, {len(duel.ours_s)} alternating runs",
            f"peer: {peer['device']}, {peer['dtype']}, autocast {peer['autocast']}, {words(peer['versions'])}",
            f"ours: cpu, float32, {words(duel.versions)}",
        ]
    )


def words(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown CPU"
