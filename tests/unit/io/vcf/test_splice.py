"""No byte of the user's changes but ours: exact twins, foreign readers, faults of the disk, and a
property over generated files."""

import os
import subprocess

import naive_splice
import pysam
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from paths import ROOT
from vcf_texts import AWKWARD, COLUMNS, HEADER, OUR_LINES, line, simple_values, stored, vcf_text

from gfmtrust.core.errors import (
    BadDataError,
    CannotWriteError,
    GfmtrustError,
    InputOutputError,
    InternalError,
    MissingInputError,
    UsageError,
)
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf import splice, verify
from gfmtrust.io.vcf.info_column import (
    canonical,
    key_in,
    statuses_of,
    with_our_keys,
    without_keys,
)

DATA = ROOT.parent / "shared" / "data"


A_AND_B = frozenset((b"GFM_A", b"GFM_B"))


def annotate(source, output, values=simple_values, lines=OUR_LINES, **options):
    return splice.annotate(source, output, values, lines, **options)


def naive_values(path):
    return [
        simple_values(record) if record.alts else None for record in vcf_reader.read_records(path)
    ]


def left_over(folder):
    return sorted(path.name for path in folder.iterdir())


# --- column 8
# -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "spliced"),
    [
        (b".", b"GFM_A=1"),
        (b"", b"GFM_A=1"),
        (b"AC=1", b"AC=1;GFM_A=1"),
        (b"AC=1;", b"AC=1;GFM_A=1"),
        (b";", b";GFM_A=1"),
        (b"AC=1;;", b"AC=1;;GFM_A=1"),
        (b"DB", b"DB;GFM_A=1"),
        (b"..", b"..;GFM_A=1"),
    ],
)
def test_our_keys_go_to_the_end_and_come_off_again(info, spliced):
    assert with_our_keys(info, b"GFM_A=1") == spliced
    assert canonical(spliced, A_AND_B) == canonical(info, A_AND_B)


@pytest.mark.parametrize(
    ("info", "plain"),
    [
        (b"GFM_A=1", b""),
        (b"GFM_A=1;AC=1", b"AC=1"),
        (b"AC=1;GFM_A=1;DB", b"AC=1;DB"),
        (b"GFM_A=1;GFM_B=2", b""),
        (b"GFM_A", b""),
        (b"AC=1;MYGFM_A=1", b"AC=1;MYGFM_A=1"),
        (b"X=GFM_A", b"X=GFM_A"),
        (b"X=;GFM_A=1;", b"X=;"),
        (b";GFM_A=1", b""),
        (b"gfm_a=1", b"gfm_a=1"),
        (b"GFM_X=1;GFM_A=1", b"GFM_X=1"),
        (b"GFM_AB=1;GFM_A;GFM_=2", b"GFM_AB=1;GFM_=2"),
        (b"GFM_A\n=1", b"GFM_A\n=1"),
    ],
)
def test_only_the_given_keys_are_removed(info, plain):
    assert without_keys(info, A_AND_B) == plain
    assert bool(key_in(info, A_AND_B)) is (info != plain)
    assert without_keys(info, frozenset()) == info


@pytest.mark.parametrize(
    ("one", "other"),
    [(b"AC=1", b"AC=2"), (b"AC=1", b"AC=1;DB"), (b"A;B", b"A;;B"), (b".", b"A"), (b"A", b";A")],
)
def test_canonical_form_keeps_columns_apart_that_differ(one, other):
    assert canonical(one, A_AND_B) != canonical(other, A_AND_B)


