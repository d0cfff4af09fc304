"""The counts of each record's alleles: against pysam and a loop over the samples, on real files and
on awkward genotypes; and INFO values that contradict themselves."""

from collections import Counter

import numpy as np
import pysam
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paths import ROOT

from gfmtrust.inputs import allele_counts
from gfmtrust.inputs.allele_counts import UNKNOWN, RecordCounter
from gfmtrust.io.vcf import reader as vcf_reader

DATA = ROOT.parent / "shared" / "data"
REAL = [
    "b37_chr1/CEU_trio.vcf.gz",
    "b37_chr1/cohort_10samples_1000G.vcf.gz",
    "b37_sarek_small/Strelka_1234N_normal.vcf.gz",
    "hg19_chr20/NA12878_gatk4.g.vcf.gz",
    "hg19_chr20/NA12878_germline_gatk.vcf.gz",
    "hg19_chr20/mutect2_somatic.vcf.gz",
    "hg19_chr20/trio_NA12877_NA12878_NA12882.vcf.gz",
    "hg38_chr1/NA12878_18_99_germline.vcf.gz",
    "phage_lambda/lambda_4samples.vcf.gz",
]
WITH_AC_AND_AN = [
    "hg19_chr20/NA12878_germline_gatk.vcf.gz",
    "hg19_chr20/trio_NA12877_NA12878_NA12882.vcf.gz",
    "hg38_chr1/NA12878_18_99_germline.vcf.gz",
]


def real(name):
    if not (DATA / name).is_file():
        pytest.skip(f"{name} is not there")
    return DATA / name


def of_genotypes(record, n_samples):
    return allele_counts.genotype_counts(record.line, record.info_end, n_samples, len(record.alts))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("vector_from", [1, 10**6], ids=["arrays", "loop"])
def test_genotypes_of_real_files_as_pysam_reads_them(name, vector_from, monkeypatch):
    monkeypatch.setattr(allele_counts, "VECTOR_FROM", vector_from)
    path = real(name)
    ours = []
    header, records = vcf_reader.read(path)
    for record in records:
        ours.append(of_genotypes(record, header.n_columns - 9))
    with pysam.VariantFile(str(path)) as file:
        for result, record in zip(ours, file, strict=True):
            alleles = Counter(
                allele
                for sample in record.samples.values()
                for allele in sample.get("GT", ())
                if allele is not None
            )
            n = len(record.alts or ())
            assert result == (tuple(alleles[i + 1] for i in range(n)), alleles.total())
    assert len(ours) > 40


@pytest.mark.parametrize("name", WITH_AC_AND_AN)
def test_ac_and_an_of_real_callers_are_what_we_count(name):
    header, records = vcf_reader.read(real(name))
    n = 0
    for record in records:
        stated = allele_counts.ac_and_an(record.info, len(record.alts))
        assert stated == of_genotypes(record, header.n_columns - 9)
        n += 1
    assert n > 400


GENOTYPES = [
    "0/0",
    "0|1",
    "1/1",
    "./.",
    ".",
    "0",
    "1",
    "2",
    "0/2",
    "./1",
    "1/1/0/.",
    "|0|1",
    "10/9",
]


def naive(genotypes, n):
    alleles = Counter(
        allele
        for genotype in genotypes
        for allele in genotype.replace("|", "/").split("/")
        if allele not in ("", ".")
    )
    return tuple(alleles[str(i + 1)] for i in range(n)), alleles.total()


@given(
    genotypes=st.lists(st.sampled_from(GENOTYPES), min_size=1, max_size=80),
    rest=st.sampled_from(["", ":", ":.", ":3,4:0/1", ":9"]),
    ending=st.sampled_from(["\n", "\r\n", ""]),
)
@example(genotypes=["10/9"] * 40, rest="", ending="\n")
@example(genotypes=["0|1"] * 40, rest="", ending="\r\n")
def test_genotypes_of_any_form_as_a_loop_counts_them(genotypes, rest, ending):
    keys = "GT:AD:DP" if rest else "GT"
    start = "1\t5\t.\tA\tC\t.\t.\tDP=3"
    line = "\t".join([start, keys, *(one + rest for one in genotypes)]) + ending
    result = allele_counts.genotype_counts(line.encode(), len(start), len(genotypes), 10)
    assert result == naive(genotypes, 10)


