"""The command line of every subcommand: options declared once, in the words of the pipeline's
parameters. No work is done here."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """exit codes: 0 done, 64 usage, 65 bad data, 66 missing input, 69 device unavailable, 70 internal, 73 cannot write,
74 I/O, 75 transient (worth a retry), 78 configuration, 143 terminated"""


def truth(text: str) -> bool:
    """`true` or `false`, as the pipeline hands them over."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is negative or not finite")
    return value


def share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def probe_number(text: str) -> str:
    if text != "auto" and not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor an integer")
    return text


SHARED = {
    "fasta": dict(
        type=Path, required=True, help="the genome: a FASTA file, plain or compressed (bgzip)"
    ),
    "out_dir": dict(type=Path, required=True, help="folder for the output of this step"),
    "cpus": dict(
        type=positive,
        default=1,
        help="number of threads or processes; it does not change the output [1]",
    ),
    "seed": dict(type=int, default=1, help="seed of all random draws [1]"),
    "plan": dict(type=Path, required=True, help="folder written by plan_sites"),
    "checked": dict(type=Path, required=True, help="folder written by check_inputs"),
    "bundles": dict(
        type=Path,
        nargs="+",
        required=True,
        help="bundle folders of all models, in the order of --models",
    ),
    "models": dict(
        type=Path,
        nargs="+",
        required=True,
        help="bundle folders, or only their bundle.json, of all models in the order of the run",
    ),
    "scores": dict(
        type=Path,
        nargs="+",
        required=True,
        help="score tables written by score_sites, or folders of them",
    ),
    "device": dict(
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="device for the models; auto uses CUDA if it works, and reports the device [auto]",
    ),
    "views": dict(
        choices=["fast", "default", "thorough"],
        default="default",
        help="views of each site; fast: forward strand; default: both strands; thorough: also "
        "shifts or k-mer phases, and half of the context [default]",
    ),
    "neighbours": dict(
        type=truth,
        default=True,
        metavar="true|false",
        help="also score the neighbours of each site, for GFM_GAIN; this doubles the passes of "
        "masked models [true]",
    ),
    "regions": dict(type=Path, nargs="*", default=[], help="BED files of regions"),
    "include": dict(
        type=Path, help="BED file; variants outside it are not scored (status NOT_SELECTED)"
    ),
    "contig_map": dict(
        default="none",
        help="none, auto (chr prefix and MT; the lengths must agree), or a tab-separated file of "
        "input and genome names [none]",
    ),
    "calibration": dict(type=Path, required=True, help="calibration.json written by calibrate"),
    "region_stride": dict(
        type=positive,
        default=8,
        help="distance in tokens between the region bases that are masked in one pass; 1 scores "
        "each base separately and exactly [8]",
    ),
    "max_n": dict(
        type=share,
        default=0.10,
        help="largest share of N in a window; above it a site is AMBIGUOUS_BASE [0.10]",
    ),
    "allow_long_window": dict(
        action="store_true",
        help="allow a window longer than the model was trained on; the alleles are marked "
        "OOD_WINDOW",
    ),
    "bundle": dict(type=Path, required=True, help="bundle folder"),
    "bases": dict(type=Path, required=True, help="bases.parquet written by annotate_sites"),
    "force": dict(action="store_true", help="replace an existing output"),
}


