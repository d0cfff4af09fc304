"""Models side by side: weights, gain, baseline, and refusal of tables that do not belong
together."""

import numpy as np
import pytest
from fake_scores import knows, uniform, write_scores
from planned_run import GENOME, Spans, planned, snv_rows

from gfmtrust.calibration.ensemble import ScoreTables, blocks
from gfmtrust.calibration.features import features
from gfmtrust.core.errors import BadDataError, InternalError, MissingInputError
from gfmtrust.core.vocabulary import Status
from gfmtrust.io import tables

pytestmark = pytest.mark.long


@pytest.fixture
def plan_dir(tmp_path):
    return planned(
        tmp_path, GENOME, [snv_rows(GENOME, range(100, 900, 10))], {"cre": Spans(chr1=[(95, 205)])}
    )[0]


def scores_of(tmp_path, plan_dir, *models, **more):
    for model, answer, family, local in models:
        write_scores(
            plan_dir, tmp_path / "scores", model, answer, family, local=local, **more.get(model, {})
        )
    return ScoreTables([tmp_path / "scores"], [model for model, *_ in models])


def test_context_model_alone_is_the_ensemble_and_has_no_gain(tmp_path, plan_dir):
    scores = scores_of(
        tmp_path,
        plan_dir,
        ("context_model", uniform, "context_model", 1.9),
        context_model={"members": 8, "strands": "+"},
    )
    assert scores.ensemble.context_only
    block = next(blocks(plan_dir, scores))
    assert block.probs.shape[1:] == (8, 4)
    assert np.isnan(block.gain).all()
    assert block.context_surprisal[0] == pytest.approx(1.9, abs=1e-6)


def test_beside_models_the_context_model_is_the_baseline_and_does_not_vote(tmp_path, plan_dir):
    scores = scores_of(
        tmp_path,
        plan_dir,
        ("a", knows(0.7), "toy", 1.5),
        ("context_model", uniform, "context_model", 1.9),
        ("b", knows(0.4), "toy", 1.3),
    )
    assert scores.ensemble.models == ("a", "b")
    assert scores.ensemble.view_models.tolist() == [0, 0, 1, 1]
    block = next(blocks(plan_dir, scores))
    assert block.probs.shape[1] == 4
    assert np.allclose(block.weights, 0.25)
    assert np.allclose(block.gain, 1.9 - 1.4, atol=1e-6)


def test_a_site_one_model_cannot_answer_has_that_status_and_the_first_of_several_wins(
    tmp_path, plan_dir
):
    scores = scores_of(
        tmp_path,
        plan_dir,
        ("a", knows(0.7), "toy", 1.5),
        ("b", knows(0.4), "toy", 1.3),
        a={"status": lambda site: Status.NONFINITE if site.pos == 100 else ""},
        b={"status": lambda site: Status.AMBIGUOUS_BASE if site.pos in (100, 110) else ""},
    )
    block = next(blocks(plan_dir, scores))
    at = {pos: i for i, pos in enumerate(block.site["pos"])}
    assert block.status[at[100]] == Status.AMBIGUOUS_BASE
    assert block.status[at[110]] == Status.AMBIGUOUS_BASE
    assert block.status[at[120]] == ""
    assert np.isnan(block.probs[at[100]]).all()
    assert block.weights[at[100]].sum() == 0


def test_every_site_of_the_plan_comes_once(tmp_path, plan_dir):
    scores = scores_of(tmp_path, plan_dir, ("a", uniform, "toy", 1.5))
    planned_sites = sum(len(tables.read(path)) for path in (plan_dir / "shards").glob("shard_*"))
    assert sum(len(block.site) for block in blocks(plan_dir, scores)) == planned_sites


@pytest.mark.bad_input
def test_a_model_without_tables_is_named(tmp_path, plan_dir):
    write_scores(plan_dir, tmp_path / "scores", "a", uniform)
    with pytest.raises(MissingInputError, match="none of b"):
        ScoreTables([tmp_path / "scores"], ["a", "b"])


@pytest.mark.bad_input
def test_a_missing_shard_is_named(tmp_path, plan_dir):
    scores = scores_of(tmp_path, plan_dir, ("a", uniform, "toy", 1.5))
    (tmp_path / "scores" / "a.shard_00001.parquet").unlink()
    scores = ScoreTables([tmp_path / "scores"], ["a"])
    with pytest.raises(MissingInputError, match="no table of shard 1 of sites"):
        list(blocks(plan_dir, scores))


