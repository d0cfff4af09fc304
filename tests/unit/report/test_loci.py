"""The alleles to look at: which ones, and what the score tables hold of the bases round them."""

import numpy as np
import pyarrow as pa
import pytest
from fake_scores import knows, uniform, write_scores
from planned_run import GENOME, Spans, planned, snv_rows
from synthetic_run import site_row, write_sites

from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.io import tables
from gfmtrust.report import loci


def scored(tmp_path, shard_size, rows, regions=None):
    """A plan and its score tables: one model that gives the genome's base 0.7, and the context
    model."""
    plan_dir, _ = planned(tmp_path, GENOME, [rows], regions or {}, shard_size=shard_size)
    write_scores(plan_dir, tmp_path / "scores", "a", knows(0.7))
    write_scores(plan_dir, tmp_path / "scores", "context_model", uniform, family="context_model")
    return plan_dir, ScoreTables([tmp_path / "scores"], ["a", "context_model"])


def locus(pos, ref="A", alt="C"):
    return {"contig": "chr1", "contig_index": 0, "pos": pos, "ref": ref, "alt": alt}


@pytest.mark.long
@pytest.mark.parametrize("shard_size", [3, 17, 10_000])
def test_bases_round_a_locus_are_those_that_were_scored_however_shards_are_cut(
    tmp_path, shard_size
):
    plan_dir, scores = scored(
        tmp_path, shard_size, snv_rows(GENOME, [500]), {"cre": Spans(chr1=[(495, 503)])}
    )
    (one,) = loci.pictures(plan_dir, scores, [locus(500)])
    use = {
        int(row["pos"]): row
        for path in (plan_dir / "shards").glob("shard_*.parquet")
        for row in tables.read(path).to_pylist()
        if row["contig_index"] == 0
    }
    assert [base["offset"] + 500 for base in one["bases"]] == sorted(
        pos for pos in use if abs(pos - 500) <= loci.FLANK
    )
    assert {*range(495, 503)} <= {base["offset"] + 500 for base in one["bases"]}
    for base in one["bases"]:
        letter = "ACGT"[GENOME.codes("chr1", 500 + base["offset"], 501 + base["offset"])[0]]
        assert base["base"] == letter
        assert base["p"] == [0.7 if other == letter else 0.1 for other in "ACGT"]


def test_a_place_of_another_contig_is_no_neighbour(tmp_path):
    plan_dir, scores = scored(tmp_path, 100, snv_rows(GENOME, [20], "chr2", 1))
    (one,) = loci.pictures(plan_dir, scores, [{**locus(20), "contig_index": 0}])
    assert all(base["offset"] for base in one["bases"])


def test_written_beside_the_table_of_sites_and_best_first(tmp_path):
    plan_dir, scores = scored(tmp_path, 100, snv_rows(GENOME, range(300, 900, 20)))
    rows = [
        site_row("chr1", pos, "A", "C", rank=2 + (pos % 40 == 0), rel=0.9, llr=-(pos % 7) - 0.5)
        for pos in range(300, 900, 20)
    ]
    rows += [
        site_row("chr1", 905, "A", "C", rank=1, llr=-80.0),
        site_row("chr1", 906, "A", "<DEL>", status="SYMBOLIC"),
    ]
    write_sites(tmp_path / "sites.parquet", rows)
    loci.write_loci(plan_dir, scores, tmp_path)
    content = tables.read_json(tmp_path / loci.FILE)
    best = sorted(
        (row for row in rows if row["rank"] >= 2),
        key=lambda row: (-row["rank"], -abs(row["llr"]), row["pos"]),
    )
    assert [one["pos"] for one in content["loci"]] == [row["pos"] for row in best[: loci.TOP_LOCI]]
    assert all(any(base["offset"] == 0 for base in one["bases"]) for one in content["loci"])


def test_what_is_held_does_not_keep_a_better_batch_out():
    rng = np.random.default_rng(2)
    table = pa.Table.from_pylist(
        [
            site_row(
                "c",
                i,
                "A",
                "C",
                rank=int(rng.integers(1, 4)),
                llr=round(float(rng.normal(0, 5)), 1),
            )
            for i in range(3000)
        ]
    )
    items = []
    for batch in table.to_batches(max_chunksize=11):
        items = loci.best(
            items, batch, batch["rank"].to_numpy().astype(np.uint8), np.abs(batch["llr"].to_numpy())
        )
    rows = sorted(
        (row for row in table.to_pylist() if row["rank"] >= 2),
        key=lambda row: (-row["rank"], -abs(row["llr"])),
    )
    assert items == rows[: loci.TOP_LOCI]


@pytest.mark.bad_input
def test_nothing_to_look_at(tmp_path):
    plan_dir, scores = scored(tmp_path, 100, snv_rows(GENOME, [500]))
    write_sites(tmp_path / "sites.parquet", [site_row("chr1", 500, "A", "C")])
    loci.write_loci(plan_dir, scores, tmp_path)
    assert tables.read_json(tmp_path / loci.FILE) == {"flank": loci.FLANK, "loci": []}


@pytest.mark.bad_input
def test_a_locus_off_the_genome_and_one_that_no_model_answered_have_no_picture(tmp_path):
    plan_dir, _ = planned(tmp_path, GENOME, [snv_rows(GENOME, [500])])
    write_scores(plan_dir, tmp_path / "scores", "a", knows(0.7), status=lambda row: "MODEL_ERROR")
    scores = ScoreTables([tmp_path / "scores"], ["a"])
    off, silent = loci.pictures(plan_dir, scores, [{**locus(-1), "contig_index": -1}, locus(500)])
    assert off["bases"] == silent["bases"] == []
