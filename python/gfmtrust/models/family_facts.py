"""What the catalogue says of each model family, recorded in models/data/families.json.

    facts("gpn")            from the record, without torch; of a family just added, from its file
    live("gpn")             from the family's own file; imports torch
    as_text()               the record of every family, as `python dev/write_docs.py` writes it

A family's file imports torch, which scoring environments do not have. A test compares the record
with the files.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from gfmtrust import models
from gfmtrust.bundle import bpe_file
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.models import package_data

RECORDED = package_data.path("families.json")


@dataclass(frozen=True)
class FamilyFacts:
    """One family. kind: "masked" or "causal"; reads: what a token is; model_types: of config.json;
    examples: names of the layouts that the conformance suite builds, the family's own first."""

    family: str
    kind: str
    reads: str
    model_types: tuple[str, ...]
    examples: tuple[str, ...]


def facts(name: str, recorded: Path = RECORDED) -> FamilyFacts:
    """Facts about a family, from the record where it has them. Raises ConfigurationError (78) for a
    family that is not in the registry, BadDataError (65) for a record that cannot be read."""
    recorded_facts = read(recorded) if name in models.FAMILIES else {}
    return recorded_facts[name] if name in recorded_facts else live(name)


def live(name: str) -> FamilyFacts:
    """Facts read from the family's file; imports torch. Raises ConfigurationError (78) for a family
    that is not in the registry."""
    family = models.family(name)
    example = next(iter(family.examples.values()))
    is_bpe = family.quantity == "likelihood"
    vocabulary = bpe_file.parse(example.tokenizer or {}) if is_bpe else example.vocabulary
    text = family.text(family.read_config(example.config), vocabulary)
    return FamilyFacts(
        name,
        "causal" if text.causal else "masked",
        _token(family.quantity, text),
        family.model_types,
        tuple(family.examples),
    )


@cache
def read(path: Path = RECORDED) -> dict[str, FamilyFacts]:
    """Facts by family, as `as_text` records them; none where there is no file. Raises BadDataError
    (65) for another file."""
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {row["family"]: _record(row) for row in rows}
    except (ValueError, TypeError, KeyError) as error:
        observed = f"no facts of families ({error!r})"
        raise BadDataError(
            message(str(path), observed, "what python dev/write_docs.py wrote")
        ) from error


def as_text() -> str:
    """The record of every family in the registry, one per line; imports torch."""
    rows = (json.dumps(asdict(live(name))) for name in models.FAMILIES)
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _record(row: dict[str, Any]) -> FamilyFacts:
    values = {field.name: row[field.name] for field in fields(FamilyFacts)}
    lists = {name: tuple(values[name]) for name in ("model_types", "examples")}
    return FamilyFacts(**{**values, **lists})


def _token(quantity: str, text: Text) -> str:
    """What a token of the family is; families of whole tokens describe them otherwise than by a
    number of letters."""
    if quantity == "likelihood":
        return "whole tokens"
    return "single bases" if text.k == 1 else f"{text.k}-mers"
