"""Our fixed-sequence test against MAPIE's, which is handed our own p-values: exact binomial, the
larger of balanced and run-oriented."""

import numpy as np
import pytest
from mapie.risk_control.fwer_control import FWERFixedSequenceTesting
from scipy.stats import binom

from gfmtrust.calibration.certificates import Probes, candidate_thresholds, fixed_sequence


def drawn(rng, n: int, slope: float, base: float) -> Probes:
    """Probes whose chance to be wrong falls with their reliability."""
    reliability = rng.beta(4, 2, n)
    wrong = rng.random(n) < base * np.exp(-slope * reliability)
    return Probes(reliability, wrong, rng.random(n) < 0.5, np.full(n, "single_copy", object))


def p_value(probes: Probes, threshold: float, alpha: float) -> float:
    accepted = probes.reliability >= threshold
    parts = (probes.wrong[accepted], probes.wrong[accepted & probes.run_oriented])
    return max(float(binom.cdf(wrong.sum(), len(wrong), alpha)) for wrong in parts)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize(
    ("alpha", "slope", "base"), [(0.05, 4, 0.6), (0.20, 2, 0.7), (0.05, 6, 0.9)]
)
def test_the_same_thresholds_are_accepted(seed, alpha, slope, base):
    rng = np.random.default_rng([seed, int(100 * alpha), slope])
    fit_split, certification_split = drawn(rng, 1_600, slope, base), drawn(rng, 800, slope, base)
    ours, tested, first = fixed_sequence(fit_split, certification_split, alpha, delta=0.05)
    if first is None:
        assert tested == 0
        return
    candidates = candidate_thresholds(fit_split.reliability)
    from_first = candidates[candidates <= first]
    theirs = FWERFixedSequenceTesting(n_starts=1).run(
        np.array([p_value(certification_split, t, alpha) for t in from_first]), 0.05
    )
    assert theirs.tolist() == list(range(len(theirs)))
    assert ours == (float(from_first[theirs[-1]]) if len(theirs) else None)
    assert tested == min(len(theirs) + 1, len(from_first))


def test_the_cases_above_hold_both_ends():
    """Some accept nothing, some accept several: else the comparison would prove little."""
    items = []
    for seed in range(30):
        rng = np.random.default_rng([seed, 5, 4])
        items.append(
            fixed_sequence(drawn(rng, 1_600, 4, 0.6), drawn(rng, 800, 4, 0.6), 0.05, 0.05)[:2]
        )
    assert any(threshold is None for threshold, _ in items)
    assert any(tested > 3 for _, tested in items)
