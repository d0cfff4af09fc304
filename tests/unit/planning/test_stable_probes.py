"""A run with a few more alleles keeps its probes, so that the score store answers for them."""

import numpy as np
import pandas as pd
import pytest
from fake_genome import random_genome
from scipy import stats

from gfmtrust.core.alphabet import decode
from gfmtrust.inputs.sites import surroundings
from gfmtrust.planning import probes, site_classes, stable_draws, variant_probes
from gfmtrust.planning.drawn_probes import Candidates
from gfmtrust.planning.site_classes import SiteClasses, Sites, site_key
from gfmtrust.planning.snvs import Reservoir

pytestmark = pytest.mark.long

GENOME = random_genome(1, 60_000)
POS = np.arange(200, 59_800)
AROUND = surroundings(GENOME, np.zeros(len(POS), int), POS)
SAME = np.zeros(len(POS), np.int64)
ORDER = np.random.default_rng(8).permutation(len(POS))
MEMBERS: dict[int, np.ndarray] = {}
SURPRISAL = np.random.default_rng(3).normal(1.8, 0.2, len(POS))


def probes_of(n_snvs: int, n: int = 2_000) -> set[tuple]:
    """Places and decoys of the probes of a run with the first SNVs of a fixed order."""
    at = np.sort(ORDER[:n_snvs])
    is_free = np.ones(len(POS), bool)
    is_free[at] = False
    alt = ((AROUND.base[at] + 1 + POS[at] % 3) % 4).astype(np.uint8)
    drawn, _ = probes.draw(
        n,
        Sites(POS, AROUND, SAME, SAME, is_free=is_free),
        Sites(POS[at], AROUND.take(at), SAME[at], SAME[at], alt),
        lambda rows: SURPRISAL[rows],
        lambda rows: SURPRISAL[at[rows]],
        1,
    )
    assert is_free[drawn.row].all()
    return set(zip(drawn.row.tolist(), drawn.decoy.tolist(), strict=True))


