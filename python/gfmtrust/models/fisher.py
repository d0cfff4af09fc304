"""Fisher information of a network's parameters by group: where a change of the weights changes the
answers.

Two definitions. As published (Rochkoulets, Vrcek and Sikic, arXiv 2604.04287): the squared gradient of
the mean loss of a batch of 8. Per sequence: the squared gradient of the loss of each sequence, with
targets drawn from the model (the true Fisher information) or observed (the empirical one). The
square of a batch's mean is another quantity: E[(mean g)^2] = E[g^2] / B + (1 - 1 / B) (E g)^2.

A decoder that shares its matrix with the embedding is given one of its own before the gradients are
computed, so that both uses are separated; the published definition counts their sum as embeddings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from gfmtrust.bundle import tokenizers
from gfmtrust.models.checkpoint import Checkpoint

EMBEDDINGS, DECODER, HEAD, MIXING, OTHER = (
    "embeddings", "tied decoder", "head", "inter-token layers", "other layers",
)  # fmt: skip
GROUPS: tuple[str, ...] = (EMBEDDINGS, DECODER, HEAD, MIXING, OTHER)
BATCH = 8
MASKED = 0.15
_IS_HEAD = re.compile(
    r"^(core\.|_model\.)?(lm_head|cls|decoder|head|output_conv|output_layer_norm)\."
)
_IS_EMBEDDING = re.compile(r"(^|\.)(embeddings?|embed_tokens|embed_layer)\.")
_IS_MIXING = re.compile(r"\.(self_attn|attention|attn|mixer|sa_layer|candidate|gate|out|conv)\.")
"""Names of blocks that mix places, with their projections and norms; a kernel wider than 1 is one
under any name."""


@dataclass(frozen=True)
class Questions:
    """Tokens that are asked about. ids: int64 (n, length), as shown to the network; pos: int64 (n,
    P), the rows of its answer; target: int64 (n, P), the true tokens."""

    ids: torch.Tensor
    pos: torch.Tensor
    target: torch.Tensor


@dataclass(frozen=True)
class Information:
    """parameters: int (groups,). true, observed: float64 (n, groups), squared gradient norms of each
    sequence. published: float64 (batches, groups). head, head_null: float64 (n,), the trace of the
    linear head's Fisher information of one token in closed form, E ||h||^2 (1 - sum p^2), and that
    of a model that knows nothing, E ||h||^2 (1 - 1 / V); None where the head is not one linear
    layer."""

    parameters: np.ndarray
    true: np.ndarray
    observed: np.ndarray
    published: np.ndarray
    head: np.ndarray | None
    head_null: np.ndarray | None


def group_of(name: str, parameter: torch.Tensor) -> str:
    """The group of a parameter by its name, as checkpoints of the families name them."""
    if _IS_HEAD.search(name):
        return HEAD
    if _IS_EMBEDDING.search(name):
        return EMBEDDINGS
    is_wide = parameter.ndim >= 3 and parameter.shape[-1] > 1
    return MIXING if is_wide or _IS_MIXING.search(f".{name}") else OTHER


def questions(text: tokenizers.Text, codes: np.ndarray, seed: int) -> Questions:
    """15 % of the tokens of each window masked, or all tokens but the first of a causal model. codes:
    uint8 (n, W), known letters only."""
    tokenizer = tokenizers.build(text)
    width, k = codes.shape[1] // text.k * text.k, text.k
    codes = codes[:, :width]
    rng = np.random.default_rng([seed, 0xF15])
    letters = np.arange(k, width, k)
    if not text.causal:
        n_masked = max(1, round(MASKED * (len(letters) + 1)))
        letters = np.stack([np.sort(rng.permutation(width // k)[:n_masked]) * k for _ in codes])
    index = np.broadcast_to(letters, (len(codes), letters.shape[-1]))
    shown = tokenizers.feeds(tokenizer, codes, index)
    plain = replace(tokenizer, text=replace(text, causal=False), mask_id=None)
    whole = tokenizers.feeds(plain, codes, index)
    target = np.take_along_axis(whole["input_ids"], whole["pos"], axis=1)
    return Questions(*(torch.from_numpy(np.ascontiguousarray(one)) for one in (shown["input_ids"], shown["pos"], target)))  # fmt: skip


def information(checkpoint: Checkpoint, codes: np.ndarray, seed: int) -> Information:
    """The Fisher information at windows. codes: uint8 (n, W), known letters only. The network of the
    checkpoint is changed: its tied matrices are separated and have gradients."""
    network, asked = checkpoint.network, questions(checkpoint.text, codes, seed)
    untie(network)
    network.requires_grad_(True)
    groups = {name: group_of(name, one) for name, one in network.named_parameters()}
    tied = _tied_pairs(network)
    groups |= dict.fromkeys(tied, DECODER)
    generator = torch.Generator().manual_seed(seed)
    rows = range(len(codes))
    heads = [head_trace(network, asked, row) for row in rows]
    one_layer = all(one is not None for one in heads)
    closed = np.array([one for one in heads if one is not None]).reshape(-1, 2)
    count = dict(network.named_parameters())
    return Information(
        np.array([sum(count[name].numel() for name, of in groups.items() if of == group) for group in GROUPS]),
        np.stack([_norms(network, groups, _loss(network, asked, slice(row, row + 1), generator)) for row in rows]),
        np.stack([_norms(network, groups, _loss(network, asked, slice(row, row + 1), None)) for row in rows]),
        np.stack([
            _norms(network, groups, _loss(network, asked, slice(start, start + BATCH), None), tied)
            for start in rows[:: BATCH]
        ]),
        closed[:, 0] if one_layer else None,
        closed[:, 1] if one_layer else None,
    )  # fmt: skip


def untie(network: torch.nn.Module) -> None:
    """Give each decoder that shares its matrix with an embedding a copy of its own."""
    seen: dict[int, str] = {}
    for name, parameter in list(network.named_parameters(remove_duplicate=False)):
        if id(parameter) in seen and _IS_HEAD.search(name):
            owner, _, leaf = name.rpartition(".")
            copy = torch.nn.Parameter(parameter.detach().clone())
            copy.tied_to = seen[id(parameter)]  # pyright: ignore[reportAttributeAccessIssue]
            setattr(network.get_submodule(owner), leaf, copy)
        seen.setdefault(id(parameter), name)


def _tied_pairs(network: torch.nn.Module) -> dict[str, str]:
    """Decoder matrix -> the embedding that it was tied to."""
    pairs = {name: getattr(one, "tied_to", None) for name, one in network.named_parameters()}
    return {name: other for name, other in pairs.items() if other}


def answers(network: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Logits (n, length, vocabulary)."""
    output: Any = network(ids)
    return getattr(output, "logits", output)


