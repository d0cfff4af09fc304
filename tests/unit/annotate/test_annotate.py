"""ANNOTATE_VCF and the sites VCF: what stands in each record, and that bcftools annotate gives the
same from the sites VCF."""

import re
import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pysam
import pytest
from naive_info import info_of_rows
from synthetic_run import MODELS, fitted, site_row, write_calibration, write_rows, write_sites

from gfmtrust.annotate.header_lines import header_lines, quoted
from gfmtrust.annotate.sites_vcf import site_records, write_sites_vcf
from gfmtrust.annotate.vcf import annotate_vcf
from gfmtrust.core import documents
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import BadDataError, InternalError, MissingInputError, UsageError
from gfmtrust.io import tables
from gfmtrust.io.position_table import PositionTable
from gfmtrust.io.vcf.info_texts import info_texts, joined_texts
from gfmtrust.io.vcf.info_values import (
    COLUMN,
    KEYS,
    NUMBERS,
    number_text,
    word_text,
)

pytestmark = pytest.mark.long

HIGH = {"rank": 3, "why": None, "rel": 0.98766, "llr": -6.25, "ent": 0.5}
NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+")
WORDS = [name for name in COLUMN.values() if name not in NUMBERS]
SITES = [
    site_row("chr1", 9, "A", "C", **HIGH),
    site_row(
        "chr1", 9, "A", "G", why="LOW_REL&HIGH_ENTROPY", llr_sd=float("nan"), gain=float("nan")
    ),
    site_row("chr1", 19, "C", "<DEL>", "SYMBOLIC"),
    site_row("chr1", 19, "C", "T", rank=2, why="STRAND", llr=-0.00001),
    site_row("chr1", 29, "G", "*", "SPANNING_DEL"),
    site_row("chr1", 29, "G", "A", **HIGH),
    site_row("chr1", 39, "T", "TA", "UNSUPPORTED"),
    site_row("chr1", 49, "G", "G]chr1:500]", "BREAKEND"),
    site_row("chr1", 49, "G", "<dup:Tandem>", "SYMBOLIC"),
    site_row("chr1", 49, "G", "A", **HIGH),
    site_row("1", 9, "A", "C", **HIGH),
]
SPELLINGS = [
    ("1", 9, "A", "C"),
    ("chr1", 9, "A", "C,G"),
    ("chr1", 9, "A", "G,C"),
    ("chr1", 19, "C", "T,<DEL>"),
    ("chr1", 29, "G", "A,*"),
    ("chr1", 39, "T", "TA"),
    ("chr1", 49, "G", "G]chr1:500],A"),
    ("chr1", 49, "G", "<dup:Tandem>"),
]
HEADER = "\n".join(
    [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=q,Description="q">',
        "##contig=<ID=chr1,length=1000>",
        "##contig=<ID=1,length=1000>",
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    ]
)
RECORDS = [
    "chr1\t10\t.\tA\tC,G\t50.50\tPASS\tDP=3",
    "chr1\t10\tdup\ta\tg,c\t.\t.\t.",
    "chr1\t10\t.\tA\tG\t.\tq\tDP=4",
    "chr1\t15\t.\tA\t.\t.\t.\tDP=1",
    "chr1\t20\t.\tC\tT,<DEL>\t.\t.\tDP=3;",
    "chr1\t30\t.\tG\tA,*\t.\t.\t.",
    "chr1\t40\t.\tT\tTA\t.\t.\t.",
    "chr1\t50\t.\tG\tG]chr1:500],A\t.\t.\t.",
    "chr1\t50\t.\tG\t<dup:Tandem>\t.\t.\t.",
    "1\t10\t.\tA\tC\t.\t.\t.",
]


@pytest.fixture
def run(tmp_path):
    """sites.parquet, spellings.parquet, calibration.json and a VCF of awkward records."""
    write_sites(tmp_path / "sites.parquet", SITES)
    write_rows(
        tmp_path / "spellings.parquet",
        [
            dict(zip(("contig", "pos", "ref", "alts"), row, strict=True), contig_index=0)
            for row in SPELLINGS
        ],
        tables.SPELLINGS,
    )
    write_calibration(tmp_path / "calibration.json", n=1200)
    (tmp_path / "in.vcf").write_text(HEADER + "\n".join(RECORDS) + "\n")
    return tmp_path


