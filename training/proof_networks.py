"""Trains the networks of benchmarks/proof.py: small GPNs whose first convolution sees the context and
whose other layers look at one base.

Such a network is a function of the letters round the asked base, so training takes single bases and
not windows: the first layer, on one-hot letters, is a sum of rows of a table of (place, token),
made once a step. It is the same function that the exported graph computes, and ten times faster to
train. The loss is on the middle letter, which is masked; half of the contexts also lose letters
some places away, as when the neighbours of a site are scored.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import torch
import train_demo
import train_loop
from torch.nn.functional import cross_entropy, one_hot

from gfmtrust.core import alphabet
from gfmtrust.models.families import gpn
from gfmtrust.models.layers import gpn_networks
from gfmtrust.validation.oracle.laws import draw_contigs

TRAINED = {"motifs": (41, 128, 5_000)}
"""Letters a network sees, its width and steps of its training, where a law needs more than PLAIN:
two motifs with 5 letters between them are 21 long, and after 3,000 steps of a width of 64 the
networks are no better than the counts."""
PLAIN = (9, 128, 3_000)
"""Four letters either side, all that a chain of order 4 depends on; a minute and a half a network
on one quiet core."""
TRAINING_BP = 4_000_000
WINDOW_BP = 96
"""Holds the whole context of a site's neighbours too, up to 41 letters."""
BATCH = 1024
PEAK_RATE = 0.003
WARM_UP_STEPS = 200


def config(context: int, width: int) -> gpn.GpnConfig:
    """A network that sees `context` letters, an odd number, the asked one in the middle."""
    return gpn.GpnConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        first_kernel_size=context,
        rest_kernel_size=1,
        bias=True,
        initializer_range=0.08,
    )


def logits_of_middles(network: gpn.GpnForMaskedLM, ids: torch.Tensor) -> torch.Tensor:
    """What `network(ids)` says of the middle position; ids: int64 (n, context). Float32 (n,
    vocab_size)."""
    first, *rest = network.model.encoder.layer
    tokens = network.model.one_hot
    table = torch.einsum(
        "oik,ti->kto", first.conv1d.weight, first.before(tokens)
    )  # (place, token, width)
    n, context = ids.shape
    places = one_hot(ids, len(tokens)).to(table.dtype).reshape(n, -1)
    x = first.after(
        tokens[ids[:, context // 2]], places @ table.reshape(-1, table.shape[2]) + first.conv1d.bias
    )
    for layer in rest:
        x = layer.after(x, layer.before(x) @ layer.conv1d.weight[:, :, 0].T + layer.conv1d.bias)
    return network.head(network.model.ln_f(x))


def masks(context: int) -> np.ndarray:
    """Which letters a look hides, bool (16, context): of a site the middle alone, eight times; of
    each of its neighbours the others too."""
    half = context // 2
    hidden = np.zeros((2 * len(gpn.NEIGHBOUR_OFFSETS), context), bool)
    hidden[:, half] = True
    for row, subset in enumerate(gpn.NEIGHBOUR_OFFSETS):
        places = half + np.array(gpn.NEIGHBOUR_OFFSETS) - subset
        hidden[row, places[(places >= 0) & (places < context)]] = True
    return hidden


def draw_batch(
    codes: np.ndarray, hidden: np.ndarray, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids int64 (BATCH, context) and the true middle token (BATCH,); half of them of the
    other strand. hidden: see `masks`."""
    half = hidden.shape[1] // 2
    middles = rng.integers(half, len(codes) - half, BATCH)
    letters = codes[middles[:, None] + np.arange(-half, half + 1)]
    turned = rng.random(BATCH) < 0.5
    letters[turned] = alphabet.reverse_complement(letters[turned])
    tokens = letters.astype(np.int64) + train_demo.FIRST_BASE
    shown = np.where(hidden[rng.integers(0, len(hidden), BATCH)], train_demo.MASK, tokens)
    return torch.from_numpy(shown), torch.from_numpy(tokens[:, half])


def train(
    codes: np.ndarray, network_config: gpn.GpnConfig, seed: int, steps: int
) -> gpn.GpnForMaskedLM:
    """A trained network; codes: uint8 (length,), 0..3. The same seed gives the same weights on the
    same machine."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([train_demo.TRAINING_SEED, seed])
    network = gpn.GpnForMaskedLM(network_config)
    hidden = masks(network_config.first_kernel_size)

    def loss_of_batch() -> torch.Tensor:
        ids, truth = draw_batch(codes, hidden, rng)
        return cross_entropy(logits_of_middles(network, ids), truth)

    train_loop.fit(network, loss_of_batch, steps, PEAK_RATE, WARM_UP_STEPS, f"seed {seed}", 500)
    return network.eval()


def make(law: str, seed: int, directory: Path) -> None:
    """Train the network of a law and a seed, on one thread, and save its checkpoint."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    gpn_networks.gelu = train_demo.VectorGelu.apply
    train_demo.WINDOW_BP = WINDOW_BP
    context, width, steps = TRAINED.get(law, PLAIN)
    codes = np.concatenate(
        [contig.codes for contig in draw_contigs(law, TRAINING_BP, train_demo.TRAINING_SEED)]
    )
    train_demo.save(train(codes, config(context, width), seed, steps), directory)
