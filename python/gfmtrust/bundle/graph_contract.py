"""The contract of a bundle's graphs: their files, inputs and outputs, and the allowed operators.

Inputs, all int64: input_ids (batch, length) and pos (batch, positions); k-mer models add offset
(batch, positions) and letters (batch, positions, k). Outputs, float32: logp (batch, positions, 4)
or, with members, (batch, positions, n_members, 4), in the order A,C,G,T of the reading direction;
and optionally off_alphabet (batch, positions), the probability outside A,C,G,T. A model of quantity
"likelihood" (BPE) has target (batch, positions) beside input_ids and pos, and one output, logp
(batch, positions), ln p of the target over all tokens. One graph serves both device classes, or
each class has its own.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from gfmtrust.bundle import onnx_file
from gfmtrust.core.errors import BadDataError, message

GRAPH_FILE, CUDA_GRAPH_FILE = "model.onnx", "model.cuda.onnx"
DOMAINS = {"", "com.microsoft"}
"""ai.onnx (written '') and ONNX Runtime's own domain; an operator of any other domain could run
foreign code."""
OPSETS = range(17, 25)
"""17 is the oldest opset that was written and tested; ONNX Runtime 1.31 refuses 25 and later."""
CPU_ONLY_OPERATORS = {":Scan", ":Loop", ":If", ":DFT"}
"""A graph with one of these operators is not run on CUDA: it launches a chain of kernels per token,
or has no CUDA kernel at all."""
MAX_NODES = 200_000


def check(path: Path, summary: onnx_file.GraphSummary, meta: dict, device: str = "cpu") -> None:
    """Raise BadDataError (65) for a graph whose domains, opset, size, inputs or outputs violate the
    contract at the head of this file, and for a CUDA graph with an operator that runs on the CPU
    only."""
    foreign = sorted(summary.domains - DOMAINS)
    if foreign or summary.n_functions:
        fault = (
            f"operator domain {foreign[0]}"
            if foreign
            else f"{summary.n_functions} functions of its own"
        )
        raise wrong(path, fault, "ai.onnx and com.microsoft operators alone")
    unfit = sorted(CPU_ONLY_OPERATORS & set(summary.operators))
    if device == "cuda" and unfit:
        raise wrong(
            path,
            f"operator {unfit[0].lstrip(':')} in the graph for cuda",
            "none that runs on the CPU alone",
        )
    opset = summary.opsets.get("", summary.opsets.get("ai.onnx", 0))
    if opset not in OPSETS:
        raise wrong(path, f"opset is {opset}", f"{OPSETS.start} to {OPSETS.stop - 1}")
    if summary.n_nodes > MAX_NODES:
        raise wrong(path, f"{summary.n_nodes} nodes", f"at most {MAX_NODES}")
    ranks = _input_ranks(meta)
    names = {value.name for value in summary.inputs}
    if names != set(ranks):
        raise wrong(path, f"inputs are {sorted(names)}", str(sorted(ranks)))
    for value in summary.inputs:
        if value.dtype != "int64" or len(value.dims) != ranks[value.name]:
            raise wrong(
                path,
                f"input {value.name} is {value.dtype} {list(value.dims)}",
                f"int64 of rank {ranks[value.name]}",
            )
    outputs = {value.name: value for value in summary.outputs}
    n_members = meta["scoring"]["n_members"]
    expected = {"logp": 4 if n_members > 1 else 3, "off_alphabet": 2}
    if meta["scoring"]["quantity"] == "likelihood":
        expected = {"logp": 2}
    if "logp" not in outputs or set(outputs) - set(expected):
        raise wrong(
            path,
            f"outputs are {sorted(outputs)}",
            "logp" + (" and perhaps off_alphabet" if len(expected) > 1 else ""),
        )
    for name, value in outputs.items():
        if value.dtype != "float32" or len(value.dims) != expected[name]:
            raise wrong(
                path,
                f"output {name} is {value.dtype} {list(value.dims)}",
                f"float32 of rank {expected[name]}",
            )


def _input_ranks(meta: dict) -> dict[str, int]:
    if meta["scoring"]["quantity"] == "likelihood":
        return {"input_ids": 2, "pos": 2, "target": 2}
    return {"input_ids": 2, "pos": 2} | (
        {"offset": 2, "letters": 3} if meta["text"]["k"] > 1 else {}
    )


def copied(directory: Path, graph_path: Path, cuda_graph_path: Path | None, precision: str) -> dict:
    """Copy graphs, each with its data file, into a bundle's directory, and return their entries by
    device class."""
    cpu = _copied(directory / GRAPH_FILE, graph_path, precision)
    if cuda_graph_path:
        return {
            "cpu": cpu,
            "cuda": _copied(directory / CUDA_GRAPH_FILE, cuda_graph_path, precision),
        }
    return {"cpu": cpu} if CPU_ONLY_OPERATORS & set(cpu["operators"]) else {"cpu": cpu, "cuda": cpu}


def _copied(path: Path, graph_path: Path, precision: str) -> dict:
    summary = onnx_file.read_graph(graph_path)
    shutil.copyfile(graph_path, path)
    for name in summary.external:
        shutil.copyfile(graph_path.parent / name, path.parent / name)
    return {
        "file": path.name,
        "sha256": file_sha256(path),
        "bytes": path.stat().st_size,
        "precision": precision,
        "data": {name: file_sha256(path.parent / name) for name in summary.external},
        "opsets": summary.opsets,
        "operators": summary.operators,
        "inputs": [[value.name, value.dtype, list(value.dims)] for value in summary.inputs],
        "outputs": [[value.name, value.dtype, list(value.dims)] for value in summary.outputs],
    }


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong(path: Path, observed: str, expected: str) -> BadDataError:
    """Return the error for an invalid file of a bundle; only a new export can repair it."""
    return BadDataError(message(str(path), observed, expected, "export the model again"))
