"""Models that know nothing, through every step of a run: no HIGH and no MEDIUM, whatever the seed
and the spectrum."""

from collections import Counter
from itertools import product

import full_runs
import pytest

from gfmtrust.validation.oracle.spectra import SPECTRA

pytestmark = [pytest.mark.torch, pytest.mark.bad_input]
RUNS_EACH = 10
FEW = (
    pytest.param("random", "germline", marks=pytest.mark.slow),
    ("order_1", "apobec"),
)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("full_runs")


def one_run(work, kind: str, spectrum: str, number: int) -> Counter:
    oracle = full_runs.genome(work / f"genome_{number}", number)
    seed = 1_000 * number + 2 * full_runs.MODELS.index(kind) + list(SPECTRA).index(spectrum)
    return full_runs.flags_of(
        work / f"{kind}.{spectrum}.{number}",
        oracle,
        full_runs.bundle(oracle, kind, seed),
        spectrum,
        seed,
    )


@pytest.mark.parametrize(("kind", "spectrum"), FEW)
def test_a_run_with_a_model_that_knows_nothing_gives_no_flag(work, kind, spectrum):
    given = one_run(work, kind, spectrum, 1)
    assert given["LOW"] > 0.95 * full_runs.VARIANTS
    assert given["HIGH"] == given["MEDIUM"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "spectrum"), list(product(full_runs.MODELS, SPECTRA)))
def test_ten_runs_each_with_a_model_that_knows_nothing_give_no_flag(work, kind, spectrum):
    given = [one_run(work, kind, spectrum, number) for number in range(2, 2 + RUNS_EACH)]
    print(kind, spectrum, dict(sum(given, Counter())))
    assert sum(one["LOW"] for one in given) > 0.95 * RUNS_EACH * full_runs.VARIANTS
    assert all(one["HIGH"] == one["MEDIUM"] == 0 for one in given)
