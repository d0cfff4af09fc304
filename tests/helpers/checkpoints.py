"""The families' examples (`gfmtrust.models.examples`) by name, as the tests ask for them: read
without torch where no network is needed."""

from pathlib import Path

from gfmtrust import models

EXAMPLES = {
    name: example
    for family in models.FAMILIES
    for name, example in models.family(family).examples.items()
}
CONFIGS = {name: example.config for name, example in EXAMPLES.items()}
WINDOW_BP = {name: example.window_bp for name, example in EXAMPLES.items()}
GPN_CONFIG, CONVNET_CONFIG, NT_CONFIG, GENERATOR_CONFIG = (
    CONFIGS[name] for name in ("gpn", "convnet", "nt_v1", "generator")
)
WEIGHT_SCALE = EXAMPLES["gpn"].scale


def vocabulary_tokens(kind: str) -> list[str]:
    return list(EXAMPLES[kind].vocabulary)


def network(kind: str, seed: int = 0):
    """A random network of the example, eval, with logits of standard deviation about 1."""
    from gfmtrust.models import examples

    return examples.network(EXAMPLES[kind], seed)


def write(directory: Path, kind: str, seed: int = 0, **card) -> Path:
    """A checkpoint directory of that example; see gfmtrust.models.examples."""
    from gfmtrust.models import examples

    return examples.write(directory, EXAMPLES[kind], seed, **card)
