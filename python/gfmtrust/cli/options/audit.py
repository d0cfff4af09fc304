"""The options of `gfmtrust audit`."""

from pathlib import Path

from gfmtrust.cli.options.shared import not_negative, positive, several, step

DUEL = dict(
    labels=dict(
        type=Path,
        help="duel: a VCF with a label of each allele, or a table (TSV or CSV) with columns label, "
        "sequence and element, or label, contig, start and end",
    ),
    label_key=dict(
        default="CLNSIG",
        help="duel: INFO key of the label; a number, or words with --label_values [CLNSIG]",
    ),
    label_values=dict(
        help="duel: values of the key and their labels, 'word|word=1,word|word=0' [for CLNSIG: "
        "pathogenic 1, benign 0; for other keys: the value is a number]",
    ),
    block_bp=dict(
        type=positive,
        help="duel: length of the blocks that folds are made of [a contig of at most 10 kb, or "
        "100 kb of a longer one]",
    ),
    flank=dict(
        type=positive,
        default=100,
        help="duel: letters on either side of an allele that the simple models read [100]",
    ),
)
"""The options of `audit duel` alone."""

STEPS = {
    "audit": step(
        "Audit models without training and without labels: what they know about this genome (model), "
        "and whether they recall, copy and track (archetypes); writes audit.json and a page per "
        "model, and a table of all. Other audits train small networks: simple supervised models on "
        "your labels (duel), language models of this genome and of English as in arXiv 2604.04287 "
        "(replicate), and recurrences on words of groups (tracking). Example: gfmtrust audit "
        "model --fasta genome.fa --bundles results/models/gpn --out_dir audit",
        "device",
        "max_n",
        "allow_long_window",
        "cpus",
        "seed",
        "out_dir",
        action=dict(
            bare=True,
            choices=["model", "archetypes", "all", "duel", "replicate", "tracking"],
            help="what to measure; all: model and archetypes; duel: simple supervised models beside "
            "the probes of each model and of its permuted weights; replicate: the claims of a paper "
            "on small networks that are trained here; tracking: which architectures follow a state",
        ),
        bundles=dict(
            type=Path,
            nargs="+",
            default=[],
            help="bundle folders of the models; required by model, archetypes and all",
        ),
        fasta=dict(
            type=Path,
            help="the genome: a FASTA file, plain or compressed (bgzip); tracking, and a duel on a "
            "table of sequences, do without it",
        ),
        **DUEL,
        context_model=dict(
            type=Path, help="bundle of the context model of this genome [one is fitted]"
        ),
        regions=dict(
            type=Path,
            help="BED file of functional bases, such as exons, whose likelihood is compared with "
            "that of the others",
        ),
        population_vcf=dict(
            type=Path,
            help="VCF with allele frequencies (INFO AF, or AC and AN), compressed by bgzip and indexed "
            "by tabix; its common alleles are the second check of memory",
        ),
        checkpoints=dict(
            type=Path,
            nargs="+",
            default=[],
            help="folders of weights that bundles were exported from, for the Fisher information; "
            "needs PyTorch",
        ),
        sites=dict(
            type=positive, default=2000, help="bases that all models are asked about [2000]"
        ),
        windows=dict(
            type=positive,
            default=400,
            help="bases of the measures that cost many passes each, such as the context gain [400]",
        ),
        probes=dict(type=positive, default=100, help="windows of each point of an archetype [100]"),
        skip_unfit=dict(
            action="store_true",
            help="leave out a model that cannot be audited, such as one of whole tokens, with a "
            "warning",
        ),
        price_per_hour=dict(
            type=not_negative,
            help="price of an hour of this machine, for the price of a million variants",
        ),
        text=dict(
            type=Path,
            help="replicate: English text of at least 1 MB [licences and documentation of the "
            "installed Python packages]",
        ),
        tokens=dict(
            type=positive,
            help="replicate: tokens that each member is trained on [as many as fit into --minutes, "
            "3000000 at most]",
        ),
        minutes=dict(
            type=positive, default=25, help="replicate: wall-clock time of the whole run [25]"
        ),
        groups=dict(
            nargs="+",
            default=["parity", "A5", "S5", "copy"],
            metavar="GROUP",
            help="tracking: groups whose words are followed; copy: words that are copied "
            "[parity A5 S5 copy]",
        ),
        members=dict(
            type=several, default=3, help="replicate: members of each corpus, 2 at least [3]"
        ),
    ),
}
