"""Published layouts, made small: what they answer at bases and alleles, and what is refused."""

import logging
import os
from pathlib import Path

import numpy as np
import pyBigWig
import pysam
import pytest

from gfmtrust.core.alphabet import encode
from gfmtrust.core.errors import BadDataError, MissingInputError
from gfmtrust.inputs.variants import Variant, normalised
from gfmtrust.io.genome import Genome
from gfmtrust.score_tables.examine import examine, is_indexed, open_table
from gfmtrust.score_tables.layout import parse
from gfmtrust.score_tables.opened import open_registered, register
from gfmtrust.score_tables.values import as_probabilities

LENGTH = 3000


@pytest.fixture
def opened(genome):
    """Opens tables over the genome, and closes them after the test."""
    tables = []

    def open_one(path, layout):
        tables.append(open_table(path, parse(layout), genome.contigs))
        return tables[-1]

    yield open_one
    for table in tables:
        table.close()


@pytest.fixture(scope="module")
def sequence() -> str:
    return "".join(np.random.default_rng(5).choice(list("ACGT"), LENGTH))


@pytest.fixture(scope="module")
def genome(tmp_path_factory, sequence):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text(f">chr1\n{sequence}\n>chr2\n{sequence[::-1]}\n")
    with Genome.open(path) as opened:
        yield opened


def ratio(base: str, alt: str, pos: int) -> float:
    """The score of an allele in these tests."""
    return ("ACGT".index(alt) - "ACGT".index(base)) / 4 - pos % 7 / 10 - 0.1


def indexed(path: Path, lines: list[str], **options) -> Path:
    with pysam.BGZFile(str(path), "w") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    layout = {"seq_col": 0, "start_col": 1, "end_col": 1} | options
    pysam.tabix_index(str(path), force=True, **layout)
    return path


def alleles(sequence: str, name: str = "1", tail: str = "") -> list[str]:
    return [
        f"{name}\t{pos + 1}\t{base}\t{alt}\t{ratio(base, alt, pos)}{tail}"
        for pos, base in enumerate(sequence)
        for alt in "ACGT"
        if alt != base
    ]


def expected(sequence: str, pos: np.ndarray) -> np.ndarray:
    return np.array(
        [
            [0.0 if alt == sequence[at] else ratio(sequence[at], alt, at) for alt in "ACGT"]
            for at in pos
        ]
    )


@pytest.fixture
def asked(sequence):
    pos = np.array([0, 1, 2, 99, 1500, LENGTH - 1])
    return pos, encode("".join(sequence[at] for at in pos))


def test_gpn_msa_without_header_and_prefix(tmp_path, genome, sequence, asked, opened):
    path = indexed(tmp_path / "scores.tsv.bgz", alleles(sequence))
    table = opened(path, "gpn_msa")
    answers = table.sites("chr1", *asked)
    np.testing.assert_allclose(answers.values, expected(sequence, asked[0]))
    assert not answers.differs.any()
    assert np.isnan(table.sites("chr2", *asked).values).all()


def test_cadd_is_a_magnitude_whose_high_scores_are_low_here(tmp_path, sequence, asked, opened):
    head = ["## CADD GRCh38-v1.7", "#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED"]
    path = indexed(tmp_path / "cadd.tsv.gz", head + alleles(sequence, tail="\t12.3"))
    table = opened(path, "cadd")
    np.testing.assert_allclose(table.sites("chr1", *asked).values, -expected(sequence, asked[0]))


def test_an_info_key_of_a_vcf(tmp_path, sequence, asked, opened):
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr1>",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    for pos, base in enumerate(sequence):
        alts = [alt for alt in "ACGT" if alt != base]
        scores = ",".join(str(-ratio(base, alt, pos)) for alt in alts)
        lines.append(f"chr1\t{pos + 1}\t.\t{base}\t{','.join(alts)}\t.\t.\tX=1;AVI={scores}")
    path = tmp_path / "atlas.vcf.gz"
    indexed(path, lines)
    table = opened(path, "alphagenome_atlas")
    np.testing.assert_allclose(table.sites("chr1", *asked).values, expected(sequence, asked[0]))


