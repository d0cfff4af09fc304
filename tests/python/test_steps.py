"""What a step refuses before or after its work."""

import numpy as np
import pytest

from gfmtrust.errors import InternalError
from gfmtrust.scoring import SiteScores
from gfmtrust.steps import refuse_constant


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
