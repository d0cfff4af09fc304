"""The reading frame: random filters answer letters by their phase, so that they are the null."""

from contextlib import contextmanager
from types import SimpleNamespace

import audit_bundles
import numpy as np
import pytest

from gfmtrust.audit import frame
from gfmtrust.audit.study import AuditSizes
from gfmtrust.audit.subject import Subject
from gfmtrust.scoring.options import ScoringOptions

STUDY = SimpleNamespace(
    sizes=AuditSizes(probes=100), rng=lambda *name: np.random.default_rng([1, *name]), seed=1
)
MODELS = 8


@pytest.mark.long
def test_random_networks_differ_by_phase_and_do_not_beat_their_twins(tmp_path):
    """Most have a contrast whose own interval is off 0, in either direction; the range of their
    twins covers it."""
    off, beaten = 0, 0
    for seed in range(MODELS):
        graph = audit_bundles.hidden_graph(seed=seed, width=64)
        bundle = audit_bundles.write_bundle(tmp_path / f"m{seed}", graph, f"m{seed}")
        row = frame.recovery(STUDY, Subject.open(bundle, ScoringOptions(device="cpu")))[0]
        off += not row.low <= 0 <= row.high
        beaten += row.low > row.null_high
    assert off > MODELS / 2
    assert beaten <= 1


class Model:
    """A model that gives G and C so much at each letter. causal, so that one pass asks all."""

    width = 120
    bundle = SimpleNamespace(causal=True, quantity="direct")

    def __init__(self, gc, twins=()):
        self.gc, self.twins = gc, twins

    def at(self, windows, index):
        gc = np.repeat(self.gc[index][..., None], 4, axis=2)
        return np.where(frame.IS_GC, gc, 1 - gc) / 2

    @contextmanager
    def another_twin(self, draw):
        yield Model(self.twins[draw - 1])


def third(by):
    """Half at each letter, and so much more at third ones, of the new frame behind the middle."""
    _, phase = frame.shifted(np.random.default_rng(0), 1, Model.width)
    return 0.5 + by * (phase == 2)


def test_a_model_that_follows_the_frame_beats_its_twins():
    model = Model(third(0.3), [third(by) for by in (0.02, -0.02, 0.02, -0.02)])
    for row in frame.recovery(STUDY, model):
        assert row.value == pytest.approx(0.3)
        # the root mean square of the twins times Student's t with four degrees of freedom
        assert row.null_high == pytest.approx(0.02 * 2.776)
        assert row.null_low == pytest.approx(-0.02 * 2.776)


def test_a_model_that_cannot_be_permuted_is_compared_with_shuffled_letters():
    model = Model(third(0.3), [third(0.3)] * frame.TWINS)
    assert frame.recovery(STUDY, model)[0].null == pytest.approx(0.3)  # it reads no letter at all
