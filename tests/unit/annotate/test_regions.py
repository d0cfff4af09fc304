"""Regions: what a line's bases say together, and the BED that comes back."""

import dataclasses
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pysam
import pytest
from synthetic_run import base_rows, write_bases, write_calibration

from gfmtrust.annotate.region_summary import (
    MEASURED,
    NUMBERS,
    Levels,
    commonest_status,
    numbers,
    region_error_bound,
    region_flag,
    summarise,
    typical_rank,
)
from gfmtrust.annotate.regions import COLUMNS, annotate_regions, texts
from gfmtrust.core.errors import BadDataError, CannotWriteError, MissingInputError, UsageError
from gfmtrust.core.vocabulary import Rank, Status, Why
from gfmtrust.io import tables

BOTH = Levels({Rank.HIGH: 0.05, Rank.MEDIUM: 0.20}, 0.05, frozenset({Rank.HIGH, Rank.MEDIUM}))
NONE = Levels({Rank.HIGH: 0.05, Rank.MEDIUM: 0.20}, 0.05, frozenset())


def columns(rows):
    return {
        name: np.array(
            [row[name] for row in rows],
            bool if name == "wrong" else object if name == "status" else float,
        )
        for name in MEASURED
    }


def binomial_bound(errors, n, delta):
    """The bound by bisection on the binomial sum: the largest p at which so few errors still happen
    with chance delta."""
    from math import comb

    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        chance = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(errors + 1))
        low, high = (p, high) if chance > delta else (low, p)
    return low


