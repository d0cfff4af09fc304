"""The families' examples (`gfmtrust.models.examples`) by name, as the tests ask for them: read on
first use, since reading them imports torch."""

from pathlib import Path
from typing import Any

from gfmtrust import models

NAMED_CONFIGS = {
    "GPN_CONFIG": "gpn",
    "CONVNET_CONFIG": "convnet",
    "NT_CONFIG": "nt_v1",
    "GENERATOR_CONFIG": "generator",
}


def __getattr__(name: str) -> Any:
    """EXAMPLES, CONFIGS, WINDOW_BP, the configs named above and WEIGHT_SCALE, made when a test
    first asks for one of them; pytest asks every module for `_mock_name`."""
    if name.startswith("_"):
        raise AttributeError(name)
    examples = {
        example_name: example
        for family in models.FAMILIES
        for example_name, example in models.family(family).examples.items()
    }
    configs = {example_name: example.config for example_name, example in examples.items()}
    values = {
        "EXAMPLES": examples,
        "CONFIGS": configs,
        "WINDOW_BP": {example: examples[example].window_bp for example in examples},
        "WEIGHT_SCALE": examples["gpn"].scale,
        **{constant: configs[kind] for constant, kind in NAMED_CONFIGS.items()},
    }
    if name not in values:
        raise AttributeError(name)
    globals().update(values)
    return values[name]


def example(kind: str):
    """The example of that name."""
    return __getattr__("EXAMPLES")[kind]


def vocabulary_tokens(kind: str) -> list[str]:
    return list(example(kind).vocabulary)


def network(kind: str, seed: int = 0):
    """A random network of the example, eval, with logits of standard deviation about 1."""
    from gfmtrust.models import examples

    return examples.network(example(kind), seed)


def write(directory: Path, kind: str, seed: int = 0, **card) -> Path:
    """A checkpoint directory of that example; see gfmtrust.models.examples."""
    from gfmtrust.models import examples

    return examples.write(directory, example(kind), seed, **card)