def test_gt_that_is_not_the_first_key_is_found():
    line = b"1\t5\t.\tA\tC\t.\t.\t.\tDP:GT\t3:0/1\t4:1/1\t5\n"
    assert allele_counts.genotype_counts(line, 15, 3, 1) == ((3,), 4)


@pytest.mark.bad_input
@pytest.mark.parametrize("n_samples", [3, 40])
@pytest.mark.parametrize("bad", ["0/2", "x", "0/", "", "0-1", "1234567/0", "0/1 ", "A/C", "-1/0"])
def test_a_genotype_that_cannot_be_meant_is_never_counted(bad, n_samples):
    samples = ["0/1"] * (n_samples - 1)
    for keys, rest in (("GT", ""), ("GT:DP", ":7")):
        texts = [one + rest for one in (*samples[1:], bad, samples[0])]
        line = "\t".join(["1\t5\t.\tA\tC\t.\t.\t.", keys, *texts]).encode()
        result = allele_counts.genotype_counts(line, 15, n_samples, 1)
        assert result == "a genotype that names no allele of its record"


NO_COUNT = "INFO AC or AN is no whole number of at most 10 digits"
HEADER = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
SAMPLES = (b"0/1", b"1/1", b"./.", b"1")


def counted(tmp_path, info, key=None, alts=b"C", samples=SAMPLES):
    """The counts of one record, and the texts of the warnings."""
    columns = [b"chr1\t5\t.\tA", alts, b".\t.", info]
    names = [b"FORMAT", *(b"S%d" % i for i in range(len(samples)))] if samples else []
    columns += [b"GT", *samples] if samples else []
    path = tmp_path / "a.vcf"
    path.write_bytes(b"\t".join([HEADER, *names]) + b"\n" + b"\t".join(columns) + b"\n")
    header, records = vcf_reader.read(path)
    warnings = []
    counter = RecordCounter(header, key, lambda text, record: warnings.append(text))
    (counts,) = (counter.counts(record) for record in records)
    return counts, warnings


@pytest.mark.parametrize(
    ("info", "key", "expected"),
    [
        (b"AC=7;AN=20;AF=0.1", None, (7, 20, 0, 0, 20)),
        (b"DP=3;AN=20;AC=7", None, (7, 20, 0, 0, 20)),
        (b"DP=3;MAC=1;AN=20", None, (4, 5, 0, 0, 5)),
        (b".", None, (4, 5, 0, 0, 5)),
        (b"AC=.;AN=20", None, (4, 5, 0, 0, 5)),
        (b"AF=0.25;AC=7;AN=20", "AF", (0, 0, 0.25, 1, 0)),
        (b"AF=1e-3", "AF", (0, 0, 0.001, 1, 0)),
        (b"AF=.;AC=7;AN=20", "AF", (7, 20, 0, 0, 20)),
        (b"DP=1", "AF", (4, 5, 0, 0, 5)),
    ],
)
def test_the_key_comes_before_ac_and_an_and_these_before_the_genotypes(
    tmp_path, info, key, expected
):
    assert counted(tmp_path, info, key) == (expected, [])


def test_each_alt_has_its_own_counts(tmp_path):
    counts, _ = counted(tmp_path, b"AC=7,2;AN=20;AF=0.3,.", "AF", alts=b"C,G")
    assert counts == (7, 20, 0.3, 1, 20, 2, 20, 0, 0, 20)


