"""Folded scoring modules: the encoder, the selection of the scored rows, the head on those rows,
and the log-probabilities of the four bases.

Each module takes token ids and returns logp float32 (batch, positions, 4), in nats, in the order
A,C,G,T of the strand in reading direction, and off_alphabet (batch, positions), the probability of
everything else. TokenScorer differs: it returns the log-probability of whole tokens. The formulas
are in docs/understand/scoring.md, "The distribution at a site".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gfmtrust.bundle.tokenizers import Text, words

FLOOR = 1e-30
"""The smallest marginal probability. float32 would give -inf below 1e-38, and no model supports a
log-likelihood ratio of 69 nats."""
BLOCKED = -1e30
LETTERS = 5
"""The number of letter codes: 0 to 3 for A,C,G,T, and 4 for a letter that is not given."""

HiddenAt = Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]
"""(network, token ids, positions) -> hidden states of the scored rows, (batch, positions,
width)."""
Head = Callable[[Any, torch.Tensor], torch.Tensor]


def gathered(hidden: Head) -> HiddenAt:
    """Return a function that selects the scored rows of a network that computes all rows.
    hidden(network, token ids) must return (batch, length, width)."""

    def hidden_at(network: nn.Module, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        rows = hidden(network, input_ids)
        return rows.gather(1, pos.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))

    return hidden_at


class Folded(nn.Module):
    """The common part of all scorers: a network, a function for its hidden states at the scored
    positions, and a function from these to logits."""

    def __init__(self, network: nn.Module, hidden_at: HiddenAt, head: Head):
        super().__init__()
        self.network, self._hidden_at, self._head = network, hidden_at, head

    def halved(self) -> Folded:
        """Return a copy whose network computes in float16; everything after its logits stays in
        float32. A head in float32 was tried and did not help, because the error comes from the
        encoder."""
        copied = copy.deepcopy(self)
        copied.network.half()
        return copied

    def rows(self, input_ids: torch.Tensor, pos: torch.Tensor) -> torch.Tensor:
        """Return the logits of the whole vocabulary at the scored positions, float32 (batch,
        positions, ids)."""
        return self._head(self.network, self._hidden_at(self.network, input_ids, pos)).float()


class Scorer(Folded):
    """The common part of the scorers of bases. word_ids: the ids of the 4^k words by rank; all
    other ids below vocab_size count as off the alphabet."""

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
        """Return the logits of the words, (batch, positions, 4^k), and the probability of all other
        tokens, (batch, positions)."""
        logits = self.rows(input_ids, pos)
        mass = logits.softmax(-1).index_select(-1, self.other_ids).sum(-1)
        return logits.index_select(-1, self.word_ids), mass


class BaseScorer(Scorer):
    """Scorer of single bases: the distribution is renormalised over the four."""

    def forward(
        self, input_ids: torch.Tensor, pos: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, mass = self.logits(input_ids, pos)
        return logits.log_softmax(-1), mass


class TokenScorer(Folded):
    """Scorer of whole tokens (BPE): ln p of a given token, over all tokens. target (batch,
    positions) holds the ids; the only output is logp, float32 (batch, positions)."""

    def forward(
        self, input_ids: torch.Tensor, pos: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        return (
            self.rows(input_ids, pos).log_softmax(-1).gather(-1, target.unsqueeze(-1)).squeeze(-1)
        )


class KmerScorer(Scorer):
    """Scorer of k-mers: the distribution of the token given its known letters, summed by the scored
    letter.

    letters (batch, positions, k) is 0..3 for a known letter and 4 for a letter that is not given.
    For a masked token, giving all letters but the scored one is the method `conditional`, giving
    none is `marginal`. For the next token of a causal model the letters before the scored one are
    given, so that the answers for the letters of a token multiply to the probability of the token.
    An N is summed over. offset (batch, positions) is the index of the scored letter in the token.
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
    """Return the code of each letter of each word, int64 (4^k, k), from the words themselves."""
    return torch.tensor([["ACGT".index(letter) for letter in word.upper()] for word in words(text)])
