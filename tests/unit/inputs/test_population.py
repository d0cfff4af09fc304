"""Frequencies of a population VCF: against a plain reading of a real file, the rules of names and
assemblies, and files that cannot be used."""

import gzip
import os

import numpy as np
import pandas as pd
import pysam
import pytest
from fake_genome import random_genome
from paths import ROOT
from vcf_texts import stored

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.population import Population
from gfmtrust.io.genome import Genome

SITES = ROOT.parent / "shared" / "data" / "human_1000g_500kb"
GENOME = random_genome(3, 60_000, chr2="ACGT" * 100)
GENOME.name = "genome.fa"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
DECLARED = "".join(
    f'##INFO=<ID={key},Number=A,Type=Float,Description="x">\n' for key in ("AF", "AC")
)
DECLARED += '##INFO=<ID=AN,Number=1,Type=Integer,Description="x">\n'


def letter(pos, contig="chr1"):
    return "ACGT"[int(GENOME.codes(contig, pos, pos + 1)[0])]


def other(base, step=1):
    return "ACGT"[("ACGT".index(base.upper()) + step) % 4]


def population_file(tmp_path, rows, declared=DECLARED, how="bgzf", index=True, contigs=""):
    """rows: (contig, 0-based pos, ref, alts, info) in order."""
    body = "".join(
        f"{contig}\t{pos + 1}\t.\t{ref}\t{alts}\t.\t.\t{info}\n"
        for contig, pos, ref, alts, info in rows
    )
    text = "##fileformat=VCFv4.2\n" + contigs + declared + COLUMNS + body
    path = stored(tmp_path / "pop.vcf.gz", text.encode(), how)
    if index:
        pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


def snv_rows(positions, info="AF=0.5", wrong=()):
    rows = []
    for pos in positions:
        ref = other(letter(pos), 2) if pos in wrong else letter(pos)
        rows.append(("chr1", pos, ref, other(ref), info))
    return rows


def alleles_of(rows, index=0):
    """One allele an ALT, with own counts that the population is to replace."""
    frame = pd.DataFrame(
        [(index, pos, ref, alt) for _, pos, ref, alts, _ in rows for alt in alts.split(",")],
        columns=["contig_index", "pos", "ref", "alt"],
    )
    return frame.assign(af=np.float32(0.125), an=np.int32(8))


def opened(path, rule=ContigRule(), **options):  # noqa: B008  (frozen: safe)
    return Population(path, GENOME, rule, **options)


def lines(population):
    return "\n".join(population.warnings.lines())


def test_real_sites_as_a_plain_reading_of_the_file_has_them():
    if not (SITES / "sites.vcf.gz").is_file():
        pytest.skip("human_1000g_500kb is not there")
    stated = {}
    with gzip.open(SITES / "sites.vcf.gz", "rt") as text:
        for columns in (line.rstrip("\n").split("\t") for line in text if line[0] != "#"):
            info = dict(part.split("=") for part in columns[7].split(";") if "=" in part)
            for alt, value in zip(columns[4].split(","), info["AF"].split(","), strict=True):
                key = (0, int(columns[1]) - 1, columns[3], alt)
                stated.setdefault(key, []).append(float(value))
    rng = np.random.default_rng(0)
    keys = sorted(stated)
    asked = sorted(
        [keys[i] for i in rng.choice(len(keys), 2_000, replace=False)]
        + [(*keys[i][:3], "ACGTACG") for i in range(0, len(keys), 50)]
    )
    frame = pd.DataFrame(asked, columns=["contig_index", "pos", "ref", "alt"])
    population = Population(SITES / "sites.vcf.gz", Genome.open(SITES / "z.fa"), ContigRule())
    result = population.frequencies(frame)
    population.judge()
    expected = [np.mean(stated[key]) if key in stated else np.nan for key in asked]
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert np.isnan(result).sum() > 200
    assert population.warnings.rows() == ()


