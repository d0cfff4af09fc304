"""A bundle: a directory with bundle.json, its ONNX graphs and nothing unnamed; written once,
checked at every opening.

Everything scoring needs to know of a model is in bundle.json; the graph is only run. One writer for
all families:

    meta = {"identity": {...}, "text": {...}, "scoring": {...}, "window": {...}, "source": {...},
    "proof": {...}, "golden": [...]} bundle.write(directory, meta, graph_path,
    files=(members_json,))   # adds schema, graphs, files, sha256 bundle.Bundle.open(directory)
    # checks digests, schema, domains, inputs, outputs

The groups and their fields are FIELDS below, the text group of a model of whole tokens (BPE) holds
BPE_FIELDS too; docs/models.md explains them. Not here: what a graph may hold (`graph_contract`),
running one (`session`), making one (`export`, `context_model`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from gfmtrust.bundle import graph_contract, onnx_file
from gfmtrust.bundle.bpe import BpeText
from gfmtrust.bundle.graph_contract import file_sha256, wrong
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import CannotWriteError, MissingInputError, message
from gfmtrust.inputs import training

SCHEMA = 1
BUNDLE_FILE = "bundle.json"
MAX_JSON_BYTES = 64 << 20
QUANTITIES = ("direct", "kmer", "counts", "likelihood")
EXTERNAL = "external"
"""The family that has tables of answers in place of a graph (`external`)."""
PRECISIONS = ("fp32", "fp16")
"""Numeric precisions of a network; its log-probabilities are always float32."""

FIELDS: dict[str, dict[str, type | tuple]] = {
    "identity": {
        "model_id": str,
        "family": str,
        "repository": str,
        "revision": str,
        "licence": str,
        "licence_url": str,
        "n_parameters": int,
        "citation": str,
    },
    "text": {
        "k": int,
        "vocabulary": dict,
        "mask": str,
        "unknown": str,
        "outside": str,
        "prefix": list,
        "suffix": list,
        "lower_case": bool,
        "vocabulary_sha256": str,
    },
    "scoring": {
        "causal": bool,
        "quantity": str,
        "kmer_method": str,
        "n_members": int,
        "rc_equivariant": bool,
        "neighbour_offsets": list,
        "neighbours_in_same_pass": bool,
    },
    "window": {
        "window_bp": int,
        "trained_bp": int,
        "site_forward": int,
        "site_reverse": int,
        "shifts": list,
        "batch": int,
    },
    "source": {},
    "proof": {"gate": str},
    "graphs": {},
    "files": {},
}
"""Group -> field -> type; a group may hold more, and every other group is left alone. `golden` is a
list beside them, `training` one that need not be there, see that module."""
BPE_FIELDS = {
    "merges": list,
    "fuse_unknown": bool,
    "n_run": int,
    "n_token": str,
    "n_ids": int,
    "max_tokens": int,
}
"""Of the text group of a BPE model, whose `kind` is "bpe"."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: its directory, its bundle.json and the digest that stands for all of it."""

    directory: Path
    meta: dict
    sha256: str

    @classmethod
    def open(cls, directory: str | Path) -> Bundle:
        """Read and check a bundle; nothing of it is run.

        Raises MissingInputError (66) where the directory or a file of it is missing, BadDataError
        (65) for anything else: schema, digests, links, data outside the directory, foreign operator
        domains, opset, inputs or outputs.
        """
        directory = Path(directory)
        meta = read_meta(directory / BUNDLE_FILE)
        for name, expected in members(meta).items():
            _check_file(directory, name, expected)
        for device, entry in meta["graphs"].items():
            summary = onnx_file.read_graph(directory / entry["file"])
            graph_contract.check(directory / entry["file"], summary, meta, device)
            _check_external(directory, summary, entry)
        return cls(directory, meta, meta["sha256"])

    @property
    def model_id(self) -> str:
        return self.meta["identity"]["model_id"]

    @property
    def family(self) -> str:
        return self.meta["identity"]["family"]

    @property
    def text(self) -> Text:
        return text_of(self.meta)

    @property
    def k(self) -> int:
        """Letters of a token."""
        return self.meta["text"]["k"]

    @property
    def causal(self) -> bool:
        return self.meta["scoring"]["causal"]

    @property
    def reads_on(self) -> bool:
        """Whether a causal model's windows go on beyond the site, so that each base is judged by
        what it makes of the right flank."""
        return self.causal and self.has_distribution and self.site_forward < self.window_bp - 1

    @property
    def quantity(self) -> str:
        """What the graph answers; one of QUANTITIES (docs/scoring.md)."""
        return self.meta["scoring"]["quantity"]

    @property
    def has_distribution(self) -> bool:
        """Whether the model tells a probability of each base at a site, not the likelihood of whole
        alleles alone."""
        return self.quantity != "likelihood"

    @property
    def n_members(self) -> int:
        return self.meta["scoring"]["n_members"]

    @property
    def rc_equivariant(self) -> bool:
        return self.meta["scoring"]["rc_equivariant"]

    @property
    def kmer_method(self) -> str:
        return self.meta["scoring"]["kmer_method"]

    @property
    def neighbour_offsets(self) -> list[int]:
        """Offsets of the neighbours from the site, as read; empty where the model has none."""
        return self.meta["scoring"]["neighbour_offsets"]

    @property
    def neighbours_in_same_pass(self) -> bool:
        return self.meta["scoring"]["neighbours_in_same_pass"]

    @property
    def window_bp(self) -> int:
        return self.meta["window"]["window_bp"]

    @property
    def trained_bp(self) -> int:
        return self.meta["window"]["trained_bp"]

    @property
    def site_forward(self) -> int:
        """Index of the site in a forward window; site_reverse: in the reverse complemented window,
        as read."""
        return self.meta["window"]["site_forward"]

    @property
    def site_reverse(self) -> int:
        return self.meta["window"]["site_reverse"]

    @property
    def shifts(self) -> list[int]:
        """Window shifts of the thorough preset, bases; 0 need not be among them."""
        return self.meta["window"]["shifts"]

    @property
    def gate(self) -> str:
        """'passed' or 'failed': did the model beat chance on the user's genome at export."""
        return self.meta["proof"]["gate"]

    @property
    def training(self) -> dict:
        """Assemblies and contigs the model says it was trained on, {} where it does not."""
        return self.meta.get("training", {})

    @property
    def precision(self) -> str:
        """One of PRECISIONS, of all its graphs; EXTERNAL where there is none."""
        return EXTERNAL if self.is_external else self.meta["graphs"]["cpu"]["precision"]

    @property
    def is_external(self) -> bool:
        """Whether its answers are tables, made elsewhere, and nothing is to be run."""
        return self.family == EXTERNAL

    def graph_for(self, device: str) -> Path | None:
        """Path of the graph certified for 'cpu' or 'cuda'; None where there is none. Never the
        other device's."""
        entry = self.meta["graphs"].get(device)
        return self.directory / entry["file"] if entry else None


