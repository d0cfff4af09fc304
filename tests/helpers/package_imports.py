"""What the package imports from elsewhere, read from its sources."""

import ast
import sys

from paths import ROOT

PACKAGE = ROOT / "python" / "gfmtrust"


def foreign() -> set[str]:
    """Top-level modules that are neither ours nor of the standard library, by the name they are
    imported by."""
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    return imported - set(sys.stdlib_module_names) - {"gfmtrust"}
