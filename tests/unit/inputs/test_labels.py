"""Labelled VCFs: what becomes a label, what does not and why, and which alleles of a run it
meets."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from gfmtrust.cli import main as cli
from gfmtrust.core.errors import BadDataError, UsageError
from gfmtrust.inputs import labels
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.io.tables import SITES

LETTERS = "TTACGTCAAAAGTCCATGACAGGTTACCATGC"  # ACG at 2..4, a run of A at 7..10
HEAD = "##fileformat=VCFv4.2\n##contig=<ID=c,length=32>\n{}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture
def genome(tmp_path):
    (tmp_path / "genome.fa").write_text(f">c\n{LETTERS}\n")
    return Genome.open(tmp_path / "genome.fa", tmp_path)


def read(tmp_path, genome, rows, rule=None, header="", **options):
    """Table and metadata of records (pos, ref, alt, info) of contig c, or of another where five are
    given."""
    path = tmp_path / "labelled.vcf"
    lines = [row if len(row) == 5 else ("c", *row) for row in rows]
    path.write_text(
        HEAD.format(header)
        + "".join(
            f"{c}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t{info}\n" for c, pos, ref, alt, info in lines
        )
    )
    metadata = labels.read_labels(
        path,
        rule or labels.rule_of("CLNSIG", None, None),
        genome,
        tmp_path / "labels.parquet",
        **options,
    )
    return tables.read(tmp_path / "labels.parquet").to_pylist(), metadata


GOOD = [(1, "T", "A", "CLNSIG=Pathogenic"), (2, "T", "G", "AF=1;CLNSIG=Benign")]


def test_words_of_clinvar(tmp_path, genome):
    result, metadata = read(
        tmp_path,
        genome,
        [
            *GOOD,
            (4, "C", "T", "CLNSIG=Pathogenic/Likely_pathogenic"),
            (5, "G", "A", "CLNSIG=Benign/Likely_benign"),
            (6, "T", "A", "CLNSIG=Uncertain_significance"),
            (12, "G", "A", "CLNSIG=Pathogenic/Benign"),
            (13, "T", "G", "CLNSIG=."),
            (14, "C", "G", "AF=0.5"),
        ],
    )
    assert [(row["pos"], row["alt"], row["label"], row["cpg"]) for row in result] == [
        (0, "A", 1, False),
        (1, "G", 0, False),
        (3, "T", 1, True),
        (4, "A", 0, True),
    ]
    assert metadata["counts"] == {
        "alleles": 8,
        "no_key": 2,
        "unknown_value": 2,
        "ref_is_alt": 0,
        "conflicting": 0,
        "repeated": 0,
    }
    assert metadata["words"] == {"Uncertain_significance": 1, "Pathogenic/Benign": 1}
    assert metadata["labels"] == {"1": 2, "0": 2}


def test_the_size_of_a_number_of_either_sign(tmp_path, genome):
    rule = labels.rule_of("EFFECT", None, 0.5)
    result, metadata = read(
        tmp_path,
        genome,
        [
            (1, "T", "A", "EFFECT=-0.5"),
            (2, "T", "G", "EFFECT=0.499"),
            (4, "C", "T", "EFFECT=7e-1"),
            (5, "G", "A", "EFFECT=nan"),
            (6, "T", "A", "EFFECT=high"),
        ],
        rule,
    )
    assert [(row["pos"], row["label"]) for row in result] == [(0, 1), (1, 0), (3, 1)]
    assert metadata["counts"]["unknown_value"] == 2
    assert (metadata["by_size"], metadata["cut"]) == (True, 0.5)


def test_one_value_an_allele_where_the_header_says_so(tmp_path, genome):
    header = '##INFO=<ID=CLASS,Number=A,Type=String,Description="x">\n'
    rule = labels.rule_of("CLASS", "bad=1,good=0", None)
    result, metadata = read(
        tmp_path,
        genome,
        [(1, "T", "A,C", "CLASS=bad,good"), (2, "T", "A,C", "CLASS=bad")],
        rule,
        header,
    )
    assert [(row["pos"], row["alt"], row["label"]) for row in result] == [
        (0, "A", 1),
        (0, "C", 0),
        (1, "A", 1),
        (1, "C", 1),
    ]
    rows = [
        (1, "T", "A,C", "CLASS=bad,good"),
        (2, "T", "A", "CLASS=bad"),
        (2, "T", "C", "CLASS=good"),
    ]
    result, metadata = read(tmp_path, genome, rows, rule)
    assert [row["pos"] for row in result] == [
        1,
        1,
    ]  # without Number=A the list is one value that says two things
    assert metadata["counts"]["unknown_value"] == 2


@pytest.mark.parametrize(
    "attributes",
    [
        r'ID=CLASS,Number=.,Type=String,Description="was \"x\", ID=CLASS,Number=A, once"',
        'ID=OTHER,Number=A,Type=String,Description="see <ID=CLASS,Number=A>"',
    ],
)
@pytest.mark.bad_input
def test_a_description_declares_nothing(tmp_path, genome, attributes):
    rule = labels.rule_of("CLASS", "bad=1,good=0", None)
    rows = [
        (1, "T", "A,C", "CLASS=bad,good"),
        (2, "T", "A", "CLASS=bad"),
        (2, "T", "C", "CLASS=good"),
    ]
    result, metadata = read(tmp_path, genome, rows, rule, f"##INFO=<{attributes}>\n")
    assert [row["pos"] for row in result] == [1, 1]
    assert metadata["counts"]["unknown_value"] == 2


def test_every_spelling_of_an_indel_is_one_allele(tmp_path, genome):
    """One A less of AAAA at 7..10, deleted at its left and at its right end; an SNV in the dress of
    an MNV."""
    result, metadata = read(
        tmp_path,
        genome,
        [
            (7, "CA", "C", "CLNSIG=Benign"),
            (10, "AA", "A", "CLNSIG=Likely_benign"),
            (1, "TTA", "TGA", "CLNSIG=Pathogenic"),
        ],
    )
    assert [(row["pos"], row["ref"], row["alt"], row["label"]) for row in result] == [
        (1, "T", "G", 1),
        (7, "A", "", 0),
    ]
    assert metadata["counts"]["repeated"] == 1


@pytest.mark.bad_input
def test_what_cannot_be_used_is_counted_by_reason(tmp_path, genome):
    result, metadata = read(
        tmp_path,
        genome,
        [
            *GOOD,
            (1, "T", "A", "CLNSIG=Pathogenic"),
            (4, "C", "T", "CLNSIG=Pathogenic"),
            (4, "C", "T", "CLNSIG=Benign"),
            (5, "C", "A", "CLNSIG=Benign"),
            (6, "T", "<DEL>", "CLNSIG=Benign"),
            (6, "T", "T", "CLNSIG=Benign"),
            (40, "T", "C", "CLNSIG=Benign"),
            ("other", 5, "T", "C", "CLNSIG=Benign"),
            (6, "T", ".", "CLNSIG=Benign"),
        ],
    )
    assert [row["pos"] for row in result] == [0, 1]
    assert {name: n for name, n in metadata["counts"].items() if n} == {
        "alleles": 10,
        "repeated": 1,
        "conflicting": 2,
        "REF_MISMATCH": 1,
        "SYMBOLIC": 1,
        "ref_is_alt": 1,
        "OUT_OF_RANGE": 1,
        "NO_CONTIG": 1,
    }
    assert labels.count_lines(metadata)[1].startswith("no label: ")
    assert "REF_MISMATCH 1" in labels.count_lines(metadata)[1]


def test_contig_names_are_matched_like_those_of_the_inputs(tmp_path, genome):
    rows = [("chrc", 1, "T", "A", "CLNSIG=Pathogenic"), ("chrc", 2, "T", "G", "CLNSIG=Benign")]
    with pytest.raises(BadDataError):
        read(tmp_path, genome, rows)
    assert len(read(tmp_path, genome, rows, contig_map="auto")[0]) == 2


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("rows", "output"),
    [
        (
            [(1, "T", "A", "AF=1"), (2, "T", "A", ".")],
            "labelled.vcf: no record has INFO/CLNSIG; expected a labelled VCF; see --label_key",
        ),
        (
            [GOOD[0]],
            "labelled.vcf: labelled alleles that fit the genome: 1 of label 1 and 0 of label 0; expected both labels; "
            "see --label_values",
        ),
        (
            [GOOD[0], (2, "C", "G", "CLNSIG=Benign")],
            "labelled.vcf: labelled alleles that fit the genome: 1 of label 1 and 0 of label 0",
        ),
        (
            [(1, "T", "A", "CLNSIG=odd")],
            "labelled.vcf: labelled alleles that fit the genome: 0 of label 1 and 0 of label 0",
        ),
        ([], "labelled.vcf: no record has INFO/CLNSIG"),
    ],
)
def test_files_without_two_labels_are_refused(tmp_path, genome, rows, output):
    with pytest.raises(BadDataError) as fault:
        read(tmp_path, genome, rows)
    assert str(fault.value).startswith(output)
    assert not (tmp_path / "labels.parquet").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("key", "values", "cut"),
    [
        ("CLNSIG", "Pathogenic", None),
        ("CLNSIG", "Pathogenic=2,Benign=0", None),
        ("CLNSIG", "a=1,a=0", None),
        ("CLNSIG", "a=1,b=1", None),
        ("CLNSIG", "a||b=1,c=0", None),
        ("CLNSIG", "", None),
        ("EFFECT", None, None),
        ("EFFECT", "a=1,b=0", 0.5),
        ("EFFECT", None, 0.0),
        ("EFFECT", None, -1.0),
        ("EFFECT", None, float("nan")),
    ],
)
def test_rules_that_cannot_be_meant_are_64(key, values, cut):
    with pytest.raises(UsageError):
        labels.rule_of(key, values, cut)


@pytest.mark.bad_input
def test_the_command_ends_with_65_and_one_line(tmp_path, genome, capsys):
    (tmp_path / "one.vcf").write_text(HEAD.format("") + "c\t1\t.\tT\tA\t.\t.\tCLNSIG=Benign\n")
    arguments = [
        "read_labels",
        "--fasta",
        "genome.fa",
        "--labels",
        "one.vcf",
        "--out",
        "labels.parquet",
    ]
    assert cli.main(arguments) == 65
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("gfmtrust: one.vcf: labelled alleles that fit the genome: 0 of label 1")
    )


# --- labels beside the alleles of a run
# ---------------------------------------------------------------------------------


def run_table(tmp_path, rows):
    """sites.parquet of rows (pos, ref, alt, status, var_pos, var_ref, var_alt)."""
    names = ("pos", "ref", "alt", "status", "var_pos", "var_ref", "var_alt")
    items = [
        {
            "contig": "c",
            "contig_index": 0,
            "rank": 1,
            "llr": i,
            **dict(zip(names, row, strict=True)),
        }
        for i, row in enumerate(rows)
    ]
    tables.write(tmp_path / "sites.parquet", pa.Table.from_pylist(items, schema=SITES), SITES)
    return tmp_path / "sites.parquet"


def test_labels_meet_the_runs_alleles_in_their_one_spelling(tmp_path, genome):
    read(
        tmp_path,
        genome,
        [
            *GOOD,
            (7, "CA", "C", "CLNSIG=Benign"),
            (4, "C", "T", "CLNSIG=Benign"),
            (5, "G", "A", "CLNSIG=Benign"),
        ],
    )
    sites = run_table(
        tmp_path,
        [
            (0, "T", "A", "SCORED", -1, "", ""),
            (1, "T", "G", "SCORED", -1, "", ""),
            (6, "CA", "C", "SCORED", 7, "A", ""),
            (9, "AA", "A", "SCORED", 7, "A", ""),
            (4, "G", "A", "AMBIGUOUS_BASE", -1, "", ""),
        ],
    )
    result, counts = labels.matched(tmp_path / "labels.parquet", sites, ["llr"])
    assert result[["pos", "ref", "alt", "label", "llr"]].to_numpy().tolist() == [
        [0, "T", "A", 1, 0.0],
        [1, "T", "G", 0, 1.0],
        [7, "A", "", 0, 2.0],
    ]
    assert counts == {"not_in_run": 1, "AMBIGUOUS_BASE": 1}


@pytest.mark.bad_input
def test_a_run_that_scored_one_label_alone_is_refused(tmp_path, genome):
    read(tmp_path, genome, GOOD)
    sites = run_table(
        tmp_path, [(0, "T", "A", "SCORED", -1, "", ""), (1, "T", "G", "OUT_OF_RANGE", -1, "", "")]
    )
    with pytest.raises(
        BadDataError,
        match="labelled.vcf: labelled alleles that the run scored: 1 of label 1 and 0 of label 0",
    ):
        labels.matched(tmp_path / "labels.parquet", sites, ["llr"])
    with pytest.raises(BadDataError, match="that the run scored: 0 of label 1 and 0 of label 0"):
        labels.matched(tmp_path / "labels.parquet", run_table(tmp_path, []), ["llr"])


def test_cpg_is_read_from_the_genome(tmp_path, genome):
    rows = [
        (i + 1, base, "ACGT"["CGTA".index(base)], f"CLNSIG={'Benign' if i % 2 else 'Pathogenic'}")
        for i, base in enumerate(LETTERS)
    ]
    result, _ = read(tmp_path, genome, rows)
    expected = [
        LETTERS[i : i + 2] == "CG" or LETTERS[max(i - 1, 0) : i + 1] == "CG"
        for i in range(len(LETTERS))
    ]
    assert [row["cpg"] for row in result] == expected
    assert np.sum(expected) == 2


@pytest.mark.parametrize(
    ("declared", "warning"),
    [
        ("length=32", None),
        ("length=32,md5={md5}", None),
        ("length=33,assembly=hg19", "contig c of hg19 is declared with 33 bases; genome.fa has 32"),
        ("length=32,md5={other}", "contig c is declared with another md5 than that of genome.fa"),
    ],
)
def test_declared_contigs_are_compared_with_the_genome(tmp_path, genome, caplog, declared, warning):
    md5 = hashlib.md5(LETTERS.encode()).hexdigest()
    line = f"##contig=<ID=c,{declared}>".format(md5=md5, other=md5[::-1])
    (tmp_path / "labelled.vcf").write_text(
        HEAD.replace("##contig=<ID=c,length=32>", line).format("")
        + "".join(f"c\t{pos}\t.\t{ref}\t{alt}\t.\t.\t{info}\n" for pos, ref, alt, info in GOOD)
    )
    rule = labels.rule_of("CLNSIG", None, None)
    with caplog.at_level("INFO"):
        labels.read_labels(tmp_path / "labelled.vcf", rule, genome, tmp_path / "l.parquet")
    warnings = [text for text in caplog.messages if "declared" in text]
    assert warnings == ([f"warning: labelled.vcf: {warning}"] if warning else [])


@pytest.mark.bad_input
def test_labels_of_another_mitochondrion_are_refused(tmp_path):
    (tmp_path / "genome.fa").write_text(f">chrM\n{LETTERS}\n")
    (tmp_path / "labelled.vcf").write_text(
        HEAD.replace("ID=c,length=32", "ID=chrM,length=34").format("")
        + "".join(f"chrM\t{p}\t.\t{ref}\t{alt}\t.\t.\t{info}\n" for p, ref, alt, info in GOOD)
    )
    genome, rule = (
        Genome.open(tmp_path / "genome.fa", tmp_path),
        labels.rule_of("CLNSIG", None, None),
    )
    with pytest.raises(
        BadDataError, match="contig chrM is declared with 34 bases; genome.fa has 32"
    ):
        labels.read_labels(tmp_path / "labelled.vcf", rule, genome, tmp_path / "l.parquet")
