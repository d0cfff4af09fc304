"""The gate on windows of the user's genome, with models whose surprisal is known beforehand."""

import logging

import numpy as np
import pytest
from fake_genome import FakeGenome, random_genome

from gfmtrust.bundle import bpe, bpe_file
from gfmtrust.core.alphabet import N, reverse_complement
from gfmtrust.core.errors import BadDataError
from gfmtrust.export import sanity_check
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text


class Knowing:
    """A session that puts probability p on the real base and shares the rest."""

    def __init__(self, p: float):
        self.p = p

    def distributions(self, codes, index):
        real = np.take_along_axis(codes, index, axis=1)
        probs = np.full((*index.shape, 1, 4), (1 - self.p) / 3, np.float32)
        np.put_along_axis(
            probs[:, :, 0], real[..., None].astype(np.int64), np.float32(self.p), axis=-1
        )
        return probs, np.zeros(index.shape, np.float32)


def judged(p: float, allow: bool = False) -> dict:
    cut = sanity_check.windows(random_genome(), 64, 100)
    return sanity_check.judge(
        sanity_check.evidence(Knowing(p), cut, np.array([20, 30])), cut, "digest", allow
    )


def test_windows_are_clean_spread_and_ordered():
    genome = FakeGenome(a="ACGT" * 50, b="N" * 200, c="TGCA" * 100 + "N" + "ACGT" * 20)
    cut = sanity_check.windows(genome, 10, 30)
    assert cut.shape == (30, 10)
    assert (cut < N).all()
    text = ["".join("ACGT"[code] for code in window) for window in cut]
    assert text[0] == "ACGTACGTAC"
    assert all(window in "ACGT" * 5 or window in "TGCA" * 5 for window in text)


def test_all_there_are():
    genome = FakeGenome(a="ACGTACGTACGT", b="ACG")
    assert sanity_check.windows(genome, 10, 1000).tolist() == [
        genome.codes("a", i, i + 10).tolist() for i in range(3)
    ]


def test_the_same_windows_every_time():
    assert (
        sanity_check.windows(random_genome(), 64, 100)
        == sanity_check.windows(random_genome(), 64, 100)
    ).all()


def test_surprisal_by_hand():
    cut = sanity_check.windows(random_genome(), 64, 7)
    result_array = sanity_check.evidence(Knowing(0.5), cut, np.array([3, 60]))
    assert result_array.n_bases == 14
    np.testing.assert_allclose(result_array.nll_nats, np.log(2), atol=1e-6)


@pytest.mark.parametrize(
    ("p", "verdict"),
    [(0.9, "passed"), (0.2541, "passed"), (0.2501, "failed"), (0.25, "failed"), (0.1, "failed")],
)
def test_the_verdict(p, verdict):
    """ln 4 - 0.01 is a probability of 0.2525 on the real base."""
    product = judged(p, allow=True)
    assert product["gate"] == verdict
    assert product["nll_nats"] == pytest.approx(-np.log(p), abs=1e-5)
    assert product["threshold_nats"] == pytest.approx(1.376294)
    assert (product["n_windows"], product["n_bases"], product["fasta_digest"]) == (
        100,
        200,
        "digest",
    )


def test_a_model_below_composition_is_warned_of(caplog):
    genome = FakeGenome(a="AAAAAAAC" * 100)
    cut = sanity_check.windows(genome, 16, 50)
    with caplog.at_level(logging.WARNING):
        result_array = sanity_check.judge(
            sanity_check.evidence(Knowing(0.3), cut, np.array([8])), cut, "", False
        )
    assert result_array["gate"] == "passed"
    assert result_array["composition_nats"] == pytest.approx(
        -(7 / 8) * np.log(7 / 8) - np.log(1 / 8) / 8, abs=0.01
    )
    assert "knows little" in caplog.text


def test_the_method_changes_only_on_clear_evidence():
    rng = np.random.default_rng(0)
    marginal = sanity_check.Evidence(1.3 + 0.05 * rng.normal(size=500), 5000)

    def other(gain_bits: float, noise: float) -> sanity_check.Evidence:
        """Windows that gain this much on average, half of them `noise` more and half less."""
        return sanity_check.Evidence(
            marginal.nll_nats - gain_bits * np.log(2) + noise * np.resize([1, -1], 500), 5000
        )

    assert sanity_check.conditional_is_better(marginal, other(0.05, 0.01))
    assert not sanity_check.conditional_is_better(marginal, other(0.005, 0.0))  # below 0.01 bits
    assert not sanity_check.conditional_is_better(marginal, other(0.02, 2.0))  # not surely above 0
    assert not sanity_check.conditional_is_better(marginal, other(-0.1, 0.01))


