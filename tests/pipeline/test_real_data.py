"""Real callsets through the whole pipeline, with the embedded model and with models that know
nothing. Skips without ../shared/data."""

import gzip
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import checkpoints
import nextflow_run
import pytest
import useless

from gfmtrust.annotate.regions import COLUMNS
from gfmtrust.core.vocabulary import Status
from gfmtrust.io.vcf import verify
from gfmtrust.validation.benchmark import satmut

DATA = nextflow_run.ROOT.parent / "shared" / "data"
DEMO = nextflow_run.ROOT / "assets" / "demo"
pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.slow,
    pytest.mark.torch,
    pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data"),
    pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed"),
]

SETS = {
    "hg19_chr20": (
        "chr20.fa.gz",
        (
            "NA12878_giab_truth.chr20_100kb",
            "NA12878_germline_gatk",
            "trio_NA12877_NA12878_NA12882",
            "NA12878_gatk4.g",
            "mutect2_somatic",
            "dream_sample4_somatic",
            "dream3_tumor_normal_somatic",
        ),
        ("NA12878_giab_confident.chr20_100kb.bed",),
    ),
    "hg38_chr1": (
        "chr1_1M.fa.gz",
        ("NA12878_18_99_germline",),
        (
            "encode_cCRE_PLS_GM12878.bed",
            "encode_cCRE_PLS_K562.bed",
            "encode_RAMPAGE_rPeaks.bed",
            "epdnew_promoters_499_100.bed",
        ),
    ),
    "b37_chr1": ("chr1_1M.fa", ("cohort_10samples_1000G", "CEU_trio"), ()),
    "b37_sarek_small": (
        "human_g1k_v37_decoy.small.fasta",
        ("dbsnp_138.with_contig_Y", "Mills_gold_standard.indels", "1000G_phase1.indels"),
        (),
    ),
    "phage_lambda": ("lambda_virus.fa", ("lambda_4samples", "lambda_sample1"), ()),
}
LONG_REGIONS = {"NA12878_giab_confident.chr20_100kb.bed"}
"""Some 90,000 bases: one pass each is too much for a test, so it limits scoring (--include)
instead."""
RANDOM = ("gpn", "nt_v1", "generator")
KINDS_OF_MODEL = {
    "nt_v2": "lm_head.decoder.weight",
    "marindna": "lm_head.weight",
    "grover": "",
    "recurrent": "",
}
"""A masked k-mer model, a causal one of single bases, one of whole tokens, and one with a state,
which is trained here. The weights named are made a tenth: random ones as they are put most of the
mass outside A,C,G,T, and such a model ends a run."""
KEYS = "%CHROM\t%POS\t%REF\t%ALT\t%INFO/GFM_STATUS\t%INFO/GFM_RANK\t%INFO/GFM_LLR\n"


@pytest.fixture(scope="session")
def random_models(tmp_path_factory) -> str:
    """Demo-size models of each family with random weights, as a value of --models."""
    folder = tmp_path_factory.mktemp("random")
    useless.write(folder / "gpn", "random")
    for kind in RANDOM[1:]:
        checkpoints.write(folder / kind, kind)
    return ",".join(str(folder / kind) for kind in RANDOM)


def options_of(name: str) -> list[str]:
    fasta, _, beds = SETS[name]
    regions = ",".join(str(DATA / name / bed) for bed in beds if bed not in LONG_REGIONS)
    return [
        "--input",
        "sheet.csv",
        "--fasta",
        str(DATA / name / fasta),
        *(["--regions", regions] if regions else []),
    ]


def run(launch: Path, name: str, *options: str) -> nextflow_run.Run:
    launch.mkdir()
    rows = [f"{sample},{DATA / name / sample}.vcf.gz" for sample in SETS[name][1]]
    (launch / "sheet.csv").write_text("\n".join(["sample,vcf", *rows]) + "\n")
    return nextflow_run.run(launch, *options_of(name), *options)


def alts(path: Path) -> int:
    columns = [line.split("\t", 5) for line in gzip.open(path, "rt") if not line.startswith("#")]
    return sum(len(column[4].split(",")) for column in columns if column[4] != ".")


