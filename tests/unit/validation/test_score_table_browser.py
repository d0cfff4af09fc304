"""The page of `benchmark scores` in Chromium: a picture, nothing wider than the window, nothing
serious that axe finds, and nothing that it would fetch."""

import re
import struct

import pytest
from browser import AXE, CHROMIUM, answer, chromium
from score_tables import options, simulated, written

from gfmtrust.validation.benchmark.score_table import HTML, score_table

WIDTHS = (1280, 500)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    score_table(options(written(folder, simulated(n=240)), draws=5), folder / "out")
    return folder / "out" / HTML


@pytest.mark.long
def test_it_is_one_file_that_asks_for_nothing(page):
    text = page.read_text()
    assert not re.findall(r"<(?:script|link|img|iframe|object)\b|\bsrc=|url\(|@import", text)
    assert set(re.findall(r'href="([^"]*)"', text)) == {
        f"#{name}" for name in re.findall(r'<h2 id="([a-z]+)"', text)
    }
    images = re.findall(r'<div role="img" aria-label="([^"]*)"', text)
    assert len(images) == text.count("<svg") == 4
    assert all(len(label) > 30 for label in images)


@pytest.mark.long
@pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt-get install chromium"
)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_drawn_and_no_wider_than_the_window(page, tmp_path, width):
    picture = tmp_path / "page.png"
    chromium(tmp_path, page.as_uri(), width, f"--screenshot={picture}")
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (width, 2000)
    assert answer(tmp_path, page, width, "document.documentElement.scrollWidth") <= width


@pytest.mark.long
@pytest.mark.skipif(
    CHROMIUM is None or not AXE.is_file(),
    reason="no Chromium or no axe-core; npm install axe-core, or GFMTRUST_AXE=path/to/axe.min.js",
)
def test_axe_finds_nothing_serious(page, tmp_path):
    rows = answer(tmp_path, page, 1280, "axe.run().then(result => result.violations)", AXE.read_text())  # fmt: skip
    assert [one["id"] for one in rows if one["impact"] in ("serious", "critical")] == []
