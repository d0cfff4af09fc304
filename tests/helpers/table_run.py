"""Whole runs of tables of probabilities on a small genome whose law is known, step by step as the
pipeline calls them.

The genome: each letter follows from the eleven to fifteen before it by a rule that no context model
of ten letters can learn, with probability LAW; so a model that knows the rule looks like one that
remembers the letters, and errs where the rule was not followed.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from step_calls import call

CONTIG_BP = 30_000
CONTIGS = ("known", "held")
LAW, SURE = 0.985, 0.97
PROBES = 2_400
N_RARE, N_COMMON, N_SAMPLES = 240, 120, 50
HEADER = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"


@dataclass(frozen=True)
class Letters:
    """The genome by contig: codes as they stand in the file, and codes as the rule asks, uint8."""

    codes: dict[str, np.ndarray]
    ruled: dict[str, np.ndarray]


def letters(seed: int) -> Letters:
    rng, codes, ruled = np.random.default_rng(seed), {}, {}
    for name in CONTIGS:
        here, asked = rng.integers(0, 4, CONTIG_BP), rng.integers(0, 4, CONTIG_BP)
        follows = rng.random(CONTIG_BP) < LAW
        for i in range(15, CONTIG_BP):
            # three far letters summed: each ten letters before a place leave all four open
            asked[i] = (here[i - 11] + here[i - 13] * here[i - 12] + here[i - 15]) % 4
            here[i] = asked[i] if follows[i] else (asked[i] + here[i]) % 4
        codes[name], ruled[name] = here.astype(np.uint8), asked.astype(np.uint8)
    return Letters(codes, ruled)


def sure_of(codes: np.ndarray) -> np.ndarray:
    """SURE on each of those letters, float64 (n, 4)."""
    law = np.full((len(codes), 4), (1 - SURE) / 3)
    law[np.arange(len(codes)), codes] = SURE
    return law


def write_table(path: Path, laws: dict[str, np.ndarray]) -> Path:
    """A table of probabilities, `chrom pos A C G T`."""
    lines = ["chrom\tpos\tA\tC\tG\tT\n"]
    for name, law in laws.items():
        lines += [
            f"{name}\t{pos}\t" + "\t".join(f"{value:.5f}" for value in row) + "\n"
            for pos, row in enumerate(law.tolist(), start=1)
        ]
    path.write_text("".join(lines))
    return path


def write_vcf(path: Path, genome: Letters, n_samples: int, seed: int = 5) -> Path:
    """SNVs of which the first N_COMMON, drawn over the genome, have the common letter as ALT: nine
    in ten samples or more carry it twice. The others are carried once by a tenth of the samples."""
    rng = np.random.default_rng(seed)
    places = rng.choice(2 * (CONTIG_BP - 100), N_RARE + N_COMMON, replace=False)
    samples = "\t".join(f"S{number}" for number in range(n_samples))
    lines = ["##fileformat=VCFv4.2\n"]
    lines += [f"##contig=<ID={name},length={CONTIG_BP}>\n" for name in CONTIGS]
    lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
    lines.append(f"{HEADER}\t{samples}\n")
    records = []
    for number, place in enumerate(places.tolist()):
        contig, pos = divmod(place, CONTIG_BP - 100)
        ref = int(genome.codes[CONTIGS[contig]][pos + 50])
        alt = "ACGT"[(ref + int(rng.integers(1, 4))) % 4]
        is_common = number < N_COMMON
        carries = rng.random(n_samples) < (0.97 if is_common else 0.1)
        carries[0] = True
        genotype = "1/1" if is_common else "0/1"
        genotypes = "\t".join(genotype if one else "0/0" for one in carries)
        text = f"{CONTIGS[contig]}\t{pos + 51}\t.\t{'ACGT'[ref]}\t{alt}\t.\t.\t.\tGT\t{genotypes}\n"
        records.append((contig, pos, text))
    path.write_text("".join(lines + [text for *_, text in sorted(records)]))
    return path


@dataclass(frozen=True)
class Planned:
    """A run up to its plan. vcf: its one input."""

    folder: Path
    fasta: Path
    context: Path
    vcf: Path


def write_fasta(path: Path, genome: Letters) -> Path:
    alphabet = np.array(list("ACGT"))
    path.write_text(
        "".join(f">{name}\n{''.join(alphabet[codes])}\n" for name, codes in genome.codes.items())
    )
    return path


def planned(folder: Path, fasta: Path, context: Path, vcf: Path, *options: str) -> Planned:
    """check_inputs and plan_sites; options: further ones of plan_sites."""
    folder.mkdir()
    (folder / "vcfs.tsv").write_text(f"a\t{vcf}\n")
    common = ("--fasta", fasta)
    call("check_inputs", *common, "--vcfs", folder / "vcfs.tsv", "--out_dir", folder / "checked")
    call(
        *("plan_sites", *common, "--checked", folder / "checked", "--context_model", context),
        *("--probes", PROBES, "--out_dir", folder / "plan", *options),
    )
    run = Planned(folder, fasta, context, vcf)
    score(run, context)
    return run


def score(run: Planned, bundle: Path) -> None:
    """score_sites of every shard."""
    for shard in sorted((run.folder / "plan" / "shards").glob("*.parquet")):
        call(
            *("score_sites", "--fasta", run.fasta, "--bundle", bundle, "--shard", shard),
            *("--out_dir", run.folder / "scores"),
        )


def imported(folder: Path, fasta: Path, name: str, laws: dict[str, np.ndarray], *options) -> Path:
    """The bundle of a table of probabilities."""
    table = write_table(folder / f"{name}.tsv", laws)
    call(
        *("import_scores", "--scores", table, "--model_id", name, "--fasta", fasta),
        *("--out_dir", folder / "bundles", *options),
    )
    return folder / "bundles" / name


@dataclass(frozen=True)
class Annotated:
    """What a run wrote: the header's lines, the flags of its alleles by (contig, position from 1),
    and calibration.json."""

    header: list[str]
    flags: dict[tuple[str, int], str]
    calibration: dict


def annotated(run: Planned, bundle: Path, *options: str) -> Annotated:
    """Everything after scoring; options: of calibrate."""
    out = run.folder / "_".join(("results", bundle.name, *options)).replace("-", "")
    stated = ("--plan", run.folder / "plan", "--scores", run.folder / "scores")
    stated = (*stated, "--models", bundle, run.context)
    call("calibrate", *stated, *options, "--out_dir", out / "calibration")
    calibration = out / "calibration" / "calibration.json"
    call("annotate_sites", *stated, "--calibration", calibration, "--out_dir", out / "sites")
    call(
        *("annotate_vcf", "--vcf", run.vcf, "--id", "a", "--calibration", calibration),
        *("--sites", out / "sites" / "sites.parquet", "--out", out / "a.gfm.vcf.gz"),
    )
    lines = gzip.decompress((out / "a.gfm.vcf.gz").read_bytes()).decode().splitlines()
    flags = {}
    for line in (one for one in lines if not one.startswith("#")):
        contig, pos, *_, info = line.split("\t")[:8]
        fields = dict(field.partition("=")[::2] for field in info.split(";"))
        flags[contig, int(pos)] = fields["GFM_CONF"]
    return Annotated(
        [line for line in lines if line.startswith("##")],
        flags,
        json.loads(calibration.read_text()),
    )
