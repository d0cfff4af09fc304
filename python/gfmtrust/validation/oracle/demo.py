"""Writes the demo folder: genome, cohort, regions, samplesheet and, on request, the true
distribution of every base.

The same seed gives the same bytes (for BGZF files, the same text). The demo models are trained by
`training/train_demo.py` on other genomes of the same law.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from gfmtrust.core.errors import CannotWriteError, UsageError, message
from gfmtrust.io.bgzf import BgzfWriter
from gfmtrust.validation.oracle import writing
from gfmtrust.validation.oracle.awkward import awkward_rows
from gfmtrust.validation.oracle.cohort import draw_cohort, sorted_rows
from gfmtrust.validation.oracle.genomes import ContigPlan, DrawnGenome, draw_genome
from gfmtrust.validation.oracle.law import demo_law
from gfmtrust.validation.oracle.truth import true_distribution

DEMO_SEED = 1
N_SNV = 1_800
CONTIGS = (
    ContigPlan("demo1", 300_000),
    ContigPlan("demo2", 170_000),
    ContigPlan("demo3", 30_000, gap_bp=1_500),
)
FILES = (
    "genome.fa.gz",
    "demo_cohort.vcf.gz",
    "demo_b.vcf.gz",
    "demo_c.g.vcf.gz",
    "regions.bed",
    "samplesheet.csv",
)
TRUTH_FILE = "demo_truth.npz"


def demo_genome(seed: int = DEMO_SEED) -> DrawnGenome:
    """Return the demo genome: 500 kb on three contigs, the smallest with a gap of 1,500 N."""
    return draw_genome(demo_law(), CONTIGS, seed)


def demo_files(genome: DrawnGenome, seed: int = DEMO_SEED) -> dict[str, bytes]:
    """Return the content of every file of the demo by name; `.gz` files are BGZF."""
    drawn = draw_cohort(genome, N_SNV, seed)
    rows = sorted_rows(genome, drawn + awkward_rows(genome, drawn, seed))
    texts = (
        genome.fasta(),
        writing.vcf_text(genome, rows),
        writing.vcf_text(genome, rows, sample=1),
        writing.gvcf_text(genome, genome.contigs[-1], rows, sample=2),
        writing.bed_text(writing.demo_regions(genome)),
        writing.samplesheet_text(),
    )
    return {name: file_bytes(name, text) for name, text in zip(FILES, texts, strict=True)}


def write_demo(
    out_dir: str | Path, seed: int = DEMO_SEED, truth: bool = True, force: bool = False
) -> list[Path]:
    """Write the demo into a folder, which is created if missing, and return the paths of the files.

    truth: also write TRUTH_FILE, the true distribution of every base (about 3 MB); the default is
    True. Raises UsageError (64) for a negative seed, and CannotWriteError (73) where a file exists
    and `force` is off, or where a file cannot be written.
    """
    if seed < 0:
        raise UsageError(message("--seed", str(seed), "0 or more"))
    out_dir = Path(out_dir)
    existing = [out_dir / name for name in (*FILES, TRUTH_FILE) if (out_dir / name).exists()]
    if existing and not force:
        raise CannotWriteError(message(str(existing[0]), "exists", "a new folder"))
    genome = demo_genome(seed)
    contents = demo_files(genome, seed) | ({TRUTH_FILE: truth_bytes(genome)} if truth else {})
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (out_dir / name).write_bytes(content)
    except OSError as error:
        raise CannotWriteError(
            message(
                str(out_dir), error.strerror or "cannot be written", "a folder that can be written"
            )
        ) from error
    return [out_dir / name for name in contents]


def truth_bytes(genome: DrawnGenome) -> bytes:
    """Return an .npz with an array `<contig>` for each contig: float32 (length, 4), the true
    distribution (NaN in gaps); see `truth`."""
    file = io.BytesIO()
    arrays = {
        contig.name: true_distribution(genome, contig.name).astype(np.float32)
        for contig in genome.contigs
    }
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def file_bytes(name: str, text: str) -> bytes:
    """Return the bytes of a text file, compressed by BGZF where its name ends in .gz."""
    content = text.encode("ascii")
    if not name.endswith(".gz"):
        return content
    file = io.BytesIO()
    writer = BgzfWriter(file)
    writer.write(content)
    writer.close()
    return file.getvalue()
