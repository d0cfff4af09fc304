"""verify accepts what splice writes and finds every tampering of it, without a line of code in
common with the writer."""

import ast
import gzip
import random
from pathlib import Path

import naive_splice
import pytest
from vcf_texts import AWKWARD, OUR_LINES, simple_values, stored, vcf_text

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.io.vcf import splice, verify

SOURCE = Path(verify.__file__)


def annotated(tmp_path, text, how="plain", **options):
    source, output = stored(tmp_path / "in.vcf", text, how), tmp_path / "out.vcf.gz"
    splice.annotate(source, output, simple_values, OUR_LINES, **options)
    return source, output


def test_it_is_small_and_shares_no_code_with_the_writer():
    tree = ast.parse(SOURCE.read_text())
    ours = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("gfmtrust")
    }
    assert ours == {"gfmtrust.core.errors", "gfmtrust.core.vocabulary"}
    assert len(SOURCE.read_text().splitlines()) < 200


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("cut", [0, 1])
def test_counts_of_a_sound_pair(tmp_path, how, end, cut):
    text = vcf_text(end=end)
    source, output = annotated(tmp_path, text[: len(text) - cut], how)
    assert verify.verify(source, output) == {"records": 13, "alts": 19, "no_alt": 1, "SCORED": 19}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("n_empty", [1, 3])
def test_empty_lines_after_the_last_record_are_left_out(tmp_path, end, n_empty):
    text = vcf_text(end=end)
    source, output = annotated(tmp_path, text + n_empty * end)
    assert verify.verify(source, output) == {"records": 13, "alts": 19, "no_alt": 1, "SCORED": 19}
    (tmp_path / "whole").mkdir()
    other = annotated(tmp_path / "whole", text)[1]
    assert naive_splice.text_of(output) == naive_splice.text_of(other)


@pytest.mark.parametrize("spaces", [b" ", b"\t\t\t"])
def test_spaces_after_the_file_format_are_kept(tmp_path, spaces):
    text = vcf_text().replace(b"VCFv4.2", b"VCFv4.2" + spaces)
    source, output = annotated(tmp_path, text)
    assert verify.verify(source, output)["records"] == 13
    assert naive_splice.lines_of(output)[0] == b"##fileformat=VCFv4.2" + spaces + b"\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_header_without_its_last_line_end_gets_one(tmp_path, end):
    text = vcf_text([], end=end)
    source = stored(tmp_path / "in.vcf", text.removesuffix(end))
    output = tmp_path / "out.vcf.gz"
    written = splice.annotate(source, output, simple_values, OUR_LINES)
    assert written.newline_added
    assert naive_splice.lines_of(output)[-1].rstrip(b"\r\n") == text.splitlines()[-1]
    assert naive_splice.text_of(output).endswith(b"\n")
    assert verify.verify(source, output) == {"records": 0, "alts": 0, "no_alt": 0}


def test_file_without_records(tmp_path):
    source, output = annotated(tmp_path, vcf_text([]))
    assert verify.verify(source, output) == {"records": 0, "alts": 0, "no_alt": 0}


def test_input_that_was_annotated_before_is_compared_without_our_keys(tmp_path):
    source, output = annotated(tmp_path, vcf_text())
    splice.annotate(output, tmp_path / "again.vcf.gz", simple_values, OUR_LINES, overwrite=True)
    assert verify.verify(output, tmp_path / "again.vcf.gz")["alts"] == 19


def tampered(tmp_path, output, change):
    lines = naive_splice.lines_of(output)
    change(lines)
    path = tmp_path / "tampered.vcf"
    path.write_bytes(b"".join(lines))
    return path


def with_column(lines, number, column, text):
    columns = lines[number].rstrip(b"\n").split(b"\t")
    columns[column] = text(columns[column]) if callable(text) else text
    lines[number] = b"\t".join(columns) + b"\n"


