"""CHECK_INPUTS: everything read once, what is wrong stopped or counted, spellings equal to a naive
list whatever order and memory."""

import hashlib
import multiprocessing
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paths import ROOT
from scipy.stats import beta, binom
from vcf_texts import AWKWARD, COLUMNS, HEADER, line, stored, vcf_text

from gfmtrust.core import documents
from gfmtrust.core.columns import info_header_lines
from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError, UsageError
from gfmtrust.inputs import check, check_vcf, contig_names, record_keys
from gfmtrust.inputs.allele_counts import UNKNOWN
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.io import tables

DATA = ROOT.parent / "shared" / "data"
CHR1 = "ACGT" * 250
CHR2 = "GATTACA" * 100
FASTA = f">chr1\n{CHR1}\n>chr2\n{CHR2}\n".encode()
NO_LENGTHS = b"##fileformat=VCFv4.2\n"


@pytest.fixture
def fasta(tmp_path):
    folder = tmp_path / "genome"
    folder.mkdir()
    return stored(folder / "g.fa", FASTA)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def snvs(n_right, n_wrong=0, contig=b"chr1", letters=CHR1):
    """SNV records of which the last ones have a REF that the genome has not."""
    wrong = {"A": "C", "C": "G", "G": "T", "T": "A"}
    refs = [letters[i] if i < n_right else wrong[letters[i]] for i in range(n_right + n_wrong)]
    return [
        (contig, str(i + 1).encode(), ref.encode(), wrong[ref].encode(), b".")
        for i, ref in enumerate(refs)
    ]


def run(fasta, out, vcfs=(), regions=(), include=None, **options):
    content = check.check_inputs(
        fasta, list(vcfs), list(regions), include, out, check.CheckOptions(**options)
    ).to_dict()
    assert documents.read_json(out / "checks.json") == content
    return content


def one(fasta, out, tmp_path, records, header=NO_LENGTHS, **options):
    path = stored(
        tmp_path / "a.vcf",
        header + COLUMNS + b"".join(line(*record[:4], info=record[4]) for record in records),
    )
    content = run(fasta, out, [("a", path)], **options)
    return content, content["inputs"][0]


def table(out, name="a"):
    return [
        tuple(row.values())
        for row in pq.read_table(
            out / "spellings" / f"{name}.parquet", columns=tables.SPELLINGS.names
        ).to_pylist()
    ]


def texts(row):
    return [warning["text"] for warning in row["warnings"]]


# --- what is written
# ------------------------------------------------------------------------------------------------------------


def test_genome_and_counts(fasta, out, tmp_path):
    content, row = one(fasta, out, tmp_path, AWKWARD, allow_mismatch=True)
    assert content["genome"]["name"] == "g.fa"
    assert [(contig["name"], contig["length"]) for contig in content["genome"]["contigs"]] == [
        ("chr1", 1000),
        ("chr2", 700),
    ]
    assert len(content["genome"]["digest"]) == 32
    assert content["contig_map"] == {"chr1": "chr1", "chr2": "chr2"}
    assert (row["id"], row["kind"], row["name"]) == ("a", "vcf", "a.vcf")
    assert (row["records"], row["alts"], row["no_alt"], row["sorted"]) == (13, 19, 1, True)


def letters_upper(alleles):
    return ",".join(
        one if set("<>[].*") & set(one) else one.upper() for one in alleles.decode().split(",")
    )


def naive_spellings(records):
    index = {b"chr1": 0, b"chr2": 1}
    return sorted(
        {
            (
                index.get(contig, -1),
                contig.decode(),
                int(pos) - 1,
                ref.decode().upper(),
                letters_upper(alts),
            )
            for contig, pos, ref, alts, _ in records
            if alts != b"."
        }
    )


def rows_in_key_order(out):
    return [(index, contig, pos, ref, alts) for contig, index, pos, ref, alts in table(out)]


def test_spellings_are_distinct_sorted_and_upper_case(fasta, out, tmp_path):
    records = [*AWKWARD, *AWKWARD[::-1], (b"chr1", b"5", b"a", b"C", b"other=1")]
    one(fasta, out, tmp_path, records, allow_mismatch=True)
    assert rows_in_key_order(out) == naive_spellings(records)
    assert pq.read_schema(out / "spellings" / "a.parquet").names == [
        "contig",
        "contig_index",
        "pos",
        "ref",
        "alts",
        "counts",
    ]


def counts(out, name="a"):
    outcome = pq.read_table(out / "spellings" / f"{name}.parquet").to_pylist()
    return {(row["pos"], row["ref"], row["alts"]): row["counts"] for row in outcome}