def _loss(
    network: torch.nn.Module, asked: Questions, rows: slice, generator: torch.Generator | None
) -> torch.Tensor:
    """The mean loss of the tokens asked. generator: targets are drawn from the model's answers; None
    for the observed ones."""
    logits = answers(network, asked.ids[rows])
    index = asked.pos[rows][..., None].expand(-1, -1, logits.shape[-1])
    chosen = logits.gather(1, index).flatten(0, 1)
    target = asked.target[rows].flatten()
    if generator is not None:
        target = torch.multinomial(chosen.detach().softmax(-1), 1, generator=generator)[:, 0]
    return cross_entropy(chosen, target)


def _norms(
    network: torch.nn.Module,
    groups: dict[str, str],
    loss: torch.Tensor,
    tied: dict[str, str] | None = None,
) -> np.ndarray:
    """Squared gradient norm of each group, float64 (groups,). tied: the gradient of a decoder is
    added to that of its embedding."""
    parameters = dict(network.named_parameters())
    computed = torch.autograd.grad(
        loss, list(parameters.values()), allow_unused=True, materialize_grads=True
    )
    gradient = dict(zip(parameters, computed, strict=True))
    for decoder, embedding in (tied or {}).items():
        gradient[embedding] = gradient[embedding] + gradient.pop(decoder)
    total: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
    for name, one in gradient.items():
        total[groups[name]] += float(one.double().square().sum())
    return np.array([total[group] for group in GROUPS])  # fmt: skip


def head_trace(network: torch.nn.Module, asked: Questions, row: int) -> tuple[float, float] | None:
    """The mean over the tokens of a sequence of ||h||^2 (1 - sum p^2), and of ||h||^2 (1 - 1 / V),
    where h is what the last linear layer reads; None where the logits are not one linear layer of
    h."""
    read: list[tuple[torch.nn.Module, torch.Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, _: read.append((module, inputs[0])))
        for module in network.modules()
        if isinstance(module, torch.nn.Linear)
    ]
    with torch.no_grad():
        logits = answers(network, asked.ids[row : row + 1])[0]
    for hook in hooks:
        hook.remove()
    for module, values in reversed(read):
        linear: Any = module
        hidden = values.reshape(-1, values.shape[-1])
        if linear.weight.shape[0] != logits.shape[-1] or len(hidden) != len(logits):
            continue
        with torch.no_grad():
            again = torch.nn.functional.linear(hidden, linear.weight, linear.bias)
        if not torch.allclose(again, logits, rtol=1e-4, atol=1e-4):
            continue
        pos = asked.pos[row]
        size = hidden[pos].double().square().sum(-1)
        p = logits[pos].double().softmax(-1)
        ignorant = 1 - 1 / logits.shape[-1]
        unsure = 1 - p.square().sum(-1)
        return float((size * unsure).mean()), float((size * ignorant).mean())
    return None
