"""Tables that are read whole say what an indexed one would."""

import logging
from pathlib import Path

import numpy as np
import pysam
import pytest

from gfmtrust.core.errors import BadDataError
from gfmtrust.export.external_bundle import ScoresStated
from gfmtrust.export.import_scores import import_scores
from gfmtrust.io import tables

GENOME = "ACGTACGTACNTTTGCA"
LAWS = ScoresStated(layout="gfmtrust")
ALLELES = ScoresStated(layout="gpn_msa")


def read(folder, lines: list[str], stated):
    (folder / "g.fa").write_text(f">c\n{GENOME}\n")
    (folder / "s.tsv").write_text("\n".join(lines) + "\n")
    bundle = import_scores(folder / "s.tsv", "s", folder / "g.fa", folder / "models", stated)
    return [tables.read(bundle.directory / f"{name}.parquet") for name in ("sites", "variants")]


def laws(refs: str) -> list[str]:
    head = "#contig\tpos\tref\tlogp_A\tlogp_C\tlogp_G\tlogp_T"
    law = "\t".join([repr(float(np.log(0.25)))] * 4)
    return [head, *(f"c\t{pos}\t{ref}\t{law}" for pos, ref in enumerate(refs, 1))]


@pytest.mark.bad_input
def test_a_base_with_another_ref_has_no_probabilities(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        sites, _ = read(tmp_path, laws("AcGGACGTACN"), LAWS)
    assert sites["pos"].to_pylist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert "1 bases have another REF than the genome" in caplog.text


@pytest.mark.bad_input
def test_probabilities_of_another_assembly_are_refused_with_the_rate(tmp_path):
    with pytest.raises(BadDataError, match=r"9 of 10 bases \(90%\) have another REF"):
        read(tmp_path, laws("ANNNNNNNNN"), LAWS)
    with pytest.raises(BadDataError, match="no scores of bases or indels"):
        read(tmp_path, laws("CA"), LAWS)


@pytest.mark.parametrize(("score", "kept"), [(-1e300, -80), (90, 80), (-80, -80), (-3, -3)])
def test_scores_that_a_probability_cannot_hold_are_cut_and_named(tmp_path, caplog, score, kept):
    with caplog.at_level(logging.WARNING):
        _, variants = read(tmp_path, [f"c\t2\tCG\tC\t{score}", "c\t5\tA\tC\t1"], ALLELES)
    assert variants["llr"].to_pylist() == [kept]
    assert ("not told apart" in caplog.text) == (abs(score) > 80)


def test_a_quote_is_a_letter_like_others(tmp_path):
    lines = [f"c\t{pos}\t{GENOME[pos - 1]}\tN\t1" for pos in range(1, 5)]
    lines = [line.replace("N", "AC"["A" in line]) + '\t"x' for line in lines]
    sites, _ = read(tmp_path, lines, ALLELES)
    assert sites["pos"].to_pylist() == [0, 1, 2, 3]


def test_a_table_may_hold_indels_alone(tmp_path):
    sites, variants = read(tmp_path, ["c\t2\tCG\tC\t-3"], ALLELES)
    assert (sites.num_rows, variants["llr"].to_pylist()) == (0, [-3])


@pytest.mark.bad_input
@pytest.mark.parametrize("line", ["c\t5\t\tC\t1", "c\t5\tA\t\t1"])
def test_an_allele_without_letters_is_refused(tmp_path, line):
    head = "chrom\tpos\tref\talt\tscore"
    with pytest.raises(BadDataError, match="s.tsv line 2: (ref|alt) is ; expected letters"):
        read(tmp_path, [head, line], ScoresStated())


HEAD = "chrom\tpos\tref\talt\tscore"


@pytest.mark.parametrize("text", [".", "NA", "nan", ""])
def test_a_missing_value_is_no_score_in_any_table(tmp_path, text):
    """A table without a stated layout was refused for it."""
    alleles = [f"c\t1\tA\t{alt}\t{score}" for alt, score in zip("CGT", (-1, -2, -3), strict=True)]
    rows = [*alleles, f"c\t2\tC\tA\t{text}", f"c\t5\tAC\tA\t{text}"]
    sites, variants = read(tmp_path, [HEAD, *rows], ScoresStated())
    assert (sites["pos"].to_pylist(), variants.num_rows) == ([0], 0)
    laws_of_bases = ["c\t1\t.7\t.1\t.1\t.1", f"c\t2\t.7\t{text}\t.1\t.1"]
    (tmp_path / "laws").mkdir()
    sites, _ = read(tmp_path / "laws", ["chrom\tpos\tA\tC\tG\tT", *laws_of_bases], ScoresStated())
    assert sites["pos"].to_pylist() == [0]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("c\t5\tA\tC\tx", "score is x; expected a finite number"),
        ("c\t5\tA\tC\tinf", "score is inf; expected a finite number"),
        ("c\t0\tA\tC\t1", "pos is 0; expected a whole number"),
        ("c\t5\tA\tC", "4 columns; expected 5 at least"),
    ],
)
def test_the_line_of_a_bad_row_is_named_beside_blank_lines(tmp_path, line, refused):
    """Lines were counted without the blank ones, and a short row was one without a score."""
    rows = [HEAD, "c\t1\tA\tC\t-1", "", "  ", "c\t2\tC\tA\t-1", "", line]
    with pytest.raises(BadDataError, match=f"s.tsv line 7: {refused}"):
        read(tmp_path, rows, ScoresStated())