def annotated(run: nextflow_run.Run, sample: str) -> Path:
    return run.outdir / "annotated" / sample / f"{sample}.gfm.vcf.gz"


def values(path: Path, *command: str) -> list[list[str]]:
    """Place, alleles and our values of each record, after a bcftools command."""
    read = subprocess.run(["bcftools", *command, str(path)], capture_output=True, check=True)
    completed = subprocess.run(
        ["bcftools", "query", "-f", KEYS], input=read.stdout, capture_output=True, check=True
    )
    return [line.split("\t") for line in completed.stdout.decode().splitlines()]


def single(record: list[str]) -> list[list[str]]:
    """A multi-allelic record as one a single allele."""
    place, alleles, ours = (
        record[:3],
        record[3].split(","),
        [column.split(",") for column in record[4:]],
    )
    return [[*place, allele, *(column[i] for column in ours)] for i, allele in enumerate(alleles)]


def check_sample(done: nextflow_run.Run, name: str, sample: str) -> Counter:
    """Nothing lost, nothing changed, one status an allele, right after splitting; counts of class
    of allele and flag or status."""
    given, product = DATA / name / f"{sample}.vcf.gz", annotated(done, sample)
    counts = verify.verify(given, product)
    assert sum(counts.get(status, 0) for status in Status) == counts["alts"] == alts(given)
    outcomes = Counter()
    for line in gzip.open(product, "rt"):
        if line.startswith("#"):
            continue
        _, _, _, ref, alts_, _, _, output, *_ = line.rstrip("\n").split("\t")
        info = dict(pair.partition("=")[::2] for pair in output.split(";"))
        if "GFM_STATUS" in info:
            for alt, status, flag in zip(
                *(text.split(",") for text in (alts_, info["GFM_STATUS"], info["GFM_CONF"])),
                strict=True,
            ):
                outcomes[class_of(ref, alt), flag if status == Status.SCORED else status] += 1
    assert sum(outcomes.values()) == counts["alts"]
    before = subprocess.run(
        ["bcftools", "norm", "-m-", str(given)], capture_output=True, check=False
    )
    if (
        before.returncode == 0
    ):  # some public files hold INFO keys that bcftools cannot write again, before us or after
        whole, split = values(product, "view"), values(product, "norm", "-m-")
        assert sorted(ours for ours in split if ours[3] != ".") == sorted(
            one for ours in whole if ours[3] != "." for one in single(ours)
        )
    return outcomes


def class_of(ref: str, alt: str) -> str:
    """Class of an allele by what is left of it without the letters both ends share."""
    if set(alt.upper()) - set("ACGTN"):
        return "not letters"
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt = ref[1:], alt[1:]
    if len(ref) == len(alt):
        return "SNV" if len(ref) == 1 else "MNV"
    return "insertion" if not ref else "deletion" if not alt else "complex"


def table(outcomes: Counter) -> str:
    """The counts, a line a class and a column a flag or status."""
    kinds, ends = (sorted({key[i] for key in outcomes}) for i in (0, 1))
    rows = [["", *ends], *([kind, *(str(outcomes[kind, end]) for end in ends)] for kind in kinds)]
    return "\n".join("\t".join(row) for row in rows)


def check_regions(done: nextflow_run.Run, name: str) -> None:
    for bed in SETS[name][2]:
        if bed in LONG_REGIONS:
            continue
        given = [
            line
            for line in (DATA / name / bed).read_text().splitlines()
            if line and not line.startswith(("#", "track", "browser"))
        ]
        items = [
            line
            for line in gzip.open(done.outdir / "regions" / f"{Path(bed).stem}.gfm.bed.gz", "rt")
            if not line.startswith("#")
        ]
        assert len(items) == len(given)
        assert all(one.startswith(other + "\t") for one, other in zip(items, given, strict=True))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("models", ["default", "random"])
