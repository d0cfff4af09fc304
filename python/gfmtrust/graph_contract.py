"""What a graph may be: its operator domains, opset and size, and the inputs and outputs that the session feeds and reads.

Inputs, all int64: input_ids (batch, length) and pos (batch, positions); k-mers add offset (batch, positions) and letters (batch,
positions, k). Outputs, float32: logp (batch, positions, 4) or, with members, (batch, positions, n_members, 4), order A,C,G,T of the
strand as read; optionally off_alphabet (batch, positions), the probability outside A,C,G,T. A model of whole tokens (quantity
"likelihood") has target (batch, positions) beside input_ids and pos, and one output, logp (batch, positions): ln p of the target over
all tokens.
"""

from __future__ import annotations

from pathlib import Path

from gfmtrust import onnx_file
from gfmtrust.errors import BadDataError, message

DOMAINS = {"", "com.microsoft"}
"""ai.onnx (written '') and onnxruntime's own; an operator of any other domain could run foreign code."""
OPSETS = range(17, 25)
"""17 is the oldest we wrote and measured; 25 and later are refused by onnxruntime 1.31."""
MAX_NODES = 200_000


def check_graph(path: Path, summary: onnx_file.GraphSummary, meta: dict) -> None:
    """Refuse (65) a graph whose domains, opset, size, inputs or outputs are not those of the contract at the head of this file."""
    foreign = sorted(summary.domains - DOMAINS)
    if foreign or summary.n_functions:
        found = f"operator domain {foreign[0]}" if foreign else f"{summary.n_functions} functions of its own"
        raise _wrong(path, found, "ai.onnx and com.microsoft operators alone")
    opset = summary.opsets.get("", summary.opsets.get("ai.onnx", 0))
    if opset not in OPSETS:
        raise _wrong(path, f"opset is {opset}", f"{OPSETS.start} to {OPSETS.stop - 1}")
    if summary.n_nodes > MAX_NODES:
        raise _wrong(path, f"{summary.n_nodes} nodes", f"at most {MAX_NODES}")
    ranks = _input_ranks(meta)
    found_names = {value.name for value in summary.inputs}
    if found_names != set(ranks):
        raise _wrong(path, f"inputs are {sorted(found_names)}", str(sorted(ranks)))
    for value in summary.inputs:
        if value.dtype != "int64" or len(value.dims) != ranks[value.name]:
            raise _wrong(path, f"input {value.name} is {value.dtype} {list(value.dims)}", f"int64 of rank {ranks[value.name]}")
    outputs = {value.name: value for value in summary.outputs}
    n_members = meta["scoring"]["n_members"]
    expected = {"logp": 4 if n_members > 1 else 3, "off_alphabet": 2}
    if meta["scoring"]["quantity"] == "likelihood":
        expected = {"logp": 2}
    if "logp" not in outputs or set(outputs) - set(expected):
        raise _wrong(path, f"outputs are {sorted(outputs)}", "logp" + (" and perhaps off_alphabet" if len(expected) > 1 else ""))
    for name, value in outputs.items():
        if value.dtype != "float32" or len(value.dims) != expected[name]:
            raise _wrong(path, f"output {name} is {value.dtype} {list(value.dims)}", f"float32 of rank {expected[name]}")


def _input_ranks(meta: dict) -> dict[str, int]:
    if meta["scoring"]["quantity"] == "likelihood":
        return {"input_ids": 2, "pos": 2, "target": 2}
    return {"input_ids": 2, "pos": 2} | ({"offset": 2, "letters": 3} if meta["text"]["k"] > 1 else {})


def _wrong(path: Path, found: str, expected: str) -> BadDataError:
    return BadDataError(message(str(path), found, expected, "export the model again"))
