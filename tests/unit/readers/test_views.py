"""Which views a preset takes, and that half of the context is what a model with half the window
would answer."""

from functools import partial

import numpy as np
import pytest
from fake_bundle import FakeBundle
from fake_genome import random_genome
from reading import score_sites

from gfmtrust.core.vocabulary import Placement
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.views import site_index, width_of

GENOME = random_genome(12, 900)
Wide = partial(FakeBundle, window_bp=128, shifts=(-16, 16))


@pytest.mark.parametrize(
    ("bundle", "crop"),
    [
        (Wide(), (32, 32)),
        (Wide(window_bp=127), (31, 31)),
        (
            Wide(quantity="kmer", k=6, window_bp=126),
            (30, 30),
        ),  # whole tokens, so that every phase stays what it was
        (
            Wide(causal=True, site_forward=100, site_reverse=99),
            (49, 0),
        ),  # the letters after the site are all kept
        (
            Wide(
                quantity="kmer",
                k=6,
                causal=True,
                window_bp=6144,
                site_forward=6108,
                site_reverse=6108,
            ),
            (3054, 0),
        ),
        (Wide(quantity="counts", window_bp=63), (0, 0)),
        (Wide(window_bp=64), (16, 16)),
        (Wide(window_bp=60), (0, 0)),  # 30 bp are no context
    ],
    ids=["even", "odd", "6-mers", "causal", "causal 6-mers", "counts", "shortest", "too short"],
)
def test_what_half_of_the_context_leaves_out(bundle, crop):
    assert reader_of(bundle).half_context() == crop
    placements = reader_of(bundle).placements("thorough")
    assert len(placements) == 2 * (3 + any(crop))
    for placement in placements:
        assert 0 <= site_index(bundle, placement) < width_of(bundle, placement)
        assert (
            site_index(bundle, placement) - site_index(bundle, placement._replace(crop=(0, 0)))
        ) % bundle.k == 0


def test_presets():
    assert reader_of(Wide()).placements("fast") == [Placement("+")]
    assert reader_of(Wide()).placements("default") == [Placement("+"), Placement("-")]
    assert [
        str(placement) for placement in reader_of(Wide(rc_equivariant=True)).placements("thorough")
    ] == [
        "strand + shift -16",
        "strand + shift 0",
        "strand + shift 16",
        "strand + shift 0 without 32 and 32",
    ]


@pytest.mark.parametrize(("preset", "passes"), [("fast", 1), ("default", 2), ("thorough", 7)])
def test_half_a_window_is_half_a_pass(preset, passes):
    assert reader_of(Wide()).passes_per_site(preset, neighbours=False) == passes


@pytest.mark.parametrize(("preset", "passes"), [("fast", 4), ("default", 8), ("thorough", 30)])
def test_each_base_is_tried_where_a_causal_window_goes_on(preset, passes):
    """Four passes per view; half of its context is 96 of 128 bp, three quarters of a pass."""
    flanked = Wide(causal=True, site_forward=64, site_reverse=64)
    assert reader_of(flanked).passes_per_site(preset, neighbours=False) == passes


class FarSession:
    """p(base) by the first and the last letter of the window: whoever reads another window answers
    otherwise."""

    def distributions(self, codes, index):
        seen = np.ones((len(codes), 4), np.float32)
        seen[np.arange(len(codes)), codes[:, 0] % 4] += 1
        seen[np.arange(len(codes)), codes[:, -1] % 4] += 2 + index[:, 0] % 7
        probs = seen / seen.sum(axis=1, keepdims=True)
        return np.repeat(probs[:, None, None], index.shape[1], axis=1), np.zeros(
            index.shape, np.float32
        )


@pytest.mark.parametrize(
    ("whole", "half"),
    [
        (Wide(), FakeBundle(window_bp=64)),
        (Wide(window_bp=127), FakeBundle(window_bp=65)),
        (Wide(quantity="kmer", k=6, window_bp=126), FakeBundle(window_bp=66, quantity="kmer", k=6)),
        (
            Wide(causal=True, site_forward=100, site_reverse=99),
            FakeBundle(window_bp=79, causal=True, site_forward=51, site_reverse=50),
        ),
    ],
    ids=["even", "odd", "6-mers", "causal"],
)
def test_half_of_the_context_is_a_model_of_that_window(whole, half):
    pos = np.append(np.arange(0, 900, 13), 899)
    contig = np.zeros(len(pos), np.int64)
    scored = score_sites(FarSession(), whole, GENOME, contig, pos, "thorough", False, max_n=1.0)
    twin = score_sites(FarSession(), half, GENOME, contig, pos, "default", False, max_n=1.0)
    both = (scored.status == "") & (twin.status == "")
    columns = [
        column
        for column, placement in enumerate(reader_of(whole).placements("thorough"))
        if any(placement.crop)
    ]
    assert both.sum() > 60
    assert scored.probs[both][:, columns].tobytes() == twin.probs[both].tobytes()
