"""One class per documented exit code. `cli` alone maps them to codes; nothing else ends the
process.

A message is one line, *place: found; expected; remedy*. Source of the codes: sysexits.h and
docs/start/usage.md.
"""

from __future__ import annotations


class GfmtrustError(Exception):
    """Base of every error a user can cause or meet; `exit_code` is what the process ends with."""

    exit_code = 70


class UsageError(GfmtrustError):
    """Options or samplesheet cells that cannot be meant."""

    exit_code = 64


class BadDataError(GfmtrustError):
    """Input that can be read but is wrong: malformed VCF or BED, wrong assembly, digest
    mismatch."""

    exit_code = 65


class MissingInputError(GfmtrustError):
    """A path that does not exist or cannot be read."""

    exit_code = 66


class DeviceError(GfmtrustError):
    """The device asked for does not work, or the bundle holds no graph certified for it."""

    exit_code = 69


class InternalError(GfmtrustError):
    """A promise of ours was broken (records lost, constant model output): a bug, never a user's
    fault."""

    exit_code = 70


class CannotWriteError(GfmtrustError):
    """The output exists, or its folder cannot be written."""

    exit_code = 73


class InputOutputError(GfmtrustError):
    """A damaged or truncated stream, or a full disk."""

    exit_code = 74


class TransientError(GfmtrustError):
    """Worth another try: out of device memory at batch 1, device lost."""

    exit_code = 75


class ConfigurationError(GfmtrustError):
    """Unknown model, unpinned checkpoint, thresholds or calibration that do not fit."""

    exit_code = 78


class Terminated(GfmtrustError):
    """SIGTERM was received; temporaries are gone."""

    exit_code = 143


def message(place: str, found: str, expected: str, remedy: str = "") -> str:
    """The one-line form of every error: *place: found; expected ...; remedy*."""
    line = f"{place}: {found}; expected {expected}"
    return f"{line}; {remedy}" if remedy else line
