"""Many lines at once against the reader of single records: the same columns, the same bytes, the
same digest, and the same refusals."""

import naive_splice
import numpy as np
import pytest
from vcf_texts import COLUMNS, HEADER, OUR_LINES, line, simple_values, stored, vcf_text

from gfmtrust.core.errors import BadDataError, InternalError
from gfmtrust.io import text_lines
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf import splice
from gfmtrust.io.vcf.copied import Digest, Order, has_plain_info
from gfmtrust.io.vcf.fields import NO_SNV, fields_of
from gfmtrust.io.vcf.header import DEFAULT_LIMITS, Limits

pytestmark = pytest.mark.long

ALTS = [b"C", b"g", b".", b"C,T", b"<DEL>", b"*", b"ATT", b"N", b"A]chr1:5]"]
INFOS = [b".", b"AC=1", b"X;AC=1;DP=20", b"DP=%d"]


def lines_of(seed, n, n_samples=2, is_sorted=True):
    """Ordinary lines on three contigs, of every kind of allele."""
    rng = np.random.default_rng(seed)
    contigs = np.sort(rng.integers(0, 3, n))
    pos = rng.integers(0, 10**9, n)
    if is_sorted:
        pos = pos[np.lexsort((pos, contigs))]
    samples = [b"0/1:%d" % number for number in range(n_samples)]
    return [
        line(
            b"chr%d" % contig,
            b"%d" % place,
            [b"A", b"c", b"ACGT", b"R"][rng.integers(4)],
            ALTS[rng.integers(len(ALTS))],
            INFOS[rng.integers(3)],
            samples=samples,
        )
        for contig, place in zip(contigs.tolist(), pos.tolist(), strict=True)
    ]


def text_of(lines):
    n_columns = lines[0].count(b"\t") + 1
    names = b"".join(b"\tS%d" % number for number in range(n_columns - 9))
    columns = COLUMNS.rstrip(b"\n") + (b"\tFORMAT" + names if n_columns > 8 else b"") + b"\n"
    return HEADER + columns + b"".join(lines)


def for_block(block, fields):
    """The values of every line, asked of each record."""
    return [
        simple_values(record) if record.alts else b""
        for record in (block.record(fields, row) for row in range(len(fields)))
    ]


@pytest.mark.parametrize("n_samples", [0, 2, 90])
def test_columns_of_all_lines_are_those_of_each_record(tmp_path, n_samples):
    source = stored(tmp_path / "in.vcf", text_of(lines_of(n_samples, 300, n_samples)))
    records = list(vcf_reader.read_records(source))
    header, blocks = vcf_reader.read_blocks(source)
    (block,) = blocks
    fields = block.fields()
    assert block.line_no == len(header.lines) + 1
    assert [block.record(fields, row) for row in range(len(fields))] == records
    assert fields.pos.tolist() == [record.pos for record in records]
    assert fields.has_alt.tolist() == [bool(record.alts) for record in records]
    assert fields.n_alts() == sum(len(record.alts) for record in records)
    named = [name for name, start, stop in fields.contigs for _ in range(start, stop)]
    assert named == [record.contig for record in records]
    for row, record in enumerate(records):
        start, end = (int(offsets[row]) for offsets in fields.info)
        assert fields.text[start:end] == record.info
        pair = (record.ref.upper(), *(alt.upper() for alt in record.alts))
        is_snv = len(pair) == 2 and all(letter in set("ACGT") for letter in pair)
        code = "ACGT".index(pair[0]) * 4 + "ACGT".index(pair[1]) if is_snv else NO_SNV
        assert fields.snv[row] == code


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        line(end=b"\r\n"),
        line(end=b""),
        line() + b"\n",
        line(pos=b"x"),
        line(pos=b""),
        line(pos=b"1" * 19),
        line(ref=b""),
        line(alt=b""),
        line(alt=b"C,,T"),
        line(contig=b""),
        line(contig=b"a b"),
        line(contig=b"a" * 65),
        line(samples=[b"0/1"]),
        line(info=b"A" * 500),
        b"chr1\t5\n",
        line().replace(b"\t", b" ", 1) + line().replace(b"\t", b"\t\t", 1),
    ],
)
def test_a_text_with_an_unusual_line_is_left_to_the_reader_of_records(text):
    limits = Limits(max_line=400)
    assert fields_of(line() * 3, 8, limits) is not None
    assert fields_of(line() * 3 + text, 8, limits) is None


