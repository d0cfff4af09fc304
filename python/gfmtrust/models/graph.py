"""Export of a scoring module as an ONNX graph, and its eager answers for comparison. Equal weights
give equal bytes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch

from gfmtrust.core.errors import BadDataError, InternalError, message
from gfmtrust.models.quiet import errors_only

OPSET = 24
"""The last opset with kernels in ONNX Runtime 1.31, and the first whose Attention is one operator
for any batch size."""
EXPORTERS = ("onnx_ir", "onnxscript", "torch.onnx")
"""Loggers that report optimiser steps and name packages that are not needed."""
LARGE_BYTES = 1_500_000_000
"""Weights beyond this size go to a data file beside the graph, because one protobuf cannot exceed 2
GB."""


def answerer(scorer: torch.nn.Module) -> Callable[[dict], tuple[np.ndarray, np.ndarray]]:
    """Return a function from feeds to (logp, off_alphabet), run eagerly; off_alphabet is 0 where a
    scorer has none.

    Raises InternalError (70) for a module in train mode. The function raises BadDataError (65)
    where an answer is not finite.
    """
    require_eval(scorer)

    def answer(feeds: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            outputs = scorer(**{name: torch.from_numpy(values) for name, values in feeds.items()})
        logp, off = outputs if isinstance(outputs, tuple) else (outputs, torch.zeros(outputs.shape))
        if not torch.isfinite(logp).all():
            observed = f"logp is not finite at input_ids {list(feeds['input_ids'].shape)}"
            raise BadDataError(
                message(
                    "network",
                    observed,
                    "a number for every base",
                    "are the weights damaged, or too large for fp32?",
                )
            )
        return logp.numpy(), off.numpy()

    return answer


def require_eval(scorer) -> None:
    """Raise InternalError (70) for a module with any part in train mode: dropout would enter the
    reference and the graph."""
    training = [
        name or "the outermost module" for name, module in scorer.named_modules() if module.training
    ]
    if training:
        raise InternalError(
            message(
                "export",
                f"{len(training)} modules are in train mode, first {training[0]}",
                "eval mode throughout",
            )
        )


def export_graph(scorer, feeds: dict[str, np.ndarray], path: Path) -> Path:
    """Write a scoring module as one ONNX graph with dynamic batch, length and positions, and return
    the path; equal weights give equal bytes.

    feeds: the inputs to trace with, int64, at least 2 windows and 2 positions, because an export
    would treat a size of 1 as fixed. Raises InternalError (70) for a module in train mode.
    """
    require_eval(scorer)
    dims = {name: torch.export.Dim(name) for name in ("batch", "length", "positions")}
    dynamic = {
        name: {0: dims["batch"], 1: dims["length" if name == "input_ids" else "positions"]}
        for name in feeds
    }
    outputs = ["logp"] if "target" in feeds else ["logp", "off_alphabet"]
    is_large = sum(p.numel() * 4 for p in scorer.parameters()) > LARGE_BYTES
    with torch.no_grad(), errors_only(*EXPORTERS), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the exporter warns of its own deprecations and of each shared dimension name
        program = torch.onnx.export(
            scorer,
            kwargs={name: torch.from_numpy(values) for name, values in feeds.items()},
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=dynamic,
            output_names=outputs,
            external_data=False,
            verbose=False,
        )
        assert program is not None, "dynamo=True returns the program"
        program.save(str(path), external_data=is_large)
    require_eval(scorer)
    model = onnx.load(path, load_external_data=False)
    strip(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def strip(model) -> None:
    """Remove what the exporter records about the machine and the source: stack traces, paths,
    versions. Numbers and names stay."""
    model.ClearField("producer_version")
    model.ClearField("doc_string")
    _strip_metadata(model)
    _strip_graph(model.graph)


def _strip_graph(graph) -> None:
    _strip_metadata(graph)
    graph.ClearField("doc_string")
    graph.ClearField("value_info")
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        _strip_metadata(part)
        part.ClearField("doc_string")
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _strip_graph(inner)


def _strip_metadata(part) -> None:
    del part.metadata_props[:]
