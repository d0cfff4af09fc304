"""The options of the steps of the inputs and the sites to score."""

from pathlib import Path

from gfmtrust.cli.options.shared import positive, probe_number, step

STEPS = {
    "read_sheet": step(
        "Read and check a samplesheet (CSV, TSV, YAML, JSON) and write its VCFs with their ids: "
        "samplesheet.json. Example: gfmtrust read_sheet --input samplesheet.csv "
        "--schema assets/schema_input.json --check_files --out samplesheet.json",
        input=dict(type=Path, required=True, help="the samplesheet, one row per VCF"),
        schema=dict(
            type=Path, required=True, help="JSON Schema of its columns: assets/schema_input.json"
        ),
        folders=dict(
            nargs="+",
            metavar="FOLDER",
            help="folders or addresses that relative paths start from, in this order [the folder "
            "of the samplesheet, then the current one]",
        ),
        check_files=dict(action="store_true", help="refuse a row whose local file does not exist"),
        out=dict(type=Path, required=True, help="JSON file to write"),
    ),
    "check_inputs": step(
        "Check every input file and list its distinct records: checks.json, "
        "spellings/<id>.parquet, joined.fa",
        "fasta",
        "out_dir",
        "regions",
        "include",
        "contig_map",
        "cpus",
        "max_line",
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
        af_key=dict(
            help="INFO key of the VCFs that states the frequency of each ALT [AC and AN if both are "
            "there, else the genotypes are counted]"
        ),
    ),
    "copy_index": step(
        "Count the near copies of each site in the genome: other places whose 20 + 20 flanking "
        "letters differ in at most 2. Example: gfmtrust copy_index --fasta genome.fa --vcf "
        "calls.vcf.gz --out copies.parquet",
        "fasta",
        "contig_map",
        "cpus",
        "force",
        vcf=dict(type=Path, nargs="*", default=[], help="VCFs whose alleles are sites"),
        bed=dict(type=Path, nargs="*", default=[], help="BED files whose bases are sites"),
        sites=dict(
            type=Path,
            nargs="*",
            default=[],
            help="Parquet tables of sites with contig_index, pos and perhaps span, such as the "
            "shards of plan_sites",
        ),
        copy_index=dict(
            type=Path,
            help="an earlier index of the same genome; its sites are kept and only the others are "
            "searched",
        ),
        out=dict(type=Path, required=True, help="the index, a Parquet table"),
    ),
    "plan_sites": step(
        "List every site once, divide the sites into shards, and draw the probes: plan.json, "
        "shards/, probes.parquet, alleles.parquet, copies.parquet",
        "fasta",
        "checked",
        "regions",
        "include",
        "contig_map",
        "out_dir",
        "seed",
        "cpus",
        population_vcf=dict(
            type=Path,
            help="VCF with allele frequencies (INFO AF, or AC and AN), compressed by bgzip and indexed "
            "by tabix; at its alleles these are used instead of those of the inputs",
        ),
        copy_index=dict(
            type=Path,
            help="copies.parquet of an earlier run with the same FASTA: its sites are not searched "
            "again",
        ),
        context_model=dict(type=Path, required=True, help="bundle written by fit_context_model"),
        heldout_contigs=dict(
            nargs="+",
            default=[],
            metavar="CONTIG",
            help="contigs that the models never saw in their training: as many probes as --probes are "
            "drawn there, which can certify HIGH if the models seem to have memorised the others "
            "[none]",
        ),
        probes=dict(
            type=probe_number,
            default="auto",
            help="number of probes; auto means a tenth of the SNV sites or 2,000 for each certificate "
            "cell (500 of near copies), whichever is more, from 8,000 to 20,000 [auto]",
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
    ),
    "read_labels": step(
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
    ),
    "list_sites": step(
        "List everything that a run asks its models, including the probes, as a VCF for "
        "another program",
        "plan",
        "fasta",
        out=dict(type=Path, required=True, help="VCF to write, .vcf.gz"),
    ),
}
