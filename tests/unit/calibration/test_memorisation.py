"""Signs of memory on models whose knowledge is known: of the law alone, of the letters, of half of
them."""

import numpy as np
import pandas as pd
import pytest

from gfmtrust.calibration.features import own_surprisal
from gfmtrust.calibration.memorisation import (
    FEW_BITS,
    MIN_PROBES,
    NO_SIGN,
    NOT_TESTED,
    SUSPECTED,
    memory_verdict,
)


def probes_of(probs: np.ndarray, truth: np.ndarray, context_bits: float, rng) -> pd.DataFrame:
    """Probes of a model with those distributions (n, 4) at those letters (n,); the decoy is drawn,
    and the bits near a site are those of ten letters like it."""
    n = len(truth)
    decoy = (truth + rng.integers(1, 4, n)) % 4
    rows = np.arange(n)
    bits = -np.log2(probs[rows, truth])
    near = bits.reshape(-1, 10).mean(axis=1).repeat(10)
    return pd.DataFrame(
        {
            "llr": np.log(probs[rows, decoy] / probs[rows, truth]),
            "local_surprisal": np.full(n, context_bits),
            "gain": context_bits - near,
            "copy_class": "single_copy",
        }
    )


def honest(rng, n: int = 4000, concentration: float = 0.6) -> pd.DataFrame:
    """A model that knows the law and no letter: each letter is drawn from what it says."""
    probs = rng.dirichlet(np.full(4, concentration), n).clip(1e-6)
    probs /= probs.sum(axis=1, keepdims=True)
    truth = (rng.random(n)[:, None] > probs.cumsum(axis=1)).sum(axis=1)
    return probes_of(probs, truth, 1.95, rng)


def memoriser(rng, n: int = 4000, wrong: float = 0.0, share: float = 1.0) -> pd.DataFrame:
    """It gives .99 to the letter that it remembers, the share `wrong` of them falsely, in the first
    share `share` of the genome; elsewhere it guesses."""
    truth = rng.integers(0, 4, n)
    remembered = np.where(rng.random(n) < wrong, (truth + rng.integers(1, 4, n)) % 4, truth)
    probs = np.full((n, 4), 0.01 / 3)
    probs[np.arange(n), remembered] = 0.99
    blind = np.arange(n) >= share * n
    probs[blind] = rng.dirichlet(np.full(4, 50.0), blind.sum())
    return probes_of(probs, truth, 1.95, rng)


@pytest.mark.parametrize("concentration", [20.0, 2.0, 0.6, 0.4])
def test_a_model_that_knows_the_law_shows_no_sign(concentration):
    """From next to nothing to about one bit per base: what it is sure of, it errs in as often as it
    says."""
    for seed in range(5):
        result = memory_verdict(
            honest(np.random.default_rng(seed), concentration=concentration), False
        )
        assert result.state == NO_SIGN, result
        assert result.text == ""


def test_a_memoriser_of_every_letter_is_suspected():
    result = memory_verdict(memoriser(np.random.default_rng(1)), False)
    assert result.state == SUSPECTED
    assert result.error == 0
    assert result.surprisal == pytest.approx(-np.log2(0.99))
    assert result.gain == pytest.approx(1.95 + np.log2(0.99))
    assert (result.known_share, result.blind_share) == (1, 0)


def test_a_memoriser_with_one_base_in_twenty_wrong_is_suspected():
    result = memory_verdict(memoriser(np.random.default_rng(2), wrong=0.05), False)
    assert result.state == SUSPECTED
    assert result.surprisal < FEW_BITS


def test_a_memoriser_of_half_the_genome_is_suspected_because_it_splits():
    result = memory_verdict(memoriser(np.random.default_rng(3), share=0.5), False)
    assert result.state == SUSPECTED
    assert "splits" in result.text
    assert result.surprisal > FEW_BITS  # the mean alone would hide it
    assert (result.known_share, result.blind_share) == pytest.approx((0.5, 0.5), abs=0.02)
    assert result.known_error == 0
    assert result.blind_error == pytest.approx(0.5, abs=0.05)


def test_copies_say_nothing_of_memory():
    """Where the window holds the answer twice, reading it is no memory."""
    rng = np.random.default_rng(4)
    copied = memoriser(rng).assign(copy_class="near_copy")
    result = memory_verdict(pd.concat([copied, honest(rng)], ignore_index=True), False)
    assert (result.state, result.n) == (NO_SIGN, 4000)


def test_the_context_model_has_no_gain_over_itself_and_is_judged_by_error_and_bits():
    rng = np.random.default_rng(5)
    for table, state in ((honest(rng), NO_SIGN), (memoriser(rng), SUSPECTED)):
        of_itself = table.assign(
            local_surprisal=table["local_surprisal"] - table["gain"], gain=np.nan
        )
        result = memory_verdict(of_itself, True)
        assert (result.state, result.gain, result.known_share) == (state, None, None)
        assert result.surprisal == pytest.approx(of_itself["local_surprisal"].mean())


def test_likelihoods_without_distributions_are_judged_by_the_error_alone():
    rng = np.random.default_rng(6)
    for table, state in ((honest(rng), NO_SIGN), (memoriser(rng), SUSPECTED)):
        result = memory_verdict(table.assign(gain=np.nan), False)
        assert (result.state, result.surprisal) == (state, None)


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [0, 1, MIN_PROBES - 1])
def test_too_few_single_copy_probes_are_not_tested(n):
    table = memoriser(np.random.default_rng(7))
    table["copy_class"] = np.where(np.arange(4000) < n, "single_copy", "repeat_family")
    result = memory_verdict(table, False)
    assert (result.state, result.n, result.error) == (NOT_TESTED, n, None)


@pytest.mark.bad_input
def test_probes_without_an_answer_are_left_out():
    table = memoriser(np.random.default_rng(8), MIN_PROBES + 100)
    table.loc[: MIN_PROBES - 1, "llr"] = np.nan
    assert memory_verdict(table, False).state == NOT_TESTED


@pytest.mark.bad_input
def test_a_gain_that_is_missing_at_some_sites_is_left_out_of_the_means():
    table = memoriser(np.random.default_rng(9), 1000)
    table.loc[:499, "gain"] = np.nan
    result = memory_verdict(table, False)
    assert result.state == SUSPECTED
    assert result.gain == pytest.approx(1.95 + np.log2(0.99))
    assert result.surprisal == pytest.approx(-np.log2(0.99))


def test_own_surprisal_is_that_of_the_context_model_less_the_gain_or_alone_without_one():
    """The figures are exact in binary. Rows: a gain, a loss, no gain, no surprisal at all."""
    table = pd.DataFrame(
        {"local_surprisal": [1.5, 1.75, 1.25, np.nan], "gain": [0.25, -0.5, np.nan, np.nan]}
    )
    assert own_surprisal(table).tolist() == pytest.approx([1.25, 2.25, 1.25, np.nan], nan_ok=True)
    alone = own_surprisal(table.drop(columns="gain"))
    assert alone.tolist() == pytest.approx([1.5, 1.75, 1.25, np.nan], nan_ok=True)
