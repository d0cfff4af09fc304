"""Fisher information against the public code, autograd on one token, and the closed form of the head."""

import gfm_golden
import numpy as np
import pytest
import torch

from gfmtrust.audit.replicate import fisher, network

pytestmark = pytest.mark.long


def test_the_groups_are_those_of_the_public_code():
    public = gfm_golden.public()
    for name, value in gfm_golden.of_fisher().items():
        assert value == pytest.approx(public[name], rel=1e-6), name


def test_the_decoder_in_closed_form_is_that_of_autograd():
    """The expectation over tokens drawn from the model, token by token: sum of p_v |grad_v|^2."""
    apart = gfm_golden.tiny_network(tied=False)
    ids = gfm_golden.masked()[0][:1]
    asked = torch.zeros_like(ids, dtype=torch.bool)
    asked[0, 3] = True
    head = apart.cls.predictions
    answers = network.logits(apart, ids, asked)
    p = answers.softmax(-1)[0]
    matrix = bias = 0.0
    for token, share in enumerate(p.detach()):
        loss = torch.nn.functional.cross_entropy(answers, torch.tensor([token]))
        of_matrix, of_bias = torch.autograd.grad(
            loss, [head.decoder.weight, head.decoder.bias], retain_graph=True
        )
        matrix += float(share * (of_matrix**2).sum())
        bias += float(share * (of_bias**2).sum())
    hidden = head.transform(network.last_layer(apart, ids)[asked]).detach().numpy()
    closed = fisher.head_in_closed_form(hidden, p.detach().numpy()[None])
    assert closed == pytest.approx((matrix, bias), rel=1e-6)


def test_a_tied_matrix_has_the_sum_of_both_gradients():
    tied = gfm_golden.tiny_network(tied=True)
    apart = network.split(tied, gfm_golden.tiny_settings(), gfm_golden.VOCABULARY).double()
    shown, truth = gfm_golden.masked()
    gradients = []
    for one in (tied, apart):
        one.zero_grad()
        asked = shown != truth
        torch.nn.functional.cross_entropy(
            network.logits(one, shown, asked), truth[asked]
        ).backward()
        gradients.append({name: p.grad for name, p in one.named_parameters() if p.grad is not None})
    both = gradients[1][fisher.TABLE] + gradients[1][fisher.DECODER_MATRIX]
    assert np.allclose(gradients[0][fisher.TABLE], both, atol=1e-12)


def test_parts_add_up_to_the_squared_gradient():
    apart = gfm_golden.tiny_network(tied=False)
    shown, truth = gfm_golden.masked()
    values = fisher.fisher(apart, shown[:2], truth[:2], False, 0)
    asked = shown[:1] != truth[:1]
    loss = torch.nn.functional.cross_entropy(
        network.logits(apart, shown[:1], asked), truth[:1][asked]
    )
    names = [name for name, _ in apart.named_parameters()]
    gradients = torch.autograd.grad(
        loss, list(apart.parameters()), materialize_grads=True, allow_unused=True
    )
    total = sum(float((one**2).sum()) for one in gradients)
    attention = sum(
        float((one**2).sum())
        for name, one in zip(names, gradients, strict=True)
        if ".attention." in name
    )
    assert sum(one[0] for one in values.empirical.values()) == pytest.approx(total)
    assert values.empirical[fisher.INTER_TOKEN][0] == pytest.approx(attention)