@pytest.mark.bad_input
def test_two_scores_of_one_indel_are_refused_with_the_name_of_the_table(tmp_path):
    with pytest.raises(BadDataError, match="s.tsv: c:3 is answered twice"):
        read(tmp_path, ["c\t2\tCG\tC\t-3", "c\t3\tGT\tT\t-2"], ALLELES)


@pytest.mark.parametrize("alts", [".", "C", "C,G"])
@pytest.mark.parametrize("is_indexed", [True, False])
def test_one_point_is_no_score_of_any_alt(tmp_path, alts, is_indexed):
    records = f"c\t5\t.\tA\t{alts}\t.\t.\tSCORE=.\nc\t6\t.\tC\tA,G,T\t.\t.\tSCORE=1,2,3\n"
    head = "##fileformat=VCFv4.2\n##contig=<ID=c>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path = tmp_path / "s.vcf"
    path.write_text(head + records)
    if is_indexed:
        path = Path(pysam.tabix_index(str(path), preset="vcf"))
    (tmp_path / "g.fa").write_text(f">c\n{GENOME}\n")
    bundle = import_scores(path, "s", tmp_path / "g.fa", tmp_path / "models")
    assert bundle.quantity == "direct"


def laws_of_tokens() -> list[str]:
    """A table of precompute for a model of whole tokens."""
    head = "##logp=only differences have a meaning: a model of whole tokens has no distribution"
    return ["##genome=g.fa", head, *laws(GENOME[:10])]


@pytest.mark.parametrize("is_indexed", [True, False])
def test_a_table_of_a_model_of_whole_tokens_is_a_score(tmp_path, caplog, is_indexed):
    """It was read as distributions, so that decoys could give it HIGH."""
    path = tmp_path / "s.tsv"
    path.write_text("".join(f"{line}\n" for line in laws_of_tokens()))
    if is_indexed:
        path = Path(pysam.tabix_index(str(path), seq_col=0, start_col=1, end_col=1))
    (tmp_path / "g.fa").write_text(f">c\n{GENOME}\n")
    with caplog.at_level(logging.WARNING):
        bundle = import_scores(path, "s", tmp_path / "g.fa", tmp_path / "models", LAWS)
    assert bundle.quantity == "score"
    assert bundle.meta["proof"] == {"gate": "passed", "nll_nats": -1.0, "n_bases": 0}
    assert "only differences have a meaning" in caplog.text
