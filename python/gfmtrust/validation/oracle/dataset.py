"""Writes an oracle genome of a named law in the files of a user's run, together with what only an
oracle knows.

The files are genome.fa.gz, germline.vcf.gz and apobec.vcf.gz (SNVs of either spectrum) and
regions.bed; truth.parquet, one row per base with its true distribution; and ceiling.json. The same
law, length and seed give the same text, and the same bytes with the same libraries.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from gfmtrust.core import alphabet
from gfmtrust.core.errors import CannotWriteError, message
from gfmtrust.io import tables
from gfmtrust.io.vcf import header as vcf_header
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.validation.oracle.ceiling import genome_ceiling
from gfmtrust.validation.oracle.demo import file_bytes
from gfmtrust.validation.oracle.genomes import fasta_record
from gfmtrust.validation.oracle.laws import OracleContig, draw_contigs
from gfmtrust.validation.oracle.spectra import SPECTRA, draw_snvs
from gfmtrust.validation.oracle.writing import bed_text

GENOME, REGIONS, TRUTH, CEILING = "genome.fa.gz", "regions.bed", "truth.parquet", "ceiling.json"
BASES_PER_SNV = 400
BASES_PER_REGION = 20_000
REGION_BP = (200, 5_000)
TRUTH_COLUMNS = ("p_a", "p_c", "p_g", "p_t")
TRUTH_SCHEMA = pa.schema(
    [
        ("contig_index", pa.int32()),
        ("pos", pa.int64()),
        ("base", pa.uint8()),
        *((name, pa.float32()) for name in TRUTH_COLUMNS),
    ]
)


def write_oracle(law: str, length: int, seed: int, out_dir: str | Path) -> list[Path]:
    """Write the files of one genome into a folder, which is created if missing, and return their
    paths.

    law: a name of `laws.LAWS`, or that of its shifted version. length: bases over both contigs.
    Raises UsageError (64) as `laws.draw_contigs`, and CannotWriteError (73) where one of the files
    exists or cannot be written.
    """
    out_dir = Path(out_dir)
    contigs = draw_contigs(law, length, seed)
    vcfs = {f"{spectrum}.vcf.gz": vcf_text(contigs, spectrum, seed) for spectrum in SPECTRA}
    codes, distribution = (
        np.concatenate([getattr(contig, name) for contig in contigs])
        for name in ("codes", "distribution")
    )
    best = {
        "law": law,
        "length": length,
        "seed": seed,
        **asdict(genome_ceiling(codes, distribution)),
    }
    texts = {
        GENOME: "".join(fasta_record(contig) for contig in contigs),
        **vcfs,
        REGIONS: bed_text(draw_regions(contigs, seed)),
        CEILING: json.dumps(best, indent=1) + "\n",
    }
    existing = [name for name in (*texts, TRUTH) if (out_dir / name).exists()]
    if existing:
        raise CannotWriteError(message(str(out_dir / existing[0]), "exists", "a new folder"))
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out_dir / name).write_bytes(file_bytes(name, text))
    except OSError as error:
        raise CannotWriteError(
            message(
                str(out_dir), error.strerror or "cannot be written", "a folder that can be written"
            )
        ) from error
    write_truth(out_dir / TRUTH, contigs)
    return [out_dir / name for name in (*texts, TRUTH)]


def write_truth(path: Path, contigs: tuple[OracleContig, ...]) -> None:
    """Write one row for every base of the contigs, with its distribution."""
    codes, distribution = (
        np.concatenate([getattr(contig, name) for contig in contigs])
        for name in ("codes", "distribution")
    )
    where = [np.full(len(contig.codes), index, np.int32) for index, contig in enumerate(contigs)]
    tables.write(
        path,
        {
            "contig_index": np.concatenate(where),
            "pos": np.concatenate([np.arange(len(contig.codes)) for contig in contigs]),
            "base": codes,
            **dict(zip(TRUTH_COLUMNS, distribution.astype(np.float32).T, strict=True)),
        },
        TRUTH_SCHEMA,
    )


def read_truth(path: Path) -> list[np.ndarray]:
    """Return the true distributions of a truth table, one float64 (length, 4) per contig. Raises
    MissingInputError (66) as `tables.read`."""
    table = tables.read(path)
    distribution = np.column_stack([table[name].to_numpy() for name in TRUTH_COLUMNS]).astype(
        np.float64
    )
    ends = np.flatnonzero(np.diff(table["contig_index"].to_numpy())) + 1
    return np.split(distribution, ends)


def vcf_text(contigs: tuple[OracleContig, ...], spectrum: str, seed: int) -> str:
    """Return a VCF without samples, with an SNV every BASES_PER_SNV bases on average, drawn from
    the spectrum."""
    lines = ["##fileformat=VCFv4.2\n", "##source=gfmtrust_oracle\n"]
    lines += [f"##contig=<ID={contig.name},length={len(contig.codes)}>\n" for contig in contigs]
    lines.append(vcf_header.COLUMNS.decode("ascii") + "\n")
    for index, contig in enumerate(contigs):
        rng = np.random.default_rng([seed, index, list(SPECTRA).index(spectrum)])
        pos, alt = draw_snvs(contig.codes, spectrum, len(contig.codes) // BASES_PER_SNV, rng)
        for place, real, other in zip(
            pos.tolist(), alphabet.decode(contig.codes[pos]), alphabet.decode(alt), strict=True
        ):
            lines.append(
                f"{contig.name}\t{vcf_reader.format_position(place)}\t.\t{real}\t{other}\t50\tPASS\t.\n"
            )
    return "".join(lines)


def draw_regions(contigs: tuple[OracleContig, ...], seed: int) -> list[tuple[str, int, int, str]]:
    """Return regions of REGION_BP bases at random places, in genome order: (contig, start, end,
    name)."""
    drawn = []
    for index, contig in enumerate(contigs):
        rng = np.random.default_rng([seed, index, 7])
        room = max(0, len(contig.codes) - REGION_BP[1])
        for start in np.sort(
            (rng.random(len(contig.codes) // BASES_PER_REGION) * room).astype(int)
        ).tolist():
            bp = REGION_BP[0] + int(rng.random() * (REGION_BP[1] - REGION_BP[0]))
            drawn.append(
                (contig.name, start, min(start + bp, len(contig.codes)), f"region_{len(drawn) + 1}")
            )
    return drawn
