"""Weights of a graph with the values of every tensor permuted: the first negative control of a run.
Source: docs/understand/reliability.md, "Negative controls"."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from gfmtrust.bundle import onnx_file
from gfmtrust.core.permutation import Permutation

WEIGHTS = ("float32", "float16", "uint8")
"""Element types of weights; the context model stores the counts of long words as uint8."""
MIN_VALUES = 256
"""Smaller tensors are scales, biases and constants of the graph; they are not permuted."""


def permuted_weights(graph: Path, draw: int = 0) -> dict[str, np.ndarray]:
    """Return every weight tensor of an ONNX graph by name, with its values permuted; equal graphs
    and draws give equal permutations."""
    return {
        name: permuted_values(name, values, draw)
        for name, values in onnx_file.tensors(graph)
        if is_permuted(values)
    }


def is_permuted(values: np.ndarray) -> bool:
    """Whether the values of a tensor are weights by their type and number."""
    return values.dtype.name in WEIGHTS and values.size >= MIN_VALUES


def permuted_values(name: str, values: np.ndarray, draw: int = 0) -> np.ndarray:
    """Return the values of a tensor permuted: a table of bytes in an order that can be computed for
    a few places (`order_of`), any other tensor in a drawn one."""
    if order := order_of(name, values):
        return order.permuted(values.ravel()).reshape(values.shape)
    seed = zlib.crc32(name.encode())
    rng = np.random.default_rng([seed, draw] if draw else seed)
    return rng.permutation(values.ravel()).reshape(values.shape)


def order_of(name: str, values: np.ndarray) -> Permutation | None:
    """Return the order in which the bytes of a table of counts are permuted; None for another
    tensor."""
    is_table = values.dtype == np.uint8 and values.size.bit_count() == 1
    return Permutation.of(name, values.size) if is_table else None
