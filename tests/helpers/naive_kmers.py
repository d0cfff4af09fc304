"""The slow obvious law of a base inside a 6-mer: sums over strings, float64."""

import numpy as np


def base_law(
    logits: np.ndarray, vocabulary: dict[str, int], token: str, offset: int, method: str
) -> np.ndarray:
    """p(A,C,G,T) at a letter of a token, from the token's logits over the whole vocabulary (V,).

    conditional: the other letters as they are in `token` ('N' for unknown); marginal: summed over
    all of them.
    """
    law = np.zeros(4)
    for word, number in vocabulary.items():
        if len(word) != 6 or set(word) - set("ACGT"):
            continue
        fits = all(
            have in (want, "N") or at == offset
            for at, (want, have) in enumerate(zip(word, token, strict=True))
        )
        if method == "marginal" or fits:
            law["ACGT".index(word[offset])] += np.exp(float(logits[number]) - float(logits.max()))
    return law / law.sum()