@pytest.mark.parametrize("n_snvs", [300, 2_000, 12_000])
def test_one_allele_in_fifty_more_keeps_nine_probes_in_ten(n_snvs):
    before, after = probes_of(n_snvs), probes_of(n_snvs + n_snvs // 50)
    assert len(before & after) / len(after) > 0.9


def test_another_run_has_other_probes():
    """Not a constant: the alleles that are imitated decide."""
    before = probes_of(3_000)
    ORDER[:6_000] = np.roll(ORDER[:6_000], 3_000)
    after = probes_of(3_000)
    ORDER[:6_000] = np.roll(ORDER[:6_000], 3_000)
    assert len(before & after) / len(after) < 0.2


def test_both_ways_of_drawing_in_a_class_are_uniform(monkeypatch):
    """A draw compares all rows of its class where its proposals do not fit; with no proposals,
    every draw does."""
    is_free = np.random.default_rng(1).random(len(POS)) < 0.5
    pool = Sites(POS, AROUND, SAME, SAME, is_free=is_free)
    gc_bin = (POS % 4 == 0).astype(int)
    key = [
        site_key(AROUND.base, AROUND.left, AROUND.right, SAME, SAME, gc_bin, i) for i in range(4)
    ]
    row = int(np.flatnonzero(is_free & (gc_bin == 1))[0])
    members = np.flatnonzero(is_free & (key[0] == key[0][row]))
    assert len(members) > site_classes.MIN_CANDIDATES
    draw = stable_draws.words(1, stable_draws.Purpose.IMITATION, np.arange(40_000))
    rows = []
    for n_proposals in (site_classes.PROPOSALS, 0):
        monkeypatch.setattr(site_classes, "PROPOSALS", n_proposals)
        merged = dict.fromkeys(site_classes.LEVELS, 0)
        wanted = [np.full(len(draw), level[row]) for level in key]
        rows.append(SiteClasses(pool, gc_bin, 1).draw(wanted, draw, merged))
        counts = np.bincount(rows[-1], minlength=len(POS))
        assert counts.sum() == counts[members].sum() == len(draw)
        assert stats.chisquare(counts[members]).pvalue > 1e-4
        assert not any(merged.values())
    assert (rows[0] != rows[1]).any()


def test_the_subset_of_a_longer_stream_holds_the_same_snvs():
    frame = pd.DataFrame({"contig_index": 0, "pos": np.arange(5_000), "ref": "A", "alt": "C"})
    short, long = Reservoir(1_000, 1), Reservoir(1_000, 1)
    short.add(frame[:4_500])
    for start in range(0, 5_000, 700):
        long.add(frame[start : start + 700])
    kept, of_all = set(short.rows()["pos"]), set(long.rows()["pos"])
    assert len(kept) == len(of_all) == 1_000
    assert {pos for pos in of_all if pos < 4_500} <= kept
    assert 50 < len(of_all - kept) < 150


@pytest.mark.bad_input
def test_an_snv_under_two_names_of_a_contig_counts_once():
    reservoir = Reservoir(10, 1)
    row = pd.DataFrame({"contig_index": [0], "pos": [5], "ref": ["A"], "alt": ["C"]})
    reservoir.add(row.assign(contig="chr1"))
    reservoir.add(row.assign(contig="1"))
    assert len(reservoir.rows()) == 1


def variant_probes_of(n: int, taken: np.ndarray) -> set[tuple]:
    is_free = ~np.isin(POS, taken)
    candidates = Candidates(SAME, POS, is_free)
    text = decode(GENOME.codes("chr1", 0, 60_000))
    lengths = [1, 1, 1, 2, 2, 3, 4]
    at = [300 + 40 * i for i in range(n)]
    indels = pd.DataFrame(
        [(0, p, text[p : p + lengths[i % 7]], "") for i, p in enumerate(at)],
        columns=variant_probes.KEY,
    )
    mnvs = pd.DataFrame(
        [(0, p, text[p : p + 2], "CG" if text[p : p + 2] != "CG" else "TA") for p in at],
        columns=variant_probes.KEY,
    )
    frames = [
        variant_probes.indel_pairs(indels, GENOME, candidates, 1),
        variant_probes.mnvs(mnvs, GENOME, candidates, 1),
    ]
    assert all(len(frame) for frame in frames)
    return {(*row,) for frame in frames for row in frame.itertuples(index=False)}


def test_probes_of_indels_and_mnvs_stay_too():
    before = variant_probes_of(600, POS[::50])
    after = variant_probes_of(612, np.concatenate([POS[::50], POS[7:40_000:2_500]]))
    assert len(before & after) / len(after) > 0.9


def test_the_error_of_the_probes_is_that_of_what_they_imitate():
    """Over 40 seeds, the share of wrong probes has the mean that follows from the alleles of the run
    and the sites of their classes, and does not vary more than independent probes would."""
    n, alt = 1_000, ((AROUND.base + 1 + POS % 3) % 4).astype(np.uint8)
    at = np.sort(ORDER[:1_200])
    strands = site_classes.folded(AROUND.base, AROUND.base, AROUND.left, AROUND.right)
    chance = np.random.default_rng(2).uniform(0, 0.6, (2, 4, 4))[
        strands[0].astype(int), strands[2].astype(int), strands[3].astype(int)
    ]
    is_wrong = np.random.default_rng(4).random((len(POS), 4)) < chance[:, None]
    cell = site_classes.cell_of(
        AROUND.base[at], alt[at], AROUND.left[at], AROUND.right[at], SAME[at]
    )
    expected = 0.0
    for number, quota in probes.quotas(cell, n, np.array(["single_copy"])).items():
        of_cell = at[cell == number]
        sides = []
        for here, decoy in ((AROUND.base, alt), (alt, AROUND.base)):
            key = site_key(here[of_cell], AROUND.left[of_cell], AROUND.right[of_cell], 0, 0, 0, 1)
            of_pool = site_key(AROUND.base, AROUND.left, AROUND.right, SAME, SAME, SAME, 1)
            for one, here_one, decoy_one in zip(key, here[of_cell], decoy[of_cell], strict=True):
                rows = MEMBERS.setdefault(one, np.flatnonzero(of_pool == one))
                same = AROUND.base[rows] == here_one
                decoys = np.where(same, decoy_one, 3 - decoy_one)
                sides.append(is_wrong[rows, decoys].mean())
        expected += quota / n * np.mean(sides)
    shares = []
    for seed in range(40):
        drawn, _ = probes.draw(
            n,
            Sites(POS, AROUND, SAME, SAME),
            Sites(POS[at], AROUND.take(at), SAME[at], SAME[at], alt[at]),
            lambda rows: np.full(len(rows), np.nan),
            lambda rows: np.full(len(rows), np.nan),
            seed,
        )
        shares.append(is_wrong[drawn.row, drawn.decoy].mean())
    binomial_sd = np.sqrt(expected * (1 - expected) / n)
    assert abs(np.mean(shares) - expected) < 4 * binomial_sd / np.sqrt(40) + 0.003
    assert np.std(shares) < 1.3 * binomial_sd
