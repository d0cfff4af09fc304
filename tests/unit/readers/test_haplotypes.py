"""Haplotype scores against sums over whole sequences written as strings, one base at a time."""

from functools import partial

import fake_bundle
import numpy as np
import pytest
from fake_genome import FakeGenome
from reading import score_haplotypes, views_of

from gfmtrust.core.vocabulary import Placement, Status
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.readers.registry import reader_of

pytestmark = pytest.mark.long

WINDOW = 256
FakeBundle = partial(fake_bundle.FakeBundle, window_bp=WINDOW, shifts=(-32, 32))

BUNDLES = {
    "masked": FakeBundle(),
    "odd window": FakeBundle(window_bp=255),
    "k-mer": FakeBundle(quantity="kmer", k=6, window_bp=252),
    "counts": FakeBundle(quantity="counts", window_bp=15, shifts=()),
    "causal": FakeBundle(causal=True),
    "causal k-mer": FakeBundle(
        quantity="kmer", causal=True, k=6, window_bp=72, site_forward=60, site_reverse=60, shifts=()
    ),
    "left alone": FakeBundle(
        quantity="kmer", causal=True, k=6, window_bp=61, site_forward=60, site_reverse=60, shifts=()
    ),
}


class NeighbourSession:
    """q(base | left, right) of a random table, for causal bundles of the left letter alone; 4
    stands for no letter. Counts its windows."""

    def __init__(self, causal: bool = False):
        logits = np.random.default_rng(3).normal(size=(5, 5, 4))
        if causal:
            logits = np.repeat(logits[:, :1], 5, axis=1)
        self.table = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        self.n_windows = 0

    def distributions(self, codes, index):
        self.n_windows += len(codes)
        padded = np.pad(np.minimum(codes, 4), ((0, 0), (1, 1)), constant_values=4)
        left, right = (np.take_along_axis(padded, index + step, axis=1) for step in (0, 2))
        probs = self.table[left, right][:, :, None].astype(np.float32)
        return probs, np.zeros(index.shape, np.float32)

    def log_p(self, sequence: str, at: int) -> float:
        left, here, right = (
            "ACGT".find(sequence[i]) if 0 <= i < len(sequence) else 4 for i in (at - 1, at, at + 1)
        )
        return float(
            np.log(
                np.float32(self.table[left if left >= 0 else 4, right if right >= 0 else 4, here])
            )
        )


