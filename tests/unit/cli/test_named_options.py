"""Every option that a message or a text of the package or of the pipeline names exists."""

import argparse
import ast
import json
import re

import pytest
from paths import ROOT

from gfmtrust import __version__
from gfmtrust.cli import options

WORD = re.compile(r"(?<![\w-])--([a-z][a-z0-9_-]*)(?<![_-])")
LITERAL = re.compile(r"\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
OTHER_PROGRAMS = {
    "rename-chrs",  # bcftools annotate
    *("config", "filename", "no-ansi"),  # MultiQC
}


def existing() -> set[str]:
    """The options of every step and the parameters of the pipeline."""
    top = options.parser(argparse.ArgumentParser, __version__)
    parsers = [top]
    names = set()
    for parser in parsers:
        for action in parser._actions:
            names |= {name[2:] for name in action.option_strings if name.startswith("--")}
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    schema = json.loads((ROOT / "nextflow_schema.json").read_text(encoding="utf-8"))
    for group in schema["$defs"].values():
        names |= set(group["properties"])
    return names


def python_literals(source: str) -> list[str]:
    """The texts of a module but for its docstrings."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def named(texts: list[str]) -> set[str]:
    return {word for text in texts for word in WORD.findall(text)}


PACKAGE = sorted((ROOT / "python" / "gfmtrust").rglob("*.py"))
PIPELINE = [
    ROOT / "main.nf",
    *(
        path
        for folder in ("workflows", "subworkflows", "modules")
        for path in sorted((ROOT / folder).rglob("*.nf"))
    ),
]


@pytest.mark.parametrize("files", [PACKAGE, PIPELINE], ids=["package", "pipeline"])
def test_every_option_that_a_text_names_exists(files):
    options_of_all = existing() | OTHER_PROGRAMS
    assert len(files) > 10
    unknown = {}
    for path in files:
        text = path.read_text(encoding="utf-8")
        if "--" in text:
            texts = python_literals(text) if path.suffix == ".py" else LITERAL.findall(text)
            unknown[path.name] = named(texts) - options_of_all
    assert {name: words for name, words in unknown.items() if words} == {}


@pytest.mark.bad_input
def test_an_option_that_does_not_exist_is_seen():
    source = '"""--docstring"""\nerror("see --max_lines", f"{x}; give --fasta (or --nothing)")\n'
    assert named(python_literals(source)) - existing() == {"max_lines", "nothing"}
    script = 'error("see --max_lines")\ncommand = """gfmtrust --fasta ${fasta} --nothing"""'
    assert named(LITERAL.findall(script)) - existing() == {"max_lines", "nothing"}
