"""A Markov table as an ONNX graph that answers like a folded model: masked or causal, single bases
or k-mers.

Inputs and outputs are those of `bundle.graph_contract`. The k letters on either side (causal:
before) are gathered token by token without the scored token, so its letters cannot reach the
output. All words over the hidden letters come from one matrix product of the neighbours with powers
of 5, in float64, where every word is exact; so is everything else until the last cast, because
otherwise the answer would not be known to 1e-6. Next to an unknown letter the words are those of
`MarkovTable.log_terms`: the graph and `closed_forms` share its table, but not the code that uses
it.
"""

from __future__ import annotations

import numpy as np

from gfmtrust.bundle.onnx_file import Value
from gfmtrust.bundle.onnx_nodes import Nodes
from gfmtrust.bundle.tokenizers import Text, words
from gfmtrust.core.alphabet import N
from gfmtrust.validation.oracle.closed_forms import all_words, reach_of
from gfmtrust.validation.oracle.markov import LETTERS, MarkovTable

BLOCKED = -1e30
N_JUNK = 8
"""The ids outside A,C,G,T that receive junk probability; published vocabularies have 8 to 12 of
them."""


def build(table: MarkovTable, text: Text, junk: float = 0.0) -> bytes:
    """Return the .onnx bytes of a table read through a text; equal arguments give equal bytes.

    junk: the probability outside the words, in unequal parts; with 0 there is no output
    off_alphabet. Raises ValueError for a junk outside [0, 1).
    """
    if not 0 <= junk < 1:
        raise ValueError(f"junk is {junk}; expected 0 to below 1")
    nodes = Nodes()
    logits = _word_logits(nodes, table, text)
    outputs = [Value("logp", "float32", ("batch", "positions", 4))]
    if junk:
        logits = _with_junk(nodes, logits, 4**text.k, junk)
        outputs.append(Value("off_alphabet", "float32", ("batch", "positions")))
    if text.k == 1:
        logp = nodes.op("LogSoftmax", logits, axis=-1)
    else:
        logp = nodes.op("Log", _by_letter(nodes, logits, text))
    nodes.cast(logp, "float32", output="logp")
    inputs = [
        Value("input_ids", "int64", ("batch", "length")),
        Value("pos", "int64", ("batch", "positions")),
    ]
    if text.k > 1:
        inputs += [
            Value("offset", "int64", ("batch", "positions")),
            Value("letters", "int64", ("batch", "positions", text.k)),
        ]
    model = nodes.model("markov_oracle", tuple(inputs), tuple(outputs))
    return model.SerializeToString(deterministic=True)