def test_only_the_exact_allele_is_taken_and_the_others_keep_theirs(tmp_path):
    base = letter(100)
    rows = [
        ("chr1", 100, base.lower(), f"{other(base)},{other(base, 2)}", "AF=0.75,."),
        ("chr1", 100, base, f"{base}TT", "AC=3;AN=4"),
        ("chr1", 40_000, letter(40_000), other(letter(40_000)), "AF=1e-2"),
    ]
    population = opened(population_file(tmp_path, rows))
    alts = [other(base), other(base, 2), other(base, 3), f"{base}TT", f"{base}TA"]
    asked = pd.DataFrame(
        [
            *[(0, 100, base, alt) for alt in sorted(alts)],
            (0, 100, base + "A", base),
            (0, 101, letter(101), other(letter(101))),
            (0, 40_000, letter(40_000), other(letter(40_000))),
            (1, 100, "A", "C"),
        ],
        columns=["contig_index", "pos", "ref", "alt"],
    ).assign(af=np.float32(0.125), an=np.int32(8))
    result = population.applied(asked)
    stated = {(100, other(base)): 0.75, (100, f"{base}TT"): 0.75}
    stated[40_000, other(letter(40_000))] = 0.01
    for row in result.itertuples():
        key = (row.pos, row.alt) if row.contig_index == 0 and len(row.ref) == 1 else None
        assert (row.af, row.an) == (
            pytest.approx(stated.get(key, 0.125)),
            0 if key in stated else 8,
        )
    assert (result["af"].dtype, result["an"].dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("mode", ["auto", "file"])
def test_names_are_mapped_by_the_rule_of_the_inputs(tmp_path, mode):
    rows = [("1", *row[1:]) for row in snv_rows([5, 9])]
    path = population_file(tmp_path, rows, contigs="##contig=<ID=1,length=60000>\n")
    population = opened(path, ContigRule(mode, {"1": "chr1"} if mode == "file" else {}))
    assert population.applied(alleles_of(rows))["af"].tolist() == [0.5, 0.5]


def test_a_few_wrong_bases_are_counted(tmp_path):
    rows = snv_rows(range(0, 2000, 2), wrong={40})
    population = opened(population_file(tmp_path, rows))
    population.applied(alleles_of(rows))
    population.judge()
    assert "REF differs at 1 of 1,000 records" in lines(population)


@pytest.mark.bad_input
def test_another_assembly_is_refused_with_its_rate(tmp_path):
    rows = snv_rows(range(0, 40, 2), wrong=set(range(0, 40, 4)))
    path = population_file(tmp_path, rows)
    population = opened(path)
    population.applied(alleles_of(rows))
    with pytest.raises(BadDataError, match=r"pop.vcf.gz chr1:1: .*10 of 20 records \(50.0 %\)"):
        population.judge()
    allowed = opened(path, allow_mismatch=True)
    allowed.applied(alleles_of(rows))
    allowed.judge()
    assert "REF differs at 10 of 20 records" in lines(allowed)


@pytest.mark.bad_input
def test_nine_records_are_too_few_to_refuse(tmp_path):
    rows = snv_rows(range(9), wrong=set(range(9)))
    population = opened(population_file(tmp_path, rows))
    population.applied(alleles_of(rows))
    population.judge()
    assert "REF differs at 9 of 9 records" in lines(population)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("AF=0.5,0.5", "another number of values"),
        ("AF=1.5", "no number from 0 to 1"),
        ("AF=-0.1", "no number from 0 to 1"),
        ("AF=nan", "no number from 0 to 1"),
        ("AC=4", "AC without AN"),
        ("AC=4;AN=2", "AC is above AN"),
        ("AF=.", ""),
        ("DP=3", ""),
    ],
)
def test_values_that_cannot_be_meant_leave_the_own_frequency(tmp_path, info, text):
    rows = snv_rows([7], info)
    population = opened(population_file(tmp_path, rows))
    result = population.applied(alleles_of(rows))
    assert (result["af"][0], result["an"][0]) == (0.125, 8)
    assert text in lines(population)
    assert bool(text) == bool(lines(population))


FORMAT_AF = '##FORMAT=<ID=AF,Number=A,Type=Float,Description="x">\n'
OTHER_AF = '##INFO=<ID=AF_raw,Number=A,Type=Float,Description="x">\n'


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"declared": ""}, BadDataError, "neither AF, nor AC and AN; .*fill-tags"),
        ({"declared": FORMAT_AF}, BadDataError, "AF is in FORMAT, .*fill-tags"),
        ({"declared": OTHER_AF}, BadDataError, "rename one of AF_raw"),
        ({"index": False}, MissingInputError, "no index; .*tabix -p vcf"),
        ({"index": False, "how": "gzip"}, BadDataError, "not compressed by bgzip; .*bgzip"),
        ({"index": False, "how": "plain"}, BadDataError, "not compressed by bgzip; .*bgzip"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, options, kind, text):
    path = population_file(tmp_path, snv_rows([7]), **options)
    with pytest.raises(kind, match=rf"^[^\n]*pop.vcf.gz: [^\n]*{text}[^\n]*$"):
        opened(path)