def test_every_callset_comes_back_whole(tmp_path, name, models, random_models):
    chosen = ["--models", random_models, "--allow_untrained"] if models == "random" else []
    done = run(tmp_path / "run", name, *chosen)
    assert done.code == 0, done.text
    outcomes = sum((check_sample(done, name, sample) for sample in SETS[name][1]), Counter())
    check_regions(done, name)
    flags = {end for _, end in outcomes}
    assert "LOW" in flags
    if models == "random":
        assert not flags & {"HIGH", "MEDIUM"}
    print(f"{name}, {models}:\n{table(outcomes)}")


def test_families_of_every_kind_disagree_and_earn_nothing(tmp_path):
    """One ensemble of four kinds of model on hg38: entropy and disagreement are of the three that
    tell a distribution, LLRs of all."""
    from safetensors.torch import load_file, save_file

    folders = [tmp_path / "weights" / kind for kind in KINDS_OF_MODEL]
    for folder, head in zip(folders[:-1], KINDS_OF_MODEL.values(), strict=False):
        checkpoints.write(folder, folder.name)
        weights = load_file(folder / "model.safetensors")
        save_file(
            weights | ({head: weights[head] / 10} if head else {}), folder / "model.safetensors"
        )
    genome = DATA / "hg38_chr1" / SETS["hg38_chr1"][0]
    train = nextflow_run.ROOT / "training" / "train_recurrent.py"
    subprocess.run(
        [sys.executable, train, "--fasta", genome, "--steps", "200", "--out", folders[-1]],
        check=True,
    )
    done = run(
        tmp_path / "run", "hg38_chr1", "--models", ",".join(map(str, folders)), "--allow_untrained"
    )
    assert done.code == 0, done.text
    name, sample = "hg38_chr1", SETS["hg38_chr1"][1][0]
    outcomes = check_sample(done, name, sample)
    check_regions(done, name)
    assert not {end for _, end in outcomes} & {"HIGH", "MEDIUM"}
    keys = "%INFO/GFM_STATUS\t%INFO/GFM_ENT\t%INFO/GFM_DIS\t%INFO/GFM_LLR\n"
    completed = subprocess.run(
        ["bcftools", "query", "-f", keys, annotated(done, sample)],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    scored = [
        [float(cell) for cell in line.split("\t")[1:]]
        for line in completed.splitlines()
        if line.startswith("SCORED\t")
    ]
    assert len(scored) > 100
    assert all(0 <= ent <= 2 and dis > 0 and abs(llr) > 0 for ent, dis, llr in scored)
    mean = sum(dis for _, dis, _ in scored) / len(scored)
    print(
        f"hg38_chr1, {', '.join(KINDS_OF_MODEL)}:\n{table(outcomes)}\nmean disagreement {mean:.4f} bit"
    )


@pytest.fixture(scope="session")
def wide_gpn(tmp_path_factory) -> str:
    """A GPN of random weights whose window of 512 bp is longer than most elements."""
    folder = useless.write(tmp_path_factory.mktemp("wide") / "gpn-random-512", "random")
    (folder / "gfmtrust.json").write_text('{"window_bp": 512}')
    return str(folder)


@pytest.mark.parametrize("models", ["default", "random"])
def test_elements_without_flanks_are_scored_with_a_background(tmp_path, models, wide_gpn):
    """6,110 measured effects on elements of 187 to 591 bp: padding is no status, and no flag is
    above MEDIUM."""
    elements, launch = DATA / "mpra_satmut", tmp_path / "run"
    launch.mkdir()
    (launch / "sheet.csv").write_text(f"sample,vcf\nsatmut,{elements / 'satmut.labelled.vcf.gz'}\n")
    given = [
        "--input",
        "sheet.csv",
        "--fasta",
        str(elements / "elements.fa"),
        "--regions",
        str(elements / "elements.bed"),
    ]
    given += ["--background_fasta", str(DATA / "hg38_chr1" / "chr1_1M.fa.gz")]
    given += ["--models", wide_gpn, "--allow_untrained"] if models == "random" else []
    done = nextflow_run.run(launch, *given)
    assert done.code == 0, done.text
    product = annotated(done, "satmut")
    counts = verify.verify(elements / "satmut.labelled.vcf.gz", product)
    assert (counts["records"], counts[Status.SCORED]) == (6_110, 6_110)
    records = [line.split("\t") for line in gzip.open(product, "rt") if not line.startswith("#")]
    info = [
        dict(pair.partition("=")[::2] for pair in record[7].rstrip().split(";"))
        for record in records
    ]
    assert all("BACKGROUND" in one["GFM_WHY"].split("&") for one in info)
    assert {one["GFM_RANK"] for one in info} <= ({"1", "2"} if models == "default" else {"1"})
    header = [line for line in gzip.open(product, "rt") if line.startswith("##")]
    assert any(
        line.startswith(
            "##gfmtrustBackground=context model and probes come from chr1_1M.fa.gz, digest "
        )
        for line in header
    )
    assert "background:" not in gzip.open(done.outdir / "scores" / "sites.gfm.vcf.gz", "rt").read()
    table = {(row.element, row.kind): row.n for row in satmut.correlations(product)}
    assert table["all", "SNV"] == sum(
        len(record[3]) == len(record[4]) == 1 and int(one["BARCODES"]) >= satmut.MIN_BARCODES
        for record, one in zip(records, info, strict=True)
    )


def benchmark_of(done: nextflow_run.Run) -> dict:
    assert done.code == 0, done.text
    content = json.loads((done.outdir / "benchmark" / "benchmark.json").read_text())
    print((done.outdir / "benchmark" / "verdict.txt").read_text())
    return content


def label_calibrations(done: nextflow_run.Run) -> dict:
    """The calibrations by labels (`classes`), and variant class and reason where there is none
    (`refusals`)."""
    text = (done.outdir / "calibration" / "calibration.json").read_text()
    return json.loads(text)["labels"]


@pytest.mark.parametrize("models", ["default", "random"])
def test_measured_effects_are_set_beside_the_flags(tmp_path, models, random_models):
    """5,846 effects of at least 10 barcodes, cut at 0.3 in log2: every model has its row, the five
    elements calibrate themselves, and no level comes of it."""
    elements, launch = DATA / "mpra_satmut", tmp_path / "run"
    launch.mkdir()
    common = launch / "known.vcf.gz"
    every = elements / "satmut.labelled.vcf.gz"
    subprocess.run(
        ["bcftools", "view", "-i", "BARCODES>=10", "-Oz", "-o", str(common), str(every)], check=True
    )
    (launch / "sheet.csv").write_text(f"sample,vcf\nsatmut,{every}\n")
    given = [
        "--input",
        "sheet.csv",
        "--fasta",
        str(elements / "elements.fa"),
        "--regions",
        str(elements / "elements.bed"),
    ]
    given += [
        "--background_fasta",
        str(DATA / "hg38_chr1" / "chr1_1M.fa.gz"),
        "--labels",
        str(common),
        "--label_key",
        "EFFECT",
    ]
    given += [
        "--label_cut",
        "0.3",
        *(["--models", random_models, "--allow_untrained"] if models == "random" else []),
    ]
    done = nextflow_run.run(launch, *given)
    content = benchmark_of(done)
    # deletions of one base in a run of that base are one allele: 11 such records lie on the other
    # side of the cut than their twins
    n = 5824 if models == "default" else 5713  # windows of 6-mers end before some elements do
    assert (
        content["counts"]
        | {"alleles": 5846, "conflicting": 11, "repeated": 11, "not_in_run": 0, "benchmarked": n}
        == content["counts"]
    )
    assert set(content["scorers"]) == {
        "ensemble",
        "context_model",
        *(RANDOM if models == "random" else ()),
        "gc_cpg",
    }
    by_labels = label_calibrations(done)["classes"]["SNV"]
    assert len(by_labels["loci"]) == 5
    assert all(one["threshold"] is None for one in by_labels["certificates"])
    assert all(
        any("the flag carries no information here" in line for line in lines)
        for lines in content["verdict"].values()
    )
    assert content["verdict"]["all"][-1] == "The intervals hold for 5 loci and for no other."
    if models == "random":
        assert {row["flag"] for row in content["tables"]["tiers"] if row["n"]} == {"LOW"}
        assert all("gate: " in content["scorers"][name] for name in RANDOM)


@pytest.mark.parametrize("models", ["default", "random"])
def test_few_clinvar_labels_are_tabulated_all_the_same(tmp_path, models, random_models):
    """5 pathogenic alleles of 31 that are labelled, in one megabase: tables, wide intervals, and no
    word on other loci."""
    folder, launch = DATA / "b37_chr1", tmp_path / "run"
    launch.mkdir()
    clinvar = folder / "clinvar_20191007_ISG15_AGRN.labelled.vcf.gz"
    (launch / "sheet.csv").write_text(f"sample,vcf\nclinvar,{clinvar}\n")
    given = [
        "--input",
        "sheet.csv",
        "--fasta",
        str(folder / "chr1_1M.fa"),
        "--labels",
        str(clinvar),
    ]
    given += ["--models", random_models, "--allow_untrained"] if models == "random" else []
    done = nextflow_run.run(launch, *given)
    content = benchmark_of(done)
    print((done.outdir / "benchmark" / "ranking.tsv").read_text())
    assert set(content["scorers"]) == {
        "ensemble",
        "context_model",
        *(RANDOM if models == "random" else ()),
        "gc_cpg",
    }
    assert {row["flag"] for row in content["tables"]["tiers"] if row["n"]} == {"LOW"}
    assert all(
        "gate: " in content["scorers"][name] for name in (RANDOM if models == "random" else ())
    )
    assert [
        "SNV",
        "4 alleles with an effect and 26 without; a calibration needs 200 of each (1,000 for HIGH to be likely)",
    ] in label_calibrations(done)["refusals"]
    assert not label_calibrations(done)["classes"]
    assert content["labels"]["labels"] == {"0": 26, "1": 5}
    assert content["labels"]["words"] == {
        "Uncertain_significance": 38,
        "Conflicting_interpretations_of_pathogenicity": 3,
    }
    assert "the flag carries no information here" in content["verdict"]["all"][0]
    assert (
        content["tables"]["ranking"][0]["auroc_high"] - content["tables"]["ranking"][0]["auroc_low"]
        > 0.5
    )


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", useless.KINDS)
@pytest.mark.parametrize("name", ["demo", "hg19_chr20"])
def test_a_useless_model_gets_no_flag(tmp_path, name, kind):
    chosen = ["--models", str(useless.write(tmp_path / kind, kind)), "--allow_untrained"]
    if name == "demo":
        done = nextflow_run.run(tmp_path / "run", "-profile", "demo", *chosen)
        paths = sorted((done.outdir / "annotated").glob("*/*.vcf.gz"))
    else:
        done = run(tmp_path / "run", name, *chosen)
        paths = [annotated(done, sample) for sample in SETS[name][1]]
    assert done.code == 0, done.text
    flags = Counter(
        flag
        for path in paths
        for line in gzip.open(path, "rt")
        if not line.startswith("#")
        for pair in line.split("\t")[7].split(";")
        if pair.startswith("GFM_CONF=")
        for flag in pair.removeprefix("GFM_CONF=").rstrip().split(",")
    )
    assert set(flags) == {"LOW", "."}
    print(name, kind, dict(flags))


NINE = [
    ("hg19_chr20", name)
    for name in (
        "NA12878_germline_gatk",
        "trio_NA12877_NA12878_NA12882",
        "NA12878_giab_truth.chr20_100kb",
        "mutect2_somatic",
    )
]
NINE += [("hg38_chr1", "NA12878_18_99_germline"), ("b37_sarek_small", "dbsnp_138.matching")]
NINE += [
    ("b37_chr1", name)
    for name in ("CEU_trio", "cohort_10samples_1000G", "clinvar_20191007_ISG15_AGRN.labelled")
]


@pytest.mark.parametrize(("name", "sample"), NINE, ids=[sample for _, sample in NINE])
def test_the_shift_test_stays_silent_where_probes_are_drawn_in_the_run(tmp_path, name, sample):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sheet.csv").write_text(
        f"sample,vcf\n{sample},{DATA / name / sample}.vcf.gz\n"
    )
    done = nextflow_run.run(
        tmp_path / "run", "--input", "sheet.csv", "--fasta", str(DATA / name / SETS[name][0])
    )
    assert done.code == 0, done.text
    output = next(
        line
        for line in gzip.open(annotated(done, sample), "rt")
        if line.startswith("##gfmtrustShift=")
    )
    print(sample, output.strip())
    assert output.startswith("##gfmtrustShift=ok;")


