"""Writes what PLAN_SITES and SCORE_SITES would leave of a cohort of n alleles, and a VCF of it.

No model runs and no genome is read: letters, flanks and scores are drawn. The base that stands at a
site is preferred at most sites, so that flags of every level are given.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pysam

from gfmtrust.core.contracts.base import encoded
from gfmtrust.core.contracts.plan import Plan, PlanCounts, PlannedContig
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.io import tables
from gfmtrust.planning import shards
from gfmtrust.planning.shards import PROBE, VARIANT

CONTIG_BP = 100_000_000
BP_PER_ALLELE = 60
SHARD_SITES = 20_000
N_PROBES = 8_000
N_CONTROLS = 300
DONE = "generated"
MODELS = {"model": 2, "context_model": 8}
"""The models and their views. One has both strands; the members of the other vote as one."""
DECLARED = "".join(
    f'##{kind}=<ID={name},Number={number},Type=Integer,Description="{name}">\n'
    for kind, name, number in (
        *(("INFO", name, "1") for name in ("AC", "AN", "DP", "MQ")),
        *(("FORMAT", name, "1") for name in ("DP", "GQ")),
        ("FORMAT", "AD", "R"),
    )
)
DECLARED += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
LETTERS = np.array(list("ACGT"), object)
INSERTED, NOT_SCORED = 0.1, 0.05
"""Shares of the alleles that are insertions, and that are not scored."""
COPY_CLASSES = np.array(["single_copy", "near_copy", "repeat_family"], object)


def cohort(folder: Path, n: int) -> None:
    """Write plan/, scores/ and sample.vcf.gz below a folder."""
    for name in ("plan", "scores"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(n)
    contigs = [
        PlannedContig(f"chr{number + 1}", CONTIG_BP)
        for number in range(-(-n * BP_PER_ALLELE // CONTIG_BP))
    ]
    alleles = _alleles(rng, n, len(contigs))
    _write_alleles(folder, alleles, [contig.name for contig in contigs])
    probes = _probes(rng, len(contigs))
    tables.write(folder / "plan" / "probes.parquet", probes, tables.PROBES)
    n_shards = _write_sites(folder, rng, alleles, probes)
    _write_controls(folder, rng, probes)
    n_variants = _write_variants(folder, rng, alleles)
    counts = PlanCounts(
        spellings=n, alleles=n, shards=n_shards, variants=n_variants, probes=N_PROBES
    )
    plan = Plan(
        counts=counts,
        seed=1,
        genome_digest="9f" * 16,
        contigs=tuple(contigs),
        shard_size=SHARD_SITES,
        block_bp=1_000_000,
    )
    plan.write(folder / "plan" / Plan.NAME)
    (folder / DONE).touch()


def _alleles(rng: np.random.Generator, n: int, n_contigs: int) -> dict[str, np.ndarray]:
    """contig, pos, ref and alt codes, whether inserted or not scored: (n,) each, sorted."""
    place = np.unique(rng.integers(0, n_contigs * CONTIG_BP, n + n // 50))
    place = np.sort(rng.permutation(place)[:n])
    ref = rng.integers(0, 4, len(place))
    kind = rng.random(len(place))
    return {
        "contig_index": (place // CONTIG_BP).astype(np.int32),
        "pos": place % CONTIG_BP,
        "ref": ref,
        "alt": (ref + 1 + rng.integers(0, 3, len(place))) % 4,
        "inserted": kind < INSERTED,
        "scored": kind < 1 - NOT_SCORED,
    }


def _write_alleles(folder: Path, alleles: dict[str, np.ndarray], names: list[str]) -> None:
    """alleles.parquet, spellings.parquet and sample.vcf.gz."""
    contig_names = np.array(names, object)
    n = len(alleles["pos"])
    plan = folder / "plan"
    columns = "".join(f"##contig=<ID={name},length={CONTIG_BP}>\n" for name in names)
    with (
        tables.TableWriter(plan / "alleles.parquet", tables.ALLELES) as of_alleles,
        tables.TableWriter(plan / "spellings.parquet", tables.SPELLINGS) as of_spellings,
        pysam.BGZFile(str(folder / "sample.vcf.gz"), "w") as vcf,
    ):
        vcf.write(f"##fileformat=VCFv4.2\n{columns}{DECLARED}".encode())
        vcf.write(b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n")
        for start in range(0, n, 1 << 18):
            part = {name: values[start : start + (1 << 18)] for name, values in alleles.items()}
            size = len(part["pos"])
            ref = LETTERS[part["ref"]]
            alt = np.where(part["inserted"], ref + LETTERS[part["alt"]], LETTERS[part["alt"]])
            key = {
                "contig": contig_names[part["contig_index"]],
                "contig_index": part["contig_index"],
                "pos": part["pos"],
                "ref": ref,
            }
            status = np.where(part["scored"], "SCORED", "REF_MISMATCH").astype(object)
            is_variant = part["inserted"] & part["scored"]
            of_alleles.write(
                {
                    **key,
                    "alt": alt,
                    "status": status,
                    "var_pos": np.where(is_variant, part["pos"], -1),
                    "var_ref": np.where(is_variant, ref, ""),
                    "var_alt": np.where(is_variant, alt, ""),
                    "regions": np.full(size, None, object),
                    "af": np.full(size, np.nan, np.float32),
                    "an": np.zeros(size, np.int32),
                }
            )
            of_spellings.write({**key, "alts": alt})
            vcf.write(_records(key["contig"], part["pos"], ref, alt))


def _records(contig: np.ndarray, pos: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> bytes:
    rows = zip(contig.tolist(), pos.tolist(), ref.tolist(), alt.tolist(), strict=True)
    return "".join(
        f"{name}\t{at + 1}\t.\t{one}\t{other}\t{at % 977}.5\tPASS\tAC=1;AN=2;DP={at % 61};MQ=60\t"
        f"GT:AD:DP:GQ\t0/1:{at % 29},{at % 31}:{at % 61}:{at % 99}\n"
        for name, at, one, other in rows
    ).encode()


def _probes(rng: np.random.Generator, n_contigs: int) -> dict[str, np.ndarray]:
    place = np.sort(rng.choice(n_contigs * CONTIG_BP, N_PROBES, replace=False))
    real = rng.integers(0, 4, N_PROBES)
    return {
        "contig_index": (place // CONTIG_BP).astype(np.int32),
        "pos": place % CONTIG_BP,
        "real": real.astype(np.uint8),
        "decoy": ((real + 1 + rng.integers(0, 3, N_PROBES)) % 4).astype(np.uint8),
        "run_oriented": np.arange(N_PROBES) % 2 == 0,
        "copy_class": COPY_CLASSES[rng.integers(0, 3, N_PROBES)],
        "region_class": np.full(N_PROBES, "single_copy", object),
        "block": (place // 1_000_000).astype(np.int32),
        "local_surprisal": rng.normal(1.9, 0.05, N_PROBES).astype(np.float32),
        "gc": rng.uniform(0.3, 0.6, N_PROBES).astype(np.float32),
        "soft_masked": rng.random(N_PROBES) < 0.4,
    }


def _write_sites(
    folder: Path, rng: np.random.Generator, alleles: dict[str, np.ndarray], probes: dict
) -> int:
    """The shards of sites with their scores; returns their number."""
    snv = alleles["scored"] & ~alleles["inserted"]
    place = np.concatenate([_place(alleles)[snv], _place(probes)])
    base = np.concatenate([alleles["ref"][snv], probes["real"].astype(np.int64)])
    use = np.repeat([VARIANT, PROBE], [int(snv.sum()), N_PROBES])
    place, first, inverse = np.unique(place, return_index=True, return_inverse=True)
    uses = np.zeros(len(place), np.int64)
    np.bitwise_or.at(uses, inverse, use)
    base = base[first]
    n_shards = -(-len(place) // SHARD_SITES)
    for number in range(n_shards):
        part = slice(number * SHARD_SITES, (number + 1) * SHARD_SITES)
        site = _site(rng, place[part], base[part], uses[part])
        _write(folder, PlannedShard(ShardKind.SITES, number), site, rng)
    return n_shards


def _write_controls(folder: Path, rng: np.random.Generator, probes: dict) -> None:
    for kind in (ShardKind.PERMUTED_WEIGHTS, ShardKind.SHUFFLED_WINDOWS):
        place = np.unique(_place(probes)[:N_CONTROLS])
        base = probes["real"][:N_CONTROLS].astype(np.int64)
        site = _site(rng, place, base, np.full(len(place), PROBE))
        _write(folder, PlannedShard(kind, 0), site, rng, knows=False)


def _write_variants(folder: Path, rng: np.random.Generator, alleles: dict[str, np.ndarray]) -> int:
    """variants.parquet and the shards of variants, one site each; returns their number."""
    rows = np.flatnonzero(alleles["inserted"] & alleles["scored"])
    n, ref = len(rows), LETTERS[alleles["ref"][rows]]
    alt = ref + LETTERS[alleles["alt"][rows]]
    columns = {
        "contig_index": alleles["contig_index"][rows],
        "pos": alleles["pos"][rows],
        "ref": ref,
        "alt": alt,
        "kind": np.full(n, "INS", object),
        "use": np.where(np.arange(n) % max(1, n // 2000) == 0, VARIANT | PROBE, VARIANT).astype(
            np.uint8
        ),
        "run_oriented": np.arange(n) % 2 == 0,
        "block": (_place(alleles)[rows] // 1_000_000).astype(np.int32),
    }
    tables.write(folder / "plan" / "variants.parquet", columns, tables.VARIANTS)
    place = _place(alleles)[rows]
    for number in range(-(-n // SHARD_SITES)):
        part = slice(number * SHARD_SITES, (number + 1) * SHARD_SITES)
        site = _site(rng, place[part], alleles["ref"][rows][part], columns["use"][part])
        site |= {
            "variant": np.arange(n)[part],
            "start": columns["pos"][part],
            "ref": ref[part],
            "alt": alt[part],
        }
        _write(folder, PlannedShard(ShardKind.VARIANTS, number), site, rng)
    return n


def _place(columns: dict[str, np.ndarray]) -> np.ndarray:
    return columns["contig_index"].astype(np.int64) * CONTIG_BP + columns["pos"]


def _site(
    rng: np.random.Generator, place: np.ndarray, base: np.ndarray, use: np.ndarray
) -> dict[str, np.ndarray]:
    n = len(place)
    return {
        "contig_index": (place // CONTIG_BP).astype(np.int32),
        "pos": place % CONTIG_BP,
        "use": use.astype(np.uint8),
        "base": base.astype(np.uint8),
        "left": rng.integers(0, 4, n).astype(np.uint8),
        "right": rng.integers(0, 4, n).astype(np.uint8),
        "gc": rng.uniform(0.3, 0.6, n).astype(np.float32),
        "soft_masked": rng.random(n) < 0.4,
        "copies": np.zeros(n, np.int16),
        "copy_bases": np.zeros(n, np.uint8),
        "diverged_base": np.full(n, 4, np.uint8),
        "copy_class": COPY_CLASSES[place % 3],
        "region_class": np.full(n, "single_copy", object),
    }


def _write(
    folder: Path,
    shard: PlannedShard,
    site: dict[str, np.ndarray],
    rng: np.random.Generator,
    knows: bool = True,
) -> None:
    """One shard with the scores of every model. knows: whether they prefer the base that stands."""
    of_variants = "variant" in site
    schema = tables.VARIANT_SHARD if of_variants else tables.SHARD
    site = {field.name: pa.array(site[field.name], field.type) for field in schema}
    shards.write_shard(folder / "plan", shard, site, schema)
    n = len(site["pos"])
    base, sure = np.asarray(site["base"]), rng.gamma(1.2, 1.0, n) * knows
    for model, n_views in MODELS.items():
        logits = rng.normal(0, 0.3, (n, n_views, 4)).astype(np.float32)
        logits[np.arange(n), :, base] += sure[:, None].astype(np.float32)
        probs = np.exp(logits)
        probs /= probs.sum(axis=2, keepdims=True)
        columns = {
            "contig_index": site["contig_index"],
            "pos": site["pos"],
            "probs": pa.FixedSizeListArray.from_arrays(pa.array(probs.reshape(-1)), 4 * n_views),
            "status": np.full(n, "", object),
            "local_surprisal": rng.normal(1.85, 0.05, n).astype(np.float32),
            **{name: np.zeros(n, np.float32) for name in ("n_share", "pad_share", "off_alphabet")},
        }
        if of_variants:
            llr = rng.normal(-1, 1.5, n * n_views).astype(np.float32)
            columns |= {
                "llr": pa.FixedSizeListArray.from_arrays(pa.array(llr), n_views),
                "variant_status": np.full(n, "", object),
            }
        path = folder / "scores" / f"{model}.{shard.kind.value}_{shard.number:05d}.parquet"
        tables.write(path, columns, tables.score_schema(n_views, of_variants), _facts(model, shard))


def _facts(model: str, shard: PlannedShard) -> dict:
    strands = "+-" if model == "model" else "+"
    views = [
        [model, number // len(strands), strands[number % len(strands)], 0]
        for number in range(MODELS[model])
    ]
    return {
        "shard": encoded(shard),
        "model": model,
        "family": "context_model" if model == "context_model" else "toy",
        "bundle_sha256": model * 4,
        "views": views,
        "rc_equivariant": False,
        "device": "cpu",
        "precision": "fp32",
        "neighbours": True,
        "window_bp": 64,
        "trained_bp": 64,
        "gate": "passed",
        "quantity": "direct",
    }