def test_strand_symmetry():
    """A model that reads composition alone is symmetric; one that favours A on either strand is
    not."""
    cut = sanity_check.windows(random_genome(), 64, 40)

    class Fixed:
        def __init__(self, law):
            self.law = np.array(law, np.float32)

        def distributions(self, codes, index):
            return np.broadcast_to(self.law, (*index.shape, 1, 4)), np.zeros(
                index.shape, np.float32
            )

    assert sanity_check.strand_symmetry(Fixed([0.3, 0.2, 0.2, 0.3]), cut, 32, 31)["max_logp"] == 0
    lopsided = sanity_check.strand_symmetry(Fixed([0.4, 0.2, 0.2, 0.2]), cut, 32, 31)
    assert lopsided["max_logp"] == pytest.approx(np.log(2), abs=1e-3)
    assert lopsided["n_windows"] == 32
    assert reverse_complement(cut[:1]).shape == (1, 64)


@pytest.mark.bad_input
def test_a_useless_model_is_refused():
    with pytest.raises(
        BadDataError,
        match=r"mean NLL 1\.386 per base; expected below 1\.376; weights untrained or misread\? "
        r"--allow_untrained exports it all the same",
    ):
        judged(0.25)


@pytest.mark.bad_input
def test_one_answer_for_all_windows_fails_even_where_it_fits_the_composition():
    """Seen on chr20 of man: (.28, .22, .22, .28) everywhere has 1.375 nats and once passed, to be
    stopped only while scoring."""

    class Constant:
        def distributions(self, codes, index):
            return np.broadcast_to(np.array([0.4, 0.1, 0.1, 0.4]), (*index.shape, 1, 4)), np.zeros(
                index.shape, np.float32
            )

    genome = FakeGenome(
        c="".join(np.random.default_rng(0).choice(list("ACGT"), 5_000, p=[0.4, 0.1, 0.1, 0.4]))
    )
    cut = sanity_check.windows(genome, 64, 50)
    result_array = sanity_check.evidence(Constant(), cut, np.array([20]))
    assert result_array.mean < sanity_check.THRESHOLD_NATS
    with pytest.raises(
        BadDataError,
        match="NLL gate: the same answer for every window; expected one that depends on the window; weights",
    ):
        sanity_check.judge(result_array, cut, "", False)
    assert sanity_check.judge(result_array, cut, "", True)["gate"] == "failed"


@pytest.mark.bad_input
def test_a_model_without_finite_answers_fails():
    class Broken:
        def distributions(self, codes, index):
            return np.full((*index.shape, 1, 4), np.nan, np.float32), np.zeros(
                index.shape, np.float32
            )

    cut = sanity_check.windows(random_genome(), 64, 10)
    with pytest.raises(BadDataError, match="NLL gate"):
        sanity_check.judge(sanity_check.evidence(Broken(), cut, np.array([8])), cut, "", False)


@pytest.mark.bad_input
@pytest.mark.parametrize("genome", [FakeGenome(a="ACGT"), FakeGenome(a="N" * 500), FakeGenome()])
def test_a_genome_without_a_window(genome):
    with pytest.raises(BadDataError, match="no window of 16 bases"):
        sanity_check.windows(genome, 16, 10)


class Tokens:
    """A session of whole tokens: ln p of a token by a function of the token and the one before
    it."""

    def __init__(self, answer):
        text = bpe_text(bpe_file.parse(vocabularies.bpe(200)), 200, mask="[MASK]")
        self.bpe, self.answer = bpe.build(text), answer

    def token_logps(self, asked):
        return [
            np.array(
                [
                    self.answer(int(target), int(one.input_ids[place - 1]))
                    for place, target in zip(one.pos, one.target, strict=True)
                ]
            )
            for one in asked
        ]


def judged_tokens(answer, allow: bool = False) -> dict:
    cut = sanity_check.windows(random_genome(), 200, 60)
    return sanity_check.judge(
        sanity_check.token_evidence(Tokens(answer), cut), cut, "digest", allow
    )


def test_tokens_are_judged_one_by_one_against_a_uniform_law_of_them():
    result = judged_tokens(lambda target, left: -4.0 - 0.01 * (left % 3))
    assert result["gate"] == "passed"
    assert result["per"] == "token"
    assert result["threshold_nats"] == pytest.approx(np.log(200) - 0.01, abs=1e-6)
    assert 4.0 < result["nll_nats"] < 4.02


@pytest.mark.bad_input
def test_tokens_of_a_model_that_knows_nothing_are_refused():
    with pytest.raises(BadDataError, match=r"mean NLL 5\.29\d per token; expected below 5\.288"):
        judged_tokens(lambda target, left: -np.log(200))
    assert judged_tokens(lambda target, left: -np.log(200), allow=True)["gate"] == "failed"


@pytest.mark.bad_input
def test_a_law_of_tokens_that_no_context_moves_is_refused():
    with pytest.raises(BadDataError, match="the same answer for every window"):
        judged_tokens(lambda target, left: -3.0 - target / 100)


@pytest.mark.bad_input
def test_a_token_without_a_finite_answer_counts_against_the_model():
    array = judged_tokens(lambda target, left: np.nan, allow=True)
    assert array["gate"] == "failed"
    assert array["nll_nats"] == pytest.approx(np.log(200) + 1, abs=1e-6)