def test_probabilities_and_their_logarithms_say_the_same(tmp_path, sequence, asked, opened):
    rng = np.random.default_rng(1)
    law = rng.dirichlet(np.ones(4), LENGTH)
    plain = [
        f"chr1\t{pos + 1}\t" + "\t".join(map(repr, row.tolist())) for pos, row in enumerate(law)
    ]
    ours = [
        f"chr1\t{pos + 1}\t{sequence[pos]}\t" + "\t".join(map(repr, np.log(row).tolist()))
        for pos, row in enumerate(law)
    ]
    one = opened(
        indexed(tmp_path / "p.tsv.gz", plain), "chrom:1/pos:2/A:3/C:4/G:5/T:6/scale:probability"
    )
    names = "contig pos ref logp_A logp_C logp_G logp_T".split()
    other = opened(indexed(tmp_path / "l.tsv.gz", ["#" + "\t".join(names), *ours]), "gfmtrust")
    for table in (one, other):
        probs = as_probabilities(table.sites("chr1", *asked).values, needs_all=True)
        np.testing.assert_allclose(probs, law[asked[0]], rtol=1e-6)


def test_a_bigwig_has_one_value_for_all_alts_and_gaps_have_none(tmp_path, sequence, asked, opened):
    path = tmp_path / "phylop.bw"
    with_values = np.sin(np.arange(1000)) * 5
    file = pyBigWig.open(str(path), "w")
    file.addHeader([("chr1", LENGTH), ("chr2", LENGTH)])
    file.addEntries("chr1", 0, values=with_values.tolist(), span=1, step=1)
    file.close()
    assert is_indexed(path)
    table = opened(path, "phylop")
    answers = table.sites("chr1", *asked)
    for row, (at, code) in enumerate(zip(*asked, strict=True)):
        if at < 1000:
            alts = np.delete(answers.values[row], code)
            np.testing.assert_allclose(alts, -with_values[at], rtol=1e-6)
            assert answers.values[row, code] == 0
        else:
            assert np.isnan(answers.values[row]).all()
    every = np.arange(LENGTH)
    dense = table.sites("chr1", every, encode(sequence)).values[asked[0]]
    np.testing.assert_array_equal(dense, answers.values)


def test_scores_of_indels_are_found_in_any_spelling(tmp_path, genome, sequence, opened):
    at = 500
    ref = sequence[at : at + 3]
    lines = [*alleles(sequence[:at]), f"1\t{at + 1}\t{ref}\t{ref[0]}\t-4.5"]
    table = opened(indexed(tmp_path / "t.gz", lines), "gpn_msa")
    one = normalised(genome, "chr1", at, ref, ref[0])
    other = Variant(one.pos, one.ref + "A", "")
    np.testing.assert_array_equal(table.alleles(genome, "chr1", [one, other]), [-4.5, np.nan])


def test_an_snv_beside_an_indel_of_one_record_is_found(tmp_path, sequence, opened):
    at = 500
    ref, alt = sequence[at : at + 2], "ACGT"["ACGT".index(sequence[at]) - 1]
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr1>",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        f"chr1\t{at + 1}\t.\t{ref}\t{ref[0]},{alt}{ref[1]}\t.\t.\tAVI=4,2.5",
    ]
    table = opened(indexed(tmp_path / "atlas.vcf.gz", lines), "alphagenome_atlas")
    values = table.sites("chr1", np.array([at]), encode(ref[0])).values[0]
    assert values["ACGT".index(alt)] == -2.5
    assert np.isfinite(values).sum() == 2


def test_ratios_become_the_distribution_that_has_them():
    law = np.random.default_rng(2).dirichlet(np.ones(4), 50)
    ratios = np.log(law) - np.log(law[:, :1])
    np.testing.assert_allclose(as_probabilities(ratios, True), law, rtol=1e-6)


def test_some_alts_alone_are_no_distribution_but_keep_their_ratio():
    values = np.array([[0.0, -2.0, np.nan, np.nan], [np.nan] * 4])
    assert np.isnan(as_probabilities(values, needs_all=True)).all()
    probs = as_probabilities(values, needs_all=False)
    assert np.log(probs[0, 1] / probs[0, 0]) == pytest.approx(-2)
    assert np.isnan(probs[0, 2:]).all()
    assert np.isnan(probs[1]).all()


def test_an_examination_counts_what_it_saw(tmp_path, genome, sequence, opened):
    table = opened(indexed(tmp_path / "t.gz", alleles(sequence)), "gpn_msa")
    examined = examine(table, genome)
    assert examined.answered == examined.whole > 300
    assert examined.other_ref == 0
    assert examined.gives_distributions


# ---- bad input


@pytest.mark.bad_input
def test_a_table_of_another_assembly_is_refused_with_the_rate(tmp_path, genome, sequence, opened):
    shifted = sequence[1:] + "A"
    table = opened(indexed(tmp_path / "t.gz", alleles(shifted)), "gpn_msa")
    with pytest.raises(BadDataError, match=r"\(\d\d %\)|\(\d\d%\) have another REF"):
        examine(table, genome)


