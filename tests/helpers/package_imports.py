"""What the package imports from elsewhere, read from its sources."""

import ast
import functools
import sys
from collections import defaultdict

from paths import ROOT

PACKAGE = ROOT / "python" / "gfmtrust"
DISTRIBUTIONS = {
    "pyBigWig": "pybigwig",
    "yaml": "pyyaml",
    "huggingface_hub": "huggingface-hub",
    "google": "protobuf",
}
"""Name of an import -> its distribution, where the two differ."""
RUNTIME = "onnxruntime"
"""Of the CPU or of a GPU: two distributions with one import, never installed together."""
EXPORT_PACKAGES = {"export", "models", "audit/replicate", "audit/tracking"}
"""Packages of ours whose imports may need `gfmtrust[export]`."""


@functools.cache
def importers() -> dict[str, set[str]]:
    """Top-level module that is neither ours nor of the standard library, by the name it is imported
    by -> the packages of ours that import it."""
    packages = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).as_posix()
        package = next(
            (one for one in EXPORT_PACKAGES if place.startswith(f"{one}/")), place.split("/")[0]
        )
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                continue
            for name in names:
                packages[name.split(".")[0]].add(package)
    return {
        name: where
        for name, where in packages.items()
        if name not in sys.stdlib_module_names and name != "gfmtrust"
    }


def distributions(extra: str) -> set[str]:
    """Distributions that the imports call for: "base" for every installation, "cpu" and "gpu" for
    the runtime of the models, "export" for what only the packages of export import."""
    if extra in ("cpu", "gpu"):
        return {RUNTIME if extra == "cpu" else f"{RUNTIME}-gpu"}
    return {
        DISTRIBUTIONS.get(name, name)
        for name, where in importers().items()
        if name != RUNTIME and (where <= EXPORT_PACKAGES) == (extra == "export")
    }
