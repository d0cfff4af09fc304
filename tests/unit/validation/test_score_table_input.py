"""Tables of scores that are wrong or odd: each ends in one line with its exit code, or in a row that
says what is missing."""

import gzip

import numpy as np
import pandas as pd
import pytest
from score_tables import options, simulated, written

from gfmtrust.cli import main as cli
from gfmtrust.core.errors import BadDataError, MissingInputError, UsageError
from gfmtrust.validation.benchmark.score_table import score_table
from gfmtrust.validation.benchmark.score_table.options import names_of
from gfmtrust.validation.benchmark.score_table.table import read_score_table

pytestmark = pytest.mark.bad_input


def refused(tmp_path, table, *words, **changes):
    """The table is refused in one line that holds the words."""
    with pytest.raises(BadDataError) as caught:
        read_score_table(options(written(tmp_path, table, "s.tsv"), **changes))
    text = str(caught.value)
    assert "\n" not in text
    assert text.count("; expected ") == 1
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"label": "pathogenic"}, "pathogenic"),
        ({"class_column": "consequence"}, "consequence"),
        ({"block_column": "gene"}, "gene"),
        ({"scores": ("good", "best")}, "best"),
        ({"higher_is_damaging": ("best",)}, "best"),
    ],
)
def test_a_missing_column_is_named(tmp_path, changes, word):
    refused(tmp_path, simulated(n=120), word, **changes)


def test_one_label_alone_is_refused_with_the_values_of_the_column(tmp_path):
    refused(tmp_path, simulated(n=150).assign(label=1), "150 alleles of 1", "0 alleles of 0")
    words = simulated(n=150).assign(label="Pathogenic")
    refused(tmp_path, words, "Pathogenic", "--positive")


def test_no_row_is_lost_to_a_quotation_mark(tmp_path):
    """The rows between two marks would be one row."""
    rows = written(tmp_path, simulated(n=120), "s.tsv").read_text().splitlines()
    notes = ["note", *[""] * 4, '"5 prime', "", 'a "word"', '"last', *[""] * (len(rows) - 9)]
    path = tmp_path / "notes.tsv"
    path.write_text("".join(f"{row}\t{note}\n" for row, note in zip(rows, notes, strict=True)))
    with pytest.raises(BadDataError, match="notes.tsv line 6: a field that goes on over lines"):
        read_score_table(options(path))
    path.write_text(path.read_text().replace('"', ""))
    read_score_table(options(path))


@pytest.mark.parametrize("n_blocks", [1, 2])
def test_too_few_blocks_to_fit_and_test_are_refused(tmp_path, n_blocks):
    """With two, the risk of one fold would be fitted to no allele at all."""
    table = simulated(n=240)
    table = table.assign(block=np.arange(len(table)) % n_blocks)
    words = (f"in {n_blocks} block", "--block_column", "3 or more")
    refused(tmp_path, table, *words, block_column="block")
    three = table.assign(block=np.arange(len(table)) % 3)
    path = written(tmp_path, three, "three.tsv")
    assert len(set(read_score_table(options(path, block_column="block")).block)) == 3


def test_labels_in_words_and_other_labels_are_counted(tmp_path):
    table = simulated(n=300)
    table["label"] = np.where(table["label"] == 1, "P", "B")
    table.loc[:9, "label"] = "VUS"
    table.loc[10:12, "label"] = np.nan
    path = written(tmp_path, table)
    read = read_score_table(options(path, positive="P", negative="B"))
    assert read.counts == {
        "rows": 300, "without_label": 3, "other_label": 10, "repeated": 0, "labelled": 287,
    }  # fmt: skip
    np.testing.assert_equal(int(read.effect.sum()), int((table["label"] == "P").sum()))


@pytest.mark.parametrize("text", ["high", "inf", "-inf", "1e999", "1,5"])
def test_a_score_that_is_no_finite_number_is_named_with_its_row(tmp_path, text):
    table = simulated(n=120).astype({"good": object})
    table.loc[7, "good"] = text
    refused(tmp_path, table, "row 8", "good", text)


def test_a_score_column_of_text_is_refused_where_it_is_asked_for(tmp_path):
    refused(tmp_path, simulated(n=120), "text", "word", scores=("good", "text"))


def test_a_table_without_a_numeric_column_has_no_model(tmp_path):
    table = simulated(n=120)[["chrom", "pos", "ref", "alt", "label", "kind", "text"]]
    refused(tmp_path, table, "no numeric column", scores=())


def test_an_allele_with_two_different_rows_is_refused_and_an_equal_row_counts_once(tmp_path):
    table = simulated(n=120)
    again = pd.concat([table, table.iloc[[4]]])
    read = read_score_table(options(written(tmp_path, again)))
    assert (read.counts["repeated"], len(read)) == (1, 120)
    again.iloc[-1, again.columns.get_loc("weak")] = 77.0
    refused(tmp_path, again, f"7:{table['pos'][4]}:A:{table['alt'][4]}")


@pytest.mark.parametrize(("n", "positives"), [(99, 50), (300, 19)])
def test_too_few_labels_are_refused_with_the_number_needed(tmp_path, n, positives):
    table = simulated(n=n).assign(label=(np.arange(n) < positives).astype(int))
    refused(tmp_path, table, f"{positives} alleles of 1", "100", "20")


