"""One error class per documented exit code. Only `cli` maps them to codes; nothing else ends the
process.

A message is one line, *place: observed; expected; remedy*. Source of the codes: sysexits.h and
docs/start/usage.md.
"""

from __future__ import annotations


class GfmtrustError(Exception):
    """Base class of every error that a user can cause or see; `exit_code` is the exit code of the
    process."""

    exit_code = 70


class UsageError(GfmtrustError):
    """Options or samplesheet cells without a valid meaning."""

    exit_code = 64


class BadDataError(GfmtrustError):
    """Input that can be read but is wrong: a malformed VCF or BED, a wrong assembly, a digest
    mismatch."""

    exit_code = 65


class MissingInputError(GfmtrustError):
    """A path that does not exist or cannot be read."""

    exit_code = 66


class DeviceError(GfmtrustError):
    """The requested device does not work, or the bundle contains no graph that is certified for
    it."""

    exit_code = 69


class InternalError(GfmtrustError):
    """A guarantee of gfmtrust was broken (lost records, constant model output): a bug, never the
    fault of the user."""

    exit_code = 70


class CannotWriteError(GfmtrustError):
    """The output exists, or its folder cannot be written."""

    exit_code = 73


class InputOutputError(GfmtrustError):
    """A damaged or truncated stream, or a full disk."""

    exit_code = 74


class TransientError(GfmtrustError):
    """An error that may not occur again: out of device memory at batch 1, device lost."""

    exit_code = 75


class ConfigurationError(GfmtrustError):
    """Unknown model, unpinned checkpoint, or thresholds or calibration that do not match."""

    exit_code = 78


class Terminated(GfmtrustError):
    """SIGTERM was received; temporary files have been removed."""

    exit_code = 143


def message(place: str, observed: str, expected: str, remedy: str = "") -> str:
    """The one-line form of every error: *place: observed; expected ...; remedy*."""
    line = f"{place}: {observed}; expected {expected}"
    return f"{line}; {remedy}" if remedy else line
