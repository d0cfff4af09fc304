"""Folded scoring modules: encoder, gather of the scored rows, head on those rows, log-probabilities
of the four bases.

Each takes token ids and gives logp float32 (batch, positions, 4), order A,C,G,T of the strand as
read, and off_alphabet (batch, positions), the probability the model puts on anything else; but for
TokenScorer, which tells of tokens that have no base each. Numbers: docs/understand/scoring.md, "The
distribution at a site".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gfmtrust.bundle.tokenizers import Text, words

FLOOR = 1e-30
"""Smallest marginal probability; float32 would give -inf below 1e-38, and an LLR of 69 nats is
beyond any model."""
BLOCKED = -1e30
LETTERS = 5
"""A,C,G,T and 4 = not told."""

HiddenAt = Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]
"""(network, token ids, positions) to hidden states of the scored rows, (batch, positions,
width)."""
Head = Callable[[Any, torch.Tensor], torch.Tensor]


def gathered(hidden: Head) -> HiddenAt:
    """The scored rows of a network that computes all rows: hidden(network, token ids) gives (batch,
    length, width)."""

    def hidden_at(network: nn.Module, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        rows = hidden(network, input_ids)
        return rows.gather(1, pos.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))

    return hidden_at


class Folded(nn.Module):
    """Common part of all scorers: a network, how to get its hidden states at the scored positions,
    and logits from those."""

    def __init__(self, network: nn.Module, hidden_at: HiddenAt, head: Head):
        super().__init__()
        self.network, self._hidden_at, self._head = network, hidden_at, head

    def halved(self) -> Folded:
        """A copy whose network reckons in float16; all that follows its logits stays float32. (A
        head in float32 gained nothing: the error is the encoder's.)"""
        copied = copy.deepcopy(self)
        copied.network.half()
        return copied

    def rows(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Logits of the whole vocabulary at the scored positions, float32 (batch, positions,
        ids)."""
        return self._head(self.network, self._hidden_at(self.network, input_ids, pos)).float()


class Scorer(Folded):
    """Scorers of bases. word_ids: ids of the 4^k words by rank; every other id below vocab_size is
    off the alphabet."""

    word_ids: torch.Tensor
    other_ids: torch.Tensor

    def __init__(
        self, network: nn.Module, hidden_at: HiddenAt, head: Head, text: Text, vocab_size: int
    ):
        super().__init__(network, hidden_at, head)
        ids = [text.vocabulary[word] for word in words(text)]
        self.register_buffer("word_ids", torch.tensor(ids), persistent=False)
        self.register_buffer(
            "other_ids", torch.tensor(sorted(set(range(vocab_size)) - set(ids))), persistent=False
        )

    def logits(
        self, input_ids: torch.Tensor, pos: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the words (batch, positions, 4^k) and the mass outside them (batch,
        positions)."""
        logits = self.rows(input_ids, pos)
        mass = logits.softmax(-1).index_select(-1, self.other_ids).sum(-1)
        return logits.index_select(-1, self.word_ids), mass


class BaseScorer(Scorer):
    """Single bases: renormalised over the four."""

    def forward(
        self, input_ids: torch.Tensor, pos: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, mass = self.logits(input_ids, pos)
        return logits.log_softmax(-1), mass


class TokenScorer(Folded):
    """Whole tokens (BPE): ln p of a token given, over all tokens. target (batch, positions) are the
    ids; the one output is logp, float32 (batch, positions)."""

    def forward(
        self, input_ids: torch.Tensor, pos: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        return (
            self.rows(input_ids, pos).log_softmax(-1).gather(-1, target.unsqueeze(-1)).squeeze(-1)
        )


class KmerScorer(Scorer):
    """k-mers: the law of the token given its known letters, summed by the letter scored.

    letters (batch, positions, k) holds 0..3 for a known letter and 4 for one not told: of a masked
    token all told but the scored one is `conditional`, none told is `marginal`; of a causal model's
    next token those before the scored one are told, so that the answers of a token's letters
    multiply to the law of the token. An N is summed out. offset (batch, positions) is the letter
    scored.
    """

    blocked: torch.Tensor
    member: torch.Tensor
    first_row: torch.Tensor

    def __init__(
        self, network: nn.Module, hidden_at: HiddenAt, head: Head, text: Text, vocab_size: int
    ):
        super().__init__(network, hidden_at, head, text, vocab_size)
        self.k = text.k
        letter = _letters_of_words(text)
        blocked = torch.zeros(text.k, LETTERS, len(letter))
        for code in range(4):
            blocked[:, code] = torch.where(letter.T == code, 0.0, BLOCKED)
        self.register_buffer("blocked", blocked.reshape(text.k * LETTERS, -1), persistent=False)
        member = nn.functional.one_hot(letter, 4).reshape(len(letter), text.k * 4).float()
        self.register_buffer("member", member, persistent=False)
        self.register_buffer("first_row", torch.arange(text.k) * LETTERS, persistent=False)

    def forward(
        self,
        input_ids: torch.Tensor,
        pos: torch.Tensor,
        offset: torch.Tensor,
        letters: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, mass = self.logits(input_ids, pos)
        blocked = self.blocked[letters + self.first_row].sum(-2)
        by_letter = (logits + blocked).softmax(-1) @ self.member
        column = (offset * 4).unsqueeze(-1) + torch.arange(4)
        return by_letter.gather(-1, column).clamp_min(FLOOR).log(), mass


def _letters_of_words(text: Text) -> torch.Tensor:
    """Code of each letter of each word, int64 (4^k, k), from the strings themselves."""
    return torch.tensor([["ACGT".index(letter) for letter in word.upper()] for word in words(text)])
