"""benchmarks/audit_families.py: its random weights answer with bases, whatever their layout, and a refusal
is a row of its table."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import audit_families  # noqa: E402
from audit_families_parts import weights  # noqa: E402

from gfmtrust.bundle.tokenizers import words  # noqa: E402
from gfmtrust.models import checkpoint, examples  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", ["gpn", "recurrent", "hyenadna", "caduceus_ps", "mamba2"])
def test_the_probability_outside_of_bases_is_small(tmp_path, name):
    example = examples.all_of()[name][1]
    loaded = checkpoint.load(weights.write(tmp_path / name, name, example, 1))
    text = loaded.text
    bases = torch.tensor([text.vocabulary[word] for word in words(text)])
    ids = bases[torch.from_numpy(np.random.default_rng(0).integers(0, 4, (4, example.window_bp)))]
    middle = example.window_bp // 2
    if not text.causal:
        ids[:, middle] = text.vocabulary[text.mask]
    rows = loaded.network(ids)
    p = getattr(rows, "logits", rows)[:, middle].softmax(-1)
    assert p[:, bases].sum(-1).min() > 0.99
    assert p[:, bases].std(0).max() > 1e-3  # it still answers every window differently


def test_a_refusal_is_a_row_with_its_exit_code():
    row = audit_families.Row("grover", "whole tokens, masked, 160 bp", 78, (), 3.2, 0.41)
    assert "refused, exit code 78" in audit_families.table([row])[-1]
    assert audit_families.table([row])[-1].count("|") == audit_families.table([])[0].count("|")
