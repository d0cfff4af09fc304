"""Every line of a BED comes back; interval sets against a set of positions; refusals by line."""

import gzip
import subprocess

import naive_splice
import numpy as np
import pandas as pd
import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vcf_texts import stored

from gfmtrust.core.errors import (
    BadDataError,
    CannotWriteError,
    InputOutputError,
    InternalError,
    MissingInputError,
    UsageError,
)
from gfmtrust.io import bed
from gfmtrust.io.bed import BedFile
from gfmtrust.io.intervals import IntervalSet

TEXT = (
    b'browser position chr1:1-9\ntrack name=x description="y z"\n# note\nchr1\t5\t9\ta b\r\nchr1\t7\t12\tx\nchr1\t7\t12\tx\n'
    b"chr1\t3\t3\tempty\nchr2\t0\t1000000\t\n"
)
ROWS = [
    ("chr1", 5, 9, 4),
    ("chr1", 7, 12, 5),
    ("chr1", 7, 12, 6),
    ("chr1", 3, 3, 7),
    ("chr2", 0, 1_000_000, 8),
]


def written(bedfile, output, n_columns=2, **options):
    values = [
        [f"{row}.{column}" for column in range(n_columns)] for row in range(len(bedfile.intervals))
    ]
    return bed.write(
        bedfile, output, [f"c{n}" for n in range(n_columns)], values, **options
    ), values


def intervals_of(rows):
    frame = pd.DataFrame(rows, columns=["contig", "start", "end"]).astype(
        {"start": "int64", "end": "int64"}
    )
    return BedFile("x.bed", (), frame.assign(line_no=range(1, len(rows) + 1)), 3)


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
def test_lines_and_intervals(tmp_path, how):
    bed_file = bed.read(stored(tmp_path / "a.bed", TEXT, how))
    assert b"".join(bed_file.lines) == TEXT
    assert [tuple(row) for row in bed_file.intervals.itertuples(index=False)] == ROWS
    assert bed_file.n_columns == 4


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"track name=x\n\n"])
def test_bed_without_intervals(tmp_path, text):
    bed_file = bed.read(stored(tmp_path / "a.bed", text))
    assert len(bed_file.intervals) == 0
    contract, _ = written(bed_file, tmp_path / "out.bed.gz")
    assert contract.intervals == 0
    assert naive_splice.text_of(tmp_path / "out.bed.gz") == text + b"#gfmtrust columns 4-5: c0 c1\n"
    assert IntervalSet.of(bed_file.intervals).n_bases() == 0


def test_columns_are_appended_and_all_else_is_kept(tmp_path):
    bed_file = bed.read(stored(tmp_path / "a.bed", TEXT))
    contract, values = written(
        bed_file, tmp_path / "out.bed.gz", header_lines=("#gfmtrust research use only",)
    )
    lines = naive_splice.lines_of(tmp_path / "out.bed.gz")
    assert lines[:3] == TEXT.splitlines(keepends=True)[:3]
    assert lines[3:5] == [b"#gfmtrust research use only\n", b"#gfmtrust columns 5-6: c0 c1\n"]
    assert lines[5:] == [
        b"chr1\t5\t9\ta b\t0.0\t0.1\r\n",
        b"chr1\t7\t12\tx\t1.0\t1.1\n",
        b"chr1\t7\t12\tx\t2.0\t2.1\n",
        b"chr1\t3\t3\tempty\t3.0\t3.1\n",
        b"chr2\t0\t1000000\t\t4.0\t4.1\n",
    ]
    assert (contract.intervals, contract.carried, contract.newline_added) == (5, 3, False)


def test_names_of_contigs_that_look_like_headers_are_intervals(tmp_path):
    bed_file = bed.read(stored(tmp_path / "a.bed", b"track1\t1\t5\nbrowserX\t1\t5\n"))
    assert list(bed_file.intervals["contig"]) == ["track1", "browserX"]
    covered = IntervalSet.of(bed_file.intervals)
    assert covered.contains("track1", np.array([0, 1, 4, 5])).tolist() == [False, True, True, False]
    assert sorted(covered.names) == ["browserX", "track1"]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        (b"chr1\t5\t9\nchr1\t7\t8\nchr2\t1\t2\n", "tbi"),
        (b"track x\nchr1\t5\t9\n", "tbi"),
        (b"\nbrowser x\n#c\nchr1\t5\t9\n#d\n", "tbi"),
        (b"chr1\t5\t9\nchr2\t536870911\t536870912\n", "csi"),
        (b"chr1\t5\t9\r\n", "tbi"),
        (b"", "tbi"),
    ],
)
def test_sorted_bed_gets_an_index_that_finds_its_lines(tmp_path, text, index):
    contract, _ = written(bed.read(stored(tmp_path / "a.bed", text)), tmp_path / "out.bed.gz")
    assert (contract.index, contract.warnings, contract.sorted) == (f"out.bed.gz.{index}", (), True)
    if text:
        with pysam.TabixFile(
            str(tmp_path / "out.bed.gz"), index=str(tmp_path / contract.index)
        ) as file:
            assert next(iter(file.fetch("chr1", 5, 6))).startswith("chr1\t5\t9\t")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b"chr1\t7\t9\nchr1\t5\t9\n", "not sorted; no index written; sort with bedtools sort"),
        (
            b"chr1\t7\t9\nchr2\t5\t9\nchr1\t8\t9\n",
            "not sorted; no index written; sort with bedtools sort",
        ),
        (
            b"chr1\t5\t9\n\nchr1\t7\t9\n",
            "track, browser or empty line between intervals; no index written",
        ),
        (
            b"chr1\t5\t9\ntrack x\nchr1\t7\t9\n",
            "track, browser or empty line between intervals; no index written",
        ),
    ],
)
def test_bed_that_no_index_can_serve_is_written_with_a_warning(tmp_path, text, result):
    contract, _ = written(bed.read(stored(tmp_path / "a.bed", text)), tmp_path / "out.bed.gz")
    assert contract.index is None
    assert [warning.text for warning in contract.warnings] == [result]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bed", "out.bed.gz"]