def test_counts_of_a_record_that_stands_twice_are_summed(fasta, out, tmp_path):
    records = [
        (b"chr1", b"1", b"A", b"C", b"AC=1;AN=10"),
        (b"chr1", b"1", b"A", b"C,G", b"AC=1,2;AN=10"),
        (b"chr1", b"1", b"a", b"c", b"AC=3;AN=12"),
        (b"chr1", b"2", b"C", b"G,G", b"AC=3,3;AN=12"),
    ]
    one(fasta, out, tmp_path, records)
    assert counts(out) == {
        (0, "A", "C"): [4, 22, 0, 0, 22],
        (0, "A", "C,G"): [1, 10, 0, 0, 10, 2, 10, 0, 0, 10],
        (1, "C", "G,G"): [0] * 10,
    }


def test_key_of_the_frequency(fasta, out, tmp_path):
    header = NO_LENGTHS + b'##INFO=<ID=MAF,Number=A,Type=Float,Description="f">\n'
    records = [
        (b"chr1", b"1", b"A", b"C", b"AC=1;AN=10;MAF=0.75"),
        (b"chr1", b"2", b"C", b"G", b"AC=1;AN=10"),
    ]
    one(fasta, out, tmp_path, records, header, af_key="MAF")
    assert counts(out) == {(0, "A", "C"): [0, 0, 0.75, 1, 0], (1, "C", "G"): [1, 10, 0, 0, 10]}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (b"##INFO=<ID=AF_raw,", "is declared by no VCF; .*; declared are AF_raw$"),
        (b"##FORMAT=<ID=AF,", "is declared in FORMAT only, as a value of each sample; .*INFO"),
        (b"##FILTER=<ID=AF,", "is declared by no VCF; .*; the VCFs declare no INFO key$"),
    ],
)
def test_key_that_no_vcf_declares_in_info(fasta, out, tmp_path, declared, text):
    header = NO_LENGTHS + declared + b'Number=A,Type=Float,Description="f">\n'
    with pytest.raises(BadDataError, match=rf"^--af_key AF: {text}"):
        one(fasta, out, tmp_path, snvs(3), header, af_key="AF")
    assert not out.exists()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-1, 2),
            st.sampled_from(["a", "b"]),
            st.integers(-1, 9),
            st.sampled_from(["A", "AC"]),
            st.sampled_from(["C", "C,G", "<DEL>"]),
        ),
        max_size=40,
    ),
    chunk=st.integers(1, 9),
)
def test_sorting_on_disk_equals_sorting_in_memory(tmp_path, rows, chunk):
    sorter = record_keys.SpellingSorter(tmp_path, chunk_rows=chunk)
    for n, row in enumerate(rows):
        sorter.add(row, (n, 1, 0, 0))
    sums = {
        row: (sum(n for n, other in enumerate(rows) if other == row), rows.count(row), 0, 0)
        for row in rows
    }
    assert list(sorter.sorted()) == [(*row, sums[row]) for row in sorted(sums)]


def test_long_alleles_are_spilled_before_they_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(record_keys, "CHUNK_LETTERS", 110)
    sorter = record_keys.SpellingSorter(tmp_path)
    rows = [(0, "a", n, "A" * 60, "C") for n in range(9)]
    for row in rows:
        sorter.add(row, UNKNOWN)
    assert len(list(tmp_path.iterdir())) == 4
    assert list(sorter.sorted()) == [(*row, UNKNOWN) for row in rows]


@pytest.mark.long
def test_tables_do_not_depend_on_order_of_records_packing_or_processes(
    fasta, out, tmp_path, monkeypatch
):
    monkeypatch.setattr(check, "POOL_FROM_BYTES", 0)
    text, turned = vcf_text(AWKWARD), vcf_text(AWKWARD[::-1])
    paths = [
        ("a", stored(tmp_path / "a.vcf", text)),
        ("b", stored(tmp_path / "b.vcf.gz", turned, "bgzf")),
    ]
    first = run(fasta, out, paths, allow_mismatch=True)
    again = run(fasta, tmp_path / "out2", paths, processes=2, allow_mismatch=True)
    assert first == again
    files = [
        folder / "spellings" / f"{name}.parquet"
        for folder in (out, tmp_path / "out2")
        for name in "ab"
    ]
    assert len({path.read_bytes() for path in files}) == 1


