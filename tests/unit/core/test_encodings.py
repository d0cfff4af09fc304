"""Nothing depends on the locale of the machine: Nextflow on Java 17 reads its scripts in the charset
of the locale, and Python opens text files in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from paths import ROOT

NEXTFLOW_FOLDERS = ("conf", "modules", "subworkflows", "workflows", "tests")
NAMES = {"open", "read_text", "write_text", "fdopen", "TextIOWrapper"}
NAMES |= {"run", "Popen", "check_output"}
SUFFIXES = (".nf", ".config", ".groovy")


def _nextflow_files() -> list[Path]:
    files = [path for path in ROOT.iterdir() if path.suffix in SUFFIXES]
    for folder in NEXTFLOW_FOLDERS:
        files += [path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return sorted(files)


def _without_encoding(source: str) -> list[str]:
    """The calls that open a file or the output of a program as text in the charset of the locale."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in NAMES
        and _depends_on_locale(call)
    ]


def _depends_on_locale(call: ast.Call) -> bool:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in keywords:
        return False
    name = ast.unparse(call.func)
    attribute = name.rpartition(".")[2]
    if attribute == "read_text":
        return not call.args
    if attribute == "write_text":
        # `tables.write_text(path, text)` and its own definition write UTF-8.
        return len(call.args) == 1
    if attribute in ("run", "Popen", "check_output") and name.startswith("subprocess."):
        return "text" in keywords or "universal_newlines" in keywords
    if attribute == "open":
        return _opens_text(name, call.args, keywords.get("mode"))
    return attribute in ("fdopen", "TextIOWrapper")


def _opens_text(name: str, arguments: list[ast.expr], mode: ast.expr | None) -> bool:
    """Whether a call of `open`, `gzip.open` or `Path.open` asks for text; a class of our own with a
    method `open` has a name in capitals, and is another thing."""
    if name in ("open", "io.open"):
        mode = mode or (arguments[1] if len(arguments) > 1 else ast.Constant("r"))
    elif name.startswith(("gzip.", "bz2.", "lzma.")):
        mode = mode or (arguments[1] if len(arguments) > 1 else ast.Constant("rb"))
        return "t" in ast.unparse(mode)
    elif name.startswith("os.") or "." not in name or name.split(".")[-2][:1].isupper():
        return False
    elif name == "pyBigWig.open":
        return False
    else:
        mode = mode or (arguments[0] if arguments else ast.Constant("r"))
    return "b" not in ast.unparse(mode)


def test_the_nextflow_files_are_ascii():
    files = _nextflow_files()
    assert len(files) > 20
    assert [str(path.relative_to(ROOT)) for path in files if not path.read_bytes().isascii()] == []


def test_every_text_file_is_opened_with_an_encoding():
    package = ROOT / "python" / "gfmtrust"
    dependent_calls = {
        f"{path.relative_to(package)}: {call}"
        for path in package.rglob("*.py")
        for call in _without_encoding(path.read_text(encoding="utf-8"))
    }
    assert dependent_calls == set()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "source",
    [
        "open(path)",
        "open(path, 'w')",
        "path.open()",
        "path.open('w')",
        "path.open(mode='a')",
        "gzip.open(path, 'rt')",
        "path.read_text()",
        "path.write_text(text)",
        "subprocess.run(words, text=True)",
        "os.fdopen(number, 'w')",
    ],
)
def test_a_call_in_the_charset_of_the_locale_is_recognised(source: str):
    assert _without_encoding(source) == [source]


@pytest.mark.parametrize(
    "source",
    [
        "open(path, 'rb')",
        "path.open('rb')",
        "gzip.open(path)",
        "path.read_text(encoding='utf-8')",
        "path.read_text('utf-8')",
        "Genome.open(path)",
        "subprocess.run(words)",
    ],
)
def test_other_calls_are_not(source: str):
    assert _without_encoding(source) == []