def by_allele(lines: list[list[str]]) -> dict[tuple, tuple]:
    """(contig, place, REF, ALT) -> our values, of records with one ALT."""
    return {tuple(line[:4]): tuple(line[4:]) for line in lines if line[3] != "."}


def test_splitting_and_shifting_before_or_after_gives_the_same_values(tmp_path):
    """bcftools norm -m- -f, before the run and after it: every allele has one status, flag and
    LLR."""
    folder = DATA / "hg19_chr20"
    fasta = tmp_path / "chr20.fa"
    fasta.write_bytes(gzip.decompress((folder / "chr20.fa.gz").read_bytes()))
    norm = ["norm", "-m-", "-f", str(fasta), "-c", "w"]
    samples = ("trio_NA12877_NA12878_NA12882", "NA12878_germline_gatk", "mutect2_somatic")
    (tmp_path / "run").mkdir()
    rows = ["sample,vcf"]
    for sample in samples:
        before = tmp_path / f"{sample}.vcf.gz"
        subprocess.run(
            ["bcftools", *norm, "-Oz", "-o", str(before), str(folder / f"{sample}.vcf.gz")],
            capture_output=True,
            check=True,
        )
        rows += [f"{sample},{folder / sample}.vcf.gz", f"{sample}.before,{before}"]
    (tmp_path / "run" / "sheet.csv").write_text("\n".join(rows) + "\n")
    done = nextflow_run.run(tmp_path / "run", "--input", "sheet.csv", "--fasta", str(fasta))
    assert done.code == 0, done.text
    for sample in samples:
        after = by_allele(values(annotated(done, sample), *norm))
        before = by_allele(values(annotated(done, f"{sample}.before"), "view"))
        assert before.keys() == after.keys()
        assert [key for key in after if after[key] != before[key]] == []
        n_indels = sum(len(key[2]) != len(key[3]) for key in after)
        print(sample, f"{len(after)} alleles, {n_indels} of another length")
        assert n_indels > 5


