"""A finished run's tables, made up: small ones written row by row, and a whole run with probes,
alleles, bases and counts for the report.

Probes and alleles share one law: llr of the real base is drawn so that a model of the given skill
prefers it as often as its |LLR| says.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from allele_classes import of_class

from gfmtrust.calibration import fit as calibration_fit
from gfmtrust.calibration import flags, record
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.shift import shift_test
from gfmtrust.core.contracts.checks import Checks
from gfmtrust.core.contracts.counts import RegionCounts, VcfCounts
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.contracts.shard import ShardMetrics, StrideCheck, StrideChoice
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import tables
from gfmtrust.io.tables import REGION_BASES, SITES
from gfmtrust.report import loci

DIGESTS = {
    "genome": "9f" * 16,
    "bundles": {"gpn-a": "a1" * 32, "context": "c0" * 32},
    "views": [["gpn-a", 0, "+", 0]],
    "precision": ["fp32"],
}
MODELS = {
    "gpn-a": {
        "model": "gpn-a",
        "family": "gpn",
        "bundle_sha256": "a1" * 32,
        "device": "cpu",
        "precision": "fp32",
        "window_bp": 128,
    },
    "context": {
        "model": "context",
        "family": "context_model",
        "bundle_sha256": "c0" * 32,
        "device": "cpu",
        "precision": "fp32",
        "window_bp": 23,
    },
}
CONTIGS = [{"name": "chr1", "length": 1_000_000}, {"name": "chr2", "length": 500_000}]


def features(n: int, skill: float, seed: int) -> pd.DataFrame:
    """n alleles with all features; `llr` is ln p(ALT)/p(REF), REF being right; skill 0 is a coin, 3
    a good model."""
    rng = np.random.default_rng(seed)
    size = rng.gamma(1.2, skill, n) if skill else rng.gamma(1.2, 1.0, n)
    right = rng.random(n) < (1 / (1 + np.exp(-1.2 * size)) if skill else 0.5)
    llr = np.where(right, -size, size)
    ent = (
        np.clip(2 - 0.35 * size + rng.normal(0, 0.1, n), 0.02, 2.0)
        if skill
        else rng.uniform(1.7, 2.0, n)
    )
    return pd.DataFrame(
        {
            "llr": llr,
            "llr_sd": np.full(n, 0.3) + rng.random(n) * 0.2,
            "ent": ent,
            "dis": rng.random(n) * 0.05,
            "sign_agreement": np.ones(n),
            "strand_jsd": rng.random(n) * 0.01,
            "strand_llr": rng.random(n) * 0.2,
            "strand_flip": np.zeros(n),
            "local_surprisal": rng.normal(1.8, 0.1, n),
            "gain": rng.normal(0.08 if skill else 0.0, 0.2, n),
            "gc": rng.uniform(0.3, 0.6, n),
            "soft_masked": rng.random(n) < 0.4,
            "n_share": np.zeros(n),
            "near_edge": np.zeros(n, bool),
            **of_class(
                np.where(rng.random(n) < 0.4, "repeat_family", "single_copy").astype(object)
            ),
        }
    )


def probes(n: int, skill: float, seed: int) -> pd.DataFrame:
    """Probes as `calibration.fit` takes them, on 40 blocks, with the two surprisals of
    probes.scored.parquet."""
    rng = np.random.default_rng([seed, 1])
    table = features(n, skill, seed)
    real = rng.integers(0, 4, n)
    context = rng.normal(1.85, 0.3, n).clip(0.05)
    return table.assign(
        contig_index=np.zeros(n, np.int32),
        pos=np.sort(rng.integers(0, 900_000, n)),
        block=np.arange(n) * 40 // n,
        real=real,
        decoy=(real + 1 + rng.integers(0, 3, n)) % 4,
        run_oriented=np.arange(n) % 2 == 0,
        status="",
        context_site_surprisal=context,
        surprisal=(context - rng.normal(0.08 if skill else 0.0, 0.1, n)).clip(0.01),
    )


@cache
def fitted(skill: float = 3.0, n: int = 4000, seed: int = 1) -> tuple[RunCalibration, pd.DataFrame]:
    """A calibration and its scored probes; made once, so leave both as they are."""
    table = probes(n, skill, seed)
    result = calibration_fit.fit(table, Options(digests=DIGESTS))
    result = record.with_shift(
        result,
        shift_test(table["local_surprisal"].to_numpy()[:500], table["local_surprisal"].to_numpy()),
    )
    rank, why = flags.assign(result, table)
    return result, table.assign(
        rel=calibration_fit.reliability(result.snv, table),
        rank=rank,
        why=["&".join(codes) for codes in why],
        wrong=~(table["llr"].to_numpy() < 0),
    )


def site_row(contig: str, pos: int, ref: str, alt: str, status: str = "SCORED", **values) -> dict:
    """A row of sites.parquet; LOW with plain numbers where scored, unless said otherwise."""
    plain = {
        "rank": 1,
        "why": "LOW_REL",
        "rel": 0.625,
        "llr": -1.5,
        "llr_sd": 0.25,
        "ent": 1.75,
        "dis": 0.0125,
        "gain": 0.05,
        "basis": "DECOY",
        "copies": 0,
    }
    row = {
        "contig": contig,
        "contig_index": 0,
        "pos": pos,
        "ref": ref,
        "alt": alt,
        "status": status,
        "rank": 0,
        "copies": -1,
    }
    row |= (plain if status == Status.SCORED else {}) | values
    return {"conf": Rank(row["rank"]).name if row["rank"] else None, **row}


def run_facts(**fields) -> RunFacts:
    """The facts of these fields, lists allowed."""
    return RunFacts.from_dict({"version": RunFacts.VERSION, **fields})


def write_rows(path: Path, rows: list[dict], schema: pa.Schema, facts: dict | None = None) -> Path:
    """facts: fields of RunFacts, for sites.parquet and bases.parquet."""
    metadata = None if facts is None else run_facts(**facts).to_dict()
    tables.write(path, pa.Table.from_pylist(rows, schema=schema), schema, metadata)
    return path


def write_sites(path: Path, rows: list[dict]) -> Path:
    return write_rows(path, rows, SITES, {"models": MODELS})


def write_calibration(path: Path, skill: float = 3.0, n: int = 4000) -> Path:
    fitted(skill, n)[0].write(path)
    return path


def random_sites(result: RunCalibration, n: int, skill: float, seed: int) -> pa.Table:
    """n alleles of chr1 as annotate_sites would flag them, one in ten not scored."""
    rng = np.random.default_rng([seed, 2])
    table = features(n, skill, seed + 7)
    rank, why = flags.assign(result, table)
    status = np.where(
        rng.random(n) < 0.9, "SCORED", rng.choice(["UNSUPPORTED", "REF_MISMATCH", "SYMBOLIC"], n)
    ).astype(object)
    scored = status == Status.SCORED
    ref = rng.integers(0, 4, n)
    columns = {
        "contig": np.full(n, "chr1", object),
        "contig_index": np.zeros(n, np.int32),
        "pos": np.sort(rng.integers(0, 900_000, n)),
        "ref": np.array(list("ACGT"), object)[ref],
        "alt": np.array(list("ACGT"), object)[(ref + 1 + rng.integers(0, 3, n)) % 4],
        "status": status,
        "var_pos": np.full(n, -1),
        "var_ref": np.full(n, "", object),
        "var_alt": np.full(n, "", object),
        "regions": np.full(n, None, object),
        "af": np.full(n, np.nan, np.float32),
        "an": np.zeros(n, np.int32),
        "rank": np.where(scored, rank, 0).astype(np.uint8),
        "conf": np.array(
            [Rank(r).name if s else None for r, s in zip(rank, scored, strict=True)], object
        ),
        "why": np.array(
            ["&".join(w) or None if s else None for w, s in zip(why, scored, strict=True)], object
        ),
    }
    columns["basis"] = np.where(scored, flags.basis(result.snv, rank), None)
    rel = calibration_fit.reliability(result.snv, table)
    numbers = {name: table[name].to_numpy() for name in SITES.names if name in table}
    numbers |= {"rel": rel, "pct": 100 * rng.random(n)}
    numbers |= {"models_pct": np.full(n, np.nan), "models_sd": np.full(n, np.nan)}
    numbers |= {
        name: np.full(n, np.nan)
        for name in SITES.names
        if name.startswith("dis_") and name not in table
    }  # one model, one view
    for name, values in numbers.items():
        columns[name] = (
            np.where(scored, values, np.nan).astype(np.float32)
            if values.dtype == np.float64
            else values
        )
    return pa.table(
        {
            name: pa.array(columns[name], type=SITES.field(name).type, from_pandas=True)
            for name in SITES.names
        },
        schema=SITES,
    )


def base_rows(
    contig: str, start: int, n: int, rank: int = 3, n_wrong: int = 0, status: str = "SCORED"
) -> list[dict]:
    """n neighbouring bases, the first n_wrong of them with the decoy preferred."""
    return [
        {
            "contig": contig,
            "contig_index": 0,
            "pos": start + i,
            "base": "A",
            "status": status,
            "surprisal": 1.5,
            "ent": 1.0,
            "dis": 0.25,
            "gain": 0.125,
            "strand_jsd": 0.0625,
            "rel": 0.75,
            "rank": rank if status == "SCORED" else 0,
            "wrong": i < n_wrong or status != "SCORED",
        }
        for i in range(n)
    ]


def write_bases(path: Path, rows: list[dict], contig_map: dict[str, str] | None = None) -> Path:
    contigs = list(dict.fromkeys(row["contig"] for row in rows))
    facts = {"models": MODELS, "contig_map": contig_map or {}, "contigs": contigs}
    return write_rows(path, rows, REGION_BASES, facts)


def vcf_counts(name: str, high: int, medium: int, low: int, unscored: int) -> VcfCounts:
    return VcfCounts.from_dict(
        {
            "version": VcfCounts.VERSION,
            "kind": "vcf",
            "id": name,
            "input": f"{name}.vcf.gz",
            "records": high + medium + low + unscored + 2,
            "no_alt": 2,
            "alts": high + medium + low + unscored,
            "ranks": {"HIGH": high, "MEDIUM": medium, "LOW": low, "NOT_SCORED": unscored},
            "statuses": {"SCORED": high + medium + low, "UNSUPPORTED": unscored},
            "digest": "d1" * 32,
            "header_lines": 20,
            "replaced": 0,
            "newline_added": False,
            "sorted": True,
            "index": f"{name}.gfm.vcf.gz.tbi",
            "warnings": [],
            "output": {"name": f"{name}.gfm.vcf.gz", "bytes": 1234, "sha256": "ab" * 32},
        }
    )


def bed_counts(name: str) -> RegionCounts:
    return RegionCounts.from_dict(
        {
            "version": RegionCounts.VERSION,
            "kind": "bed",
            "id": name,
            "input": f"{name}.bed",
            "intervals": 8,
            "carried": 1,
            "sorted": True,
            "newline_added": False,
            "index": f"{name}.gfm.bed.gz.tbi",
            "warnings": [],
            "ranks": {"HIGH": 1, "MEDIUM": 2, "LOW": 4, "NOT_SCORED": 1},
            "statuses": {"SCORED": 7, "OUT_OF_RANGE": 1},
            "bases": 8000,
            "scored_bases": 7600,
            "mean_entropy": 1.71,
            "mean_near_uniform_share": 0.41,
            "mean_gain": 0.064,
            "mean_disagreement": 0.021,
            "output": {"name": f"{name}.gfm.bed.gz", "bytes": 999, "sha256": "cd" * 32},
        }
    )


def comparison(n: int, models: tuple[str, ...] = ("gpn-a", "nt-b", "context")) -> dict:
    """What annotate_sites says of models side by side: the first sharp, each further one nearer to
    guessing."""
    peaks = [min(39, 12 + 13 * i) for i in range(len(models))]
    result = {
        "models": [
            {
                "id": name,
                "n": n,
                "mean_entropy": peak / 20,
                "near_uniform": peak / 78,
                "entropy": [n if i == peak else 0 for i in range(40)],
            }
            for name, peak in zip(models, peaks, strict=True)
        ],
        "pairs": [
            {
                "a": models[a],
                "b": models[b],
                "n_jsd": n,
                "n_sign": n,
                "jsd": 0.03125 * (a + b),
                "same_sign": 0.9375 - 0.125 * b,
            }
            for a in range(len(models))
            for b in range(a)
        ],
    }
    return {"snvs": result, "bases": {"models": [], "pairs": []}}


def loci_pictures(sites: Path, flank: int = 8) -> dict:
    """Bases round the top loci: the middle one as the model that knows it sees it, every third one
    left out."""
    rng = np.random.default_rng(3)
    built = []
    for row in loci.top_loci(sites):
        bases = []
        for offset in range(-flank, flank + 1):
            base = row["ref"] if offset == 0 else "ACGT"[rng.integers(4)]
            p = rng.dirichlet([0.3 if letter != base else 3 for letter in "ACGT"])
            if offset % 3 or not offset:
                bases.append(
                    {"offset": offset, "base": base, "p": [round(float(one), 4) for one in p]}
                )
        built.append({name: row[name] for name in loci.KEY} | {"bases": bases})
    return {"flank": flank, "loci": built}


def make_run(
    folder: Path,
    skill: float = 3.0,
    n_sites: int = 3000,
    samples: bool = True,
    regions: bool = True,
    n_probes: int = 4000,
) -> dict:
    """All inputs of `report.report` below `folder`, as keyword arguments for it (without
    out_dir)."""
    result, scored = fitted(skill, n_probes)
    for name in ("checked", "plan", "calibration", "sites"):
        (folder / name).mkdir(parents=True)
    result.write(folder / "calibration" / "calibration.json")
    frame = pa.Table.from_pandas(scored, preserve_index=False).replace_schema_metadata(None)
    tables.write(folder / "calibration" / "probes.scored.parquet", frame, frame.schema)
    tables.write(
        folder / "sites" / "sites.parquet",
        random_sites(result, n_sites, skill, 5),
        SITES,
        RunFacts(
            contigs=tuple(one["name"] for one in CONTIGS),
            contig_lengths=tuple(one["length"] for one in CONTIGS),
            models=MODELS,
        ).to_dict(),
    )
    write_bases(folder / "sites" / "bases.parquet", base_rows("chr1", 100, 50) if regions else [])
    tables.write_json(folder / "sites" / "model_comparison.json", comparison(n_sites))
    tables.write_json(
        folder / "sites" / "loci.json", loci_pictures(folder / "sites" / "sites.parquet")
    )
    ids = ["NA1", "NA2", "NA3"] if samples else []
    inputs = [
        {
            "id": name,
            "kind": "vcf",
            "name": f"{name}.vcf.gz",
            "records": 1002,
            "alts": 1000,
            "no_alt": 2,
            "n_snv": 900,
            "n_snv_mismatch": 3,
            "sorted": True,
            "warnings": [
                {"text": "INFO key XYZ not in header", "count": 12, "first": "chr1:10583"}
            ],
        }
        for name in ids
    ] + (
        [
            {
                "id": "ccre",
                "kind": "bed",
                "name": "ccre.bed",
                "records": 8,
                "alts": 0,
                "no_alt": 0,
                "n_snv": 0,
                "n_snv_mismatch": 0,
                "sorted": True,
                "warnings": [],
            }
        ]
        if regions
        else []
    )
    tables.write_json(
        folder / "checked" / "checks.json",
        {
            "version": Checks.VERSION,
            "genome": {
                "name": "demo.fa",
                "digest": DIGESTS["genome"],
                "contigs": [{**contig, "md5": "e4" * 16} for contig in CONTIGS],
            },
            "contig_map": {},
            "inputs": inputs,
            "warnings": [],
        },
    )
    tables.write_json(
        folder / "plan" / "plan.json",
        {
            "version": Plan.VERSION,
            "counts": {
                "alleles": n_sites,
                "sites": n_sites,
                "shards": 1,
                "probes": n_probes,
                "spellings": n_sites,
            },
            "seed": 1,
            "contigs": CONTIGS,
            "genome_digest": DIGESTS["genome"],
            "merged": {"gc": 3},
            "matched_surprisal": True,
            "spectrum": "run",
        },
    )
    counts = []
    for content in [
        *(vcf_counts(name, 120, 300, 480, 100) for name in ids),
        *([bed_counts("ccre")] if regions else []),
    ]:
        counts.append(folder / f"{content.id}.counts.json")
        content.write(counts[-1])
    metrics = []
    for model in MODELS:
        metrics.append(folder / f"{model}.shard_00000.metrics.json")
        ShardMetrics(
            model=model,
            shard="shard_00000",
            sites=n_sites,
            requested_device="auto",
            device="cpu",
            provider="CPUExecutionProvider",
            threads=1,
            batch=64,
            halvings=0,
            passes=2 * n_sites,
            region_stride=StrideChoice(
                model=model, asked=8, stride=8, checks=(StrideCheck(8, 900, 0.0211, 0.31),)
            ),
            tiled_sites=n_sites // 2 if model == "gpn-a" else 0,
            seconds=12.5,
            sites_per_s=240.0,
            peak_memory_mb=400,
        ).write(metrics[-1])
    return {
        "checked": folder / "checked",
        "plan": folder / "plan",
        "calibration": folder / "calibration",
        "sites": folder / "sites",
        "counts": counts,
        "metrics": metrics,
        "model_files": [],
    }
