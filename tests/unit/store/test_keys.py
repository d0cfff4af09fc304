"""The key of a site and of a variant: every letter that the answer depends on, and no position."""

from functools import partial

import fake_bundle
import numpy as np
import pytest
from fake_genome import FakeGenome, genome_letters
from stored_rows import SCOPE, WholeWindowScorer

from gfmtrust.core.contracts.score_store import VARIANTS, StoreScope
from gfmtrust.inputs.reference import PREFIX
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.store.keys import site_keys, site_stretch, variant_keys, variant_stretch

pytestmark = pytest.mark.long

FakeBundle = partial(
    fake_bundle.FakeBundle, window_bp=64, shifts=(-8, 8), neighbour_offsets=(-10, -5, 5, 10)
)
BUNDLES = {
    "masked": FakeBundle(),
    "odd window": FakeBundle(window_bp=63),
    "one strand": FakeBundle(rc_equivariant=True),
    "site near the start": FakeBundle(site_forward=12, site_reverse=51),
    "k-mer": FakeBundle(quantity="kmer", k=6, window_bp=66, shifts=(-2, -1, 1, 2)),
    "causal": FakeBundle(causal=True, neighbour_offsets=(-10, -5)),
    "left alone": FakeBundle(
        causal=True, site_forward=63, site_reverse=63, shifts=(), neighbour_offsets=(-10,)
    ),
}
LETTERS = genome_letters(4, 400)
POS = 200


def changed(letters: str, at: int) -> str:
    return letters[:at] + "ACGT"[("ACGT".index(letters[at]) + 1) % 4] + letters[at + 1 :]


def scope_of(preset, kind="sites"):
    return StoreScope(**{**SCOPE.__dict__, "views": preset, "kind": kind})


def keys_of(bundle, texts, preset, pos=POS):
    """The key of the site at `pos` of each text, a list of pairs."""
    genome = FakeGenome(**{f"c{number}": text for number, text in enumerate(texts)})
    at = np.full(len(texts), pos)
    pairs = site_keys(reader_of(bundle), genome, scope_of(preset), np.arange(len(texts)), at)
    return [tuple(one) for one in pairs.tolist()]


def key(bundle, letters, preset, pos=POS):
    return keys_of(bundle, [letters], preset, pos)[0]


def answers_of(bundle, texts, preset):
    """The bytes of the answer at POS of each text."""
    genome = FakeGenome(**{f"c{number}": text for number, text in enumerate(texts)})
    at = np.full(len(texts), POS)
    scores = reader_of(bundle).score_sites(
        WholeWindowScorer(), genome, np.arange(len(texts)), at, ReadingOptions(preset)
    )
    assert (scores.status == "").all()
    return [
        (probs.tobytes(), local.tobytes())
        for probs, local in zip(scores.probs, scores.local_surprisal, strict=True)
    ]


@pytest.mark.parametrize("preset", ["fast", "default", "thorough"])
@pytest.mark.parametrize("name", BUNDLES)
def test_the_key_covers_every_letter_that_changes_the_answer(name, preset):
    """Each letter of the genome is changed in turn: where the answer changes, so does the key, and
    the key has no letter beyond the outermost that some answer depends on."""
    bundle, places = BUNDLES[name], range(POS - 75, POS + 75)
    texts = [LETTERS, *(changed(LETTERS, at) for at in places)]
    in_key, in_answer = (
        [at for at, one in zip(places, column[1:], strict=True) if one != column[0]]
        for column in (keys_of(bundle, texts, preset), answers_of(bundle, texts, preset))
    )
    assert set(in_answer) <= set(in_key)
    before, after = site_stretch(reader_of(bundle), preset)
    assert in_key == list(range(POS - before, POS + after))
    # the whole forward window gives the status, whichever letters the network reads of it
    status = range(POS - bundle.site_forward, POS - bundle.site_forward + bundle.window_bp)
    assert in_key[0] == min(in_answer[0], status[0])
    assert in_key[-1] == max(in_answer[-1], status[-1])


def test_the_same_letters_elsewhere_have_the_same_key():
    bundle = BUNDLES["masked"]
    piece = LETTERS[POS - 50 : POS + 50]
    assert key(bundle, "T" * 77 + piece + "G" * 90, "thorough", 77 + 50) == key(
        bundle, LETTERS, "thorough"
    )


def test_n_and_the_end_of_a_contig_are_letters_of_the_key():
    bundle = BUNDLES["masked"]
    around = LETTERS[POS - 20 : POS + 60]
    keys = [
        key(bundle, around, "fast", 20),
        key(bundle, "N" * 30 + around, "fast", 50),
        key(bundle, "A" * 30 + around, "fast", 50),
    ]
    assert len({tuple(one) for one in keys}) == 3


