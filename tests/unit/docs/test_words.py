"""Plain words: what a user reads has none of the clipped phrases and private words that were
replaced. Names in code style are not looked at."""

import argparse
import ast
import json
import re

import pytest
from paths import ROOT

from gfmtrust.cli import options

PHRASES = (
    "what the network reckons in",
    "a line a VCF",
    "its path relative to the sheet",
    "whose it is",
    "what a run's models become",
    "know nothing of a site",
    "no whole number above 0",
    "what is proven of",
    "is no number",
    "no peeking",
    "told apart",
    "as ever",
)
"""Sentences of the old pages and their like."""
WORDS = {
    r"reckons?( in| with)?": "numeric precision, assume, use",
    r"looks? at (a|each|the) site|looks? of a site": "view",
    r"half [AB]": "fit split, certification splits",
    r"(shift|likelihood|sanity|NLL|the) gate": "sanity check, shift test",
    r"null controls?": "negative controls",
    r"(the|a|shifted) twins?": "permuted-weights control, changed copy",
    r"spell(ed|ings?)(?![/.]\w|/<)": "record key, representation",
    r"tall(y|ies)": "counts",
    r"(is|are) a draft": "experimental",
    r"laxe(st|r)": "most permissive",
    r"word counts?|counts? of (the )?words": "k-mer counts",
    r"(nats?|bits?|bytes|passes|rows?|lines?|bars?|sites|tokens|windows|values?|figure|outline|one|ms|decoy)"
    r" a (base|site|model|file|VCF|BED|pass|window|second|layer|task|token|subcommand|flag|command|measure|line|allele)": "per",
}
"""What is not said, as a regular expression, and what is said instead."""
NAMES = frozenset({"told", "held", "found", "made", "mine", "known", "own"})
"""Words that are no name of a variable, argument or attribute: they do not say what it holds."""
CODE = re.compile(r"```.*?```|`[^`\n]*`|\$\{[^}]*\}", re.DOTALL)
GENERATED = re.compile(r"<!-- begin conformance.*?<!-- end conformance -->", re.DOTALL)


def pages():
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"))
    }


def parameter_texts():
    schema = json.loads((ROOT / "nextflow_schema.json").read_text(encoding="utf-8"))
    groups = list(schema["$defs"].values())
    definitions = [*groups, *(one for group in groups for one in group["properties"].values())]
    return "\n".join(
        one[key] for one in definitions for key in ("description", "help_text") if key in one
    )


def help_texts():
    top = options.parser(argparse.ArgumentParser, "")
    steps = next(one.choices for one in top._actions if isinstance(one.choices, dict))
    return "\n".join(one.format_help() for one in (top, *steps.values()))


def sources(*patterns):
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for pattern in patterns
        for path in sorted(ROOT.glob(pattern))
    }


TEXTS = {
    **pages(),
    "nextflow_schema.json": parameter_texts(),
    "gfmtrust --help": help_texts(),
    **sources(
        "python/gfmtrust/report/wording.py",
        "python/gfmtrust/report/templates/*",
        "subworkflows/local/utils_gfmtrust_pipeline/*.nf",
        "main.nf",
    ),
}


def faults(text):
    """Each phrase or word of the lists that stands in the text, with what to say instead."""
    plain = " ".join(CODE.sub(" ", GENERATED.sub(" ", text)).split())
    result = [
        phrase for phrase in PHRASES if re.search(rf"\b{re.escape(phrase)}\b", plain, re.IGNORECASE)
    ]
    for pattern, instead in WORDS.items():
        if match := re.search(rf"\b({pattern})\b", plain):
            result.append(f"{match[0]!r}: say {instead}")
    return result


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_none_of_the_replaced_words(name):
    assert faults(TEXTS[name]) == []


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        "The samplesheet has a line a VCF.",
        "What the network\nreckons in; int8 is a draft.",
        "1.9 bits a base",
        "Scored, with what is proven of them",
        "Half A teaches, half B certifies.",
        "The shift gate fired.",
    ],
)
def test_a_replaced_word_is_found(text):
    assert faults(text)


def test_names_in_code_style_are_left_alone():
    assert (
        faults("The folder `spellings/<id>.parquet`, `##GFM_null` and ```\na line a VCF\n```") == []
    )


def bound_names(source):
    """(line, name) of every variable, argument and attribute that a module assigns or declares."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
            yield node.lineno, node.arg
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
            yield node.lineno, node.name
        elif isinstance(node, ast.alias) and node.asname:
            yield getattr(node, "lineno", 0), node.asname


def vague_names(source):
    return [
        f"line {line}: {name}" for line, name in bound_names(source) if name.strip("_") in NAMES
    ]


def modules():
    folders = ("python/gfmtrust", "tests", "dev", "benchmarks", "training", "bin")
    return [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def test_variables_are_named_by_what_they_hold():
    vague = {name: vague_names((ROOT / name).read_text(encoding="utf-8")) for name in modules()}
    assert {name: lines for name, lines in vague.items() if lines} == {}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "first, (second, *held) = row",
        "for mine in rows: pass",
        "made: int = 1",
        "self._held = []",
        "def told(): pass",
        "def f(*, found): pass",
        "f(told=1)",
        "x = lambda made: made",
        "y = [mine for mine in rows]",
        "if (found := 1): pass",
        "with open(x) as held: pass",
        "import numpy as made",
        "class A:\n    found: int",
        "known = values > 0",
        "def rows(own): pass",
    ],
)
def test_a_vague_name_is_found_wherever_it_is_bound(source):
    assert len(vague_names(source)) == 1


def test_a_word_inside_a_longer_name_or_a_text_is_left_alone():
    assert vague_names("found_rows = rows['found']  # found") == []