@pytest.mark.bad_input
def test_a_table_of_other_sites_is_refused(tmp_path, plan_dir):
    scores = scores_of(tmp_path, plan_dir, ("a", uniform, "toy", 1.5))
    (tmp_path / "scores" / "a.shard_00000.parquet").write_bytes(
        (tmp_path / "scores" / "a.shard_00001.parquet").read_bytes()
    )
    with pytest.raises(InternalError, match="other sites"):
        list(blocks(plan_dir, scores))


@pytest.mark.bad_input
def test_a_table_of_another_bundle_is_refused(tmp_path, plan_dir):
    scores_of(tmp_path, plan_dir, ("a", uniform, "toy", 1.5))
    write_scores(plan_dir, tmp_path / "other", "a", uniform, sha="other")
    (tmp_path / "scores" / "a.shard_00001.parquet").write_bytes(
        (tmp_path / "other" / "a.shard_00001.parquet").read_bytes()
    )
    with pytest.raises(BadDataError, match="another bundle"):
        list(blocks(plan_dir, ScoreTables([tmp_path / "scores"], ["a"])))


@pytest.mark.bad_input
def test_an_unreadable_table_is_bad_data(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises(BadDataError, match=r"x\.parquet: unreadable"):
        tables.read(tmp_path / "x.parquet")


def test_a_model_of_whole_tokens_votes_by_its_llr_and_enters_no_entropy(tmp_path, plan_dir):
    """Beside a model that has distributions: entropies, surprisal and gain are that model's alone,
    the LLR is of both."""
    scores = scores_of(
        tmp_path,
        plan_dir,
        ("a", knows(0.7), "toy", 1.5),
        ("b", knows(0.4), "bpe", 1.3),
        ("context_model", uniform, "context_model", 1.9),
        b={"quantity": "likelihood"},
    )
    assert scores.ensemble.view_has_distribution.tolist() == [True, True, False, False]
    block = next(blocks(plan_dir, scores))
    assert np.allclose(block.weights, 0.25)
    assert np.allclose(block.distribution_weights, [0.5, 0.5, 0, 0])
    assert np.allclose(block.local_surprisal, 1.5)
    assert np.allclose(block.gain, 0.4, atol=1e-6)
    base = np.minimum(block.site["base"].to_numpy(np.int64), 3)
    feature_table = features(block, scores.ensemble, np.arange(len(base)), base, (base + 1) % 4)
    llr = [np.log(0.1 / 0.7), np.log(0.2 / 0.4)]
    assert np.allclose(feature_table["llr"], np.mean(llr), atol=1e-5)
    assert np.allclose(feature_table["llr_sd"], np.sqrt(np.var(llr) / (1 - 0.25)), atol=1e-5)
    alone = -(0.7 * np.log2(0.7) + 0.3 * np.log2(0.1))
    assert np.allclose(feature_table["ent"], alone, atol=1e-5)
    assert np.allclose(feature_table["dis"], 0, atol=1e-6)
    assert feature_table["dis_between"].isna().all()  # of one model
    assert np.allclose(feature_table["strand_jsd"], 0, atol=1e-6)
    assert (feature_table["n_views"] == 4).all()


def test_models_of_whole_tokens_alone_have_llrs_and_nothing_of_a_distribution(tmp_path, plan_dir):
    scores = scores_of(
        tmp_path, plan_dir, ("b", knows(0.4), "bpe", 1.3), b={"quantity": "likelihood"}
    )
    block = next(blocks(plan_dir, scores))
    base = np.minimum(block.site["base"].to_numpy(np.int64), 3)
    feature_table = features(block, scores.ensemble, np.arange(len(base)), base, (base + 1) % 4)
    assert np.allclose(feature_table["llr"], np.log(0.2 / 0.4), atol=1e-5)
    assert np.allclose(feature_table["sign_agreement"], 1)
    assert np.allclose(feature_table["strand_llr"], 0)
    items = [
        "ent",
        "dis",
        "dis_between",
        "dis_within",
        "dis_strand",
        "dis_shift",
        "strand_jsd",
        "gain",
        "local_surprisal",
    ]
    assert feature_table[items].isna().all(axis=None)
