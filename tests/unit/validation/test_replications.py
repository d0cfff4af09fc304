"""Replications: fifty from a small pool of the easy genome, counts by hand, useless models,
refusals."""

import json

import numpy as np
import pytest
from simulated_probes import skilled, true_error, useless

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.core.errors import MissingInputError, UsageError
from gfmtrust.core.vocabulary import Rank
from gfmtrust.validation import benchmark
from gfmtrust.validation.benchmark import pool, replications
from gfmtrust.validation.benchmark.pool import Pool
from gfmtrust.validation.benchmark.replication_figures import most_violations
from gfmtrust.validation.oracle import write_oracle

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def easy(tmp_path_factory):
    """Folder of a small easy genome, its pool made by the context model alone."""
    folder = tmp_path_factory.mktemp("oracle") / "easy"
    write_oracle("easy", 80_000, 1, folder)
    pool.build(folder, {"context_model": []}, "germline", n=8_000)
    return folder


def simulated(alleles, real=None) -> Pool:
    """A pool of made-up alleles; real: true probability of the real base against the decoy."""
    real = np.full(len(alleles), 0.5) if real is None else real
    alleles = alleles.assign(abs_llr=alleles["llr"].abs())
    return Pool(
        alleles,
        real,
        1 - real,
        alleles[alleles["run_oriented"]].assign(af=np.nan, an=0),
        False,
        "fp32",
        ("made_up",),
    )


@pytest.mark.slow
def test_replications_keep_the_promise_on_the_easy_genome(easy):
    cells, useful = replications.replicate(pool.stored(easy, [], "germline"), 12, n_probes=9_000)
    assert {cell.level for cell in cells} == {"HIGH", "MEDIUM"}
    limit = most_violations(12)
    assert all(max(cell.above_alpha, cell.above_alpha_run) <= limit for cell in cells)
    # the mutated alleles are a sample of some hundred in a small cell: their mean error is looked at
    alpha = {"HIGH": 0.05, "MEDIUM": 0.2}
    assert not any(cell.error_mutated > alpha[cell.level] for cell in cells)
    rows = {row.ranking: row for row in useful}
    assert list(rows) == ["true law", "reliability", "abs_llr", "ent", "dis"]
    assert rows["reliability"].high_share >= 0.5
    assert rows["reliability"].prr_decoy >= 0.9 * rows["true law"].prr_decoy
    assert rows["ent"].prr_decoy < rows["reliability"].prr_decoy


@pytest.mark.slow
def test_flags_keep_the_promise_at_cpg_on_alleles_drawn_by_mutation(tmp_path):
    write_oracle("few_cpg", 160_000, 1, tmp_path / "few_cpg")
    oracle_pool = pool.build(tmp_path / "few_cpg", {"few": []}, "germline", n=20_000, n_own=15_000)[
        "few"
    ]
    cells, _ = replications.replicate(oracle_pool, 40)
    assert all(cell.keeps_promise for cell in cells)
    at_cpg = [cell for cell in cells if cell.stratum == "single_copy/cpg"]
    assert {cell.level for cell in at_cpg if cell.exists} == {"HIGH", "MEDIUM"}
    assert all(cell.share > 0 for cell in at_cpg)


def test_the_pool_holds_the_truth_of_each_of_its_alleles(easy):
    oracle_pool = pool.stored(easy, [], "germline")
    assert oracle_pool.context_only
    assert oracle_pool.models == ("context_model",)
    assert len(oracle_pool.alleles) == 8_000
    assert oracle_pool.n_sites > 6_000
    assert 0.07 < oracle_pool.ceiling().error < 0.12
    assert (
        abs(oracle_pool.wrong.mean() - oracle_pool.ceiling().error) < 0.02
    )  # counts of 80 kb come close to the law
    assert oracle_pool.wrong_sign.mean() < 0.06
    assert oracle_pool.alleles["run_oriented"].mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("n", "limit"), [(2, 1), (12, 2), (100, 9), (1_000, 63)])
def test_the_limit_is_delta_and_two_standard_errors(n, limit):
    assert most_violations(n) == limit


