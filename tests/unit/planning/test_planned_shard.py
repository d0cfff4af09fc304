"""Shards are known by their metadata: files may be called anything."""

import pytest
from planned_run import GENOME, planned, snv_rows

from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.errors import BadDataError
from gfmtrust.core.vocabulary import NEGATIVE_CONTROLS, ShardKind
from gfmtrust.io import tables
from gfmtrust.planning.shards import planned_shards


@pytest.fixture
def plan_dir(tmp_path):
    return planned(tmp_path, GENOME, [snv_rows(GENOME, range(100, 500))])[0]


def test_renamed_shards_are_the_same_shards(plan_dir):
    before = {shard: tables.read(path) for shard, path in planned_shards(plan_dir).items()}
    assert len(before) > 4
    for number, path in enumerate(sorted(planned_shards(plan_dir).values())):
        path.rename(path.with_name(f"{97 - number}.parquet"))
    after = {shard: tables.read(path) for shard, path in planned_shards(plan_dir).items()}
    assert list(before) == list(after)
    assert all(before[shard].equals(after[shard]) for shard in before)


def test_shards_come_by_kind_and_number(plan_dir):
    sites = list(planned_shards(plan_dir, ShardKind.SITES))
    assert [shard.number for shard in sites] == list(range(len(sites)))
    controls = planned_shards(plan_dir, *NEGATIVE_CONTROLS)
    assert {shard.kind for shard in controls} == set(NEGATIVE_CONTROLS)
    assert all(shard.kind.is_control for shard in controls)
    assert not any(shard.kind.is_control for shard in sites)


@pytest.mark.bad_input
def test_a_shard_of_version_0_1_is_refused(plan_dir):
    old = plan_dir / "shards" / "shard_00099.parquet"
    tables.write(old, tables.SHARD.empty_table(), tables.SHARD)
    with pytest.raises(BadDataError, match="shard_00099.parquet: no version .*PLAN_SITES again"):
        planned_shards(plan_dir)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [{"kind": "twin", "number": 0}, {"kind": "sites"}])
def test_an_unknown_kind_or_missing_number_is_refused(content):
    with pytest.raises(BadDataError):
        PlannedShard.from_dict({"version": 1, **content}, "x.parquet")
