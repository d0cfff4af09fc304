"""The `gfmtrust` command: reads the command line, calls the function of the step, and maps errors to
exit codes, which happens nowhere else.

Steps, options, pipeline parameters and processes have the same names.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import re
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from gfmtrust import __version__
from gfmtrust.cli import options as cli_options
from gfmtrust.cli.steps import STEPS
from gfmtrust.core.disk import fault_line, is_disk_fault
from gfmtrust.core.errors import GfmtrustError, Terminated, UsageError, message
from gfmtrust.core.memory import exhausted, is_memory_fault

INTERNAL = 70
INPUT_OUTPUT = 74
TRANSIENT = 75
CONFIGURATION = 78
INTERRUPTED = 130
EXTRAS = {
    "onnxruntime": "cpu",
    **dict.fromkeys(
        ("torch", "transformers", "safetensors", "onnxscript", "huggingface_hub"), "export"
    ),
}
"""Top-level module -> the extra of this package that brings it, where a plain installation lacks
it."""


class Parser(argparse.ArgumentParser):
    """argparse with our exit code and one-line form for a wrong command line."""

    def error(self, text: str):
        unknown = re.match(r"argument step: invalid choice: '([^']*)'", text)
        if not unknown:
            raise UsageError(
                message(
                    self.prog.removeprefix("gfmtrust ") if " " in self.prog else "command line",
                    text,
                    f"the options of {self.prog} --help",
                )
            )
        near = difflib.get_close_matches(
            unknown[1], re.findall(r"'(\w+)'", text[unknown.end() :]), 1
        )
        raise UsageError(
            message(
                f"step {unknown[1]}",
                "unknown",
                "one of gfmtrust --help",
                f"did you mean {near[0]}?" if near else "",
            )
        )


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit code documented in docs/start/usage.md. Never raises."""
    signal.signal(signal.SIGTERM, _terminated)
    debug, options = False, None
    try:
        options = cli_options.parser(Parser, __version__).parse_args(arguments)
        debug = options.debug
        logging.basicConfig(
            level=logging.DEBUG if debug else logging.INFO,
            format="gfmtrust: %(message)s",
            stream=sys.stderr,
        )
        STEPS[options.subcommand](options)
        return 0
    except GfmtrustError as error:
        if error.exit_code != TRANSIENT and is_memory_fault(error.__cause__):
            return _out_of_memory(error, options)  # the file or the graph is not what is wrong
        return _end(error, error.exit_code, debug)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        return _end(_not_installed(error, extra), CONFIGURATION, debug) if extra else _bug()
    except KeyboardInterrupt as error:
        return _end(error, INTERRUPTED, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if is_disk_fault(error):
            line = fault_line(error, [os.getcwd(), *_output_folders(options), _temporary()])
            return _end(GfmtrustError(line), INPUT_OUTPUT, debug)
        if "No usable temporary directory" in str(error):
            return _end(_no_temporary_folder(error), INPUT_OUTPUT, debug)
        return _out_of_memory(error, options) if is_memory_fault(error) else _bug()
    except SystemExit as ended:  # argparse ends --help and --version this way
        return int(ended.code or 0)
    except Exception as error:
        # whatever is not foreseen is a bug of ours and the one case that shows a traceback
        return _out_of_memory(error, options) if is_memory_fault(error) else _bug()


def _not_installed(error: ModuleNotFoundError, extra: str) -> GfmtrustError:
    expected = f"the extra `{extra}` for this step"
    remedy = f"pip install 'gfmtrust[{extra}]'"
    return GfmtrustError(message(f"package {error.name}", "not installed", expected, remedy))


def _output_folders(options: argparse.Namespace | None) -> list[Path]:
    """The folders that the options name for results."""
    values = (getattr(options, name, None) for name in ("out", "out_dir"))
    return [Path(value).parent for value in values if isinstance(value, (str, Path))]


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", "/tmp")


def _no_temporary_folder(error: OSError) -> GfmtrustError:
    observed = str(error.strerror or error).lower().replace("[", "").replace("]", "")
    expected = "a folder for temporary files with room in it"
    return GfmtrustError(message("TMPDIR", observed, expected, "set TMPDIR to such a folder"))


def _terminated(_signal, _frame) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated("terminated: temporaries are removed")


def _end(error: BaseException, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write("gfmtrust: " + (str(error).replace("\n", " ") or type(error).__name__) + "\n")
    return code


def _out_of_memory(error: BaseException, options: argparse.Namespace | None) -> int:
    step = getattr(options, "subcommand", None) or "command line"
    debug = bool(getattr(options, "debug", False))
    return _end(exhausted(step).with_traceback(error.__traceback__), TRANSIENT, debug)


def _bug() -> int:
    traceback.print_exc(file=sys.stderr)
    sys.stderr.write("gfmtrust: this is a bug in gfmtrust, please report it with the lines above\n")
    return INTERNAL


if __name__ == "__main__":
    sys.exit(main())
