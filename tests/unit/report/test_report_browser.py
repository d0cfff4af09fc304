"""The report in Chromium at desktop and narrow width: pictures, nothing wider than the window,
nothing fetched, no fault that axe finds."""

import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser import AXE, CHROMIUM, POLICY, answer, chromium
from synthetic_run import make_run

from gfmtrust.report.report import HTML, RunFiles, report

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt-get install chromium"
    ),
]
WIDTHS = (1280, 400)
OWN = ("/time/", "/favicon.ico")
"""What Chromium asks for by itself: the time of day, and a page's icon."""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    report(RunFiles(**make_run(folder, skill=2.6)), out_dir=folder / "out")
    return folder / "out" / HTML


@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_drawn_and_no_wider_than_the_window(page, tmp_path, width):
    picture = tmp_path / f"report_{width}.png"
    chromium(tmp_path, page.as_uri(), width, f"--screenshot={picture}")
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (width, 2000)
    wide = answer(tmp_path, page, width, "document.documentElement.scrollWidth")
    assert wide <= max(width, 500)  # headless Chromium lays out no window narrower than 500


def requests(page, tmp_path):
    """Paths that Chromium asks for when it opens the page from a server to which every host name
    leads."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.read_bytes() if self.path == "/page" else b"")

        def log_message(self, *output):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        chromium(
            tmp_path,
            f"http://127.0.0.1:{port}/page",
            1280,
            "--dump-dom",
            f"--host-resolver-rules=MAP * 127.0.0.1:{port}",
            "--disable-background-networking",
            "--disable-component-update",
        )
        server.shutdown()
    return [path for path in asked if not path.startswith(OWN)]


def test_no_request_is_made(page, tmp_path):
    assert requests(page, tmp_path) == ["/page"]


@pytest.mark.bad_input
def test_a_request_would_be_seen(page, tmp_path):
    spoilt = tmp_path / "spoilt.html"
    text = POLICY.sub("", page.read_text())
    spoilt.write_text(
        text.replace("</main>", '<img alt="" src="http://elsewhere.invalid/dot.png"></main>')
    )
    assert requests(spoilt, tmp_path) == ["/page", "/dot.png"]


@pytest.mark.skipif(
    not AXE.is_file(),
    reason="no axe-core; npm install axe-core, or GFMTRUST_AXE=path/to/axe.min.js",
)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(page, tmp_path, width):
    rows = answer(tmp_path, page, width, "axe.run().then(told => told.violations)", AXE.read_text())
    assert [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in rows
        if one["impact"] in ("serious", "critical")
    ] == []
