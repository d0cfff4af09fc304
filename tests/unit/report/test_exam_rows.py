"""The report's tables on the exam and on what carries a flag: numbers against slow counts, and words
for runs that lack what a table needs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hand_made_calibration import by_hand, certificate
from report_page import Page, words
from synthetic_run import fitted, make_run, site_row, vcf_counts, write_sites

from gfmtrust.annotate.meanings import FLAG_MEANING, REASONS
from gfmtrust.calibration.ladder import COPY, RUNGS, LadderRow
from gfmtrust.calibration.memorisation import MemoryVerdict
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.own_alleles import OwnAlleleRow, PopulationRow
from gfmtrust.calibration.record import ControlVerdict, RunCalibration, Withdrawal
from gfmtrust.calibration.run_background import BackgroundFacts
from gfmtrust.core.contracts.counts import FlagCalls
from gfmtrust.core.vocabulary import Rank, Why
from gfmtrust.report import exam_rows, figures, multiqc, sanity
from gfmtrust.report.exam_wording import verdict_lines
from gfmtrust.report.numbers import AlleleNumbers, allele_numbers
from gfmtrust.report.report import HTML, RunFiles, report

OWN = OwnAlleleRow("HIGH", "single_copy", 40, 9, 0.12, 0.36, 0.05, 2)


def counts(name, passed=(90, 10), mq=()):
    """counts.json of a file with 100 HIGH calls, of which `passed` pass FILTER and do not, and 100
    LOW ones, of which 80 pass."""
    calls = {
        "HIGH": FlagCalls(100, *passed, mq, ()),
        "LOW": FlagCalls(100, 80, 20, (), ()),
    }
    return replace(vcf_counts(name, 100, 0, 100, 0), calls=calls)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 101, 1000])
def test_the_median_and_its_interval_cover_as_order_statistics_do(n):
    rng = np.random.default_rng(n)
    values = np.sort(rng.integers(0, 60, n))
    result = sanity.median(
        dict(zip(*np.unique(values.astype(float), return_counts=True), strict=True))
    )
    low, high = (np.searchsorted(values, one, "left") for one in (result.low, result.high))
    assert result.value == values[(n - 1) // 2]
    assert result.n == n
    # at least 95 % of a binomial lies between the ranks, where n is large enough for any interval
    if n >= 10:
        ranks = np.arange(low + 1, np.searchsorted(values, result.high, "right") + 1)
        assert scipy.stats.binom.pmf(ranks - 1, n, 0.5).sum() >= 0.9
    assert low <= high


def test_calls_of_several_files_are_added_up():
    calls = sanity.calls_of(
        [counts("a", (90, 10), ((30.0, 3),)), counts("b", (1, 4), ((60.0, 4),))]
    )
    assert list(calls) == [Rank.HIGH, Rank.LOW]
    high = calls[Rank.HIGH]
    assert (high.alleles, high.passed.part, high.passed.n) == (200, 91, 105)
    assert (high.mq.n, high.mq.value, high.dp.n) == (7, 60.0, 0)
    expected = scipy.stats.binomtest(91, 105).proportion_ci(method="exact")
    assert (high.passed.low, high.passed.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("passed", "said"), [((90, 10), False), ((75, 25), False), ((40, 60), True), ((0, 0), False)]
)
def test_fewer_passes_than_low_are_named_beyond_the_interval(passed, said):
    lines = verdict_lines(by_hand(), sanity.calls_of([counts("a", passed)]), True)
    assert any("pass FILTER" in line for line in lines) == said


@pytest.mark.bad_input
def test_files_without_counts_by_flag_say_nothing():
    assert sanity.calls_of([vcf_counts("a", 1, 2, 3, 4)]) == {}
    assert sanity.suspicious({}) is None
    assert sanity.median({}).n == 0
    assert exam_rows.calls({}) == []


def test_facts_by_flag_agree_with_a_slow_count(tmp_path):
    rng = np.random.default_rng(4)
    classes = ("single_copy", "near_copy", "repeat_family", None)
    frequencies = (0.001, 0.3, 0.6, float("nan"))
    rows = [
        site_row(
            "c",
            i,
            "A",
            "C",
            rank=int(rng.integers(1, 4)),
            llr=float(rng.normal()),
            af=frequencies[rng.integers(4)],
            copy_class=classes[rng.integers(4)],
            copies=int(rng.integers(0, 3)),
            why=("PARALOG&LOW_REL", "LOW_REL", None, "SHIFT&PARALOG")[rng.integers(4)],
        )
        for i in range(400)
    ]
    write_sites(tmp_path / "sites.parquet", rows)
    facts = allele_numbers(tmp_path / "sites.parquet").facts
    for flag in (Rank.HIGH, Rank.MEDIUM, Rank.LOW):
        of_flag = [row for row in rows if row["rank"] == flag]
        assert facts.alleles[flag] == len(of_flag)
        assert facts.rare[flag] == sum(row["af"] < 0.01 for row in of_flag)
        assert facts.common[flag] == sum(row["af"] > 0.5 for row in of_flag)
        assert facts.with_af[flag] == sum(row["af"] == row["af"] for row in of_flag)
        assert facts.prefers_alt[flag] == sum(row["llr"] > 0 for row in of_flag)
        for name in classes[:3]:
            assert facts.copies[name][flag] == sum(row["copy_class"] == name for row in of_flag)
    paralogs = [row["pos"] for row in rows if row["why"] and "PARALOG" in row["why"]]
    assert facts.n_paralogs == len(paralogs) > sanity.SHOWN_PARALOGS
    assert [row["pos"] for row in facts.paralogs] == paralogs[: sanity.SHOWN_PARALOGS]


def test_rows_of_levels_state_what_was_withdrawn_and_why():
    calibration = by_hand(
        own_alleles=(OWN,),
        withdrawals=(Withdrawal("HIGH", "single_copy", "OWN_ALLELES", "9 of 40"),),
    )
    given, withdrawn = exam_rows.levels(calibration)
    assert (given["level"], given["state"]) == ("MEDIUM", "given")
    assert withdrawn["outcome"] == "withdrawn: OWN_ALLELES: 9 of 40"
    assert withdrawn["own"] == "9 / 40 (22.5%)"
    assert "contradicted" in withdrawn["own_lines"]
    assert exam_rows.own_by_level(calibration) == {}  # no reader meets a withdrawn flag


@pytest.mark.bad_input
def test_dozens_of_untested_cells_are_one_row_per_level_and_reason():
    names = [f"single_copy/{i}bp" for i in range(30)]
    cells = tuple(
        replace(certificate("HIGH", None, (name,)), tested=0, n_probes=i)
        for i, name in enumerate(names)
    )
    (row,) = exam_rows.levels(by_hand(certificates=cells))
    assert "25 further cells" in row["cell"]
    assert row["probe_lines"] == ["1 to 29 in each cell"]  # the cell without a probe is left out
    assert row["outcome"].startswith("not given: UNCERTIFIED")


@pytest.mark.bad_input
def test_controls_that_did_not_run_are_not_passed():
    external = by_hand(options=Options(digests={"precision": ["external"]}))
    assert {row[-1] for row in exam_rows.controls(external)} == {
        "not run: scores come from elsewhere"
    }
    ran = by_hand(
        controls=(
            ControlVerdict("permuted weights", 600, 0, 0, 0.5),
            ControlVerdict("shuffled windows", 600, 3, 0, 0.2),
        )
    )
    assert [row[-1].split(":")[0] for row in exam_rows.controls(ran)] == ["passed", "FAILED"]
    unanswered = by_hand(controls=(ControlVerdict("permuted weights", 0, 0, 0, None),))
    assert exam_rows.controls(unanswered)[0][-1] == "no probe answered"


def test_every_reason_has_its_row_the_commonest_first():
    numbers = AlleleNumbers()
    numbers.statuses["SCORED"] = 10
    numbers.reasons.update({"PARALOG": 3, "LOW_REL": 7})
    rows = exam_rows.reasons(numbers)
    assert {row[0] for row in rows} == {why.value for why in Why}
    assert [row[0] for row in rows[:2]] == ["LOW_REL", "PARALOG"]
    assert rows[0][1:] == (REASONS[Why.LOW_REL], "7", "70.0%")
    assert exam_rows.reasons(AlleleNumbers())[0][3] == "–"


@pytest.mark.bad_input
def test_what_is_missing_is_a_dash_and_never_nan():
    empty = PopulationRow("HIGH", 0, 0, 0, None, None, None, None, 0.0, 0.05)
    (row,) = exam_rows.population((empty,))
    assert (row["alt"], row["bias"], row["interval"]) == ("–", "–", "–")
    assert row["outcome"] == "not tested: 0 of 30"
    assert exam_rows.memory(by_hand()) is None
    unknown = exam_rows.memory(by_hand(memory=MemoryVerdict("not tested", 3)))
    assert unknown["facts"] == [("single-copy probes", "3")]
    assert exam_rows.percentile(None) is None
    facts = BackgroundFacts("probes", 0, (0.3, 0.5), (), (), 0, 0, ())
    assert exam_rows.percentile(facts)["rows"] == []
    nothing = exam_rows.flag_facts(AlleleNumbers().facts)
    assert {text for one in nothing for text in one["numbers"]} == {"0", "–"}


def test_the_ladder_is_drawn_with_one_line_per_rung():
    rows = tuple(LadderRow("near_copy", rung, 50, 0.25, 0.2, 0.3) for rung in RUNGS)
    assert figures.ladder_plot(rows).count("<circle") == 3
    assert exam_rows.ladder(rows)[2] == (f"near copy: {COPY}", "50", "25.0%", "20.0% to 30.0%")
    assert "<circle" not in figures.ladder_plot(())


def test_multiqc_has_the_own_alleles_by_level_and_cell():
    content = json.loads(multiqc.files([], by_hand(own_alleles=(OWN,)))[multiqc.OWN_ALLELES])
    assert content["data"] == {
        "HIGH single_copy": {
            "promised": 5.0,
            "wrong": 22.5,
            "low": 12.0,
            "high": 36.0,
            "n": 40,
            "outcome": "contradicted",
        }
    }
    assert multiqc.files([], by_hand()) == {}


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """The page of a run with an exam, a suspected memory and a level that was withdrawn."""
    folder = tmp_path_factory.mktemp("examined")
    folders = make_run(folder, skill=2.6)
    path = folders["calibration"] / "calibration.json"
    row = OwnAlleleRow("HIGH", "single_copy", 40, 9, 0.12, 0.36, 0.05, 2)
    replace(
        RunCalibration.read(path),
        own_alleles=(row,),
        withdrawals=(Withdrawal("HIGH", "single_copy", "OWN_ALLELES", "9 of 40 <miss> REF"),),
        population=(PopulationRow("MEDIUM", 3, 1, 9, 0.1, 0.2, 0.1, 0.3, 0.02, 0.2),),
        memory=MemoryVerdict("suspected", 900, 0.0, 0.1, 1.7, text="0.0% are wrong"),
        ladder=(LadderRow("near_copy", COPY, 50, 0.25, 0.2, 0.3),),
    ).write(path)
    counts("NA1", (40, 60), ((30.0, 100),)).write(folders["counts"][0])
    report(RunFiles(**folders), out_dir=folder / "out")
    return Page((folder / "out" / HTML).read_text())


def test_the_first_sentence_says_what_a_flag_is(examined):
    body = words(examined).split("gfmtrust report", 2)[-1].strip()
    assert body.startswith(FLAG_MEANING)


def test_the_page_has_what_the_exam_found(examined):
    text = words(examined)
    for part in (
        "HIGH is withdrawn in single_copy (OWN_ALLELES): 9 of 40 <miss> REF.",
        "MEMORISED? 0.0% are wrong",
        "not tested: 3 of 30",
        "not run",
        "pass FILTER (40.0% (40 of 100;",
        "30 (30 to 30)",
        "PARALOG",
    ):
        assert part in text, part
    assert "nan" not in text.split()
    assert not [tag for tag, _ in examined.tags if tag in ("script", "miss")]


def test_a_run_without_an_exam_says_so(tmp_path):
    folders = make_run(tmp_path, n_sites=30)
    report(RunFiles(**folders), out_dir=tmp_path / "out")
    text = words(Page((tmp_path / "out" / HTML).read_text()))
    assert "Memory was not examined in this run." in text
    assert "No background of the percentile is at hand" in text
    assert fitted()[0].memory is None
