"""The layers of a bundle's graph as values along the window: one row for each place, no letter masked.

Beside the last hidden layer (`bundle.hidden`) these are the values of the same width that linear
layers read, where they have one row for each token or for each place asked. A graph that computes
what it needs for the places asked alone, as that of `gpn`, exposes its last layers only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from gfmtrust.bundle import tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.hidden import LEAST_WIDTH, LINEAR, is_hidden, last_hidden, with_outputs
from gfmtrust.bundle.runtime import Runtime
from gfmtrust.bundle.session import tables
from gfmtrust.core.alphabet import PAD

PLACES = 64
"""Rows of a map at most: places that are asked, or bins of tokens."""
SHOWN = 4
"""Layers that are used at most, evenly spaced, the last one always."""
READS = (*LINEAR, "Conv")


@dataclass(frozen=True)
class Layers:
    """A graph with layers as outputs. names: of the layers as 'layer 3 of 12', ascending; asked:
    whether each has one row for each place asked, and not for each token."""

    runtime: Runtime
    tokenizer: tokenizers.Tokenizer
    batch: int
    outputs: tuple[str, ...]
    names: tuple[str, ...]
    asked: tuple[bool, ...]
    index: np.ndarray

    @classmethod
    def open(
        cls,
        bundle: Bundle,
        device: str,
        threads: int,
        batch: int,
        weights: Callable[[Path], dict[str, np.ndarray]] | None = None,
    ) -> Layers | None:
        """The layers of a bundle; None where its graph has no linear layer before the answer, or
        reads whole tokens. weights: a function of the graph that replaces its weights."""
        graph = bundle.graph_for(device)
        tokenizer = tables(bundle.text)
        if graph is None or not isinstance(tokenizer, tokenizers.Tokenizer):
            return None
        model = onnx.load(graph, load_external_data=False)
        last = last_hidden(model.graph)
        if last is None:
            return None
        values = _candidates(model.graph, last)
        outputs = {f"gfmtrust_layer_{number}": name for number, name in enumerate(values)}
        runtime = with_outputs(model, graph, outputs, device, threads, weights)
        tokenizer = replace(tokenizer, mask_id=None)
        layers = cls(runtime, tokenizer, batch, tuple(outputs), (), (), _asked(bundle))
        return layers._chosen(bundle.window_bp)

    def _chosen(self, width: int) -> Layers | None:
        """These layers, those of another shape left out; None where the last has no rows."""
        probe = np.random.default_rng(0).integers(0, 4, (2, width)).astype(np.uint8)
        index = np.repeat(self.index[None], 2, axis=0)
        values = self._run(probe, index)
        n_tokens, n_asked = self._feeds(probe, index)["input_ids"].shape[1], len(self.index)
        width = values[-1].shape[-1]
        fits = [one.ndim == 3 and one.shape[:1] == (2,) and one.shape[1] in (n_tokens, n_asked)
                and one.shape[2] == width >= LEAST_WIDTH for one in values]  # fmt: skip
        if not fits[-1]:
            return None
        kept = np.flatnonzero(fits)
        places = np.unique(np.linspace(0, len(kept) - 1, min(SHOWN, len(kept))).astype(int))
        return replace(
            self,
            outputs=tuple(self.outputs[kept[place]] for place in places),
            names=tuple(f"layer {place + 1} of {len(kept)}" for place in places),
            asked=tuple(values[kept[place]].shape[1] != n_tokens for place in places),
        )

    def maps(self, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each layer of one batch of windows, float32 (n, places, width), with the share of letters
        at each place that lie inside the contig, float32 (n, places). codes: uint8 (n, W)."""
        index = np.repeat(self.index[None], len(codes), axis=0)
        inside = (codes != PAD).astype(np.float32)
        text = self.tokenizer.text
        first, end = len(text.prefix), -len(text.suffix) or None
        pairs = []
        for values, asked in zip(self._run(codes, index), self.asked, strict=True):
            if asked:
                pairs.append((values, inside[:, self.index]))
                continue
            values = values[:, first:end]
            of_tokens = inside[:, : values.shape[1] * text.k]
            of_tokens = of_tokens.reshape(len(codes), -1, text.k)
            pairs.append((_binned(values), _binned(of_tokens).mean(axis=2)))
        return pairs

    def _run(self, codes: np.ndarray, index: np.ndarray) -> list[np.ndarray]:
        return self.runtime.run(list(self.outputs), self._feeds(codes, index))

    def _feeds(self, codes: np.ndarray, index: np.ndarray) -> dict[str, np.ndarray]:
        return tokenizers.feeds(self.tokenizer, codes, index)


def _asked(bundle: Bundle) -> np.ndarray:
    """The places of a window that are asked: one letter of a token, evenly spaced round the site."""
    k, width = bundle.k, bundle.window_bp
    step = max(1, -(-width // (k * PLACES))) * k
    return np.arange(
        bundle.site_forward % step // k * k + (step if bundle.causal else 0), width, step
    )


def _candidates(graph: onnx.GraphProto, last: str) -> list[str]:
    """The computed values that linear layers and convolutions read, in the order of the graph; the
    last hidden layer is the last."""
    weights = {one.name for one in graph.initializer}
    maker = {name: node for node in graph.node for name in node.output}
    names = [
        node.input[0]
        for node in graph.node
        if node.op_type in READS and node.input[1] in weights and is_hidden(node, maker)
    ]
    return [*dict.fromkeys(name for name in names if name != last), last]


def _binned(values: np.ndarray) -> np.ndarray:
    """Means over at most PLACES bins of equal length along the second axis; the last one may be
    shorter. values: (n, tokens, d)."""
    size = -(-values.shape[1] // PLACES)
    if size == 1:
        return values
    starts = np.arange(0, values.shape[1], size)
    lengths = np.diff(np.append(starts, values.shape[1]))
    return np.add.reduceat(values, starts, axis=1) / lengths[None, :, None].astype(np.float32)
