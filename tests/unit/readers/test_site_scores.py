"""Windows, strands and neighbours against a model whose answer is written by hand."""

from functools import partial

import fake_bundle
import numpy as np
import pytest
from fake_genome import FakeGenome, random_genome
from reading import score_sites, views_of

from gfmtrust.core.alphabet import PAD, reverse_complement
from gfmtrust.core.errors import InternalError
from gfmtrust.core.vocabulary import Status
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.windows import window_status

FakeBundle = partial(fake_bundle.FakeBundle, window_bp=8, shifts=(-1, 1), neighbour_offsets=(-2, 2))
"""A model that reads 8 letters; both sides of the site, so the site is at 4 forward and 3 on the
other strand."""


class NextLetterSession:
    """p(base) is .7 for the letter right of the position as read, .1 for the others; uniform where
    there is none."""

    def distributions(self, codes, index):
        n, n_at = index.shape
        probs = np.full((n, n_at, 1, 4), 0.25, np.float32)
        for row in range(n):
            for column in range(n_at):
                at = index[row, column] + 1
                if at < codes.shape[1] and codes[row, at] < 4:
                    probs[row, column, 0] = 0.1
                    probs[row, column, 0, codes[row, at]] = 0.7
        return probs, np.zeros((n, n_at), np.float32)


def scored(genome, pos, bundle=None, session=None, **options):
    pos = np.array(pos)
    return score_sites(
        session or NextLetterSession(),
        bundle or FakeBundle(),
        genome,
        np.zeros(len(pos), int),
        pos,
        **options,
    )


GENOME = FakeGenome(chr1="ACGTTGCAACGGTACCATGA")


def test_forward_reads_right_neighbour_and_reverse_reads_left_neighbour_complemented_back():
    # pos 9 is C in ...A A C G G...: forward the letter on the right, G; on the other strand the
    # letter on its right is the complement of the A on the left, T, which turned back to the
    # forward strand is A
    probs = scored(GENOME, [9], preset="default", neighbours=False).probs
    assert probs.shape == (1, 2, 4)
    assert probs[0, 0].argmax() == 2
    assert probs[0, 1].argmax() == 0


def test_views_come_in_their_fixed_order():
    bundle = FakeBundle(n_members=2)
    ids = [view.id for view in views_of(bundle, "thorough")]
    assert ids[:4] == ["toy/m0/+/s-1", "toy/m0/+/s0", "toy/m0/+/s1", "toy/m0/-/s-1"]
    assert len(ids) == 12
    assert [view.strand for view in views_of(FakeBundle(rc_equivariant=True), "thorough")] == [
        "+",
        "+",
        "+",
    ]


@pytest.mark.parametrize(
    ("preset", "neighbours", "passes"),
    [("fast", False, 1), ("fast", True, 2), ("default", True, 4), ("thorough", True, 8)],
)
def test_passes(preset, neighbours, passes):
    assert reader_of(FakeBundle()).passes_per_site(preset, neighbours) == passes


def test_shifted_windows_ask_for_the_same_base():
    probs = scored(GENOME, [9], preset="thorough", neighbours=False).probs
    assert (probs[0, :3].argmax(axis=1) == 2).all()
    assert (probs[0, 3:].argmax(axis=1) == 0).all()


def test_local_surprisal_is_that_of_the_neighbours_by_hand():
    # neighbours of 9 at 7 (A, right A, left C) and 11 (G, right T, left G): mean of strands, then
    # -log2 of the real letter
    expected = np.mean([-np.log2((0.7 + 0.1) / 2), -np.log2((0.1 + 0.7) / 2)])
    assert scored(GENOME, [9]).local_surprisal[0] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(scored(GENOME, [9], neighbours=False).local_surprisal[0])


def test_one_sided_model_looks_at_neighbours_behind_it_on_either_strand():
    bundle = FakeBundle(neighbour_offsets=(-2,), neighbours_in_same_pass=True)
    # forward at 7 (A, right A: .7); reverse reads left to right from the other end: position 11
    # (G), its left letter G: .7
    assert scored(GENOME, [9], bundle).local_surprisal[0] == pytest.approx(-np.log2(0.7), abs=1e-6)


def test_members_that_may_not_vote_are_left_out():
    class TwoMembers(NextLetterSession):
        def distributions(self, codes, index):
            probs, mass = super().distributions(codes, index)
            return np.concatenate([probs, np.full_like(probs, 0.25)], axis=2), mass

    votes = scored(
        GENOME,
        [9, 10],
        FakeBundle(n_members=2),
        TwoMembers(),
        preset="fast",
        admitted=lambda contig, pos: np.stack([pos % 2 == 0, pos % 2 == 1], axis=1),
    ).probs
    assert np.isnan(votes[0, 0]).all()
    assert (votes[0, 1] == 0.25).all()
    assert np.isnan(votes[1, 1]).all()


