"""Layouts of tables of scores: presets, texts, and what is refused."""

from math import log

import pytest

from gfmtrust.core.errors import BadDataError, UsageError
from gfmtrust.score_tables.layout import PRESETS, Meaning, parse


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_found_by_its_name(name):
    assert parse(name).name == name


@pytest.mark.parametrize(
    "text",
    [
        "chrom:1/pos:2/ref:3/alt:4/score:6/scale:log2",
        "chrom:c/pos:p/A:3/C:4/G:5/T:6/scale:probability/meaning:probabilities/header:yes",
        "scale:none/meaning:magnitude/damaging:high/info:AVI",
    ],
)
def test_the_text_of_a_layout_is_read_back(text):
    layout = parse(text)
    assert layout.text() == text
    assert parse(layout.text()) == layout


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("scale:nats", 1),
        ("scale:log2", log(2)),
        ("scale:log10", log(10)),
        ("scale:phred/damaging:high", -log(10) / 10),
        ("tokens:6", 6),
        ("scale:none/damaging:high", -1),
    ],
)
def test_scores_are_brought_to_nats_with_low_as_disfavoured(text, factor):
    assert parse(f"chrom:1/pos:2/ref:3/alt:4/score:5/{text}").factor == pytest.approx(factor)


def test_columns_are_found_by_number_and_by_name():
    layout = parse("chrom:1/pos:Pos/ref:3/alt:4/score:Raw")
    assert layout.indices(["Chrom", "Pos", "Ref", "Alt", "x", "Raw"], "t") == {
        "chrom": 0,
        "pos": 1,
        "ref": 2,
        "alt": 3,
        "score": 5,
    }


def test_only_ratios_and_probabilities_prefer_a_base():
    assert [one for one in Meaning if one.is_preference] == [
        Meaning.PREFERENCE,
        Meaning.PROBABILITIES,
    ]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpn-msa",
        "chrom:1/pos:2",
        "chrom:0/pos:1/ref:2/alt:3/score:4",
        "chrom:1/pos:2/ref:3/alt:4/score:0",
        "chrom:1/pos:2/ref:3/alt:4/score:" + "9" * 5000,
        "chrom:1/pos:2/ref:3/alt:4/score:5/scale:bels",
        "chrom:1/pos:2/ref:3/alt:4/score:5/meaning:good",
        "chrom:1/pos:2/ref:3/alt:4/score:5/score:6",
        "chrom:1/pos:2/ref:3/alt:4/score:5/scale:probability",
        "chrom:1/pos:2/ref:3/alt:4/score:5/tokens:none",
        "chrom:1/pos:2/A:3/C:4",
        "chrom:1/pos:2/A:3/C:4/G:5/T:6/meaning:magnitude",
        "chrom:1/pos:2/A:3/C:4/G:5/T:6/meaning:preference",
        "chrom:1/pos:2/A:3/C:4/G:5/T:6/damaging:high",
        "chrom:1/pos:2/A:3/C:4/G:5/T:6/scale:probability/damaging:high",
        "chrom:1/pos:2/ref:3/alt:4/score:",
        "chrom=1",
    ],
)
def test_what_is_no_layout_is_refused(text):
    with pytest.raises(UsageError, match="external_columns"):
        parse(text)


def test_a_phred_of_a_base_is_high_where_the_base_is_improbable():
    layout = parse("chrom:1/pos:2/A:3/C:4/G:5/T:6/scale:phred/damaging:high")
    assert layout.factor * 10 == pytest.approx(log(0.1))


@pytest.mark.bad_input
@pytest.mark.parametrize("header", [None, ["Chrom", "Pos", "Ref", "Alt", "PHRED"]])
def test_a_preset_that_does_not_fit_the_header_is_refused(header):
    with pytest.raises(BadDataError, match="layout cadd"):
        parse("cadd").indices(header, "scores.tsv.gz")
