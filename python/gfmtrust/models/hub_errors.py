"""The place of a checkpoint in the hub's cache, and the translation of a failed request into one
line with its exit code and a remedy."""

from __future__ import annotations

import errno
from pathlib import Path

from gfmtrust.core.disk import is_disk_fault
from gfmtrust.core.errors import (
    CannotWriteError,
    InputOutputError,
    MissingInputError,
    TransientError,
    message,
)
from gfmtrust.models import contents

CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
"""Errors of a cache folder that cannot be created or written; the last two occur where a file has
its name."""


BUSY = (429, 500, 502, 503, 504)
"""Status codes of the hub for which a retry may succeed."""


def folder(repository: str, revision: str) -> Path:
    """Return the folder where the hub's cache keeps a repository at a commit; files placed there by
    hand are found in the same way as fetched ones."""
    from huggingface_hub import constants

    return (
        Path(constants.HF_HUB_CACHE)
        / f"models--{repository.replace('/', '--')}"
        / "snapshots"
        / revision
    )


def failures() -> tuple[type[Exception], ...]:
    """Return the exceptions that a failed request raises: OSError for files and timeouts, and the
    base class of the HTTP library that the hub client uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, HfHubHTTPError.__bases__[0])


def no_checkpoint(
    repository: str, revision: str, error: Exception, without_network: str = ""
) -> Exception:
    """Return the error that says in one line why a checkpoint was not obtained, and where to place
    which files instead."""
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    place, observed, cache_folder = (
        f"{repository} at {revision}",
        f"not fetched ({cause(error)})",
        folder(repository, revision),
    )
    if is_disk_fault(error):
        return InputOutputError(
            message(
                place,
                observed,
                f"room in {cache_folder}",
                "free some there, or set HF_HOME to another disk",
            )
        )
    if getattr(error, "errno", None) in CLOSED:
        return CannotWriteError(
            message(
                place, observed, "a cache that can be written", "set HF_HOME to a folder of yours"
            )
        )
    if "onsistency" in str(error) or "peer closed connection" in str(error):
        return TransientError(
            message(
                place,
                f"a file came in part ({cause(error)})",
                "all of it",
                "run again; whole files are kept",
            )
        )
    remedy = (
        without_network
        or f"place {contents.NEEDED} in {cache_folder}, or in any folder given to --models"
    )
    if isinstance(error, GatedRepoError):
        consent = (
            f"accept the terms on the page of {repository} with an account of the hub, set HF_TOKEN to a token of that account, "
            "and run again; or give a folder of its files to --models"
        )
        return MissingInputError(
            message(
                place,
                "a gated repository: its owners ask for consent",
                "an account that has access",
                consent,
            )
        )
    if isinstance(error, RevisionNotFoundError | RepositoryNotFoundError):
        observed = "not on the hub, or not for everyone"
        return MissingInputError(
            message(
                place,
                observed,
                "a public repository and a commit of it",
                f"check both, or {remedy}",
            )
        )
    if status(error) in BUSY:
        observed = f"the hub answered {status(error)}"
        return TransientError(
            message(place, observed, "a hub that is not busy", "run again; whole files are kept")
        )
    return MissingInputError(message(place, observed, "a network", remedy))


def status(error: BaseException | None) -> int:
    """Return the HTTP status of the response at the root of an error, which the client may have
    wrapped; 0 where there was no response."""
    while error is not None:
        if (response := getattr(error, "response", None)) is not None:
            return response.status_code
        error = error.__cause__ or error.__context__
    return 0


def cause(error: BaseException) -> str:
    """Return the first line of the root cause of an error; the client wraps it in advice of its
    own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]
