"""No module of ours unpickles, evaluates or runs a text: the calls that could are listed, and each
has the argument that makes it safe."""

import ast
from pathlib import Path

import pytest
from paths import ROOT

SOURCES = sorted(
    path
    for folder in ("python/gfmtrust", "dev", "benchmarks", "training", "bin")
    for path in (ROOT / folder).rglob("*")
    if path.suffix == ".py" or path.parent.name == "bin" and path.is_file()
)
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "xmlrpc"}
CALLS = {"eval", "exec", "__import__", "os.system", "os.popen", "tempfile.mktemp"}
CALLS |= {"read_pickle", "to_pickle", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
CALLS |= {"torch.jit.load", "torch.hub.load"}
NEEDED = {
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
    "np.save": ("allow_pickle", False),
    "torch.load": ("weights_only", True),
}
"""Calls that unpickle unless an argument forbids it."""


def faults(source: str) -> list[str]:
    """The unsafe imports and calls of a source text, with their lines."""
    unsafe = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imported = [one.name for one in node.names]
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names = {name.split(".")[0] for name in imported}
            unsafe += [f"line {node.lineno}: import of {name}" for name in sorted(names & MODULES)]
        elif isinstance(node, ast.Call):
            unsafe += _of_call(node)
    return unsafe


def _of_call(node: ast.Call) -> list[str]:
    called = ast.unparse(node.func)
    constants = {
        one.arg: one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)
    }
    unsafe = []
    if called in CALLS or called.split(".")[-1] in ("read_pickle", "to_pickle", "extractall"):
        unsafe.append(f"line {node.lineno}: {called}")
    if constants.get("shell") is True:
        unsafe.append(f"line {node.lineno}: {called} with a shell")
    if called in NEEDED:
        name, value = NEEDED[called]
        if constants.get(name, ...) is not value:
            unsafe.append(f"line {node.lineno}: {called} without {name}={value}")
    if constants.get("trust_remote_code") is True:
        unsafe.append(f"line {node.lineno}: {called} with code of a repository")
    return unsafe


@pytest.mark.long
def test_no_source_of_ours_has_an_unsafe_call():
    assert len(SOURCES) > 200
    assert {
        str(path.relative_to(ROOT)): faults(text)
        for path in SOURCES
        if (text := Path(path).read_text()) and faults(text)
    } == {}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import marshal as m",
        "eval(x)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path, weights_only=False)",
        "pd.read_pickle(path)",
        "subprocess.run(words, shell=True)",
        "yaml.load(text)",
        "AutoModel.from_pretrained(x, trust_remote_code=True)",
        "archive.extractall()",
    ],
)
def test_each_unsafe_call_is_found(source):
    assert len(faults(source)) == 1


def test_the_safe_forms_pass():
    assert faults("np.load(p, allow_pickle=False); torch.load(p, weights_only=True)") == []
    assert faults("model.eval(); yaml.safe_load(t); subprocess.run(['x'])") == []
