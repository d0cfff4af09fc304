"""Every file that a user gives to the command line, as a small valid example and the step that reads
it; and seeded ways to damage it. A step must take a damaged file or refuse it with a documented
exit code and one line, never with 70."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pysam
import small_run
from paths import ROOT
from step_calls import call
from vcf_texts import stored

from gfmtrust.cli import main as cli
from gfmtrust.core import documents

CODES = {0, 64, 65, 66, 73, 74, 75, 78}
"""What a step may end with, whatever the file: 70 is a bug of ours, 69 needs a device."""
BED = b"track name=x\nc\t10\t40\tname\nc\t100\t130\tb\nc\t120\t200\tc\n"


@dataclass(frozen=True)
class UserFile:
    """path: the example below the folder of the examples; words: the step that reads it, `{file}`
    stands for the file, `{run}` for the folder of the examples and `{out}` for a new folder;
    companions: endings of files beside it that the step reads too, such as an index."""

    path: str
    words: str
    companions: tuple[str, ...] = ()


COMMON = "--fasta {run}/genome.fa"
FILES = {
    "vcf": UserFile("a.vcf", f"check_inputs {COMMON} --vcfs {{out}}/vcfs.tsv --out_dir {{out}}/o"),
    "vcf_bgzf": UserFile(
        "b.vcf.gz", f"check_inputs {COMMON} --vcfs {{out}}/vcfs.tsv --out_dir {{out}}/o"
    ),
    "list_of_vcfs": UserFile(
        "vcfs.tsv", f"check_inputs {COMMON} --vcfs {{file}} --out_dir {{out}}/o"
    ),
    "bed": UserFile("x.bed", f"check_inputs {COMMON} --regions {{file}} --out_dir {{out}}/o"),
    "contig_map": UserFile(
        "map.tsv",
        f"check_inputs {COMMON} --vcfs {{run}}/vcfs.tsv --contig_map {{file}} --out_dir {{out}}/o",
    ),
    "fasta": UserFile(
        "genome.fa", "check_inputs --fasta {file} --vcfs {run}/vcfs.tsv --out_dir {out}/o"
    ),
    "fasta_bgzf": UserFile(
        "genome.fa.gz", "check_inputs --fasta {file} --vcfs {run}/vcfs.tsv --out_dir {out}/o"
    ),
    "fai": UserFile(
        "indexed.fa.fai", "check_inputs --fasta {base} --vcfs {run}/vcfs.tsv --out_dir {out}/o"
    ),
    "gzi": UserFile(
        "indexed.fa.gz.gzi", "check_inputs --fasta {base} --vcfs {run}/vcfs.tsv --out_dir {out}/o"
    ),
    "sheet_csv": UserFile("s.csv", "read_sheet --input {file} --schema {schema} --out {out}/o"),
    "sheet_yaml": UserFile("s.yaml", "read_sheet --input {file} --schema {schema} --out {out}/o"),
    "sheet_json": UserFile("s.json", "read_sheet --input {file} --schema {schema} --out {out}/o"),
    "labels": UserFile("labels.vcf", f"read_labels {COMMON} --labels {{file}} --out {{out}}/l"),
    "population": UserFile(
        "population.vcf.gz",
        f"plan_sites {COMMON} --checked {{run}}/checked --context_model {{run}}/results/models/context_model "
        "--probes 400 --population_vcf {file} --out_dir {out}/o",
    ),
    "population_index": UserFile(
        "population.vcf.gz.tbi",
        f"plan_sites {COMMON} --checked {{run}}/checked --context_model {{run}}/results/models/context_model "
        "--probes 400 --population_vcf {base} --out_dir {out}/o",
    ),
    "copy_index": UserFile(
        "plan/copies.parquet",
        f"plan_sites {COMMON} --checked {{run}}/checked --context_model {{run}}/results/models/context_model "
        "--probes 400 --copy_index {file} --out_dir {out}/o",
    ),
    "background": UserFile(
        "labels.vcf",
        "calibrate --plan {run}/plan --scores {run}/scores --models {run}/results/models/context_model "
        "--background_vcf {file} --out_dir {out}/o",
    ),
    "calibration": UserFile(
        "results/calibration/calibration.json",
        "calibrate --plan {run}/plan --scores {run}/scores --models {run}/results/models/context_model "
        "--calibration {file} --out_dir {out}/o",
    ),
    "calibration_of_vcf": UserFile(
        "results/calibration/calibration.json",
        "annotate_vcf --vcf {run}/a.vcf --id a --sites {run}/results/scores/sites.parquet --calibration {file} "
        "--out {out}/a.vcf.gz",
    ),
    "sites": UserFile(
        "results/scores/sites.parquet",
        "annotate_vcf --vcf {run}/a.vcf --id a --sites {file} --calibration {run}/results/calibration/calibration.json "
        "--out {out}/a.vcf.gz",
    ),
    "external_alleles": UserFile(
        "alleles.tsv", f"import_scores {COMMON} --scores {{file}} --model_id m --out_dir {{out}}/o"
    ),
    "external_gzip": UserFile(
        "alleles.tsv.gz",
        f"import_scores {COMMON} --scores {{file}} --model_id m --out_dir {{out}}/o",
    ),
    "external_vcf": UserFile(
        "scores.vcf", f"import_scores {COMMON} --scores {{file}} --model_id m --out_dir {{out}}/o"
    ),
    "external_indexed": UserFile(
        "indexed.tsv.gz",
        f"import_scores {COMMON} --scores {{file}} --model_id m --external_columns "
        "chrom:1/pos:2/ref:3/alt:4/score:5/scale:nats/meaning:preference --out_dir {out}/o",
        (".tbi",),
    ),
    "external_index": UserFile(
        "indexed.tsv.gz.tbi",
        f"import_scores {COMMON} --scores {{base}} --model_id m --external_columns "
        "chrom:1/pos:2/ref:3/alt:4/score:5/scale:nats/meaning:preference --out_dir {out}/o",
    ),
    "external_bigwig": UserFile(
        "scores.bw",
        f"import_scores {COMMON} --scores {{file}} --model_id m --external_columns phylop --out_dir {{out}}/o",
    ),
    "bundle_json": UserFile("results/models/context_model/bundle.json", "score"),
    "bundle_graph": UserFile("results/models/context_model/model.onnx", "score"),
    "bundle_members": UserFile("results/models/context_model/members.json", "score"),
    "table_tsv": UserFile("bench.tsv", "benchmark scores --table {file} --n 20 --out_dir {out}/o"),
    "table_parquet": UserFile(
        "bench.parquet", "benchmark scores --table {file} --n 20 --out_dir {out}/o"
    ),
    "compared_vcf": UserFile("annotated.vcf.gz", "compare {file} {run}/annotated.vcf.gz"),
    "verified_vcf": UserFile("annotated.vcf.gz", "verify {run}/a.vcf {file}"),
    "manifest": UserFile("results/pipeline_info/manifest.json", "verify"),
}


def examples(folder: Path) -> Path:
    """Write every example below `folder` and return it."""
    run = small_run.finish(folder)
    text = (folder / "a.vcf").read_bytes()
    letters = (folder / "genome.fa").read_text().split()[1]
    header, records = text[: text.index(b"c\t")], text[text.index(b"c\t") :]
    stored(folder / "b.vcf.gz", text, "bgzf")
    (folder / "x.bed").write_bytes(BED)
    (folder / "map.tsv").write_text("c\tc\nchrC\tc\n")
    fasta = (folder / "genome.fa").read_bytes()
    for name in ("genome.fa.gz", "indexed.fa.gz"):
        stored(folder / name, fasta, "bgzf")
    (folder / "indexed.fa").write_bytes(fasta)
    for name in ("indexed.fa", "indexed.fa.gz"):
        pysam.faidx(str(folder / name))
    (folder / "s.csv").write_text(f"sample,vcf\na,{folder}/a.vcf\nb,{folder}/b.vcf.gz\n")
    (folder / "s.yaml").write_text(f"- sample: a\n  vcf: {folder}/a.vcf\n- {{sample: b, vcf: x}}\n")
    (folder / "s.json").write_text(json.dumps([{"sample": "a", "vcf": f"{folder}/a.vcf"}]))
    _write_labels(folder, header, records)
    _write_scores(folder, letters)
    call(
        *("annotate_vcf", "--vcf", folder / "a.vcf", "--id", "annotated"),
        *("--calibration", run / "calibration" / "calibration.json"),
        *("--sites", run / "scores" / "sites.parquet", "--out", folder / "annotated.vcf.gz"),
    )
    shutil.copy(folder / "annotated.vcf.gz", run)
    shutil.copy(folder / "annotated.vcf.gz.tbi", run)
    shutil.copy(folder / "annotated.counts.json", run)
    shutil.copy(folder / "plan" / "copies.parquet", run)
    (run / "pipeline_info").mkdir()
    (run / "pipeline_info" / "manifest.json").write_text(_manifest(folder, run))
    return folder


def _write_labels(folder: Path, header: bytes, records: bytes) -> None:
    infos = b'##INFO=<ID=CLNSIG,Number=.,Type=String,Description="x">\n'
    infos += b'##INFO=<ID=AF,Number=A,Type=Float,Description="x">\n'
    infos += b'##INFO=<ID=SCORE,Number=A,Type=Float,Description="x">\n'
    head = header.replace(b"#CHROM", infos + b"#CHROM")
    lines = records.splitlines()
    values = (b"CLNSIG=Pathogenic;AF=0.5;SCORE=-1", b"CLNSIG=Benign;AF=0.01;SCORE=0.5")
    body = b"".join(
        b"\t".join([*line.split(b"\t")[:7], values[i % 2]]) + b"\n" for i, line in enumerate(lines)
    )
    (folder / "labels.vcf").write_bytes(head + body)
    (folder / "scores.vcf").write_bytes(head + body)
    pysam.tabix_index(str(stored(folder / "population.vcf.gz", head + body, "bgzf")), preset="vcf")


def _write_scores(folder: Path, letters: str) -> None:
    import pyBigWig

    rng = np.random.default_rng(1)
    rows = [
        f"c\t{pos + 1}\t{letters[pos]}\t{alt}\t{rng.normal():.4f}\n"
        for pos in range(100, 3000, 5)
        for alt in "ACGT"
        if alt != letters[pos]
    ]
    text = "chrom\tpos\tref\talt\tscore\n" + "".join(rows)
    (folder / "alleles.tsv").write_text(text)
    stored(folder / "alleles.tsv.gz", text.encode(), "gzip")
    indexed = stored(folder / "indexed.tsv.gz", ("#" + text).encode(), "bgzf")
    pysam.tabix_index(str(indexed), seq_col=0, start_col=1, end_col=1)
    with contextlib.closing(pyBigWig.open(str(folder / "scores.bw"), "w")) as file:
        file.addHeader([("c", len(letters))])
        file.addEntries("c", 0, values=rng.normal(size=8000).tolist(), span=1, step=1)
    bench = "chrom\tpos\tref\talt\tlabel\tone\ttwo\n" + "".join(
        f"c\t{n * 9000 + 1}\tA\tC\t{n % 2}\t{rng.normal() + n % 2:.4f}\t{rng.normal():.4f}\n"
        for n in range(240)
    )
    (folder / "bench.tsv").write_text(bench)
    import pandas as pd

    pd.read_csv(folder / "bench.tsv", sep="\t").to_parquet(folder / "bench.parquet")


def _manifest(folder: Path, run: Path) -> str:
    call(
        *("report", "--checked", folder / "checked", "--plan", folder / "plan"),
        *("--calibration", run / "calibration", "--sites", run / "scores"),
        *("--models", run / "models" / "context_model", "--out_dir", folder / "report"),
        *("--counts", folder / "annotated.counts.json"),
        *("--metrics", *sorted((folder / "scores").glob("*.metrics.json"))),
    )
    shutil.copy(folder / "report" / "gfmtrust_report.html", run)
    return (folder / "report" / "manifest.json").read_text()


def ended(run: Path, name: str, content: bytes) -> tuple[int, str]:
    """The exit code of the step that reads the file `name`, given this content in its place, and
    what it printed on stderr."""
    file = FILES[name]
    with tempfile.TemporaryDirectory() as task:
        out = Path(task)
        given = out / Path(file.path).name
        words = file.words
        if words in ("score", "verify"):
            words, given = _in_copy(run, out, file, words)
        given.write_bytes(content)
        base = given.with_suffix("")
        if "{base}" in words:
            shutil.copy(run / base.name, base)
            for ending in (".fai", ".gzi"):
                beside = run / f"{base.name}{ending}"
                if beside.exists() and not (out / beside.name).exists():
                    shutil.copy(beside, out)
        for ending in file.companions if "{base}" not in words else ():
            shutil.copy(run / f"{file.path}{ending}", out)
        if name == "population":
            shutil.copy(run / f"{file.path}.tbi", out)
        (out / "vcfs.tsv").exists() or (out / "vcfs.tsv").write_text(f"a\t{given}\n")
        schema = ROOT / "assets" / "schema_input.json"
        arguments = [
            word.format(file=given, run=run, out=out, base=base, schema=schema)
            for word in words.split()
        ]
        err = io.StringIO()
        with (
            contextlib.chdir(out),
            contextlib.redirect_stderr(err),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            code = cli.main(arguments)
        return code, err.getvalue()


def _in_copy(run: Path, out: Path, file: UserFile, step: str) -> tuple[str, Path]:
    """The words of a step that reads a whole folder, and the place of the file in a copy of it."""
    if step == "verify":
        shutil.copytree(run / "results", out / "results")
        return "verify {out}/results", out / file.path
    shutil.copytree(run / "results" / "models", out / "results" / "models")
    words = f"score_sites {COMMON} --bundle {{out}}/results/models/context_model --device cpu"
    return f"{words} --shard {{run}}/plan/shards/shard_00000.parquet --out_dir {{out}}/o", (
        out / file.path
    )


# --- damage
# ------------------------------------------------------------------------------------------------------------------------


def damages(content: bytes, rng: np.random.Generator, n: int) -> dict[str, bytes]:
    """Damaged versions of a content by what was done to it: what needs no chance, and `n` of each
    kind that does."""
    whole = {
        "empty": b"",
        "one byte": content[:1],
        "zeros": bytes(len(content)),
        "no last byte": content[:-1],
        "half": content[: len(content) // 2],
        "twice": content + content,
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n",
        "utf-16": content.decode("latin-1").encode("utf-16"),
        "crlf": content.replace(b"\n", b"\r\n"),
        "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94.",
        "gzip": b"\x1f\x8b\x08\x00" + content[:100],
        "zip": b"PK\x03\x04" + content[:100],
        "parquet": b"PAR1" + content[:50] + b"PAR1",
        "json null": b"null",
        "json list": b"[]",
        "json text": b'"text"',
        "json number": b"1e999",
        "json deep": b"[" * 3000 + b"]" * 3000,
        "json large": b'{"version": ' + b"9" * 5000 + b"}",
    }
    for i in range(n):
        at = int(rng.integers(0, max(1, len(content))))
        whole[f"cut at {at}"] = content[:at]
        flipped = bytearray(content)
        flipped[at] ^= 1 << int(rng.integers(0, 8))
        whole[f"bit {i} at {at}"] = bytes(flipped)
        size = int(rng.integers(1, 40))
        whole[f"without {size} at {at}"] = content[:at] + content[at + size :]
        whole[f"noise {size} at {at}"] = content[:at] + rng.bytes(size) + content[at + size :]
        other = int(rng.integers(0, max(1, len(content))))
        whole[f"spliced {other} at {at}"] = content[:at] + content[other:]
    return whole


def changed_json(content: bytes, rng: np.random.Generator, n: int) -> dict[str, bytes]:
    """A JSON document with one value of another type, or one key fewer or more."""
    values: list = [None, True, -1, 1e308, "x", "", [], {}, [[]], "9" * 400, 10**30]
    changed = {}
    for i in range(n):
        document = json.loads(content)
        if isinstance(document, dict):
            document.pop(documents.SEAL, None)  # so that the checks behind it are reached
        node, keys = document, []
        while isinstance(node, (dict, list)) and node:
            keys.append((node, key := _drawn_key(node, rng)))
            node = node[key]
            if rng.random() < 0.3:
                break
        if not keys:
            continue
        parent, key = keys[-1]
        if rng.random() < 0.25:
            del parent[key]
            changed[f"json {i} without {key}"] = json.dumps(document).encode()
        else:
            value = values[int(rng.integers(len(values)))]
            parent[key] = value
            changed[f"json {i} {key}={str(value)[:20]!r}"] = json.dumps(document).encode()
    return changed


def _drawn_key(node: dict | list, rng: np.random.Generator):
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    return keys[int(rng.integers(len(keys)))]


def changed_table(path: Path, rng: np.random.Generator, n: int) -> dict[str, bytes]:
    """A Parquet table without a column, with one of another type, without rows or its metadata."""
    table = pq.read_table(path)
    metadata = table.schema.metadata
    versions = {"no rows": table.slice(0, 0), "no metadata": table.replace_schema_metadata(None)}
    for i in range(n):
        column = int(rng.integers(table.num_columns))
        name = table.schema.names[column]
        kind = ["string", "float64", "int8", "bool"][int(rng.integers(4))]
        versions[f"table {i} without {name}"] = table.remove_column(column)
        values = [None] * table.num_rows
        import pyarrow as pa

        versions[f"table {i} {name} null {kind}"] = table.set_column(
            column, name, pa.array(values, pa.type_for_alias(kind))
        )
        order = rng.permutation(table.num_rows)
        versions[f"table {i} shuffled"] = table.take(pa.array(order))
    contents = {}
    for label, version in versions.items():
        buffer = io.BytesIO()
        kept = version if label == "no metadata" else version.replace_schema_metadata(metadata)
        pq.write_table(kept, buffer)
        contents[label] = buffer.getvalue()
    return contents


Damage = Callable[[bytes, np.random.Generator, int], dict[str, bytes]]


def all_damages(run: Path, name: str, seed: int, n: int) -> dict[str, bytes]:
    """Every kind of damage that fits the file."""
    rng = np.random.default_rng(seed)
    path = run / FILES[name].path
    content = path.read_bytes()
    versions = damages(content, rng, n)
    if path.suffix == ".json":
        versions |= changed_json(content, rng, 3 * n)
    if path.suffix == ".parquet":
        versions |= changed_table(path, rng, n)
    return versions