FIRST = 9  # list index of the first record: 5 header lines, 3 of ours, #CHROM
TAMPERINGS = {
    "record lost": (lambda lines: lines.pop(FIRST + 2), "line 12: column"),
    "last record lost": (lambda lines: lines.pop(), "line 22: input has more records after 12"),
    "record doubled": (
        lambda lines: lines.append(lines[-1]),
        "line 23: output has more records after 13",
    ),
    "records swapped": (
        lambda lines: lines.insert(FIRST, lines.pop(FIRST + 1)),
        "line 10: column 2 is b'6'; expected b'5'",
    ),
    "pos": (lambda lines: with_column(lines, FIRST, 1, b"6"), "line 10: column 2"),
    "id": (lambda lines: with_column(lines, FIRST, 2, b"rs2"), "line 10: column 3"),
    "case of ref": (
        lambda lines: with_column(lines, FIRST + 1, 3, b"A"),
        "line 11: column 4 is b'A'; expected b'a'",
    ),
    "qual": (
        lambda lines: with_column(lines, FIRST, 5, b"0"),
        "line 10: column 6 is b'0'; expected b'1e-300'",
    ),
    "filter": (lambda lines: with_column(lines, FIRST, 6, b"q10"), "line 10: column 7"),
    "info value": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info.replace(b"AC=1", b"AC=2")),
        "line 10: INFO",
    ),
    "info key lost": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info.removeprefix(b"AC=1;")),
        "line 10: INFO",
    ),
    "foreign key": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info + b";DB"),
        "b'DB'; expected a key of ours",
    ),
    "our keys first": (
        lambda lines: with_column(lines, FIRST, 7, b"GFM_STATUS=SCORED;GFM_RANK=0;AC=1"),
        "line 10: INFO",
    ),
    "dot kept": (
        lambda lines: with_column(lines, FIRST + 1, 7, lambda info: b".;" + info),
        "b'.'; expected a key of ours",
    ),
    "separator doubled": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info.replace(b"1;GFM", b"1;;GFM")),
        "b''; expected",
    ),
    "separator lost": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info.replace(b"1;GFM", b"1GFM")),
        "line 10: INFO",
    ),
    "trailing semicolon": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info + b";"),
        "b''; expected a key",
    ),
    "status lost": (
        lambda lines: with_column(lines, FIRST, 7, b"AC=1;GFM_RANK=0"),
        "expected GFM_RANK, and GFM_STATUS",
    ),
    "rank lost": (
        lambda lines: with_column(lines, FIRST, 7, b"AC=1;GFM_STATUS=SCORED"),
        "expected GFM_RANK, and GFM_STATUS",
    ),
    "status unknown": (
        lambda lines: with_column(lines, FIRST, 7, b"AC=1;GFM_STATUS=FINE;GFM_RANK=0"),
        "known statuses",
    ),
    "key twice": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info + b";GFM_RANK=1"),
        "once, with 1 values",
    ),
    "value too many": (
        lambda lines: with_column(lines, FIRST, 7, lambda info: info + b",1"),
        "with 1 values",
    ),
    "value too few": (
        lambda lines: with_column(lines, FIRST + 1, 7, lambda info: info[:-2]),
        "with 3 values",
    ),
    "value empty": (
        lambda lines: with_column(
            lines, FIRST + 1, 7, lambda info: info.replace(b"0,1,2", b"0,,2")
        ),
        "with 3 values",
    ),
    "no keys": (lambda lines: with_column(lines, FIRST, 7, b"AC=1"), "line 10: INFO"),
    "keys on a record without ALT": (
        lambda lines: with_column(lines, FIRST + 3, 7, b"AC=0;GFM_RANK=0"),
        "as ALT is '.'",
    ),
    "column lost": (
        lambda lines: lines.__setitem__(FIRST, lines[FIRST].rsplit(b"\t", 1)[0] + b"\n"),
        "7 columns; expected 8",
    ),
    "column more": (
        lambda lines: lines.__setitem__(FIRST, lines[FIRST][:-1] + b"\tGT\n"),
        "9 columns; expected 8",
    ),
    "line end": (
        lambda lines: lines.__setitem__(FIRST, lines[FIRST][:-1] + b"\r\n"),
        "line end is b'\\r\\n'; expected b'\\n'",
    ),
    "header line lost": (lambda lines: lines.pop(1), "line 2: header line"),
    "header line changed": (
        lambda lines: lines.__setitem__(1, lines[1].replace(b"60", b"61")),
        "line 2: header line",
    ),
    "header lines swapped": (lambda lines: lines.insert(1, lines.pop(2)), "line 2: header line"),
    "header line more": (lambda lines: lines.insert(1, b"##x=1\n"), "line 2: header line b'##x=1"),
    "columns line changed": (
        lambda lines: lines.__setitem__(8, b"#CHROM\n"),
        "line 9: header line b'#CHROM",
    ),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_found_at_its_place(tmp_path, name):
    source, output = annotated(tmp_path, vcf_text())
    change, result = TAMPERINGS[name]
    with pytest.raises(BadDataError) as caught:
        verify.verify(source, tampered(tmp_path, output, change))
    assert str(caught.value).startswith("tampered.vcf line ")
    assert result in str(caught.value)


