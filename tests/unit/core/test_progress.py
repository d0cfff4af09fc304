"""Lines of long work, on a clock moved by hand."""

import pytest
from fake_genome import FakeGenome, genome_letters

from gfmtrust.baseline.fit import fit_model
from gfmtrust.core import progress
from gfmtrust.core.progress import Progress, duration


@pytest.fixture
def clock(monkeypatch):
    """The clock's seconds, in a list of one."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_half_minute_with_rate_and_time_left(clock, capsys):
    say = Progress("gpn", "sites", 20_000)
    for seconds, done in ((10, 700), (31, 6_200), (45, 9_000), (62, 12_400)):
        clock[0] = 100.0 + seconds
        say(done)
    assert capsys.readouterr().err.splitlines() == [
        "gpn: 6,200 of 20,000 sites, 200 sites/s, 69 s left",
        "gpn: 12,400 of 20,000 sites, 200 sites/s, 38 s left",
    ]


def test_the_end_is_told_where_something_was(clock, capsys):
    say = Progress("S1", "sites", 10)
    clock[0] += 40
    say(5)
    clock[0] += 1
    say(10)
    assert capsys.readouterr().err.splitlines()[-1] == "S1: 10 of 10 sites, 0.24 sites/s, 0 s left"


def test_short_work_is_quiet(clock, capsys):
    say = Progress("S1", "sites", 10)
    clock[0] += 5
    say(10)
    assert capsys.readouterr().err == ""


def test_without_a_total_there_is_no_time_left(clock, capsys):
    say = Progress("S1", "records")
    clock[0] += 50
    say(1_000_000)
    assert capsys.readouterr().err == "S1: 1,000,000 records, 20,000 records/s\n"


@pytest.mark.bad_input
def test_nothing_done_is_no_division_by_zero(clock, capsys):
    say = Progress("S1", "sites", 10)
    say(0)
    clock[0] += 50
    say(0)
    assert capsys.readouterr().err == "S1: 0 of 10 sites, 0 sites/s\n"


def test_a_note_ends_the_line(clock, capsys):
    say = Progress("gpn, shard_00000", "passes", 40_000)
    clock[0] += 40
    say(8_000, "batch 8")
    assert (
        capsys.readouterr().err
        == "gpn, shard_00000: 8,000 of 40,000 passes, 200 passes/s, 3 min left, batch 8\n"
    )


@pytest.mark.bad_input
def test_more_than_was_foreseen_leaves_nothing(clock, capsys):
    say = Progress("gpn", "passes", 100)
    clock[0] += 40
    say(400)
    assert capsys.readouterr().err == "gpn: 400 of 100 passes, 10 passes/s, 0 s left\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (119, "119 s"), (120, "2 min"), (3660, "61 min"), (12_600, "3.5 h")],
)
def test_durations_as_a_person_says_them(seconds, text):
    assert duration(seconds) == text


def test_a_long_fit_says_how_many_bases_it_has_counted(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS", -1)
    letters = genome_letters(0, 3_000)
    fit_model(FakeGenome(chr1=letters[:2_000], chr2=letters[2_000:]), sites=500)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" bases")[0] for line in lines] == [
        "context model: 2,000 of 3,000",
        "context model: 3,000 of 3,000",
    ]
