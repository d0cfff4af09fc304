"""Work in several processes: the order of the answers, errors, and processes that are killed."""

import os
import signal
import time

import pytest

from gfmtrust.core import children
from gfmtrust.core.errors import BadDataError, TransientError

pytestmark = pytest.mark.long
FACTOR = 1


def prepare(factor):
    global FACTOR
    FACTOR = factor


def slower_first(number):
    time.sleep(0.2 / (1 + number))
    return FACTOR * number


def refused(number):
    raise BadDataError(f"job {number}: no data; data; look")


def killed(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def left(number):
    os._exit(number)


def test_answers_come_in_the_order_of_the_jobs():
    assert list(children.answers(slower_first, range(4), 2, "here", prepare, (10,))) == [
        0,
        10,
        20,
        30,
    ]


def test_no_jobs_have_no_answers():
    assert list(children.answers(slower_first, [], 2, "here")) == []


def test_an_error_of_a_job_keeps_its_class_and_its_words():
    with pytest.raises(BadDataError, match="job 3"):
        list(children.answers(refused, [3, 3], 2, "here"))


@pytest.mark.parametrize(
    ("function", "words"),
    [(killed, "check_inputs: .*SIGKILL.*--cpus"), (left, "exit code 1")],
)
def test_a_process_that_ends_early_ends_the_work(function, words):
    started = time.monotonic()
    with pytest.raises(TransientError, match=words):
        list(children.answers(function, [1, 1, 1], 2, "check_inputs"))
    assert time.monotonic() - started < 120


def fails_to_start():
    raise OSError("no genome")


def test_a_process_that_cannot_start_ends_the_work():
    with pytest.raises(TransientError, match="exit code"):
        list(children.answers(slower_first, [1], 1, "here", fails_to_start))