def write(
    directory: str | Path,
    meta: dict,
    graph_path: Path | None,
    files: tuple[Path, ...] = (),
    precision: str = "fp32",
    cuda_graph_path: Path | None = None,
) -> Bundle:
    """Write a new bundle from its groups and graphs of that precision, and open it as a user would.

    meta: the groups of FIELDS except graphs and files, and golden; left unchanged. graph_path,
    cuda_graph_path: the .onnx of each device class, without external data or with its one data file
    beside it; None for family EXTERNAL. files: further files to carry, such as members.json.
    Without a graph of its own CUDA is given the CPU's, unless that holds one of CPU_ONLY_OPERATORS.
    The directory appears whole or not at all. Raises CannotWriteError (73) where it exists,
    BadDataError (65) for a graph that breaks the contract.
    """
    directory = Path(directory)
    if directory.exists():
        raise CannotWriteError(
            message(str(directory), "exists", "a new directory", "remove it or choose another")
        )
    part = _fresh_part(directory)
    try:
        graphs = (
            graph_contract.copied(part, graph_path, cuda_graph_path, precision)
            if graph_path
            else {}
        )
        for path in files:
            shutil.copyfile(path, part / path.name)
        digests = {path.name: file_sha256(part / path.name) for path in files}
        held = {**meta, "schema": SCHEMA, "graphs": graphs, "files": digests}
        held["sha256"] = digest(held)
        (part / BUNDLE_FILE).write_text(json.dumps(held, indent=1, sort_keys=True) + "\n")
        Bundle.open(part)
        os.replace(part, directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Bundle.open(directory)


def copy(opened: Bundle, directory: Path) -> Bundle:
    """Copy an opened bundle, nothing but its own files, to a new directory that appears whole or
    not at all."""
    part = _fresh_part(directory)
    try:
        for name in (BUNDLE_FILE, *members(opened.meta)):
            shutil.copyfile(opened.directory / name, part / name)
        os.replace(part, directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Bundle.open(directory)


def _fresh_part(directory: Path) -> Path:
    """An empty directory beside the one to be written; what a killed run left there goes first."""
    part = directory.with_name(directory.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def text_of(meta: dict) -> Text:
    """The tokenizer's description, from groups text and scoring."""
    text, scoring = meta["text"], meta["scoring"]
    common = (
        text["k"],
        text["vocabulary"],
        text["mask"],
        text["unknown"],
        text["outside"],
        tuple(text["prefix"]),
        tuple(text["suffix"]),
        text["lower_case"],
        scoring["causal"],
        scoring["kmer_method"],
    )
    if text.get("kind") != "bpe":
        return Text(*common)
    own = {name: text[name] for name in BPE_FIELDS}
    return BpeText(*common, **own | {"merges": tuple(tuple(pair) for pair in text["merges"])})


def digest(meta: dict) -> str:
    """sha256 of bundle.json's content without its own sha256; the graphs enter by theirs. This is
    the model's digest everywhere."""
    content = {key: value for key, value in meta.items() if key != "sha256"}
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def read_meta(path: Path) -> dict:
    """The content of a bundle.json, its fields checked and its digest compared; no other file is read.

    Raises MissingInputError (66) where it is missing, BadDataError (65) for another schema, a missing field or another digest.
    """
    meta = _read_json(path)
    _check_fields(path.parent, meta)
    content_sha256 = digest(meta)
    if meta["sha256"] != content_sha256:
        raise wrong(
            path,
            f"sha256 of its content is {content_sha256}",
            f"{meta['sha256']} as it says itself",
        )
    return meta


def _read_json(path: Path) -> dict:
    if not path.is_file():
        raise MissingInputError(
            message(
                str(path),
                "not found",
                "a bundle directory with bundle.json",
                "export the model first",
            )
        )
    if path.stat().st_size > MAX_JSON_BYTES:
        raise wrong(path, f"{path.stat().st_size} bytes", f"at most {MAX_JSON_BYTES}")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise wrong(path, f"no JSON ({error})", "bundle.json as it was written") from error
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        raise wrong(
            path,
            f"schema is {meta.get('schema') if isinstance(meta, dict) else type(meta).__name__}",
            str(SCHEMA),
        )
    return meta


def _check_fields(directory: Path, meta: dict) -> None:
    path = directory / BUNDLE_FILE
    for group, fields in FIELDS.items():
        if not isinstance(meta.get(group), dict):
            raise wrong(path, f"{group} is {type(meta.get(group)).__name__}", "an object")
        for name, kind in fields.items():
            if type(meta[group].get(name)) is not kind:
                raise wrong(
                    path, f"{group}.{name} is {meta[group].get(name)!r}"[:120], kind.__name__
                )
    is_external = meta["identity"]["family"] == EXTERNAL
    if (
        not isinstance(meta.get("golden"), list)
        or not (meta["golden"] or is_external)
        or not isinstance(meta.get("sha256"), str)
    ):
        raise wrong(path, "golden windows or sha256 are missing", "both")
    if fault := training.fault(meta.get("training", {})):
        raise wrong(path, f"training: {fault}", "lists of names under assemblies and contigs")
    window, scoring = meta["window"], meta["scoring"]
    for name in ("site_forward", "site_reverse"):
        if not 0 <= window[name] < window["window_bp"]:
            raise wrong(path, f"window.{name} is {window[name]}", f"0 to {window['window_bp'] - 1}")
    if scoring["quantity"] not in QUANTITIES or meta["proof"]["gate"] not in ("passed", "failed"):
        raise wrong(
            path,
            f"quantity {scoring['quantity']!r}, gate {meta['proof']['gate']!r}",
            f"{QUANTITIES}; passed or failed",
        )
    is_bpe = meta["text"].get("kind") == "bpe"
    if (scoring["quantity"] == "likelihood" and not is_external) != is_bpe:
        raise wrong(
            path,
            f"quantity {scoring['quantity']!r} with text of kind {meta['text'].get('kind')!r}",
            "'likelihood' with 'bpe'",
        )
    for name, kind in (BPE_FIELDS if is_bpe else {}).items():
        if type(meta["text"].get(name)) is not kind:
            raise wrong(path, f"text.{name} is {meta['text'].get(name)!r}"[:120], kind.__name__)
    if set(meta["graphs"]) not in ([set()] if is_external else [{"cpu"}, {"cpu", "cuda"}]):
        expected = f"none, the family is {EXTERNAL}" if is_external else "cpu, perhaps cuda"
        raise wrong(path, f"graphs are for {sorted(meta['graphs'])}", expected)
    for device, entry in meta["graphs"].items():
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("file"), str)
            or not isinstance(entry.get("data"), dict)
        ):
            raise wrong(path, f"graphs.{device} names no file or data", "file, sha256, data")
        if entry.get("precision") not in PRECISIONS:
            raise wrong(
                path,
                f"graphs.{device}.precision is {entry.get('precision')!r}",
                " or ".join(PRECISIONS),
            )


def members(meta: dict) -> dict[str, str]:
    """File name -> sha256 of everything the bundle holds beside bundle.json."""
    held = dict(meta["files"])
    for entry in meta["graphs"].values():
        held |= {entry["file"]: entry.get("sha256"), **entry["data"]}
    return held


def _check_file(directory: Path, name: str, expected: str) -> None:
    """A plain file of the directory itself, reached by no link of ours, with the digest bundle.json
    gives."""
    path = directory / name
    if Path(name).name != name or name in ("", ".", ".."):
        raise wrong(path, f"file name {name!r} leaves the bundle", "a name without a directory")
    if path.is_symlink():
        raise wrong(path, "is a symbolic link", "a plain file inside the bundle")
    if not path.is_file():
        raise MissingInputError(
            message(
                str(path), "not found", "the file bundle.json names", "copy the whole directory"
            )
        )
    found = file_sha256(path)
    if found != expected:
        raise wrong(path, f"sha256 is {found}", f"{expected} as bundle.json says")


def _check_external(directory: Path, summary: onnx_file.GraphSummary, entry: dict) -> None:
    for name in summary.external:
        if name not in entry["data"]:
            raise wrong(
                directory / entry["file"],
                f"external data {name!r} leaves the bundle",
                "a data file of bundle.json",
            )
