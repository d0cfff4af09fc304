"""A small recurrent family of our own: masked single bases, minGRU run in both directions.

The minimal gated recurrent unit (Feng, Tung, Ahmed, Bengio, Hajimirsadeghi 2024, arXiv:2410.01201,
section 3.1) has gates that do not depend on its state, h_t = (1 - z_t) h_(t-1) + z_t c_t, so that a
parallel scan computes the states of a whole window. The scan runs here in linear space, by pairwise
doubling of chunks, because the paper's logarithmic form underflows with length. The model is masked
and bidirectional rather than causal, because each base is then scored from both flanks in one pass,
where a causal model needs four passes to weigh the right flank. Checkpoints are made by
training/train_recurrent.py; there are no published ones.

The graph contains no Scan, Loop or If, so one graph serves CPU and CUDA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn.functional import gelu, pad

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import Example, Family, Window, check_ids, near, take
from gfmtrust.models.layers.folding import BaseScorer
from gfmtrust.models.vocabularies import numbered

CHUNK = 32
"""The number of letters per chunk. Inside the chunks the scan runs letter by letter, over all
chunks at once; between chunks it doubles pairs. Doubling inside the chunks too took four times as
long on CPU, because it moves every letter five times more."""
DOUBLINGS = 12
"""A state reaches CHUNK * 2^12 = 131,072 letters, which is the longest window."""
LONGEST_BP = CHUNK << DOUBLINGS
SHORTEST_BP = 64
NEIGHBOUR_OFFSETS = (-20, -15, -10, -5, 5, 10, 15, 20)


@dataclass(frozen=True)
class RecurrentConfig:
    """Fields of config.json. state_size: states per direction; kernel_size: of the convolution
    before the gates, odd; trained_bp: length in bases of the windows it was trained on."""

    vocab_size: int
    hidden_size: int
    state_size: int
    num_hidden_layers: int
    intermediate_size: int
    kernel_size: int
    mask_token_id: int
    trained_bp: int


def states(keep: torch.Tensor, taken: torch.Tensor) -> torch.Tensor:
    """Return h_t = keep_t * h_(t-1) + taken_t along the length, with h = 0 before the first letter.

    keep, taken: float32 (batch, length, width), keep in 0..1; the result has the same shape.
    Products of `keep` only ever shrink the terms they multiply, so no division is needed and an
    underflow is a correct 0. Source: Hillis and Steele 1986, in two levels.
    """
    batch, length, width = keep.shape
    fill = -length % CHUNK
    keeps, takes = (
        pad(values, (0, 0, 0, fill)).reshape(batch, -1, CHUNK, width).split(1, 2)
        for values in (keep, taken)
    )
    decays, within = [keeps[0]], [takes[0]]
    for one, other in zip(keeps[1:], takes[1:], strict=True):
        within.append(one * within[-1] + other)
        decays.append(one * decays[-1])
    # The state that enters a chunk is the one that left the chunk before it.
    decay, carried = decays[-1], within[-1]
    chunk = torch.arange(carried.shape[1], device=carried.device)
    for doubling in range(DOUBLINGS):
        source = chunk - (1 << doubling)
        reaches = (source >= 0).to(carried.dtype)[:, None, None]
        source = source.clamp_min(0)
        carried = carried + decay * (carried.index_select(1, source) * reaches)
        decay = decay * (decay.index_select(1, source) * reaches)
    entering = pad(carried, (0, 0, 0, 0, 1, 0))[:, :-1]
    states = torch.cat(
        [state + decay * entering for state, decay in zip(within, decays, strict=True)], 2
    )
    return states.reshape(batch, -1, width)[:, :length]


class _Layer(nn.Module):
    """A pre-norm residual block: convolution, gates, the states of both directions, then two dense
    layers on each letter."""

    def __init__(self, config: RecurrentConfig):
        super().__init__()
        width, both = config.hidden_size, 2 * config.state_size
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(
            width, width, config.kernel_size, padding=config.kernel_size // 2, groups=width
        )
        self.gate = nn.Linear(width, both)
        self.candidate = nn.Linear(width, both)
        self.out = nn.Linear(both, width)
        self.ffn_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, config.intermediate_size)
        self.down = nn.Linear(config.intermediate_size, width)

    def read(self, x: torch.Tensor) -> torch.Tensor:
        """Return the states at every letter, (batch, length, 2 * state_size): those from the left,
        then those from the right."""
        x = self.norm(x)
        x = x + self.conv(x.transpose(1, 2)).transpose(1, 2)
        taken = self.gate(x).sigmoid()
        keep, taken = 1 - taken, taken * self.candidate(x)
        turned = [
            torch.cat([half[0], half[1].flip(1)], -1)
            for half in (keep.chunk(2, -1), taken.chunk(2, -1))
        ]
        left, right = states(*turned).chunk(2, -1)
        return torch.cat([left, right.flip(1)], -1)

    def write(self, x: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Return the output of the block at letters whose input and states are given."""
        x = x + self.out(read)
        return x + self.down(gelu(self.up(self.ffn_norm(x))))