def _word_logits(nodes: Nodes, table: MarkovTable, text: Text) -> str:
    """Return the log-probability, up to a constant, of each word at the hidden token, float64
    (batch, positions, 4**k)."""
    reach = reach_of(table, text.k)
    beside = _letters_beside(nodes, text, reach // text.k)
    at = (
        np.arange(-reach, 0) if text.causal else np.r_[-reach:0, text.k : text.k + reach]
    )  # places, with the token's first letter at 0
    ends = np.arange(
        text.k if text.causal else text.k + table.order
    )  # the end of each word that contains a hidden letter or follows one
    rows = nodes.op(
        "MatMul",
        nodes.cast(beside, "float64"),
        nodes.const("powers", _powers(at, ends, table.order).astype(np.float64)),
    )
    rows = nodes.op("Unsqueeze", nodes.cast(rows, "int64"), nodes.axes(2))
    inner_words = all_words(text.k).astype(np.int64) @ _powers(np.arange(text.k), ends, table.order)
    rows = nodes.op("Add", rows, nodes.const("own", inner_words))
    terms = nodes.op("Gather", nodes.const("log_terms", table.log_terms.reshape(-1)), rows, axis=0)
    return nodes.op("ReduceSum", terms, nodes.axes(3), keepdims=0)


def _powers(at: np.ndarray, ends: np.ndarray, order: int) -> np.ndarray:
    """Return the weight of a letter at each place in the index of the word that ends at each end,
    int64 (places, words); 0 outside the word."""
    back = ends - at[:, None]
    return np.where((back >= 0) & (back <= order), LETTERS ** np.clip(back, 0, order), 0).astype(
        np.int64
    )


def _letters_beside(nodes: Nodes, text: Text, n_tokens: int) -> str:
    """Return the codes of the letters of the tokens beside the hidden one, int64 (batch, positions,
    letters), left to right; 4 for unknown."""
    pads = nodes.axes(0, n_tokens, 0, n_tokens)
    padded = nodes.op(
        "Pad", "input_ids", pads, nodes.const("outside", np.int64(text.vocabulary[text.outside]))
    )
    offsets = (
        np.arange(-n_tokens, 0)
        if text.causal
        else np.delete(np.arange(-n_tokens, n_tokens + 1), n_tokens)
    )
    offsets = (
        offsets + n_tokens + (1 if text.causal else 0)
    )  # a causal answer is at the token before the hidden one
    place = nodes.op(
        "Add",
        nodes.op("Unsqueeze", "pos", nodes.axes(2)),
        nodes.const("offsets", offsets.astype(np.int64)),
    )
    ids = nodes.op("GatherElements", padded, nodes.op("Reshape", place, nodes.axes(0, -1)), axis=1)
    ids = nodes.op("Reshape", ids, nodes.op("Shape", place))
    letters = nodes.op("Gather", nodes.const("letters_of_id", _letters_of_id(text)), ids, axis=0)
    return nodes.op("Reshape", letters, nodes.axes(0, 0, len(offsets) * text.k))


def _letters_of_id(text: Text) -> np.ndarray:
    """Return the codes of each id's letters, int64 (ids, k); all 4 for an id that is not a word."""
    letters = np.full((max(text.vocabulary.values()) + 1, text.k), N, dtype=np.int64)
    letters[[text.vocabulary[word] for word in words(text)]] = all_words(text.k)
    return letters


def _with_junk(nodes: Nodes, logits: str, n_words: int, junk: float) -> str:
    """Write the output off_alphabet from a softmax over words and junk ids, and return the logits
    of the words, as a folded model does."""
    share = junk * np.arange(1, N_JUNK + 1) / np.arange(1, N_JUNK + 1).sum()
    added = np.log(np.concatenate([np.full(n_words, 1 - junk), share]))
    padded = nodes.op(
        "Pad",
        nodes.op("LogSoftmax", logits, axis=-1),
        nodes.axes(0, 0, 0, 0, 0, N_JUNK),
        nodes.const("zero", np.float64(0)),
    )
    whole = nodes.op("Add", padded, nodes.const("junk", added))
    outside = nodes.slice(nodes.op("Softmax", whole, axis=-1), n_words, n_words + N_JUNK, 2)
    nodes.cast(
        nodes.op("ReduceSum", outside, nodes.axes(2), keepdims=0), "float32", output="off_alphabet"
    )
    return nodes.slice(whole, 0, n_words, 2)


def _by_letter(nodes: Nodes, logits: str, text: Text) -> str:
    """Return the probability of each base at the scored letter, float64 (batch, positions, 4),
    without the words that the given letters rule out."""
    letter = all_words(text.k)
    member = (letter[:, :, None] == np.arange(4)).reshape(len(letter), -1).astype(np.float64)
    ruled_out = np.zeros((text.k, LETTERS, len(letter)))
    ruled_out[:, :4] = np.where(letter.T[:, None] == np.arange(4)[:, None], 0, BLOCKED)
    row = nodes.op(
        "Add", "letters", nodes.const("first_row", np.arange(text.k, dtype=np.int64) * LETTERS)
    )
    penalties = nodes.op(
        "Gather", nodes.const("ruled_out", ruled_out.reshape(-1, len(letter))), row, axis=0
    )
    penalties = nodes.op("ReduceSum", penalties, nodes.axes(2), keepdims=0)
    law = nodes.op("Softmax", nodes.op("Add", logits, penalties), axis=-1)
    by_letter = nodes.op("MatMul", law, nodes.const("member", member))
    first = nodes.op(
        "Mul", nodes.op("Unsqueeze", "offset", nodes.axes(2)), nodes.const("four", np.int64(4))
    )
    return nodes.op(
        "GatherElements",
        by_letter,
        nodes.op("Add", first, nodes.const("bases", np.arange(4, dtype=np.int64))),
        axis=2,
    )
