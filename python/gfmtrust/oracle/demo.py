"""Writes the demo folder: genome, cohort, regions, samplesheet; and on request the true distribution of every base.

Same seed, same bytes (BGZF files: same text). The models beside them are trained by `tools/train_demo.py` on other genomes of the law.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from gfmtrust.bgzf import BgzfWriter
from gfmtrust.errors import CannotWriteError, UsageError, message
from gfmtrust.oracle import writing
from gfmtrust.oracle.awkward import awkward_rows
from gfmtrust.oracle.cohort import draw_cohort, sorted_rows
from gfmtrust.oracle.genomes import ContigPlan, DrawnGenome, draw_genome
from gfmtrust.oracle.law import demo_law
from gfmtrust.oracle.truth import true_distribution

DEMO_SEED = 1
N_SNV = 1_800
CONTIGS = (ContigPlan("demo1", 300_000), ContigPlan("demo2", 170_000), ContigPlan("demo3", 30_000, gap_bp=1_500))
TRUTH_FILE = "demo_truth.npz"


def demo_genome(seed: int = DEMO_SEED) -> DrawnGenome:
    """The demo genome: 500 kb on three contigs, the smallest with a gap of 1,500 N."""
    return draw_genome(demo_law(), CONTIGS, seed)


def demo_files(genome: DrawnGenome, seed: int = DEMO_SEED) -> dict[str, bytes]:
    """Content of every file of the demo by name; `.gz` are BGZF."""
    drawn = draw_cohort(genome, N_SNV, seed)
    rows = sorted_rows(genome, drawn + awkward_rows(genome, drawn, seed))
    texts = {
        "demo.fa": genome.fasta(),
        "demo_cohort.vcf.gz": writing.vcf_text(genome, rows),
        "demo_b.vcf.gz": writing.vcf_text(genome, rows, sample=1),
        "demo_c.g.vcf.gz": writing.gvcf_text(genome, genome.contigs[-1], rows, sample=2),
        "regions.bed": writing.bed_text(writing.demo_regions(genome)),
        "samplesheet.csv": writing.samplesheet_text(),
    }
    return {name: _bytes(name, text) for name, text in texts.items()}


def write_demo(out_dir: str | Path, seed: int = DEMO_SEED, truth: bool = False, force: bool = False) -> list[Path]:
    """Write the demo into a folder, made where absent; returns the paths written.

    truth: also write TRUTH_FILE, the true distribution of every base (about 3 MB).
    Raises UsageError (64) for a negative seed, CannotWriteError (73) where a file exists and `force` is off or cannot be written.
    """
    if seed < 0:
        raise UsageError(message("--seed", str(seed), "0 or more"))
    out_dir = Path(out_dir)
    genome = demo_genome(seed)
    contents = demo_files(genome, seed)
    if truth:
        contents[TRUTH_FILE] = truth_bytes(genome)
    paths = [out_dir / name for name in contents]
    existing = [path for path in paths if path.exists()]
    if existing and not force:
        raise CannotWriteError(message(str(existing[0]), "exists", "a new folder", "give --force to replace it"))
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents.values(), strict=True):
            path.write_bytes(content)
    except OSError as error:
        raise CannotWriteError(message(str(out_dir), error.strerror or "cannot be written", "a folder that can be written")) from error
    return paths


def truth_bytes(genome: DrawnGenome) -> bytes:
    """An .npz with, for each contig, `<contig>`: float32 (length, 4), the true distribution (NaN in gaps); see `truth`."""
    file = io.BytesIO()
    arrays = {contig.name: true_distribution(genome, contig.name).astype(np.float32) for contig in genome.contigs}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _bytes(name: str, text: str) -> bytes:
    content = text.encode("ascii")
    if not name.endswith(".gz"):
        return content
    file = io.BytesIO()
    writer = BgzfWriter(file)
    writer.write(content)
    writer.close()
    return file.getvalue()