def parser(kind: type[argparse.ArgumentParser], version: str) -> argparse.ArgumentParser:
    """The whole command line; `kind` is the parser class, which decides how a usage error ends."""
    top = kind(
        prog="gfmtrust",
        description="gfmtrust reports how far a genomic foundation model can be trusted at each variant. "
        "The pipeline (nextflow run) calls these steps in order, and each can be run by hand. "
        "For interactive use: models, verify, compare, selfcheck, oracle and benchmark.",
        epilog=EPILOG,
    )
    top.add_argument("--version", action="version", version=version)
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    steps = top.add_subparsers(dest="subcommand", required=True, metavar="step", parser_class=kind)

    def step(name: str, text: str, /, *shared: str, **own: dict) -> None:
        one = steps.add_parser(
            name, help=text.partition(". Example")[0], description=text, epilog=EPILOG
        )
        one.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
        for option in shared:
            one.add_argument(f"--{option}", **SHARED[option])
        for option, settings in own.items():
            one.add_argument(option if settings.pop("bare", False) else f"--{option}", **settings)

    step(
        "check_inputs",
        "Check every input file and list its distinct records: checks.json, "
        "spellings/<id>.parquet, joined.fa",
        "fasta",
        "out_dir",
        "regions",
        "include",
        "contig_map",
        "cpus",
        background_fasta=dict(
            type=Path,
            help="genome for the context model and the probes, if --fasta contains only a few "
            "elements; both are written as joined.fa, which later steps read as --fasta",
        ),
        vcfs=dict(type=Path, help="tab-separated table of ids and VCF paths, one row per VCF"),
        allow_mismatch=dict(
            action="store_true",
            help="continue although REF or contig names do not match the genome; the header states "
            "this",
        ),
    )
    step(
        "fit_context_model",
        "Fit the context model, a k-mer (Markov) baseline, to a genome, and write it as a bundle",
        "fasta",
        "out_dir",
        "seed",
        "cpus",
    )
    step(
        "export_model",
        "Export a model to an ONNX bundle with its parity certificate: model.onnx, "
        "bundle.json. Example: gfmtrust export_model --model weights/gpn --fasta GRCh38.fa "
        "--out_dir models",
        "fasta",
        "out_dir",
        model=dict(
            required=True,
            help="folder of weights or a bundle; org/name@ and the 40 hex digits of a commit of "
            "the Hugging Face hub; or a registered name (gfmtrust models)",
        ),
        model_id=dict(help="name of the bundle [that of the model]"),
        allow_untrained=dict(
            action="store_true",
            help="export a model that fails the sanity check, with gate: failed in the bundle and "
            "the VCF header",
        ),
        windows=dict(
            type=positive,
            default=1000,
            help="windows of the genome for the sanity check: the mean surprisal of the model "
            "there must be below 1.376 nats per base; that of random or misread weights is "
            "not [1000]",
        ),
        precision=dict(
            choices=["fp32", "fp16"],
            default="fp32",
            help="numeric precision of the network; fp16 is compared with fp32 at export, and is "
            "faster on CUDA only [fp32]",
        ),
    )
    step(
        "plan_sites",
        "List every site once, divide the sites into shards, and draw the probes: plan.json, "
        "shards/, probes.parquet, alleles.parquet",
        "fasta",
        "checked",
        "regions",
        "include",
        "out_dir",
        "seed",
        "cpus",
        context_model=dict(type=Path, required=True, help="bundle written by fit_context_model"),
        probes=dict(
            type=probe_number,
            default="auto",
            help="number of probes; auto means a tenth of the SNV sites, 4,000 to 20,000 [auto]",
        ),
        shard_size=dict(
            type=positive,
            default=20_000,
            help="number of sites per shard; it does not change the results [20000]",
        ),
        max_allele=dict(
            type=positive,
            default=50,
            help="longest allele in bases after normalisation; a longer one is TOO_LONG [50]",
        ),
    )
    step(
        "estimate_run",
        "Estimate the sites, the passes and the duration of a run by timing each bundle",
        "plan",
        "bundles",
        "device",
        "views",
        "neighbours",
        "region_stride",
        "cpus",
        out=dict(type=Path, required=True, help="JSON file to write"),
    )
    step(
        "choose_stride",
        "Measure the difference between region bases scored together and separately, and "
        "choose the stride of a model",
        "fasta",
        "plan",
        "bundle",
        "views",
        "device",
        "region_stride",
        "max_n",
        "allow_long_window",
        "cpus",
        out=dict(type=Path, required=True, help="JSON file to write"),
    )
    step(
        "read_labels",
        "Read a labelled VCF into one label per allele, 1 with an effect and 0 without: "
        "labels.parquet",
        "fasta",
        "contig_map",
        labels=dict(type=Path, required=True, help="labelled VCF"),
        label_key=dict(default="CLNSIG", help="INFO key that contains the label [CLNSIG]"),
        label_values=dict(
            help="values of the key and their labels, 'word|word=1,word|word=0' [for CLNSIG: "
            "Pathogenic|Likely_pathogenic=1,Benign|Likely_benign=0]"
        ),
        label_cut=dict(
            type=float,
            help="for numeric keys: the label is 1 if the absolute value is at least this",
        ),
        out=dict(type=Path, required=True, help="Parquet file to write"),
    )
    step(
        "list_sites",
        "List everything that a run asks its models, including the probes, as a VCF for "
        "another program",
        "plan",
        "fasta",
        out=dict(type=Path, required=True, help="VCF to write, .vcf.gz"),
    )
    step(
        "import_scores",
        "Make a bundle of the scores of another program: a table or VCF of log-likelihood "
        "ratios of alleles, or of probabilities",
        "fasta",
        "contig_map",
        "out_dir",
        scores=dict(
            type=Path,
            required=True,
            help="tab-separated table (chrom pos ref alt score, or chrom pos A C G T), or VCF",
        ),
        model_id=dict(required=True, help="name of the model"),
        external_key=dict(
            default="SCORE",
            help="INFO key of the VCF that contains the natural log-likelihood ratio of ALT over "
            "REF [SCORE]",
        ),
        licence=dict(
            default="", help="licence of the scores, which the bundle and the report state"
        ),
    )
    step(
        "score_sites",
        "Score one shard with one bundle: scores/<model>.<shard>.parquet and its metrics",
        "fasta",
        "bundle",
        "views",
        "device",
        "neighbours",
        "max_n",
        "allow_long_window",
        "cpus",
        "out_dir",
        shard=dict(type=Path, required=True, help="shard written by plan_sites"),
        stride=dict(
            type=Path,
            help="JSON written by choose_stride for this bundle; without it every base is scored "
            "separately",
        ),
        batch=dict(
            type=positive,
            help="windows per pass; chosen automatically; it does not change the results on CPU",
        ),
    )
    step(
        "calibrate",
        "Fit the reliability score on the probes and certify the flags: calibration.json, "
        "probes.scored.parquet",
        "plan",
        "scores",
        "models",
        "seed",
        "out_dir",
        alpha_high=dict(type=share, default=0.05, help="largest decoy error of HIGH [0.05]"),
        alpha_medium=dict(
            type=share, default=0.20, help="largest decoy error of exactly MEDIUM [0.20]"
        ),
        delta=dict(type=share, default=0.05, help="probability that a certificate is wrong [0.05]"),
        looks=dict(
            type=positive,
            default=1,
            help="how often the certification splits have decided on a level, this time included; "
            "above 1 the run is marked as exploratory [1]",
        ),
        calibration=dict(
            type=Path,
            help="a frozen calibration.json, which is checked and used instead of fitting",
        ),
        labels=dict(
            type=Path,
            help="table written by read_labels: classes of variant with enough labels are "
            "certified on them",
        ),
        llr_cut=dict(
            type=float,
            help="smallest LLR in nats that is called an effect [the best cut for the labels of "
            "the fit split]",
        ),
        local_lr=dict(
            action="store_true",
            help="with --labels: also compute local likelihood ratios, local_lr.json and "
            "local_lr.tsv; research use only, not ACMG evidence",
        ),
        prior=dict(
            type=share,
            default=0.0441,
            help="prior probability of an effect, for --local_lr [0.0441, Pejaver et al. 2022]",
        ),
    )
    step(
        "annotate_sites",
        "Flag every allele and region base of the cohort: sites.parquet, bases.parquet, "
        "sites.gfm.vcf.gz",
        "plan",
        "scores",
        "models",
        "calibration",
        "out_dir",
    )
    step(
        "annotate_vcf",
        "Write a VCF with the GFM_ keys added and every other byte unchanged",
        "calibration",
        "force",
        vcf=dict(type=Path, required=True, help="the VCF"),
        id=dict(required=True, help="id of the VCF in the samplesheet"),
        sites=dict(type=Path, required=True, help="sites.parquet written by annotate_sites"),
        out=dict(type=Path, required=True, help="output, .vcf or .vcf.gz"),
        overwrite=dict(
            action="store_true", help="replace the GFM_ keys of an input that was annotated before"
        ),
    )
    step(
        "annotate_regions",
        "Write a BED file with entropy, gain, disagreement and flag added to each line",
        "bases",
        "calibration",
        "force",
        bed=dict(type=Path, required=True, help="the BED file"),
        name=dict(required=True, help="name of the BED file in the results"),
        out=dict(type=Path, required=True, help="output, .bed or .bed.gz"),
    )
    step(
        "write_tracks",
        "Write what genome browsers open: bigWig files of the region bases, the alleles' "
        "flags as BED, and an IGV session",
        "bases",
        "out_dir",
        "force",
        sites=dict(type=Path, required=True, help="sites.parquet written by annotate_sites"),
        assembly=dict(
            metavar="NAME",
            help="IGV's name of the genome, such as hg38; recognised by the length of chromosome 1 "
            "by default, else `genome`",
        ),
    )
    step(
        "report",
        "Write the HTML report, MultiQC tables and the manifest",
        "checked",
        "plan",
        "models",
        "out_dir",
        calibration=dict(type=Path, required=True, help="folder written by calibrate"),
        sites=dict(type=Path, required=True, help="folder written by annotate_sites"),
        counts=dict(type=Path, nargs="*", default=[], help="counts.json of each annotated file"),
        metrics=dict(type=Path, nargs="*", default=[], help="metrics.json of each scored shard"),
        benchmark=dict(type=Path, help="folder written by benchmark_labels; its verdict is shown"),
        title=dict(default="gfmtrust report", help="title of the report"),
    )
    step(
        "verify",
        "Check independently that an annotated VCF is its input plus the GFM_ keys and "
        "nothing else. Example: gfmtrust verify calls.vcf.gz "
        "results/annotated/S1/S1.gfm.vcf.gz",
        input=dict(type=Path, bare=True, help="the VCF given to annotate_vcf"),
        output=dict(type=Path, bare=True, help="the VCF that annotate_vcf wrote"),
    )
    step(
        "compare",
        "Compare two annotations of the same alleles: flags and numbers that changed, alleles "
        "missing in one. Example: gfmtrust compare results-1.2 results-1.3 --max_flags 0.005",
        a=dict(type=Path, bare=True, help="annotated VCF or results folder"),
        b=dict(type=Path, bare=True, help="the other annotated VCF or results folder"),
        out=dict(type=Path, help="JSON file for the figures"),
        max_flags=dict(type=not_negative, help="end with 65 if a larger share of flags changed"),
        max_llr=dict(
            type=not_negative, help="end with 65 if an LLR changed by more than this, in nats"
        ),
    )
    step(
        "oracle",
        "Write a genome with a known true distribution of every base, with variants and "
        "regions; by default that of the demo",
        "out_dir",
        "seed",
        law=dict(
            help="distribution of the genome: clear, easy, medium, hard, iid, motifs, "
            "mutation_selection, repeats, stems or codons; with the suffix _shifted its "
            "changed copy [that of the demo, with its cohort]"
        ),
        length=dict(
            type=positive, default=1_000_000, help="length in bases of a genome of --law [1000000]"
        ),
    )
    step(
        "selfcheck",
        "Score models whose answers are known in closed form on this machine, and report "
        "success or the first wrong number",
        "device",
        threads=dict(
            type=positive,
            default=1,
            help="threads of the runtime; they do not change the results on CPU [1]",
        ),
    )
    step(
        "models",
        "List families, registered checkpoints and bundles with their validation status; "
        "check that a model opens, exports and reads DNA; pin a checkpoint on a machine with "
        "a network; or run the conformance suite. Example: gfmtrust models check "
        "hyenadna-medium-160k",
        "cpus",
        action=dict(
            bare=True,
            nargs="?",
            choices=["list", "check", "pin", "conformance"],
            default="list",
            help="action [list]",
        ),
        names=dict(
            bare=True,
            nargs="*",
            help="check: a registered name, org/name@ and the 40 hex digits of a commit, a folder "
            "of weights or a bundle; pin: a checkpoint; conformance: families [all]",
        ),
        family=dict(help="list only this family"),
        bundles=dict(
            type=Path, help="also list the bundles of this folder, such as results/models"
        ),
        json=dict(
            nargs="?",
            const="-",
            metavar="FILE",
            help="list: print JSON; check: also write the result to this JSON file",
        ),
        out=dict(type=Path, help="conformance: JSON file for the figures"),
        fasta=dict(
            type=Path,
            help="check: a genome like those the model was trained on; 600 kb of a large one are "
            "read [a small genome that ships with gfmtrust]",
        ),
        out_dir=dict(type=Path, help="check: folder in which the bundle is kept"),
        windows=dict(
            type=positive,
            help="check: number of windows of each part of the genome; fewer are faster [enough "
            "for 2,048 bases]",
        ),
        allow_untrained=dict(
            action="store_true", help="check: end with 0 even if the model does not read DNA"
        ),
    )
    step(
        "benchmark",
        "Measure speed, test flags, or compare LLRs with measured effects; see "
        "docs/understand/benchmarks.md",
        "regions",
        name=dict(bare=True, help="name of the benchmark"),
        out=dict(type=Path, help="JSON file for the figures"),
        vcf=dict(type=Path, help="satmut: annotated VCF with INFO/EFFECT and BARCODES"),
        run=dict(
            type=Path,
            help="results folder of a finished run; replications: folder written by oracle --law",
        ),
        fasta=dict(type=Path, help="genome of that run"),
        bundles=dict(
            type=Path,
            nargs="*",
            default=[],
            help="models of replications [the context model alone]",
        ),
        spectrum=dict(
            choices=["germline", "apobec"],
            default="germline",
            help="replications: kind of variants to imitate [germline]",
        ),
        n=dict(
            type=positive,
            help="size of the benchmark; satmut: number of barcodes that an allele needs [10]",
        ),
    )
    step(
        "benchmark_labels",
        "Compare LLRs and flags of a finished run with labels: how they rank the labels, what "
        "the flag is worth, and a verdict",
        "seed",
        "out_dir",
        labels=dict(type=Path, required=True, help="table written by read_labels"),
        sites=dict(type=Path, required=True, help="sites.parquet written by annotate_sites"),
        plan=dict(
            type=Path, help="folder written by plan_sites; with --scores, adds rows for each model"
        ),
        scores=dict(
            type=Path,
            nargs="+",
            default=[],
            help="score tables written by score_sites, or folders of them",
        ),
        llr_cut=dict(
            type=float,
            help="smallest LLR in nats that is called an effect [the best cut for these labels]",
        ),
    )
    return top