@pytest.mark.slow
def test_a_child_reports_its_error_as_the_parent_would(fasta, out, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "POOL_FROM_BYTES", 0)
    paths = [
        ("a", stored(tmp_path / "a.vcf", vcf_text())),
        ("b", stored(tmp_path / "b.vcf", vcf_text() + line(pos=b"x"))),
    ]
    with pytest.raises(BadDataError, match=r"b.vcf: line 20: POS is x"):
        run(fasta, out, paths, processes=2)
    assert list(out.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_nothing_but_the_results_is_left(fasta, out, tmp_path):
    one(fasta, out, tmp_path, snvs(5))
    one(fasta, out, tmp_path, snvs(6))
    assert sorted(path.name for path in out.rglob("*")) == ["a.parquet", "checks.json", "spellings"]
    assert len(table(out)) == 6
    assert sorted(path.name for path in fasta.parent.iterdir()) == ["g.fa"]


def test_file_without_records_is_no_fault(fasta, out, tmp_path):
    content, row = one(fasta, out, tmp_path, [])
    assert (row["records"], row["alts"], row["no_alt"], row["warnings"]) == (0, 0, 0, [])
    assert table(out) == []
    assert content["contig_map"] == {}


def test_no_vcf_at_all(fasta, out, tmp_path):
    path = stored(tmp_path / "r.bed", b"chr1\t5\t9\n")
    content = run(fasta, out, regions=[path])
    assert [row["id"] for row in content["inputs"]] == ["r"]


# --- counted warnings
# -----------------------------------------------------------------------------------------------------------


def test_what_is_kept_is_counted_once_a_kind(fasta, out, tmp_path):
    records = [
        (b"chr1", b"1", b"A", b"C", b"AC=1;XYZ=1"),
        (b"chr1", b"2", b"C", b"G,G", b"XYZ"),
        (b"chr1", b"3", b"G", b"G", b"AC=1;AC=2;"),
        (b"chr1", b"2", b"C", b"T", b"XYZ=2"),
    ]
    header = HEADER.replace(b"chr1,length=60", b"chr2,length=700")
    path = stored(
        tmp_path / "a.vcf",
        (header + COLUMNS + b"".join(line(*r[:4], info=r[4], filters=b"q10;q20") for r in records))[
            :-1
        ],
    )
    row = run(fasta, out, [("a", path)])["inputs"][0]
    assert {
        (warning["text"], warning["count"], warning["first"]) for warning in row["warnings"]
    } == {
        ("contig chr1 not in header", 1, "chr1:1"),
        ("FILTER q20 not in header", 4, "chr1:1"),
        ("INFO key XYZ not in header", 3, "chr1:1"),
        ("ALT twice or equal to REF", 2, "chr1:2"),
        ("INFO key twice in a record", 1, "chr1:3"),
        ("INFO AC without AN; not used", 1, "chr1:1"),
        ("not sorted; no index is written; sort with bcftools sort", 1, "a.vcf line 10"),
        ("no final newline; one is added", 1, "a.vcf"),
    }
    assert row["sorted"] is False


def test_plain_gzip_is_said(fasta, out, tmp_path):
    row = run(fasta, out, [("a", stored(tmp_path / "a.vcf.gz", vcf_text([]), "gzip"))])["inputs"][0]
    assert texts(row) == ["plain gzip, not BGZF; recompress with bgzip for an index"]


def test_earlier_annotation_is_said_before_hours_of_scoring(fasta, out, tmp_path):
    ours = "\n".join(info_header_lines()).encode() + b"\n##gfmtrustVersion=1\n"
    records = [(b"chr1", b"1", b"A", b"C", b"GFM_RANK=1")]
    _, row = one(fasta, out, tmp_path, records, NO_LENGTHS + ours)
    assert set(texts(row)) == {
        "carries lines of an earlier annotation; annotate_vcf asks for --overwrite",
        "contig chr1 not in header",
    }


def test_a_key_of_another_program_needs_no_overwrite(fasta, out, tmp_path):
    foreign = b'##INFO=<ID=GFM_X,Number=1,Type=Integer,Description="x">\n'
    records = [(b"chr1", b"1", b"A", b"C", b"GFM_X=1")]
    _, row = one(fasta, out, tmp_path, records, NO_LENGTHS + foreign)
    assert texts(row) == ["contig chr1 not in header"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("header", "place"),
    [
        (b"", "chr1:1"),
        (b'##INFO=<ID=GFM_RANK,Number=A,Type=Integer,Description="r">\n', "header"),
    ],
)
def test_a_foreign_key_with_a_name_of_ours_ends_before_scoring(fasta, out, tmp_path, header, place):
    records = [(b"chr1", b"1", b"A", b"C", b"AC=1;GFM_RANK=1")]
    with pytest.raises(
        BadDataError, match=f"{place}: carries the INFO key GFM_RANK of another program"
    ):
        one(fasta, out, tmp_path, records, NO_LENGTHS + header)


def test_a_hostile_number_of_kinds_stays_small(fasta, out, tmp_path):
    _, row = one(
        fasta, out, tmp_path, [(b"chr1", b"1", b"A", b"C", b"K%d=1" % n) for n in range(1500)]
    )
    assert len(row["warnings"]) == 1001
    assert row["warnings"][-1] == {
        "text": "further kinds of warnings",
        "count": 501,
        "first": "chr1:1",
    }


# --- contig names
# ---------------------------------------------------------------------------------------------------------------

GENOME = {"chr1": 1000, "chr2": 700, "chrM": 16571, "HLA": 5, "3": 30}


@pytest.mark.parametrize(
    ("name", "length", "mode", "result"),
    [
        ("chr1", 5, "none", "chr1"),
        ("1", 1000, "none", None),
        ("1", 1000, "auto", "chr1"),
        ("1", 999, "auto", None),
        ("1", None, "auto", "chr1"),
        ("chr3", 30, "auto", "3"),
        ("chr3", None, "auto", "3"),
        ("MT", 16571, "auto", "chrM"),
        ("MT", 16569, "auto", None),
        ("MT", None, "auto", None),
        ("M", 16571, "auto", "chrM"),
        ("chrMT", 16571, "auto", "chrM"),
        ("chrHLA", 5, "auto", "HLA"),
        ("HLA", 6, "auto", "HLA"),
        ("X", 1000, "auto", None),
        ("one", 1, "file", "chr1"),
        ("chr2", 1, "file", "chr2"),
        ("1", 1000, "file", None),
        ("3", 30, "file", "chr2"),  # a line of the user comes before an equal name
        ("3", 30, "auto", "3"),  # what another file settled does not
    ],
)
def test_match_of_names(name, length, mode, result):
    rule = ContigRule(mode, {"one": "chr1", "3": "chr2"})
    assert contig_names.match(name, length, rule, GENOME) == result


def test_rename_is_recorded_and_used(fasta, out, tmp_path):
    path = stored(tmp_path / "r.bed", b"1\t5\t9\nchr2\t1\t5\n")
    header = NO_LENGTHS + b"##contig=<ID=1,length=1000>\n"
    content, row = one(
        fasta, out, tmp_path, snvs(50, contig=b"1"), header, regions=[path], contig_map="auto"
    )
    assert content["contig_map"] == {"1": "chr1", "chr2": "chr2"}
    assert (row["n_snv"], row["n_snv_mismatch"]) == (50, 0)
    assert table(out)[0] == ("1", 0, 0, "A", "C")


def test_a_bed_means_the_mitochondrion_that_the_vcf_declares(tmp_path, out):
    """A BED states no length: `MT` of a BED was no contig, `MT` of the VCF was chrM, and the run was
    refused because one name had two meanings."""
    fasta = stored(tmp_path / "m.fa", b">chrM\n" + b"ACGT" * 10 + b"\n>chr1\nACGT\n")
    bed = stored(tmp_path / "r.bed", b"MT\t5\t9\nchr1\t0\t2\n")
    header = NO_LENGTHS + b"##contig=<ID=MT,length=40>\n"
    record = (b"MT", b"1", b"A", b"C", b".")
    given = {"regions": [bed], "include": bed, "contig_map": "auto"}
    content, row = one(fasta, out, tmp_path, [record], header, **given)
    assert content["contig_map"] == {"MT": "chrM", "chr1": "chr1"}
    assert (row["n_snv"], row["n_snv_mismatch"]) == (1, 0)
    assert content["inputs"][1]["warnings"] == []
    alone = run(fasta, tmp_path / "alone", regions=[bed], contig_map="auto")
    assert alone["contig_map"] == {"chr1": "chr1"}  # there are two mitochondria


def test_map_file(fasta, out, tmp_path):
    path = stored(tmp_path / "map.tsv", b"one\tchr1\r\ntwo\tchr2\n")
    content, row = one(fasta, out, tmp_path, snvs(20, contig=b"one"), contig_map=path)
    assert content["contig_map"] == {"one": "chr1"}
    assert row["n_snv"] == 20


def test_a_line_of_the_map_comes_before_an_equal_name(tmp_path, out):
    """It was ignored without a word where its first name is also one of the genome's."""
    fasta = stored(tmp_path / "g.fa", b">1\nAAAA\n>2\nCCCC\n")
    path = stored(tmp_path / "map.tsv", b"1\t2\n2\t1\n")
    bed = stored(tmp_path / "r.bed", b"1\t0\t2\n")
    record = (b"1", b"1", b"C", b"A", b".")
    content, row = one(fasta, out, tmp_path, [record], contig_map=path, regions=[bed])
    assert content["contig_map"] == {"1": "2"}
    assert (row["n_snv"], row["n_snv_mismatch"]) == (1, 0)
    assert table(out) == [("1", 1, 0, "C", "A")]


def test_contigs_that_no_rename_would_help_are_kept_with_one_warning(fasta, out, tmp_path):
    records = [
        *snvs(3),
        (b"chrY", b"1", b"A", b"C", b"."),
        (b"chrY", b"2", b"A", b"C", b"."),
        (b"alt1", b"1", b"A", b"C", b"."),
    ]
    content, row = one(fasta, out, tmp_path, records)
    assert {
        "text": "contigs chrY, alt1 not in g.fa: NO_CONTIG",
        "count": 3,
        "first": "chrY",
    } in row["warnings"]
    assert content["contig_map"] == {"chr1": "chr1"}
    assert [spelled[:2] for spelled in table(out)[:3]] == [("alt1", -1), ("chrY", -1), ("chrY", -1)]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("contigs", "mode", "result"),
    [
        (
            [b"1", b"2"],
            "none",
            "a.vcf: contigs 1, 2 are not in g.fa; expected the FASTA's chr1, chr2; give --contig_map auto",
        ),
        ([b"chr1", b"2"], "none", "a.vcf: contigs 2 are not in g.fa"),
        (
            [b"X", b"Y"],
            "none",
            "a.vcf: contigs X, Y are not in g.fa; expected the FASTA's chr1, chr2; is this the right FASTA?",
        ),
        ([b"X"], "auto", "is this the right FASTA?"),
        ([b"a", b"b", b"c", b"d", b"e", b"f"], "none", "contigs a, b, c, d, e, ... are not"),
    ],
)
def test_contigs_that_do_not_fit_stop_before_any_model(fasta, out, tmp_path, contigs, mode, result):
    records = [(contig, b"1", b"A", b"C", b".") for contig in contigs]
    with pytest.raises(BadDataError) as caught:
        one(fasta, out, tmp_path, records, contig_map=mode)
    assert result in str(caught.value)
    assert list(out.iterdir()) == []
    content, row = one(fasta, out, tmp_path, records, contig_map=mode, allow_mismatch=True)
    assert content["allow_mismatch"] is True
    assert any("NO_CONTIG" in text for text in texts(row))


