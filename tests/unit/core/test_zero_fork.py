"""sarek's `--tools bcfann` with the four files of a run: `bcftools annotate` writes into a user's
VCF what our own annotation holds.

Two runs of the real steps on one genome: alleles joined, and the same split and reordered; and the
joined ones without `chr` in a run of their own, by --contig_map auto, as a run takes one naming.
"""

import gzip
import re
import shutil
import subprocess

import pysam
import pysam.bcftools
import pytest
from fake_genome import genome_letters
from small_run import run_steps
from step_calls import call

pytestmark = pytest.mark.long

LENGTHS = {"chr1": 12_000, "chr2": 3_000}
SPLIT_AGAIN = 11
"""Every so many records of the split file, two records are joined again with their ALTs the other
way round."""


def other_letters(ref):
    return [base for base in "ACGT" if base != ref]


def joined_records(letters):
    """(contig, pos, REF, ALTs, genotype) with all kinds of alleles; ALT `.` among them."""
    for number, pos in enumerate(range(200, 11_800, 290)):
        contig = "chr2" if pos < 2_800 and number % 3 == 0 else "chr1"
        ref, word = letters[contig][pos], letters[contig][pos : pos + 3]
        a, b, c = other_letters(ref)
        yield (
            contig,
            pos,
            *(
                (ref, [a], "0/1"),
                (ref, [b, a], "1/2"),
                (ref, [c, a, b], "1/3"),
                (word, [word[0], a + word[1:]], "1/2"),
                (word, [ref + "TT" + word[1:], word[0]], "0/2"),
                (ref, [a, "*"], "1/2"),
                (ref, ["<DEL>", b], "0/2"),
                (ref, ["."], "0/0"),
                (word[:2], [other_letters(word[0])[0] + other_letters(word[1])[0]], "0/1"),
                (a, [ref, b], "0/1"),
            )[number % 10],
        )


def split_records(records):
    for number, (contig, pos, ref, alts, _) in enumerate(records):
        if number % SPLIT_AGAIN == 0:
            yield contig, pos, ref, alts[::-1], "0/1"
        else:
            yield from ((contig, pos, ref, [alt], "0/1") for alt in alts)


def write_vcf(path, records, names=lambda contig: contig):
    """A bgzipped, indexed VCF with one sample."""
    contigs = [
        f"##contig=<ID={names(contig)},length={length}>" for contig, length in LENGTHS.items()
    ]
    header = [
        "##fileformat=VCFv4.2",
        *contigs,
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
        '##ALT=<ID=DEL,Description="deletion">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1",
    ]
    lines = [
        f"{names(contig)}\t{pos + 1}\t.\t{ref}\t{','.join(alts)}\t31.5\tPASS\tDP={pos % 50}\tGT\t{genotype}"
        for contig, pos, ref, alts, genotype in sorted(records, key=lambda record: record[:2])
    ]
    path.write_text("\n".join([*header, *lines]) + "\n")
    pysam.tabix_compress(str(path), f"{path}.gz", force=True)
    pysam.tabix_index(f"{path}.gz", preset="vcf", force=True)
    return path.with_name(path.name + ".gz")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """name -> (folder, scores): in the folder <name>.vcf.gz and our <name>.gfm.vcf.gz; `plain` has
    no chr and a run of its own."""
    letters = {
        contig: genome_letters(seed, length)
        for seed, (contig, length) in enumerate(LENGTHS.items())
    }
    records = list(joined_records(letters))
    by_name = {}
    for names in (("joined", "split"), ("plain",)):
        folder = tmp_path_factory.mktemp(names[0])
        (folder / "genome.fa").write_text(
            "".join(f">{contig}\n{text}\n" for contig, text in letters.items())
        )
        given = {
            "joined": (records,),
            "split": (split_records(records),),
            "plain": (records, lambda contig: contig.removeprefix("chr")),
        }
        vcfs = {name: write_vcf(folder / f"{name}.vcf", *given[name]) for name in names}
        results = run_steps(folder, vcfs, "auto")
        for name, path in vcfs.items():
            call(
                "annotate_vcf",
                "--vcf",
                path,
                "--id",
                name,
                "--sites",
                results / "scores" / "sites.parquet",
                "--out",
                folder / f"{name}.gfm.vcf.gz",
                "--calibration",
                results / "calibration" / "calibration.json",
            )
            by_name[name] = folder, results / "scores"
    return by_name


def by_program(*arguments):
    """The bcftools on PATH; one older than 1.18 writes no index by itself, so that flag goes."""
    version = tuple(
        map(
            int,
            re.search(
                r"bcftools (\d+)\.(\d+)",
                subprocess.check_output(["bcftools", "--version"], text=True),
            ).groups(),
        )
    )
    subprocess.run(
        [
            "bcftools",
            *(a for a in arguments if version >= (1, 18) or not a.startswith("--write-index")),
        ],
        check=True,
    )


