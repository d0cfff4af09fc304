"""Causal attention in blocks against the attention of transformers and of torch, and in a graph."""

import numpy as np
import onnx
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from gfmtrust.bundle.runtime import runner
from gfmtrust.models.families import generator, marindna, mistral
from gfmtrust.models.graph import export_graph
from gfmtrust.models.layers import blocked_attention, decoder

pytestmark = pytest.mark.torch


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 63, 64, 100])
@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_blocks_are_causal_attention(length, key_heads):
    """torch's own, whose scores above the diagonal are masked; heads that share keys; any scale."""
    query = drawn(2, 4, length, 8)
    key, value = drawn(2, key_heads, length, 8), drawn(2, key_heads, length, 8) + 1
    answer, weights = blocked_attention.attend(None, query, key, value, None, scaling=0.3)
    expected = scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=0.3, enable_gqa=True
    )
    assert weights is None
    assert torch.allclose(answer, expected.transpose(1, 2), rtol=0, atol=2e-6)


def network(family, config, positions: int):
    """A network of random weights that states so many positions."""
    torch.manual_seed(3)
    return family.build(family.read_config(config | {"max_position_embeddings": positions})).eval()


@pytest.mark.parametrize(
    ("family", "config"),
    [
        (generator.FAMILY, next(iter(generator.FAMILY.examples.values())).config),
        (mistral.FAMILY, next(iter(mistral.FAMILY.examples.values())).config),
        (marindna.FAMILY, marindna.CONFIG),
        (marindna.FAMILY, marindna.LLAMA),
    ],
    ids=["generator", "mistral", "qwen3", "llama"],
)
def test_a_network_of_many_positions_gives_the_same_rows(family, config):
    blocked = network(family, config, blocked_attention.LONG_TOKENS)
    whole = network(family, config, blocked_attention.LONG_TOKENS - 1)
    names = [one.config._attn_implementation for one in (blocked, whole)]
    assert names == [blocked_attention.NAME, "sdpa"]
    ids = torch.randint(0, 6, (2, 90), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        rows = [decoder.hidden(one, ids) for one in (blocked, whole)]
    assert torch.allclose(*rows, rtol=0, atol=1e-5)


class _Rows(torch.nn.Module):
    """Attention of embedded tokens to each other at the requested positions, as a graph's outputs."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.embedding = torch.nn.Embedding(6, 12)

    def forward(self, input_ids, pos):
        heads = self.embedding(input_ids).unflatten(2, (3, 4)).transpose(1, 2)
        rows = blocked_attention.attend(self, heads, heads[:, :1], heads[:, 1:2], None)[0]
        rows = rows.flatten(2)
        return rows.gather(1, pos.unsqueeze(-1).expand(-1, -1, 12)), rows.sum((1, 2))


@pytest.mark.long
def test_one_graph_serves_every_length_and_holds_no_whole_matrix(tmp_path):
    """Traced at 4 tokens, as a window of k-mers may be; fewer than the blocks, and many. The graph
    has one Attention for each block, and no loop."""
    module, rng = _Rows().eval(), np.random.default_rng(2)

    def feeds(batch: int, length: int) -> dict:
        pos = rng.integers(0, length, (batch, 3))
        return {"input_ids": rng.integers(0, 6, (batch, length)), "pos": pos}

    path = export_graph(module, feeds(2, 4), tmp_path / "m.onnx")
    run = runner(path)
    for batch, length in ((1, 1), (3, 5), (2, 8), (1, 77), (2, 2_000)):
        asked = feeds(batch, length)
        with torch.no_grad():
            expected = module(**{name: torch.from_numpy(one) for name, one in asked.items()})[0]
        assert np.abs(run(asked)["logp"] - expected.numpy()).max() < 1e-5
    operators = [node.op_type for node in onnx.load(path).graph.node]
    assert operators.count("Attention") == blocked_attention.BLOCKS
    assert not {"Loop", "Scan", "If"} & set(operators)


@pytest.mark.bad_input
def test_a_mask_is_refused():
    part = drawn(1, 1, 4, 8)
    with pytest.raises(ValueError, match="takes no mask"):
        blocked_attention.attend(None, part, part, part, torch.ones(4, 4))
