"""Alleles' likelihoods by models of whole tokens against a twin that works on strings, through the
whole of scoring and of haplotypes."""

import functools
from dataclasses import replace

import fake_bundle
import naive_bpe
import numpy as np
import pytest
from fake_genome import FakeGenome, genome_letters
from reading import score_haplotypes, score_sites

from gfmtrust.bundle import bpe, bpe_file, bpe_questions
from gfmtrust.core.alphabet import PAD, encode
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.variants import Variant
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text
from gfmtrust.readers import likelihoods
from gfmtrust.scoring import negative_controls

WINDOW = 96
TURN = str.maketrans("ACGTN", "TGCAN")


@functools.cache
def toy(causal: bool, max_tokens: int = 0) -> naive_bpe.ToySession:
    text = bpe_text(
        bpe_file.parse(vocabularies.bpe(300)), 300, causal, "" if causal else "[MASK]", max_tokens
    )
    return naive_bpe.ToySession(bpe.build(text))


def merges(session):
    return list(session.bpe.text.merges)


def bundle(causal: bool, **changed):
    site = {"site_forward": WINDOW - 20, "site_reverse": WINDOW - 20} if causal else {}
    return fake_bundle.FakeBundle(WINDOW, quantity="likelihood", causal=causal, **site | changed)


def turned(text: str) -> str:
    return text[::-1].translate(TURN)


def around(letters: str, pos: int, site: int, strand: str) -> tuple[str, int]:
    """The window of a site as read, letters outside the contig left out, and where the site is in
    it."""
    start = pos - site if strand == "+" else pos - (WINDOW - 1 - site)
    cut = letters[max(0, start) : start + WINDOW]
    at = pos - max(0, start)
    return (cut, at) if strand == "+" else (turned(cut), len(cut) - 1 - at)


@pytest.mark.long
@pytest.mark.parametrize("causal", [False, True], ids=["masked", "causal"])
def test_llrs_of_substitutions_are_those_of_a_twin_by_strings(causal):
    """216 alleles on both strands, some near the contig's ends or beside an N."""
    letters = list(genome_letters(5, 700))
    letters[300] = letters[340] = "N"
    letters = "".join(letters)
    pos = np.array([*range(24, 672, 9)])
    pos = pos[[letters[p] != "N" for p in pos]]
    session, model = toy(causal), bundle(causal)
    scores = score_sites(
        session, model, FakeGenome(c=letters), np.zeros(len(pos), int), pos, max_n=0.2
    )
    assert (scores.status == "").all()
    assert np.isnan(scores.local_surprisal).all()
    n_alleles = 0
    for row, place in enumerate(pos):
        for view, (strand, site) in enumerate(
            (("+", model.site_forward), ("-", model.site_reverse))
        ):
            window, at = around(letters, int(place), site, strand)
            for alt in "ACGT":
                if alt == letters[place]:
                    continue
                changed = window[:at] + (alt if strand == "+" else turned(alt)) + window[at + 1 :]
                expected = naive_bpe.llr(window, changed, merges(session), causal)
                p = scores.probs[row, view].astype(float)
                assert np.log(
                    p["ACGT".index(alt)] / p["ACGT".index(letters[place])]
                ) == pytest.approx(expected, abs=2e-5)
                n_alleles += view == 0
    assert n_alleles >= 200


