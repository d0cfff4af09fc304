"""Every text of one table of hostile texts in every sink that takes a text of a user, a file or a
model: pages, pictures, XML, tables and lines. A sink shows it as words, or refuses it."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hand_made_calibration import by_hand
from hostile_texts import CONTROLS, HOSTILE
from synthetic_run import vcf_counts

from gfmtrust.audit import figures, page
from gfmtrust.core import documents, names
from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured, Statistic
from gfmtrust.core.errors import GfmtrustError
from gfmtrust.core.warning_counts import WarningCounts, shown
from gfmtrust.report import igv_session, multiqc
from gfmtrust.report.chart import Chart, Stroke
from gfmtrust.validation.benchmark.score_table.figures import SCOPES, auroc_plot

pytestmark = pytest.mark.bad_input
HALF = "lone surrogate"
"""No JSON with it is read, so that no page meets it: see `test_half_of_a_character`."""
shown_text = pytest.mark.parametrize(
    "text",
    [text for name, text in HOSTILE.items() if name != HALF],
    ids=[name for name in HOSTILE if name != HALF],
)
each_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


class Shape(HTMLParser):
    """The tags of a page in order, each with the names of its attributes, and its comments."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.comments = [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data):
        self.comments += 1


def audit_of(text: str) -> Audit:
    rows = tuple(
        Statistic(text, 0.5, 0.4, 0.6, 0.1, 9, unit=text, series=text, x=float(x)) for x in (1, 2)
    )
    measured = Measured("bits", "model", text, text, text, text, text, "", rows)
    not_run = Measured("cost", "model", text, text, text, text, "", text, ())
    model = AuditedModel(text, text, "0" * 64, 12, 5)
    return Audit(model, (text, "b"), text, "0" * 32, 1, text, 2, 3.0, (measured, not_run), (text,))


PAGES = {
    "audit": lambda text: page.html(audit_of(text)),
    "league of audits": lambda text: page.league_html([audit_of(text), audit_of("b")]),
}


@shown_text
@pytest.mark.parametrize("sink", PAGES)
def test_a_page_has_the_same_tags_whatever_a_text_says(sink, text):
    plain, hostile = Shape(PAGES[sink]("word")), Shape(PAGES[sink](text))
    assert hostile.tags == plain.tags
    assert hostile.comments == plain.comments


def chart_of(text: str) -> str:
    chart = Chart((0, 1), (0, 1), text, text)
    chart.level(0.5, Stroke(), text)
    return str(chart.drawn())


PICTURES = {
    "chart": chart_of,
    "rows of an audit": lambda text: figures.rows_plot(
        [Statistic(text, 0.5, 0.4, 0.6, 0.1, 9)], text
    ),
    "lines of an audit": lambda text: figures.lines_plot(
        [Statistic(text, 0.5, 0.4, 0.6, 0.1, 9, series=text, x=float(x)) for x in (1, 2)],
        text,
        text,
        False,
    ),
    "models of a benchmark": lambda text: auroc_plot(
        [
            {"scorer": text, "class": scope, "auroc": 0.7, "auroc_low": 0.6, "auroc_high": 0.8}
            for scope in SCOPES
        ]
    ),
}


@each_text
@pytest.mark.parametrize("sink", PICTURES)
def test_a_picture_has_the_same_tags_whatever_a_text_says(sink, text):
    plain, hostile = Shape(str(PICTURES[sink]("word"))), Shape(str(PICTURES[sink](text)))
    assert hostile.tags == plain.tags
    assert hostile.comments == plain.comments


@each_text
def test_a_session_of_igv_is_well_formed_and_opens_at_the_contig(tmp_path, text):
    path = igv_session.write_session(tmp_path, [], [(text, 900)], "hg38", (0, 5))
    session = ElementTree.fromstring(path.read_bytes())
    assert {one.tag for one in session.iter()} <= {"Session", "Resources", "Panel"}
    locus = session.get("locus")
    assert locus in (None, "All", f"{text}:6-505")


@each_text
def test_a_table_of_multiqc_is_json_without_markup(text):
    for content in multiqc.files([vcf_counts(text, 1, 1, 1, 1)], by_hand()).values():
        json.loads(content)
        assert "<" not in content


@each_text
def test_a_line_of_a_log_stays_one_line_without_commands(text):
    counts = WarningCounts()
    counts.add(shown(text), shown(text))
    for line in (shown(text), shown(text.encode("utf-8", "surrogatepass")), *counts.lines()):
        assert not CONTROLS & set(line)
        line.encode()


@each_text
def test_no_such_text_is_a_name_of_a_file_or_a_word_of_a_command(text):
    with pytest.raises(GfmtrustError) as caught:
        names.check(text, "s.csv row 2")
    assert not CONTROLS & set(str(caught.value))
    assert names.fits(names.of_file(f"x{text}.vcf", names.VCF_ENDING))


@each_text
def test_an_assembly_with_other_characters_is_refused(tmp_path, text):
    with pytest.raises(GfmtrustError) as caught:
        igv_session.write_session(tmp_path, [], [("c", 900)], text, (0, 5))
    assert not CONTROLS & set(str(caught.value))


@pytest.mark.parametrize("text", ['"a\\ud800"', '{"\\uDFFF": 1}', '[["\\uDC00\\ud83d"]]'])
def test_half_of_a_character_in_a_json_file_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(GfmtrustError, match=r"x\.json: no JSON"):
        documents.read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text('{"a": "\\ud83d\\ude00 \\\\ud800"}')
    assert documents.read_json(tmp_path / "x.json") == {"a": "\U0001f600 \\ud800"}
