"""The test of tracking: its groups against plain multiplication, and what must pass and fail."""

import re
from itertools import permutations

import numpy as np
import pytest
import torch

from gfmtrust.audit.tracking import networks, page, run, train, words
from gfmtrust.cli import main as cli
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.tracking import TrackedGroup, Tracking

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("one_thread")]


def is_even(permutation):
    """By the number of pairs in the wrong order."""
    pairs = [(a, b) for i, a in enumerate(permutation) for b in permutation[i + 1 :]]
    return sum(a > b for a, b in pairs) % 2 == 0


def test_the_groups_have_their_known_sizes():
    every = list(permutations(range(5)))
    assert words.group("S5").elements == len(every)
    assert words.group("A5").elements == sum(map(is_even, every))
    assert all(map(is_even, words.GENERATORS["A5"]))


@pytest.mark.parametrize("name", list(words.GENERATORS))
def test_states_are_products_of_permutations(name):
    """Two words have the same state exactly where their permutations, as matrices, are equal."""
    group = words.group(name)
    letters, states = group.draw(40, 12, np.random.default_rng(3))
    matrices = [np.eye(len(one), dtype=int)[list(one)] for one in words.GENERATORS[name]]
    by_state = {}
    for word, row in zip(letters, states, strict=True):
        product = np.eye(len(matrices[0]), dtype=int)
        for letter, state in zip(word, row, strict=True):
            product = product @ matrices[letter]
            assert by_state.setdefault(int(state), product.tobytes()) == product.tobytes()
    assert len(set(by_state.values())) == len(by_state)


def test_parity_is_the_number_of_flips():
    letters, states = words.group("parity").draw(20, 30, np.random.default_rng(1))
    assert (states == letters.cumsum(axis=1) % 2).all()


def test_an_lstm_follows_parity_to_four_times_the_trained_length():
    right = tracked(networks.CONTROL).right
    assert right[:, -1].mean() > run.ENOUGH


def test_a_diagonal_recurrence_does_not():
    right = tracked("minGRU", 200).right
    assert right[:, :4].mean() > 0.8
    assert right[:, -1].mean() < 0.65


def tracked(name, steps=400):
    torch.manual_seed(1)
    group = words.group("parity")
    network = networks.NETWORKS[name](group.letters, group.elements)
    return train.tracked(network, group, steps, 1)


def test_an_answer_of_copying_is_the_letter_as_long_ago_as_the_word_and_its_mark():
    letters, truth = words.task("copy").draw(20, 9, np.random.default_rng(1))
    assert letters.shape == truth.shape == (20, 19)
    assert (truth[:, :10] == words.NOT_ASKED).all()
    assert (truth[:, 10:] == letters[:, 1:10]).all()
    assert (letters[:, 11:] == letters[:, 1:9]).all()
    assert (letters[:, [0, 10]] == words.Copying().elements).all()


def test_attention_copies_words_of_twice_the_trained_length():
    """200 updates of words of 4 letters suffice: it keeps every letter, and knows no places."""
    torch.manual_seed(1)
    copying = words.Copying(asked=(8,))
    network = networks.Attention(copying.letters, copying.elements)
    right = train.tracked(network, copying, 200, 1).right
    assert right.shape == (train.ASKED, 8)
    assert right.mean() > 0.9


def test_a_network_that_reads_both_ways_is_not_asked_to_copy():
    """It would read the answer, which is the next letter."""
    assert networks.of_task("copy")[0] == networks.COPIER
    assert networks.BOTH_WAYS not in networks.of_task("copy")
    assert networks.COPIER not in networks.of_task("A5")
    assert networks.of_task("A5")[0] == networks.CONTROL


def test_theory_says_nothing_of_what_a_state_can_copy():
    rows = [row(networks.COPIER, 1.0, "copy"), row(networks.CONTROL, 0.1, "copy")]
    facts = run.concluded(1, rows)
    assert facts.not_ranked == ()
    assert facts.verdict[0].endswith("of the others theory says nothing.")


