"""The options of the steps of the models."""

from pathlib import Path

from gfmtrust.cli.options.shared import positive, step

STEPS = {
    "fit_context_model": step(
        "Fit the context model, a k-mer (Markov) baseline, to a genome, and write it as a bundle",
        "fasta",
        "out_dir",
        "seed",
        "cpus",
    ),
    "export_model": step(
        "Export a model to an ONNX bundle with its parity certificate: model.onnx, "
        "bundle.json. Example: gfmtrust export_model --model weights/gpn --fasta GRCh38.fa "
        "--out_dir models",
        "fasta",
        "heldout_contigs",
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
    ),
    "import_scores": step(
        "Make a bundle of the scores of another program: a table or VCF of log-likelihood "
        "ratios of alleles, or of probabilities",
        "fasta",
        "contig_map",
        "heldout_contigs",
        "out_dir",
        scores=dict(
            type=Path,
            required=True,
            help="tab-separated table (chrom pos ref alt score, or chrom pos A C G T), VCF or bigWig; a "
            "table with a tabix index beside it, and a bigWig, are read only at the asked bases",
        ),
        model_id=dict(required=True, help="name of the model"),
        external_key=dict(
            default="SCORE",
            help="INFO key of the VCF that contains the natural log-likelihood ratio of ALT over "
            "REF [SCORE]",
        ),
        external_columns=dict(
            default="",
            help="layout of the table: gpn_msa, cadd, alphagenome_atlas, phylop or gfmtrust; or the "
            "columns and their meaning, for example chrom:1/pos:2/ref:3/alt:4/score:6/scale:log2/"
            "meaning:preference [chrom pos ref alt score, or chrom pos A C G T, with this header]",
        ),
        licence=dict(
            default="", help="licence of the scores, which the bundle and the report state"
        ),
    ),
    "models": step(
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
            help="what to do; list shows families and checkpoints [list]",
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
    ),
}
