"""Facts about each model family for the catalogue, recorded in models/data/families.json.

    facts("gpn")            from the record, without torch; for a family not yet recorded, from its file
    live("gpn")             from the family's own file; imports torch
    as_text()               the record of every family, as `python dev/write_docs.py` writes it

The file of a family imports torch, which the scoring environments do not contain; hence the record.
A test compares the record with the files.
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
    examples: names of the layouts that the conformance suite builds, the family's own name
    first."""

    family: str
    kind: str
    reads: str
    model_types: tuple[str, ...]
    examples: tuple[str, ...]


def facts(name: str, recorded: Path = RECORDED) -> FamilyFacts:
    """Return the facts about a family, from the record where it contains them. Raises
    ConfigurationError (78) for a family that is not in the registry and BadDataError (65) for an
    unreadable record."""
    recorded_facts = read(recorded) if name in models.FAMILIES else {}
    return recorded_facts[name] if name in recorded_facts else live(name)


def live(name: str) -> FamilyFacts:
    """Return the facts from the family's own file; this imports torch. Raises ConfigurationError
    (78) for a family that is not in the registry."""
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
    """Return the facts by family as `as_text` recorded them, or {} where the file is missing.
    Raises BadDataError (65) for a file of another content."""
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
    """Return the record of every family in the registry as JSON, one per line; this imports
    torch."""
    rows = (json.dumps(asdict(live(name))) for name in models.FAMILIES)
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _record(row: dict[str, Any]) -> FamilyFacts:
    values = {field.name: row[field.name] for field in fields(FamilyFacts)}
    lists = {name: tuple(values[name]) for name in ("model_types", "examples")}
    return FamilyFacts(**{**values, **lists})


def _token(quantity: str, text: Text) -> str:
    """Describe a token of the family in words. A family of whole tokens has no fixed number of
    letters per token."""
    if quantity == "likelihood":
        return "whole tokens"
    return "single bases" if text.k == 1 else f"{text.k}-mers"
