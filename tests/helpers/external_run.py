"""Scores from elsewhere in a small run: what its own model answers, handed back in tables, imported,
scored, calibrated and annotated by the steps themselves."""

import gzip

import numpy as np
import pandas as pd
from step_calls import call

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import BASES
from gfmtrust.io import tables

CONTIG = "c"


def answers(folder) -> tuple[pd.DataFrame, dict]:
    """The law whose ratios are the context model's mean LLRs at every base it scored (pos, A, C, G,
    T), and its mean LLR of every indel."""
    laws, indels = {}, {}
    for path in sorted((folder / "scores").glob("context_model.*.parquet")):
        if path.name.split(".")[1].rpartition("_")[0] not in ("shard", "variants"):
            continue
        table = tables.read(path)
        views = table.schema.field("probs").type.list_size // 4
        probs = (
            table["probs"]
            .combine_chunks()
            .flatten()
            .to_numpy()
            .reshape(-1, views, 4)
            .astype(np.float64)
        )
        law = np.exp(np.nanmean(np.log(probs), axis=1))
        laws |= dict(
            zip(table["pos"].to_pylist(), law / law.sum(axis=1, keepdims=True), strict=True)
        )
        if "llr" in table.schema.names:
            shard = tables.read(
                folder / "plan" / "shards" / (path.name.split(".")[1] + ".parquet")
            ).to_pandas()
            llr = table["llr"].combine_chunks().flatten().to_numpy().reshape(-1, views)
            for key, row in zip(
                zip(shard["start"], shard["ref"], shard["alt"], strict=True), llr, strict=True
            ):
                indels[key] = float(np.nanmean(row)) if np.isfinite(row).any() else np.nan
    frame = pd.DataFrame(
        [(pos, *law) for pos, law in sorted(laws.items()) if np.isfinite(law).all()],
        columns=["pos", *BASES],
    )
    return frame, indels


def imported(folder, text: str, out, name="elsewhere", file="scores.tsv", options=()) -> Bundle:
    """The bundle of a table with this text."""
    path = out / file
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return imported_from(folder, path, out, name, options)


def imported_from(folder, path, out, name: str, options=()) -> Bundle:
    """The bundle that import_scores makes of a table below out/models."""
    call(
        *("import_scores", "--scores", path, "--model_id", name),
        *("--fasta", folder / "genome.fa", "--out_dir", out / "models", *options),
    )
    return Bundle.open(out / "models" / name)


def table_of_laws(frame: pd.DataFrame) -> str:
    rows = "".join(
        f"{CONTIG}\t{row.pos + 1}\t{row.A!r}\t{row.C!r}\t{row.G!r}\t{row.T!r}\n"
        for row in frame.itertuples()
    )
    return "chrom\tpos\tA\tC\tG\tT\n" + rows


def flagged(folder, *bundles, out, outside=None, labels=None) -> pd.DataFrame:
    """Scored, calibrated and annotated with the bundles beside the context model: the alleles.
    outside: the table of a bundle by its name, where it stays outside; labels: the output of
    read_labels."""
    scores = out / "scores"
    scores.mkdir(parents=True)
    for path in (folder / "scores").iterdir():
        (scores / path.name).write_bytes(path.read_bytes())
    for bundle in bundles:
        table = (outside or {}).get(bundle.model_id)
        for shard in (folder / "plan" / "shards").glob("*.parquet"):
            call(
                "score_sites",
                "--fasta",
                folder / "genome.fa",
                "--bundle",
                bundle.directory,
                "--shard",
                shard,
                "--out_dir",
                scores,
                *(("--score_table", table) if table else ()),
            )
    output = (
        "--plan",
        folder / "plan",
        "--scores",
        scores,
        "--models",
        folder / "results" / "models" / "context_model",
        *(bundle.directory for bundle in bundles),
    )
    stated = ("--labels", labels) if labels else ()
    call("calibrate", *output, *stated, "--out_dir", out / "calibration")
    call(
        "annotate_sites",
        *output,
        "--calibration",
        out / "calibration" / "calibration.json",
        "--ranks",
        out / "calibration" / "model_ranks.parquet",
        "--out_dir",
        out / "sites",
    )
    return tables.read(out / "sites" / "sites.parquet").to_pandas()
