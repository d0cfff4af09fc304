"""What a family file provides, and the strict reading of a checkpoint's config.json. No torch
here."""

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
"""Largest |difference of log p| between graph and torch in fp32 where a family sets no other, times
the standard deviation of log p where that is above 1."""
NEIGHBOURS = 8
"""Neighbours scored beside a site; their mean surprisal has a standard error of about 0.25 bit
(docs/understand/reliability.md)."""

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """Which letters a model reads round a site, in bases.

    site_forward, site_reverse: index of the site in the window as read. shifts: of the thorough
    preset. neighbour_offsets: from the site, as read; with neighbours_in_same_pass they cost
    nothing. shortest_bp: a length the golden windows try beside window_bp.
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
    """A checkpoint of the family at reduced width, without its weights: what `models.examples` and
    the conformance suite build.

    config: config.json with the keys of the published files. vocabulary: token -> id in the
    published order; the real file need not be at hand; a BPE model has `tokenizer` in its place,
    the content of a tokenizer.json (vocabularies.bpe). window_bp: the window it is exported with.
    scale: dense weights as the network starts times this give logits of standard deviation about 1.
    """

    config: dict
    vocabulary: dict[str, int]
    window_bp: int
    scale: float = 8.0
    tokenizer: dict | None = None


@dataclass(frozen=True)
class Family:
    """One architecture with its tokenizer.

    model_types, reads: the family takes a config.json whose model_type is among the first and for
    which `reads` says yes; no two take one. read_config: config.json as dict -> its frozen
    dataclass, every key consumed. build: config -> torch network whose parameters have the
    checkpoint's names. text: (config, vocabulary) -> Text, specials checked against the config; a
    family of quantity "likelihood" gets a bpe_file.BpeFile for the vocabulary and gives a BpeText
    (`bpe_family`). scorer: (network, config, Text) -> the folded scoring module. cuda_scorer: the
    same on the same parameters without Scan, Loop, If and DFT, where `scorer` exports to one of
    them. window: (config, window_bp or None) -> Window. surplus: patterns of weights a file may
    hold and the network not; unused: of weights the file may lack since scoring does not use them;
    tied: pattern of a parameter -> the parameter it must equal, as `ties` reads them; a file may
    leave either out. sized: (network, letters) -> what the scorer takes, for networks whose folded
    form has room for windows of so many letters. bar: largest |difference of logp| of graph and
    torch, for logits of standard deviation 1; spill: of a letter that may not be read, where a
    transform mixes all letters before it parts them again, to rounding. rc_equivariant: whether a
    network of that config answers both strands alike by construction. examples: name -> Example,
    the family's layouts; the first bears its name. character_tokenizers: name of a published
    tokenizer class -> its vocabulary, for checkpoints without a vocabulary file.
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
        """(parameter, the one it must equal) for each of the names that a pattern of `tied` matches
        in full; groups may be named again."""
        matches = ((re.fullmatch(one, name), other) for name in names for one, other in self.tied)
        return [(match.string, match.expand(other)) for match, other in matches if match]


def take(
    config: dict, kind: type, fixed: dict[str, tuple], inert: frozenset[str] = frozenset()
) -> Any:
    """A config.json as the dataclass `kind`: its fields by name, an absent one by its default.

    fixed: key -> values the family can load; the key may be absent. inert: keys beside
    config_keys.UNREAD that this network does not read. The keys that are left unread are listed in
    one line of the log. Raises ConfigurationError (78) for a key nobody consumes (it may change the
    network), a value that cannot be loaded, a missing field.
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
    """Equality that keeps true apart from 1 and false from 0."""
    return value == allowed and isinstance(value, bool) == isinstance(allowed, bool)


def check_ids(vocabulary: dict[str, int], vocab_size: int, specials: dict[str, int]) -> None:
    """Refuse (65) a vocabulary whose ids run over the network's, or whose special tokens are not
    where the config says.

    This is what tells a vocabulary with ids off by two from the right one.
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
    """The offsets that stay inside the window from every one of the sites."""
    return tuple(
        offset for offset in offsets if all(0 <= site + offset < window_bp for site in sites)
    )
