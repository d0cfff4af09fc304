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
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is below 0 or no finite number")
    return value


def share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def probe_number(text: str) -> str:
    if text != "auto" and not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a whole number")
    return text


SHARED = {
    "fasta": dict(type=Path, required=True, help="the genome, plain or (bgzip) compressed FASTA"),
    "out_dir": dict(type=Path, required=True, help="folder for the files this step makes"),
    "cpus": dict(
        type=positive,
        default=1,
        help="threads or processes to use [1]; never changes a byte of the output",
    ),
    "seed": dict(type=int, default=1, help="seed of every draw [1]"),
    "plan": dict(type=Path, required=True, help="folder made by plan_sites"),
    "checked": dict(type=Path, required=True, help="folder made by check_inputs"),
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
        help="bundle folders, or their bundle.json alone, of all models in the order of the run",
    ),
    "scores": dict(
        type=Path,
        nargs="+",
        required=True,
        help="score tables, or folders of them, made by score_sites",
    ),
    "device": dict(
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="where to run the models; auto says which it took [auto]",
    ),
    "views": dict(
        choices=["fast", "default", "thorough"],
        default="default",
        help="fast: forward strand; default: both strands; thorough: also shifts or k-mer phases, and half of the "
        "context [default]",
    ),
    "neighbours": dict(
        type=truth,
        default=True,
        metavar="true|false",
        help="score the neighbours of each site too, for GFM_GAIN; doubles the passes of masked models [true]",
    ),
    "regions": dict(type=Path, nargs="*", default=[], help="BED files of regions"),
    "include": dict(
        type=Path, help="BED file outside which nothing is scored (status NOT_SELECTED)"
    ),
    "contig_map": dict(
        default="none",
        help="none, auto (chr prefix and MT, lengths must agree), or a file of input<TAB>genome names",
    ),
    "calibration": dict(type=Path, required=True, help="calibration.json made by calibrate"),
    "region_stride": dict(
        type=positive,
        default=8,
        help="tokens from one masked base to the next in a pass over region bases; "
        "1 scores each on its own, exactly [8]",
    ),
    "max_n": dict(
        type=share,
        default=0.10,
        help="share of N in a window above which a site is AMBIGUOUS_BASE [0.10]",
    ),
    "allow_long_window": dict(
        action="store_true",
        help="run a window longer than the model was trained on; marks OOD_WINDOW",
    ),
    "bundle": dict(type=Path, required=True, help="bundle folder"),
    "bases": dict(type=Path, required=True, help="bases.parquet made by annotate_sites"),
    "force": dict(action="store_true", help="replace an output that exists"),
}


