"""READ_SHEET: what spreadsheets, editors and sarek write is read as it was meant, and what cannot be
meant is refused with its row and column."""

import codecs
import csv
import io
import json
import re
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import ROOT
from sheet_cases import CALLERS, FAULTS, IDS, REFUSED, ROWS, SHEETS

from gfmtrust.cli import main as cli
from gfmtrust.core import names
from gfmtrust.core.contracts.samplesheet import Samplesheet
from gfmtrust.core.errors import BadDataError, UsageError
from gfmtrust.inputs import samplesheet, sheet_text
from gfmtrust.inputs.sheet_rows import SheetFaults
from gfmtrust.io import bed

SCHEMA_FILE = ROOT / "assets" / "schema_input.json"
SCHEMA = samplesheet.SheetSchema.read(SCHEMA_FILE)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
PATH = re.compile(r"[A-Za-z0-9_./:@+=,-]+\Z")


def read(content, name="sheet.csv", folders=("/sheet", "/launch")):
    content = content.encode() if isinstance(content, str) else content
    return samplesheet.samplesheet_of(content, name, SCHEMA, list(folders))


def error_of(content, name="sheet.csv"):
    """The error of a sheet that is refused, None of one that is read."""
    try:
        read(content, name)
    except (BadDataError, UsageError) as error:
        return error
    return None


def ids(sheet):
    return [entry.meta["id"] for entry in sheet.entries]


# --- what is read
# --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHEETS)
def test_sheets_that_are_read(name):
    content, expected, warning = SHEETS[name]
    sheet = read(content, name)
    assert ids(sheet) == expected
    assert len(sheet.warnings) == (1 if warning else 0), sheet.warnings
    assert warning is None or warning in sheet.warnings[0]


SAMPLE = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
CELL_PATH = st.from_regex(r"[a-z0-9_]{1,8}(/[a-z0-9_.,=@-]{1,8}){0,2}\.vcf(\.gz)?", fullmatch=True)
TABLE = st.dictionaries(SAMPLE, CELL_PATH.filter(lambda path: ".." not in path), min_size=1)
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(
    TABLE,
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(list(ENCODINGS)),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(0, 3),
)
def test_any_spreadsheet_gives_back_its_cells(table, separator, ending, encoding, quotes, extra):
    """Separator, line ends, encoding, quotes and empty columns are the program's, not the user's."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=quotes)
    empty = [""] * extra
    writer.writerows([["sample", "vcf", *empty], *([*row, *empty] for row in table.items())])
    content = ENCODINGS[encoding] + text.getvalue().encode(encoding)
    sheet = read(content, folders=["/d"])
    assert {entry.meta["sample"]: entry.vcf for entry in sheet.entries} == {
        sample: (f"/d/{path}",) for sample, path in table.items()
    }


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(TABLE, st.sampled_from(["json", "yaml", "yml"]))
def test_any_list_gives_back_its_cells(table, ending):
    rows = [{"sample": sample, "vcf": path} for sample, path in table.items()]
    text = json.dumps(rows) if ending == "json" else yaml.safe_dump(rows)
    sheet = read(text, f"sheet.{ending}", ["/d/"])
    assert {entry.meta["id"]: entry.vcf for entry in sheet.entries} == {
        sample: (f"/d/{path}",) for sample, path in table.items()
    }


WRITTEN = ["001", "1e3", "yes", "0x1F", "12_34", "true", "2024-01-31", "1.0", "Off", "0o17"]


def test_a_value_stays_the_text_that_was_written():
    """No number, date or truth value is made of it, quoted or not."""
    text = "".join(f"- {{sample: {value}, vcf: a.vcf}}\n" for value in WRITTEN)
    assert set(ids(read(text, "s.yaml"))) == set(WRITTEN)
    assert set(
        ids(read(text.replace(": ", ": '").replace(", ", "', ").replace("}", "'}"), "s.yml"))
    )
    numbers = (
        '[{"sample": 1.0, "vcf": "a"}, {"sample": 1e3, "vcf": "a"}, {"sample": true, "vcf": "a"}]'
    )
    assert ids(read(numbers, "s.json")) == ["1.0", "1e3", "true"]
    assert ids(read("- {sample: A, vcf: a.vcf, vcf_id: null, status: ~}\n", "s.yaml")) == ["A"]


def test_what_a_row_carries():
    text = "patient,sample,status,variantcaller,vcf,vcf_index\nP,A,1,mutect2,b.vcf,b.vcf.tbi\n"
    (entry,) = read(text).entries
    assert entry.meta == {
        "id": "A.mutect2",
        "sample": "A",
        "variantcaller": "mutect2",
        "patient": "P",
        "status": "1",
    }
    assert entry.row == 2
    assert entry.vcf_index == ("/sheet/b.vcf.tbi", "/launch/b.vcf.tbi")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a.vcf", ("/sheet/a.vcf", "/launch/a.vcf")),
        ("././d/a.vcf", ("/sheet/d/a.vcf", "/launch/d/a.vcf")),
        ("/d/a.vcf", ("/d/a.vcf",)),
        ("s3://bucket/d/a.vcf.gz", ("s3://bucket/d/a.vcf.gz",)),
        ("https://example.org/a.vcf.gz", ("https://example.org/a.vcf.gz",)),
    ],
)
def test_where_a_file_may_be(cell, expected):
    """Beside the sheet, then in the launch folder; an absolute or remote path stays as it is."""
    assert read(f"sample,vcf\nA,{cell}\n").entries[0].vcf == expected


def test_the_order_of_rows_changes_no_entry():
    rows = ["B,b.vcf", "A,a.vcf", "C,c.vcf"]
    one, other = (read("sample,vcf\n" + "\n".join(lines)) for lines in (rows, rows[::-1]))
    assert [entry.meta for entry in one.entries] == [entry.meta for entry in other.entries]


# --- ids
# --------------------------------------------------------------------------------------------------------------


def test_every_caller_of_sarek():
    """One row per VCF, as sarek's csv/variantcalled.csv has them; Strelka and Manta have two."""
    lines = [
        f"P1,{sample},{caller},results/variant_calling/{caller}/{sample}/{file}"
        for caller, sample, file, _id in CALLERS
    ]
    sheet = read("patient,sample,variantcaller,vcf\n" + "\n".join(lines) + "\n")
    assert sorted(ids(sheet)) == sorted(one for *_row, one in CALLERS)
    assert len(sheet.warnings) == 3  # Strelka of pairs and single samples, Manta of pairs
    files = {entry.meta["id"]: entry.vcf[0].rpartition("/")[2] for entry in sheet.entries}
    assert files == {one: file for _caller, _sample, file, one in CALLERS}


