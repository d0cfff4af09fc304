"""A results folder made up row by row, with every kind of record that has parted tools: for the
ten-consumer contract."""

from __future__ import annotations

from pathlib import Path

from synthetic_run import MODELS, base_rows, site_row, write_calibration, write_rows

from gfmtrust.annotate.sites_vcf import write_sites_vcf
from gfmtrust.annotate.vcf import annotate_vcf
from gfmtrust.core.columns import SITES_COLUMNS
from gfmtrust.io import tables
from gfmtrust.io.tables import REGION_BASES, SITES
from gfmtrust.report.tracks import write_tracks

NUMBERS = {column.name: float("nan") for column in SITES_COLUMNS if column.is_float}
"""annotate_sites writes NaN, not null, where an allele is not scored."""
HIGH = {"rank": 3, "why": None, "rel": 0.98766, "llr": -6.25, "ent": 0.5}
MEDIUM = {"rank": 2, "why": "STRAND", "rel": 0.75}
FACTS = {
    "models": MODELS,
    "contigs": ["chr1", "chr2", "chr3"],
    "contig_lengths": [1_000] * 3,
    "contig_map": {"3": "chr3"},
}
INDEX = {"chr1": 0, "chr2": 1, "3": 2}
ALLELES = [
    site_row("chr1", 9, "A", "C", **HIGH),
    site_row(
        "chr1", 9, "A", "G", why="LOW_REL&HIGH_ENTROPY", llr_sd=float("nan"), gain=float("nan")
    ),
    site_row("chr1", 19, "C", "<DEL>", "SYMBOLIC"),
    site_row("chr1", 19, "C", "T", **MEDIUM, llr=-0.00001),
    site_row("chr1", 29, "G", "*", "SPANNING_DEL"),
    site_row("chr1", 29, "G", "A", **HIGH),
    site_row("chr1", 39, "T", "TA", "UNSUPPORTED"),
    site_row("chr1", 49, "ACG", "A", **HIGH),
    site_row("chr1", 49, "ACG", "ACGT", **MEDIUM),
    site_row("chr1", 49, "ACG", "TCG"),
    site_row("chr1", 59, "A", "C", "REF_MISMATCH"),
    site_row("chr1", 59, "A", "G", "REF_MISMATCH"),
    site_row("chr1", 69, "A", "C"),
    site_row("chr1", 69, "A", "G", **MEDIUM),
    site_row("chr1", 69, "A", "T", **HIGH),
    site_row("chr2", 4, "AC", "GT", contig_index=1, **HIGH),
    site_row("chr2", 4, "AC", "G", "MODEL_ERROR", contig_index=1),
    site_row("chr2", 89, "A", "C", contig_index=1),
    site_row("3", 9, "A", "C", contig_index=2, **HIGH),
    site_row("3", 69, "A", "G", contig_index=2, **MEDIUM),
]
HEADER = [
    "##fileformat=VCFv4.2",
    '##FILTER=<ID=q,Description="q">',
    "##contig=<ID=chr1,length=1000>",
    "##contig=<ID=chr2,length=1000>",
    "##contig=<ID=3,length=1000>",
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
    '##ALT=<ID=DEL,Description="deletion">',
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
]
JOINED = [  # several ALTs a record, and records without a key of ours
    "chr1\t10\t.\tA\tC,G\t50.50\tPASS\tDP=3",
    "chr1\t15\t.\tA\t.\t.\t.\tDP=1",
    "chr1\t20\t.\tC\tT,<DEL>\t.\t.\tDP=3",
    "chr1\t30\t.\tG\tA,*\t.\tq\t.",
    "chr1\t40\t.\tT\tTA\t.\t.\t.",
    "chr1\t50\t.\tACG\tA,TCG,ACGT\t.\t.\t.",
    "chr1\t60\t.\tA\tC,G\t.\t.\t.",
    "chr1\t70\t.\tA\tC,G,T\t.\t.\t.",
    "chr2\t5\t.\tAC\tGT,G\t.\t.\tDP=7",
    "chr2\t90\t.\tA\tC\t.\t.\t.",
]
SPLIT = [  # the same alleles one a record, others reordered
    "chr1\t10\t.\tA\tC\t.\t.\t.",
    "chr1\t10\trs1\tA\tG\t.\t.\t.",
    "chr1\t20\t.\tC\tT\t.\t.\t.",
    "chr1\t50\t.\tACG\tACGT,A\t.\t.\t.",
    "chr1\t70\t.\tA\tT,C,G\t.\t.\t.",
]
OTHER_NAMES = ["3\t10\t.\tA\tC\t.\t.\t.\tGT\t0/1", "3\t70\t.\tA\tG\t.\t.\t.\tGT\t1/1"]
SAMPLES = {"joined": JOINED, "split": SPLIT, "other_names": OTHER_NAMES}


def make(folder: Path) -> Path:
    """Write `results/` below `folder` as a run does: annotated files, sites VCF, tables, tracks;
    returns it."""
    results = folder / "results"
    scores = results / "scores"
    scores.mkdir(parents=True)
    bases = [row for rank in (1, 2, 3) for row in base_rows("chr1", 100 * rank, 30, rank=rank)]
    bases += base_rows("chr1", 400, 9, status="AMBIGUOUS_BASE")
    write_rows(scores / "sites.parquet", [NUMBERS | row for row in ALLELES], SITES, FACTS)
    write_rows(scores / "bases.parquet", bases, REGION_BASES, FACTS)
    write_calibration(folder / "calibration.json", n=1200)
    spellings = {
        spelling_of(line)
        for lines in SAMPLES.values()
        for line in lines
        if line.split("\t")[4] != "."
    }
    rows = [
        dict(
            zip(("contig", "pos", "ref", "alts"), spelling, strict=True),
            contig_index=INDEX[spelling[0]],
        )
        for spelling in sorted(spellings, key=lambda spelling: (INDEX[spelling[0]], spelling))
    ]
    write_rows(folder / "spellings.parquet", rows, tables.SPELLINGS)
    write_sites_vcf(
        scores / "sites.parquet", folder / "spellings.parquet", folder / "calibration.json", scores
    )
    for name, lines in SAMPLES.items():
        columns = HEADER[-1] + ("\tFORMAT\tS1" if "\tGT\t" in lines[0] else "")
        (folder / f"{name}.vcf").write_text("\n".join([*HEADER[:-1], columns, *lines]) + "\n")
        (results / "annotated" / name).mkdir(parents=True)
        annotate_vcf(
            folder / f"{name}.vcf",
            name,
            scores / "sites.parquet",
            folder / "calibration.json",
            results / "annotated" / name / f"{name}.gfm.vcf.gz",
        )
    write_tracks(scores / "bases.parquet", scores / "sites.parquet", results / "tracks")
    return results


def spelling_of(line: str) -> tuple[str, int, str, str]:
    contig, pos, _, ref, alts, *_ = line.split("\t")
    return contig, int(pos) - 1, ref, alts