@pytest.mark.parametrize(
    ("info", "genotype", "expected"),
    [
        (b".", b"1/1", (2, 2, 0, 0, 0)),
        (b".", b"1", (1, 1, 0, 0, 0)),
        (b"AC=4;AN=4", b"1/1/1/1", (4, 4, 0, 0, 0)),
        (b"AC=1;AN=2", b"0/1", (1, 2, 0, 0, 0)),
        (b"AC=30;AN=240", b"0/1", (30, 240, 0, 0, 240)),  # cut out of a joint VCF
        (b"AC=30;AN=240", b"7/1", (30, 240, 0, 0, 240)),
    ],
)
def test_the_genotype_of_one_sample_says_nothing_of_a_population(
    tmp_path, info, genotype, expected
):
    """Each of 120 haploid samples lists the alleles that it carries: AC is AN at every one of them,
    and all 120 seemed to have a common ALT."""
    assert counted(tmp_path, info, samples=(genotype,)) == (expected, [])


def test_nothing_is_known_of_a_file_without_counts_and_samples(tmp_path):
    assert counted(tmp_path, b"DP=3", samples=()) == (UNKNOWN, [])
    assert counted(tmp_path, b"DP=3", "AF", samples=()) == (UNKNOWN, [])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("info", "text"),
    [
        (b"AF=0.1,0.2", "INFO AF has another number of values than ALT; not used"),
        (b"AF=1.01", "INFO AF is no number from 0 to 1; not used"),
        (b"AF=-0.1", "INFO AF is no number from 0 to 1; not used"),
        (b"AF=nan", "INFO AF is no number from 0 to 1; not used"),
        (b"AF=inf", "INFO AF is no number from 0 to 1; not used"),
        (b"AF=10%", "INFO AF is no number from 0 to 1; not used"),
        (b"AF=", "INFO AF is no number from 0 to 1; not used"),
        (b"AC=3", "INFO AC without AN; not used"),
        (b"AC=21;AN=20", "INFO AC is above AN; not used"),
        (b"AC=1,2;AN=20", "INFO AC has another number of values than ALT; not used"),
        (b"AC=-1;AN=20", f"{NO_COUNT}; not used"),
        (b"AC=1;AN=2.5", f"{NO_COUNT}; not used"),
        (b"AC=1;AN=" + b"9" * 11, f"{NO_COUNT}; not used"),
        (b"AC=" + b"1" * 5000 + b";AN=" + b"9" * 5000, f"{NO_COUNT}; not used"),
    ],
)
def test_a_value_that_cannot_be_meant_is_said_and_the_next_source_asked(tmp_path, info, text):
    assert counted(tmp_path, info, "AF") == ((4, 5, 0, 0, 5), [text])


@pytest.mark.bad_input
def test_a_key_twice_in_a_record_says_nothing(tmp_path):
    assert counted(tmp_path, b"AF=0.1;DP=1;AF=0.2", "AF") == ((4, 5, 0, 0, 5), [])
    assert counted(tmp_path, b"AC=1;AN=9;AC=2") == ((4, 5, 0, 0, 5), [])


@pytest.mark.bad_input
def test_an_impossible_genotype_leaves_the_record_uncounted(tmp_path):
    counts, warnings = counted(tmp_path, b".", samples=(b"0/1", b"0/7"))
    assert counts == UNKNOWN
    assert warnings == [
        "a genotype that names no allele of its record; the genotypes are not counted"
    ]


def test_sums_become_a_frequency_and_what_it_rests_on():
    counts = np.array(
        [
            [3, 12, 0, 0, 12],
            [0, 0, 0.7, 2, 0],
            [3, 12, 0.7, 2, 12],
            [0, 0, 0, 0, 0],
            [9e9, 9e9, 0, 0, 9e9],
            [200, 200, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [30, 60, 0, 0, 40],
        ]
    )
    af, an = allele_counts.frequencies(counts)
    expected = [0.25, 0.35, 0.35, np.nan, 1.0, 1.0, 1.0, 0.5]
    assert af.tolist() == pytest.approx(expected, nan_ok=True)
    assert an.tolist() == [12, 0, 0, 0, 2**31 - 1, 2, 1, 40]
    assert (af.dtype, an.dtype) == (np.float32, np.int32)