@pytest.mark.parametrize(("rows", "expected"), IDS)
def test_ids_that_are_made_unique(rows, expected):
    """By what the file's name has beyond the id; a vcf_id of the user is never changed."""
    assert (
        sorted(ids(read("sample,vcf,vcf_id\n" + "".join(f"{row}\n" for row in rows)))) == expected
    )


def test_a_further_file_changes_no_id():
    rows = ["A,A.x.vcf", "A,A.y.vcf", "A,A.z.1.vcf"]
    two, three = (set(ids(read("sample,vcf\n" + "\n".join(rows[:n])))) for n in (2, 3))
    assert two < three


def test_two_barcodes_and_a_caller_are_no_id_too_long():
    pair = "TCGA-02-0001-01C-01D-0182-01_vs_TCGA-02-0001-10A-01D-0182-01"
    text = f"patient,sample,variantcaller,vcf\nP1,{pair},freebayes,base.vcf\n"
    assert ids(read(text)) == [f"{pair}.freebayes"]


@pytest.mark.bad_input
def test_ids_have_the_limit_of_all_names():
    """A VCF's id and a BED's name: 128 characters, and one rule of what they are made of."""
    assert ids(read(f"sample,vcf\n{'x' * 128},a.vcf\n")) == ["x" * 128]
    with pytest.raises(
        UsageError, match=r"^sheet.csv, row 2, column sample: 'x+'; expected \[A-Za"
    ):
        read(f"sample,vcf\n{'x' * 129},a.vcf\n")
    with pytest.raises(
        UsageError, match=r"row 2, id: .*; expected at most 128 characters, not 129"
    ):
        read(f"sample,vcf,vcf_id\n{'x' * 64},a.vcf,{'y' * 64}\n")
    assert names.check(bed.name_of(f"{'x' * 128}.bed"), "x")
    with pytest.raises(UsageError, match="^--regions x: 'x+'; expected at most 128 characters"):
        names.check(bed.name_of(f"{'x' * 129}.bed"), "--regions x")


# --- what is refused
# --------------------------------------------------------------------------------------------------------------


