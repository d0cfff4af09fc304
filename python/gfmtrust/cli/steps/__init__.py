"""One function per step of the command line, each a library call without logic, and their table.

A function imports what it needs, so that `--help` is instant. Every public function of these
modules is a step of the same name.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from inspect import isfunction

from gfmtrust.cli.steps import audit, checks, models, results, scoring, sites

STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    name: function
    for module in (sites, models, scoring, results, audit, checks)
    for name, function in vars(module).items()
    if isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
}
"""Step name -> its function, in the order of `gfmtrust --help`."""