@pytest.mark.bad_input
def test_auto_does_not_rename_where_lengths_differ(fasta, out, tmp_path):
    with pytest.raises(
        BadDataError, match="lengths differ or are not declared; give --contig_map FILE"
    ):
        one(
            fasta,
            out,
            tmp_path,
            snvs(3, contig=b"1"),
            NO_LENGTHS + b"##contig=<ID=1,length=999>\n",
            contig_map="auto",
        )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b"one\n", "line 1 is 'one'"),
        (b"a\tchr1\na\tchr2\n", "line 2"),
        (b"a\tchr9\n", "chr9 is not in"),
    ],
)
def test_malformed_map_file(fasta, out, tmp_path, text, result):
    with pytest.raises(BadDataError, match=rf"map.tsv: {result}|map.tsv: line 1: {result}"):
        run(fasta, out, contig_map=stored(tmp_path / "map.tsv", text))


@pytest.mark.bad_input
def test_one_name_for_two_contigs_in_two_files(fasta, out, tmp_path):
    body = COLUMNS + line(b"1", b"1", b"A", b"C") + line(b"chr2", b"1", b"G")
    texts_by_length = [
        NO_LENGTHS + b"##contig=<ID=1,length=%d>\n" % length + body for length in (1000, 5)
    ]
    paths = [
        (f"s{n}", stored(tmp_path / f"{n}.vcf", text)) for n, text in enumerate(texts_by_length)
    ]
    with pytest.raises(
        BadDataError, match="1.vcf: contig 1 is no contig of the genome; in 0.vcf it is chr1"
    ):
        run(fasta, out, paths, contig_map="auto")


