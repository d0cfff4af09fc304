"""Which SNVs the exam looks at, and probes that are like them."""

import warnings
from collections import Counter
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hand_made_calibration import allele, by_hand
from own_snvs_by_hand import OwnSnvsByHand
from scipy.stats import ks_2samp

from gfmtrust.calibration import own_snvs
from gfmtrust.calibration.own_snvs import OwnSnvs, probes_like, thinned_snvs
from gfmtrust.calibration.probe_tables import PermutedAlts
from gfmtrust.io import tables


def names(**counts: int) -> np.ndarray:
    return np.array([name for name, n in counts.items() for _ in range(n)], object)


def test_probes_like_the_run_have_the_shares_of_its_cells():
    of_probes = names(cpg=500, transition=500, transversion=500)
    rows = probes_like(names(cpg=100, transition=600, transversion=300), of_probes)
    assert Counter(of_probes[rows]) == {"transition": 500, "transversion": 250, "cpg": 83}
    assert rows.tolist() == sorted(set(rows.tolist()))
    spread = rows[of_probes[rows] == "cpg"]
    assert spread[0] == 0  # from end to end of the genome, not its first part
    assert spread[-1] == 499


def test_the_scarcest_cell_sets_the_number():
    of_probes = names(a=1000, b=10)
    assert Counter(of_probes[probes_like(names(a=50, b=50), of_probes)]) == {"a": 10, "b": 10}


def test_cells_of_less_than_one_in_a_hundred_and_those_without_a_probe_are_left_out():
    of_probes = names(a=100, b=5, c=100)
    kept = of_probes[probes_like(names(a=500, b=4, moon=100), of_probes)]
    assert Counter(kept) == {"a": 100}


@pytest.mark.bad_input
@pytest.mark.parametrize("cells", [names(), names(**{"": 40}), names(moon=40)])
def test_a_run_that_is_like_no_probe_is_compared_with_all(cells):
    assert probes_like(cells, names(a=3, b=4)).tolist() == list(range(7))


@pytest.mark.bad_input
def test_no_probes_are_like_nothing():
    assert probes_like(names(a=3), names()).tolist() == []


def test_the_shift_test_compares_snvs_by_the_cells_of_the_genome_not_of_a_bed_file():
    rows = [
        allele(mutation_class="cpg", region_class="exons"),
        allele(mutation_class="transition"),
        allele(llr=np.nan, copy_class=None),
    ]
    run_snvs = OwnSnvsByHand(rows, af=[0.1, 0.2, 0.3], an=[0, 20, 30])
    assert run_snvs.cells().tolist() == ["single_copy/cpg", "single_copy/transition", ""]
    flagged = run_snvs.flagged(by_hand())
    assert flagged.stratum.tolist() == ["single_copy/cpg", "single_copy/transition"]
    assert (flagged.af.tolist(), flagged.an.tolist()) == ([0.1, 0.2], [0, 20])


def test_the_surprisal_is_the_context_models_and_missing_without_an_answer():
    assert OwnSnvsByHand([allele(), allele(local_surprisal=np.nan)]).surprisal()[0] == 1.7
    assert OwnSnvsByHand([]).surprisal().tolist() == []


def plan_of(tmp_path, rows: list[dict]):
    """A plan of those alleles and no variants."""
    keys = {"contig_index": pa.int32(), "pos": pa.int64(), "ref": pa.string(), "alt": pa.string()}
    further = {"status": pa.string(), "var_pos": pa.int64(), "af": pa.float32(), "an": pa.int32()}
    further |= {"var_ref": pa.string(), "var_alt": pa.string()}
    schema = pa.schema(list((keys | further).items()))
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "alleles.parquet")
    pq.write_table(pa.schema(list(keys.items())).empty_table(), tmp_path / "variants.parquet")
    return tmp_path


def row_of(pos: int, **changed) -> dict:
    return {
        "contig_index": 0,
        "pos": pos,
        "ref": "A",
        "alt": "C",
        "status": "SCORED",
        "var_pos": -1,
        "var_ref": "",
        "var_alt": "",
        "af": 0.25,
        "an": 40,
    } | changed


def padded_row(pos: int, ref: str, alt: str, at: int, **changed) -> dict:
    """An SNV that is written with further letters. at: index of the letter that differs."""
    snv = {"var_pos": pos + at, "var_ref": ref[at], "var_alt": alt[at]}
    return row_of(pos, ref=ref, alt=alt, **snv, **changed)