def annotated(run, name="in.vcf", **options):
    counts = annotate_vcf(
        run / name,
        "s1",
        run / "sites.parquet",
        run / "calibration.json",
        run / "s1.gfm.vcf.gz",
        **options,
    )
    with pysam.BGZFile(str(run / "s1.gfm.vcf.gz")) as file:
        lines = file.read().decode().splitlines()
    return (
        counts.to_dict(),
        [line for line in lines if line.startswith("#")],
        [line for line in lines if not line.startswith("#")],
    )


def info_of(line):
    return dict(pair.split("=") for pair in line.split("\t")[7].split(";") if "=" in pair)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (-0.00001, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-12.34567, "-12.3457"),
        (0.00004, "0"),
        (100.0, "100"),
        (float("nan"), "."),
        (1e-30, "0"),
        (2.0, "2"),
        (0.123449, "0.1234"),
    ],
)
def test_number_text(value, text):
    assert number_text(value) == text


def test_every_number_is_a_plain_vcf_float():
    rng = np.random.default_rng(1)
    texts = [
        number_text(value)
        for value in np.concatenate([rng.normal(0, 50, 500), rng.normal(0, 1e-5, 100)])
    ]
    assert all(NUMBER.fullmatch(text) for text in texts)
    assert "-0" not in texts


@pytest.mark.bad_input
@pytest.mark.parametrize("word", ["two words", "a;b", "a,b", "a=b", "ü", "a\n"])
def test_a_word_that_would_break_a_vcf_is_refused(word):
    with pytest.raises(InternalError):
        word_text(word)


@pytest.mark.bad_input
@pytest.mark.parametrize("value", [float("inf"), -float("inf"), np.float32("inf")])
def test_an_infinity_is_refused(value):
    with pytest.raises(InternalError):
        number_text(value)


def test_missing_is_a_dot():
    assert word_text(None) == word_text("") == number_text(np.float32("nan")) == "."


@pytest.mark.bad_input
@pytest.mark.parametrize(("status", "rank"), [("SCORED", 0), ("SYMBOLIC", 1)])
def test_status_and_rank_may_not_contradict(status, rank):
    rows = [site_row("chr1", 9, "A", "C"), site_row("chr1", 9, "A", "G", status) | {"rank": rank}]
    with pytest.raises(InternalError, match=rf"\['{status}', {rank}\]"):
        info_texts(pa.Table.from_pylist(rows, schema=tables.SITES))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "values", [{"llr": float("inf")}, {"rel": -float("inf")}, {"why": "a;b"}, {"basis": "ü"}]
)
def test_a_column_with_a_value_that_would_break_a_vcf_is_refused(values):
    rows = [site_row("chr1", 9, "A", "C"), site_row("chr1", 9, "A", "G", **values)]
    with pytest.raises(InternalError, match="value of a GFM key"):
        info_texts(pa.Table.from_pylist(rows, schema=tables.SITES))


def test_columns_are_formatted_as_single_values_are():
    rng = np.random.default_rng(2)
    n, halves = 3000, rng.integers(-20_000, 20_000, 3000) / 20_000
    numbers = np.concatenate(
        [rng.normal(0, 50, n), rng.normal(0, 1e-4, n), halves, [0.0, -0.0, 1e-30, np.nan, 123456.5]]
    )
    rows = [
        site_row(
            "chr1", i, "A", "C", llr=value, pct=value, rel=float(rng.random()), copies=i % 5 - 1
        )
        for i, value in enumerate(numbers.astype(np.float32).tolist())
    ]
    rows.append(site_row("chr1", len(rows), "A", "<DEL>", "SYMBOLIC"))
    for some in (rows, rows + [site_row("chr2", 1, "A", "C", llr=3e12)], rows[5:9]):
        texts = info_texts(pa.Table.from_pylist(some, schema=tables.SITES).slice(1))
        expected = pa.Table.from_pylist(some, schema=tables.SITES).to_pylist()[1:]
        assert [texts.one(row) for row in range(len(texts))] == [
            info_of_rows([row]) for row in expected
        ]


def test_several_alleles_are_number_a():
    rows = [SITES[0], SITES[1], SITES[4], SITES[6]]
    table = pa.Table.from_pylist(rows, schema=tables.SITES)
    texts = info_texts(table)
    joined = joined_texts([texts.one(row) for row in range(len(rows))])
    assert joined == info_of_rows(table.to_pylist())
    assert joined.startswith(b"GFM_STATUS=SCORED,SCORED,SPANNING_DEL,UNSUPPORTED;GFM_RANK=3,1,0,0;")