def test_missing_final_newline_is_added(tmp_path):
    contract, _ = written(bed.read(stored(tmp_path / "a.bed", TEXT[:-1])), tmp_path / "out.bed.gz")
    assert contract.newline_added is True
    assert naive_splice.text_of(tmp_path / "out.bed.gz").endswith(b"\t4.0\t4.1\n")


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/x.bed", "x"), ("x.bed.gz", "x"), ("x.y.bed.bgz", "x.y"), ("x.txt", "x.txt"), ("x", "x")],
)
def test_name_of_a_bed(path, name):
    assert bed.name_of(path) == name


# --- interval sets
# --------------------------------------------------------------------------------------------------------------

spans = st.lists(
    st.tuples(st.sampled_from(["chr1", "2", "track1"]), st.integers(0, 60), st.integers(0, 12)),
    max_size=15,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=spans)
def test_interval_set_equals_a_set_of_positions(rows):
    rows = [(contig, start, start + length) for contig, start, length in rows]
    covered = {(contig, pos) for contig, start, end in rows for pos in range(start, end)}
    result = IntervalSet.of(intervals_of(rows).intervals)
    assert result.n_bases() == len(covered)
    starts, ends = np.divmod(np.arange(80 * 5), 5)
    for contig in ("chr1", "2", "track1", "absent"):
        assert result.contains(contig, np.arange(80)).tolist() == [
            (contig, pos) in covered for pos in range(80)
        ]
        expected = [
            any((contig, pos) in covered for pos in range(start, start + width))
            for start, width in zip(starts, ends, strict=True)
        ]
        assert result.overlaps(contig, starts, starts + ends).tolist() == expected
        merged = result.intervals(contig)
        assert (merged[1:, 0] > merged[:-1, 1]).all()
        assert {(contig, pos) for start, end in merged for pos in range(start, end)} == {
            place for place in covered if place[0] == contig
        }


def test_interval_set_takes_names_of_the_genome(tmp_path):
    path = stored(tmp_path / "a.bed", b"1\t5\t9\nchr2\t1\t2\n1\t9\t10\n")
    result = bed.intervals(path, {"1": "chr1"})
    assert result.names == ["chr1", "chr2"]
    assert result.intervals("chr1").tolist() == [[5, 10]]


