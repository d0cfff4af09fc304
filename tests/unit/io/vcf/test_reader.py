"""Records come out whole and in order, or the file is refused with the line; statuses that the text
of an allele decides."""

import pytest
from vcf_texts import AWKWARD, COLUMNS, HEADER, SAMPLES, line, stored, vcf_text

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.core.vocabulary import Status
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.htslib_check import check_with_htslib
from gfmtrust.io.vcf.reader import Limits


def records(path, **limits):
    return list(vcf_reader.read_records(path, Limits(**limits)))


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_records_give_back_every_byte(tmp_path, how, samples, end):
    text = vcf_text(samples=samples, end=end)
    header, items = vcf_reader.read(stored(tmp_path / "a.vcf", text, how))
    items = list(items)
    assert b"".join(header.lines) + b"".join(record.line for record in items) == text
    assert [record.info for record in items] == [record[4] for record in AWKWARD]
    assert [record.line_no for record in items] == list(range(7, 7 + len(AWKWARD)))
    assert header.ending == end
    assert header.n_columns == (11 if samples else 8)


def test_fields_are_0_based_and_keep_their_case(tmp_path):
    first, second, third, fourth = records(stored(tmp_path / "a.vcf", vcf_text(AWKWARD[:4])))
    assert (first.contig, first.pos, first.ref, first.alts) == ("chr1", 4, "A", ("C",))
    assert (second.ref, second.alts) == ("a", ("c", "g", "*"))
    assert third.alts == ("<DEL>",)
    assert fourth.alts == ()


def test_pos_0_is_before_the_first_base(tmp_path):
    (record,) = records(stored(tmp_path / "a.vcf", vcf_text([(b"chr1", b"0", b"N", b"A", b".")])))
    assert record.pos == -1
    assert vcf_reader.format_position(record.pos) == "0"


@pytest.mark.parametrize(
    ("text", "pos"),
    [(b"1", 0), (b"0", -1), (b"007", 6), (b"999999999999999999", 999999999999999998)],
)
def test_positions_of_integers(text, pos):
    assert vcf_reader.parse_position(text) == pos
    assert vcf_reader.parse_position(text.decode()) == pos


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [b"", b"-1", b"+1", b"1.0", b"1e3", b" 1", b"1 ", b"abc", b"1\n", "١".encode(), b"1" * 19],
)
def test_positions_of_other_texts_are_none(text):
    assert vcf_reader.parse_position(text) is None


def test_header_only_and_no_final_newline_are_no_faults(tmp_path):
    assert records(stored(tmp_path / "a.vcf", HEADER + COLUMNS)) == []
    assert records(stored(tmp_path / "b.vcf", HEADER + COLUMNS[:-1])) == []
    (record,) = records(stored(tmp_path / "c.vcf", HEADER + COLUMNS + line(info=b"AC=7", end=b"")))
    assert (record.info, record.line[-4:]) == (b"AC=7", b"AC=7")


def test_header_tells_what_is_declared(tmp_path):
    text = HEADER.replace(
        b"##contig=<ID=chr2,length=40>",
        b'##contig=<length=40,ID=chr2>\n##contig=<ID=odd,md5="a,length=3,">',
    )
    header, _ = vcf_reader.read(stored(tmp_path / "a.vcf", text + COLUMNS))
    assert header.declared("INFO") == {b"AC"}
    assert header.declared("FILTER") == {b"q10"}
    assert header.contig_lengths() | {"odd": None} == {"chr1": 60, "chr2": 40, "odd": None}


def test_a_description_may_hold_what_looks_like_an_id(tmp_path):
    """--af_key AF was refused as declared by no VCF."""
    lines = [
        b"##fileformat=VCFv4.2",
        b'##INFO=<ID=AF,Number=A,Type=Float,Description="frequency, see dbSNP,ID=rs1">',
        b'##INFO=<Number=1,Type=Integer,ID=DP,Description="depth,ID=x">',
        b'##contig=<ID=chr1,length=9,species="Homo sapiens,ID=9606">',
    ]
    text = b"\n".join([*lines, COLUMNS])
    header, _ = vcf_reader.read(stored(tmp_path / "a.vcf", text))
    assert header.declared("INFO") == {b"AF", b"DP"}
    assert header.contig_lengths() == {"chr1": 9}


def test_tab_after_the_last_column_name_as_gatk_wrote_it(tmp_path):
    path = stored(tmp_path / "a.vcf", HEADER + COLUMNS[:-1] + b"\t\n" + line())
    assert vcf_reader.read(path)[0].n_columns == 8
    assert len(records(path)) == 1
    assert "cannot read" in check_with_htslib(path, 1)


@pytest.mark.parametrize("samples", [(), (b"0/1", b"./.:3")])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_tab_after_the_last_column_of_a_record_as_gatk_wrote_it(tmp_path, samples, end):
    """GATK 3's MendelianViolationEval.vcf; bcftools reads such a record too."""
    text = HEADER + (SAMPLES if samples else COLUMNS)
    text += line(samples=samples, end=b"\t\n") + line(pos=b"6", samples=samples, end=b"\t" + end)
    (first, second) = records(stored(tmp_path / "a.vcf", text))
    assert (first.info, second.info) == (b"AC=1", b"AC=1")
    assert first.line + second.line == text[text.index(b"\nchr1\t") + 1 :]


