"""legend.json describes every key, flag, reason and status that a VCF of ours can hold."""

import json

import pytest
from hand_made_calibration import by_hand

from gfmtrust.annotate.legend import FILE, THRESHOLDS, legend, write_legend
from gfmtrust.annotate.meanings import COLOURS, FLAGS, REASONS, STATUSES
from gfmtrust.calibration.record import Withdrawal
from gfmtrust.core import documents
from gfmtrust.core.columns import INFO_KEYS
from gfmtrust.core.vocabulary import Basis, Rank, Status, Why
from gfmtrust.report.track_list import LEVEL_COLOURS


def test_every_key_is_described_in_the_order_of_the_header():
    keys = legend(by_hand())["keys"]
    assert [(key["key"], key["type"], key["meaning"]) for key in keys] == [
        (info.id, info.type, info.description) for info in INFO_KEYS
    ]
    assert set(THRESHOLDS) <= {key["key"] for key in keys}


@pytest.mark.parametrize(
    ("key", "vocabulary"),
    [("GFM_WHY", Why), ("GFM_STATUS", Status), ("GFM_BASIS", Basis), ("GFM_RANK", Rank)],
)
def test_every_value_is_described(key, vocabulary):
    entry = next(one for one in legend(by_hand())["keys"] if one["key"] == key)
    assert {row["value"] for row in entry["values"]} == {one.value for one in vocabulary}
    assert all(row["meaning"] for row in entry["values"])


def test_nothing_of_the_vocabulary_lacks_a_meaning():
    assert set(REASONS) == set(Why)
    assert set(STATUSES) == set(Status)
    assert set(FLAGS) == set(COLOURS) == set(Rank)


def test_colours_are_those_of_the_tracks():
    assert {
        rank: tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
        for rank, colour in COLOURS.items()
    } == LEVEL_COLOURS


def test_thresholds_are_those_of_the_run():
    content = legend(by_hand())
    assert {row["flag"]: row["promised_error"] for row in content["flags"]} == {
        "HIGH": 0.05,
        "MEDIUM": 0.2,
        "LOW": None,
        "NOT_SCORED": None,
    }
    assert [(row["level"], row["reliability_from"]) for row in content["cut_offs"]] == [
        ("HIGH", 0.9),
        ("MEDIUM", 0.7),
    ]


@pytest.mark.bad_input
def test_a_withdrawn_level_is_not_offered():
    content = legend(by_hand(withdrawals=(Withdrawal("HIGH", "", "MEMORISED", "a sign"),)))
    given = {row["flag"]: row["given_in_this_run"] for row in content["flags"]}
    assert (given["HIGH"], given["MEDIUM"]) == (False, True)
    assert [row["level"] for row in content["cut_offs"]] == ["MEDIUM"]


def test_the_file_is_plain_json_and_the_same_twice(tmp_path):
    write_legend(by_hand(), tmp_path)
    first = (tmp_path / FILE).read_bytes()
    write_legend(by_hand(), tmp_path)
    assert (tmp_path / FILE).read_bytes() == first
    assert documents.read_json(tmp_path / FILE) == json.loads(json.dumps(legend(by_hand())))
    assert b"NaN" not in first
