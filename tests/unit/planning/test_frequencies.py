"""From the user's VCFs and a population VCF to alleles.parquet, by the steps as they are called."""

import pysam
import pytest
from fake_genome import genome_letters
from step_calls import call

from gfmtrust.cli import main as cli
from gfmtrust.io import tables

LETTERS = genome_letters(5, 12_000)
HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=c,length=12000>\n"
    '##INFO=<ID=AF,Number=A,Type=Float,Description="f">\n'
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="c">\n'
    '##INFO=<ID=AN,Number=1,Type=Integer,Description="n">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
)
NEXT = dict(zip("ACGT", "CGTA", strict=True))


def record(pos, info=".", samples=(), contig="c"):
    """An SNV at a 0-based position."""
    columns = [contig, str(pos + 1), ".", LETTERS[pos], NEXT[LETTERS[pos]], ".", ".", info]
    return "\t".join([*columns, *(("GT", *samples) if samples else ())]) + "\n"


def vcf(path, records, n_samples=0):
    names = ["FORMAT", *(f"S{n}" for n in range(n_samples))] if n_samples else []
    path.write_text("\t".join([HEADER, *names]) + "\n" + "".join(records))
    return path


def population(path, records):
    pysam.tabix_compress(str(vcf(path, records)), f"{path}.gz", force=True)
    pysam.tabix_index(f"{path}.gz", preset="vcf", force=True)
    return f"{path}.gz"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A folder with two VCFs, checked, and a context model."""
    folder = tmp_path_factory.mktemp("frequencies")
    (folder / "genome.fa").write_text(f">c\n{LETTERS}\n")
    positions = (100, 200, 300, 400)
    first = [record(pos, samples=("0/1", "1/1")) for pos in positions]
    second = [record(100, "AC=1;AN=4"), record(200, "AC=9;AN=10;AF=0.5"), record(500)]
    vcf(folder / "a.vcf", first, n_samples=2)
    vcf(folder / "b.vcf", second)
    (folder / "vcfs.tsv").write_text(f"a\t{folder / 'a.vcf'}\nb\t{folder / 'b.vcf'}\n")
    common = ("--fasta", folder / "genome.fa")
    call("fit_context_model", *common, "--out_dir", folder / "model")
    for name, options in (("checked", ()), ("by_key", ("--af_key", "AF"))):
        call(
            "check_inputs",
            *common,
            "--vcfs",
            folder / "vcfs.tsv",
            "--out_dir",
            folder / name,
            *options,
        )
    return folder


def arguments(cohort, out, checked, options):
    return [
        "plan_sites",
        "--fasta",
        str(cohort / "genome.fa"),
        "--checked",
        str(cohort / checked),
        "--context_model",
        str(cohort / "model"),
        "--probes",
        "200",
        "--out_dir",
        str(out),
        *map(str, options),
    ]


def planned(cohort, out, *options, checked="checked"):
    call(*arguments(cohort, out, checked, options))
    result = tables.read(out / "alleles.parquet", ["pos", "af", "an"]).to_pylist()
    return {row["pos"]: (round(row["af"], 6), row["an"]) for row in result}


@pytest.mark.long
def test_counts_of_all_vcfs_the_key_and_the_population_in_this_order(cohort, tmp_path):
    counted = planned(cohort, tmp_path / "counted")
    nothing = (pytest.approx(float("nan"), nan_ok=True), 0)
    expected = {100: (0.5, 8), 200: (0.857143, 14), 300: (0.75, 4), 400: (0.75, 4), 500: nothing}
    assert counted == expected
    assert planned(cohort, tmp_path / "key", checked="by_key") == expected | {200: (0.5, 0)}
    common = population(
        tmp_path / "pop.vcf",
        [
            record(200, "AF=0.03", contig="chrc"),
            record(300, "AC=1;AN=1000", contig="chrc"),
            record(450, "AF=0.9", contig="chrc"),
        ],
    )
    options = ("--population_vcf", common, "--contig_map", "auto")
    replaced = planned(cohort, tmp_path / "population", *options, checked="by_key")
    assert replaced == expected | {200: (0.03, 0), 300: (0.001, 0)}
    for name in ("spellings", "probes", "variants", "shards/shard_00000"):
        plans = [tmp_path / plan / f"{name}.parquet" for plan in ("counted", "key", "population")]
        assert len({path.read_bytes() for path in plans}) == 1, name


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("nowhere.vcf.gz", 66, "nowhere.vcf.gz"),
        ("b.vcf", 65, "bgzip"),
        ("genome.fa", 65, "fileformat"),
    ],
)
def test_a_population_file_that_cannot_be_used_ends_in_one_line(
    cohort, tmp_path, capsys, name, code, text
):
    options = ("--population_vcf", cohort / name)
    assert cli.main(arguments(cohort, tmp_path / "plan", "checked", options)) == code
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("gfmtrust: ")
    assert text in said