@pytest.mark.bad_input
def test_a_table_without_an_index_is_refused(tmp_path, opened):
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(b"")
    assert not is_indexed(path)
    with pytest.raises(MissingInputError, match="tabix"):
        opened(path, "gpn_msa")


def test_a_table_whose_contigs_a_map_names_is_opened_again(tmp_path, genome, sequence, asked):
    """Its bundle has the names, and yet the table was refused as one of another assembly."""
    path = indexed(tmp_path / "t.gz", alleles(sequence, "NC_1"))
    (tmp_path / "map.tsv").write_text("NC_1\tchr1\n")
    table = open_table(path, parse("gpn_msa"), genome.contigs, tmp_path / "map.tsv")
    registered = register(table, "gpn_msa")
    table.close()
    again = open_registered(registered, path, genome.contigs)
    try:
        assert np.isfinite(again.sites("chr1", *asked).values).all()
    finally:
        again.close()


def test_a_line_of_the_map_comes_before_an_equal_name(tmp_path, genome, sequence, asked):
    rows = [*alleles("T" * 9, "chr1"), *alleles(sequence, "chr2")]
    path = indexed(tmp_path / "t.gz", rows)
    (tmp_path / "map.tsv").write_text("chr2\tchr1\n")
    table = open_table(path, parse("gpn_msa"), genome.contigs, tmp_path / "map.tsv")
    try:
        assert table.names == {"chr1": "chr2"}
        assert np.isfinite(table.sites("chr1", *asked).values).all()
    finally:
        table.close()


@pytest.mark.bad_input
def test_a_table_without_a_contig_of_the_genome_is_refused(tmp_path, opened):
    path = indexed(tmp_path / "t.gz", ["9\t1\tA\tC\t0.5"])
    with pytest.raises(BadDataError, match="contig_map"):
        opened(path, "gpn_msa")


@pytest.mark.bad_input
def test_two_scores_of_one_allele_are_refused_and_two_equal_ones_are_one(
    tmp_path, sequence, asked, opened
):
    lines = alleles(sequence)
    same = opened(indexed(tmp_path / "same.gz", [lines[0], *lines]), "gpn_msa")
    assert np.isfinite(same.sites("chr1", *asked).values[0]).all()
    other = lines[0].rsplit("\t", 1)[0] + "\t9.5"
    table = opened(indexed(tmp_path / "two.gz", [other, *lines]), "gpn_msa")
    with pytest.raises(BadDataError, match="chr1:1 .*two different scores"):
        table.sites("chr1", *asked)


@pytest.mark.bad_input
@pytest.mark.parametrize("score", ["nan", ".", "", "NA", "inf"])
def test_a_missing_score_is_no_score(tmp_path, sequence, asked, score, opened):
    lines = alleles(sequence)
    lines[0] = lines[0].rsplit("\t", 1)[0] + f"\t{score}"
    table = opened(indexed(tmp_path / "t.gz", lines), "gpn_msa")
    values = table.sites("chr1", *asked).values
    assert np.isnan(values[0]).sum() == 1
    assert np.isfinite(values[1:]).all()


@pytest.mark.bad_input
def test_rows_with_ref_alone_are_no_alleles(tmp_path, genome, sequence, asked, opened):
    lines = [f"1\t{pos + 1}\t{base}\t{base}\t0" for pos, base in enumerate(sequence)]
    table = opened(indexed(tmp_path / "t.gz", lines), "gpn_msa")
    assert np.isnan(table.sites("chr1", *asked).values).all()
    with pytest.raises(BadDataError, match="no score at"):
        examine(table, genome)


@pytest.mark.bad_input
@pytest.mark.parametrize("line", ["1\t1\tA\tC", "1\t1\tA\tC\tmuch"])
def test_a_line_that_does_not_fit_the_layout_is_refused(tmp_path, asked, line, opened):
    table = opened(indexed(tmp_path / "t.gz", [line]), "gpn_msa")
    with pytest.raises(BadDataError, match="external_columns"):
        table.sites("chr1", *asked)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("layout", "line"),
    [
        ("chrom:1/pos:2/score:3/ref:4/alt:5", "1\t1\t0.5\tA"),
        ("chrom:1/pos:2/A:3/C:4/G:5/T:6/ref:7/scale:probability", "1\t1\t.7\t.1\t.1\t.1"),
    ],
)
def test_a_line_without_its_last_columns_is_refused(tmp_path, asked, layout, line, opened):
    """A short line whose score came before REF ended in an error of ours (70)."""
    table = opened(indexed(tmp_path / "t.gz", [line]), layout)
    with pytest.raises(BadDataError, match="columns .*; expected [57] at least"):
        table.sites("chr1", *asked)