@pytest.mark.bad_input
def test_two_namings_in_one_cohort(fasta, out, tmp_path):
    header = NO_LENGTHS + b"##contig=<ID=1,length=1000>\n" + COLUMNS
    paths = [
        (
            name.decode(),
            stored(tmp_path / f"{name.decode()}.vcf", header + line(name, b"1", b"A", b"C")),
        )
        for name in (b"chr1", b"1")
    ]
    with pytest.raises(
        BadDataError, match="1.vcf: contig 1 is called chr1 in chr1.vcf; expected one naming a run"
    ):
        run(fasta, out, paths, contig_map="auto")
    assert not (out / "checks.json").exists()
    assert run(fasta, out, paths[1:], contig_map="auto")["contig_map"] == {"1": "chr1"}


# --- wrong assembly
# -------------------------------------------------------------------------------------------------------------


def test_lower_bound_is_that_of_clopper_and_pearson():
    for n_mismatch, n in ((1, 1), (10, 10), (19, 1000), (312, 1000), (5, 10**6)):
        assert check_vcf.lower_bound(n_mismatch, n, 0.01) == pytest.approx(
            beta.ppf(0.01, n_mismatch, n - n_mismatch + 1), rel=1e-9
        )
    assert check_vcf.lower_bound(0, 10, 0.01) == 0
    assert check_vcf.lower_bound(18, 1000, 0.01) < 0.01 < check_vcf.lower_bound(19, 1000, 0.01)
    assert check_vcf.lower_bound(312, 1000, 0.01) == pytest.approx(0.278, abs=5e-4)


