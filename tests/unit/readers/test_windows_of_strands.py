"""Sites and indels near the end of a contig or a run of N: the window of every strand is judged."""

from functools import partial

import fake_bundle
import numpy as np
import pytest
from fake_genome import FakeGenome, genome_letters
from reading import score_haplotypes, score_sites, score_tiles

from gfmtrust.core.alphabet import encode
from gfmtrust.core.vocabulary import Status
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.windows import window_status, worst

Causal = partial(fake_bundle.FakeBundle, causal=True, window_bp=1_024)
CAUSAL = Causal(site_forward=992, site_reverse=992)
"""As the exported causal families: 32 letters from the site on, 992 before it."""
PRESETS = ("fast", "default", "thorough")


class UniformSession:
    def distributions(self, codes, index):
        return np.full((*index.shape, 1, 4), 0.25), np.zeros(index.shape, np.float32)


def scored(text, pos, bundle=CAUSAL, preset="default", **options):
    pos = np.atleast_1d(pos)
    return score_sites(
        UniformSession(),
        bundle,
        FakeGenome(c=text),
        np.zeros(len(pos), int),
        pos,
        preset,
        neighbours=False,
        **options,
    )


def turned(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


@pytest.mark.bad_input
def test_a_causal_site_before_the_end_of_a_contig_is_near_its_edge():
    """The reverse window has 31 letters on either side of the site: 63 of 1,024."""
    text, at = genome_letters(5, 4_000), 4_000 - 32
    forward = scored(text, at, preset="fast")
    assert (forward.status[0], forward.pad_share[0]) == ("", 0)
    for preset in ("default", "thorough"):
        both = scored(text, at, preset=preset)
        assert (both.status[0], both.n_share[0]) == ("", 0)
        assert both.pad_share[0] == np.float32(1 - 63 / 1_024)
        assert np.isfinite(both.probs).all()


@pytest.mark.bad_input
def test_a_causal_site_before_a_run_of_n_is_refused_as_one_behind_it():
    """32 letters before a gap of 5 kb nearly all of the reverse window is N, as the forward window
    32 letters behind the gap is."""
    text, at = genome_letters(5, 4_000) + "N" * 5_000 + genome_letters(6, 4_000), 4_000 - 32
    assert scored(text, at, preset="fast").status[0] == ""
    sites = scored(text, [at, 9_000 + 31])
    assert sites.status.tolist() == [Status.AMBIGUOUS_BASE] * 2
    assert sites.n_share.tolist() == [np.float32(1 - 63 / 1_024)] * 2
    assert np.isnan(sites.probs).all()
    allowed = scored(text, at, max_n=1.0)
    assert (allowed.status[0], allowed.n_share[0]) == ("", np.float32(1 - 63 / 1_024))


@pytest.mark.bad_input
@pytest.mark.parametrize("preset", ["default", "thorough"])
@pytest.mark.parametrize(
    "bundle",
    [
        CAUSAL,
        Causal(window_bp=64, site_forward=56, site_reverse=56),
        Causal(window_bp=61, site_forward=60, site_reverse=60),
        Causal(window_bp=66, site_forward=60, site_reverse=60, quantity="kmer", k=6),
    ],
    ids=["32 behind", "8 behind", "none behind", "k-mer"],
)
def test_both_ends_of_a_contig_are_alike(bundle, preset):
    """All sites of a contig with N at one end, and of its reverse complement."""
    text = "ACG" + "N" * 40 + genome_letters(7, 1_500)
    pos = np.flatnonzero([letter != "N" for letter in text])
    one, other = (
        scored(letters, at, bundle, preset)
        for letters, at in ((text, pos), (turned(text), len(text) - 1 - pos))
    )
    assert len(set(one.status)) == 3
    assert one.status.tolist() == other.status.tolist()
    assert one.pad_share.tolist() == other.pad_share.tolist()
    assert one.n_share.tolist() == other.n_share.tolist()


@pytest.mark.parametrize("preset", ["fast", "default"])
@pytest.mark.parametrize("window_bp", [64, 65])
def test_a_window_with_the_site_in_its_middle_is_judged_once(window_bp, preset):
    """Both strands read the same bases: what is judged is the forward window alone."""
    text = genome_letters(8, 150) + "N" * 9 + genome_letters(9, 90)
    bundle, pos = fake_bundle.FakeBundle(window_bp), np.arange(len(text))
    windows = FakeGenome(c=text).windows("c", pos - window_bp // 2, window_bp)
    status, n_share, pad_share = window_status(windows, window_bp // 2, 0.1)
    scores = scored(text, pos, bundle, preset)
    assert scores.status.tolist() == status.tolist()
    assert scores.n_share.tolist() == n_share.tolist()
    assert scores.pad_share.tolist() == pad_share.tolist()


@pytest.mark.bad_input
def test_a_shifted_window_caps_a_site_and_never_refuses_it():
    """Windows of 64 with shifts by 8: a site 33 letters before a run of N, or before the end of the
    contig, has 7 of them in the window that is shifted to the right, more than max_n allows."""
    bundle = fake_bundle.FakeBundle(64, shifts=(-8, 8))
    for behind, share in (("N" * 90, "n_share"), ("", "pad_share")):
        text = genome_letters(3, 200) + behind
        plain, shifted = (scored(text, 200 - 33, bundle, preset) for preset in PRESETS[1:])
        assert plain.status.tolist() == shifted.status.tolist() == [""]
        assert getattr(plain, share)[0] == 0
        assert getattr(shifted, share)[0] == np.float32(7 / 64)
        assert np.isfinite(shifted.probs).all()


@pytest.mark.bad_input
def test_a_shifted_tile_beyond_the_end_is_padding_too():
    """Tiles of 64 own 32 bases each. The last whole one ends with the contig, and its window that is
    shifted by 8 has 8 letters of padding."""
    bundle, text = fake_bundle.FakeBundle(64, shifts=(-8, 8)), genome_letters(3, 32 * 6 + 16)
    pos = np.array([100, 32 * 5 + 3])
    shares = [
        score_tiles(
            UniformSession(), bundle, FakeGenome(c=text), np.zeros(2, int), pos, 8, preset
        ).pad_share.tolist()
        for preset in PRESETS
    ]
    assert shares == [[0, 0], [0, 0], [0, 8 / 64]]


@pytest.mark.bad_input
@pytest.mark.parametrize("lost", [1, 20])
def test_indels_are_judged_on_both_strands(lost):
    """At both ends of a contig, and on both sides of a run of N, as their mirror images are."""
    text = genome_letters(5, 1_500) + "N" * 1_000 + genome_letters(6, 1_500)
    places = [0, 5, 200, 1_400, 1_480, 2_501, 2_530, 2_600, 3_940, 3_980]
    variants = [Variant(at, text[at : at + lost], "") for at in places]
    variants += [Variant(at, "", "ACGTA"[:lost]) for at in places]
    mirrored = [
        Variant(len(text) - v.pos - len(v.ref), turned(v.ref), turned(v.alt)) for v in variants
    ]
    statuses = {
        (letters, preset): score_haplotypes(
            UniformSession(),
            CAUSAL,
            FakeGenome(c=letters),
            np.zeros(len(items), int),
            items,
            preset,
        ).status.tolist()
        for letters, items in ((text, variants), (turned(text), mirrored))
        for preset in ("fast", "default")
    }
    fast, other, both = (
        statuses[key] for key in ((text, "fast"), (turned(text), "fast"), (text, "default"))
    )
    assert both == statuses[turned(text), "default"]
    for one, two, worse in zip(fast, other, both, strict=True):
        if one and two:
            assert worse in (one, two)
        else:
            assert worse == one + two
    assert Status.AMBIGUOUS_BASE in both
    assert fast != both


@pytest.mark.bad_input
def test_the_worst_of_two_windows_is_the_first_status_and_the_larger_share():
    windows = [encode(text)[None] for text in ("ACGTACGTACNNNNNNNNNN", "ACGTNCGTACGTACGTACGT")]
    judged = [window_status(codes, 4, 0.1) for codes in windows]
    status, n_share, pad_share = worst(judged)
    assert status.tolist() == [Status.AMBIGUOUS_BASE]
    assert n_share.tolist() == [0.5]
    assert pad_share.tolist() == [0]
    refused = np.array([Status.OUT_OF_RANGE], object), n_share, np.array([0.75], np.float32)
    assert worst([*judged, refused])[0].tolist() == [Status.OUT_OF_RANGE]
    assert worst([refused, *judged])[2].tolist() == [0.75]
