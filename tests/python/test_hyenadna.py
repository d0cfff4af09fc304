"""HyenaDNA against its authors' own code, long convolution against its definition, and planted defects.

golden/hyenadna.json holds what HazyResearch/hyena-dna, standalone_hyenadna.py at the commit it names, answered with the weights of
`weights_by_name` (its hidden states times our head's matrix, in float64; torch 2.15 on CPU), and its grid, decay and time as it makes them.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import EXAMPLES

from gfmtrust.errors import BadDataError, ConfigurationError

pytestmark = pytest.mark.torch
GOLDEN = json.loads((Path(__file__).parent / "golden" / "hyenadna.json").read_text())
EXAMPLE = EXAMPLES["hyenadna"]


def weights_by_name(network, seed=11):
    """Fill a network from one generator, parameters by sorted name: norms about 1, frequencies about the config's, the grid moved a little."""
    import torch

    rng = np.random.default_rng(seed)
    for name, held in sorted(network.named_parameters()):
        drawn = torch.tensor(rng.normal(size=held.shape), dtype=torch.float32)
        if name.endswith(("norm1.weight", "norm2.weight", "ln_f.weight", "freq")):
            held.data += 0.1 * drawn
        elif name.endswith("pos_emb.z"):
            held.data += 0.02 * drawn
        else:
            held.data = drawn / (held.shape[-1] ** 0.5 if held.ndim == 2 and "embeddings" not in name else 3)
    return network.eval().requires_grad_(False)


def made(**changes):
    from gfmtrust.models import family

    one = family("hyenadna")
    return weights_by_name(one.build(one.read_config({**EXAMPLE.config, **changes})))


def relative(found, expected) -> float:
    """Largest difference for numbers of standard deviation 1."""
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max() / np.asarray(expected).std())


def letters(n, length, seed=5):
    import torch

    return torch.tensor(np.random.default_rng(seed).integers(7, 11, (n, length)))


def all_rows(network, ids, length=None):
    """Logits of every row by the folded form with room for so many letters."""
    import torch

    from gfmtrust.models.hyenadna import FoldedHyena

    folded = FoldedHyena(network, length or ids.shape[1])
    return folded.head(folded.hidden_at(ids, torch.arange(ids.shape[1]).expand(len(ids), -1)))


# --- the authors' code

def test_same_weights_give_the_authors_logits():
    import torch

    network = made(**GOLDEN["config"])
    for case in GOLDEN["cases"]:
        ids = torch.tensor([case["ids"]])
        expected = np.array(case["logits"])
        assert relative(network(ids)[0, case["rows"]], expected) < 1e-5
        assert relative(all_rows(network, ids)[0, case["rows"]], expected) < 1e-5


def test_grid_time_and_decay_are_the_authors():
    filter_fn = EXAMPLE_NETWORK().hyena.backbone.layers[0].mixer.filter_fn
    for name, held in (("z", filter_fn.pos_emb.z), ("t", filter_fn.pos_emb.t), ("deltas", filter_fn.modulation.deltas)):
        np.testing.assert_allclose(held.detach().numpy().ravel()[GOLDEN[name]["places"]], GOLDEN[name]["values"], atol=1e-6)


def EXAMPLE_NETWORK():  # noqa: N802 - a network as it starts
    from gfmtrust.models import family

    one = family("hyenadna")
    return one.build(one.read_config(EXAMPLE.config))