def by_pysam(command, *arguments):
    """The newer bcftools inside pysam."""
    getattr(pysam.bcftools, command)(*arguments, catch_stdout=False)


def sarek(annotate, folder, scores, name):
    """The command of sarek 3.5's BCFTOOLS_ANNOTATE under its conf/modules/annotate.config; returns
    the records it writes."""
    out = folder / f"{name}_BCF.ann.vcf.gz"
    annotate(
        "annotate",
        "--output-type",
        "z",
        "--write-index=tbi",
        "--annotations",
        str(scores / "sites.gfm.vcf.gz"),
        "--columns-file",
        str(scores / "columns.txt"),
        "--header-lines",
        str(scores / "header.hdr"),
        "--output",
        str(out),
        "--threads",
        "1",
        str(folder / f"{name}.vcf.gz"),
    )
    return records_of(out)


def records_of(path):
    """Columns of each record as htslib prints them, INFO sorted by key: bcftools appends new keys
    in an order of its own."""
    with pysam.VariantFile(str(path)) as file:
        lines = [str(record).rstrip("\n").split("\t") for record in file]
    return [[*line[:7], sorted(line[7].split(";")), *line[8:]] for line in lines]


@pytest.mark.parametrize("name", ["joined", "split", "plain"])
@pytest.mark.parametrize(
    "annotate",
    [
        pytest.param(
            by_program,
            marks=pytest.mark.skipif(
                shutil.which("bcftools") is None, reason="bcftools is not on PATH"
            ),
        ),
        by_pysam,
    ],
    ids=["program", "pysam"],
)
def test_sareks_own_step_writes_our_annotation(run, name, annotate):
    folder, scores = run[name]
    theirs, ours = sarek(annotate, folder, scores, name), records_of(folder / f"{name}.gfm.vcf.gz")
    assert theirs == ours
    filled = [any(key.startswith("GFM_RANK=") for key in record[7]) for record in ours]
    assert filled == [record[4] != "." for record in ours]


def test_the_three_files_hold_what_they_are_to_test(run):
    """More than one rank, every kind of status asked for, several ALTs, both namings: else the test
    above would show little."""
    joined, split, plain = (
        records_of(run[name][0] / f"{name}.gfm.vcf.gz") for name in ("joined", "split", "plain")
    )
    text = gzip.decompress((run["joined"][1] / "sites.gfm.vcf.gz").read_bytes()).decode()
    assert {"SCORED", "SYMBOLIC", "SPANNING_DEL", "REF_MISMATCH"} <= set(
        re.findall(r"[A-Z_]{5,}", text.split("#CHROM")[1])
    )
    assert sum("," in record[4] for record in joined) >= 20
    assert len(split) > len(joined) == len(plain)
    assert [record[1:] for record in plain] == [record[1:] for record in joined]
    assert {record[0] for record in plain} == {"1", "2"}


def test_columns_and_header_name_the_same_keys(run):
    scores = run["joined"][1]
    columns = (scores / "columns.txt").read_text().split()
    declared = re.findall(
        r"^##INFO=<ID=(\w+),", (scores / "header.hdr").read_text(), flags=re.MULTILINE
    )
    assert columns == [f"INFO/{key}" for key in declared]
    assert (scores / "sites.gfm.vcf.gz.tbi").is_file()


@pytest.mark.bad_input
def test_names_of_another_genome_are_left_empty_and_never_wrong(run, tmp_path):
    """bcftools annotate never renames contigs: what the run has not seen stays as it was."""
    write_vcf(
        tmp_path / "other.vcf",
        [("chr1", 200, "A", ["C"], "0/1")],
        lambda contig: f"contig_{contig}",
    )
    (record,) = sarek(by_pysam, tmp_path, run["joined"][1], "other")
    assert record[7] == ["DP=0"]


@pytest.mark.bad_input
def test_a_repeated_record_is_filled_once(run, tmp_path):
    """bcftools pairs one record of the source with one of the target: docs/extend/integration.md says
    so."""
    records = records_of(run["joined"][0] / "joined.gfm.vcf.gz")
    contig, pos, _, ref, alt, *_ = next(
        record for record in records if len(record[3]) == 1 and record[4] in list("ACGT")
    )
    write_vcf(tmp_path / "twice.vcf", [(contig, int(pos) - 1, ref, [alt], "0/1")] * 2)
    result = sarek(by_pysam, tmp_path, run["joined"][1], "twice")
    filled = [any(key.startswith("GFM_RANK=") for key in record[7]) for record in result]
    assert filled == [True, False]
