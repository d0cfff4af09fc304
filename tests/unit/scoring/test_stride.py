"""The stride a run settles on, from the differences of its own region bases; the draw depends on
the sites alone."""

import numpy as np
import pytest
from fake_genome import random_genome
from planned_run import Spans, planned, snv_rows
from tile_listener import FakeBundle, Listener

from gfmtrust.core.contracts.shard import StrideCheck, StrideChoice
from gfmtrust.io import tables
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.tiles import Tiling
from gfmtrust.scoring import stride as step
from gfmtrust.scoring.estimate import planned_passes
from gfmtrust.scoring.options import ScoringOptions

pytestmark = pytest.mark.long

GENOME = random_genome(2, 20_000)
CRE = {"cre": Spans(chr1=[(1_000, 3_000), (9_000, 12_000)])}


def plan_of(folder, **options):
    folder.mkdir(exist_ok=True)
    return planned(
        folder, GENOME, [snv_rows(GENOME, range(100, 900, 10))], CRE, probes=500, **options
    )[0]


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """choose_stride of a toy whose tiles differ from exact by `bits(stride)`."""
    monkeypatch.setattr(step.Bundle, "open", lambda _path, **_options: FakeBundle())
    monkeypatch.setattr(step.Genome, "open", lambda _path: GENOME)
    monkeypatch.setattr(step.Session, "open", lambda *_args, **_options: Listener())
    plan_dir = plan_of(tmp_path)

    def run(asked, bits=None):
        if bits:
            monkeypatch.setattr(
                step,
                "check",
                lambda stride, _bits: StrideCheck(stride, 9, bits(stride), 1.0),
            )
        return step.choose_stride(
            "g.fa",
            plan_dir,
            "toy",
            tmp_path / "toy.stride.json",
            asked,
            ScoringOptions(views="fast"),
        )

    return run


def test_a_small_difference_keeps_what_was_asked_for(choose, monkeypatch, tmp_path):
    monkeypatch.setattr(step, "CHECKED_BASES", 40)
    monkeypatch.setattr(step, "MAX_MEDIAN_BITS", 2.0)
    result = choose(8)
    assert (result.stride, result.asked, [check.stride for check in result.checks]) == (
        8,
        8,
        [8],
    )
    assert 0 < result.checks[0].p50 < result.checks[0].p99 < 2
    assert StrideChoice.read(tmp_path / "toy.stride.json") == result


def test_the_stride_doubles_while_the_median_is_too_far(choose):
    result = choose(4, lambda stride: 0.2 / stride)
    assert (result.stride, [check.stride for check in result.checks]) == (4, [4])
    result = choose(2, lambda stride: 0.3 / stride)
    assert (result.stride, [check.stride for check in result.checks]) == (8, [2, 4, 8])


def test_a_model_too_far_at_every_stride_is_scored_base_by_base(choose):
    result = choose(8, lambda _stride: 0.06)
    assert (result.stride, [check.stride for check in result.checks]) == (
        step.EXACT,
        [8, 16],
    )


@pytest.mark.parametrize("asked", [1, 32, 100])
def test_nothing_is_checked_where_tiles_save_nothing(choose, asked):
    assert choose(asked).stride == step.EXACT
    assert choose(asked).checks == ()


def test_the_draw_depends_on_the_sites_not_on_the_shards(tmp_path):
    few, many = plan_of(tmp_path / "few"), plan_of(tmp_path / "many", shard_size=311)
    (contig, pos), (_, other) = (
        step.region_bases(few, seed=1, n=300),
        step.region_bases(many, seed=1, n=300),
    )
    assert pos.tolist() == other.tolist() == sorted(set(pos.tolist()))
    assert len(pos) == 300
    assert (contig == 0).all()
    assert (((pos >= 1_000) & (pos < 3_000)) | ((pos >= 9_000) & (pos < 12_000))).all()
    assert step.region_bases(few, seed=2, n=300)[1].tolist() != pos.tolist()
    probes = set(tables.read(few / "probes.parquet")["pos"].to_pylist())
    assert not probes & set(step.region_bases(few, seed=1, n=9_999)[1].tolist())


def test_check_leaves_out_what_was_not_scored():
    assert step.check(8, np.array([0.1, np.nan, 0.3, 0.2])) == StrideCheck(8, 3, 0.2, 0.298)
    assert step.check(8, np.array([np.nan])).bases == 0


def test_strides_stop_where_a_tile_costs_what_its_bases_do():
    assert step.strides(8, Tiling(64, 32, 16, 1)) == [8, 16]
    assert step.strides(1_000, Tiling(64, 32, 16, 1)) == []


def test_a_dry_run_counts_the_passes_saved():
    shards = [
        (np.zeros(320, np.int64), np.arange(320, 640)),
        (np.zeros(10, np.int64), np.arange(640, 650)),
    ]
    alone = planned_passes(reader_of(FakeBundle()), shards, 1_000, ReadingOptions(), 1)
    assert alone == 4_000
    assert (
        planned_passes(reader_of(FakeBundle()), shards, 1_000, ReadingOptions(), 8)
        == 670 * 4 + 11 * 8 * 2
    )
    assert (
        planned_passes(reader_of(FakeBundle(quantity="counts")), shards, 1_000, ReadingOptions(), 8)
        == alone
    )