@pytest.mark.parametrize("name", list(networks.NETWORKS))
def test_answers_do_not_look_ahead_and_have_the_right_shape(name):
    torch.manual_seed(2)
    network = networks.NETWORKS[name](2, 7).eval()
    ids = torch.zeros(3, 20, dtype=torch.int64)
    other = ids.clone()
    other[:, 12:] = 1
    first, second = network(ids), network(other)
    assert first.shape == (3, 20, 7)
    if name != networks.BOTH_WAYS:
        assert torch.allclose(first[:, :12], second[:, :12], atol=1e-6)


def row(network, share, group="A5"):
    right = np.zeros((256, 64), dtype=bool)
    right[: round(256 * share)] = True
    numbers = run.statistics(right, 1 / 60, (16, 32, 64))
    return TrackedGroup(
        group, network, run.judged(numbers[-1]), run.truth(network, group), 1, 16, 1.0, numbers,
        tuple(right.mean(axis=0).tolist()),
    )  # fmt: skip


@pytest.mark.bad_input
def test_nothing_is_ranked_where_the_control_fails():
    facts = run.concluded(1, [row(networks.CONTROL, 0.7), row("minGRU", 0.1)])
    assert facts.not_ranked == ("A5",)
    assert "minGRU" not in facts.verdict[0]


@pytest.mark.bad_input
def test_a_result_against_theory_is_said():
    facts = run.concluded(1, [row(networks.CONTROL, 1.0), row("minGRU", 1.0)])
    assert facts.not_ranked == ()
    assert "Not as theory says: minGRU." in facts.verdict[0]


@pytest.mark.bad_input
def test_the_page_ranks_nothing_where_the_control_fails():
    rows = [row(networks.CONTROL, 0.7), row("minGRU", 0.1)]
    rows += [row(networks.CONTROL, 1.0, "parity"), row("<minGRU>", 0.5, "parity")]
    a5, parity = page.html(run.concluded(1, rows)).split('<h2 id="parity">')
    assert a5.count(f"<td>{page.NOT_RANKED}</td>") == 2
    assert page.NOT_RANKED not in parity
    assert "&lt;minGRU&gt;" in parity


def test_the_page_shows_each_architecture_with_its_trained_length():
    """At 16 of 64 letters the upright line is at a quarter of the axis."""
    one = row("minGRU", 0.25)
    html = page.html(run.concluded(1, [row(networks.CONTROL, 1.0), one]))
    assert html.count("<svg") == 2
    drawn = str(page.curve_plot(one))
    uprights = [float(x) for x in re.findall(r"M([\d.]+) 10V156", drawn)]
    axis, trained = min(uprights), max(uprights)
    assert trained - axis == pytest.approx((page.WIDTH - page.RIGHT - axis) / 4, abs=0.1)
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_a_run_writes_its_facts_and_its_page(tmp_path):
    facts = run.track(run.TrackingRequest(tmp_path, ("parity",), ("minGRU",), steps=2))
    assert Tracking.read(tmp_path / Tracking.NAME) == facts
    assert [len(one.curve) for one in facts.rows] == [64] * 2
    assert facts.rows[0].curve[15] == facts.rows[0].statistics[0].value
    assert facts.rows[1].network in (tmp_path / page.PAGE).read_text()


def test_verdicts_from_shares():
    assert [row("x", share).verdict for share in (0.97, 0.7, 0.3)] == [
        run.PASSES, run.UNDECIDED, run.FAILS,
    ]  # fmt: skip
    coin = Statistic("right", 0.5, 0.45, 0.55, 0.5, 256)
    assert run.judged(coin) == run.FAILS


@pytest.mark.bad_input
def test_an_unknown_group(tmp_path, capsys):
    assert cli.main(["audit", "tracking", "--out_dir", str(tmp_path), "--groups", "M11"]) == 64
    assert "--groups: M11" in capsys.readouterr().err


@pytest.mark.bad_input
def test_an_audit_without_a_genome(tmp_path, capsys):
    assert cli.main(["audit", "model", "--out_dir", str(tmp_path)]) == 64
    assert "--fasta: absent for model" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_test_of_tracking(tmp_path):
    """Minutes: an LSTM passes every group at 64 letters and the diagonal recurrences fail all, and
    attention copies words of twice the trained length."""
    facts = run.track(run.TrackingRequest(tmp_path))
    assert facts.not_ranked == ()
    assert all(one.verdict == one.truth for one in facts.rows if one.truth)
    assert Tracking.read(tmp_path / Tracking.NAME) == facts
