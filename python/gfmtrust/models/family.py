"""The interface of a model family (`Family`), and the strict reading of a checkpoint's config.json
(`take`). This module does not import torch."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from gfmtrust.bundle.tokenizers import Text
from gfmtrust.bundle.vocabulary_file import CharacterTokenizer
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models import config_keys

BAR = 2e-5
"""The largest allowed |difference of log p| between the ONNX graph and torch in fp32, for a family
that sets no other bar; it is multiplied by the standard deviation of log p where that exceeds 1."""
NEIGHBOURS = 8
"""The number of neighbours scored beside a site; their mean surprisal has a standard error of about
0.25 bit (docs/understand/reliability.md)."""

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """The letters that a model reads around a site; all lengths and offsets are in bases.

    window_bp: length of the window. trained_bp: length that the model was trained on.
    site_forward, site_reverse: index of the site in the window as the model reads it, on the
        forward and on the reverse strand.
    shifts: offsets of the additional windows of the thorough preset.
    neighbour_offsets: offsets of the neighbours from the site, in reading direction. With
        neighbours_in_same_pass they need no forward pass of their own.
    shortest_bp: the short length that the golden windows cover beside window_bp.
    """

    window_bp: int
    trained_bp: int
    site_forward: int
    site_reverse: int
    shifts: tuple[int, ...]
    neighbour_offsets: tuple[int, ...]
    neighbours_in_same_pass: bool
    shortest_bp: int


@dataclass(frozen=True)
class Example:
    """The description of a checkpoint of the family at reduced width, without weights;
    `models.examples` and the conformance suite build it.

    config: a config.json with the keys of the published files.
    vocabulary: token -> id in the published order, so that the published file is not needed. A BPE
        model has `tokenizer` instead: the content of a tokenizer.json (`vocabularies.bpe`).
    window_bp: length in bases of the window that the example is exported with.
    scale: factor on the initial dense weights that gives logits a standard deviation of about 1.
    """

    config: dict
    vocabulary: dict[str, int]
    window_bp: int
    scale: float = 8.0
    tokenizer: dict | None = None


@dataclass(frozen=True)
class Family:
    """One architecture with its tokenizer.

    model_types, reads: the family accepts a config.json whose model_type is one of model_types and
        for which `reads` returns true. No two families accept the same file.
    quantity: what the network answers: "direct" (bases), "kmer" (k-mer tokens) or "likelihood" (the
        log-probability of whole BPE tokens).
    read_config: config.json as dict -> the family's frozen dataclass; every key must be consumed.
    build: config -> torch network whose parameters have the names of the checkpoint. Its
        forward(token ids) returns the logits of all rows, (batch, length, vocab_size), or an object
        with them as `logits`; the conformance suite compares the scorer with it.
    text: (config, vocabulary) -> Text, with the special tokens checked against the config. A family
        of quantity "likelihood" takes a `bpe_file.BpeFile` and returns a BpeText (`bpe_family`).
    scorer: (network, config, Text) -> the folded scoring module (`layers.folding`).
    cuda_scorer: the same on the same parameters, without the operators Scan, Loop, If and DFT; None
        where `scorer` exports none of them.
    window: (config, window_bp or None) -> Window.
    surplus: patterns of weights that a file may contain although the network has none of that name.
    unused: patterns of weights that a file may lack because scoring does not use them.
    tied: (pattern of a parameter, the parameter it must equal), as `ties` reads them. A file may
        omit either of the two.
    sized: (network, letters) -> the object that the scorer takes, for networks whose folded form is
        built for windows of at most so many letters.
    bar: the largest allowed |difference of log p| between graph and torch, for logits of standard
        deviation 1.
    spill: the largest allowed change that a letter outside the readable context may cause. It
        exceeds 0 only where a transform mixes all letters and separates them again up to rounding.
    rc_equivariant: config -> whether the network gives both strands the same answer by
        construction.
    examples: name -> Example, one per layout of the family; the first has the family's name.
    character_tokenizers: name of a published tokenizer class -> its vocabulary, for checkpoints
        without a vocabulary file.
    """

    name: str
    model_types: tuple[str, ...]
    quantity: str
    read_config: Callable[[dict], Any]
    build: Callable[[Any], Any]
    text: Callable[[Any, Any], Text]
    scorer: Callable[[Any, Any, Text], Any]
    window: Callable[[Any, int | None], Window]
    surplus: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    tied: tuple[tuple[str, str], ...] = ()
    sized: Callable[[Any, int], Any] = lambda network, letters: network
    reads: Callable[[dict], bool] = lambda config: True
    bar: float = BAR
    spill: float = 0.0
    rc_equivariant: Callable[[Any], bool] = lambda config: False
    cuda_scorer: Callable[[Any, Any, Text], Any] | None = None
    examples: dict[str, Example] = dataclasses.field(default_factory=dict)
    character_tokenizers: dict[str, CharacterTokenizer] = dataclasses.field(default_factory=dict)

    def ties(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return (parameter, the parameter it must equal) for each name that a pattern of `tied`
        matches in full; the second entry may refer to groups of the pattern."""
        matches = ((re.fullmatch(one, name), other) for name in names for one, other in self.tied)
        return [(match.string, match.expand(other)) for match, other in matches if match]