def test_only_scored_snvs_are_examined(tmp_path):
    rows = [
        row_of(1),
        row_of(2, status="REF_MISMATCH"),
        row_of(3, ref="AC", alt="A", var_pos=4, var_ref="C"),
        row_of(4, alt="A"),
        row_of(5, alt="G"),
    ]
    run_snvs = OwnSnvs(plan_of(tmp_path, rows), None)
    assert run_snvs.alleles["pos"].tolist() == [1, 5]
    assert run_snvs.alleles["an"].tolist() == [40, 40]
    assert run_snvs.cells().tolist() == ["", ""]  # no shard was read yet


def test_an_snv_is_examined_once_however_it_is_written(tmp_path, monkeypatch):
    """`CA>CT` was flagged like `A>T` and yet not among the own alleles of the exam."""
    rows = [
        padded_row(1, "CCA", "CCG", 2, an=2),  # also written plainly, in another file
        padded_row(2, "CA", "CT", 1, af=0.5),
        row_of(3, alt="G", an=6),
        row_of(3, alt="GT", var_pos=3),  # not an SNV
        padded_row(3, "AC", "TC", 0),  # the same as CA>CT one base before
        padded_row(3, "AC", "GC", 0, status="REF_MISMATCH"),
        padded_row(4, "CG", "CT", 1),
        padded_row(6, "CA", "CA", 0),  # no change, and yet an own SNV that went wrong
        row_of(9),
    ]
    expected = [(3, "A", "G", 0.25, 6), (3, "A", "T", 0.5, 40), (5, "G", "T", 0.25, 40)]
    expected.append((9, "A", "C", 0.25, 40))
    batches = tables.batches
    for size in (1, 3, 1000):
        monkeypatch.setattr(tables, "batches", partial(batches, rows=size))
        thinned = thinned_snvs(plan_of(tmp_path, rows), 100, "af", "an")
        columns = thinned[["pos", "ref", "alt", "af", "an"]]
        assert list(columns.itertuples(index=False, name=None)) == expected
        assert len(thinned_snvs(tmp_path, 3)) <= 3
        assert len(thinned_snvs(tmp_path, 1)) == 1


def test_more_snvs_than_the_exam_takes_are_thinned_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(own_snvs, "MAX_SNVS", 10)
    run_snvs = OwnSnvs(plan_of(tmp_path, [row_of(pos) for pos in range(25)]), None)
    assert run_snvs.alleles["pos"].tolist() == list(range(0, 25, 3))


@pytest.mark.parametrize(("n", "most"), [(0, 4), (1, 1), (7, 3), (23, 5), (40, 40), (41, 40)])
def test_snvs_are_thinned_alike_however_the_table_is_read(tmp_path, monkeypatch, n, most):
    rows = [row_of(pos, status="SCORED" if pos % 3 else "UNSUPPORTED") for pos in range(n)]
    plan_dir, batches = plan_of(tmp_path, rows), tables.batches
    scored = [row["pos"] for row in rows if row["status"] == "SCORED"]
    expected = scored[:: max(1, -(-len(scored) // most))]
    for size in (1, 4, 1000):
        monkeypatch.setattr(tables, "batches", partial(batches, rows=size))
        thinned = thinned_snvs(plan_dir, most, "af")
        assert thinned["pos"].tolist() == expected
        assert thinned.index.tolist() == list(range(len(expected)))
        assert list(thinned.columns) == ["contig_index", "pos", "ref", "alt", "af"]


@pytest.mark.bad_input
def test_alts_without_a_score_leave_nothing_to_compare(tmp_path):
    """A table of single alleles has none for the ALT of another allele."""
    alts = PermutedAlts(plan_of(tmp_path, [row_of(1), row_of(2, alt="G")]), seed=1)
    alts._parts.append([np.array([-1.0, -2.0]), np.full(2, np.nan)])
    assert alts.distance() is None


def test_the_distance_is_that_of_scipy_without_its_p_value(tmp_path):
    """With one SNV scipy divided by zero for the p-value, which nobody asked for, and a warning of
    Python stood in the log."""
    alts = PermutedAlts(plan_of(tmp_path, [row_of(1)]), seed=1)
    alts._parts = [[np.array([-1.0]), np.array([-1.0])]]
    with warnings.catch_warnings(action="error"):
        assert alts.distance() == 0
    real, arbitrary = np.random.default_rng(3).normal(size=(2, 90)).round(1)
    alts._parts = [[real, arbitrary]]
    assert alts.distance() == ks_2samp(real, arbitrary, method="asymp").statistic


@pytest.mark.bad_input
def test_a_run_without_alleles_has_nothing_to_examine(tmp_path):
    run_snvs = OwnSnvs(plan_of(tmp_path, []), None)
    assert len(run_snvs.flagged(by_hand())) == 0
    assert run_snvs.surprisal().tolist() == []