@pytest.mark.bad_input
@pytest.mark.parametrize("name", FAULTS)
def test_faults_name_row_and_column(name):
    content, expected = FAULTS[name]
    with pytest.raises(SheetFaults) as caught:
        read(content, name)
    assert list(caught.value.faults) == expected
    assert "\n" not in str(caught.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_no_sheet(name):
    content, kind, words = REFUSED[name]
    with pytest.raises(kind) as caught:
        read(content, name)
    assert str(caught.value).startswith(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def is_allowed(row):
    """The same verdict without a schema: what the docs say of names and paths."""
    path = row.get("vcf", "").strip()
    index = row.get("vcf_index", "").strip()
    named = [cell.strip() for column, cell in row.items() if column in samplesheet_names(row)]
    return (
        bool(row.get("sample", "").strip())
        and all(NAME.match(cell) for cell in named if cell)
        and is_path(path)
        and (not index or (is_path(index) and index.endswith((".tbi", ".csi"))))
    )


def samplesheet_names(row):
    return set(row) & {"sample", "vcf_id", "variantcaller", "patient", "status"}


def is_path(text):
    return bool(PATH.match(text)) and not text.startswith("-") and ".." not in text.split("/")


@pytest.mark.bad_input
def test_rows_are_judged_as_the_docs_say():
    errors = []
    for row in ROWS:
        text = io.StringIO()
        csv.writer(text).writerows([row.keys(), row.values()])
        errors.append(error_of(text.getvalue()))
    verdicts = [error is None for error in errors]
    assert all(line.startswith("sheet.csv, row ") for one in errors if one for line in one.faults)
    assert [row for row, one in zip(ROWS, verdicts, strict=True) if one != is_allowed(row)] == []
    assert 15 < sum(verdicts) < len(ROWS) - 15


@pytest.mark.bad_input
@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["s.csv", "s.tsv", "s.yaml", "s.json"]))
def test_any_bytes_are_a_sheet_or_an_error_of_ours(content, name):
    message = str(error_of(content, name))
    assert "\n" not in message
    assert message.encode().decode() == message


@pytest.mark.bad_input
@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet='sample,vcf\n\r"\t;-[]{}:& *!|>%@`#?\\\ud800\u00e9', max_size=120),
    st.sampled_from(["s.csv", "s.tsv", "s.yaml", "s.json"]),
)
def test_any_text_is_a_sheet_or_an_error_of_ours(text, name):
    message = str(error_of(text.encode("utf-8", "replace"), name))
    assert "\n" not in message
    assert message.encode().decode() == message


@pytest.mark.bad_input
def test_a_huge_file_is_not_read():
    with pytest.raises(BadDataError, match="larger than 10 MiB"):
        read(b"x" * (sheet_text.LARGEST_BYTES + 1))


# --- the command
# --------------------------------------------------------------------------------------------------------------


def command(tmp_path, text, *options):
    (tmp_path / "sheet.csv").write_text(text)
    given_options = ["--input", "sheet.csv", "--schema", str(SCHEMA_FILE), "--out", "sheet.json"]
    return cli.main(["read_sheet", *given_options, *options])


def test_the_command_writes_what_the_pipeline_reads(tmp_path):
    (tmp_path / "a.vcf").touch()
    assert command(tmp_path, "sample,vcf\nA,a.vcf\nB,s3://b/b.vcf\n", "--check_files") == 0
    sheet = Samplesheet.read(tmp_path / "sheet.json")
    assert ids(sheet) == ["A", "B"]
    assert sheet.entries[0].vcf == (f"{tmp_path}/a.vcf",)
    assert sheet.entries[1].vcf == ("s3://b/b.vcf",)


@pytest.mark.bad_input
def test_the_command_refuses_with_its_code(tmp_path, capsys):
    assert command(tmp_path, "sample,vcf\nA,none.vcf\n", "--check_files") == 66
    assert "sheet.csv, row 2, column vcf: " in capsys.readouterr().err
    assert command(tmp_path, "sample,vcf\na;b,a.vcf\n") == 64
    assert not (tmp_path / "sheet.json").exists()
    (tmp_path / "bad.json").write_text('{"type": "no type"}')
    missing = ["--input", "none.csv", "--schema", str(SCHEMA_FILE), "--out", "x.json"]
    assert cli.main(["read_sheet", *missing]) == 66
    (tmp_path / "sheet.csv").write_text("sample,vcf\nA,a.vcf\n")
    bad_schema = ["--input", "sheet.csv", "--schema", "bad.json", "--out", "x.json"]
    assert cli.main(["read_sheet", *bad_schema]) == 65


@pytest.mark.bad_input
def test_all_faults_are_printed_up_to_twenty(tmp_path):
    (tmp_path / "sheet.csv").write_text("sample,vcf\n" + "a;b,a.vcf\n" * 30)
    options = ["--input", "sheet.csv", "--schema", str(SCHEMA_FILE), "--out", "sheet.json"]
    ended = subprocess.run(
        [sys.executable, str(ROOT / "bin" / "gfmtrust"), "read_sheet", *options],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "python"), "PATH": "/usr/bin:/bin"},
    )
    lines = ended.stderr.splitlines()
    assert ended.returncode == 64
    assert lines[0].startswith("gfmtrust: sheet.csv, row 2, column sample: 'a;b'; expected ")
    assert lines[19].startswith("gfmtrust: sheet.csv, row 21, column sample: ")
    assert lines[20].startswith("gfmtrust: sheet.csv: 30 faults; expected none; ")
    assert len(lines) == 21