def test_few_mismatches_are_counted_and_go_on(fasta, out, tmp_path):
    _, row = one(fasta, out, tmp_path, snvs(15, 5))
    assert (row["n_snv"], row["n_snv_mismatch"]) == (20, 5)
    assert {"text": "REF differs from g.fa: REF_MISMATCH", "count": 5, "first": "chr1:16"} in row[
        "warnings"
    ]
    _, row = one(fasta, out, tmp_path, snvs(982, 18))
    assert (row["n_snv"], row["n_snv_mismatch"]) == (1000, 18)


@pytest.mark.bad_input
def test_wrong_assembly_stops_with_the_rate(fasta, out, tmp_path):
    with pytest.raises(BadDataError, match="REF differs at 10 of 10 SNVs"):
        one(fasta, out, tmp_path, snvs(0, 10))
    with pytest.raises(BadDataError) as caught:
        one(fasta, out, tmp_path, snvs(688, 312))
    assert str(caught.value) == (
        "a.vcf chr1:689: REF differs at 312 of 1,000 SNVs, rate at least 27.8 %; expected at most 1 %; "
        "wrong assembly (GRCh37/38)? (or --allow_mismatch)"
    )
    with pytest.raises(BadDataError, match="19 of 1,000"):
        one(fasta, out, tmp_path, snvs(981, 19))
    _, row = one(fasta, out, tmp_path, snvs(688, 312), allow_mismatch=True)
    assert row["n_snv_mismatch"] == 312
    assert any("allowed by --allow_mismatch" in text for text in texts(row))


@pytest.mark.parametrize("n", [1, 2, 3, 12, 20, 60])
def test_few_alleles_are_judged_by_the_ratio_of_two_binomials(n):
    for n_mismatch in range(n + 1):
        by_chance = binom.pmf(n_mismatch, n, 0.75)
        expected = by_chance >= 1000 * binom.pmf(n_mismatch, n, 0.01)
        assert check_vcf.looks_like_chance(n_mismatch, n) == expected, n_mismatch


@pytest.mark.bad_input
@pytest.mark.parametrize(("n_right", "n_wrong"), [(0, 2), (3, 9), (11, 9)])
def test_small_file_of_another_assembly_stops(fasta, out, tmp_path, n_right, n_wrong):
    observed = f"REF differs at {n_wrong} of {n_right + n_wrong} SNVs"
    with pytest.raises(BadDataError, match=observed):
        one(fasta, out, tmp_path, snvs(n_right, n_wrong))
    _, row = one(fasta, out, tmp_path, snvs(n_right, n_wrong), allow_mismatch=True)
    assert row["n_snv_mismatch"] == n_wrong


# --- declared contigs
# -------------------------------------------------------------------------------------------------------------

MD5 = hashlib.md5(CHR1.encode()).hexdigest().encode()


@pytest.mark.parametrize(
    ("declared", "result"),
    [
        (b"length=1000", None),
        (b"length=1000,md5=" + MD5, None),
        (b"M5=" + MD5.upper(), None),
        (b"assembly=hg19", None),
        (
            b"length=249250621,assembly=hg19",
            "contig chr1 of hg19 is declared with 249,250,621 bases; g.fa has 1,000",
        ),
        (
            b'assembly="b 37",length=1000,md5=' + MD5[::-1],
            "contig chr1 of b 37 is declared with another md5 than that of g.fa",
        ),
    ],
)
@pytest.mark.parametrize("mode", ["none", "auto"])
def test_declared_length_and_md5_are_compared(fasta, out, tmp_path, declared, result, mode):
    header = NO_LENGTHS + b"##contig=<ID=chr1," + declared + b">\n"
    _, row = one(fasta, out, tmp_path, snvs(3), header, contig_map=mode)
    assert [text for text in texts(row) if "declared" in text] == ([result] if result else [])


@pytest.mark.bad_input
@pytest.mark.parametrize("mode", ["none", "auto"])
def test_another_mitochondrion_of_the_same_name_stops(out, tmp_path, mode):
    fasta = stored(tmp_path / "m.fa", f">chrM\n{CHR1}\n".encode())
    header = NO_LENGTHS + b"##contig=<ID=chrM,length=1002>\n"
    with pytest.raises(BadDataError, match="contig chrM is declared with 1,002 bases; m.fa has"):
        one(fasta, out, tmp_path, snvs(3, contig=b"chrM"), header, contig_map=mode)
    options = {"contig_map": mode, "allow_mismatch": True}
    _, row = one(fasta, out, tmp_path, snvs(3, contig=b"chrM"), header, **options)
    assert any("declared" in text for text in texts(row))


@pytest.mark.bad_input
def test_wrong_assembly_is_seen_without_a_single_snv(fasta, out, tmp_path):
    with pytest.raises(BadDataError, match="REF differs at 30 of 30 records"):
        one(
            fasta,
            out,
            tmp_path,
            [(contig, pos, ref, ref + b"TT", info) for contig, pos, ref, _, info in snvs(0, 30)],
        )