class RecurrentForMaskedLM(nn.Module):
    """`forward` takes token ids int64 (batch, length) and returns logits (batch, length,
    vocab_size). `hidden_at` returns the last hidden states at some letters; the last block is
    computed for these alone."""

    def __init__(self, config: RecurrentConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def _layers(self) -> list[_Layer]:
        return [cast(_Layer, layer) for layer in self.layers]

    def _last(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the arguments of the last block's `write`."""
        x = self.embedding(input_ids)
        *below, top = self._layers()
        for layer in below:
            x = layer.write(x, layer.read(x))
        return x, top.read(x)

    def hidden_at(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Return only the rows at pos, int64 (batch, positions), after the last norm."""
        x, read = (
            whole.gather(1, pos.unsqueeze(-1).expand(-1, -1, whole.shape[-1]))
            for whole in self._last(input_ids)
        )
        return self.norm(self._layers()[-1].write(x, read))

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.decoder(hidden)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self._layers()[-1].write(*self._last(input_ids))))


FIXED = {"model_type": ("gfmtrust_recurrent",)}


def _read_config(config: dict) -> RecurrentConfig:
    settings = take(config, RecurrentConfig, FIXED)
    if settings.kernel_size % 2 == 0:
        raise ConfigurationError(
            message("config.json", f"kernel_size is {settings.kernel_size}", "an odd number")
        )
    if not SHORTEST_BP <= settings.trained_bp <= LONGEST_BP:
        raise ConfigurationError(
            message(
                "config.json",
                f"trained_bp is {settings.trained_bp}",
                f"{SHORTEST_BP} to {LONGEST_BP}",
            )
        )
    return settings


def _text(config: RecurrentConfig, vocabulary: dict[str, int]) -> Text:
    vocabulary = usable(vocabulary, config.vocab_size, ("[MASK]", "N"))
    check_ids(vocabulary, config.vocab_size, {"[MASK]": config.mask_token_id})
    return Text(k=1, vocabulary=vocabulary, mask="[MASK]", unknown="N", outside="N")


def _window(config: RecurrentConfig, window_bp: int | None) -> Window:
    width = window_bp or config.trained_bp
    if not SHORTEST_BP <= width <= LONGEST_BP:
        raise ConfigurationError(message("window_bp", f"{width}", f"{SHORTEST_BP} to {LONGEST_BP}"))
    forward, reverse = width // 2, width - 1 - width // 2
    return Window(
        width,
        config.trained_bp,
        forward,
        reverse,
        (-(width // 8), 0, width // 8),
        near(NEIGHBOUR_OFFSETS, width, forward, reverse),
        False,
        SHORTEST_BP,
    )


VOCABULARY = numbered(["[MASK]", *"ACGTN"])
CONFIG = {
    "model_type": "gfmtrust_recurrent",
    "vocab_size": 6,
    "hidden_size": 32,
    "state_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "kernel_size": 5,
    "mask_token_id": 0,
    "trained_bp": 512,
}
FAMILY = Family(
    name="recurrent",
    model_types=("gfmtrust_recurrent",),
    quantity="direct",
    read_config=_read_config,
    build=RecurrentForMaskedLM,
    text=_text,
    window=_window,
    examples={"recurrent": Example(CONFIG, VOCABULARY, 200)},
    scorer=lambda network, config, text: BaseScorer(
        network, type(network).hidden_at, type(network).head, text, config.vocab_size
    ),
)