@pytest.mark.bad_input
def test_many_contigs_in_turn_are_left_to_the_reader_of_records():
    lines = [line(contig=b"s%d" % number) for number in range(65)]
    assert fields_of(b"".join(lines[:64]), 8, DEFAULT_LIMITS) is not None
    assert fields_of(b"".join(lines), 8, DEFAULT_LIMITS) is None


@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("n_samples", [0, 120])
def test_blocks_give_the_bytes_of_single_records(tmp_path, n_samples, is_sorted):
    lines = lines_of(5, 400, n_samples, is_sorted)
    source = stored(tmp_path / "in.vcf", text_of(lines))
    by_record = splice.annotate(source, tmp_path / "a.vcf.gz", simple_values, OUR_LINES)
    by_block = splice.annotate(
        source, tmp_path / "b.vcf.gz", simple_values, OUR_LINES, block_values=for_block
    )
    assert (tmp_path / "a.vcf.gz").read_bytes() == (tmp_path / "b.vcf.gz").read_bytes()
    assert vars(by_block) | {"index": 0, "warnings": 0} == vars(by_record) | {
        "index": 0,
        "warnings": 0,
    }
    assert [one.count for one in by_block.warnings] == [one.count for one in by_record.warnings]
    expected = naive_splice.expected(
        source.read_bytes(), OUR_LINES, [v or None for v in for_block_of(source)]
    )
    assert naive_splice.text_of(tmp_path / "b.vcf.gz") == expected


def for_block_of(source):
    return [
        simple_values(record) if record.alts else b"" for record in vcf_reader.read_records(source)
    ]


def test_odd_and_ordinary_blocks_of_one_file(tmp_path):
    lines = lines_of(7, 12_000)
    for row in (0, 6_000, 11_999):
        lines[row] = lines[row].replace(b"\trs1\t", b"\trs1\t", 1).replace(b"\tGT\t", b"\tGT:\t")
    lines[3_000] = lines[3_000].replace(b"AC=1", b"AC=1;;").replace(b"\t.\tGT", b"\t;\tGT")
    text = text_of(lines)
    source = stored(tmp_path / "in.vcf", text)
    assert len(list(text_lines.read_line_blocks(source, 1 << 20))) == 1 + len(text) // (1 << 20)
    splice.annotate(source, tmp_path / "b.vcf.gz", simple_values, OUR_LINES, block_values=for_block)
    expected = naive_splice.expected(text, OUR_LINES, [v or None for v in for_block_of(source)])
    assert naive_splice.text_of(tmp_path / "b.vcf.gz") == expected


@pytest.mark.parametrize("foreign", [b"GFM_X=1;AC=1", b"AC=1;GFM_X=1", b"GFM_X=1", b"GFM_X"])
def test_a_key_of_another_program_stays_beside_ours(tmp_path, foreign):
    """It begins with GFM_ too, and may be mistaken for ours when the written file is compared."""
    lines = lines_of(9, 400)
    lines[200] = lines[200].replace(
        b"\t" + lines[200].split(b"\t")[7] + b"\t", b"\t" + foreign + b"\t"
    )
    source = stored(tmp_path / "in.vcf", text_of(lines))
    splice.annotate(source, tmp_path / "b.vcf.gz", simple_values, OUR_LINES, block_values=for_block)
    expected = naive_splice.expected(
        source.read_bytes(), OUR_LINES, [v or None for v in for_block_of(source)]
    )
    written = naive_splice.text_of(tmp_path / "b.vcf.gz")
    assert written == expected
    assert foreign in written


