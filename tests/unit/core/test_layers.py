"""A package imports only from packages below it; large libraries live where this file says."""

import ast

import pytest
from paths import ROOT

import gfmtrust

PACKAGE = ROOT / "python" / "gfmtrust"
ORDER = gfmtrust.PACKAGES
ONLY_IN = {
    library: {name for name, libraries in gfmtrust.LARGE_LIBRARIES.items() if library in libraries}
    for libraries in gfmtrust.LARGE_LIBRARIES.values()
    for library in libraries
}
MAX_LINES = 350
MAX_ARGUMENTS = 8


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def imports(text: str):
    """(dotted module, line number) of every import of a module's text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            if node.module == "gfmtrust":
                yield from ((f"gfmtrust.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def faults(text: str, folder: str):
    """What is wrong with the imports of a module of that folder, one line each."""
    package = folder.split("/")[0]
    for module, line in imports(text):
        head, *rest = module.split(".")
        if head == "gfmtrust" and rest and not rest[0].startswith("_"):
            if ORDER.index(rest[0]) > ORDER.index(package):
                yield f"line {line}: {package} imports {rest[0]}, which is above it"
        elif not {package, folder} & ONLY_IN.get(head, {package}):
            yield f"line {line}: {head} is imported only in {sorted(ONLY_IN[head])}"


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if path != PACKAGE / "__init__.py"],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_point_down(path):
    folder = path.relative_to(PACKAGE).parent.as_posix()
    assert not list(faults(path.read_text(encoding="utf-8"), folder))


@pytest.mark.bad_input
def test_a_library_of_one_folder_is_found_beside_it():
    assert not list(faults("import torch\n", "audit/replicate"))
    assert len(list(faults("import torch\n", "audit"))) == 1


def test_every_folder_is_a_package_in_the_order():
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} == set(
        ORDER
    )


def test_every_package_opens_with_one_sentence():
    for init in PACKAGE.rglob("__init__.py"):
        sentence = (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or "").split(
            "\n\n"
        )[0]
        assert sentence.endswith("."), init


@pytest.mark.bad_input
def test_an_upward_import_is_found():
    assert len(list(faults("import torch\nfrom gfmtrust.scoring import estimate\n", "core"))) == 2


def test_files_are_small():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert [str(path.relative_to(PACKAGE)) for path, n in lines.items() if n > MAX_LINES] == []


def test_functions_have_few_arguments():
    """Arguments that travel together are a record."""
    many = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                names = [one.arg for one in arguments if one.arg not in ("self", "cls")]
                if len(names) > MAX_ARGUMENTS:
                    many.add(f"{path.relative_to(PACKAGE)} {node.name}")
    assert many == set()
