"""A model whose distribution is known by hand: a table over the letters left and right of the
scored one. Made without torch.

ids are those of TEXT: a 3, c 4, g 5, t 6, [UNK] 2. The graph never reads the scored letter, masked
or not.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from gfmtrust.bundle import bundle as bundles
from gfmtrust.bundle import schema

VOCABULARY = {"[PAD]": 0, "[MASK]": 1, "[UNK]": 2, "a": 3, "c": 4, "g": 5, "t": 6}
N_IDS = len(VOCABULARY)
ID_OF_CODE = [3, 4, 5, 6, 2, 2]
WINDOW_BP, SITE = 16, 8


def table(seed: int = 0) -> np.ndarray:
    """logp by (left id, right id), float32 (7, 7, 4), rows normalised."""
    logits = np.random.default_rng(seed).normal(size=(N_IDS, N_IDS, 4))
    return (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)


def expected_probs(rows: np.ndarray, codes: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The slow obvious twin: probs (n, P, 1, 4) looked up letter by letter."""
    built = np.empty((*index.shape, 1, 4))
    for i, window in enumerate(codes):
        for j, at in enumerate(index[i]):
            built[i, j, 0] = np.exp(
                rows[ID_OF_CODE[window[at - 1]], ID_OF_CODE[window[at + 1]]].astype(np.float64)
            )
    return built


def graph(
    rows: np.ndarray, opset: int = 21, domain: str = "", ids_dtype: str = "INT64", extra_node=None
):
    """The model as an onnx ModelProto: GatherElements at pos - 1 and pos + 1, one Gather of the
    table."""
    from onnx import TensorProto, helper, numpy_helper

    kind = getattr(TensorProto, ids_dtype)
    nodes = [
        helper.make_node("Sub", ["pos", "one"], ["before"]),
        helper.make_node("Add", ["pos", "one"], ["after"]),
        helper.make_node("GatherElements", ["input_ids", "before"], ["left"], axis=1),
        helper.make_node("GatherElements", ["input_ids", "after"], ["right"], axis=1),
        helper.make_node("Mul", ["left", "n_ids"], ["left_rows"]),
        helper.make_node("Add", ["left_rows", "right"], ["row"]),
        helper.make_node("Gather", ["table", "row"], ["logp"], axis=0, domain=domain),
    ] + ([extra_node] if extra_node else [])
    constants = [
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(np.array([N_IDS]), "n_ids"),
        numpy_helper.from_array(rows.reshape(-1, 4), "table"),
    ]
    inputs = [
        helper.make_tensor_value_info("input_ids", kind, ["batch", "length"]),
        helper.make_tensor_value_info("pos", TensorProto.INT64, ["batch", "positions"]),
    ]
    outputs = [helper.make_tensor_value_info("logp", TensorProto.FLOAT, ["batch", "positions", 4])]
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(
        helper.make_graph(nodes, "toy", inputs, outputs, constants),
        opset_imports=opsets,
        ir_version=9,
    )


def golden(rows: np.ndarray) -> list[dict]:
    built = []
    for seed in range(3):
        codes = np.random.default_rng(seed).integers(0, 4, (1, WINDOW_BP))
        index = np.array([[SITE - seed]])
        logp = np.log(expected_probs(rows, codes, index)[0])
        built.append(
            {
                "name": str(seed),
                "codes": "".join(map(str, codes[0])),
                "index": index[0].tolist(),
                "logp": logp.round(6).tolist(),
            }
        )
    return built


def meta(rows: np.ndarray, **changes) -> dict:
    """Groups of bundle.json for the toy; changes: 'group.field' -> value, written with '__' for the
    dot."""
    stored = {
        "identity": {
            "model_id": "toy",
            "family": "gpn",
            "repository": "",
            "revision": "",
            "licence": "MIT",
            "licence_url": "",
            "n_parameters": 196,
            "citation": "",
        },
        "text": {
            "k": 1,
            "vocabulary": VOCABULARY,
            "mask": "[MASK]",
            "unknown": "[UNK]",
            "outside": "[UNK]",
            "prefix": [],
            "suffix": [],
            "lower_case": True,
            "vocabulary_sha256": hashlib.sha256(json.dumps(VOCABULARY).encode()).hexdigest(),
        },
        "scoring": {
            "causal": False,
            "quantity": "direct",
            "kmer_method": "",
            "n_members": 1,
            "rc_equivariant": False,
            "neighbour_offsets": [-3, 3],
            "neighbours_in_same_pass": False,
        },
        "window": {
            "window_bp": WINDOW_BP,
            "trained_bp": WINDOW_BP,
            "site_forward": SITE,
            "site_reverse": SITE - 1,
            "shifts": [-2, 0, 2],
            "batch": 0,
        },
        "source": {},
        "proof": {"gate": "passed"},
        "golden": golden(rows),
    }
    for name, value in changes.items():
        group, field = name.split("__")
        stored[group] = {**stored[group], field: value}
    return stored


def write_toy(
    directory: Path, rows: np.ndarray | None = None, model=None, **changes
) -> bundles.Bundle:
    """A toy bundle on disk, its graph beside it in the same parent directory."""
    rows = table() if rows is None else rows
    path = directory.with_name(directory.name + ".source.onnx")
    path.write_bytes((model or graph(rows)).SerializeToString())
    return bundles.write(directory, meta(rows, **changes), path)


def reseal(directory: Path, change) -> None:
    """Change bundle.json by a function of its content and give it a digest that fits again: what a
    forger would do."""
    path = directory / schema.BUNDLE_FILE
    stored = json.loads(path.read_text())
    change(stored)
    stored["sha256"] = schema.digest(stored)
    path.write_text(json.dumps(stored))