@pytest.mark.parametrize("causal", [False, True], ids=["masked", "causal"])
def test_llrs_of_haplotypes_are_those_of_a_twin_by_strings(causal):
    letters, rng = genome_letters(6, 3000), np.random.default_rng(1)
    variants = []
    for pos in range(120, 2860, 25):
        ref = letters[pos : pos + int(rng.integers(0, 5))]
        alt = "".join(rng.choice(list("ACGT"), int(rng.integers(0, 5))))
        if ref != alt and not (ref and alt and (ref[0] == alt[0] or ref[-1] == alt[-1])):
            variants.append(Variant(pos, ref, alt))
    assert len(variants) > 50
    assert len({len(variant.ref) == len(variant.alt) for variant in variants}) == 2
    session, model = toy(causal), bundle(causal)
    scored = score_haplotypes(
        session, model, FakeGenome(c=letters), np.zeros(len(variants), int), variants
    )
    assert (scored.status == "").all()
    for row, variant in enumerate(variants):
        changed = letters[: variant.pos] + variant.alt + letters[variant.pos + len(variant.ref) :]
        for view, (strand, site) in enumerate(
            (("+", model.site_forward), ("-", model.site_reverse))
        ):
            site = min(site, WINDOW - (variant.length + WINDOW // 8))
            texts = []
            for text in (letters, changed):
                text = text if strand == "+" else turned(text)
                start = (
                    variant.pos if strand == "+" else len(letters) - variant.pos - len(variant.ref)
                )
                texts.append(text[start - site : start - site + WINDOW])
            shifted = 0 if len(variant.ref) == len(variant.alt) else site + variant.length
            expected = naive_bpe.llr(*texts, merges(session), causal, shifted)
            assert scored.llr[row, view] == pytest.approx(expected, abs=2e-5), variant


@pytest.mark.parametrize("causal", [False, True], ids=["masked", "causal"])
def test_a_copy_of_a_long_tract_is_scored_where_the_texts_first_differ(causal):
    """A tract of 40 bases, of which 20 lie behind the site of a causal window: read in its first
    copy, the texts of that window would be equal."""
    before, behind = genome_letters(6, 300) + "G", "GT" + genome_letters(7, 300)
    session, model = toy(causal), bundle(causal)
    letters = before + "CA" * 20 + behind
    first, last = Variant(301, "CA", ""), Variant(301 + 38, "CA", "")
    genome = FakeGenome(c=letters)
    scored = score_haplotypes(session, model, genome, np.zeros(2, int), [first, last])
    assert scored.llr[0].tolist() == scored.llr[1].tolist()
    changed = before + "CA" * 19 + behind
    radius = WINDOW // 8
    for view, (strand, site) in enumerate((("+", model.site_forward), ("-", model.site_reverse))):
        site = min(site, WINDOW - (2 + radius))
        start = {"+": last.pos, "-": len(behind) + 38}[strand]
        texts = [
            (text if strand == "+" else turned(text))[start - site : start - site + WINDOW]
            for text in (letters, changed)
        ]
        assert texts[0][:site] == texts[1][:site]
        assert texts[0][site] != texts[1][site]
        expected = naive_bpe.llr(*texts, merges(session), causal, site + 2)
        assert scored.llr[0, view] == pytest.approx(expected, abs=2e-5)
        assert scored.llr[0, view] != 0


@pytest.mark.bad_input
def test_a_reverse_window_with_too_many_tokens_is_not_scored():
    """The windows of a causal model have few letters in common: here the forward one is random, and
    the reverse one is a repeat of TG, of which the toy vocabulary has no token."""
    model, text, at = bundle(True), genome_letters(6, 200) + "CA" * 80, 199
    cut = [around(text, at, model.site_forward, strand)[0] for strand in "+-"]
    forward, reverse = (len(bpe.segment(toy(True).bpe, encode(one)).ids) for one in cut)
    limit = (forward + reverse) // 2
    assert forward + 3 < limit < reverse - 3
    for preset, status in (("fast", ""), ("default", Status.UNSUPPORTED)):
        scores = score_sites(
            toy(True, limit), model, FakeGenome(c=text), np.zeros(1, int), np.array([at]), preset
        )
        assert scores.status.tolist() == [status]


def test_a_pair_near_the_contigs_end_has_as_many_bases():
    """An insertion at the end pushes one base of REF's text out of ALT's; the letters outside one
    are read in neither."""
    session = toy(True)
    ref, alt = encode("ACGTTAGCCATGACCA"), encode("ACGTTAGCTCATGACC")
    padded = ref.copy()
    padded[-3:] = PAD
    result_array = likelihoods.log_ratios(session, padded[None], alt[None], np.array([9]))
    assert result_array[0] == pytest.approx(
        naive_bpe.llr("ACGTTAGCCATGA", "ACGTTAGCTCATG", merges(session), True, 9), abs=1e-9
    )


def test_equal_texts_have_an_llr_of_nought_and_ask_nothing():
    session = toy(False)
    window = encode(genome_letters(9, WINDOW))[None]
    before = session.passes
    assert likelihoods.log_ratios(session, window, window) == [0.0]
    assert session.passes == before


def test_a_likelihood_ratio_turns_with_the_alleles():
    session = toy(False)
    ref = encode(genome_letters(10, WINDOW))[None]
    alt = ref.copy()
    alt[0, 40] = (alt[0, 40] + 1) % 4
    assert likelihoods.log_ratios(session, ref, alt) == -likelihoods.log_ratios(session, alt, ref)


def test_the_null_control_of_permuted_weights_reads_whole_tokens_too():
    letters = genome_letters(5, 400)
    session, model = toy(False), bundle(False)
    asked = (model, FakeGenome(c=letters), np.zeros(3, int), np.array([100, 150, 200]))
    np.testing.assert_array_equal(
        score_sites(negative_controls.OnAlphabet(session), *asked).probs,
        score_sites(session, *asked).probs,
    )


@pytest.mark.bad_input
def test_a_site_without_a_base_and_a_text_too_long_have_no_answer():
    letters = list(genome_letters(5, 400))
    letters[200] = "N"
    genome = FakeGenome(c="".join(letters))
    scores = score_sites(toy(False), bundle(False), genome, np.zeros(2, int), np.array([150, 200]))
    assert scores.status.tolist() == ["", Status.AMBIGUOUS_BASE]
    short = score_sites(
        toy(False, max_tokens=20), bundle(False), genome, np.zeros(1, int), np.array([150])
    )
    assert short.status.tolist() == [Status.UNSUPPORTED]
    assert np.isnan(short.probs).all()


@pytest.mark.bad_input
def test_an_answer_that_is_not_finite_is_no_likelihood(monkeypatch):
    session = naive_bpe.ToySession(toy(False).bpe)
    monkeypatch.setattr(session, "_one", lambda *_: float("nan"))
    window = encode(genome_letters(10, WINDOW))[None]
    assert np.isnan(likelihoods.substitutions(session, window, 40)).all()


def test_rows_of_one_batch_have_one_length_and_the_places_asked_for_depend_on_the_row_alone():
    session = toy(False)
    windows = np.stack([encode(genome_letters(seed, WINDOW)) for seed in range(40)])
    asked = likelihoods.spread_asks(session.bpe, windows)
    seen = {}
    for rows, feeds in bpe_questions.batches(asked):
        for row, ids, pos, target in zip(
            rows, feeds["input_ids"], feeds["pos"], feeds["target"], strict=True
        ):
            seen[row] = pos.tolist()
            assert np.array_equal(ids, asked[row].input_ids)  # nothing is added: no padding
            n = len(asked[row].pos)
            assert pos[:n].tolist() == asked[row].pos.tolist()
            assert (pos[n:] == pos[n - 1]).all()
            assert (target[n:] == target[n - 1]).all()
    assert sorted(seen) == list(range(40))
    for row, one in enumerate(asked[:5]):
        assert next(bpe_questions.batches([one]))[1]["pos"][0].tolist() == seen[row]


def test_a_causal_question_ends_before_the_last_token_it_asks_for():
    session = toy(True)
    codes = encode(genome_letters(3, WINDOW))
    tokens = bpe.segment(session.bpe, codes)
    asked = bpe_questions.ask(session.bpe, tokens, np.array([3, 7]))
    assert asked.input_ids.tolist() == tokens.ids[:7].tolist()
    assert asked.pos.tolist() == [2, 6]
    assert asked.target.tolist() == tokens.ids[[3, 7]].tolist()


@pytest.mark.bad_input
def test_a_family_of_too_few_positions_is_not_asked():
    text = replace(toy(False).bpe.text, max_tokens=5)
    model = bpe.build(text)
    tokens = bpe.segment(model, encode(genome_letters(3, WINDOW)))
    assert bpe_questions.ask(model, tokens, np.array([1])) is None
