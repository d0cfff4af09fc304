"""Docstrings and comments cite the pages of this repository by heading, so that a reader finds the
place, and never by a number, which no page has."""

import re

import pytest
from paths import ROOT

FOLDERS = ("python/gfmtrust", "tests", "dev", "benchmarks", "training", "bin")
LINE_BREAK = re.compile(r"\s*\n\s*(?:#\s*)?")
NUMBERED = re.compile(r"\b([\w/]+\.md),? (?:sections? )?\d")
CITED = re.compile(r'\b(docs/[\w/]+\.md)(?:, "([^"]+)")?')
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def headings(page):
    return set(HEADING.findall(page.read_text(encoding="utf-8")))


def wrong_citations(source):
    """The citations in a source file that name a number, a page that is absent, or a heading that
    its page does not have."""
    text = LINE_BREAK.sub(" ", source)
    wrong = [match[0] for match in NUMBERED.finditer(text)]
    for name, heading in CITED.findall(text):
        page = ROOT / name
        if not page.is_file():
            wrong.append(name)
        elif heading and heading not in headings(page):
            wrong.append(f'{name}, "{heading}"')
    return wrong


def test_cited_pages_and_headings_exist():
    sources = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    wrong = {
        str(path.relative_to(ROOT)): wrong_citations(path.read_text(encoding="utf-8"))
        for path in sources
        if path.name != "test_citations.py"
    }
    assert {name: lines for name, lines in wrong.items() if lines} == {}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "source",
    [
        '"""Source: docs/understand/reliability.md 3.4."""',
        '"""Source: docs/understand/reliability.md, section\n2."""',
        '"""See truth.md 2."""',
        '"""See docs/understand/absent.md."""',
        '"""See docs/understand/reliability.md, "No such heading"."""',
        '# See docs/understand/reliability.md, "The\n# clam".',
    ],
)
def test_a_wrong_citation_is_found(source):
    assert len(wrong_citations(source)) == 1


def test_a_citation_by_heading_is_right_even_over_a_line_break():
    assert (
        wrong_citations('# See docs/understand/reliability.md, "The\n    # claim". SAM, 4.1') == []
    )