@pytest.mark.bad_input
@pytest.mark.parametrize("tail", [b"\t\t", b"\t0/1", b"\t ", b"\t.\t"])
def test_anything_else_after_the_last_column_is_refused(tmp_path, tail):
    text = HEADER + SAMPLES + line(samples=(b"0/1", b"./."), end=tail + b"\n")
    with pytest.raises(BadDataError, match="columns; header has 11"):
        records(stored(tmp_path / "a.vcf", text))


def test_contig_names_of_the_specification_are_taken(tmp_path):
    names = [b"chr1", b"HLA-A*01:01:01:01", b"gi|9626243|ref|NC_001416.1|", b"<ctg1>", b"1", b"a=b"]
    path = stored(tmp_path / "a.vcf", vcf_text([(name, b"1", b"A", b"C", b".") for name in names]))
    assert [record.contig.encode() for record in records(path)] == names


@pytest.mark.parametrize(
    ("ref", "alt", "status"),
    [
        ("A", "<NON_REF>", Status.GVCF_BLOCK),
        ("A", "<*>", Status.GVCF_BLOCK),
        ("A", "<DEL>", Status.SYMBOLIC),
        ("A", "<DUP:TANDEM>", Status.SYMBOLIC),
        ("A", "<>", Status.SYMBOLIC),
        ("R", "<CN0>", Status.SYMBOLIC),
        ("A", "*", Status.SPANNING_DEL),
        ("N", "*", Status.SPANNING_DEL),
        ("G", "G[chr2:3[", Status.BREAKEND),
        ("G", "]chr2:3]G", Status.BREAKEND),
        ("G", "G.", Status.BREAKEND),
        ("G", ".G", Status.BREAKEND),
        ("G", "G[<ctg1>:7[", Status.BREAKEND),
        ("A", "N", Status.AMBIGUOUS_BASE),
        ("R", "A", Status.AMBIGUOUS_BASE),
        ("A", ".", Status.AMBIGUOUS_BASE),
        ("A", "U", Status.AMBIGUOUS_BASE),
        ("A", "<DEL", Status.AMBIGUOUS_BASE),
        ("A", "**", Status.AMBIGUOUS_BASE),
        ("AN", "A", Status.AMBIGUOUS_BASE),
        (".", "A", Status.AMBIGUOUS_BASE),
        ("A", "C", None),
        ("a", "t", None),
        ("A", "A", None),
        ("ACGT", "A", None),
        ("A", "acgt", None),
    ],
)
def test_status_by_text(ref, alt, status):
    assert vcf_reader.text_status(ref, alt) is status


@pytest.mark.parametrize(
    ("ref", "alt", "answer"),
    [
        ("A", "C", True),
        ("a", "T", True),
        ("A", "A", True),
        ("A", "AC", False),
        ("AC", "A", False),
        ("A", "N", False),
        ("A", "*", False),
        ("A", "<DEL>", False),
    ],
)
def test_is_snv(ref, alt, answer):
    assert vcf_reader.is_snv(ref, alt) is answer


FIRST_BYTES = [
    (b"", "empty file; expected a VCF, which begins with ##fileformat; check the copy or download"),
    (line(), "line 1 is a record; expected ##fileformat=VCFv4.x; restore the header"),
    (COLUMNS + line(), "line 1 is '#CHROM"),
    (b"##fileformat=GFF3\n", "line 1 is '##fileformat=GFF3'"),
    (b"\n" + vcf_text(), "line 1 is ''"),
    (
        b"\xef\xbb\xbf" + vcf_text(),
        "begins with a byte-order mark; expected UTF-8 without BOM; convert with iconv",
    ),
    (
        vcf_text()[:60].decode().encode("utf-16"),
        "is UTF-16; expected UTF-8 without BOM; convert with iconv",
    ),
    (vcf_text()[:60].decode().encode("utf-16-le"), "is UTF-16"),
    (
        b"BCF\2\2" + b"\0" * 40,
        "is BCF; expected VCF; convert with bcftools view -Oz -o a.vcf.gz a.bcf",
    ),
    (b"\0\1\2\3", "line 1 is '\\x00\\x01\\x02\\x03'"),
    (HEADER, "line 5 is '##FILTER"),
    (HEADER + COLUMNS.replace(b"\t", b" "), "line 6 is '#CHROM POS"),
    (HEADER + line(), "line 6 is 'chr1"),
    (
        HEADER + COLUMNS[:-1] + b"\tS1\n",
        "expected #CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO[, FORMAT, samples]",
    ),
    (vcf_text().replace(b"\n", b"\r"), "line 1 is '##fileformat=VCFv4.2\\x0d##contig"),
]


