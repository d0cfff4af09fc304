"""The options of `gfmtrust audit`."""

from pathlib import Path

from gfmtrust.cli.options.shared import not_negative, positive, step

STEPS = {
    "audit": step(
        "Audit models without training and without labels: what they know of this genome (model), "
        "and whether they recall, copy and track (archetypes); writes audit.json and a page per "
        "model, and a league of all. replicate trains small models of this genome and of English "
        "(arXiv 2604.04287 in miniature); tracking trains small recurrences on words of "
        "groups. Example: gfmtrust audit model --fasta genome.fa --bundles "
        "results/models/gpn --out_dir audit",
        "device",
        "max_n",
        "allow_long_window",
        "cpus",
        "seed",
        "out_dir",
        action=dict(
            bare=True,
            choices=["model", "archetypes", "all", "replicate", "tracking"],
            help="what to measure; all: model and archetypes",
        ),
        fasta=dict(
            type=Path,
            help="the genome: a FASTA file, plain or compressed (bgzip); required, except by tracking",
        ),
        bundles=dict(
            type=Path,
            nargs="+",
            default=[],
            help="bundle folders of the models; required by the first three",
        ),
        context_model=dict(
            type=Path, help="bundle of the context model of this genome [one is fitted]"
        ),
        regions=dict(
            type=Path,
            help="BED file of functional bases, such as exons, whose likelihood is compared with "
            "that of the others",
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
            default=["parity", "A5", "S5"],
            metavar="GROUP",
            help="tracking: groups whose words are followed [parity A5 S5]",
        ),
        members=dict(
            type=positive, default=3, help="replicate: members of each corpus, 2 at least [3]"
        ),
    ),
}
