"""The decoy ladder against a slow twin, one site and one letter at a time."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from gfmtrust.calibration.ensemble import SiteBlock
from gfmtrust.calibration.ladder import ANY, COPY, RUNGS, TRANSITION, Ladder
from gfmtrust.core.measures import view_weights
from gfmtrust.core.vocabulary import CopyClass

VIEWS = 3


def block_of(rng, n: int, **changed) -> SiteBlock:
    """n sites with three views of one model; some have a tie, some no answer, some no base."""
    site = pd.DataFrame(
        {
            "use": rng.choice([1, 2, 3, 4, 6], n),
            "base": rng.choice(5, n, p=[0.24, 0.24, 0.24, 0.24, 0.04]),
            "copy_class": rng.choice([name.value for name in CopyClass], n),
            "diverged_base": rng.integers(-1, 4, n),
        }
    ).assign(**changed)
    probs = rng.dirichlet(np.full(4, 0.5), (n, VIEWS)).clip(1e-6).astype(np.float32)
    probs[rng.random(n) < 0.1] = 0.25
    probs[rng.random((n, VIEWS)) < 0.1] = np.nan
    nothing = np.full(n, np.nan)
    weights = view_weights(probs, np.zeros(VIEWS, int))
    return SiteBlock(
        site,
        probs,
        weights,
        weights,
        np.where(rng.random(n) < 0.1, "NONFINITE", "").astype(object),
        *[nothing] * 5,
        np.full((n, 1, 4), np.nan, np.float32),
        np.full((n, VIEWS), np.nan, np.float32),
        np.full(n, "", object),
    )


def misses(block: SiteBlock, row: int, decoy: int) -> bool | None:
    """Whether the decoy is preferred or ties; None where no view answered."""
    base, ratios = int(block.site["base"][row]), []
    for view in range(VIEWS):
        p = [float(one) for one in block.probs[row, view]]
        if not any(math.isnan(one) for one in p):
            ratios.append(math.log(p[decoy] / p[base]))
    return sum(ratios) / len(ratios) >= 0 if ratios else None


def twin(blocks: list[SiteBlock]) -> dict[tuple[str, str], tuple[int, float]]:
    """(copy class, rung) -> sites and mean error."""
    shares: dict[tuple[str, str], list[float]] = {}
    partner = {0: 2, 2: 0, 1: 3, 3: 1}  # A with G, C with T
    for block in blocks:
        for row, site in block.site.iterrows():
            base = int(site["base"])
            if not int(site["use"]) & 2 or base == 4 or block.status[row]:
                continue
            decoys = {ANY: [one for one in range(4) if one != base], TRANSITION: [partner[base]]}
            if site["diverged_base"] not in (-1, base):
                decoys[COPY] = [int(site["diverged_base"])]
            for rung, letters in decoys.items():
                result = [misses(block, row, letter) for letter in letters]
                if None not in result:
                    shares.setdefault((site["copy_class"], rung), []).append(
                        sum(result) / len(result)
                    )
    return {key: (len(result), sum(result) / len(result)) for key, result in shares.items()}


def test_the_ladder_equals_its_twin_over_several_shards():
    rng = np.random.default_rng(1)
    blocks = [block_of(rng, n) for n in (400, 1, 0, 300)]
    ladder = Ladder()
    for block in blocks:
        ladder.add(block)
    expected = twin(blocks)
    rows = ladder.rows()
    assert [(row.copy_class, row.rung) for row in rows] == [
        (name.value, rung) for name in CopyClass for rung in RUNGS
    ]
    for row in rows:
        n, error = expected[row.copy_class, row.rung]
        assert row.n == n
        assert row.error == pytest.approx(error, abs=1e-12)
        k = error * n
        assert row.low == pytest.approx(beta.ppf(0.025, k, n - k + 1))
        assert row.high == pytest.approx(beta.ppf(0.975, k + 1, n - k))


def test_a_model_that_knows_composition_alone_falls_at_the_copy():
    """It is sure of the base and of its twin in the copy alike: right against any other letter."""
    rng = np.random.default_rng(2)
    n = 300
    base = rng.integers(0, 4, n)
    copy = (base + rng.choice([1, 3], n)) % 4  # never the transition
    block = block_of(rng, n, use=2, base=base, diverged_base=copy, copy_class="repeat_family")
    block.probs[:] = 0.01
    block.probs[np.arange(n), :, base] = block.probs[np.arange(n), :, copy] = 0.49
    block.status[:] = ""
    block.weights[:] = 1 / VIEWS
    ladder = Ladder()
    ladder.add(block)
    assert {row.rung: row.error for row in ladder.rows()} == pytest.approx(
        {ANY: 1 / 3, TRANSITION: 0.0, COPY: 1.0}
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "changed",
    [{"use": 1}, {"use": 4}, {"base": 4}],
    ids=["variants alone", "region bases alone", "no base"],
)
def test_sites_that_are_no_probe_or_have_no_base_have_no_rung(changed):
    ladder = Ladder()
    ladder.add(block_of(np.random.default_rng(3), 50, **changed))
    assert ladder.rows() == ()


@pytest.mark.bad_input
def test_sites_without_an_answer_have_no_rung():
    block = block_of(np.random.default_rng(4), 50, use=2)
    block.probs[:], block.weights[:] = np.nan, 0
    ladder = Ladder()
    ladder.add(block)
    assert ladder.rows() == ()


@pytest.mark.bad_input
def test_a_copy_that_does_not_differ_is_no_decoy():
    block = block_of(np.random.default_rng(5), 200, use=2, base=1, diverged_base=1)
    ladder = Ladder()
    ladder.add(block)
    assert {row.rung for row in ladder.rows()} == {ANY, TRANSITION}


def test_no_bit_depends_on_the_order_of_the_shards():
    """Errors against any letter are thirds, whose float sum depends on the order: the report of a run
    with small shards differed in the last digit."""
    blocks = [block_of(np.random.default_rng(seed), 37) for seed in range(12)]
    results = []
    for order in (blocks, blocks[::-1], blocks[5:] + blocks[:5]):
        ladder = Ladder()
        for block in order:
            ladder.add(block)
        results.append(ladder.rows())
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == 9
