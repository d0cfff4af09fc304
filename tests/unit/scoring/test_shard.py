"""Scoring one shard: what is refused, what is said on the way, and what the result states."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import toy_models
from fake_genome import random_genome
from planned_run import GENOME, planned, snv_rows

from gfmtrust.bundle import permuted_weights
from gfmtrust.core import progress
from gfmtrust.core.contracts.shard import ShardFacts, ShardMetrics, StrideChoice
from gfmtrust.core.errors import BadDataError, ConfigurationError, InternalError
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.io import tables
from gfmtrust.planning.shards import planned_shards
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.scoring import shard
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.scoring.shard import refuse_constant


def scores(probs):
    n = len(probs)
    zero = np.zeros(n, np.float32)
    return SiteScores(np.asarray(probs, np.float32), np.full(n, "", object), zero, zero, zero, zero)


def test_views_that_do_not_vote_are_no_constant_answer():
    probs = np.random.default_rng(0).dirichlet(np.ones(4), (200, 2))
    probs[::2, 0] = np.nan
    refuse_constant(scores(probs), "m")


@pytest.mark.bad_input
def test_the_same_answer_everywhere_is_refused():
    probs = np.tile([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]], (200, 1, 1))
    probs[::3, 0] = np.nan
    with pytest.raises(InternalError, match="constant"):
        refuse_constant(scores(probs), "m")
    refuse_constant(scores(probs[:50]), "m")  # too few windows to say


def test_a_long_shard_is_told_of_every_half_minute_with_the_batch_of_the_hour(
    monkeypatch, caplog, capsys
):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    session = SimpleNamespace(device="cpu", batch=8, threads=2, on_passes=None)
    with caplog.at_level(logging.INFO):
        shard._announce(session, "gpn, shard_00000", 20_000, 40_000)
    assert caplog.messages == [
        "gpn, shard_00000: 20,000 sites, about 40,000 passes on cpu, batch 8, threads 2"
    ]
    for now[0], passes, session.batch in (
        (20, 4_000, 8),
        (40, 8_000, 8),
        (60, 9_000, 4),
        (80, 20_000, 4),
    ):
        session.on_passes(passes)
    assert capsys.readouterr().err.splitlines() == [
        "gpn, shard_00000: 8,000 of 40,000 passes, 200 passes/s, 3 min left, batch 8",
        "gpn, shard_00000: 20,000 of 40,000 passes, 250 passes/s, 80 s left, batch 4",
    ]


# --- indels in tandem tracts


def test_an_indel_is_as_near_to_the_edge_as_the_place_where_it_is_read(tmp_path):
    """Windows of 16 with a radius of 2. A tract of 12 is followed by three letters: the window of
    the first copy ends within it, and that of the last has 4 letters behind the contig's end."""
    genome = random_genome(4, 6_000, chr2="TG" * 15 + "ACG" * 10 + "G" + "A" * 12 + "CGT")
    records = [
        *snv_rows(genome, range(2_000, 5_000, 30)),
        ("chr2", 1, 30, "AC", "A"),
        ("chr2", 1, 60, "GA", "G"),
    ]
    plan_dir = planned(tmp_path, genome, [records])[0]
    reader = reader_of(toy_models.write_toy(tmp_path / "toy"))
    by_place = {}
    for path in planned_shards(plan_dir, ShardKind.VARIANTS).values():
        result = shard.score_shard(reader, genome, path, ScoringOptions("default"))
        rows, scores = result.rows.to_pandas(), result.scores
        for row in np.flatnonzero(rows["contig_index"] == 1):
            if tuple(rows.loc[row, ["start", "ref", "alt"]]) in ((31, "C", ""), (61, "A", "")):
                by_place[int(rows["pos"][row])] = float(scores.pad_share[row])
    assert by_place == {31: 0, 61: 4 / 16}
    scorer = reader.open_scorer("cpu", 1, None, False)
    alone = reader.score_sites(scorer, genome, np.array([1]), np.array([61]))
    assert alone.pad_share[0] == 0


