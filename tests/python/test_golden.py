"""Our networks against the official implementations' numbers, with the same weights (`golden_weights`)."""

import golden_weights
import numpy as np
import pytest

pytestmark = pytest.mark.torch

OFFICIAL = {"dnabert2": "dnabert2", "gena_bert": "gena_bert", "gena_bert_no_last_norm": "gena_bert"}
"""File under golden/ -> module under gfmtrust.models."""
ALLOWED = 1e-4


def networks():
    from gfmtrust.models import dnabert2, gena_bert
    from gfmtrust.models.family import take

    return {
        "dnabert2": lambda config: dnabert2.Dnabert2ForMaskedLM(take(config, dnabert2.Dnabert2Config, dnabert2.FIXED, dnabert2.INERT)),
        "gena_bert": lambda config: gena_bert.GenaForMaskedLM(take(config, gena_bert.GenaConfig, gena_bert.FIXED, gena_bert.INERT)),
    }


def logits(network, ids) -> np.ndarray:
    import torch

    with torch.no_grad():
        made = network(torch.from_numpy(np.asarray(ids)))
    return (made if isinstance(made, torch.Tensor) else made.logits).numpy()


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_the_official_code_gave_the_same_logits(name):
    held = golden_weights.load(name)
    network = golden_weights.fill(networks()[OFFICIAL[name]](held["config"]), held["seed"])
    assert held["logits"].std() > 1
    np.testing.assert_allclose(logits(network, held["ids"]), held["logits"], atol=ALLOWED, rtol=0)
