"""The shift test of a run: whether the run's sites are like the probes that were certified. Source:
docs/understand/reliability.md, "Shift"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core.contracts.base import entry

MIN_SITES = 20
MAX_DELTA_BITS = 0.10
MAX_KS_D = 0.10
KS_P = 0.01


@dataclass(frozen=True)
class ShiftVerdict:
    """The result of the shift test on the local surprisal."""

    state: str = entry("'ok', 'fired', 'too_few' (sites of the run) or 'not_tested' (no surprisal)")
    n_run: int = entry("sites of the run")
    n_probes: int = entry("probes")
    delta_median: float | None = entry("median of the run minus that of the probes", "bit", None)
    low: float | None = entry("its 95 % interval, lower end", "bit", None)
    high: float | None = entry("its 95 % interval, upper end", "bit", None)
    ks_d: float | None = entry("distance of the Kolmogorov-Smirnov test", default=None)
    ks_p: float | None = entry("p-value of the Kolmogorov-Smirnov test", default=None)

    @property
    def fired(self) -> bool:
        return self.state == "fired"


def shift_test(run_surprisal: np.ndarray, probe_surprisal: np.ndarray) -> ShiftVerdict:
    """Compare the local surprisal (without the site itself, bits) of the run's sites with that of
    the probes; NaN values are left out.

    The test fires where the 95 % interval of the difference of medians lies entirely beyond +-0.10
    bit, or where the Kolmogorov-Smirnov p < .01 and D >= .10. With fewer than 20 run sites nothing
    is tested. It has a closed form: the same numbers always give the same verdict.
    """
    from scipy.stats import ks_2samp

    run, probes = (
        np.sort(values[np.isfinite(values)]).astype(np.float64)
        for values in (run_surprisal, probe_surprisal)
    )
    if not len(probes) or (len(run_surprisal) and not len(run)):
        return ShiftVerdict("not_tested", len(run), len(probes))
    if len(run) < MIN_SITES:
        return ShiftVerdict("too_few", len(run), len(probes))
    delta = float(np.median(run) - np.median(probes))
    half_width = 1.96 * float(np.hypot(_median_se(run), _median_se(probes)))
    ks = ks_2samp(run, probes, method="asymp")
    beyond = delta - half_width > MAX_DELTA_BITS or delta + half_width < -MAX_DELTA_BITS
    fired = beyond or (ks.pvalue < KS_P and ks.statistic >= MAX_KS_D)
    return ShiftVerdict(
        "fired" if fired else "ok",
        len(run),
        len(probes),
        delta,
        delta - half_width,
        delta + half_width,
        float(ks.statistic),
        float(ks.pvalue),
    )


def _median_se(ordered: np.ndarray) -> float:
    """Standard error of a median from the order statistics that bound it (McKean and Schrader
    1984)."""
    n = len(ordered)
    reach = 1.96 * np.sqrt(n) / 2
    low, high = max(int(np.floor(n / 2 - reach)), 0), min(int(np.ceil(n / 2 + reach)), n - 1)
    return float(ordered[high] - ordered[low]) / (2 * 1.96)