@pytest.mark.parametrize(
    "infos",
    [
        [b"AC=1;GFM_A=1;GFM_B=2", b"GFM_A=1", b".", b"DP=1"],
        [b"AC=1;GFM_A=1;X=2"],
        [b"AC=1;;GFM_A=1"],
        [b";GFM_A=1"],
        [b"XGFM_=1"],
        [b"AC=1;"],
        [b""],
        [b"A;GFM_A=1;GFM_B=1;"],
    ],
)
def test_digest_of_many_lines_is_that_of_each(infos):
    text = b"".join(line(info=info) for info in infos)
    keys = frozenset({b"GFM_A", b"GFM_B"})
    fields, by_record, at_once = fields_of(text, 8, DEFAULT_LIMITS), Digest(keys), Digest(keys)
    parser = vcf_reader._Parser("in.vcf", vcf_reader.Header((), 8), DEFAULT_LIMITS)
    for record in parser.records(text, 1):
        by_record.add(record)
    if at_once.add_annotated(fields):
        assert at_once.text() == by_record.text()
        assert at_once.records == len(infos)
    else:
        assert at_once.records == 0
        assert infos[0] not in (b".", b"DP=1", b"GFM_A=1")
    if has_plain_info(fields):
        plain = Digest(keys)
        plain.add_plain(fields)
        assert plain.text() == by_record.text()


@pytest.mark.parametrize("seed", range(4))
def test_order_of_many_lines_is_that_of_each(seed):
    lines = lines_of(seed, 60, is_sorted=False)
    by_record, at_once = Order(), Order()
    parser = vcf_reader._Parser("in.vcf", vcf_reader.Header((), 11), DEFAULT_LIMITS)
    for record in parser.records(b"".join(lines), 1):
        by_record.add(record)
    for start in range(0, 60, 20):
        part = b"".join(lines[start : start + 20])
        at_once.add_lines(fields_of(part, 11, DEFAULT_LIMITS), start + 1)
    assert (at_once.unsorted_line, at_once.farthest) == (
        by_record.unsorted_line,
        by_record.farthest,
    )


@pytest.mark.bad_input
@pytest.mark.parametrize("harm", ["drop", "swap", "byte", "twice", "key"])
def test_self_check_finds_a_writer_that_harms_a_block(tmp_path, monkeypatch, harm):
    real = splice.BgzfWriter
    harms = {
        "drop": lambda lines: lines[1:],
        "swap": lambda lines: [lines[1], lines[0], *lines[2:]],
        "byte": lambda lines: [lines[0].replace(b"rs1", b"rs2"), *lines[1:]],
        "twice": lambda lines: [lines[0], *lines],
        "key": lambda lines: [lines[0].replace(b"GFM_RANK", b"GFX_RANK"), *lines[1:]],
    }

    class Harmful(real):
        def write(self, text):
            if text.startswith(b"chr"):
                text = b"".join(harms[harm](text.splitlines(keepends=True)))
            super().write(text)

    monkeypatch.setattr(splice, "BgzfWriter", Harmful)
    rows = [(b"chr1", b"%d" % n, b"A", b"C", b"AC=%d" % n) for n in range(1, 9)]
    with pytest.raises(InternalError, match="as in the input"):
        splice.annotate(
            stored(tmp_path / "in.vcf", vcf_text(rows)),
            tmp_path / "out.vcf.gz",
            simple_values,
            OUR_LINES,
            block_values=for_block,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in.vcf"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "bad",
    [
        b"GFM_RANK=1",
        b"GFM_STATUS=SCORED;GFM_RANK=1,2",
        b"GFM_STATUS=FINE;GFM_RANK=1",
        b"GFM_STATUS=SCORED;GFM_RANK=1;GFM_RANK=1",
        b"GFM_STATUS=SCORED;GFM_RANK=",
        b"GFM_STATUS=SCORED;GFM_RANK=1;AC=1",
        b"AC=1",
    ],
)
def test_values_of_a_block_that_do_not_fit_are_our_bug(tmp_path, bad):
    rows = [(b"chr1", b"%d" % n, b"A", b"C", b".") for n in range(1, 4)]
    with pytest.raises(InternalError, match="values of a record"):
        splice.annotate(
            stored(tmp_path / "in.vcf", vcf_text(rows)),
            tmp_path / "out.vcf.gz",
            simple_values,
            OUR_LINES,
            block_values=lambda block, fields: [*for_block(block, fields)[:-1], bad],
        )


@pytest.mark.bad_input
def test_an_error_of_a_late_line_follows_the_lines_before_it(tmp_path):
    text = text_of([*lines_of(1, 40_000), line(pos=b"x", samples=[b"0/1:0", b"0/1:1"])])
    source = stored(tmp_path / "in.vcf", text)
    seen = []
    with pytest.raises(BadDataError, match=r"line 40007: POS is x"):
        seen.extend(vcf_reader.read_records(source))
    assert len(seen) == 40_000