def test_statuses_are_read_from_the_finished_text():
    assert statuses_of(b"GFM_STATUS=SCORED,SYMBOLIC;GFM_RANK=3,0;GFM_WHY=A&B,.", 2) == [
        "SCORED",
        "SYMBOLIC",
    ]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"GFM_STATUS=SCORED",
        b"GFM_RANK=1",
        b"GFM_STATUS=SCORED;GFM_RANK=1,2",
        b"GFM_STATUS=SCORED;GFM_RANK=",
        b"GFM_STATUS=FINE;GFM_RANK=1",
        b"GFM_STATUS=SCORED;GFM_RANK=1;",
        b"GFM_STATUS=SCORED;GFM_RANK=1;GFM_RANK=1",
        b"GFM_STATUS=SCORED;GFM_RANK=1;AC=1",
        b"GFM_STATUS=SCORED;GFM_RANK=1;GFM_X=a b",
        b"GFM_STATUS=SCORED;GFM_RANK=1;GFM_X=a\tb",
        b"GFM_STATUS=SCORED;GFM_RANK=1;GFM_X=a=b",
        b"GFM_STATUS=SCORED;GFM_RANK=1\n",
        b"GFM_STATUS=SCORED,SCORED;GFM_RANK=1,1",
        b"GFM_STATUS=SCORED;GFM_RANK=1;GFM_X=\xff",
    ],
)
def test_malformed_values_are_our_bug(text):
    with pytest.raises(InternalError):
        statuses_of(text, 1)


# --- whole files
# ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("samples", [False, True])
def test_output_equals_the_obvious_twin(tmp_path, how, end, samples):
    text = vcf_text(samples=samples, end=end)
    source, output = stored(tmp_path / "in.vcf", text, how), tmp_path / "out.vcf.gz"
    contract = annotate(source, output)
    assert naive_splice.text_of(output) == naive_splice.expected(
        text, OUR_LINES, naive_values(source)
    )
    assert (contract.records, contract.alts, contract.no_alt) == (13, 19, 1)
    assert contract.statuses == {"SCORED": 19}
    assert contract.newline_added is False
    assert verify.verify(source, output) == {"records": 13, "alts": 19, "no_alt": 1, "SCORED": 19}


def test_missing_final_newline_is_added_and_noted(tmp_path):
    for end in (b"\n", b"\r\n"):
        text = vcf_text(end=end)
        cut = text[:-1]
        contract = annotate(stored(tmp_path / "in.vcf", cut), tmp_path / "out.vcf.gz", force=True)
        assert contract.newline_added is True
        assert naive_splice.text_of(tmp_path / "out.vcf.gz").endswith(end)
        assert (
            contract.digest
            == annotate(
                stored(tmp_path / "whole.vcf", text), tmp_path / "b.vcf.gz", force=True
            ).digest
        )


