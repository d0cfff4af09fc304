"""What a step refuses before or after its work."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from gfmtrust.core import progress
from gfmtrust.core.errors import InternalError
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.scoring import shard
from gfmtrust.scoring.shard import refuse_constant


def scores(probs):
    n = len(probs)
    zero = np.zeros(n, np.float32)
    return SiteScores(np.asarray(probs, np.float32), np.full(n, "", object), zero, zero, zero, zero)


def test_views_that_do_not_vote_are_no_constant_answer():
    probs = np.random.default_rng(0).dirichlet(np.ones(4), (200, 2))
    probs[::2, 0] = np.nan
    refuse_constant(scores(probs), "m")


@pytest.mark.bad_input
def test_the_same_answer_everywhere_is_refused():
    probs = np.tile([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]], (200, 1, 1))
    probs[::3, 0] = np.nan
    with pytest.raises(InternalError, match="constant"):
        refuse_constant(scores(probs), "m")
    refuse_constant(scores(probs[:50]), "m")  # too few windows to say


def test_a_long_shard_is_told_of_every_half_minute_with_the_batch_of_the_hour(
    monkeypatch, caplog, capsys
):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    session = SimpleNamespace(device="cpu", batch=8, threads=2, on_passes=None)
    with caplog.at_level(logging.INFO):
        shard._announce(session, "gpn, shard_00000", 20_000, 40_000)
    assert caplog.messages == [
        "gpn, shard_00000: 20,000 sites, about 40,000 passes on cpu, batch 8, threads 2"
    ]
    for now[0], passes, session.batch in (
        (20, 4_000, 8),
        (40, 8_000, 8),
        (60, 9_000, 4),
        (80, 20_000, 4),
    ):
        session.on_passes(passes)
    assert capsys.readouterr().err.splitlines() == [
        "gpn, shard_00000: 8,000 of 40,000 passes, 200 passes/s, 3 min left, batch 8",
        "gpn, shard_00000: 20,000 of 40,000 passes, 250 passes/s, 80 s left, batch 4",
    ]
