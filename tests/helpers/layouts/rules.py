"""What several layouts share: vocabularies by their published rule, and the size of a safetensors
file by its format.

Nothing here is taken from the package.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

LETTERS = "ATCG"
"""The order of InstaDeep's, GENERator's and the plant models' words."""
BYTES = {"F32": 4, "I64": 8, "BF16": 2}


def words(k: int) -> list[str]:
    """Every word of k letters, the last letter running fastest."""
    items = [""]
    for _ in range(k):
        items = [word + letter for word in items for letter in LETTERS]
    return items


def tokens_of_words(text: str, ids: dict[str, int], k: int) -> list[int]:
    """Whole words from the left; letters that are left over, and all letters near one that is no
    base, one by one."""
    result, at = [], 0
    while at < len(text):
        word = text[at : at + k]
        step = k if word in ids and len(word) == k else 1
        result.append(ids[text[at : at + step]])
        at += step
    return result


def special(token: str) -> dict:
    """How transformers writes a special token down as an object."""
    return {
        "content": token,
        "lstrip": False,
        "normalized": False,
        "rstrip": False,
        "single_word": False,
    }


def state_space_start(
    at: str, n_channels: int, n_states: int, n_in: int, rank: int, seed: int
) -> dict:
    """Tensors of one Mamba-1 mixer of the size training gives them, name -> value: rates 1, 2, ...,
    steps of about 0.02, projections of one standard deviation. Larger ones make a recurrence whose
    rounding alone is seen."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def projection(n_out: int, n_in: int) -> torch.Tensor:
        return torch.randn(n_out, n_in, generator=generator) / n_in**0.5

    return {
        f"{at}.A_log": torch.arange(1.0, n_states + 1).log().repeat(n_channels, 1),
        f"{at}.D": torch.ones(n_channels),
        f"{at}.dt_proj.bias": torch.full((n_channels,), -4.0),
        f"{at}.dt_proj.weight": projection(n_channels, rank),
        f"{at}.x_proj.weight": projection(rank + 2 * n_states, n_channels),
        f"{at}.conv1d.weight": projection(n_channels, 4).unsqueeze(1),
        f"{at}.in_proj.weight": projection(2 * n_channels, n_in),
        f"{at}.out_proj.weight": projection(n_in, n_channels),
    }


def data_bytes(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> int:
    """Bytes of the tensors' values; tensors: name -> (dtype, shape)."""
    return sum(BYTES[dtype] * math.prod(shape) for dtype, shape in tensors.values())


def safetensors_size(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> int:
    """Bytes of a safetensors file: eight, the head padded to a multiple of eight, and the data.

    tensors: name -> (dtype, shape). Source: the format's own description, huggingface/safetensors,
    "Format"; its writer puts larger types first and sorts by name.
    """
    head, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape) in sorted(
        tensors.items(), key=lambda entry: (-BYTES[entry[1][0]], entry[0])
    ):
        size = BYTES[dtype] * math.prod(shape)
        head[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    assert at == data_bytes(tensors)
    n_head = len(json.dumps(head, separators=(",", ":")).encode())
    return 8 + -(-n_head // 8) * 8 + at