def test_what_cannot_be_compared_is_not(out, tmp_path):
    genome = stored(tmp_path / "n.fa", b">chr1\nNNNNRYKMACGT\n")
    records = [(b"chr1", str(pos).encode(), b"A", b"C", b".") for pos in range(9)] + [
        (b"chr1", b"13", b"A", b"C", b"."),
        (b"chr1", b"9", b"N", b"C", b"."),
        (b"chr1", b"9", b"a", b"c", b"."),
        (b"chr1", b"9", b"A", b"<DEL>", b"."),
        (b"chr1", b"9", b"A", b"*", b"."),
    ]
    _, row = one(genome, out, tmp_path, records)
    assert (row["n_snv"], row["n_snv_mismatch"], row["n_ref"], row["n_ref_mismatch"]) == (
        1,
        0,
        3,
        0,
    )


# --- BED
# ------------------------------------------------------------------------------------------------------------------------


def test_bed_rows(fasta, out, tmp_path):
    path = stored(tmp_path / "r.bed", b"chr1\t5\t9\nchrY\t1\t2\nchr1\t900\t1001\nchr1\t0\t1\n")
    row = run(fasta, out, regions=[path])["inputs"][0]
    assert (row["kind"], row["records"], row["sorted"]) == ("bed", 4, False)
    assert row["warnings"] == [
        {"text": "contigs chrY not in g.fa: NO_CONTIG", "count": 1, "first": "chrY"},
        {"text": "end beyond the contig's end", "count": 1, "first": "r.bed line 3"},
        {
            "text": "not sorted; no index written; sort with bedtools sort",
            "count": 1,
            "first": "r.bed line 4",
        },
    ]


@pytest.mark.bad_input
def test_bed_that_does_not_fit(fasta, out, tmp_path):
    with pytest.raises(
        BadDataError, match=r"r.bed: contigs 1 are not in g.fa.*give --contig_map auto"
    ):
        run(fasta, out, regions=[stored(tmp_path / "r.bed", b"1\t5\t9\n")])
    with pytest.raises(BadDataError, match=r"i.bed: line 1: end 5 before start 9"):
        run(fasta, out, include=stored(tmp_path / "i.bed", b"chr1\t9\t5\n"))
    with pytest.raises(
        UsageError, match=r"--regions r.bed: name r of r.bed too; expected unique names"
    ):
        run(fasta, out, regions=[tmp_path / "r.bed", stored(tmp_path / "genome" / "r.bed", b"")])
    with pytest.raises(UsageError, match="--regions -x.bed, name: '-x'; expected"):
        run(fasta, out, regions=[stored(tmp_path / "-x.bed", b"")])


# --- paths and ids
# --------------------------------------------------------------------------------------------------------------


@pytest.mark.bad_input
def test_all_missing_paths_are_named_at_once(fasta, out, tmp_path):
    with pytest.raises(MissingInputError) as caught:
        check.check_inputs(
            tmp_path / "no.fa",
            [("a", tmp_path / "no.vcf"), ("b", tmp_path)],
            [tmp_path / "no.bed"],
            tmp_path / "i.bed",
            out,
            check.CheckOptions(contig_map=tmp_path / "no.tsv"),
        )
    assert all(
        name in str(caught.value) for name in ("no.fa", "no.vcf", "no.bed", "i.bed", "no.tsv")
    )
    assert not out.exists()


BAD_IDS = ["", "../x", "-rf", "a;b", "a b", "a\n", "a/b", "$(id)", "x" * 129, ".a", "é"]


@pytest.mark.bad_input
@pytest.mark.parametrize("name", BAD_IDS)
def test_ids_that_cannot_name_a_file(fasta, out, tmp_path, name):
    with pytest.raises(UsageError, match="rename it"):
        run(fasta, out, [(name, stored(tmp_path / "a.vcf", vcf_text([])))])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            b"a\tx.vcf\na\ty.vcf\n",
            r"sheet.tsv row 2, id: a twice; expected unique ids; add a vcf_id column",
        ),
        (b"a\n", "row 1: 'a'"),
        (b"a;b\tx.vcf\n", r"row 1, id: 'a;b'"),
        (b"a\t\n", "row 1"),
        (b"\n", "row 1"),
    ],
)
def test_malformed_sheet(tmp_path, text, result):
    with pytest.raises(UsageError, match=result):
        check.read_sheet(stored(tmp_path / "sheet.tsv", text))