def turned(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def expected(session, text: str, variant: Variant, strand: str, first: int, n: int) -> float:
    """Sum over n bases from `first`, relative to the first changed base as read; a base missing in
    one haplotype counts in none."""
    changed = text[: variant.pos] + variant.alt + text[variant.pos + len(variant.ref) :]
    start = variant.pos if strand == "+" else len(text) - variant.pos - len(variant.ref)
    haplotypes = [text, changed] if strand == "+" else [turned(text), turned(changed)]
    places = [
        at
        for at in range(start + first, start + first + n)
        if all(0 <= at < len(one) for one in haplotypes)
    ]
    ref, alt = (sum(session.log_p(one, at) for at in places) for one in haplotypes)
    return alt - ref


def random_text(seed: int, length: int = 2_000) -> str:
    return "".join("ACGT"[i] for i in np.random.default_rng(seed).integers(0, 4, length))


def random_variants(text: str, n: int, seed: int = 1, longest: int = 12) -> list[Variant]:
    rng, genome = np.random.default_rng(seed), FakeGenome(c=text)
    items = []
    while len(items) < n:
        pos = int(rng.integers(0, len(text) - longest))
        ref, alt = (
            text[pos : pos + int(rng.integers(1, longest))],
            random_text(int(rng.integers(1 << 30)), int(rng.integers(1, longest))),
        )
        variant = normalised(genome, "c", pos, ref, alt)
        if len(variant.ref) != len(variant.alt):
            items.append(variant)
    return items


def scores(bundle, text, variants, session=None, **options):
    session = session or NeighbourSession(bundle.causal)
    return score_haplotypes(
        session, bundle, FakeGenome(c=text), np.zeros(len(variants), int), variants, **options
    )


@pytest.mark.parametrize("kind", BUNDLES)
def test_both_strands_are_the_sums_over_the_span(kind):
    bundle, text = BUNDLES[kind], random_text(0)
    variants = random_variants(text, 40)
    session = NeighbourSession(bundle.causal)
    scored = scores(bundle, text, variants, session)
    assert set(scored.status) == {""}
    for column, strand in enumerate("+-"):
        for row, variant in enumerate(variants):
            if kind == "causal":
                first, n = (
                    0,
                    bundle.window_bp
                    - (bundle.site_forward if strand == "+" else bundle.site_reverse),
                )
            elif bundle.causal:  # whole tokens, to the radius at least
                first, n = (
                    0,
                    max(
                        12 if kind == "causal k-mer" else 0,
                        -(-(variant.length + bundle.window_bp // 8) // 6) * 6,
                    ),
                )
            else:
                radius = {"masked": 32, "odd window": 31, "k-mer": 31, "counts": 32}[kind]
                first, n = -radius, variant.length + 2 * radius
            wanted = expected(session, text, variant, strand, first, n)
            assert scored.llr[row, column] == pytest.approx(wanted, abs=2e-5 * max(1, abs(wanted)))


@pytest.mark.parametrize("kind", ["masked", "k-mer"])
def test_every_base_of_the_span_is_asked_for_once_and_never_beside_another(kind):
    bundle = BUNDLES[kind]
    way = reader_of(bundle).span(Placement("+"), 9)
    asked = np.concatenate([index for _, index in way.rounds])
    assert sorted(asked) == list(range(asked.min(), asked.max() + 1))
    for _, index in way.rounds:
        tokens = np.unique(index // bundle.k)
        assert (np.diff(tokens) >= 8).all()


def test_shifts_move_the_window_not_the_score():
    """A model that reads one letter either side answers alike wherever its window begins."""
    text = random_text(2)
    scored = scores(FakeBundle(), text, random_variants(text, 10), preset="thorough")
    assert scored.llr.shape == (10, 8)
    assert np.abs(scored.llr[:, :3] - scored.llr[:, :1]).max() < 2e-5


@pytest.mark.parametrize(
    ("whole", "half"),
    [
        (FakeBundle(), FakeBundle(window_bp=128)),
        (BUNDLES["k-mer"], FakeBundle(quantity="kmer", k=6, window_bp=132)),
        (
            FakeBundle(causal=True),
            FakeBundle(causal=True, window_bp=WINDOW - 63, site_forward=65, site_reverse=64),
        ),
        (
            BUNDLES["causal k-mer"],
            FakeBundle(
                quantity="kmer", causal=True, k=6, window_bp=42, site_forward=30, site_reverse=30
            ),
        ),
    ],
)
def test_half_of_the_context_is_a_model_of_that_window(whole, half):
    text = random_text(20)
    variants = random_variants(text, 20, longest=9)
    scored = scores(whole, text, variants, preset="thorough")
    halves = [
        column
        for column, view in enumerate(views_of(whole, "thorough"))
        if any(view.placement.crop)
    ]
    assert len(halves) == 2
    assert scored.llr[:, halves].tobytes() == scores(half, text, variants).llr.tobytes()


def test_a_deletion_is_no_likelier_for_being_short():
    """Order 0: both haplotypes have as many letters of a uniform law, so every LLR is 0."""
    text = random_text(3)
    session = NeighbourSession()
    session.table[:] = 0.25
    assert (scores(FakeBundle(), text, random_variants(text, 30), session).llr == 0).all()


def test_alleles_of_one_place_share_their_windows():
    text = random_text(4)
    one, three = NeighbourSession(), NeighbourSession()
    scores(FakeBundle(), text, [Variant(900, "", "A")], one)
    scores(FakeBundle(), text, [Variant(900, "", letter) for letter in "ACG"], three)
    assert three.n_windows == 2 * one.n_windows  # REF once


def test_neighbours_in_the_list_change_no_byte():
    text = random_text(5)
    variants = random_variants(text, 30)
    together = scores(FakeBundle(), text, variants).llr
    alone = np.concatenate([scores(FakeBundle(), text, [variant]).llr for variant in variants])
    assert together.tobytes() == alone.tobytes()


def test_a_member_votes_only_where_it_saw_neither_end():
    text = random_text(6)
    bundle = FakeBundle(quantity="counts", window_bp=15, shifts=(), rc_equivariant=True)
    variants = [Variant(98, text[98:103], ""), Variant(50, "", "A")]
    scored = scores(
        bundle, text, variants, admitted=lambda contig_index, pos: (np.asarray(pos) < 100)[:, None]
    )
    assert list(scored.status) == [Status.UNSUPPORTED, ""]
    assert np.isnan(scored.llr[0]).all()
    assert np.isfinite(scored.llr[1]).all()


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["masked", "counts"])
def test_indels_at_both_ends_of_a_contig(kind):
    text = random_text(7, 300)
    variants = [
        Variant(0, text[0], ""),
        Variant(0, "", "G"),
        Variant(300, "", "G"),
        Variant(297, text[297:], ""),
    ]
    scored = scores(BUNDLES[kind], text, variants)
    assert list(scored.status) == [""] * 4
    assert np.isfinite(scored.llr).all()


@pytest.mark.bad_input
def test_longer_than_a_quarter_of_the_window():
    text = random_text(8)
    scored = scores(
        FakeBundle(), text, [Variant(900, text[900:965], ""), Variant(900, "", "A" * 64)]
    )
    assert list(scored.status) == [Status.TOO_LONG, ""]
    assert np.isnan(scored.llr[0]).all()
    halved = scores(
        FakeBundle(),
        text,
        [Variant(900, "", "A" * 33), Variant(900, "", "A" * 32)],
        preset="thorough",
    )
    assert list(halved.status) == [Status.TOO_LONG, ""]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "status"),
    [
        (random_text(9, 900) + "N" * 60 + random_text(10, 900), Status.AMBIGUOUS_BASE),
        (random_text(9, 8), Status.OUT_OF_RANGE),
    ],
)
def test_windows_without_bases_enough(text, status):
    at = 890 if len(text) > 100 else 4
    assert list(scores(FakeBundle(), text, [Variant(at, text[at], "")]).status) == [status]


@pytest.mark.bad_input
def test_a_model_without_an_answer():
    class Broken(NeighbourSession):
        def distributions(self, codes, index):
            probs, off = super().distributions(codes, index)
            return np.full_like(probs, np.nan), off

    text = random_text(11)
    scored = scores(FakeBundle(), text, [Variant(900, "", "A")], Broken())
    assert list(scored.status) == [Status.NONFINITE]


@pytest.mark.bad_input
def test_mass_off_the_alphabet():
    class Elsewhere(NeighbourSession):
        def distributions(self, codes, index):
            return super().distributions(codes, index)[0], np.full(index.shape, 0.6, np.float32)

    text = random_text(12)
    scored = scores(FakeBundle(), text, [Variant(900, "", "A")], Elsewhere())
    assert list(scored.status) == [Status.MODEL_ERROR]
    assert np.isnan(scored.llr).all()


def test_no_variants_at_all():
    scored = scores(FakeBundle(), random_text(13), [])
    assert scored.llr.shape == (0, 2)
