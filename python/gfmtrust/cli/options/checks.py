"""The options of the steps of checks and benchmarks."""

from pathlib import Path

from gfmtrust.cli.options.shared import not_negative, positive, seed, share, step
from gfmtrust.core.law_names import LAW_TEXTS, SHIFTED

STEPS = {
    "verify": step(
        "Check independently that an annotated VCF is its input plus the GFM_ keys and "
        "nothing else; or compare the files of a finished run with the digests in its manifest, and "
        "score a part of its alleles again. Example: gfmtrust verify calls.vcf.gz "
        "results/annotated/S1/S1.gfm.vcf.gz; gfmtrust verify results --rescore 0.01 --fasta genome.fa",
        "device",
        "cpus",
        "seed",
        input=dict(
            type=Path, bare=True, help="the VCF given to annotate_vcf, or the --outdir of a run"
        ),
        output=dict(
            type=Path,
            bare=True,
            nargs="?",
            help="the VCF that annotate_vcf wrote; not with the folder of a run",
        ),
        inputs=dict(
            type=Path,
            nargs="+",
            default=[],
            help="with a folder: the VCFs and BEDs of the run, to be compared with its manifest",
        ),
        rescore=dict(
            type=share,
            help="with a folder: share of the scored SNVs that are scored again with the bundles of "
            "the run and compared, bit by bit on the same kind of device",
        ),
        fasta=dict(type=Path, help="with --rescore: the genome of the run"),
    ),
    "compare": step(
        "Compare two annotations of the same alleles: flags and numbers that changed, alleles "
        "missing in one. Example: gfmtrust compare results-1.2 results-1.3 --max_flags 0.005",
        a=dict(type=Path, bare=True, help="annotated VCF or results folder"),
        b=dict(type=Path, bare=True, help="the other annotated VCF or results folder"),
        out=dict(type=Path, help="JSON file for the figures"),
        max_flags=dict(type=not_negative, help="end with 65 if a larger share of flags changed"),
        max_llr=dict(
            type=not_negative, help="end with 65 if an LLR changed by more than this, in nats"
        ),
    ),
    "oracle": step(
        "Write a genome with a known true distribution of every base, with variants and "
        "regions; by default that of the demo",
        "out_dir",
        "seed",
        law=dict(
            help=f"distribution of the genome: {', '.join(LAW_TEXTS)}; with the suffix {SHIFTED} "
            "its changed copy [that of the demo, with its cohort]"
        ),
        length=dict(
            type=positive, default=1_000_000, help="length in bases of a genome of --law [1000000]"
        ),
    ),
    "selfcheck": step(
        "Score models whose answers are known in closed form on this machine, and report "
        "success or the first wrong number",
        "device",
        threads=dict(
            type=positive,
            default=1,
            help="threads of the runtime; they do not change the results on CPU [1]",
        ),
    ),
    "benchmark": step(
        "Measure speed, test flags, or compare LLRs and scores with measured effects and labels; "
        "see docs/understand/benchmarks.md",
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
            help="size of the benchmark; satmut: number of barcodes that an allele needs [10]; "
            "scores: draws of the bootstrap [1000]",
        ),
        table=dict(
            type=Path,
            help="scores: table of alleles with a label and one column per model; TSV, CSV (gz "
            "allowed) or Parquet",
        ),
        out_dir=dict(type=Path, help="scores: folder for page, JSON and TSV files"),
        seed=dict(type=seed, default=1, help="scores: seed of folds, splits and draws [1]"),
        label=dict(default="label", help="scores: column of the label [label]"),
        positive=dict(default="1", help="scores: label of an effect [1]"),
        negative=dict(default="0", help="scores: label of no effect [0]"),
        class_column=dict(
            default="", help="scores: column of the class, such as the consequence [none]"
        ),
        block_column=dict(
            default="",
            help="scores: column of the blocks that folds and intervals keep whole [blocks of 1 Mb "
            "of the columns chrom and pos; without them, each row]",
        ),
        scores=dict(
            metavar="A,B,...",
            help="scores: columns of the models [every numeric column without another use]",
        ),
        higher_is_damaging=dict(
            metavar="A,B,...",
            help="scores: models whose higher score means an effect [determined on the training "
            "folds]",
        ),
        alpha_high=dict(type=share, default=0.05, help="scores: largest error of HIGH [0.05]"),
        alpha_medium=dict(type=share, default=0.20, help="scores: largest error of MEDIUM [0.20]"),
        delta=dict(
            type=share, default=0.05, help="scores: probability that a certificate is wrong [0.05]"
        ),
    ),
    "benchmark_labels": step(
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
    ),
}