def test_answer_does_not_depend_on_how_sites_are_batched(monkeypatch):
    genome = random_genome(3, 600)
    pos = np.arange(40, 560, 3)
    whole = scored(genome, pos, preset="thorough")
    monkeypatch.setattr("gfmtrust.readers.reader.CHUNK_BASES", 8 * 7)
    parts = scored(genome, pos, preset="thorough")
    assert whole.probs.tobytes() == parts.probs.tobytes()
    assert whole.local_surprisal.tobytes() == parts.local_surprisal.tobytes()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("window", "status"),
    [
        ("ACGTACGT", ""),
        ("ACGTNCGT", Status.AMBIGUOUS_BASE),
        ("NCGTACGT", Status.AMBIGUOUS_BASE),
        ("PPPPACGT", ""),
        ("PPPPAPPP", Status.OUT_OF_RANGE),
        ("ACGTPPPP", Status.OUT_OF_RANGE),
    ],
)
def test_status_of_a_window(window, status):
    codes = np.array([["ACGTNP".index(letter) for letter in window]], np.uint8)
    result, n_share, pad_share = window_status(codes, 4, max_n=0.10)
    assert result[0] == status
    assert pad_share[0] == np.float32(window.count("P") / 8)
    assert n_share[0] == np.float32(window.count("N") / max(1, 8 - window.count("P")))


@pytest.mark.bad_input
def test_rows_with_a_status_are_nan_and_order_is_kept():
    genome = FakeGenome(chr1="ACGTTGCAACNNNNNNNNGGTACCATGA")
    result = scored(genome, [20, 13, 5])
    assert (
        result.status.tolist() == [Status.AMBIGUOUS_BASE, Status.AMBIGUOUS_BASE, ""]
        or result.status[1] == Status.AMBIGUOUS_BASE
    )
    assert np.isnan(result.probs[1]).all()
    assert np.isfinite(result.probs[2]).all()


@pytest.mark.bad_input
def test_a_model_without_finite_answers_ends_the_run():
    class Broken:
        def distributions(self, codes, index):
            return np.full((*index.shape, 1, 4), np.nan, np.float32), np.zeros(
                index.shape, np.float32
            )

    with pytest.raises(InternalError, match="not finite"):
        scored(GENOME, [8, 9, 10], session=Broken())


@pytest.mark.bad_input
def test_mass_outside_the_alphabet_is_a_model_error():
    class Astray(NextLetterSession):
        def distributions(self, codes, index):
            probs, mass = super().distributions(codes, index)
            return probs, np.where(index[:, :1] == 4, 0.9, mass).astype(np.float32) if len(
                index
            ) == 1 else mass

    assert (
        scored(GENOME, [9], session=Astray(), preset="fast", neighbours=False).status[0]
        == Status.MODEL_ERROR
    )


def test_contig_end_is_padding_on_both_strands():
    result = scored(GENOME, [1], neighbours=False)
    assert result.status[0] == ""
    assert result.pad_share[0] == np.float32(3 / 8)
    codes = GENOME.windows("chr1", np.array([-3]), 8)
    assert (reverse_complement(codes)[0] == PAD).sum() == 3


class LeftLetterSession:
    """p(letter | the letter left of it) of a random table; an unknown one to the left gives the
    table's fifth row. Nothing else is read."""

    def __init__(self):
        weights = np.random.default_rng(2).random((5, 4)) + 0.1
        self.table = weights / weights.sum(axis=1, keepdims=True)
        self.passes = 0

    def distributions(self, codes, index):
        self.passes += len(codes)
        left = np.where(
            index > 0, np.take_along_axis(np.minimum(codes, 4), np.maximum(index - 1, 0), axis=1), 4
        )
        return self.table[left][:, :, None], np.zeros(index.shape, np.float32)


@pytest.mark.parametrize("letters", ["ACGTTGCAAGTC" * 8, "ACGTNGCAAGTC" * 8])
def test_a_causal_model_judges_each_base_by_what_follows(letters):
    """Bayes by hand: p(b | left) p(right letter | b), whatever follows after that; an unknown right
    letter tells nothing."""
    session = LeftLetterSession()
    bundle = FakeBundle(
        window_bp=40,
        site_forward=32,
        site_reverse=32,
        neighbour_offsets=(-2, -1),
        neighbours_in_same_pass=True,
        causal=True,
        shifts=(),
    )
    pos = np.array([at for at in range(40, 56) if letters[at] != "N"])
    scores = score_sites(
        session,
        bundle,
        FakeGenome(c=letters),
        np.zeros(len(pos), int),
        pos,
        "default",
        True,
        max_n=1.0,
    )
    assert session.passes == 8 * len(pos)
    for row, at in enumerate(pos):
        read = {"+": letters, "-": letters[::-1].translate(str.maketrans("ACGT", "TGCA"))}
        for column, (strand, place) in enumerate({"+": at, "-": len(letters) - 1 - at}.items()):
            text = read[strand]
            before = session.table["ACGTN".index(text[place - 1])]
            after = (
                session.table[:4, "ACGT".index(text[place + 1])] if text[place + 1] != "N" else 1
            )
            wanted = before * after / (before * after).sum()
            np.testing.assert_allclose(
                scores.probs[row, column], wanted if strand == "+" else wanted[::-1], atol=1e-6
            )
