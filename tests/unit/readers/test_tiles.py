"""Region bases from tiles: against a twin that scores one base at a time, and against the exact
scorer where both mask one base."""

import numpy as np
import pytest
from fake_genome import FakeGenome, random_genome
from reading import score_sites, score_tiles, views_of
from tile_listener import FakeBundle, Listener

from gfmtrust.core.alphabet import reverse_complement
from gfmtrust.core.vocabulary import Placement
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.readers.tiles import answerable, score_rows, tile_passes

KMERS = FakeBundle(window_bp=66, quantity="kmer", k=3, shifts=(-1, 1))


def one_base(genome, bundle, pos, offset, stride, placement):
    """Distribution at pos + offset from the tile of pos, forward strand: the slow obvious twin."""
    strand, shift, crop = placement
    width, k = bundle.window_bp - sum(crop), bundle.k
    step = width // 2 // k * k
    start = pos // step * step - (width - step) // 2 // k * k + shift
    at = pos + offset - start
    if not 0 <= at < width:
        return np.full(4, np.nan)
    masked = [i for i in range(width) if i // k % stride == at // k % stride]
    window = genome.windows("chr1", np.array([start]), width)
    if strand == "-":
        window, masked, at = (
            reverse_complement(window),
            [width - 1 - i for i in masked],
            width - 1 - at,
        )
    probs = Listener().distributions(window, np.array([masked]))[0][0, masked.index(at), 0]
    return probs if strand == "+" else probs[::-1]


def tiled(genome, bundle, pos, stride=8, session=None, **options):
    pos = np.asarray(pos)
    return score_tiles(
        session or Listener(), bundle, genome, np.zeros(len(pos), np.int64), pos, stride, **options
    )


GENOME = random_genome(5, 700)


@pytest.mark.parametrize("bundle", [FakeBundle(), KMERS], ids=["bases", "kmers"])
@pytest.mark.parametrize("preset", ["fast", "default", "thorough"])
def test_each_base_is_that_of_its_tile(bundle, preset):
    pos = np.array([100, 101, 127, 128, 129, 131, 132, 133, 300, 480])
    result = tiled(GENOME, bundle, pos, preset=preset)
    for column, view in enumerate(views_of(bundle, preset)):
        twin = [one_base(GENOME, bundle, at, 0, 8, view.placement) for at in pos]
        assert np.allclose(result.probs[:, column], twin, atol=1e-6), view
    strands = sorted({view.strand for view in views_of(bundle, preset)})
    real = [GENOME.codes("chr1", at, at + 1)[0] for at in range(700)]
    for row, at in enumerate(pos):
        bits = [
            -np.log2(
                np.mean(
                    [
                        one_base(GENOME, bundle, at, offset, 8, Placement(strand))[
                            real[at + offset]
                        ]
                        for strand in strands
                    ]
                )
            )
            for offset in bundle.neighbour_offsets
        ]
        assert result.local_surprisal[row] == pytest.approx(np.nanmean(bits), abs=1e-5)


def test_with_one_base_masked_it_is_the_exact_score():
    pos = np.arange(64, 630, 7)
    exact = score_sites(
        Listener(), FakeBundle(), GENOME, np.zeros(len(pos), np.int64), pos, neighbours=False
    )
    assert np.allclose(
        tiled(GENOME, FakeBundle(), pos, stride=64, neighbours=False).probs, exact.probs, atol=1e-6
    )


@pytest.mark.parametrize("bundle", [FakeBundle(), KMERS], ids=["bases", "kmers"])
def test_a_base_has_one_value_however_they_are_cut(bundle, monkeypatch):
    pos = np.arange(70, 600)
    whole = tiled(GENOME, bundle, pos)
    shuffled = np.random.default_rng(1).permutation(len(pos))
    monkeypatch.setattr("gfmtrust.readers.tiles.CHUNK_TILES", 3)
    for rows in (shuffled[:50], np.arange(3, 200), np.array([17])):
        part = tiled(GENOME, bundle, pos[rows])
        for name in SiteScores.__dataclass_fields__:
            assert getattr(part, name).tolist() == getattr(whole.take(rows), name).tolist(), name


def test_passes_are_those_of_the_tiles():
    session, pos = Listener(), np.arange(128, 256)
    tiled(GENOME, FakeBundle(), pos, session=session)
    assert (
        session.windows
        == tile_passes(reader_of(FakeBundle()), "default", np.zeros(len(pos), np.int64), pos, 8)
        == 4 * 8 * 2
    )
    session = Listener()
    tiled(GENOME, FakeBundle(), [200], session=session, neighbours=False)
    assert session.windows == 2  # of a lone base only its own pass, a strand


@pytest.mark.bad_input
def test_tiles_over_a_contig_end_or_a_gap_answer_nothing():
    genome = FakeGenome(chr1="ACGT" * 40 + "N" * 30 + "ACGT" * 40, short="ACGT" * 8)
    pos = np.arange(350)
    result_array = answerable(
        reader_of(FakeBundle()), genome, np.zeros(350, np.int64), pos, max_n=0.10
    )
    assert not result_array[:32].any()  # the first tile begins before the contig
    assert result_array[32:128].all()
    assert not result_array[128:224].any()  # tiles that read more than 6 of the 30 N
    assert result_array[224:320].all()
    assert not result_array[320:].any()
    assert not answerable(
        reader_of(FakeBundle()), genome, np.ones(32, np.int64), np.arange(32), 0.10
    ).any()
    lone = FakeGenome(chr1="ACGT" * 20 + "N" + "ACGT" * 20)
    assert answerable(
        reader_of(FakeBundle()), lone, np.zeros(3, np.int64), np.array([79, 80, 81]), 0.10
    ).tolist() == [True, False, True]


@pytest.mark.parametrize("values", [{"causal": True}, {"quantity": "counts"}], ids=str)
def test_models_without_a_mask_have_no_tiles(values):
    reader = reader_of(FakeBundle(**values))
    assert reader.tiling() is None
    assert not answerable(reader, GENOME, np.zeros(3, np.int64), np.arange(200, 203), 0.10).any()


def test_rows_come_back_in_the_order_asked_for():
    pos = np.arange(150, 250)
    shared = pos % 3 > 0
    scored = score_rows(
        reader_of(FakeBundle()), Listener(), GENOME, (np.zeros(100, np.int64), pos), shared, 8
    )
    exact = score_sites(Listener(), FakeBundle(), GENOME, np.zeros(34, np.int64), pos[~shared])
    assert np.array_equal(scored.probs[~shared], exact.probs)
    assert np.array_equal(scored.probs[shared], tiled(GENOME, FakeBundle(), pos[shared]).probs)


def test_only_single_bases_are_asked_of_another_source():
    """A score store answers no base that a tile answers: its value depends on the tile."""
    pos, asked = np.arange(150, 250), []
    shared = pos % 3 > 0

    def stored(contig_index, places):
        asked.extend(places)
        return score_sites(Listener(), FakeBundle(), GENOME, contig_index, places)

    places = np.zeros(100, np.int64), pos
    reader = reader_of(FakeBundle())
    scored = score_rows(reader, Listener(), GENOME, places, shared, 8, score_alone=stored)
    expected = score_rows(reader, Listener(), GENOME, places, shared, 8)
    assert asked == pos[~shared].tolist()
    assert np.array_equal(scored.probs, expected.probs)
