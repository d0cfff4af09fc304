"""The content of bundle.json: its groups and fields, how they are checked, and its digest.

The text group of a model of whole tokens (BPE) contains BPE_FIELDS besides its own. Not here: the
files beside bundle.json (`bundle`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gfmtrust.bundle.bpe import BpeText
from gfmtrust.bundle.graph_contract import wrong
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core import documents
from gfmtrust.core.errors import MissingInputError, message
from gfmtrust.inputs import training
from gfmtrust.score_tables import record

SCHEMA = 1
BUNDLE_FILE = "bundle.json"
MAX_JSON_BYTES = 64 << 20
QUANTITIES = ("direct", "kmer", "counts", "likelihood", "score")
"""What a model answers; `score` is a scale of its own, of scores from elsewhere alone."""
EXTERNAL = "external"
"""The family whose bundles contain tables of scores instead of a graph (`readers.external`)."""
PRECISIONS = ("fp32", "fp16")
"""Numeric precisions of a network; its log-probabilities are always float32."""

FIELDS: dict[str, dict[str, type]] = {
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
"""Group -> field -> type. A group may have further fields, and further groups are not checked. Beside
them are the list `golden` and the optional group `training` (`inputs.training`)."""
SIZES = "sizes"
"""Group with the size in bytes of each file beside bundle.json; bundles of gfmtrust 0.1 lack it."""
BPE_FIELDS: dict[str, type] = {
    "merges": list,
    "fuse_unknown": bool,
    "n_run": int,
    "n_token": str,
    "n_ids": int,
    "max_tokens": int,
}
"""Further fields of the text group of a BPE model, whose `kind` is "bpe"."""


def text_of(meta: dict) -> Text:
    """The description of the tokenizer, from the groups text and scoring."""
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
    fields: dict[str, Any] = {name: text[name] for name in BPE_FIELDS}
    fields["merges"] = tuple(tuple(pair) for pair in text["merges"])
    return BpeText(*common, **fields)


def digest(meta: dict) -> str:
    """The sha256 of the content of bundle.json without its field sha256.

    The content includes the digests of the graphs, so this is the digest of the model everywhere.
    """
    content = {key: value for key, value in meta.items() if key != "sha256"}
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def read_meta(path: Path) -> dict:
    """The content of a bundle.json after its fields and its digest were checked.

    No other file is read. Raises MissingInputError (66) if it is missing, BadDataError (65) for
    another schema, a missing field or another digest.
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
        meta = documents.parsed(path.read_text(encoding="utf-8"))
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
        _check_types(path, group, meta[group], fields)
    is_external = meta["identity"]["family"] == EXTERNAL
    if (
        not isinstance(meta.get("golden"), list)
        or not (meta["golden"] or is_external)
        or not isinstance(meta.get("sha256"), str)
    ):
        raise wrong(path, "golden windows or sha256 are missing", "both")
    if not _are_sizes(meta.get(SIZES, {})):
        raise wrong(path, f"{SIZES} is {meta[SIZES]!r}"[:120], "bytes of each file by its name")
    if fault := training.fault(meta.get("training", {})):
        raise wrong(path, f"training: {fault}", training.EXPECTED)
    if fault := record.fault(meta.get(record.TABLE)):
        raise wrong(path, f"table: {fault}", "a table that import_scores registered")
    _check_scoring(path, meta, is_external)
    _check_graphs(path, meta["graphs"], is_external)


def _check_types(path: Path, group: str, values: dict, fields: dict[str, type]) -> None:
    for name, kind in fields.items():
        if type(values.get(name)) is not kind:
            raise wrong(path, f"{group}.{name} is {values.get(name)!r}"[:120], kind.__name__)


def _check_scoring(path: Path, meta: dict, is_external: bool) -> None:
    """Check that the groups window, scoring, proof and text agree with each other."""
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
    if scoring["quantity"] == "score" and not is_external:
        raise wrong(path, "quantity 'score'", f"the family {EXTERNAL} with it")
    is_bpe = meta["text"].get("kind") == "bpe"
    if (scoring["quantity"] == "likelihood" and not is_external) != is_bpe:
        raise wrong(
            path,
            f"quantity {scoring['quantity']!r} with text of kind {meta['text'].get('kind')!r}",
            "'likelihood' with 'bpe'",
        )
    _check_types(path, "text", meta["text"], BPE_FIELDS if is_bpe else {})


def _check_graphs(path: Path, graphs: dict, is_external: bool) -> None:
    if set(graphs) not in ([set()] if is_external else [{"cpu"}, {"cpu", "cuda"}]):
        expected = f"none, the family is {EXTERNAL}" if is_external else "cpu, perhaps cuda"
        raise wrong(path, f"graphs are for {sorted(graphs)}", expected)
    for device, entry in graphs.items():
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


def _are_sizes(sizes: object) -> bool:
    return isinstance(sizes, dict) and all(type(size) is int for size in sizes.values())


def members(meta: dict) -> dict[str, str]:
    """File name -> sha256 of every file beside bundle.json."""
    digests = dict(meta["files"])
    for entry in meta["graphs"].values():
        digests |= {entry["file"]: entry.get("sha256"), **entry["data"]}
    return digests
