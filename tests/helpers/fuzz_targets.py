"""One function per parser for guided fuzzing: it takes the bytes of a file and ends, or raises an
error of ours; and mutations that know the structure of a table or of a JSON document."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import toy_models
from paths import ROOT
from vcf_texts import OUR_LINES, simple_values

from gfmtrust.bundle import bpe_file, onnx_file, schema, vocabulary, vocabulary_file
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core import documents
from gfmtrust.core.contracts.checks import Checks
from gfmtrust.core.contracts.manifest import Manifest
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.errors import GfmtrustError
from gfmtrust.export import score_files
from gfmtrust.inputs import labels, samplesheet
from gfmtrust.inputs.check_vcf import VcfJob, check_vcf
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.io import bed
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf import splice, verify
from gfmtrust.score_tables import layout
from gfmtrust.validation.benchmark.score_table import reading

CORPUS = ROOT / "tests" / "fuzz" / "corpus"
LETTERS = "ACGT" * 30
ODD = (b"", b".", b"-1", b"0", b"1e9", b"9" * 25, b"NaN", b"inf", b"\xff", b"\x00", b"\r", b" ")
ODD += (b"=", b";", b",", b"<DEL>", b"*", b"#", b">", b'"', b"\xef\xbb\xbf", b"../x", b"\t", b"A,C")
VALUES: tuple = (None, True, -1, 0, 1e308, "x", "", [], {}, [[]], "9" * 400, 10**30, "A", "/x", 1.5)


@dataclass(frozen=True)
class Folder:
    """Where the targets write: `path` for the file, and what some parsers need beside it."""

    path: Path
    genome: Genome
    schema: samplesheet.SheetSchema

    @classmethod
    def new(cls) -> Folder:
        path = Path(tempfile.mkdtemp(prefix="fuzz"))
        (path / "genome.fa").write_text(f">c\n{LETTERS}\n>d\n{LETTERS[::-1]}\n")
        toy_models.write_toy(path / "toy")
        return cls(
            path,
            Genome.open(path / "genome.fa", path),
            samplesheet.SheetSchema.read(ROOT / "assets" / "schema_input.json"),
        )

    def written(self, name: str, content: bytes) -> Path:
        path = self.path / name
        path.write_bytes(content)
        return path


def vcf(folder: Folder, content: bytes) -> None:
    """What the writer accepts, the independent check must accept too."""
    path, output = folder.written("a.vcf", content), folder.path / "out.vcf.gz"
    splice.annotate(path, output, simple_values, OUR_LINES, overwrite=True, force=True)
    verify.verify(path, output)


def door(folder: Folder, content: bytes) -> None:
    path = folder.written("a.vcf", content)
    out = folder.path / "spellings.parquet"
    check_vcf(VcfJob("a", path, folder.path, out, ContigRule("auto"), True), folder.genome)


def fasta(folder: Folder, content: bytes) -> None:
    (folder.path / "f.fa.fai").unlink(missing_ok=True)
    with Genome.open(folder.written("f.fa", content), folder.path) as genome:
        genome.sums()


def sheet(folder: Folder, content: bytes) -> None:
    for name in ("s.csv", "s.tsv", "s.json"):
        try:
            samplesheet.samplesheet_of(content, name, folder.schema, ["."])
        except GfmtrustError as error:
            allowed(error)


def sheet_yaml(folder: Folder, content: bytes) -> None:
    samplesheet.samplesheet_of(content, "s.yaml", folder.schema, ["."])


def label_vcf(folder: Folder, content: bytes) -> None:
    rule = labels.rule_of("CLNSIG", None, None)
    out = folder.path / "labels.parquet"
    labels.read_labels(folder.written("l.vcf", content), rule, folder.genome, out, "none")


def bundle_json(folder: Folder, content: bytes) -> None:
    """With a digest that fits, so that the checks behind it are reached."""
    directory = folder.path / "bundle"
    if not directory.exists():
        shutil.copytree(folder.path / "toy", directory)
    try:
        document = json.loads(content)
        document["sha256"] = schema.digest(document)
        content = json.dumps(document).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    (directory / schema.BUNDLE_FILE).write_bytes(content)
    opened = Bundle.open(directory)
    _ = (opened.window_bp, opened.shifts, opened.text, opened.training, opened.graph_for("cpu"))


def tokenizer(folder: Folder, content: bytes) -> None:
    directory = folder.path / "tokenizer"
    directory.mkdir(exist_ok=True)
    (directory / bpe_file.FILE).write_bytes(content)
    bpe_file.read(directory)


def words(folder: Folder, content: bytes) -> None:
    """vocab.txt, vocab.json and tokenizer.json, each by itself."""
    for name in vocabulary.VOCABULARY_FILES:
        directory = folder.path / f"words_{name}"
        directory.mkdir(exist_ok=True)
        (directory / name).write_bytes(content)
        try:
            vocabulary.read_vocabulary(directory)
        except GfmtrustError as error:
            allowed(error)


def tokenizer_configuration(folder: Folder, content: bytes) -> None:
    directory = folder.path / "config"
    directory.mkdir(exist_ok=True)
    (directory / "tokenizer_config.json").write_bytes(content)
    vocabulary_file.read_tokenizer_config(directory)


def safetensors(folder: Folder, content: bytes) -> None:
    from gfmtrust.models import weights

    path = folder.written("model.safetensors", content)
    weights.n_bytes([path])
    weights.read([path])


def graph(folder: Folder, content: bytes) -> None:
    onnx_file.read_graph(folder.written("model.onnx", content))


def scores(folder: Folder, content: bytes) -> None:
    score_files.read_table(folder.written("s.tsv", content), folder.genome, "none")


def columns(_folder: Folder, content: bytes) -> None:
    layout.parse(content.decode("utf-8", "replace"))


TARGETS: dict[str, Callable[[Folder, bytes], object]] = {
    "vcf": vcf,
    "door": door,
    "bed": lambda folder, content: bed.read(folder.written("a.bed", content)),
    "fasta": fasta,
    "sheet": sheet,
    "sheet_yaml": sheet_yaml,
    "labels": label_vcf,
    "scores": scores,
    "columns": columns,
    "benchmark": lambda folder, content: reading.read_columns(folder.written("b.tsv", content)),
    "calibration": lambda folder, content: RunCalibration.read(folder.written("c.json", content)),
    "manifest": lambda folder, content: Manifest.read(folder.written("m.json", content)),
    "plan": lambda folder, content: Plan.read(folder.written("p.json", content)),
    "checks": lambda folder, content: Checks.read(folder.written("k.json", content)),
    "bundle": bundle_json,
    "tokenizer": tokenizer,
    "vocabulary": words,
    "tokenizer_config": tokenizer_configuration,
    "safetensors": safetensors,
    "graph": graph,
}


def allowed(error: GfmtrustError) -> None:
    """Raise an error that a user must never see."""
    if error.exit_code == 70 or "\n" in str(error):
        raise AssertionError(f"{type(error).__name__}: {error!r}") from error


def tried(name: str, folder: Folder, content: bytes) -> None:
    """Parse one content; raises whatever is no error of ours."""
    try:
        TARGETS[name](folder, content)
    except GfmtrustError as error:
        allowed(error)


# --- mutations
# ----------------------------------------------------------------------------------------------


def mutated(content: bytes, rng: random.Random) -> bytes | None:
    """A content with one change that keeps its structure: of a value of a JSON document, or of a
    cell or a line of a table; None where it has none."""
    if content[:1] in b"{[" and len(content) > 1:
        return _changed_json(content, rng)
    if len(content) > 8 and content[8:9] == b"{":  # safetensors: the length of the header, then it
        length = int.from_bytes(content[:8], "little")
        header = _changed_json(content[8 : 8 + length], rng)
        if header is None:
            return None
        return len(header).to_bytes(8, "little") + header + content[8 + length :]
    if b"\n" in content and b"\x00" not in content[:64]:
        return _changed_table(content, rng)
    return None


def _changed_json(content: bytes, rng: random.Random) -> bytes | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict):
        document.pop(documents.SEAL, None)  # so that the checks behind it are reached
    node, places = document, []
    while isinstance(node, (dict, list)) and node:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        places.append((node, key := rng.choice(keys)))
        node = node[key]
        if rng.random() < 0.25:
            break
    if not places:
        return None
    parent, key = places[-1]
    what = rng.random()
    if what < 0.2:
        del parent[key]
    elif what < 0.3 and isinstance(parent, list):
        parent.insert(key, parent[key])
    else:
        parent[key] = rng.choice(VALUES)
    return json.dumps(document).encode()


def _changed_table(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    what = rng.random()
    if what < 0.15:
        del lines[at]
    elif what < 0.3:
        lines.insert(at, rng.choice(lines))
    else:
        by = b"\t" if b"\t" in lines[at] else rng.choice((b",", b";", b"=", b" "))
        cells = lines[at].split(by)
        cells[rng.randrange(len(cells))] = rng.choice(ODD)
        lines[at] = by.join(cells)
    return b"\n".join(lines)
