"""Fresh probes of a finished run: a small one with indels, made by the steps themselves, the
context model alone."""

import shutil

import pytest
from small_run import finish

from gfmtrust.core.errors import MissingInputError
from gfmtrust.planning import variant_probes
from gfmtrust.validation.benchmark.fresh_probes import fresh_probes

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """FASTA and results folder of a run of 60 SNVs and 20 deletions."""
    folder = tmp_path_factory.mktemp("finished")
    return folder / "genome.fa", finish(folder)


def test_fresh_snvs_of_a_run_with_indels_are_flagged_by_its_own_calibration(finished, monkeypatch):
    monkeypatch.setattr(variant_probes, "PAIR_LIMITS", (10, 20))
    fasta, run = finished
    levels = fresh_probes(run, fasta, 300, {})
    assert [level.n for level in levels][:2] == [0, 0]  # random letters: nothing to know
    assert levels[2].n == 300
    assert 0.3 < levels[2].error < 0.7


@pytest.mark.bad_input
@pytest.mark.parametrize("missing", ["calibration/calibration.json", "scores/sites.parquet"])
def test_a_run_that_did_not_finish_is_refused(finished, tmp_path, missing):
    fasta, run = finished
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    with pytest.raises(MissingInputError):
        fresh_probes(tmp_path / "run", fasta, 300, {})