def test_file_without_records_is_valid_and_indexed(tmp_path):
    for text in (HEADER + COLUMNS, HEADER + COLUMNS[:-1]):
        contract = annotate(stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz", force=True)
        assert (contract.records, contract.alts, contract.index) == (0, 0, "out.vcf.gz.tbi")
        with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as file:
            assert "GFM_RANK" in file.header.info


def test_header_lines_stand_just_before_the_columns_in_order(tmp_path):
    annotate(stored(tmp_path / "in.vcf", vcf_text()), tmp_path / "out.vcf.gz")
    lines = naive_splice.lines_of(tmp_path / "out.vcf.gz")
    assert b"".join(lines[:5]) == HEADER
    assert [text.decode().rstrip("\n") for text in lines[5:8]] == OUR_LINES
    assert lines[8] == COLUMNS


def test_records_without_alt_are_untouched_and_get_no_call(tmp_path):
    asked: list = []
    text = vcf_text(
        [
            (b"chr1", b"1", b"A", b".", b""),
            (b"chr1", b"2", b"A", b".", b"."),
            (b"chr1", b"3", b"A", b".", b"AC=1;"),
        ]
    )
    contract = annotate(
        stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz", values=asked.append
    )
    assert asked == []
    assert contract.no_alt == contract.records == 3
    assert (
        naive_splice.lines_of(tmp_path / "out.vcf.gz")[-3:] == text.splitlines(keepends=True)[-3:]
    )


def test_same_input_gives_the_same_bytes(tmp_path):
    source = stored(tmp_path / "in.vcf", vcf_text(), "bgzf")
    for name in ("a.vcf.gz", "b.vcf.gz"):
        annotate(source, tmp_path / name)
    assert (tmp_path / "a.vcf.gz").read_bytes() == (tmp_path / "b.vcf.gz").read_bytes()
    assert left_over(tmp_path) == ["a.vcf.gz", "b.vcf.gz", "in.vcf"] or "a.vcf.gz.tbi" in left_over(
        tmp_path
    )
    assert not [name for name in left_over(tmp_path) if name.endswith(".part")]


def test_digest_sees_every_column_and_the_order(tmp_path):
    records = [(b"chr1", b"5", b"A", b"C", b"AC=1"), (b"chr1", b"5", b"A", b"G", b"AC=1")]
    digests = set()
    for n, changed in enumerate(
        [
            records,
            records[::-1],
            records[:1],
            [(b"chr1", b"6", b"A", b"C", b"AC=1"), records[1]],
            [(b"chr1", b"5", b"A", b"C", b"AC=2"), records[1]],
        ]
    ):
        contract = annotate(
            stored(tmp_path / f"{n}.vcf", vcf_text(changed)), tmp_path / f"{n}.vcf.gz"
        )
        digests.add(contract.digest)
    assert len(digests) == 5


def test_digest_is_the_same_for_two_spellings_of_an_empty_info(tmp_path):
    digests = {
        annotate(
            stored(tmp_path / f"{n}.vcf", vcf_text([(b"chr1", b"5", b"A", b"C", info)])),
            tmp_path / f"{n}.vcf.gz",
        ).digest
        for n, info in enumerate([b".", b"", b";", b".;"])
    }
    assert len(digests) == 1


@pytest.mark.long
def test_a_record_may_have_any_number_of_alts(tmp_path):
    alts = b",".join(b"A" + b"C" * (n % 40) + b"ACGT"[n % 4 : n % 4 + 1] for n in range(30_000))
    source = stored(tmp_path / "in.vcf", vcf_text([(b"chr1", b"5", b"A", alts, b"AC=1")]))
    contract = annotate(source, tmp_path / "out.vcf.gz")
    assert contract.alts == 30_000
    assert verify.verify(source, tmp_path / "out.vcf.gz")["alts"] == 30_000


# --- index
# ----------------------------------------------------------------------------------------------------------------------

SORTED = [
    (b"chr1", b"5", b"A", b"C", b"."),
    (b"chr1", b"5", b"A", b"G", b"."),
    (b"chr1", b"9", b"AT", b"A", b"."),
    (b"chr2", b"1", b"A", b"C", b"."),
]


def test_sorted_file_gets_a_tbi_that_finds_its_records(tmp_path):
    contract = annotate(stored(tmp_path / "in.vcf", vcf_text(SORTED)), tmp_path / "out.vcf.gz")
    assert (contract.sorted, contract.index, contract.warnings) == (True, "out.vcf.gz.tbi", ())
    completed = subprocess.run(
        [
            "bcftools",
            "query",
            "-f",
            "%CHROM:%POS %GFM_RANK\n",
            "-r",
            "chr1:9-20",
            str(tmp_path / "out.vcf.gz"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "chr1:9 0\n"


@pytest.mark.parametrize(
    ("header", "pos"), [(b"length=600000000", b"5"), (b"length=60", b"600000000")]
)
def test_contig_or_position_beyond_2_29_gets_a_csi(tmp_path, header, pos):
    text = vcf_text([(b"chr1", pos, b"A", b"C", b".")]).replace(b"length=60", header)
    contract = annotate(stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz")
    assert contract.index == "out.vcf.gz.csi"
    assert left_over(tmp_path) == ["in.vcf", "out.vcf.gz", "out.vcf.gz.csi"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("records", "line_no"),
    [
        ([SORTED[2], SORTED[0]], 8),
        ([SORTED[0], SORTED[3], SORTED[1]], 9),
        ([*SORTED, SORTED[3], SORTED[0], SORTED[3]], 12),
    ],
)
def test_unsorted_file_is_annotated_in_its_order_without_an_index(tmp_path, records, line_no):
    source = stored(tmp_path / "in.vcf", vcf_text(records))
    contract = annotate(source, tmp_path / "out.vcf.gz")
    assert contract.sorted is False
    assert contract.index is None
    (warning,) = contract.warnings
    assert warning.text == "not sorted; no index written; sort with bcftools sort"
    assert warning.first == f"out.vcf.gz line {line_no}"
    assert left_over(tmp_path) == ["in.vcf", "out.vcf.gz"]
    assert verify.verify(source, tmp_path / "out.vcf.gz")["records"] == len(records)


def test_force_replaces_output_and_index_of_another_kind(tmp_path):
    output = tmp_path / "out.vcf.gz"
    annotate(
        stored(tmp_path / "long.vcf", vcf_text([(b"chr1", b"600000000", b"A", b"C", b".")])), output
    )
    annotate(stored(tmp_path / "in.vcf", vcf_text(SORTED)), output, force=True)
    assert left_over(tmp_path) == ["in.vcf", "long.vcf", "out.vcf.gz", "out.vcf.gz.tbi"]


# --- annotated already
# ----------------------------------------------------------------------------------------------------------


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        HEADER + OUR_LINES[1].encode() + b"\n" + COLUMNS + line(),
        HEADER + OUR_LINES[1].encode() + b"\n" + COLUMNS + line(info=b"GFM_RANK=1"),
        HEADER + b"##gfmtrustVersion=0\n" + COLUMNS,
        HEADER + b"##GFM_model=<ID=x>\n" + COLUMNS,
    ],
)
def test_annotated_input_is_refused_and_nothing_left(tmp_path, text):
    with pytest.raises(
        BadDataError,
        match="carries GFM_ keys of gfmtrust; expected an unannotated file; give --overwrite to replace exactly these",
    ):
        annotate(stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz")
    assert left_over(tmp_path) == ["in.vcf"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_overwrite_gives_what_annotating_the_original_gives(tmp_path, end):
    # All but the columns 8 of which no one can say how they were before: '' and a trailing ';'.
    records = [record for record in AWKWARD if record[4] != b"" and not record[4].endswith(b";")]
    source = stored(tmp_path / "in.vcf", vcf_text(records, end=end))
    first = annotate(
        source,
        tmp_path / "once.vcf.gz",
        values=lambda record: (
            simple_values(record) + b";GFM_OLD=" + b",".join([b"1"] * len(record.alts))
        ),
        lines=["##gfmtrustOld=1", OUR_LINES[0].replace("STATUS", "OLD"), *OUR_LINES],
    )
    second = annotate(tmp_path / "once.vcf.gz", tmp_path / "twice.vcf.gz", overwrite=True)
    annotate(source, tmp_path / "plain.vcf.gz")
    assert naive_splice.text_of(tmp_path / "twice.vcf.gz") == naive_splice.text_of(
        tmp_path / "plain.vcf.gz"
    )
    assert (
        second.replaced == 5 + len(records) - 1
    )  # header lines, and the records but the one without ALT
    assert first.digest == second.digest
    assert verify.verify(tmp_path / "once.vcf.gz", tmp_path / "twice.vcf.gz")["records"] == len(
        records
    )


def test_overwrite_removes_our_keys_from_a_record_without_alt(tmp_path):
    records = [
        (b"chr1", b"1", b"A", b".", b"GFM_RANK=1"),
        (b"chr1", b"2", b"A", b".", b"AC=1;GFM_RANK=1"),
    ]
    text = vcf_text(records).replace(COLUMNS, OUR_LINES[1].encode() + b"\n" + COLUMNS)
    annotate(stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz", overwrite=True)
    assert [
        text.split(b"\t")[7] for text in naive_splice.lines_of(tmp_path / "out.vcf.gz")[-2:]
    ] == [b".\n", b"AC=1\n"]


FOREIGN = (
    b'##INFO=<ID=GFM_X,Number=1,Type=Integer,Description="by another, Source=gfmtrust">\n'
    b"##GFM_tool=3\n##gfmtrustlike=1\n"
)
"""Header lines of another program whose names begin as ours do."""


@pytest.mark.parametrize("overwrite", [False, True])
def test_keys_and_lines_of_other_programs_stay_byte_for_byte(tmp_path, overwrite):
    infos = (b"GFM_X=1", b"GFM_X=2;AC=1", b"AC=1;GFM_Y;GFM_RANKS=4", b"GFM_X=3;GFM_X=4")
    records = [(b"chr1", b"5", b"A", b"C", info) for info in infos]
    text = vcf_text(records).replace(COLUMNS, FOREIGN + COLUMNS)
    source, output = stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz"
    annotate(source, output, overwrite=overwrite)
    written = naive_splice.text_of(output)
    assert written == naive_splice.expected(text, OUR_LINES, naive_values(source))
    assert verify.verify(source, output)["records"] == 4
    annotate(output, tmp_path / "again.vcf.gz", overwrite=True)
    assert naive_splice.text_of(tmp_path / "again.vcf.gz") == written
    assert verify.verify(output, tmp_path / "again.vcf.gz")["records"] == 4


@pytest.mark.bad_input
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("header", "info", "place"),
    [
        (b"", b"AC=1;GFM_RANK=3", "in.vcf chr1:5"),
        (b"", b"GFM_STATUS", "in.vcf chr1:5"),
        (
            b'##INFO=<ID=GFM_RANK,Number=A,Type=Integer,Description="r">\n',
            b"AC=1",
            "in.vcf header",
        ),
        (
            b'##INFO=<ID=GFM_RANK,Number=A,Type=Integer,Description="Source=\\"gfmtrust\\"">\n',
            b"AC=1",
            "in.vcf header",
        ),
        (
            OUR_LINES[0].replace("STATUS", "OLD").encode()
            + b'\n##INFO=<ID=GFM_OLD,Number=1,Type=Flag,Description="theirs">\n',
            b"GFM_OLD=1",
            "in.vcf header",
        ),
    ],
)
def test_a_foreign_key_with_a_name_of_ours_is_refused(tmp_path, header, info, place, overwrite):
    text = HEADER + header + COLUMNS + line(info=info)
    source = stored(tmp_path / "in.vcf", text)
    overwrite = overwrite or b"gfmtrust" in header
    with pytest.raises(BadDataError, match=rf"{place}: carries the INFO key GFM_[A-Z]+ of another"):
        annotate(source, tmp_path / "out.vcf.gz", overwrite=overwrite)
    assert left_over(tmp_path) == ["in.vcf"]


# --- refusals and faults
# --------------------------------------------------------------------------------------------------------


@pytest.mark.bad_input
@pytest.mark.parametrize("link", [None, "symbolic", "hard"])
@pytest.mark.parametrize("force", [False, True])
def test_output_is_input_also_by_link(tmp_path, link, force):
    source = output = stored(tmp_path / "in.vcf.gz", vcf_text(), "bgzf")
    before = source.read_bytes()
    if link:
        output = tmp_path / "link.vcf.gz"
        (output.symlink_to if link == "symbolic" else output.hardlink_to)(source)
    with pytest.raises(UsageError, match="output is the input; expected another path"):
        annotate(source, output, force=force)
    assert source.read_bytes() == before


@pytest.mark.bad_input
def test_the_part_file_never_overwrites_the_input(tmp_path):
    source = stored(tmp_path / "out.vcf.gz.part", vcf_text())
    with pytest.raises(UsageError, match="output is the input"):
        annotate(source, tmp_path / "out.vcf.gz")
    assert source.read_bytes() == vcf_text()


@pytest.mark.bad_input
def test_existing_output_stays_as_it_is(tmp_path):
    output = tmp_path / "out.vcf.gz"
    output.write_bytes(b"precious")
    with pytest.raises(
        CannotWriteError, match="exists; expected a new path; give --force to replace it"
    ):
        annotate(stored(tmp_path / "in.vcf", vcf_text()), output)
    assert output.read_bytes() == b"precious"
    output.unlink()
    output.symlink_to(tmp_path / "nowhere")
    with pytest.raises(CannotWriteError, match="exists"):
        annotate(tmp_path / "in.vcf", output)


@pytest.mark.bad_input
def test_output_in_a_folder_that_is_not_there_or_is_a_folder(tmp_path):
    source = stored(tmp_path / "in.vcf", vcf_text())
    with pytest.raises(CannotWriteError, match="cannot be written"):
        annotate(source, tmp_path / "absent" / "out.vcf.gz")
    with pytest.raises(CannotWriteError, match="is a folder"):
        annotate(source, tmp_path)


@pytest.mark.bad_input
def test_forced_run_that_fails_leaves_the_old_output(tmp_path):
    output = tmp_path / "out.vcf.gz"
    output.write_bytes(b"precious")
    with pytest.raises(BadDataError):
        annotate(stored(tmp_path / "in.vcf", vcf_text() + b"cut"), output, force=True)
    assert output.read_bytes() == b"precious"
    assert left_over(tmp_path) == ["in.vcf", "out.vcf.gz"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"", BadDataError),
        (line(), BadDataError),
        (vcf_text() + b"chr1\t5\n", BadDataError),
        (vcf_text() + line(pos=b"x"), BadDataError),
    ],
)
def test_bad_input_leaves_nothing(tmp_path, text, kind):
    with pytest.raises(kind):
        annotate(stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz")
    assert left_over(tmp_path) == ["in.vcf"]
    with pytest.raises(MissingInputError):
        annotate(tmp_path / "absent.vcf", tmp_path / "out.vcf.gz")


@pytest.mark.bad_input
def test_stream_cut_at_a_block_edge_leaves_nothing(tmp_path):
    source = stored(tmp_path / "in.vcf.gz", vcf_text(AWKWARD * 3000), "bgzf")
    source.write_bytes(source.read_bytes()[:-28])
    with pytest.raises(InputOutputError, match="no end-of-file block"):
        annotate(source, tmp_path / "out.vcf.gz")
    assert left_over(tmp_path) == ["in.vcf.gz"]


@pytest.mark.bad_input
def test_full_disk_says_after_how_many_records_and_leaves_nothing(tmp_path):
    # the part is a link to a device that is always full; a stale part of a killed run is
    # overwritten in the same way
    (tmp_path / "out.vcf.gz.part").symlink_to("/dev/full")
    records = [
        (b"chr1", str(n).encode(), b"A", b"C", b"X=%d" % (n * 7919)) for n in range(1, 40_001)
    ]
    source = stored(tmp_path / "in.vcf", vcf_text(records))
    with pytest.raises(
        InputOutputError,
        match=r"out.vcf.gz: no space left on device after [1-9][0-9,]* records; expected room",
    ):
        annotate(source, tmp_path / "out.vcf.gz")
    assert left_over(tmp_path) == ["in.vcf"]


@pytest.mark.bad_input
def test_full_disk_at_the_last_bytes_of_a_small_file(tmp_path):
    (tmp_path / "out.vcf.gz.part").symlink_to("/dev/full")
    with pytest.raises(InputOutputError, match="no space left on device"):
        annotate(stored(tmp_path / "in.vcf", vcf_text()), tmp_path / "out.vcf.gz")
    assert left_over(tmp_path) == ["in.vcf"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "bad", [lambda record: b"GFM_STATUS=SCORED;GFM_RANK=1", lambda record: b"AC=1"]
)
def test_values_that_do_not_fit_the_record_are_our_bug(tmp_path, bad):
    source = stored(tmp_path / "in.vcf", vcf_text([(b"chr1", b"1", b"A", b"C,G", b".")]))
    with pytest.raises(InternalError):
        annotate(source, tmp_path / "out.vcf.gz", values=bad)
    assert left_over(tmp_path) == ["in.vcf"]


@pytest.mark.bad_input
def test_interruption_leaves_nothing(tmp_path):
    def stop(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate(stored(tmp_path / "in.vcf", vcf_text()), tmp_path / "out.vcf.gz", values=stop)
    assert left_over(tmp_path) == ["in.vcf"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text", ["##INFO=<ID=AC>", "##GFM_x=1", "##INFO=<ID=GFM_RANK>", OUR_LINES[0] + "\n", "x"]
)
def test_header_line_that_is_not_recognisably_ours_is_misuse(tmp_path, text):
    with pytest.raises(ValueError, match="recognisably ours"):
        annotate(stored(tmp_path / "in.vcf", vcf_text()), tmp_path / "out.vcf.gz", lines=[text])


@pytest.mark.bad_input
@pytest.mark.parametrize("harm", ["drop", "swap", "byte", "header", "double"])
def test_self_check_finds_a_writer_that_harms(tmp_path, monkeypatch, harm):
    real = splice.BgzfWriter

    class Harmful(real):
        n = 0

        def write(self, text):
            type(self).n += 1
            number = type(self).n
            if harm == "drop" and number == 12:
                return
            if harm == "header" and number == 3:
                return
            if harm == "byte" and number == 12:
                text = text.replace(b"rs1", b"rs2")
            if harm == "double" and number == 12:
                super().write(text)
            if harm == "swap" and number in (12, 13):
                if number == 12:
                    type(self).kept = text
                    return
                text = text + type(self).kept
            super().write(text)

    monkeypatch.setattr(splice, "BgzfWriter", Harmful)
    with pytest.raises(InternalError, match="as in the input"):
        annotate(stored(tmp_path / "in.vcf", vcf_text()), tmp_path / "out.vcf.gz")
    assert left_over(tmp_path) == ["in.vcf"]


# --- foreign readers and real files
# ---------------------------------------------------------------------------------------------


def bcftools(*arguments):
    return subprocess.run(
        ["bcftools", *map(str, arguments)], capture_output=True, check=True
    ).stdout


def test_bcftools_reads_the_output_and_annotate_x_gives_the_input_back(tmp_path):
    keys = (
        b"SVTYPE",
        b"END",
        b"MATEID",
        b"XYZ",
        b"X",
        b"Y",
        b"NOGFM_",
        b"MYGFM_X",
    )  # bcftools writes no record with an undeclared one
    declared = (
        b"".join(b'##INFO=<ID=%b,Number=1,Type=String,Description="">\n' % key for key in keys)
        + b"##contig=<ID=chrUn>\n"
    )
    source = stored(tmp_path / "in.vcf", vcf_text().replace(COLUMNS, declared + COLUMNS))
    annotate(source, tmp_path / "out.vcf.gz")
    stripped = bcftools("annotate", "-x", "INFO/GFM_STATUS,INFO/GFM_RANK", tmp_path / "out.vcf.gz")
    assert records_of(stripped) == records_of(bcftools("view", source))


def test_bcftools_norm_gives_each_allele_its_own_values(tmp_path):
    annotate(stored(tmp_path / "in.vcf", vcf_text(AWKWARD[:2])), tmp_path / "out.vcf.gz")
    split = records_of(bcftools("norm", "-m-", tmp_path / "out.vcf.gz"))
    assert [text.split(b"\t")[4] + b" " + text.split(b"GFM_RANK=")[1] for text in split] == [
        b"C 0",
        b"c 0",
        b"g 1",
        b"* 2",
    ]


def records_of(text):
    return [line for line in text.splitlines() if not line.startswith(b"#")]


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")
@pytest.mark.parametrize(
    "name",
    [
        "hg19_chr20/NA12878_gatk4.g.vcf.gz",
        "hg19_chr20/trio_NA12877_NA12878_NA12882.vcf.gz",
        "hg19_chr20/mutect2_somatic.vcf.gz",
        "hg38_chr1/NA12878_18_99_germline.vcf.gz",
        "b37_chr1/CEU_trio.vcf.gz",
        "b37_sarek_small/1000G_phase1.indels.vcf.gz",
        "phage_lambda/lambda_4samples.vcf.gz",
        "phage_lambda/lambda_sample1.vcf.gz",
    ],
)
def test_real_files_come_back_byte_for_byte(tmp_path, name):
    source, output = DATA / name, tmp_path / "out.vcf.gz"
    contract = annotate(source, output)
    assert naive_splice.text_of(output) == naive_splice.expected(
        naive_splice.text_of(source), OUR_LINES, naive_values(source)
    )
    assert contract.index == "out.vcf.gz.tbi"
    assert verify.verify(source, output)["alts"] == contract.alts == sum(contract.statuses.values())


# --- the property above all: for any input, the output without our keys is the input, or a
# documented code ------------------------

field = st.binary(max_size=8).map(lambda text: text.replace(b"\t", b"").replace(b"\n", b""))
info = st.one_of(
    field,
    st.sampled_from(
        [b".", b"", b";", b"AC=1;", b"AC=1;;", b"GFM", b"XGFM_=1;GFM=2", b"\r", b"A=\r", b"DB"]
    ),
)
some_allele = st.sampled_from(
    [b"A", b"C", b"g", b"*", b"<DEL>", b"<NON_REF>", b"N", b"]x:1]A", b"AT", b"\xff"]
)
alleles = st.lists(some_allele, min_size=1, max_size=4)
record_lines = st.builds(
    lambda contig, pos, name, ref, alts, qual, filters, text, end: (
        b"\t".join([contig, str(pos).encode(), name, ref, b",".join(alts), qual, filters, text])
        + end
    ),
    st.sampled_from([b"chr1", b"chr2", b"HLA*1", b"1"]),
    st.integers(0, 10**9),
    field,
    st.sampled_from([b"A", b"AC", b"n", b"."]),
    st.one_of(alleles, st.just([b"."])),
    field,
    field,
    info,
    st.sampled_from([b"\n", b"\r\n"]),
)
files = st.builds(
    lambda lines, cut: (HEADER + COLUMNS + b"".join(lines))[: None if not cut else -1],
    st.lists(record_lines, max_size=12),
    st.booleans(),
)


GENERATED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
THOROUGH = settings(GENERATED, max_examples=5000)


@GENERATED
@given(text=files, how=st.sampled_from(["plain", "gzip"]))
def test_round_trip_of_generated_files(tmp_path, text, how):
    check_round_trip(tmp_path, text, how)


@pytest.mark.slow
@THOROUGH
@given(text=files, how=st.sampled_from(["plain", "gzip"]))
def test_round_trip_of_many_generated_files(tmp_path, text, how):
    check_round_trip(tmp_path, text, how)


def check_round_trip(tmp_path, text, how):
    source, output = stored(tmp_path / "in.vcf", text, how), tmp_path / "out.vcf.gz"
    try:
        contract = annotate(source, output, force=True)
    except BadDataError:
        output.unlink(missing_ok=True)
        return
    assert naive_splice.text_of(output) == naive_splice.expected(
        text, OUR_LINES, naive_values(source)
    )
    counts = verify.verify(source, output)
    assert counts["alts"] == contract.alts
    assert (
        counts["records"] == contract.records == len(text.splitlines(keepends=True)) - 6
        or b"\r" in text
    )


anything = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=60).map(lambda text: HEADER + COLUMNS + text),
    st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=3)).map(
        lambda change: (
            vcf_text()[: change[0]] + change[1] + vcf_text()[change[0] + len(change[1]) :]
        )
    ),
)


HEADER_ALONE = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@GENERATED
@given(text=anything)
@example(text=HEADER_ALONE + b"\n")
@example(text=HEADER_ALONE + b"\r\n\n")
def test_any_bytes_come_back_or_end_in_a_documented_error(tmp_path, text):
    check_any_bytes(tmp_path, text)


@pytest.mark.slow
@THOROUGH
@given(text=anything)
def test_many_files_of_any_bytes(tmp_path, text):
    check_any_bytes(tmp_path, text)


def check_any_bytes(tmp_path, text):
    source, output = stored(tmp_path / "in.vcf", text), tmp_path / "out.vcf.gz"
    refused = None
    try:
        annotate(source, output, force=True)
    except GfmtrustError as error:
        refused = error
    assert not os.path.exists(f"{output}.part")
    if refused is not None:
        assert refused.exit_code in (65, 66, 74)
        assert "\n" not in str(refused)
        output.unlink(missing_ok=True)
        return
    assert naive_splice.text_of(output) == naive_splice.expected(
        text, OUR_LINES, naive_values(source)
    )
    assert verify.verify(source, output)["records"] == sum(
        1 for _ in vcf_reader.read_records(source)
    )
