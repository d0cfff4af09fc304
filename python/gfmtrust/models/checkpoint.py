"""Load a directory of weights as a network of one of our families. Config, vocabulary and weights
are read strictly, and nothing in them is executed.

The directory contains config.json, a vocabulary file (`bundle.tokenizers`), the weights (`files`,
`weights`) and optionally gfmtrust.json for facts that no checkpoint states: the licence, citation,
context and genome of its training.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from gfmtrust.bundle import bpe_file
from gfmtrust.bundle.graph_contract import file_sha256
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary import checked, read_vocabulary
from gfmtrust.core import documents, memory
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError, message
from gfmtrust.inputs import training
from gfmtrust.models import config_keys, family_of, files, weights
from gfmtrust.models.family import Family

MAX_CONFIG_BYTES = 4 << 20
"""The limit for config.json and gfmtrust.json; published ones stay below 200 kB."""
COPIES = 5
"""The number of copies of the fp32 weights in memory at the peak of an export: the network, the
graph as bytes, two sessions. 4.7 were measured at 131 M parameters."""
CARD_FILE = "gfmtrust.json"
CARD_FIELDS = {
    "model_id": str,
    "repository": str,
    "revision": str,
    "licence": str,
    "licence_url": str,
    "citation": str,
    "window_bp": int,
    "trained_bp": int,
    "training": dict,
}


@dataclass(frozen=True)
class Checkpoint:
    """A loaded network and its origin.

    network: fp32, in eval mode, without gradients. dtypes: the types of the weights as stored.
    vocabulary_source: the file that contains the token ids, or the file that names a tokenizer
        class, with the class.
    """

    directory: Path
    family: Family
    config: Any
    text: Text
    network: torch.nn.Module
    n_parameters: int
    dtypes: list[str]
    sha256: dict[str, str]
    vocabulary_sha256: str
    card: dict = field(default_factory=dict)
    vocabulary_source: str = ""


def load(directory: Path) -> Checkpoint:
    """Load a checkpoint. Raises MissingInputError (66) for a missing file, BadDataError (65) for
    weights or a vocabulary that do not fit the config, and ConfigurationError (78) for a
    config.json that no family can read in full."""
    config_dict = config_keys.with_type(_read_object(directory / files.CONFIG))
    family = family_of(config_dict)
    config = family.read_config(config_dict)
    is_bpe = family.quantity == "likelihood"
    if is_bpe:
        vocabulary, vocabulary_path, vocabulary_sha256 = bpe_file.read(directory)
        text, vocabulary_source = family.text(config, vocabulary), vocabulary_path.name
    else:
        vocabulary, vocabulary_path, vocabulary_sha256, vocabulary_source, start = read_vocabulary(
            directory, family.character_tokenizers
        )
        text = checked(family.text(config, vocabulary), start)
    weight_paths = weights.paths_of(directory)
    memory.require(
        str(directory), COPIES * weights.n_bytes(weight_paths), "to load and export these weights"
    )
    tensors = weights.read(weight_paths)
    try:
        network = family.build(config)
    except (RuntimeError, MemoryError) as error:
        observed = (
            f"no network of it can be built ({(str(error).splitlines() or ['out of memory'])[0]})"
        )
        raise ConfigurationError(
            message(str(directory / "config.json"), observed, "sizes of a network that fits here")
        ) from error
    fill(network, tensors, family)
    network.eval().requires_grad_(False)
    read = [directory / "config.json", vocabulary_path, *weight_paths]
    dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()})
    return Checkpoint(
        directory,
        family,
        config,
        text,
        network,
        sum(p.numel() for p in network.parameters()),
        dtypes,
        {path.name: file_sha256(path) for path in read},
        vocabulary_sha256,
        read_card(directory),
        vocabulary_source,
    )


def fill(network: torch.nn.Module, tensors: dict[str, torch.Tensor], family: Family) -> None:
    """Load every parameter of the network from its tensor, in fp32; names, shapes and, after
    loading, all values are compared.

    Raises BadDataError (65) for a missing or surplus tensor outside the family's lists, for a wrong
    shape, and for tied tensors that differ.
    """
    state = network.state_dict()
    tensors = dict(tensors)
    pairs = family.ties(state)
    for one, other in [*pairs, *reversed(pairs)]:  # a file may contain any one of three
        is_tied = (
            one in state and other in state and state[one].data_ptr() == state[other].data_ptr()
        )
        if (
            is_tied
            and one in tensors
            and other in tensors
            and not torch.equal(tensors[one], tensors[other])
        ):
            raise BadDataError(
                message(
                    "weights",
                    f"{one} differs from {other}",
                    "equal tensors, as the config ties them",
                )
            )
        for here, there in ((one, other), (other, one)):
            if is_tied and here not in tensors and there in tensors:
                tensors[here] = tensors[there]
    missing = [name for name in state if name not in tensors and not _matches(name, family.unused)]
    surplus = [name for name in tensors if name not in state and not _matches(name, family.surplus)]
    if missing or surplus:
        observed = f"{len(missing)} tensors missing, {len(surplus)} surplus, first {(missing + surplus)[0]}"
        raise BadDataError(
            message(
                "weights",
                observed,
                f"exactly those of family {family.name}",
                "is config.json this checkpoint's?",
            )
        )
    given = {name: tensor for name, tensor in tensors.items() if name in state}
    for name, tensor in given.items():
        if (
            tensor.shape != state[name].shape
            or tensor.is_floating_point() != state[name].is_floating_point()
        ):
            raise BadDataError(
                message(
                    "weights",
                    f"{name} is {list(tensor.shape)}",
                    f"{list(state[name].shape)} as config.json says",
                )
            )
        if not tensor.is_floating_point() and not torch.equal(tensor, state[name]):
            raise BadDataError(
                message(
                    "weights", f"{name} differs from config.json", "the table config.json gives"
                )
            )
    given = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in given.items()
    }
    network.load_state_dict(
        given, strict=False
    )  # strictness was checked above, except for the family's own lists
    state = network.state_dict()
    wrong = [name for name, tensor in given.items() if not torch.equal(state[name], tensor)]
    if wrong:
        raise BadDataError(
            message(
                "weights",
                f"{wrong[0]} differs after loading",
                "the values of the file; are they finite?",
            )
        )


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def read_card(directory: Path) -> dict:
    """Return the content of gfmtrust.json, {} where the file is missing. Raises BadDataError (65)
    for a field that is not in CARD_FIELDS or has another type, and for a training entry without
    lists of names."""
    path = directory / CARD_FILE
    if not path.is_file():
        return {}
    card = _read_object(path)
    for name, value in card.items():
        if type(value) is not CARD_FIELDS.get(name):
            fields = ", ".join(f"{key} ({kind.__name__})" for key, kind in CARD_FIELDS.items())
            raise BadDataError(message(str(path), f"{name} is {value!r}", fields))
    if fault := training.fault(card.get("training", {})):
        raise BadDataError(message(str(path), f"training: {fault}", training.EXPECTED))
    return card


def _read_object(path: Path) -> dict:
    if not path.is_file():
        raise MissingInputError(message(str(path), "not found", "a JSON file of the checkpoint"))
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise BadDataError(
            message(str(path), f"{path.stat().st_size} bytes", f"at most {MAX_CONFIG_BYTES}")
        )
    try:
        content = documents.parsed(
            path.read_text(encoding="utf-8"), parse_constant=_no_number, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise BadDataError(message(str(path), f"no JSON ({error})", "an object")) from error
    if not isinstance(content, dict):
        raise BadDataError(message(str(path), type(content).__name__, "an object"))
    return content


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    """Python reads 1e999 as infinity, because JSON numbers are unbounded; refuse it."""
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)