# --- what a scored shard states


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A plan with its shards renamed at random, and the result of the toy bundle for each."""
    folder = tmp_path_factory.mktemp("shards")
    plan_dir = planned(folder, GENOME, [snv_rows(GENOME, range(100, 400, 3))])[0]
    reader = reader_of(toy_models.write_toy(folder / "toy"))
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permuted_weights, "MIN_VALUES", 100)  # the toy's one table has 196
        for number, (planned_shard, path) in enumerate(planned_shards(plan_dir).items()):
            renamed = path.rename(path.with_name(f"shard_{50 - number:05d}.parquet"))
            results[planned_shard] = shard.score_shard(
                reader, GENOME, renamed, ScoringOptions("fast")
            )
    return reader, results


def test_the_facts_of_a_table_come_back_from_its_metadata(scored, tmp_path):
    reader, results = scored
    for planned_shard, result in results.items():
        result.write(tmp_path)
        facts = ShardFacts.read(tmp_path / f"toy.{result.name}.parquet")
        assert facts == result.facts
        assert (facts.shard, facts.model) == (planned_shard, "toy")
        assert facts.bundle_sha256 == reader.model.sha256
        assert facts.views == (("toy", 0, "+", 0, (0, 0)),)
        metrics = ShardMetrics.read(tmp_path / f"toy.{result.name}.metrics.json")
        assert metrics == result.metrics
        assert metrics.sites == result.rows.num_rows


def test_the_kind_of_a_shard_is_not_its_name(scored):
    """All are called shard_<n>: those of controls are still answered by the controls' scorers."""
    reader, results = scored
    for planned_shard, result in results.items():
        rows = result.rows.to_pandas()
        exact = reader.score_sites(
            reader.open_scorer("cpu", 1, None, False),
            GENOME,
            rows["contig_index"].to_numpy(np.int64),
            rows["pos"].to_numpy(),
            ReadingOptions("fast"),
        )
        is_equal = {
            name: np.array_equal(getattr(exact, name), getattr(result.scores, name), equal_nan=True)
            for name in ("probs", "local_surprisal")
        }
        # the toy reads the two letters beside the site, which a shuffled window keeps
        assert is_equal["probs"] == (planned_shard.kind != ShardKind.PERMUTED_WEIGHTS)
        assert is_equal["local_surprisal"] == (not planned_shard.kind.is_control)
        assert bool(result.variant_columns) == (planned_shard.kind == ShardKind.VARIANTS)


@pytest.mark.bad_input
def test_the_stride_of_another_model_is_refused(scored, tmp_path):
    """It was measured on the answers of that model."""
    options = ScoringOptions("fast", stride=StrideChoice("hyena", 8, 16))
    with pytest.raises(ConfigurationError, match="--stride: the choice of model hyena; expected"):
        shard.score_shard(scored[0], GENOME, tmp_path / "shard_00000.parquet", options)


@pytest.mark.bad_input
def test_a_score_table_of_version_0_1_is_refused(tmp_path):
    path = tmp_path / "toy.shard_00000.parquet"
    schema = tables.score_schema(1)
    tables.write(path, schema.empty_table(), schema, {"model": "toy", "family": "gpn"})
    with pytest.raises(BadDataError, match=r"no version \(gfmtrust 0.1\).*run SCORE_SITES again"):
        ShardFacts.read(path)


@pytest.mark.bad_input
def test_a_shard_without_its_kind_is_refused(scored, tmp_path):
    path = tmp_path / "shard_00000.parquet"
    tables.write(path, tables.SHARD.empty_table(), tables.SHARD)
    with pytest.raises(BadDataError, match="shard_00000.parquet: no version"):
        shard.score_shard(scored[0], GENOME, path, ScoringOptions())