def test_each_record_as_it_is_written(run):
    counts, _, records = annotated(run)
    assert len(records) == len(RECORDS)
    assert records[0] == (
        "chr1\t10\t.\tA\tC,G\t50.50\tPASS\tDP=3;GFM_STATUS=SCORED,SCORED;GFM_RANK=3,1;GFM_CONF=HIGH,LOW;GFM_WHY=.,LOW_REL&HIGH_ENTROPY;"
        "GFM_BASIS=DECOY,DECOY;GFM_REL=0.9877,0.625;GFM_LLR=-6.25,-1.5;GFM_LLR_SD=0.25,.;GFM_PCT=.,.;GFM_MODELS_PCT=.,.;GFM_MODELS_SD=.,.;GFM_ENT=0.5,1.75;GFM_DIS=0.0125,0.0125;GFM_GAIN=0.05,.;GFM_COPIES=0,0"
    )
    assert info_of(records[1])["GFM_RANK"] == "1,3"  # ALTs the other way round, in lower case
    assert records[1].startswith("chr1\t10\tdup\ta\tg,c\t.\t.\tGFM_STATUS=")
    assert records[3] == RECORDS[3]  # ALT `.`: not one byte of ours
    assert info_of(records[4])["GFM_STATUS"] == "SCORED,SYMBOLIC"
    assert info_of(records[4])["GFM_LLR"] == "0,."
    assert info_of(records[4])["GFM_BASIS"] == "DECOY,."
    assert info_of(records[4])["GFM_COPIES"] == "0,."  # -1 in the table
    assert info_of(records[5])["GFM_CONF"] == "HIGH,."
    assert info_of(records[6])["GFM_RANK"] == "0"
    assert info_of(records[7])["GFM_STATUS"] == "BREAKEND,SCORED"
    assert info_of(records[-1])["GFM_RANK"] == "3"
    assert counts["no_alt"] == 1
    assert counts["records"] == 10
    assert counts["alts"] == 14 == sum(counts["statuses"].values()) == sum(counts["ranks"].values())
    assert counts["ranks"] == {"NOT_SCORED": 5, "LOW": 3, "MEDIUM": 1, "HIGH": 5}


def test_counts_json_says_what_was_published(run):
    counts, _, _ = annotated(run)
    assert documents.read_json(run / "s1.counts.json") == counts
    digest = subprocess.run(
        ["sha256sum", run / "s1.gfm.vcf.gz"], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    assert counts["output"]["sha256"] == digest


def test_two_runs_are_byte_identical(run):
    annotated(run)
    first = (run / "s1.gfm.vcf.gz").read_bytes(), (run / "s1.counts.json").read_bytes()
    annotated(run, force=True)
    assert ((run / "s1.gfm.vcf.gz").read_bytes(), (run / "s1.counts.json").read_bytes()) == first


def test_unsorted_input_gets_the_same_values(run):
    _, _, records = annotated(run)
    (run / "back.vcf").write_text(HEADER + "\n".join(RECORDS[::-1]) + "\n")
    counts, _, backwards = annotated(run, "back.vcf", force=True)
    assert backwards == records[::-1]
    assert counts["index"] is None


def test_header_tells_models_calibration_and_use(run):
    _, header, _ = annotated(run)
    text = "\n".join(header)
    assert (
        f"##GFM_model=<ID=gpn-a,SHA256={'a1' * 32},Family=gpn,Context=128,Device=cpu,Precision=fp32>"
        in header
    )
    assert re.search(
        r"##GFM_calibration=<ID=run,Set=decoy,N=1200,.*Seed=1,AlphaHIGH=0.05,AlphaMEDIUM=0.2,Delta=0.05,",
        text,
    )
    assert re.search(
        r"##GFM_calibration=<ID=HIGH_1,Level=HIGH,Certified=(yes|no),Classes=\".*\",Refused=\"\",Threshold=",
        text,
    )
    assert "##gfmtrustShift=ok; median difference" in text
    assert "research use only" in text.lower()
    assert "##gfmtrustCommand=annotate_vcf --id s1 --vcf in.vcf" in header
    assert str(run) not in text
    assert [
        line.split(",")[0].split("ID=")[1] for line in header if line.startswith("##INFO=<ID=GFM")
    ] == list(KEYS)


def test_header_of_a_useless_model_says_so():
    lines = header_lines(
        fitted(0.0, 1200)[0], RunFacts(models=MODELS, allow_mismatch=True), "annotate_vcf"
    )
    assert sum(line.startswith("##gfmtrustMismatch=") for line in lines) == 1
    outcome = next(line for line in lines if line.startswith("##GFM_calibration=<ID=run"))
    assert "No flag above LOW" in outcome
    assert not any("Certified=yes" in line for line in lines)


def test_header_text_is_escaped():
    assert quoted('a "b"\\c\nd') == '"a \\"b\\"\\\\c d"'


@pytest.mark.bad_input
def test_an_allele_no_step_has_seen_stops_and_leaves_nothing(run):
    (run / "in.vcf").write_text(HEADER + "chr1\t10\t.\tA\tT\t.\t.\t.\n")
    with pytest.raises(BadDataError, match="chr1:10: no row for A>T"):
        annotated(run)
    assert not list(run.glob("s1*"))


@pytest.mark.bad_input
def test_a_contig_no_step_has_seen_stops(run):
    (run / "in.vcf").write_text(HEADER + "chr7\t10\t.\tA\tC\t.\t.\t.\n")
    with pytest.raises(BadDataError, match="chr7:10"):
        annotated(run)


@pytest.mark.bad_input
def test_refusals(run):
    with pytest.raises(MissingInputError):
        annotate_vcf(
            run / "in.vcf", "s1", run / "sites.parquet", run / "absent.json", run / "o.vcf.gz"
        )
    with pytest.raises(MissingInputError):
        annotate_vcf(
            run / "in.vcf", "s1", run / "absent.parquet", run / "calibration.json", run / "o.vcf.gz"
        )
    with pytest.raises(MissingInputError):
        annotate_vcf(
            run / "absent.vcf",
            "s1",
            run / "sites.parquet",
            run / "calibration.json",
            run / "o.vcf.gz",
        )
    with pytest.raises(BadDataError, match="no version"):
        annotate_vcf(
            run / "in.vcf",
            "s1",
            run / "spellings.parquet",
            run / "calibration.json",
            run / "o.vcf.gz",
        )


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["../s1", "a/b", "a b", "-s1", ""])
def test_an_id_that_cannot_name_a_file_is_refused_before_anything_is_written(run, name):
    facts = run / "sites.parquet", run / "calibration.json"
    with pytest.raises(UsageError, match="^--id: "):
        annotate_vcf(run / "in.vcf", name, *facts, run / "o.vcf.gz")
    assert not (run / "o.vcf.gz").exists()


