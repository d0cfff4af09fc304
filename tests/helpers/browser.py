"""A page as a real browser sees it: pictures of it, and what a script asked of it answers. For
tests where there is a Chromium."""

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

from paths import ROOT

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
AXE = Path(os.environ.get("GFMTRUST_AXE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def chromium(folder: Path, address: str, width: int, *options: str) -> str:
    """What Chromium prints of an address in a window `width` pixels wide; `folder` holds its
    profile."""
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
         f"--user-data-dir={folder / 'profile'}", f"--window-size={width},2000", *options,
         address],
        capture_output=True, text=True, timeout=180, check=True)  # fmt: skip
    return done.stdout


def answer(folder: Path, page: Path, width: int, expression: str, script: str = "") -> object:
    """The value of a JavaScript expression, which may be a promise, in a copy of the page that
    allows scripts; `script` is run first."""
    copy = folder / "with_script.html"
    output = f"""<script>{script}</script><script>Promise.resolve({expression}).then(found => {{
        const told = document.createElement("pre"); told.id = "answer"; told.textContent = JSON.stringify(found);
        document.body.append(told); }});</script></body>"""
    text = POLICY.sub("", page.read_text())
    copy.write_text(
        text[: text.rindex("</body>")] + output + text[text.rindex("</body>") + len("</body>") :]
    )
    shown = chromium(folder, copy.as_uri(), width, "--dump-dom", "--virtual-time-budget=30000")
    return json.loads(unescape(re.search(r'<pre id="answer">(.*?)</pre>', shown, re.S)[1]))