OF_BASES = "chrom:1/pos:2/A:3/C:4/G:5/T:6"


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("layout", "numbers"),
    [
        (OF_BASES, "5.1\t3.2\t9.0\t4.4"),
        (OF_BASES, "1e9\t-1\t-1\t-1"),
        (OF_BASES, "-1.4\t-1.4\t-1.4\t-1.4"),
        (f"{OF_BASES}/scale:log10", "-0.5\t-0.5\t-0.5\t-0.5"),
        (f"{OF_BASES}/scale:probability", ".7\t.2\t.2\t.1"),
        (f"{OF_BASES}/scale:probability", "1.1\t-.1\t0\t0"),
    ],
)
def test_four_numbers_that_are_no_probabilities_are_refused(
    tmp_path, asked, layout, numbers, opened
):
    """Logarithms were not summed where the table has an index: any four scores of bases passed."""
    table = opened(indexed(tmp_path / "t.gz", [f"1\t1\t{numbers}"]), layout)
    with pytest.raises(BadDataError, match="probabilities .*, sum .*; expected .* the sum 1"):
        table.sites("chr1", *asked)


@pytest.mark.parametrize(
    ("scale", "unit"),
    [("nats", 1.0), ("log2", np.log(2)), ("log10", np.log(10)), ("phred", -np.log(10) / 10)],
)
def test_logarithms_of_probabilities_pass_on_every_scale(tmp_path, asked, scale, unit, opened):
    law = np.array([0.7, 0.2, 0.06, 0.04])
    line = "1\t1\t" + "\t".join(f"{number:.6g}" for number in np.log(law) / unit)
    direction = "high" if scale == "phred" else "low"
    layout = f"{OF_BASES}/scale:{scale}/damaging:{direction}"
    values = opened(indexed(tmp_path / "t.gz", [line]), layout).sites("chr1", *asked).values
    np.testing.assert_allclose(np.exp(values[0]), law, rtol=1e-4)


@pytest.mark.bad_input
def test_an_index_older_than_its_table_is_warned_of(tmp_path, sequence, caplog, opened):
    path = indexed(tmp_path / "t.gz", alleles(sequence))
    os.utime(f"{path}.tbi", (1, 1))
    with caplog.at_level(logging.WARNING):
        opened(path, "gpn_msa")
    assert "older than the table" in caplog.text


@pytest.mark.bad_input
def test_phred_given_as_nats_is_warned_of(tmp_path, genome, sequence, caplog, opened):
    lines = [
        f"1\t{pos + 1}\t{base}\t{alt}\t{pos % 40 + 0.5}"
        for pos, base in enumerate(sequence)
        for alt in "ACGT"
        if alt != base
    ]
    table = opened(indexed(tmp_path / "t.gz", lines), "gpn_msa")
    with caplog.at_level(logging.WARNING):
        examine(table, genome)
    assert "cadd" in caplog.text
    assert "PHRED" in caplog.text


def test_scores_that_are_cut_are_warned_of(tmp_path, genome, sequence, caplog, opened):
    lines = alleles(sequence)
    table = opened(indexed(tmp_path / "t.gz", lines), "gpn_msa")
    with caplog.at_level(logging.WARNING):
        examine(table, genome)
        assert "not told apart" not in caplog.text
        lines = [line.rsplit("\t", 1)[0] + "\t-120" for line in lines]
        examine(opened(indexed(tmp_path / "u.gz", lines), "gpn_msa"), genome)
    assert "scores from -120.0 to 0.0; those beyond -80 or 80" in caplog.text


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"", b"no bigWig"])
def test_what_is_no_bigwig_is_refused(tmp_path, content, opened):
    (tmp_path / "t.bw").write_bytes(content)
    with pytest.raises(BadDataError, match="bigWig"):
        opened(tmp_path / "t.bw", "phylop")


@pytest.mark.bad_input
def test_a_bigwig_of_other_lengths_is_refused(tmp_path, opened):
    file = pyBigWig.open(str(tmp_path / "t.bw"), "w")
    file.addHeader([("chr1", LENGTH + 1)])
    file.addEntries("chr1", 0, values=[1.0], span=1, step=1)
    file.close()
    with pytest.raises(BadDataError, match="is it this assembly"):
        opened(tmp_path / "t.bw", "phylop")