@pytest.mark.parametrize(
    ("errors", "n"), [(0, 590), (0, 200), (30, 1000), (31, 1000), (1, 605), (200, 400)]
)
def test_bound_counts_one_base_in_ten(errors, n):
    assert region_error_bound(errors, n, 0.05) == pytest.approx(
        binomial_bound(-(-errors // 10), n // 10, 0.05), abs=1e-9
    )


@pytest.mark.parametrize(("errors", "n"), [(0, 0), (0, 9), (5, 9), (100, 100), (95, 99)])
def test_bound_is_one_where_nothing_is_known(errors, n):
    assert region_error_bound(errors, n, 0.05) == 1


@pytest.mark.parametrize(
    ("ranks", "typical"),
    [
        ([3], 3),
        ([1, 3], 1),
        ([3, 3, 1], 3),
        ([1, 2, 3, 3], 2),
        ([1, 1, 3, 3], 1),
        ([2, 2, 2, 3], 2),
    ],
)
def test_typical_rank_is_carried_by_more_than_half(ranks, typical):
    assert typical_rank(np.array(ranks)) == typical
    assert sum(rank >= typical for rank in ranks) > len(ranks) / 2


def test_commonest_status_prefers_the_first_in_precedence_on_ties():
    assert commonest_status(Counter(["NONFINITE", "AMBIGUOUS_BASE"])) == Status.AMBIGUOUS_BASE
    assert (
        commonest_status(Counter(["NONFINITE", "NONFINITE", "AMBIGUOUS_BASE"])) == Status.NONFINITE
    )


@pytest.mark.parametrize(
    ("typical", "errors", "n", "levels", "rank", "why"),
    [
        (Rank.HIGH, 0, 600, BOTH, Rank.HIGH, ()),
        (
            Rank.HIGH,
            0,
            580,
            BOTH,
            Rank.MEDIUM,
            (Why.LOW_REL,),
        ),  # 58 independent bases without an error do not certify 5 %
        (Rank.HIGH, 60, 600, BOTH, Rank.MEDIUM, (Why.LOW_REL,)),
        (Rank.HIGH, 300, 600, BOTH, Rank.LOW, (Why.LOW_REL,)),
        (Rank.HIGH, 0, 199, BOTH, Rank.MEDIUM, (Why.UNCERTIFIED,)),
        (Rank.MEDIUM, 0, 199, BOTH, Rank.MEDIUM, (Why.LOW_REL,)),
        (Rank.MEDIUM, 0, 2000, BOTH, Rank.MEDIUM, (Why.LOW_REL,)),
        (Rank.LOW, 0, 2000, BOTH, Rank.LOW, (Why.LOW_REL,)),
        (Rank.LOW, 0, 2000, NONE, Rank.LOW, (Why.UNCERTIFIED,)),
    ],
)
def test_region_flag(typical, errors, n, levels, rank, why):
    assert region_flag(typical, errors, n, levels) == (rank, why)


def test_summary_of_a_sound_region():
    summary = summarise(
        600, columns(base_rows("c", 0, 600)), Status.OUT_OF_RANGE, BOTH, shift=False
    )
    assert (summary.rank, summary.status, summary.why) == (Rank.HIGH, Status.SCORED, ())
    assert summary.numbers == {
        "entropy": 1.0, "entropy_p25": 1.0, "entropy_p50": 1.0, "entropy_p75": 1.0, "near_uniform_share": 0.0, "gain": 0.125,
        "disagreement": 0.25, "strand_jsd": 0.0625, "surprisal": 1.5, "nll": pytest.approx(600 * 1.5 * np.log(2)), "reliability": 0.75,
        "certified_share": 1.0, "high_share": 1.0,
    }  # fmt: skip
    assert summary.scored_share == 1.0


def test_numbers_are_those_of_the_scored_bases():
    rng = np.random.default_rng(4)
    rows = base_rows("c", 0, 90) + base_rows("c", 90, 10, status="AMBIGUOUS_BASE")
    for row in rows[:90]:
        row |= {
            "ent": rng.choice([1.2, 1.85, 1.949, 1.95, 2.0]),
            "rank": int(rng.integers(1, 4)),
            "gain": float("nan"),
        }
    summary = summarise(100, columns(rows), Status.OUT_OF_RANGE, BOTH, shift=False).numbers
    ent, rank = (np.array([row[name] for row in rows[:90]]) for name in ("ent", "rank"))
    assert summary["entropy"] == pytest.approx(ent.mean(), abs=1e-12)
    assert [summary[f"entropy_p{share}"] for share in (25, 50, 75)] == pytest.approx(
        np.percentile(ent, [25, 50, 75]), abs=1e-12
    )
    assert summary["near_uniform_share"] == np.mean([value >= 1.95 for value in ent])
    assert (summary["certified_share"], summary["high_share"]) == (
        np.mean(rank >= 2),
        np.mean(rank == 3),
    )
    assert np.isnan(summary["gain"])
    assert list(summary) == list(NUMBERS)


@pytest.mark.bad_input
def test_nothing_scored_has_no_numbers():
    assert set(map(np.isnan, numbers(columns([])).values())) == {np.True_}


def test_scores_on_their_own_scale_have_no_decoy_errors():
    """A magnitude prefers no base: every LLR of a decoy would count as an error."""
    levels = dataclasses.replace(NONE, of_decoys=False)
    rows = columns(base_rows("c", 0, 600, rank=1))
    rows["wrong"] = np.ones(600, bool)
    summary = summarise(600, rows, Status.OUT_OF_RANGE, levels, shift=False)
    assert (summary.rank, summary.errors) == (Rank.LOW, None)
    assert np.isnan(summary.error_bound)
    values = dict(zip(COLUMNS, texts(summary), strict=True))
    assert (values["decoy_errors"], values["decoy_error_bound"]) == (".", ".")


def test_shift_is_the_only_reason():
    summary = summarise(
        600, columns(base_rows("c", 0, 600, rank=1)), Status.OUT_OF_RANGE, BOTH, shift=True
    )
    assert (summary.rank, summary.why) == (Rank.LOW, (Why.SHIFT,))


@pytest.mark.bad_input
def test_too_few_scored_bases_give_the_commonest_reason():
    rows = base_rows("c", 0, 79) + base_rows("c", 79, 15, status="AMBIGUOUS_BASE")
    summary = summarise(100, columns(rows), Status.OUT_OF_RANGE, BOTH, shift=False)
    assert (summary.rank, summary.status, summary.scored_bases) == (
        Rank.NOT_SCORED,
        Status.AMBIGUOUS_BASE,
        79,
    )
    summary = summarise(99, columns(rows[:79]), Status.OUT_OF_RANGE, BOTH, shift=False)
    assert (summary.rank, summary.status) == (Rank.NOT_SCORED, Status.OUT_OF_RANGE)
    summary = summarise(98, columns(rows[:79]), Status.OUT_OF_RANGE, BOTH, shift=False)
    assert summary.rank == Rank.MEDIUM  # 79 of 98 is more than 80 %


@pytest.mark.bad_input
def test_a_region_of_no_length_is_out_of_range():
    summary = summarise(0, columns([]), Status.NO_CONTIG, BOTH, shift=False)
    assert (summary.rank, summary.status) == (Rank.NOT_SCORED, Status.OUT_OF_RANGE)


BED = (
    b"# by hand\ntrack name=x\nchr1\t100\t700\tone\t0\t+\nchr1\t0\t50\ttwo\t0\t-\nchr1\t650\t800\tthree\t.\t.\nchrX\t5\t9\tfour\t.\t.\n"
    b"chr1\t300\t300\tfive\t.\t.\nchr1\t100\t700\tone again\t0\t+\r\nchr1\t100\t102\tlast\t.\t."
)


@pytest.fixture
def run(tmp_path):
    write_bases(tmp_path / "bases.parquet", base_rows("chr1", 100, 600))
    write_calibration(tmp_path / "calibration.json", skill=2.6)
    (tmp_path / "r.bed").write_bytes(BED)
    return tmp_path


def annotated(run, **options):
    counts = annotate_regions(
        run / "r.bed",
        "r",
        run / "bases.parquet",
        run / "calibration.json",
        run / "r.gfm.bed.gz",
        **options,
    )
    with pysam.BGZFile(str(run / "r.gfm.bed.gz")) as file:
        return counts.to_dict(), file.read()


def test_every_line_comes_back_in_order_with_our_columns(run):
    counts, text = annotated(run)
    lines = [line for line in text.split(b"\n") if not line.startswith(b"#gfmtrust")]
    plain = [
        b"\t".join(line.split(b"\t")[:6]) + (b"\r" if line.endswith(b"\r") else b"")
        if b"\t" in line
        else line
        for line in lines
    ]
    assert b"\n".join(plain) == BED + b"\n"
    rows = [
        dict(zip(COLUMNS, line.decode().split("\t")[6:], strict=True))
        for line in lines
        if b"\t" in line
    ]
    assert rows[0] == {
        "length_bp": "600", "scored_bases": "600", "scored_share": "1", "entropy": "1", "entropy_p25": "1", "entropy_p50": "1",
        "entropy_p75": "1", "near_uniform_share": "0", "gain": "0.125", "disagreement": "0.25", "strand_jsd": "0.0625", "surprisal": "1.5",
        "nll": "623.8325", "reliability": "0.75", "certified_share": "1", "high_share": "1", "decoy_errors": "0",
        "decoy_error_bound": "0.0487", "rank": "3", "flag": "HIGH", "status": "SCORED", "why": ".",
    }  # fmt: skip
    assert {**rows[5], "why": "."} == rows[0]  # the line ending in CR: ours stand before it
    assert rows[5]["why"] == ".\r"
    assert [row["status"].strip() for row in rows] == [
        "SCORED",
        *["OUT_OF_RANGE"] * 2,
        "NO_CONTIG",
        "OUT_OF_RANGE",
        "SCORED",
        "SCORED",
    ]
    assert [row["rank"] for row in rows] == ["3", "0", "0", "0", "0", "3", "2"]
    assert rows[3]["entropy"] == rows[3]["flag"] == rows[3]["decoy_error_bound"] == "."
    assert counts["ranks"] == {"NOT_SCORED": 4, "LOW": 0, "MEDIUM": 1, "HIGH": 2}
    assert counts["intervals"] == 7
    assert counts["carried"] == 2
    assert tables.read_json(run / "r.counts.json") == counts


def test_two_runs_are_byte_identical(run):
    assert annotated(run) == annotated(run, force=True)


def test_contig_names_are_mapped_where_the_run_maps_them(run):
    (run / "r.bed").write_text("1\t100\t700\n2\t100\t700\n")
    write_bases(run / "bases.parquet", base_rows("chr1", 100, 600), contig_map={"1": "chr1"})
    assert annotated(run)[0]["statuses"] == {"NO_CONTIG": 1, "SCORED": 1}


def test_an_empty_bed_and_no_bases(run):
    (run / "r.bed").write_text("# nothing\n")
    write_bases(run / "bases.parquet", [])
    counts, text = annotated(run)
    assert text.startswith(b"# nothing\n#gfmtrust research use only")
    assert counts["intervals"] == 0
    assert counts["mean_entropy"] is None


def test_a_useless_model_gets_no_region(run):
    write_calibration(run / "calibration.json", skill=0.0, n=1200)
    write_bases(run / "bases.parquet", base_rows("chr1", 100, 600, rank=1, n_wrong=300))
    counts, text = annotated(run)
    assert counts["ranks"]["LOW"] == 3
    assert text.count(b"\tLOW\tSCORED\tUNCERTIFIED") == 3


@pytest.mark.bad_input
def test_refusals(run):
    annotated(run)
    with pytest.raises(CannotWriteError):
        annotated(run)
    with pytest.raises(MissingInputError):
        annotate_regions(
            run / "absent.bed",
            "r",
            run / "bases.parquet",
            run / "calibration.json",
            run / "o.bed.gz",
        )
    with pytest.raises(MissingInputError):
        annotate_regions(
            run / "r.bed", "r", run / "absent.parquet", run / "calibration.json", run / "o.bed.gz"
        )
    (run / "bad.bed").write_text("chr1\t9\t3\n")
    with pytest.raises(BadDataError, match="line 1"):
        annotate_regions(
            run / "bad.bed", "r", run / "bases.parquet", run / "calibration.json", run / "o.bed.gz"
        )
    facts = run / "bases.parquet", run / "calibration.json"
    with pytest.raises(UsageError, match="^--name: '../r'"):
        annotate_regions(run / "r.bed", "../r", *facts, run / "o.bed.gz")
    assert not (run / "o.bed.gz").exists()


@pytest.mark.slow
@pytest.mark.bad_input
def test_ten_million_lines_in_bounded_memory(run):
    """Unsorted, overlapping, some of no length and many outside the scored bases: 4 GB and, on one
    core, two hours."""
    rng = np.random.default_rng(8)
    with open(run / "many.bed", "w") as file:
        for _ in range(100):
            start, length = rng.integers(0, 900, 100_000), rng.integers(0, 30, 100_000)
            file.write(
                "".join(
                    f"chr1\t{a}\t{a + n}\n"
                    for a, n in zip(start.tolist(), length.tolist(), strict=True)
                )
            )
    given = [
        "--bed",
        "many.bed",
        "--name",
        "many",
        "--bases",
        "bases.parquet",
        "--calibration",
        "calibration.json",
        "--out",
        "many.gfm.bed.gz",
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "gfmtrust.cli.main", "annotate_regions", *given],
        cwd=run,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    assert used.ru_maxrss < 4 << 20  # in KiB
    assert used.ru_utime + used.ru_stime < 7_200
    assert tables.read_json(run / "many.counts.json")["intervals"] == 10_000_000


def test_a_region_judged_by_likelihoods_alone_has_a_flag_and_no_entropy():
    rows = base_rows("c", 0, 400)
    said = columns(rows) | {
        name: np.full(len(rows), np.nan)
        for name in ("ent", "dis", "gain", "strand_jsd", "surprisal")
    }
    said["rank"] = np.minimum(said["rank"], Rank.MEDIUM)
    summary = summarise(400, said, Status.OUT_OF_RANGE, BOTH, False)
    assert summary.rank <= Rank.MEDIUM
    assert Why.NO_DISTRIBUTION in summary.why
    missing = {name for name, value in summary.numbers.items() if np.isnan(value)}
    assert missing == {
        name for name in NUMBERS if name not in ("reliability", "certified_share", "high_share")
    }
