"""What both generations of the Nucleotide Transformer share: masked 6-mers behind one CLS, and the
windows they read."""

from __future__ import annotations

from typing import Any

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.family import Window, check_ids, near

K = 6
NEIGHBOUR_TOKENS = (2, 4, 6, 8)
"""Every second token either side of the site's: no two masked tokens touch."""
PHASES = (-2, -1, 0, 1, 2, 3)
SHORTEST_TOKENS = 18


def text(config: Any, vocabulary: dict[str, int]) -> Text:
    """Raises BadDataError (65) for specials elsewhere than config.json says, and for a vocabulary
    of another length: v1 has two tokens less than v2, and every 6-mer two ids before."""
    check_ids(
        vocabulary,
        config.vocab_size,
        {"<mask>": config.mask_token_id, "<pad>": config.pad_token_id},
    )
    if len(vocabulary) != config.vocab_size:
        raise BadDataError(
            message(
                "vocabulary",
                f"{len(vocabulary)} tokens",
                f"vocab_size {config.vocab_size}",
                "is it the file of this generation (v1, v2)?",
            )
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
    """Raises ConfigurationError (78) for a width that is not whole tokens, or too few."""
    trained = (
        config.max_position_embeddings - config.pad_token_id - 2
    ) * K  # positions start after the pad id; one is CLS's
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