@pytest.mark.bad_input
def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingInputError, match=r"absent.vcf.gz"):
        opened(tmp_path / "absent.vcf.gz")


@pytest.mark.bad_input
def test_names_that_need_a_map_are_said(tmp_path):
    rows = [("1", *row[1:]) for row in snv_rows([5])]
    with pytest.raises(BadDataError, match=r"pop.vcf.gz: contigs 1 .*--contig_map auto"):
        opened(population_file(tmp_path, rows))


@pytest.mark.bad_input
def test_an_old_index_is_said(tmp_path):
    path = population_file(tmp_path, snv_rows([5]))
    index = path.with_name(path.name + ".tbi")
    os.utime(index, (1, 1))
    population = opened(path)
    assert "index is older than the file" in lines(population)


@pytest.mark.bad_input
def test_an_index_or_a_file_that_is_cut_off(tmp_path):
    rows = snv_rows(range(0, 60_000, 2))
    path = population_file(tmp_path, rows)
    index = path.with_name(path.name + ".tbi")
    whole = index.read_bytes()
    index.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputOutputError, match=r"pop.vcf.gz: .*tabix -f -p vcf"):
        opened(path)
    index.write_bytes(whole)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputOutputError, match=r"pop.vcf.gz: "):
        opened(path).applied(alleles_of(rows))


@pytest.mark.parametrize(
    ("declared", "warning"),
    [
        ("length=60000", ""),
        (f"md5={GENOME.md5s()['chr1']}", ""),
        (
            "length=248956422",
            "contig chr1 is declared with 248,956,422 bases; genome.fa has 60,000",
        ),
        (f"md5={'0' * 32}", "contig chr1 is declared with another md5 than that of genome.fa"),
    ],
)
def test_declared_contigs_are_compared_with_the_genome(tmp_path, declared, warning):
    rows = snv_rows(range(100, 400, 20))
    contigs = f"##contig=<ID=chr1,{declared}>\n"
    population = opened(population_file(tmp_path, rows, contigs=contigs))
    population.frequencies(alleles_of(rows))
    assert ("declared" in lines(population)) is bool(warning)
    assert warning in lines(population)


@pytest.mark.bad_input
def test_frequencies_of_another_mitochondrion_are_refused(tmp_path):
    genome = random_genome(3, 1000, chrM="ACGT" * 10)
    path = population_file(
        tmp_path, [("chrM", 3, "T", "A", "AF=0.5")], contigs="##contig=<ID=chrM,length=44>\n"
    )
    with pytest.raises(BadDataError, match="contig chrM is declared with 44 bases; fake.fa has 40"):
        Population(path, genome, ContigRule())
    assert "declared" in lines(Population(path, genome, ContigRule(), allow_mismatch=True))


@pytest.mark.bad_input
def test_records_at_pos_0_alone_have_no_frequency(tmp_path):
    """The distance of -1 to the end of the last group overflowed, and the index was blamed."""
    rows = snv_rows([5])
    population = opened(population_file(tmp_path, rows))
    asked = alleles_of(rows).assign(pos=-1)
    assert np.isnan(population.frequencies(asked)).tolist() == [True]
    both = pd.concat([asked, alleles_of(rows)], ignore_index=True)
    np.testing.assert_array_equal(population.frequencies(both), np.float32([np.nan, 0.5]))
    far = pd.concat([both, both.assign(pos=10**18 - 2)], ignore_index=True)
    assert np.isfinite(population.frequencies(far)).tolist() == [False, True, False, False]


def test_an_error_of_ours_is_not_blamed_on_the_file(tmp_path, monkeypatch):
    rows = snv_rows([5])
    population = opened(population_file(tmp_path, rows))

    def wrong(*_):
        raise ValueError("ours")

    monkeypatch.setattr(population, "_compare", wrong)
    with pytest.raises(ValueError, match="^ours$"):
        population.frequencies(alleles_of(rows))