def test_interval_set_agrees_with_bedtools(tmp_path):
    rng = np.random.default_rng(3)
    start = np.sort(rng.integers(0, 5000, 400))
    rows = [
        ("chr1", int(s), int(s + length))
        for s, length in zip(start, rng.integers(1, 40, 400), strict=True)
    ]
    path = stored(tmp_path / "a.bed", "".join(f"{c}\t{s}\t{e}\n" for c, s, e in rows).encode())
    merged = subprocess.run(
        ["bedtools", "merge", "-i", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert [
        [int(cell) for cell in text.split("\t")[1:]] for text in merged.splitlines()
    ] == bed.intervals(path).intervals("chr1").tolist()


# --- refusals
# -------------------------------------------------------------------------------------------------------------------

BAD = [
    (b"chr1\t200\t100\n", "line 2: end 100 before start 200; expected start <= end; fix the line"),
    (b"chr1\t-1\t100\n", "line 2: start is '-1'; expected an integer >= 0"),
    (b"chr1\tx\t100\n", "line 2: start is 'x'"),
    (b"chr1\t1\t1e3\n", "line 2: end is '1e3'"),
    (b"chr1\t1\t\n", "line 2: end is ''"),
    (b"chr1\t1\n", "line 2: 2 columns; expected at least 3, by tabs"),
    (b"chr1 1 5\n", "line 2: 1 columns"),
    (b"chr1\t1\t5\tname\n", "line 2: 4 columns; lines before have 3"),
    (b"\t1\t5\n", "line 2: contig name ''"),
    (b"chr 1\t1\t5\n", "line 2: contig name 'chr 1' not allowed"),
    (b"chr1\x1b\t1\t5\n", "line 2: contig name 'chr1\\x1b' not allowed"),
    (b"chr1\t1\t" + b"9" * 30 + b"\n", "line 2: end is '999"),
    (b"x" * (bed.MAX_LINE + 1), "line 2: longer than 1 MiB"),
]


@pytest.mark.bad_input
@pytest.mark.parametrize(("line", "result"), BAD)
def test_a_malformed_line_stops_with_its_number(tmp_path, line, result):
    with pytest.raises(BadDataError) as caught:
        bed.read(stored(tmp_path / "a.bed", b"chr1\t5\t9\n" + line))
    assert str(caught.value).startswith("a.bed: ")
    assert result in str(caught.value)


@pytest.mark.bad_input
def test_files_that_are_no_bed(tmp_path):
    with pytest.raises(BadDataError, match="byte-order mark"):
        bed.read(stored(tmp_path / "a.bed", b"\xef\xbb\xbfchr1\t1\t2\n"))
    with pytest.raises(MissingInputError):
        bed.read(tmp_path / "absent.bed")
    path = stored(tmp_path / "a.bed.gz", TEXT, "bgzf")
    path.write_bytes(path.read_bytes()[:-28])
    with pytest.raises(InputOutputError, match="no end-of-file block"):
        bed.read(path)


@pytest.mark.bad_input
def test_output_rules_are_those_of_every_writer(tmp_path):
    source = stored(tmp_path / "a.bed", TEXT)
    bed_file = bed.read(source)
    with pytest.raises(UsageError, match="output is the input"):
        written(bed_file, source, inputs=(source,), force=True)
    (tmp_path / "out.bed.gz").write_bytes(b"precious")
    with pytest.raises(CannotWriteError, match="give --force"):
        written(bed_file, tmp_path / "out.bed.gz")
    written(bed_file, tmp_path / "out.bed.gz", force=True)
    again = bed.read(tmp_path / "out.bed.gz")
    with pytest.raises(
        BadDataError, match="carries #gfmtrust lines; expected a file not yet annotated"
    ):
        written(again, tmp_path / "again.bed.gz")
    (tmp_path / "full.bed.gz.part").symlink_to("/dev/full")
    with pytest.raises(InputOutputError, match="full.bed.gz: no space left on device"):
        written(bed_file, tmp_path / "full.bed.gz")
    assert not (tmp_path / "full.bed.gz").exists()
    assert not (tmp_path / "full.bed.gz.part").is_symlink()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "values",
    [
        [["1"]],
        [["1", "2"]] * 4,
        [["1", "2", "3"]] * 5,
        [["1\t", "2"]] * 5,
        [["1\n", "2"]] * 5,
        [["", "2\r"]] * 5,
    ],
)
def test_values_that_do_not_fit_are_our_bug(tmp_path, values):
    with pytest.raises(InternalError):
        bed.write(
            bed.read(stored(tmp_path / "a.bed", TEXT)), tmp_path / "out.bed.gz", ["a", "b"], values
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a.bed"]


@pytest.mark.bad_input
def test_header_line_that_is_not_recognisably_ours_is_misuse(tmp_path):
    with pytest.raises(ValueError, match="must begin #gfmtrust"):
        written(
            bed.read(stored(tmp_path / "a.bed", TEXT)),
            tmp_path / "out.bed.gz",
            header_lines=("track",),
        )


bed_line = st.one_of(
    st.tuples(
        st.sampled_from([b"chr1", b"2"]),
        st.integers(0, 99),
        st.integers(0, 9),
        st.binary(max_size=5),
    ).map(
        lambda row: (
            b"%b\t%d\t%d\t%b" % (row[0], row[1], row[1] + row[2], row[3].translate(None, b"\t\r\n"))
        )
    ),
    st.sampled_from([b"# x", b"", b"track y", b"chr1\t5", b"chr1\t9\t2\tx"]),
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(bed_line, max_size=8), end=st.sampled_from([b"\n", b"\r\n"]), cut=st.booleans()
)
def test_round_trip_of_generated_beds(tmp_path, lines, end, cut):
    text = end.join(lines) + (b"" if cut else end)
    source, output = stored(tmp_path / "a.bed", text), tmp_path / "out.bed.gz"
    try:
        bed_file = bed.read(source)
    except BadDataError:
        assert any(line in (b"chr1\t5", b"chr1\t9\t2\tx") for line in lines)
        return
    written(bed_file, output, force=True)
    back = [
        line
        for line in gzip.decompress(output.read_bytes()).split(b"\n")
        if not line.startswith(b"#gfmtrust")
    ]
    intervals = set(bed_file.intervals["line_no"])
    stripped = [
        line.removesuffix(b"\r").rsplit(b"\t", 2)[0] + (b"\r" if line.endswith(b"\r") else b"")
        if n in intervals
        else line
        for n, line in enumerate(back, start=1)
    ]
    assert b"\n".join(stripped) == (text if text.endswith(b"\n") or not text else text + b"\n")