def test_the_fence_of_a_background_is_an_end():
    """Pieces of the background are as long as the user's contigs: the site reads on to the end of
    its piece alone."""
    bundle, text = BUNDLES["masked"], genome_letters(8, 300)
    joined = FakeGenome(**{"user": genome_letters(9, 100), f"{PREFIX}b": text})
    apart = FakeGenome(c=text[:100])
    for pos in (10, 50, 95):
        ask = partial(site_keys, reader_of(bundle), scope=scope_of("default"), pos=np.array([pos]))
        assert np.array_equal(
            ask(genome=joined, contig_index=np.array([1])),
            ask(genome=apart, contig_index=np.array([0])),
        )


def test_scopes_share_no_key():
    base = key(BUNDLES["masked"], LETTERS, "fast")
    reader, genome, place = reader_of(BUNDLES["masked"]), FakeGenome(c=LETTERS), np.array([POS])
    changes = {
        "bundle_sha256": "1" * 64,
        "device": "cuda",
        "runtime": "2.0",
        "precision": "fp16",
        "neighbours": False,
        "max_n": 0.2,
        "reading": 2,
    }
    for name, value in changes.items():
        scope = StoreScope(**{**scope_of("fast").__dict__, name: value})
        assert site_keys(reader, genome, scope, np.array([0]), place)[0].tolist() != base, name


@pytest.mark.parametrize("name", [name for name in BUNDLES if name != "site near the start"])
@pytest.mark.parametrize("variant", [(0, "ACG"), (5, ""), (5, "TT")], ids=str)
def test_the_key_of_a_variant_covers_every_letter_that_changes_its_answer(name, variant):
    bundle = BUNDLES[name]
    reader, (n_ref, alt) = reader_of(bundle), variant
    before, after = variant_stretch(reader, "default", 5)
    places = range(POS - before - 3, POS + 5 + after + 3)
    texts = [LETTERS, *(changed(LETTERS, at) for at in places)]
    genome = FakeGenome(**{f"c{number}": text for number, text in enumerate(texts)})
    variants = [Variant(POS, text[POS : POS + n_ref], alt) for text in texts]
    scores = reader.score_variants(
        WholeWindowScorer(), genome, np.arange(len(texts)), variants, ReadingOptions("default")
    )
    assert (scores.status == "").all()
    keys = variant_keys(
        reader, genome, scope_of("default", VARIANTS), np.arange(len(texts)), variants
    )
    in_key = (keys != keys[0]).any(axis=1)
    in_answer = (scores.llr != scores.llr[0]).any(axis=1)
    assert in_answer.sum() > 30
    assert (in_key | ~in_answer).all()


@pytest.mark.parametrize("copies", [3, 8, 30])
@pytest.mark.parametrize("name", [name for name in BUNDLES if name != "site near the start"])
def test_the_key_of_a_variant_covers_the_place_in_a_tract_where_it_is_read(name, copies):
    """A tract ends within the radius of 8 bases, beyond it, or beyond the window; a changed letter
    in it or behind it changes where the variant is read."""
    reader = reader_of(BUNDLES[name])
    text = LETTERS[:POS] + "CA" * copies + "G" + LETTERS[POS:]
    places = range(POS - 70, POS + 2 * copies + 75)
    texts = [text, *(changed(text, at) for at in places if not POS <= at < POS + 2)]
    genome = FakeGenome(**{f"c{number}": text for number, text in enumerate(texts)})
    index = np.arange(len(texts))
    for variant in (Variant(POS, "CA", ""), Variant(POS, "", "CA")):
        variants = [variant] * len(texts)
        scores = reader.score_variants(
            WholeWindowScorer(), genome, index, variants, ReadingOptions("thorough")
        )
        assert (scores.status == "").all()
        keys = variant_keys(reader, genome, scope_of("thorough", VARIANTS), index, variants)
        in_key = (keys != keys[0]).any(axis=1)
        in_answer = (scores.llr != scores.llr[0]).any(axis=1)
        assert in_answer.sum() > 30
        assert (in_key | ~in_answer).all()


def test_two_alleles_of_one_place_have_two_keys():
    reader, genome = reader_of(BUNDLES["masked"]), FakeGenome(c=LETTERS)
    one, other = Variant(POS, "", "AC"), Variant(POS, "", "AG")
    keys = variant_keys(
        reader, genome, scope_of("fast", VARIANTS), np.array([0, 0, 0]), [one, other, one]
    )
    assert (keys[0] == keys[2]).all()
    assert (keys[0] != keys[1]).any()