def parser(kind: type[argparse.ArgumentParser], version: str) -> argparse.ArgumentParser:
    """The whole command line; `kind` is the parser class, which decides how a usage error ends."""
    top = kind(
        prog="gfmtrust",
        description="How far a genomic foundation model can be trusted at each variant. "
        "The pipeline (nextflow run) calls these steps in order; each can be run by hand. Meant for a person: verify, compare, "
        "models, selfcheck, oracle, and benchmark.",
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
        "Check every input file and list its distinct variants: checks.json, spellings/<id>.parquet, joined.fa",
        "fasta",
        "out_dir",
        "regions",
        "include",
        "contig_map",
        "cpus",
        background_fasta=dict(
            type=Path,
            help="genome of context model and probes, where --fasta holds a few elements alone; both are "
            "written as joined.fa, which later steps read as --fasta",
        ),
        vcfs=dict(type=Path, help="table of id<TAB>VCF path, one line a file"),
        allow_mismatch=dict(
            action="store_true",
            help="go on although REF or contig names do not fit the genome; noted in the header",
        ),
    )
    step(
        "fit_context_model",
        "Fit the count-based context model to a genome: an ordinary bundle",
        "fasta",
        "out_dir",
        "seed",
        "cpus",
    )
    step(
        "export_model",
        "Export a model to an ONNX bundle with its parity certificate: model.onnx, bundle.json. Example: gfmtrust "
        "export_model --model weights/gpn --fasta GRCh38.fa --out_dir models",
        "fasta",
        "out_dir",
        model=dict(
            required=True,
            help="folder of weights or a bundle; org/name@ and the 40 hex digits of a commit of the Hugging Face "
            "hub; or a registered name (gfmtrust models)",
        ),
        model_id=dict(help="name of the bundle [that of the model]"),
        allow_untrained=dict(
            action="store_true",
            help="export a model that fails the gate, with gate: failed in the bundle and the VCF "
            "header",
        ),
        windows=dict(
            type=positive,
            default=1000,
            help="windows of the genome that the gate reads: the model's mean surprisal there must "
            "be below 1.376 nats a base, which random or misread weights are not [1000]",
        ),
        precision=dict(
            choices=["fp32", "fp16"],
            default="fp32",
            help="numeric precision of the network; fp16 is compared with fp32 at export, and is faster on CUDA only [fp32]",
        ),
    )
    step(
        "plan_sites",
        "List every site once, cut into shards, and draw the probes: plan.json, shards/, probes.parquet, alleles.parquet",
        "fasta",
        "checked",
        "regions",
        "include",
        "out_dir",
        "seed",
        "cpus",
        context_model=dict(type=Path, required=True, help="bundle made by fit_context_model"),
        probes=dict(
            type=probe_number,
            default="auto",
            help="number of probes; auto: a tenth of the SNV sites, 4,000 to 20,000 [auto]",
        ),
        shard_size=dict(
            type=positive,
            default=20_000,
            help="sites a shard [20000]; never changes a byte of the result",
        ),
        max_allele=dict(
            type=positive,
            default=50,
            help="bases beyond which an allele, once normalised, is TOO_LONG [50]",
        ),
    )
    step(
        "estimate_run",
        "Say how many sites and passes a run has and how long it will take, by timing each bundle",
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
        "Measure how far region bases scored many at a time lie from one at a time, and choose the stride of a model",
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
        "Read a labelled VCF into one label an allele, 1 with an effect and 0 without: labels.parquet",
        "fasta",
        "contig_map",
        labels=dict(type=Path, required=True, help="labelled VCF"),
        label_key=dict(default="CLNSIG", help="INFO key that holds the label [CLNSIG]"),
        label_values=dict(
            help="words of the key and their labels, 'word|word=1,word|word=0' "
            "[of CLNSIG: Pathogenic|Likely_pathogenic=1,Benign|Likely_benign=0]"
        ),
        label_cut=dict(
            type=float,
            help="instead of words: 1 where the key's number, sign aside, is at least this",
        ),
        out=dict(type=Path, required=True, help="Parquet file to write"),
    )
    step(
        "list_sites",
        "List all that a run asks its models, probes too, as a VCF for a program that gfmtrust cannot run",
        "plan",
        "fasta",
        out=dict(type=Path, required=True, help="VCF to write, .vcf.gz"),
    )
    step(
        "import_scores",
        "Make a bundle of scores from elsewhere: a table or VCF of log-likelihood ratios of alleles, or of probabilities",
        "fasta",
        "contig_map",
        "out_dir",
        scores=dict(
            type=Path,
            required=True,
            help="table with tabs (chrom pos ref alt score, or chrom pos A C G T), or VCF",
        ),
        model_id=dict(required=True, help="name of the model"),
        external_key=dict(
            default="SCORE",
            help="INFO key of the VCF: natural log-likelihood ratio of ALT over REF [SCORE]",
        ),
        licence=dict(
            default="", help="licence the scores come under; stands in the bundle and the report"
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
        shard=dict(type=Path, required=True, help="shard made by plan_sites"),
        stride=dict(
            type=Path,
            help="JSON made by choose_stride for this bundle; without it every base is scored on its own",
        ),
        batch=dict(
            type=positive, help="windows a pass; chosen by the tool, never changes a byte on CPU"
        ),
    )
    step(
        "calibrate",
        "Learn the reliability score on the probes and certify the flags: calibration.json, probes.scored.parquet",
        "plan",
        "scores",
        "models",
        "seed",
        "out_dir",
        alpha_high=dict(type=share, default=0.05, help="largest decoy error of HIGH [0.05]"),
        alpha_medium=dict(
            type=share, default=0.20, help="largest decoy error of exactly MEDIUM [0.20]"
        ),
        delta=dict(type=share, default=0.05, help="chance that a certificate is wrong [0.05]"),
        looks=dict(
            type=positive,
            default=1,
            help="how often half B decides on a level, this time included; above 1: exploratory [1]",
        ),
        calibration=dict(
            type=Path, help="a frozen calibration.json to check and use instead of fitting"
        ),
        labels=dict(
            type=Path,
            help="table made by read_labels: classes of variant with labels enough are certified on them",
        ),
        llr_cut=dict(
            type=float,
            help="nats from which an LLR is called an effect [the best by half of the labels]",
        ),
        local_lr=dict(
            action="store_true",
            help="with --labels: local likelihood ratios too, local_lr.json and local_lr.tsv; research use "
            "only, not ACMG evidence",
        ),
        prior=dict(
            type=share,
            default=0.0441,
            help="share of alleles with an effect, for --local_lr [0.0441, Pejaver et al. 2022]",
        ),
    )
    step(
        "annotate_sites",
        "Flag every allele and region base of the cohort: sites.parquet, bases.parquet, sites.gfm.vcf.gz",
        "plan",
        "scores",
        "models",
        "calibration",
        "out_dir",
    )
    step(
        "annotate_vcf",
        "Write the user's VCF back with our keys, every other byte as it was",
        "calibration",
        "force",
        vcf=dict(type=Path, required=True, help="the VCF"),
        id=dict(required=True, help="its id in the samplesheet"),
        sites=dict(type=Path, required=True, help="sites.parquet made by annotate_sites"),
        out=dict(type=Path, required=True, help="output, .vcf or .vcf.gz"),
        overwrite=dict(action="store_true", help="replace the GFM_ keys of an annotated input"),
    )
    step(
        "annotate_regions",
        "Write the user's BED back, each line with its entropy, gain, disagreement and flag",
        "bases",
        "calibration",
        "force",
        bed=dict(type=Path, required=True, help="the BED file"),
        name=dict(required=True, help="its name in the results"),
        out=dict(type=Path, required=True, help="output, .bed or .bed.gz"),
    )
    step(
        "write_tracks",
        "Write what genome browsers open: bigWig files of the region bases, the alleles' flags as BED, hub and sessions",
        "bases",
        "out_dir",
        "force",
        sites=dict(type=Path, required=True, help="sites.parquet made by annotate_sites"),
        assembly=dict(
            metavar="NAME",
            help="browsers' name of the genome, such as hg38; by default known by chromosome 1, else `genome`",
        ),
    )
    step(
        "report",
        "Write the HTML report, MultiQC tables and the manifest",
        "checked",
        "plan",
        "models",
        "out_dir",
        calibration=dict(type=Path, required=True, help="folder made by calibrate"),
        sites=dict(type=Path, required=True, help="folder made by annotate_sites"),
        counts=dict(type=Path, nargs="*", default=[], help="counts.json of each annotated file"),
        metrics=dict(type=Path, nargs="*", default=[], help="metrics.json of each scored shard"),
        title=dict(default="gfmtrust report", help="title of the report"),
    )
    step(
        "verify",
        "Check from outside that an annotated VCF is its input plus our keys and nothing else. Example: gfmtrust verify "
        "calls.vcf.gz results/annotated/S1/S1.gfm.vcf.gz",
        input=dict(type=Path, bare=True, help="the VCF given to annotate_vcf"),
        output=dict(type=Path, bare=True, help="what it wrote"),
    )
    step(
        "compare",
        "Set two annotations of the same alleles side by side: flags that changed, numbers that moved, alleles missing in "
        "one. Example: gfmtrust compare results-1.2 results-1.3 --max_flags 0.005",
        a=dict(type=Path, bare=True, help="annotated VCF or results folder"),
        b=dict(type=Path, bare=True, help="the other one"),
        out=dict(type=Path, help="JSON file for the figures"),
        max_flags=dict(
            type=not_negative, help="as a lock: end with 65 where a larger share of flags changed"
        ),
        max_llr=dict(
            type=not_negative, help="as a lock: end with 65 where an LLR moved by more, nats"
        ),
    )
    step(
        "oracle",
        "Write a genome of which every base's true distribution is known, with variants and regions; by default the demo",
        "out_dir",
        "seed",
        law=dict(
            help="law to draw it from: clear, easy, medium, hard, iid, motifs, mutation_selection, repeats, stems or codons; with "
            "_shifted behind it the twin [the demo's, with its cohort]"
        ),
        length=dict(type=positive, default=1_000_000, help="bases of a genome of --law [1000000]"),
    )
    step(
        "selfcheck",
        "Score models whose answers are known in closed form, on this machine: pass, or the first number that is off",
        "device",
        threads=dict(
            type=positive, default=1, help="threads of the runtime [1]; never changes a byte on CPU"
        ),
    )
    step(
        "models",
        "List families, registered checkpoints and bundles with what is proven of them; pin a checkpoint where there is a "
        "network; or run the conformance suite",
        action=dict(
            bare=True,
            nargs="?",
            choices=["list", "pin", "conformance"],
            default="list",
            help="what to do [list]",
        ),
        names=dict(bare=True, nargs="*", help="pin: a checkpoint; conformance: families [all]"),
        family=dict(help="list this family alone"),
        bundles=dict(type=Path, help="folder of bundles to list too, such as results/models"),
        json=dict(action="store_true", help="list as JSON"),
        out=dict(type=Path, help="conformance: JSON file for the figures"),
    )
    step(
        "benchmark",
        "Measure speed, prove flags, or set LLRs beside measured effects; see docs/benchmarks.md",
        "regions",
        name=dict(bare=True, help="which benchmark"),
        out=dict(type=Path, help="JSON file for the figures"),
        vcf=dict(type=Path, help="annotated VCF with INFO/EFFECT and BARCODES (satmut)"),
        run=dict(
            type=Path,
            help="results folder of a finished run; replications: folder made by oracle --law",
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
            help="which variants replications imitate [germline]",
        ),
        n=dict(type=positive, help="size of the benchmark; satmut: barcodes an allele needs [10]"),
    )
    step(
        "benchmark_labels",
        "Set LLRs and flags of a finished run beside labels: who ranks them, what the flag is worth, a verdict",
        "seed",
        "out_dir",
        labels=dict(type=Path, required=True, help="table made by read_labels"),
        sites=dict(type=Path, required=True, help="sites.parquet made by annotate_sites"),
        plan=dict(
            type=Path, help="folder made by plan_sites; with --scores, for rows of each model"
        ),
        scores=dict(
            type=Path,
            nargs="+",
            default=[],
            help="score tables, or folders of them, made by score_sites",
        ),
        llr_cut=dict(
            type=float, help="nats from which an LLR is called an effect [the best by these labels]"
        ),
    )
    return top
