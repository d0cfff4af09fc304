"""Indels in tandem tracts, against sums over whole texts and against the same change written
elsewhere."""

from functools import partial

import fake_bundle
import numpy as np
import pytest
from fake_genome import FakeGenome, genome_letters
from reading import score_haplotypes

from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.reference import PREFIX, fence
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.tracts import anchors, as_read

FakeBundle = partial(fake_bundle.FakeBundle, window_bp=256)
BUNDLES = {
    "masked": FakeBundle(),
    "k-mer": FakeBundle(quantity="kmer", k=6, window_bp=252),
    "counts": FakeBundle(quantity="counts", window_bp=15),
    "causal": FakeBundle(causal=True, site_forward=224, site_reverse=224),
    "causal in the middle": FakeBundle(causal=True),
    "causal k-mer": FakeBundle(
        quantity="kmer", causal=True, k=6, window_bp=252, site_forward=216, site_reverse=216
    ),
}
LEFT, RIGHT = genome_letters(11, 700) + "C", "G" + genome_letters(12, 700)
TRACTS = {"A": 40, "CA": 30, "ACCGT": 9, "T": 400}
"""Unit of a tract -> copies. The last tract is longer than every window."""


class PairSession:
    """p(letter | the letter before it as read) of a random table, the fifth row without one. A
    masked or causal model of it has the likelihood of the chain."""

    def __init__(self):
        weights = np.random.default_rng(8).random((5, 4)) + 0.1
        self.table = weights / weights.sum(axis=1, keepdims=True)

    def distributions(self, codes, index):
        padded = np.pad(np.minimum(codes, 4), ((0, 0), (1, 0)), constant_values=4)
        left = np.take_along_axis(padded, index, axis=1)
        return self.table[left][:, :, None], np.zeros(index.shape, np.float32)

    def log_p(self, text: str) -> float:
        codes = ["ACGT".index(letter) for letter in text]
        return float(
            np.log([self.table[pair] for pair in zip([4, *codes[:-1]], codes, strict=True)]).sum()
        )


