"""The options of the steps of calibration, annotation and the report."""

from pathlib import Path

from gfmtrust.cli.options.shared import not_negative, positive, share, step

STEPS = {
    "calibrate": step(
        "Fit the reliability score on the probes and certify the flags: calibration.json, "
        "probes.scored.parquet",
        "plan",
        "scores",
        "models",
        "seed",
        "out_dir",
        alpha_high=dict(type=share, default=0.05, help="largest decoy error of HIGH [0.05]"),
        alpha_medium=dict(
            type=share,
            default=0.20,
            help="largest decoy error of MEDIUM, without the probes that would be HIGH [0.20]",
        ),
        delta=dict(type=share, default=0.05, help="probability that a certificate is wrong [0.05]"),
        looks=dict(
            type=positive,
            default=1,
            help="how often the certification splits have decided on a level, this time included; "
            "above 1 the run is marked as exploratory [1]",
        ),
        background_vcf=dict(
            type=Path,
            help="a VCF whose SNVs, all of them alleles of the run, are the background of GFM_PCT "
            "[the probes]",
        ),
        copied_high=dict(
            action="store_true",
            help="let alleles with a near copy elsewhere in the genome be HIGH; the header says so",
        ),
        trust_training=dict(
            action="store_true",
            help="give HIGH although a model seems to have memorised this genome; the header says so",
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
            type=not_negative,
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
    ),
    "annotate_sites": step(
        "Flag every allele and region base of the cohort: sites.parquet, bases.parquet, "
        "sites.gfm.vcf.gz",
        "plan",
        "scores",
        "models",
        "calibration",
        "out_dir",
        ranks=dict(
            type=Path,
            help="model_ranks.parquet written by calibrate, for GFM_MODELS_PCT and GFM_MODELS_SD [none]",
        ),
        background=dict(
            type=Path, help="background.parquet written by calibrate, for GFM_PCT [none]"
        ),
    ),
    "annotate_vcf": step(
        "Write a VCF with the GFM_ keys added and every other byte unchanged",
        "calibration",
        "force",
        "max_line",
        vcf=dict(type=Path, required=True, help="the VCF"),
        id=dict(required=True, help="id of the VCF in the samplesheet"),
        sites=dict(type=Path, required=True, help="sites.parquet written by annotate_sites"),
        out=dict(type=Path, required=True, help="output, .vcf or .vcf.gz"),
        overwrite=dict(
            action="store_true",
            help="replace the keys of gfmtrust in an input that was annotated before",
        ),
    ),
    "annotate_regions": step(
        "Write a BED file with entropy, gain, disagreement and flag added to each line",
        "bases",
        "calibration",
        "force",
        bed=dict(type=Path, required=True, help="the BED file"),
        name=dict(required=True, help="name of the BED file in the results"),
        out=dict(type=Path, required=True, help="output, .bed or .bed.gz"),
    ),
    "write_tracks": step(
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
    ),
    "report": step(
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
        audit=dict(
            type=Path,
            help="folder written by audit; the first sentences on each model are shown, and an "
            "audit of another bundle is refused",
        ),
        tracks=dict(
            type=Path,
            nargs="*",
            default=[],
            help="files written by write_tracks; the manifest lists them",
        ),
        title=dict(default="gfmtrust report", help="title of the report"),
    ),
}
