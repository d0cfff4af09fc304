"""What a network says about the windows of the examples: the mean of each layer, and the map of the
last one, reduced to its main directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.audit.measure import NotRun
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.layers import Layers
from gfmtrust.core.alphabet import PAD
from gfmtrust.core.progress import Progress
from gfmtrust.scoring.options import ScoringOptions

CHANNELS = 32
"""Main directions of a map that the network on top reads."""
SAMPLE = 256
"""Windows from which the directions are computed, without labels."""
BATCH = 16

Weights = Callable[[Path], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Distinct:
    """Windows of examples, each once. windows: uint8 (m, L); of, reference: int (n,), rows of them;
    reference is None where examples stand alone."""

    windows: np.ndarray
    of: np.ndarray
    reference: np.ndarray | None

    @classmethod
    def of_pair(cls, changed: np.ndarray, reference: np.ndarray | None) -> Distinct:
        together = changed if reference is None else np.concatenate([changed, reference])
        windows, back = np.unique(together, axis=0, return_inverse=True)
        back = back.reshape(-1)
        n = len(changed)
        return cls(windows, back[:n], None if reference is None else back[n:])

    def difference(self, values: np.ndarray) -> np.ndarray:
        """Values of the examples, (n, d), minus those of their references. values: (m, d)."""
        return values[self.of] - (0 if self.reference is None else values[self.reference])


@dataclass(frozen=True)
class Embedded:
    """names: of the layers; pooled: float32 (m, width) each; map: float16 (m, channels, places) of
    the last layer."""

    names: tuple[str, ...]
    pooled: tuple[np.ndarray, ...]
    map: np.ndarray


def n_tiles(length: int, width: int) -> int:
    """Windows of a model that cover a sequence."""
    return max(1, -(-length // width))


def opened(bundle: Bundle, options: ScoringOptions, weights: Weights | None = None) -> Layers:
    """The layers of a bundle, or of its twin. Raises NotRun where it has none."""
    if bundle.quantity == "counts":
        raise NotRun("the model counts words and has no embedding")
    if bundle.quantity == "likelihood":
        raise NotRun("the model reads whole tokens, and its graph has no places of letters")
    device = "cuda" if options.device == "cuda" else "cpu"
    layers = Layers.open(bundle, device, options.threads, options.batch or BATCH, weights)
    if layers is None:
        raise NotRun("the graph has no linear layer before the answer, so no embedding")
    return layers


def embedded(layers: Layers, windows: np.ndarray, width: int, progress: Progress) -> Embedded:
    """The layers of windows. A sequence longer than the model's window is read in pieces side by
    side; a shorter one is followed by positions outside the contig, which do not count in the mean.

    windows: uint8 (m, L). Raises NotRun for values that are not finite.
    """
    pieces = n_tiles(windows.shape[1], width)
    padded = np.full((len(windows), pieces * width), PAD, np.uint8)
    padded[:, : windows.shape[1]] = windows
    tiles = padded.reshape(len(windows), pieces, width)
    directions = _directions(layers, tiles)
    pooled, maps = [[] for _ in layers.names], []
    for start in range(0, len(tiles), layers.batch):
        batch = tiles[start : start + layers.batch]
        of_pieces = [layers.maps(batch[:, piece]) for piece in range(pieces)]
        sums, sizes = (
            [sum(part) for part in zip(*one, strict=True)]
            for one in (
                [
                    [(values * inside[..., None]).sum(axis=1) for values, inside in pairs]
                    for pairs in of_pieces
                ],
                [[inside.sum(axis=1) for _, inside in pairs] for pairs in of_pieces],
            )
        )
        drawn = [(pairs[-1][0] - directions[0]) @ directions[1] for pairs in of_pieces]
        for layer, (total, n) in enumerate(zip(sums, sizes, strict=True)):
            pooled[layer].append(total / np.maximum(n, 1e-6)[:, None])
        maps.append(np.concatenate(drawn, axis=1).transpose(0, 2, 1).astype(np.float16))
        progress((start + len(batch)) * pieces)
    result = Embedded(
        layers.names, tuple(np.concatenate(one) for one in pooled), np.concatenate(maps)
    )
    if not all(np.isfinite(one).all() for one in (*result.pooled, result.map)):
        raise NotRun("the network gives values that are not finite")
    return result


def _directions(layers: Layers, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and the main directions scaled to a variance of 1 in the first, of the last layer at
    some windows; float32 (d,) and (d, channels)."""
    rows = np.unique(np.linspace(0, len(tiles) - 1, min(SAMPLE, len(tiles))).astype(int))
    values = np.concatenate(
        [layers.maps(tiles[rows[i : i + layers.batch], 0])[-1][0] for i in range(0, len(rows), layers.batch)]
    )  # fmt: skip
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    if not np.isfinite(flat).all():
        raise NotRun("the network gives values that are not finite")
    middle = flat.mean(axis=0)
    size, vectors = np.linalg.eigh((flat - middle).T @ (flat - middle) / len(flat))
    chosen = vectors[:, ::-1][:, :CHANNELS] / np.sqrt(max(size[-1], 1e-12))
    return middle.astype(np.float32), chosen.astype(np.float32)