@pytest.mark.long
@pytest.mark.bad_input
def test_a_thousand_changed_bytes_outside_our_values_are_found(tmp_path):
    source, output = annotated(tmp_path, vcf_text(samples=True))
    text = naive_splice.text_of(output)
    rng = random.Random(1)
    path = tmp_path / "tampered.vcf"
    # Our own header lines and the texts of our values are not the input's: only a digest of the
    # file could tell them.
    free = [at for at in range(len(text)) if not in_our_text(text, at)]
    for _ in range(1000):
        at = rng.choice(free)
        other = rng.choice([byte for byte in range(256) if byte != text[at]])
        path.write_bytes(text[:at] + bytes([other]) + text[at + 1 :])
        with pytest.raises((BadDataError, InputOutputError)):
            verify.verify(source, path)


def in_our_text(text, at):
    start = text.rfind(b"\n", 0, at) + 1
    if text.startswith((b"##INFO=<ID=GFM_", b"##gfmtrust"), start):
        return True
    field = max(text.rfind(b"\t", 0, at), text.rfind(b";", 0, at), start)
    return text.startswith(b"GFM_", field + 1)


@pytest.mark.bad_input
def test_cut_and_damaged_outputs_are_found(tmp_path):
    source, output = annotated(tmp_path, vcf_text(AWKWARD * 2000))
    whole = output.read_bytes()
    path = tmp_path / "cut.vcf.gz"
    path.write_bytes(whole[:-28])
    with pytest.raises(InputOutputError, match="no end-of-file block"):
        verify.verify(source, path)
    for cut in range(100, len(whole) - 29, len(whole) // 7):
        path.write_bytes(whole[:cut])
        with pytest.raises((InputOutputError, BadDataError)):
            verify.verify(source, path)
    path.write_bytes(whole[:200] + b"\xff\xff" + whole[202:])
    with pytest.raises(InputOutputError):
        verify.verify(source, path)


@pytest.mark.bad_input
def test_plain_gzip_that_lost_its_end_is_found(tmp_path):
    source, output = annotated(tmp_path, vcf_text())
    path = tmp_path / "cut.vcf.gz"
    path.write_bytes(gzip.compress(naive_splice.text_of(output))[:-4])
    with pytest.raises(InputOutputError):
        verify.verify(source, path)


@pytest.mark.bad_input
def test_missing_file_and_another_file(tmp_path):
    source, output = annotated(tmp_path, vcf_text())
    with pytest.raises(MissingInputError, match="absent"):
        verify.verify(source, tmp_path / "absent.vcf")
    other = stored(tmp_path / "other.vcf", vcf_text(AWKWARD[1:]))
    with pytest.raises(BadDataError):
        verify.verify(other, output)