def test_a_level_is_counted_over_the_alleles_that_carry_exactly_it(monkeypatch):
    alleles = skilled(np.random.default_rng(1), 8, classes=("single_copy",)).assign(
        llr=[-1.0, -1, -1, 1, 1, 0, -1, -1],
        run_oriented=[True, True, False, True, False, True, False, False],
    )
    rank = np.array([3, 3, 3, 3, 2, 2, 2, 1], np.uint8)
    fitted = calibration_fit.fit(skilled(np.random.default_rng(2), 4_000, classes=("single_copy",)))
    monkeypatch.setattr(
        replications,
        "draw",
        lambda *_: replications.Drawn(
            fitted, np.arange(8), rank, rank[alleles["run_oriented"].to_numpy(bool)]
        ),
    )
    monkeypatch.setattr(replications, "_ranks_by", lambda *_: rank)
    n_high, n_medium = (float(one.n_probes) for one in fitted.snv.certificates)
    (high, medium), useful = replications.replicate(
        simulated(alleles, np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9])), 2
    )
    assert high == replications.Cell(
        "HIGH", "single_copy", 2, 2, 0, 2, 2, 2, 0.25, 1 / 3, 1 / 3, 3 / 4, n_high, 1
    )
    assert not high.keeps_promise
    assert medium == replications.Cell(
        "MEDIUM", "single_copy", 2, 2, 0, 2, 2, 2, 2 / 3, 1.0, 1.0, 1 / 4, n_medium, 1
    )  # an LLR of 0 is wrong
    assert useful[1].high_share == 0.5
    assert useful[1].sign_error_high == 0.25
    assert useful[1].sign_error_medium == pytest.approx(
        2 / 3
    )  # the decoy is likelier at the sixth: 0 has not its sign


@pytest.mark.parametrize(("n", "most"), [(6, 2), pytest.param(40, 6, marks=pytest.mark.slow)])
def test_a_made_up_model_whose_error_is_known_keeps_its_promise(n, most):
    """Each promise is broken in at most one redraw of twenty: 2 of 6, or 6 of 40, is one case in 40."""
    alleles = skilled(np.random.default_rng(3), 30_000, spread=5.0)
    error = true_error(alleles)
    cells, useful = replications.replicate(
        simulated(alleles, np.where(alleles["llr"] < 0, 1 - error, error)), n
    )
    assert all(
        max(cell.above_alpha, cell.above_alpha_run, cell.above_alpha_mutated) <= most
        for cell in cells
    )
    assert (
        sum(cell.exists for cell in cells if cell.level == "HIGH") > n
    )  # of twice n: two copy classes
    assert useful[1].prr_decoy > 0.7


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing():
    made_up_pool = simulated(skilled(np.random.default_rng(7), 3_000))
    assert str(replications.replicate(made_up_pool, 3, 500, processes=2)) == str(
        replications.replicate(made_up_pool, 3, 500)
    )  # text, for NaN differs


@pytest.mark.parametrize(
    "kind",
    ["gc", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("constant", "noise"))],
)
def test_useless_models_earn_no_high_by_redraws(kind):
    made_up_pool = simulated(useless(np.random.default_rng(4), 20_000, kind))
    drawn = [replications.draw(made_up_pool, seed, 2_000) for seed in range(20)]
    assert all((one.rank < Rank.HIGH).all() for one in drawn)
    assert sum((one.rank == Rank.MEDIUM).any() for one in drawn) <= 1


def test_a_replication_redraws_probes_and_halves_and_leaves_blocks_where_they_are():
    made_up_pool = simulated(skilled(np.random.default_rng(5), 5_000))
    one, same, other = (replications.draw(made_up_pool, seed, 1_001) for seed in (1, 1, 2))
    assert (one.rows == same.rows).all()
    assert one.fitted == same.fitted
    assert (one.rows != other.rows).any()
    assert len(np.unique(one.rows)) < 1_001  # with replacement
    assert made_up_pool.alleles["run_oriented"].to_numpy()[one.rows].sum() == 501
    assert one.fitted.snv.counts.blocks == made_up_pool.alleles["block"].nunique()


def test_the_command_prints_both_tables_and_writes_them_as_json(easy, capsys, tmp_path):
    benchmark.run(
        "replications",
        benchmark.BenchmarkOptions(easy, n=2, out=tmp_path / "figures.json"),
    )
    cells, useful = capsys.readouterr().out.split("\n\n")
    assert cells.startswith("level\tstratum\treplications\t")
    assert useful.splitlines()[1].startswith("true law\t1\t0.")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["usefulness"][0]["prr_effect_sign"] is None
    assert figures["rows"][0]["replications"] <= 2


@pytest.mark.bad_input
def test_alleles_of_one_orientation_are_refused():
    alleles = skilled(np.random.default_rng(6), 100).assign(run_oriented=True)
    with pytest.raises(UsageError, match="one orientation"):
        replications.draw(simulated(alleles), 1)


@pytest.mark.bad_input
def test_a_folder_that_is_no_oracle_genome_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match=r"truth\.parquet"):
        benchmark.run("replications", benchmark.BenchmarkOptions(tmp_path, n=2))
    with pytest.raises(UsageError, match="no --run"):
        benchmark.run("replications", benchmark.BenchmarkOptions(n=2))


@pytest.mark.bad_input
def test_a_pool_too_small_to_be_a_truth_is_refused(easy):
    with pytest.raises(UsageError, match="999; expected 1000 or more"):
        pool.build(easy, {}, "germline", n=999)
    with pytest.raises(MissingInputError, match="no context model"):
        pool.context_of([])