def test_a_column_named_twice_is_refused(tmp_path):
    table = simulated(n=120)
    for kind in ("s.tsv", "s.csv"):
        doubled = pd.concat([table, table[["good"]]], axis=1)
        with pytest.raises(BadDataError, match="'good' twice"):
            read_score_table(options(written(tmp_path, doubled, kind)))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"chrom\tpos\tlabel\tgood\n", gzip.compress(b"", mtime=0)]
)
def test_an_empty_table_is_refused(tmp_path, content):
    path = tmp_path / "empty.tsv"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match="empty.tsv"):
        read_score_table(options(path))


def test_files_that_are_no_table_are_refused(tmp_path):
    whole = written(tmp_path, simulated(n=120)).read_bytes()
    contents = {
        "cut.tsv.gz": whole[: len(whole) // 2],
        "odd.tsv": b"label\tgood\n1\t2\n1\t2\t3\n",
        "bytes.tsv": b"label\tgood\n\xff\xfe\t1\n",
        "broken.parquet": b"PAR1 and nothing else",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadDataError, match=name.partition(".")[0]):
            read_score_table(options(tmp_path / name))
    with pytest.raises(MissingInputError, match="absent"):
        read_score_table(options(tmp_path / "absent.tsv"))


def test_positions_and_blocks_must_be_whole(tmp_path):
    table = simulated(n=120).astype({"pos": object})
    table.loc[3, "pos"] = np.nan
    refused(tmp_path, table, "pos is missing")
    table.loc[3, "pos"] = "chr7:5"
    refused(tmp_path, table, "pos is chr7:5")
    genes = simulated(n=120).assign(gene="g")
    genes.loc[3, "gene"] = np.nan
    refused(tmp_path, genes, "gene is missing in 1", block_column="gene")


@pytest.mark.parametrize(
    "changes",
    [
        {"positive": "0"},
        {"scores": ("good", "good")},
        {"higher_is_damaging": ("good", "good")},
        {"scores": ("good", "label")},
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(tmp_path, changes):
    with pytest.raises(UsageError):
        read_score_table(options(written(tmp_path, simulated(n=120)), **changes))


@pytest.mark.long
def test_odd_models_have_rows_that_say_so(tmp_path):
    table = simulated(n=260)
    table["constant"] = 4.0
    table["absent"] = np.nan
    table.loc[table["kind"] == "UTR", "weak"] = np.nan
    models = ("good", "weak", "constant", "absent")
    content = score_table(
        options(written(tmp_path, table), scores=models, draws=3), tmp_path / "out"
    )
    assert {"constant is constant", "absent has no score of a labelled allele"} <= set(
        content["warnings"]
    )
    rows = {row["model"]: row for row in content["tables"]["models"]}
    n_utr = int((table["kind"] == "UTR").sum())
    assert [rows[name]["missing"] for name in models] == [0, n_utr, 0, 260]
    assert rows["constant"]["folds_voting"] == rows["absent"]["folds_voting"] == 0
    area = {(row["scorer"], row["class"]): row for row in content["tables"]["ranking"]}
    assert area["constant", "all"]["auroc"] == 0.5
    assert area["absent", "all"]["auroc"] is None
    assert (area["weak", "UTR"]["n"], area["weak", "UTR"]["auroc"]) == (0, None)
    assert area["weak", "all"]["n"] == 260 - n_utr


@pytest.mark.long
@pytest.mark.parametrize("models", [("noise",), ("good",), ("absent", "constant")])
def test_one_model_or_none_that_votes_still_gives_a_page(tmp_path, models):
    table = simulated(n=200).assign(constant=1.0, absent=np.nan).drop(columns="kind")
    path = written(tmp_path, table)
    content = score_table(options(path, scores=models, class_column="", draws=3), tmp_path / "out")
    assert content["tables"]["quartiles"] == content["tables"]["abstention"] == []
    assert content["tables"]["classes"] == []
    assert (tmp_path / "out" / "scores.html").stat().st_size > 4000


@pytest.mark.long
def test_a_class_of_one_label_has_no_figure_and_no_part_in_the_mean(tmp_path):
    table = simulated(n=300)
    table.loc[table["kind"] == "UTR", "label"] = 0
    content = score_table(options(written(tmp_path, table), draws=3), tmp_path / "out")
    rows = {(row["scorer"], row["class"]): row for row in content["tables"]["ranking"]}
    assert rows["good", "UTR"]["auroc"] is None
    assert rows["good", "within classes"]["n"] == int((table["kind"] != "UTR").sum())


@pytest.mark.long
def test_texts_of_the_table_are_escaped_on_the_page(tmp_path):
    name = "<script>alert(1)</script>"
    table = simulated(n=200).rename(columns={"good": name})
    table["kind"] = "<b>"
    score_table(options(written(tmp_path, table), scores=(name, "weak"), draws=3), tmp_path / "out")
    page = (tmp_path / "out" / "scores.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 64),
        (["--table", "TABLE"], 64),
        (["--table", "absent.tsv", "--out_dir", "OUT"], 66),
        (["--table", "TABLE", "--out_dir", "OUT", "--label", "none"], 65),
        (["--table", "TABLE", "--out_dir", "OUT", "--alpha_high", "0.3"], 78),
    ],
)
def test_exit_codes_of_the_command(tmp_path, capsys, arguments, code):
    places = {"TABLE": written(tmp_path, simulated(n=120)), "OUT": tmp_path / "out"}
    words = [str(places.get(word, word)) for word in arguments]
    assert cli.main(["benchmark", "scores", *words]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_names_are_listed_with_commas():
    assert names_of(" a, b,,c ") == ("a", "b", "c")
    assert names_of(None) == ()
