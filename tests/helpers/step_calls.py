"""One step of the pipeline, called as a task calls it."""

import contextlib
import tempfile

from gfmtrust.cli import main as cli


def call(*arguments) -> None:
    """Run `gfmtrust` with these arguments, in a folder of its own as a task has, and fail where it
    does not end with 0."""
    with tempfile.TemporaryDirectory() as task, contextlib.chdir(task):
        assert cli.main([str(argument) for argument in arguments]) == 0, arguments