@pytest.mark.bad_input
@pytest.mark.parametrize(("text", "result"), FIRST_BYTES)
@pytest.mark.parametrize("how", ["plain", "gzip", "bgzf"])
def test_what_is_no_vcf_is_refused(tmp_path, text, result, how):
    path = stored(tmp_path / "a.bcf", text, how)
    with pytest.raises(BadDataError) as caught:
        vcf_reader.read(path)
    assert str(caught.value).startswith("a.bcf: ")
    assert result in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_LINES = [
    (b"chr1\t5\t.\tA\tC\t.\n", "line 8: 6 columns; expected at least 8"),
    (line()[:-6] + b"\n", "line 8: 7 columns; expected at least 8; is the file cut off?"),
    (
        line(samples=(b"0/1",)),
        "line 8: 10 columns; header has 8; expected 8; name every sample in the header",
    ),
    (b"\n", "line 8: 1 columns"),
    (b"#CHROM\tPOS\n", "line 8: 2 columns"),
    (line(pos=b"abc"), "line 8: POS is abc; expected an integer >= 0; fix the record"),
    (line(pos=b"-5"), "line 8: POS is -5"),
    (line(pos=b""), "line 8: POS is ;"),
    (line(ref=b""), "line 8: REF is empty"),
    (line(alt=b""), "line 8: ALT is empty"),
    (line(alt=b"A,,C"), "line 8: an allele of ALT is empty"),
    (line(contig=b'"><script>'), "line 8: contig name '\"><script>' not allowed"),
    (line(contig=b"$(touch x)"), "line 8: contig name '$(touch x)' not allowed"),
    (line(contig=b""), "line 8: contig name '' not allowed"),
    (line(contig=b"*1"), "line 8: contig name '*1' not allowed"),
    (line(contig=b"a\x1b[31m"), "line 8: contig name 'a\\x1b[31m' not allowed"),
    (line(contig=b"#chr1"), "line 8: contig name '#chr1' not allowed"),
]


@pytest.mark.bad_input
@pytest.mark.parametrize(("bad", "result"), BAD_LINES)
def test_a_malformed_line_stops_with_its_number(tmp_path, bad, result):
    path = stored(tmp_path / "a.vcf", HEADER + COLUMNS + line() + bad + line(), "bgzf")
    drawn = vcf_reader.read_records(path)
    assert next(drawn).line_no == 7
    with pytest.raises(BadDataError) as caught:
        next(drawn)
    assert str(caught.value).startswith("a.vcf: ")
    assert result in str(caught.value)


@pytest.mark.bad_input
def test_a_record_cut_off_or_with_a_sample_too_many(tmp_path):
    whole = line(samples=(b"0/1", b"1/1"))
    with pytest.raises(
        BadDataError, match=r"line 7: 10 columns; header has 11; expected 11; is the file cut off\?"
    ):
        records(stored(tmp_path / "a.vcf", HEADER + SAMPLES + whole[: whole.rindex(b"\t")]))
    with pytest.raises(BadDataError, match=r"line 7: 12 columns; header has 11"):
        records(
            stored(tmp_path / "a.vcf", HEADER + SAMPLES + line(samples=(b"0/1", b"1/1", b"0/0")))
        )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("limit", "text", "result"),
    [
        (
            {"max_line": 300},
            vcf_text([(b"chr1", b"1", b"A", b"C", b"X=" + b"y" * 300)]),
            "line 7: longer than",
        ),
        ({"max_header": 100}, vcf_text(), "line 4: header longer than"),
    ],
)
def test_limits_name_the_line(tmp_path, limit, text, result):
    path = stored(tmp_path / "a.vcf", text)
    with pytest.raises(BadDataError) as caught:
        records(path, **limit)
    assert result in str(caught.value)


def test_the_number_of_samples_has_no_limit_of_its_own(tmp_path):
    n = 100_001
    names = b"\t".join(b"s%d" % number for number in range(n))
    text = HEADER + SAMPLES.replace(b"S1\tS2", names) + line(samples=[b"0/1"] * n)
    header, items = vcf_reader.read(stored(tmp_path / "a.vcf", text))
    assert header.n_columns == n + 9
    assert [record.info for record in items] == [b"AC=1"]


@pytest.mark.bad_input
def test_missing_file_and_cut_stream(tmp_path):
    with pytest.raises(MissingInputError, match="absent.vcf"):
        vcf_reader.read(tmp_path / "absent.vcf")
    path = stored(tmp_path / "a.vcf.gz", vcf_text(), "bgzf")
    path.write_bytes(path.read_bytes()[:-28])
    with pytest.raises(InputOutputError, match="no end-of-file block; file is cut off"):
        records(path)


def test_htslib_agrees_on_a_sound_file(tmp_path):
    assert check_with_htslib(stored(tmp_path / "a.vcf", vcf_text()), len(AWKWARD)) is None


@pytest.mark.bad_input
def test_htslib_disagreement_is_said(tmp_path, capfd):
    path = stored(tmp_path / "a.vcf", vcf_text())
    assert (
        check_with_htslib(path, 99)
        == f"htslib (bcftools, pysam) reads {len(AWKWARD)} of 99 records"
    )
    assert capfd.readouterr().err == ""
