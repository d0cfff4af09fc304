"""Tensor names and shapes of the three BERTs over byte pairs.

Source: tools/convert_geneb_bert_checkpoint.py of tcztzy/evo.cpp at c281681, which lists the tensors
of each family; the published files passed its comparison of names, shapes and types.
"""

from __future__ import annotations

Shapes = dict[str, tuple[int, ...]]


def dense(name: str, n_out: int, n_in: int, bias: bool = True) -> Shapes:
    """A matrix and its bias."""
    return {f"{name}.weight": (n_out, n_in)} | ({f"{name}.bias": (n_out,)} if bias else {})


def norm(name: str, width: int) -> Shapes:
    """A layer norm."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def embeddings(config: dict, positions: bool) -> Shapes:
    """Tables of tokens, of segments and, where they are learned, of positions."""
    width = config["hidden_size"]
    by_name = {
        "bert.embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "bert.embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
    }
    if positions:
        shape = (config["max_position_embeddings"], width)
        by_name["bert.embeddings.position_embeddings.weight"] = shape
    return by_name | norm("bert.embeddings.LayerNorm", width)


def attention(at: str, width: int) -> Shapes:
    """Separate queries, keys and values, and the projection behind them."""
    by_name: Shapes = {}
    for name in ("query", "key", "value"):
        by_name |= dense(f"{at}.attention.self.{name}", width, width)
    return by_name | dense(f"{at}.attention.output.dense", width, width)


def feed_forward(at: str, config: dict) -> Shapes:
    """BERT's own: up, GELU, down."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    return dense(f"{at}.intermediate.dense", inner, width) | dense(
        f"{at}.output.dense", width, inner
    )


def head(config: dict, second_bias: bool) -> Shapes:
    """The head of masked tokens; second_bias: its bias is in the file under two names."""
    width, rows = config["hidden_size"], config["vocab_size"]
    result = dense("cls.predictions.transform.dense", width, width)
    result |= norm("cls.predictions.transform.LayerNorm", width)
    result |= dense("cls.predictions.decoder", rows, width)
    return result | ({"cls.predictions.bias": (rows,)} if second_bias else {})


TIED = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}
TIED_BIAS = {"cls.predictions.bias": "cls.predictions.decoder.bias"}
EVO = "tcztzy/evo.cpp at c281681"