def take(
    config: dict, kind: type, fixed: dict[str, tuple], inert: frozenset[str] = frozenset()
) -> Any:
    """Read a config.json into the dataclass `kind`; a key that is absent takes the field's default.

    fixed: key -> the values that the family can load; the key may be absent. inert: keys, in
    addition to config_keys.UNREAD, that do not change this network. Unread keys are listed in one
    line of the log. Raises ConfigurationError (78) for a key that nothing consumes (it may change
    the network), for a value that the family cannot load, and for a missing field.
    """
    wanted = {field.name: field for field in fields(kind)}
    unread = set(config) & (inert | config_keys.UNREAD) - set(wanted) - set(fixed)
    fixed = {
        key: values
        for key, values in config_keys.NEUTRAL.items()
        if key not in unread and key not in wanted
    } | fixed
    unknown = sorted(set(config) - set(wanted) - set(fixed) - unread)
    if unknown:
        observed = f"unknown key {unknown[0]!r} = {config[unknown[0]]!r}"
        remedy = "it may change the network; add it to the family"
        raise ConfigurationError(
            message("config.json", observed, f"keys of {kind.__name__}", remedy)
        )
    for key, allowed in fixed.items():
        if key in config and not any(_equal(config[key], value) for value in allowed):
            raise ConfigurationError(
                message("config.json", f"{key} is {config[key]!r}", " or ".join(map(repr, allowed)))
            )
    values = {}
    for name, field in wanted.items():
        if name not in config and field.default is MISSING:
            raise ConfigurationError(
                message("config.json", f"no {name}", "the key", "is the file complete?")
            )
        value = config.get(name, field.default)
        if type(value).__name__ != field.type and not (
            field.type == "float" and type(value) is int
        ):
            raise ConfigurationError(
                message("config.json", f"{name} is {value!r}", f"a value of type {field.type}")
            )
        values[name] = value
    if unread:
        LOG.info(
            "config.json: %d keys that do not shape the network were not read: %s",
            len(unread),
            ", ".join(sorted(unread)),
        )
    return kind(**values)


def _equal(value: Any, allowed: Any) -> bool:
    """Equality that distinguishes true from 1 and false from 0."""
    return value == allowed and isinstance(value, bool) == isinstance(allowed, bool)


def check_ids(vocabulary: dict[str, int], vocab_size: int, specials: dict[str, int]) -> None:
    """Check that all ids are below vocab_size and that each special token has the id that the
    config states.

    This distinguishes the right vocabulary from one whose ids are shifted, for example by two.
    Raises BadDataError (65) otherwise.
    """
    largest = max(vocabulary.values(), default=-1)
    if largest >= vocab_size:
        raise BadDataError(
            message(
                "vocabulary",
                f"id {largest}",
                f"ids below vocab_size {vocab_size}",
                "is it this checkpoint's file?",
            )
        )
    for token, expected in specials.items():
        if vocabulary.get(token) != expected:
            observed = f"{token!r} has id {vocabulary.get(token)}"
            raise BadDataError(
                message(
                    "vocabulary",
                    observed,
                    f"{expected} as config.json says",
                    "is it this checkpoint's file?",
                )
            )


def near(offsets: tuple[int, ...], window_bp: int, *sites: int) -> tuple[int, ...]:
    """Return the offsets that stay inside the window of window_bp bases from every one of the
    sites."""
    return tuple(
        offset for offset in offsets if all(0 <= site + offset < window_bp for site in sites)
    )
