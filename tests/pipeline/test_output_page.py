"""docs/output.md against a real run: every published file is told of, every file told of is there, and so are the columns and keys."""

import gzip
import json
import re
from itertools import dropwhile, takewhile

import nextflow_run
import pyarrow.parquet as pq
import pytest

from gfmtrust.annotate_regions import COLUMNS

pytestmark = pytest.mark.pipeline
PAGE = (nextflow_run.ROOT / "docs" / "output.md").read_text()


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
    """Files that the page does not tell of, and those it tells of without a *sometimes* that are not there."""
    told = {name: pattern(name) for name in files}
    return ([path for path in published if not any(one.fullmatch(path) for one in told.values())],
            [name for name, one in told.items() if not files[name] and not any(one.fullmatch(path) for path in published)])


@pytest.fixture
def published(demo_run):
    assert demo_run.code == 0, demo_run.text
    return sorted(str(path.relative_to(demo_run.outdir)) for path in demo_run.outdir.rglob("*") if path.is_file())


def test_every_file_is_told_of_and_is_there(published):
    assert unlike(published, FILES) == ([], [])
    regions = {name: when for name, when in FILES.items() if when == "with `--regions`"}
    assert unlike(published, dict.fromkeys(regions, ""))[1] == []  # the demo has regions


@pytest.mark.bad_input
def test_a_file_that_is_not_told_of_is_found(published):
    without = {name: when for name, when in FILES.items() if name != "scores/loci.json"}
    assert unlike(published, without) == (["scores/loci.json"], [])
    assert unlike([], {"a/<id>.txt": "", "b": "with labels"}) == ([], ["a/<id>.txt"])


@pytest.mark.parametrize(("name", "heading"), [
    ("scores/sites.parquet", "`sites.parquet`, one row"), ("scores/bases.parquet", "`bases.parquet`, one row"),
    ("calibration/probes.scored.parquet", "`probes.scored.parquet`, one row")])
def test_columns_are_those_of_the_page(demo_run, name, heading):
    told = [column.strip() for row in table(heading) for column in row[0].split(",")]
    assert sorted(told) == sorted(pq.read_schema(demo_run.outdir / name).names)


def test_the_bed_has_the_columns_that_its_comment_and_the_page_name(demo_run):
    lines = gzip.decompress((demo_run.outdir / "regions" / "regions.gfm.bed.gz").read_bytes()).decode().splitlines()
    named = next(line for line in lines if line.startswith("#gfmtrust columns")).split(": ")[1].split()
    assert named == list(COLUMNS) == [row[0] for row in table("A comment line of ours names the columns")]
    bed = nextflow_run.ROOT / "assets" / "demo" / "regions.bed"
    given = {len(line.split("\t")) for line in bed.read_text().splitlines() if "\t" in line}
    assert {len(line.split("\t")) for line in lines if not line.startswith("#")} == {n + len(named) for n in given}


def test_counts_have_the_keys_of_the_page(demo_run):
    told = set(re.findall(r"`(\w+)`", PAGE.split("`<id>.counts.json`:")[1].split("\n\n")[0]))
    found = [json.loads(path.read_text()) for path in demo_run.outdir.glob("*/**/*.counts.json")]
    assert {one["kind"] for one in found} == {"vcf", "bed"}
    assert {key for one in found for key in one} == told
