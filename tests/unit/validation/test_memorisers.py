"""Models that remember a generated genome, and one that knows its law, before the tripwire."""

import numpy as np
import pandas as pd
import pytest

from gfmtrust.calibration.memorisation import NO_SIGN, SUSPECTED, memory_verdict
from gfmtrust.validation.benchmark import memorisers
from gfmtrust.validation.oracle.planted import N_CONTIGS, draw_planted


@pytest.fixture(scope="module")
def letters():
    contigs = draw_planted(320_000, 1, 0.0, 0).contigs
    return memorisers.Letters([one.codes for one in contigs], [one.distribution for one in contigs])


def _of_letters(letters) -> np.ndarray:
    """Probability of each letter of the genome under its law."""
    codes = np.concatenate(letters.codes)
    return np.concatenate(letters.law)[np.arange(len(codes)), codes]


def verdict(letters, name: str, form: str, n: int = 3_000, genome_bp: int = 1):
    """The verdict on n probes drawn anywhere; the context model is worse than the law by 0.05 bit.
    genome_bp: how much further apart the places are said to be."""
    rng = np.random.default_rng(2)
    contig, pos = rng.integers(0, N_CONTIGS, n), rng.integers(30, len(letters.codes[0]) - 30, n)
    real = np.array([letters.codes[i][j] for i, j in zip(contig, pos, strict=True)], np.int64)
    bits = -np.log2([letters.law[i][j, b] for i, j, b in zip(contig, pos, real, strict=True)])
    by_law = np.split(-np.log2(_of_letters(letters)), N_CONTIGS)
    near = [
        np.mean([by_law[i][(j + step) % len(by_law[i])] for step in memorisers.NEIGHBOURS])
        for i, j in zip(contig, pos, strict=True)
    ]
    table = pd.DataFrame(
        {
            "contig_index": contig,
            "pos": pos,
            "copy_class": "single_copy",
            "local_surprisal": np.array(near) + 0.05,
            "context_site_surprisal": bits + 0.05,
        }
    )
    answered = memorisers.Answered(letters, memorisers.MODELS[name](letters, rng), form == "bundle")
    table = answered.at(table, real, (real + rng.integers(1, 4, n)) % 4)
    return memory_verdict(table.assign(pos=pos * genome_bp), False)


@pytest.mark.parametrize("form", memorisers.FORMS)
@pytest.mark.parametrize("name", memorisers.MODELS)
def test_every_memoriser_is_suspected_and_the_law_is_not(letters, name, form):
    assert verdict(letters, name, form).state == (NO_SIGN if name == "the law" else SUSPECTED)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "state"), [("every letter", SUSPECTED), ("every other contig", NO_SIGN)]
)
def test_probes_too_far_apart_leave_the_mean_alone(letters, name, state):
    """The documented limit: a table that remembers parts of a large genome is not recognised."""
    assert verdict(letters, name, "external", genome_bp=10_000).state == state


def test_a_memoriser_is_as_sure_as_it_says_and_wrong_as_often(letters):
    rng = np.random.default_rng(3)
    law = memorisers.MODELS["5 % wrong"](letters, rng)
    preferred = np.concatenate([part.argmax(axis=1) for part in law])
    assert (preferred != np.concatenate(letters.codes)).mean() == pytest.approx(0.05, abs=0.003)
