"""Fuzzing of every parser of a user's text, and of every file of a user with its step: no exception
but our own, and never 70. `make fuzz` runs each target for FUZZ_MINUTES (default 10).

The default tests run 25 texts of each parser, so that the targets themselves are known to work.
"""

import json
import os
import time
import zlib
from pathlib import Path

import pytest
import text_shapes
import user_files
from hypothesis import HealthCheck, given, seed, settings
from paths import ROOT
from vcf_texts import OUR_LINES, simple_values

from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.contracts.manifest import Manifest
from gfmtrust.core.errors import GfmtrustError
from gfmtrust.export import score_files
from gfmtrust.inputs import samplesheet
from gfmtrust.io import bed
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf import splice, verify
from gfmtrust.validation.benchmark.score_table import reading

pytestmark = pytest.mark.bad_input
MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
SMOKE, EXAMPLES = 25, 2000
SCHEMA = samplesheet.SheetSchema.read(ROOT / "assets" / "schema_input.json")


def annotate(path: Path, folder: Path) -> None:
    """What the writer accepts, the independent check must accept too."""
    output = folder / "out.vcf.gz"
    splice.annotate(path, output, simple_values, OUR_LINES, overwrite=True, force=True)
    verify.verify(path, output)


def read_genome(path: Path, folder: Path) -> None:
    for beside in folder.glob("text.fai"):
        beside.unlink()
    with Genome.open(path, folder) as genome:
        genome.sums()


PARSERS = {
    "vcf": (text_shapes.VCF, annotate),
    "bed": (text_shapes.BED, lambda path, _folder: bed.read(path)),
    "fasta": (text_shapes.FASTA, read_genome),
    "sheet": (
        text_shapes.SHEET,
        lambda path, _folder: samplesheet.samplesheet_of(path.read_bytes(), "s.csv", SCHEMA, ["."]),
    ),
    "sheet_yaml": (
        text_shapes.SHEET,
        lambda path, _folder: samplesheet.samplesheet_of(
            path.read_bytes(), "s.yaml", SCHEMA, ["."]
        ),
    ),
    "scores": (text_shapes.TABLE, None),
    "benchmark": (text_shapes.BENCHMARK, lambda path, _folder: reading.read_columns(path)),
}


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    (folder / "g.fa").write_text(">c\n" + "ACGT" * 30 + "\n")
    return Genome.open(folder / "g.fa", folder)


def tried(strategy, parse, name: str, number: int, n: int) -> None:
    """Parse n texts of a strategy; an exception that is not ours fails the test with its text."""

    @seed(zlib.crc32(name.encode()) + number)
    @settings(
        max_examples=n,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def one(text):
        refused = None
        try:
            parse(text)
        except GfmtrustError as error:
            refused = error
        assert refused is None or (refused.exit_code != 70 and "\n" not in str(refused)), refused

    one()


def parse_of(name, folder, genome):
    parse = PARSERS[name][1] or (lambda path, _folder: score_files.read_table(path, genome, "none"))
    path = folder / "text"

    def written(text: bytes) -> None:
        path.write_bytes(text)
        parse(path, folder)

    return written


def for_minutes(strategy, parse, name) -> None:
    end, number = time.monotonic() + 60 * MINUTES, 1
    while time.monotonic() < end:
        tried(strategy, parse, name, number, EXAMPLES)
        number += 1
    print(f"{name}: {number - 1} rounds of up to {EXAMPLES:,} texts")


@pytest.mark.parametrize("name", PARSERS)
def test_a_few_texts_of_each_parser(name, tmp_path, genome):
    tried(PARSERS[name][0], parse_of(name, tmp_path, genome), name, 0, SMOKE)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", PARSERS)
def test_texts_of_each_parser(name, tmp_path, genome):
    for_minutes(PARSERS[name][0], parse_of(name, tmp_path, genome), name)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return user_files.examples(tmp_path_factory.mktemp("examples"))


@pytest.mark.fuzz
@pytest.mark.parametrize(
    ("kind", "path"),
    [(RunCalibration, "calibration/calibration.json"), (Manifest, "pipeline_info/manifest.json")],
)
def test_json_documents(kind, path, examples):
    document = json.loads((examples / "results" / path).read_text())
    for_minutes(text_shapes.changed_documents(document), kind.from_dict, kind.__name__)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", user_files.FILES)
def test_damages_of_each_file(name, examples):
    end, number, n = time.monotonic() + 60 * MINUTES, 0, 0
    while time.monotonic() < end:
        for damage, content in user_files.all_damages(examples, name, number, 4).items():
            code, err = user_files.ended(examples, name, content)
            assert "Traceback" not in err, (name, number, damage, err)
            assert code in user_files.CODES | {70 if name == "sites" else 0}, (
                name,
                number,
                damage,
                err,
            )
            n += 1
        number += 1
    print(f"{name}: {n:,} damaged files")
