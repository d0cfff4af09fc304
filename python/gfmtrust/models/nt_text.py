"""Parts that both generations of the Nucleotide Transformer share: masked 6-mers after one CLS, and
the windows."""

from __future__ import annotations

from typing import Any

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import ConfigurationError, message
from gfmtrust.models.family import Window, check_ids, near
from gfmtrust.models.vocabularies import check_kmers

K = 6
V1, V2 = "Nucleotide Transformer v1", "Nucleotide Transformer v2"
FIRST_IDS = {V1: 4, V2: 6}
"""The id of the first 6-mer. v2 has `<eos>` and `<bos>` before the 6-mers, v1 after them, where its
network has no row for them."""
NEIGHBOUR_TOKENS = (2, 4, 6, 8)
"""Every second token on either side of the site's token, so that no two masked tokens are
adjacent."""
PHASES = (-2, -1, 0, 1, 2, 3)
SHORTEST_TOKENS = 18


def text(config: Any, vocabulary: dict[str, int], generation: str) -> Text:
    """Return the text. generation: V1 or V2. Raises BadDataError (65) for special tokens with other
    ids than config.json states, and for the vocabulary of the other generation, which has the same
    tokens and, as published, the same number of lines, but every 6-mer shifted by two ids."""
    check_kmers(vocabulary, FIRST_IDS, generation)
    vocabulary = usable(vocabulary, config.vocab_size, ("<mask>", "<pad>", "<cls>", "N"), K)
    check_ids(
        vocabulary,
        config.vocab_size,
        {"<mask>": config.mask_token_id, "<pad>": config.pad_token_id},
    )
    return Text(
        k=K,
        vocabulary=vocabulary,
        mask="<mask>",
        unknown="N",
        outside="N",
        prefix=("<cls>",),
        kmer_method="marginal",
    )


def window(config: Any, window_bp: int | None) -> Window:
    """Return the window. Raises ConfigurationError (78) for a width that is not a whole number of
    tokens or is too small."""
    trained = (
        config.max_position_embeddings - config.pad_token_id - 2
    ) * K  # positions start after the pad id, and CLS takes one
    width = window_bp or trained
    if width % K or width < SHORTEST_TOKENS * K:
        raise ConfigurationError(
            message("window_bp", f"{width}", f"a multiple of {K}, at least {SHORTEST_TOKENS * K}")
        )
    forward, reverse = width // 2, width - 1 - width // 2
    offsets = tuple(sign * K * tokens for sign in (-1, 1) for tokens in NEIGHBOUR_TOKENS)
    return Window(
        width,
        trained,
        forward,
        reverse,
        PHASES,
        tuple(sorted(near(offsets, width, forward, reverse))),
        False,
        SHORTEST_TOKENS * K,
    )
