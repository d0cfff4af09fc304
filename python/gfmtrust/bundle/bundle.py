"""A bundle: a directory with bundle.json and the files that it names, among them the ONNX graphs.

A bundle is written once and checked at every opening. All that scoring needs to know about a model
is in bundle.json. There is one writer for all families:

    meta = {"identity": {...}, "text": {...}, "scoring": {...}, "window": {...}, "source": {...},
            "proof": {...}, "golden": [...]}
    bundle.write(directory, meta, graph_path, files=(members_json,))
    bundle.Bundle.open(directory)

`write` adds schema, graphs, files and sha256; `open` checks digests, schema, operator domains,
inputs and outputs. docs/understand/models.md explains the groups. The fields of bundle.json are in
`schema`, the rules for graphs in `graph_contract`; `session` runs a graph, `export` and `baseline`
make bundles.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gfmtrust.bundle import graph_contract, onnx_file
from gfmtrust.bundle.graph_contract import file_sha256, wrong
from gfmtrust.bundle.onnx_file import GraphSummary
from gfmtrust.bundle.schema import (
    BUNDLE_FILE,
    EXTERNAL,
    SCHEMA,
    SIZES,
    digest,
    members,
    read_meta,
    text_of,
)
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import CannotWriteError, MissingInputError, message

DIGESTED_BYTES = 64 << 20
"""Files up to this size are digested at every opening, which takes 0.05 s."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    meta: the content of its bundle.json. sha256: the digest of the whole bundle.
    """

    directory: Path
    meta: dict
    sha256: str

    @classmethod
    def open(cls, directory: str | Path, verify: Literal["digests", "sizes"] = "digests") -> Bundle:
        """Read and check a bundle without running its graphs.

        verify: 'digests' compares the sha256 of every file; it is for a step that makes or accepts a
        bundle. 'sizes' compares only the sizes of graphs and weights above DIGESTED_BYTES; it is
        for the tasks of a run, which would otherwise read gigabytes once per shard. The size
        reveals a truncated copy, and the golden windows reveal a weight that changes the answers.
        If a bundle states no sizes, its digests are compared.

        Raises MissingInputError (66) if the directory or one of its files is missing, BadDataError
        (65) for any other fault: schema, digests, links, data outside the directory, foreign
        operator domains, opset, inputs or outputs.
        """
        directory = Path(directory)
        meta = read_meta(directory / BUNDLE_FILE)
        sizes = _large_weights(meta) if verify == "sizes" else {}
        for name, expected in members(meta).items():
            _check_file(directory, name, expected, sizes.get(name))
        summary_of: dict[str, GraphSummary] = {}  # both devices often share a file
        for device, entry in meta["graphs"].items():
            path = directory / entry["file"]
            summary = summary_of.get(path.name) or onnx_file.read_graph(path)
            summary_of[path.name] = summary
            graph_contract.check(path, summary, meta, device)
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
        """The number of letters in a token."""
        return self.meta["text"]["k"]

    @property
    def causal(self) -> bool:
        return self.meta["scoring"]["causal"]

    @property
    def quantity(self) -> str:
        """The quantity that the graph computes; one of QUANTITIES (docs/understand/scoring.md)."""
        return self.meta["scoring"]["quantity"]

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
        """Offsets of the neighbours from the site on the strand as read; empty if there are none."""
        return self.meta["scoring"]["neighbour_offsets"]

    @property
    def neighbours_in_same_pass(self) -> bool:
        return self.meta["scoring"]["neighbours_in_same_pass"]

    @property
    def window_bp(self) -> int:
        """The length of the window in bases."""
        return self.meta["window"]["window_bp"]

    @property
    def trained_bp(self) -> int:
        """The length, in bases, that the model was trained on."""
        return self.meta["window"]["trained_bp"]

    @property
    def site_forward(self) -> int:
        """Index of the site in a forward window."""
        return self.meta["window"]["site_forward"]

    @property
    def site_reverse(self) -> int:
        """Index of the site in a window that was reverse complemented, as read."""
        return self.meta["window"]["site_reverse"]

    @property
    def shifts(self) -> list[int]:
        """Window shifts of the thorough preset in bases; 0 may be absent."""
        return self.meta["window"]["shifts"]

    @property
    def gate(self) -> str:
        """'passed' if the model was better than chance on the user's genome at export, otherwise
        'failed'."""
        return self.meta["proof"]["gate"]

    @property
    def training(self) -> dict:
        """Assemblies and contigs of the training data; {} if the bundle does not state them."""
        return self.meta.get("training", {})

    @property
    def precision(self) -> str:
        """The precision of all graphs, one of PRECISIONS; EXTERNAL if there is no graph."""
        return EXTERNAL if self.is_external else self.meta["graphs"]["cpu"]["precision"]

    @property
    def opset(self) -> int:
        """ONNX operator set of the graph; 0 if there is no graph."""
        return 0 if self.is_external else self.meta["graphs"]["cpu"]["opsets"][""]

    @property
    def is_external(self) -> bool:
        """Whether the scores are tables of another program, so that no graph is run."""
        return self.family == EXTERNAL

    def graph_for(self, device: str) -> Path | None:
        """Path of the graph that is certified for the device, 'cpu' or 'cuda'; None if there is none."""
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
    """Write a new bundle, and open it as a user would.

    meta: the groups of FIELDS except graphs and files, and golden; it is not changed.
    graph_path, cuda_graph_path: the .onnx file for each device, with at most one file of external
    data beside it; None for the family EXTERNAL. Without a CUDA graph, CUDA uses that of the CPU,
    unless it contains one of CPU_ONLY_OPERATORS.
    files: further files to include, such as members.json. precision: of both graphs.

    The directory appears only when it is complete. Raises CannotWriteError (73) if it exists,
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
        content = {**meta, "schema": SCHEMA, "graphs": graphs, "files": digests}
        content[SIZES] = {name: (part / name).stat().st_size for name in members(content)}
        content["sha256"] = digest(content)
        (part / BUNDLE_FILE).write_text(
            json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )
        Bundle.open(part)
        os.replace(part, directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Bundle.open(directory)


def copy(opened: Bundle, directory: Path) -> Bundle:
    """Copy the files of an opened bundle to a new directory, which appears only when it is complete."""
    part = _fresh_part(directory)
    try:
        for name in (BUNDLE_FILE, *members(opened.meta)):
            shutil.copyfile(opened.directory / name, part / name)
        os.replace(part, directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Bundle.open(directory)


def _fresh_part(directory: Path) -> Path:
    """An empty directory beside the one to be written; the remains of a killed run are removed."""
    part = directory.with_name(directory.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def _large_weights(meta: dict) -> dict[str, int]:
    """The size of each graph file above DIGESTED_BYTES.

    Other files are left out, because no golden window would reveal a change in them.
    """
    return {
        name: size
        for name, size in meta.get(SIZES, {}).items()
        if name not in meta["files"] and size > DIGESTED_BYTES
    }


def _check_file(directory: Path, name: str, expected: str, size: int | None) -> None:
    """Check that a plain file of the directory has the given size, or the digest if there is none."""
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
    if size is not None:
        if path.stat().st_size != size:
            raise wrong(path, f"{path.stat().st_size} bytes", f"{size} as bundle.json says")
        return
    content_sha256 = file_sha256(path)
    if content_sha256 != expected:
        raise wrong(path, f"sha256 is {content_sha256}", f"{expected} as bundle.json says")


def _check_external(directory: Path, summary: onnx_file.GraphSummary, entry: dict) -> None:
    for name in summary.external:
        if name not in entry["data"]:
            raise wrong(
                directory / entry["file"],
                f"external data {name!r} leaves the bundle",
                "a data file of bundle.json",
            )
