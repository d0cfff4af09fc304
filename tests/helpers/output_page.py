"""docs/start/output.md as tables, to be held against a real run."""

import re
from itertools import dropwhile, takewhile

import nextflow_run

PAGE = (nextflow_run.ROOT / "docs" / "start" / "output.md").read_text()


def table(after):
    """Cells of the rows of the first table behind a text of the page."""
    lines = dropwhile(lambda line: not line.startswith("|"), PAGE.split(after, 1)[1].splitlines())
    rows = list(takewhile(lambda line: line.startswith("|"), lines))[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def pattern(name):
    """A name of the page as a regular expression: <sample> and * stand for a part of a path."""
    return re.compile("[^/]+".join(re.escape(part) for part in re.split(r"<\w+>|\*", name)))


FILES = {row[0].strip("`"): row[2] for row in table("Every file of a run")}


def unlike(published, files):
    """Files that the page does not tell of, and those it tells of without a *sometimes* that are
    not there."""
    by_name = {name: pattern(name) for name in files}
    return (
        [path for path in published if not any(one.fullmatch(path) for one in by_name.values())],
        [
            name
            for name, one in by_name.items()
            if not files[name] and not any(one.fullmatch(path) for path in published)
        ],
    )
