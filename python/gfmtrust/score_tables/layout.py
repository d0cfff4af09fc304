"""What the columns of a table of scores mean: presets of published tables, and layouts that the user
states.

Nothing is guessed: the order of the columns, the scale of the scores and what they say come from a
preset or from the user. A layout is written as one line of text, which the options take and the
bundle keeps, for example `chrom:1/pos:2/ref:3/alt:4/score:6/scale:log2/meaning:preference`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import log

from gfmtrust.core.alphabet import BASES
from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.core.warning_counts import shown


class Meaning(StrEnum):
    """What the scores of a table say."""

    PREFERENCE = "preference"
    """Log-likelihood ratios of ALT over REF. Those of all three ALTs of a base are its
    distribution."""
    PROBABILITIES = "probabilities"
    """The probability of each of the four bases, or its logarithm."""
    ALLELES = "alleles"
    """A score of the allele on a scale of its own, which may tell the direction of an effect."""
    MAGNITUDE = "magnitude"
    """How much matters here; no base is preferred to another."""

    @property
    def is_preference(self) -> bool:
        """Whether the scores prefer one base to another, so that decoys can test them."""
        return self in (Meaning.PREFERENCE, Meaning.PROBABILITIES)


SCALES = {
    "nats": 1.0,
    "log2": log(2),
    "log10": log(10),
    "phred": log(10) / 10,
    "none": 1.0,
}
"""What one unit of a scale is, in nats. `none` is for scores that are no logarithm."""
DIRECTIONS = ("low", "high")
PLACES = ("chrom", "pos", "ref", "alt", "score", *BASES)
_NUMBER = re.compile("[1-9][0-9]{0,5}")
SETTINGS = ("scale", "tokens", "meaning", "damaging", "header", "info")


@dataclass(frozen=True)
class ScoreLayout:
    """columns: role (`PLACES`) -> number from 1 or name in the header; scale: of the scores, one of
    SCALES, or 'probability' with the four bases; tokens: bases that one mean score per token is
    multiplied by; damaging: whether low or high scores are the disfavoured or damaging ones;
    header: whether the first line that is no comment names the columns; info: INFO key of a VCF,
    whose columns are those of the format; name: the preset, 'columns' where the user stated them.
    """

    columns: tuple[tuple[str, str], ...] = ()
    scale: str = "nats"
    tokens: float = 1.0
    meaning: Meaning = Meaning.PREFERENCE
    damaging: str = "low"
    header: bool = False
    info: str = ""
    name: str = "columns"

    @property
    def column(self) -> dict[str, str]:
        return dict(self.columns)

    @property
    def has_bases(self) -> bool:
        """Whether a row holds one value for each of the four bases."""
        return BASES[0] in self.column

    @property
    def factor(self) -> float:
        """What a score is multiplied by, so that a low value is the disfavoured one; nats where the
        scale is a logarithm."""
        sign = 1.0 if self.damaging == "low" else -1.0
        return sign * self.tokens * SCALES.get(self.scale, 1.0)

    def text(self) -> str:
        """The layout as `parse` reads it."""
        parts = [f"{role}:{column}" for role, column in self.columns]
        for name in SETTINGS:
            value = getattr(self, name)
            if value != getattr(_DEFAULT, name):
                parts.append(f"{name}:{'yes' if value is True else value}")
        return "/".join(parts)

    def indices(self, header: Sequence[str] | None, place: str) -> dict[str, int]:
        """0-based index of each role's column. header: names of the columns, None where the table
        has none. Raises BadDataError (65) where a name is not among them."""
        index = {}
        for role, column in self.columns:
            if column.isdecimal():
                index[role] = int(column) - 1
                continue
            names = [] if header is None else list(header)
            if names.count(column) != 1:
                observed = f"header {' '.join(map(shown, names))}" if names else "no header line"
                raise BadDataError(
                    message(
                        place,
                        observed,
                        f"one column {column} for {role} (layout {self.name})",
                        "choose another layout; see --external_columns",
                    )
                )
            index[role] = names.index(column)
        return index


ONLY_DIFFERENCES = "logp=only differences have a meaning"
"""How the header of a table of `precompute` begins to say that its model has no distributions."""

_DEFAULT = ScoreLayout()
_ALLELES = (("chrom", "1"), ("pos", "2"), ("ref", "3"), ("alt", "4"), ("score", "5"))

PRESETS: dict[str, ScoreLayout] = {
    "gpn_msa": ScoreLayout(_ALLELES, name="gpn_msa"),
    "cadd": ScoreLayout(
        (
            ("chrom", "Chrom"),
            ("pos", "Pos"),
            ("ref", "Ref"),
            ("alt", "Alt"),
            ("score", "RawScore"),
        ),
        scale="none",
        meaning=Meaning.MAGNITUDE,
        damaging="high",
        name="cadd",
    ),
    "alphagenome_atlas": ScoreLayout(
        scale="none",
        meaning=Meaning.MAGNITUDE,
        damaging="high",
        info="AVI",
        name="alphagenome_atlas",
    ),
    "phylop": ScoreLayout(scale="none", meaning=Meaning.MAGNITUDE, damaging="high", name="phylop"),
    "gfmtrust": ScoreLayout(
        (
            ("chrom", "contig"),
            ("pos", "pos"),
            ("ref", "ref"),
            *((base, f"logp_{base}") for base in BASES),
        ),
        meaning=Meaning.PROBABILITIES,
        name="gfmtrust",
    ),
}
"""Published layouts. gpn_msa: `chrom pos ref alt score` without a header, natural logarithms
(songlab/gpn-msa-hg38-scores). cadd: `#Chrom Pos Ref Alt RawScore PHRED` under a comment line; the
raw score is read, for PHRED has three digits (cadd.gs.washington.edu). alphagenome_atlas: a VCF.
phylop: a bigWig of one value per base (UCSC). gfmtrust: the tables of `gfmtrust precompute`."""


def parse(text: str, place: str = "--external_columns") -> ScoreLayout:
    """The layout of a preset's name or of a text as `ScoreLayout.text` gives it. Raises UsageError
    (64) for anything else."""
    if text in PRESETS:
        return PRESETS[text]
    columns: list[tuple[str, str]] = []
    settings: dict = {}
    for part in text.split("/"):
        role, colon, value = part.partition(":")
        if not colon or not value or role in settings or role in dict(columns):
            raise _wrong(place, shown(part) or "nothing")
        if role in PLACES:
            columns.append((role, value))
        elif role in SETTINGS:
            settings[role] = value
        else:
            raise _wrong(place, shown(part))
    return _checked(replace(_DEFAULT, columns=tuple(columns)), settings, place)


def _checked(layout: ScoreLayout, settings: dict, place: str) -> ScoreLayout:
    choices = {
        "scale": (*SCALES, "probability"),
        "meaning": tuple(str(one) for one in Meaning),
        "damaging": DIRECTIONS,
        "header": ("yes", "no"),
    }
    for name, allowed in choices.items():
        if settings.get(name, allowed[0]) not in allowed:
            raise _wrong(place, f"{name}:{shown(settings[name])}", f"one of {', '.join(allowed)}")
    for role, column in layout.columns:
        if column.isdecimal() and not _NUMBER.fullmatch(column):
            raise _wrong(
                place, f"{role}:{shown(column)}", "columns numbered from 1, or their names"
            )
    roles = set(layout.column)
    of_alleles, of_bases = {"chrom", "pos", "ref", "alt", "score"}, {"chrom", "pos", *BASES}
    if not (roles == of_alleles or roles in (of_bases, of_bases | {"ref"})) and not (
        not roles and settings.get("info")
    ):
        raise _wrong(
            place,
            f"columns {', '.join(sorted(roles)) or 'none'}",
            "chrom, pos, ref, alt and score; or chrom, pos, perhaps ref, A, C, G and T; or info alone",
        )
    try:
        tokens = float(settings.get("tokens", 1))
    except ValueError:
        tokens = 0.0
    if not 0 < tokens < 1e6:
        raise _wrong(place, f"tokens:{shown(settings['tokens'])}", "a number above 0")
    scale = settings.get("scale", "nats")
    if (scale == "probability") and BASES[0] not in roles:
        raise _wrong(place, "scale:probability", "the columns A, C, G and T")
    meaning = Meaning(settings.get("meaning", Meaning.PREFERENCE))
    if BASES[0] in roles:
        _refuse_no_law(settings, place)
        meaning = Meaning.PROBABILITIES
    return replace(
        layout,
        scale=scale,
        tokens=tokens,
        meaning=meaning,
        damaging=settings.get("damaging", "low"),
        header=settings.get("header") == "yes",
        info=settings.get("info", ""),
    )


def _refuse_no_law(settings: dict, place: str) -> None:
    """Raise UsageError (64) for settings by which four columns of bases are no probabilities."""
    of_bases = "with the columns A, C, G and T"
    meaning = settings.get("meaning", Meaning.PROBABILITIES)
    if meaning != Meaning.PROBABILITIES:
        expected = "no meaning, as these are probabilities or their logarithms"
        raise _wrong(place, f"meaning:{meaning} {of_bases}", expected)
    # a PHRED of a probability is -10 log10 p, so that a high one is an improbable base
    if settings.get("damaging") == "high" and settings.get("scale") != "phred":
        expected = "damaging:high with scale:phred alone, as a high probability is the favoured one"
        raise _wrong(place, f"damaging:high {of_bases}", expected)


def _wrong(place: str, observed: str, expected: str = "") -> UsageError:
    return UsageError(
        message(
            place,
            observed,
            expected
            or f"a preset ({', '.join(PRESETS)}) or role:column/..., for example {_EXAMPLE}",
            "see docs/understand/models.md, Scores from elsewhere",
        )
    )


_EXAMPLE = "chrom:1/pos:2/ref:3/alt:4/score:5/scale:nats/meaning:preference"