@pytest.mark.bad_input
def test_positions_that_fall_in_sites_parquet_are_our_bug(tmp_path):
    write_sites(tmp_path / "sites.parquet", [SITES[2], SITES[0]])
    with pytest.raises(InternalError, match="fall"):
        PositionTable(tmp_path / "sites.parquet", ["ref"])


def test_lookup_agrees_with_a_scan_and_reads_each_group_once(tmp_path):
    rng = np.random.default_rng(3)
    table = pa.table(
        {
            "contig": np.repeat(["b", "a", "c"], 400).astype(object),
            "pos": np.concatenate([np.sort(rng.integers(0, 500, 400)) for _ in range(3)]),
            "x": np.arange(1200),
        }
    )
    pa.parquet.write_table(table, tmp_path / "t.parquet", row_group_size=100)
    frame = table.to_pandas()
    with PositionTable(tmp_path / "t.parquet", ["x"], cache_rows=250) as lookup:
        assert lookup.contigs() == ["b", "a", "c"]
        for contig in ("b", "a", "c"):
            for pos in range(0, 500, 7):
                items = [
                    value
                    for piece in lookup.rows(contig, pos, pos + 3)
                    for value in piece.column("x")
                ]
                assert (
                    items
                    == frame[(frame.contig == contig) & (frame.pos >= pos) & (frame.pos < pos + 3)][
                        "x"
                    ].tolist()
                )
        assert lookup.groups_read == 12
        assert lookup.rows("d", 0, 10) == []
        assert lookup.rows("a", 600, 700) == []


def test_site_records_are_distinct_spellings_and_single_alleles(run):
    rows = list(site_records(run / "spellings.parquet"))
    assert [record for record in rows if record[:2] == ("chr1", 9)] == [
        ("chr1", 9, "A", ("C",)),
        ("chr1", 9, "A", ("C", "G")),
        ("chr1", 9, "A", ("G",)),
        ("chr1", 9, "A", ("G", "C")),
    ]
    assert len(rows) == len(set(rows)) == 16