def test_exons_are_answered_line_for_line(tmp_path):
    """RefSeq exons of the first megabase of chr1: a line's entropy is the mean over the per-base
    table."""
    import pyarrow.parquet as pq

    folder = DATA / "b37_chr1"
    (tmp_path / "run").mkdir()
    done = nextflow_run.run(
        tmp_path / "run",
        "--regions_only",
        "--fasta",
        str(folder / "chr1_1M.fa"),
        "--regions",
        str(folder / "refseq_exons.bed"),
    )
    assert done.code == 0, done.text
    given = [
        line
        for line in (folder / "refseq_exons.bed").read_text().splitlines()
        if line and not line.startswith(("#", "track"))
    ]
    text = gzip.open(done.outdir / "regions" / "refseq_exons.gfm.bed.gz", "rt").read().splitlines()
    items = [line.split("\t") for line in text if not line.startswith("#")]
    assert len(items) == len(given)
    bases = pq.read_table(done.outdir / "scores" / "bases.parquet").to_pandas()
    assert not bases.duplicated(["contig", "pos"]).any()
    entropy = bases[bases["status"] == "SCORED"].set_index("pos")["ent"].astype(float).sort_index()
    column = len(given[0].split("\t")) + COLUMNS.index("entropy")
    for line in items[::7]:
        inside = entropy.loc[int(line[1]) : int(line[2]) - 1]
        if len(inside):
            assert float(line[column]) == pytest.approx(inside.mean(), abs=1e-4)
    print(len(items), "lines,", len(bases), "bases")