def test_sheet(tmp_path):
    path = stored(tmp_path / "sheet.tsv", b"a\tx y.vcf\r\nb.2\t/z/y.vcf.gz\n")
    assert check.read_sheet(path) == [("a", Path("x y.vcf")), ("b.2", Path("/z/y.vcf.gz"))]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "kind", "result"),
    [
        (b"", BadDataError, "empty file"),
        (line(), BadDataError, "line 1 is a record"),
        (vcf_text() + b"\n" + line(), BadDataError, "line 20: 1 columns"),
        (vcf_text()[:-1] + b"\tx\n", BadDataError, "line 19: 9 columns"),
        (b"BCF\2\2", BadDataError, "bcftools view -Oz"),
    ],
)
def test_malformed_vcf_leaves_nothing(fasta, out, tmp_path, text, kind, result):
    with pytest.raises(kind) as caught:
        run(fasta, out, [("a", stored(tmp_path / "a.vcf", text))])
    assert result in str(caught.value)
    assert list(out.iterdir()) == []


@pytest.mark.bad_input
def test_cut_vcf_leaves_nothing(fasta, out, tmp_path):
    path = stored(tmp_path / "a.vcf.gz", vcf_text(), "bgzf")
    path.write_bytes(path.read_bytes()[:-28])
    with pytest.raises(InputOutputError, match="no end-of-file block"):
        run(fasta, out, [("a", path)])
    assert list(out.iterdir()) == []


@pytest.mark.bad_input
def test_stale_index_stops(fasta, out, tmp_path):
    Path(f"{fasta}.fai").write_text("chr1\t990\t6\t1000\t1001\nchr2\t700\t1013\t700\t701\n")
    with pytest.raises(BadDataError, match="g.fa.fai"):
        run(fasta, out)


def test_gzip_genome_is_said_and_named_as_given(out, tmp_path):
    genome = stored(tmp_path / "g.fa.gz", FASTA, "gzip")
    path = stored(tmp_path / "a.vcf", NO_LENGTHS + COLUMNS + line(b"1", b"1", b"A", b"C"))
    assert [warning["count"] for warning in run(genome, out)["warnings"]] == [1]
    with pytest.raises(BadDataError, match=r"contigs 1 are not in g.fa.gz;"):
        run(genome, out, [("a", path)])


# --- real files
# -----------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")
def test_real_cohort(out):
    folder = DATA / "b37_chr1"
    paths = [(path.name.split(".")[0], path) for path in sorted(folder.glob("*.vcf.gz"))]
    content = run(folder / "chr1_1M.fa", out, paths, [folder / "refseq_exons.bed"])
    assert [(row["id"], row["records"]) for row in content["inputs"]] == [
        ("CEU_trio", 405),
        ("clinvar_20191007_ISG15_AGRN", 72),
        ("cohort_10samples_1000G", 78),
        ("dbsnp135_sites", 734),
        ("refseq_exons", 237),
    ]
    assert all(row["n_ref_mismatch"] == 0 for row in content["inputs"])
    for name, _ in paths:
        keys = [(row[1], row[0], *row[2:]) for row in table(out, name)]
        assert all(before < after for before, after in pairwise(keys))


@pytest.mark.bad_input
@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")
def test_real_wrong_assembly(out):
    with pytest.raises(
        BadDataError,
        match=r"NA12878_18_99_germline.vcf.gz .*: REF differs at \d+ of \d+ SNVs, rate at least",
    ):
        run(
            DATA / "b37_chr1" / "chr1_1M.fa",
            out,
            [("a", DATA / "hg38_chr1" / "NA12878_18_99_germline.vcf.gz")],
            contig_map=stored(out.parent / "map.tsv", b"chr1\t1\n"),
        )


def test_thousands_of_contigs_take_time_by_their_number_only(out, tmp_path):
    """Each of these was quadratic once: htslib over undeclared contigs, the REF check, the room for
    contigs in memory."""
    n = 3000
    genome = stored(tmp_path / "g.fa", b"".join(b">c%d\nACGTAC\n" % i for i in range(n)))
    records = [(b"c%d" % i, b"2", b"C" if i % 1000 else b"G", b"T", b".") for i in range(n)]
    _, row = one(genome, out, tmp_path, records)
    assert (row["n_snv"], row["n_snv_mismatch"]) == (n, 3)
    assert row["warnings"][-2:] == [
        {"text": "further kinds of warnings", "count": 2000, "first": "c1000:2"},
        {"text": "REF differs from g.fa: REF_MISMATCH", "count": 3, "first": "c0:2"},
    ]
    assert len(table(out)) == n


@pytest.mark.bad_input
@pytest.mark.long
def test_a_line_above_the_limit_names_the_option_and_passes_with_it(fasta, out, tmp_path):
    records = [(b"chr1", b"1", b"A", b"C", b"X=" + b"y" * (2 << 20))]
    with pytest.raises(BadDataError, match=r"longer than 1 MiB; .*--max_line"):
        one(fasta, out, tmp_path, records, max_line=1)
    _, row = one(fasta, out, tmp_path, records, max_line=3)
    assert row["records"] == 1