def test_sites_vcf_of_a_run_without_alleles(run):
    write_sites(run / "sites.parquet", [])
    write_rows(run / "spellings.parquet", [], tables.SPELLINGS)
    assert (
        write_sites_vcf(
            run / "sites.parquet", run / "spellings.parquet", run / "calibration.json", run
        )
        == 0
    )
    with pysam.VariantFile(str(run / "sites.gfm.vcf.gz")) as file:
        assert not list(file)


@pytest.mark.bad_input
def test_a_position_that_no_index_supports_is_left_out_of_the_sites_vcf(run, caplog):
    """Any POS is legal, and OUT_OF_RANGE beyond the contig; the run ended with 70. The file of the
    user keeps the record."""
    far = 5_000_000_000
    out_of_range = site_row("chr1", far, "A", "C", "OUT_OF_RANGE")
    write_sites(run / "sites.parquet", [*SITES[:-1], out_of_range, SITES[-1]])
    rows = [
        dict(zip(("contig", "pos", "ref", "alts"), row, strict=True), contig_index=0)
        for row in [*SPELLINGS, ("chr1", far, "A", "C")]
    ]
    write_rows(run / "spellings.parquet", rows, tables.SPELLINGS)
    written = write_sites_vcf(
        run / "sites.parquet", run / "spellings.parquet", run / "calibration.json", run
    )
    assert written == len(list(site_records(run / "spellings.parquet"))) - 1
    assert "1 records at positions above 4,294,967,296 are left out" in caplog.text
    with pysam.VariantFile(str(run / "sites.gfm.vcf.gz")) as file:
        assert len(list(file.fetch("chr1", 0, 100))) == written - 1
    (run / "in.vcf").write_text(HEADER + f"chr1\t{far + 1}\t.\tA\tC\t.\t.\t.\n")
    counts, _, records = annotated(run)
    assert "GFM_STATUS=OUT_OF_RANGE" in records[0]
    assert counts["index"] is None


def bcftools(*arguments):
    return subprocess.run(
        ["bcftools", *map(str, arguments)], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not on PATH")
@pytest.mark.parametrize("split", [False, True])
def test_bcftools_annotate_gives_our_own_annotation(run, split):
    """Multi-allelic, reordered ALTs, split records, duplicate POS, symbolic and star alleles, two
    namings of a contig."""
    upper = [
        line.replace("\ta\tg,c\t", "\tA\tG,C\t") for line in RECORDS
    ]  # bcftools compares letters as they are
    (run / "in.vcf").write_text(HEADER + "\n".join(upper) + "\n")
    if split:  # bcftools pairs one record of the source with one of the target: an allele repeated more often than spelled stays empty
        (run / "in.vcf").write_text(HEADER + "\n".join(upper[:2] + upper[3:]) + "\n")
        (run / "in.vcf").write_text(bcftools("norm", "-m-", "--no-version", run / "in.vcf"))
    write_sites_vcf(run / "sites.parquet", run / "spellings.parquet", run / "calibration.json", run)
    annotated(run)
    pysam.tabix_compress(str(run / "in.vcf"), str(run / "in.vcf.gz"), force=True)
    bcftools("index", "-f", run / "in.vcf.gz")
    columns = ",".join((run / "columns.txt").read_text().split())
    theirs = bcftools(
        "annotate",
        "--no-version",
        "-a",
        run / "sites.gfm.vcf.gz",
        "-c",
        columns,
        "-h",
        run / "header.hdr",
        run / "in.vcf.gz",
    )
    ours = bcftools("view", "--no-version", run / "s1.gfm.vcf.gz")

    def infos(text):
        return [
            line.split("\t")[7].replace(";;", ";")
            for line in text.splitlines()
            if not line.startswith("#")
        ]

    assert infos(theirs) == infos(ours)
    by_file = bcftools(
        "annotate",
        "--no-version",
        "-a",
        run / "sites.gfm.vcf.gz",
        "-C",
        run / "columns.txt",
        "-h",
        run / "header.hdr",
        run / "in.vcf.gz",
    )
    assert by_file == theirs


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not on PATH")
def test_the_safe_filter_keeps_exactly_the_certified_alleles(run):
    annotated(run)
    split = run / "split.vcf"
    split.write_text(bcftools("norm", "-m-", run / "s1.gfm.vcf.gz"))
    kept = bcftools("query", "-i", "GFM_RANK>=2", "-f", "%CHROM:%POS:%ALT ", split).split()
    assert kept == ["chr1:10:C", "chr1:10:c", "chr1:20:T", "chr1:30:A", "chr1:50:A", "1:10:C"]