def turned(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def changed(text: str, variant: Variant) -> str:
    return text[: variant.pos] + variant.alt + text[variant.pos + len(variant.ref) :]


def in_tract(unit: str, copies: int, is_lost: bool) -> tuple[str, Variant, Variant]:
    """A text with a tract, and the loss or gain of one copy written in the first and behind the
    last."""
    text, end = LEFT + unit * copies + RIGHT, len(LEFT) + len(unit) * copies
    if is_lost:
        return text, Variant(len(LEFT), unit, ""), Variant(end - len(unit), unit, "")
    return text, Variant(len(LEFT), "", unit), Variant(end, "", unit)


def scores(bundle, text, variants, session=None, **options):
    indexes = np.zeros(len(variants), int)
    genome = FakeGenome(c=text)
    return score_haplotypes(session or PairSession(), bundle, genome, indexes, variants, **options)


@pytest.mark.parametrize("is_lost", [True, False])
@pytest.mark.parametrize("unit", TRACTS)
@pytest.mark.parametrize("kind", BUNDLES)
def test_a_tract_longer_than_the_span_has_the_likelihoods_of_the_whole_texts(kind, unit, is_lost):
    """Both texts are read from their first letter to where the span ends behind the first letter
    that differs; what comes before it is equal."""
    bundle, session = BUNDLES[kind], PairSession()
    text, variant, _ = in_tract(unit, TRACTS[unit], is_lost)
    assert variant == normalised(FakeGenome(c=text), "c", variant.pos, variant.ref, variant.alt)
    llr = scores(bundle, text, [variant], session).llr[0]
    texts = [text, changed(text, variant)]
    for column, read in enumerate((texts, [turned(one) for one in texts])):
        shorter = min(map(len, read))
        first = next(at for at in range(shorter) if read[0][at] != read[1][at])
        radius = 32 if kind == "counts" else min(32, bundle.window_bp // 8)
        end = first + len(unit) + radius
        if bundle.causal:
            site = bundle.site_reverse if column else bundle.site_forward
            end = first + max(bundle.window_bp - site, -(-(end - first) // bundle.k) * bundle.k)
        ref, alt = (session.log_p(one[:end]) for one in read)
        assert llr[column] == pytest.approx(alt - ref, abs=2e-5 * max(1, abs(alt - ref)))
        assert abs(llr[column]) > 0.01


@pytest.mark.parametrize("preset", ["default", "thorough"])
@pytest.mark.parametrize("is_lost", [True, False])
@pytest.mark.parametrize("unit", TRACTS)
@pytest.mark.parametrize("kind", BUNDLES)
def test_the_first_and_the_last_copy_have_one_score(kind, unit, is_lost, preset):
    text, first, last = in_tract(unit, TRACTS[unit], is_lost)
    one, other = (
        scores(BUNDLES[kind], text, [variant], preset=preset) for variant in (first, last)
    )
    assert one.status.tolist() == other.status.tolist() == [""]
    assert one.llr.tobytes() == other.llr.tobytes()


def test_one_strand_of_a_text_is_the_other_of_its_reverse_complement():
    bundle = FakeBundle(causal=True, site_forward=224, site_reverse=224)
    for unit, copies in TRACTS.items():
        text, first, last = in_tract(unit, copies, True)
        back = Variant(len(text) - last.pos - len(unit), turned(unit), "")
        one = scores(bundle, text, [first]).llr[0]
        other = scores(bundle, turned(text), [back]).llr[0]
        assert one.tolist() == other[::-1].tolist()


@pytest.mark.parametrize(("copies", "is_moved"), [(2, False), (33, False), (34, True), (500, True)])
def test_only_what_can_be_moved_by_more_than_the_radius_is_read_elsewhere(copies, is_moved):
    """A loss of one base of n can be moved by n - 1; other changes stay where they are."""
    text, first, last = in_tract("A", copies, True)
    others = [Variant(40, text[40], ""), Variant(50, text[50], "AAA"), Variant(60, "A", "C")]
    read = as_read(FakeGenome(c=text), np.zeros(4, int), [first, *others], "+", 32, fences=None)
    assert read == [last if is_moved else first, *others]
    assert as_read(FakeGenome(c=text), np.zeros(1, int), [first], "-", 32, None) == [first]
    assert as_read(FakeGenome(c=text), np.zeros(1, int), [last], "-", 32, None) == [
        first if is_moved else last
    ]


def test_a_tract_of_any_length_and_phase_is_crossed():
    """The unit is turned by the letters of the last copy that is not whole."""
    unit = "ACCGTTG"
    for extra in range(len(unit)):
        tract = unit * 1_500 + unit[:extra]
        text = LEFT + tract + ("A" if unit[extra] != "A" else "C") + RIGHT
        for variant in (Variant(len(LEFT), unit, ""), Variant(len(LEFT), "", unit)):
            (read,) = as_read(FakeGenome(c=text), np.zeros(1, int), [variant], "+", 32, None)
            assert read.pos + len(read.ref) == len(LEFT) + len(tract)
            assert changed(text, read) == changed(text, variant)
            assert text[read.pos :].startswith(read.ref)
            back = as_read(FakeGenome(c=text), np.zeros(1, int), [read], "-", 32, None)
            assert changed(text, back[0]) == changed(text, variant)
            assert len(LEFT) - len(unit) < back[0].pos <= len(LEFT)


def test_members_must_have_seen_neither_end_of_the_tract():
    text, first, _ = in_tract("A", 60, True)
    bundle = FakeBundle(quantity="counts", window_bp=15, rc_equivariant=True, n_members=3)
    border = len(LEFT) + 40

    class Three(PairSession):
        def distributions(self, codes, index):
            probs, off = super().distributions(codes, index)
            return np.repeat(probs, 3, axis=2), off

    def admitted(contig_index, pos):
        early = np.asarray(pos) < border
        return np.stack([early, ~early, np.ones(len(early), bool)], axis=1)

    scored = scores(bundle, text, [first], Three(), admitted=admitted)
    assert np.isnan(scored.llr[0]).tolist() == [True, True, False]


# --- ends


@pytest.mark.bad_input
@pytest.mark.parametrize("end", ["", "N" * 300, "NACGT" * 60])
def test_a_tract_ends_where_the_genome_is_unknown(end):
    text = LEFT + "A" * 50 + end
    first, genome = Variant(len(LEFT), "A", ""), FakeGenome(c=text)
    (read,) = as_read(genome, np.zeros(1, int), [first], "+", 32, None)
    assert read == Variant(len(LEFT) + 49, "A", "")
    (gained,) = as_read(genome, np.zeros(1, int), [Variant(len(LEFT), "", "A")], "+", 32, None)
    assert gained == Variant(len(LEFT) + 50, "", "A")
    assert anchors(genome, np.zeros(1, int), [gained], "+", None) == min(
        len(LEFT) + 50, len(text) - 1
    )


@pytest.mark.bad_input
def test_a_tract_ends_at_the_end_of_a_piece_of_the_background():
    """The tract runs on in the next piece, which nobody reads with this one."""
    text = genome_letters(3, 240) + "C" + "A" * 200 + genome_letters(4, 159)
    genome = FakeGenome(**{"user": genome_letters(2, 300), f"{PREFIX}b": text})
    contig, variants = np.array([1, 1]), [Variant(241, "A", ""), Variant(241, "", "A")]
    fences = fence(genome, contig, np.array([241, 241]))
    read = as_read(genome, contig, variants, "+", 32, fences)
    assert read == [Variant(299, "A", ""), Variant(300, "", "A")]
    assert anchors(genome, contig, read, "+", fences).tolist() == [299, 299]
    apart = FakeGenome(**{"user": genome_letters(2, 300), f"{PREFIX}b": text[:300]})
    one, other = (
        score_haplotypes(PairSession(), BUNDLES["masked"], where, contig, variants)
        for where in (genome, apart)
    )
    assert one.status.tolist() == other.status.tolist() == ["", ""]
    assert one.llr.tobytes() == other.llr.tobytes()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("behind", "status", "n_unknown", "n_pad"),
    [
        (genome_letters(1, 400), "", 0, 0),
        (genome_letters(1, 99), "", 0, 27),
        (genome_letters(1, 117) + "N" * 500, "", 9, 0),
        (genome_letters(1, 79) + "N" * 500, Status.AMBIGUOUS_BASE, 47, 0),
    ],
)
def test_the_window_is_judged_where_the_change_is_read(behind, status, n_unknown, n_pad):
    """The last of 60 copies is followed by G and `behind`, of which its window has 126 letters. The
    window around the first copy has neither N nor padding."""
    text, variants = LEFT + "A" * 60 + "G" + behind, [Variant(len(LEFT), "A", "")]
    bundle, place = BUNDLES["masked"], (FakeGenome(c=text), np.zeros(1, int))
    scored = score_haplotypes(PairSession(), bundle, *place, variants)
    assert scored.status.tolist() == [status]
    n_share, pad_share = reader_of(bundle).variant_shares(*place, variants, ReadingOptions())
    assert n_share.tolist() == [np.float32(n_unknown / (256 - n_pad))]
    assert pad_share.tolist() == [np.float32(n_pad / 256)]


@pytest.mark.bad_input
def test_no_variants_have_no_places():
    genome = FakeGenome(c=LEFT)
    assert as_read(genome, np.zeros(0, int), [], "+", 32, None) == []
    assert anchors(genome, np.zeros(0, int), [], "-", None).tolist() == []
