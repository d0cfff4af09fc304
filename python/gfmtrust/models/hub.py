"""The only place that asks the model hub anything: a checkpoint at one commit, and the facts that
pin a row of the registry.

A checkpoint lies in the hub's own cache (HF_HOME) or is fetched into it; what lies there whole is
used without a network. Nothing here reads weights, and no code of a repository is fetched, let
alone run.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gfmtrust.bundle.bundle import MAX_JSON_BYTES
from gfmtrust.bundle.tokenizers import VOCABULARY_FILES
from gfmtrust.core.errors import (
    BadDataError,
    CannotWriteError,
    ConfigurationError,
    InputOutputError,
    MissingInputError,
    TransientError,
    message,
)
from gfmtrust.core.progress import Progress
from gfmtrust.models.quiet import errors_only

LOG = logging.getLogger(__name__)

HUB_ID = re.compile(
    r"(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@(?P<revision>[0-9a-f]{40})", re.ASCII
)
"""A repository at one commit. A branch moves, so it is no revision."""
CONFIG, INDEX, MODEL_CARD = "config.json", "model.safetensors.index.json", "README.md"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
NEEDED = f"{CONFIG}, one of {', '.join(VOCABULARY_FILES)}, and {WEIGHTS[0]} or its shards with {INDEX} or {WEIGHTS[1]}"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def folder(repository: str, revision: str) -> Path:
    """Where the hub's cache keeps a repository at a commit; files put there by hand are found like
    fetched ones."""
    from huggingface_hub import constants

    return (
        Path(constants.HF_HUB_CACHE)
        / f"models--{repository.replace('/', '--')}"
        / "snapshots"
        / revision
    )


def fetch(repository: str, revision: str, readable: Callable[[dict], object] = dict) -> Path:
    """Directory with config, vocabulary, weights and model card of a repository at one commit.

    readable: raises ConfigurationError for a config.json it cannot read, before any weights are
    fetched. What is fetched is announced with its size, and every file is compared with the digest
    the hub lists for it. Raises MissingInputError (66) where the checkpoint is not in the cache and
    the hub does not give it, ConfigurationError (78) for a repository without weights we read,
    TransientError (75) for a file that came in part, BadDataError (65) for one that is another than
    listed, InputOutputError (74), CannotWriteError (73).
    """
    held = folder(repository, revision)
    if is_whole(held):
        LOG.info("%s at %s: read from %s", repository, revision, held)
        return held
    try:
        with _quiet():
            return _download(repository, revision, readable)
    except _failures() as error:
        raise _no_checkpoint(repository, revision, error) from error


def is_whole(directory: Path) -> bool:
    """Whether config, vocabulary and weights are all there, each shard of an index too."""
    index = directory / INDEX
    names = (
        {path.name for path in directory.iterdir() if path.is_file()}
        if directory.is_dir()
        else set()
    )
    return not lacking(names) and (not index.is_file() or names.issuperset(shards(index)))


def lacking(names: Iterable[str]) -> list[str]:
    """What a checkpoint of these files still needs, in words."""
    names = set(names)
    needs = (
        (CONFIG, [CONFIG]),
        ("a vocabulary", VOCABULARY_FILES),
        ("weights that can be read", [*WEIGHTS, INDEX]),
    )
    return [what for what, any_of in needs if not names.intersection(any_of)]


def shards(index: Path) -> list[str]:
    """Names of the weight files an index lists. Raises BadDataError (65) for another file, or a
    name that leaves the directory."""
    if index.stat().st_size > MAX_JSON_BYTES:
        raise BadDataError(
            message(str(index), f"{index.stat().st_size} bytes", f"at most {MAX_JSON_BYTES}")
        )
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadDataError(
            message(
                str(index),
                f"no list of shards ({type(error).__name__})",
                "an object with weight_map",
            )
        ) from error
    if not names or any(Path(str(name)).name != name for name in names):
        raise BadDataError(
            message(
                str(index),
                "no shard names, or one that leaves the directory",
                "names of files beside it",
            )
        )
    return names


def licence(directory: Path) -> dict[str, str]:
    """`licence` and `licence_url` as the model card (README.md) states them at its head, '' where
    it does not."""
    path = directory / MODEL_CARD
    if not path.is_file():
        return {"licence": "", "licence_url": ""}
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        told = ModelCard.load(path, ignore_metadata_errors=True).data
    except (ValueError, YAMLError) as error:
        LOG.warning("%s: not read (%s); the licence stays empty", path, str(error).splitlines()[0])
        return {"licence": "", "licence_url": ""}
    named = told.get("license_name") if told.get("license") == "other" else told.get("license")
    return {
        "licence": " ".join(named) if isinstance(named, list) else str(named or ""),
        "licence_url": str(told.get("license_link") or ""),
    }


def _download(repository: str, revision: str, readable: Callable[[dict], object]) -> Path:
    from huggingface_hub import HfApi

    place = f"{repository} at {revision}"
    listed = {
        file.path: file
        for file in HfApi().list_repo_tree(repository, revision=revision)
        if hasattr(file, "blob_id")
    }
    if wanting := lacking(listed):
        code = sorted(name for name in listed if name.endswith(".py"))
        found = f"no {' and no '.join(wanting)}" + (
            f", but code of its own ({', '.join(code)}), which is never run" if code else ""
        )
        raise ConfigurationError(
            message(place, found, NEEDED, "convert the checkpoint and give its folder")
        )
    get = _getter(repository, revision, listed)
    config = get(CONFIG)
    try:
        readable(json.loads(config.read_bytes()))
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    except ValueError as error:
        raise BadDataError(
            message(f"{place}: {CONFIG}", f"no JSON ({error})", "an object")
        ) from error
    weights = (
        shards(get(INDEX))
        if INDEX in listed
        else [next(name for name in WEIGHTS if name in listed)]
    )
    if absent := [name for name in weights if name not in listed]:
        raise ConfigurationError(message(place, f"no {absent[0]}, which {INDEX} names", NEEDED))
    names = [name for name in (*VOCABULARY_FILES, MODEL_CARD) if name in listed] + weights
    to_come = [listed[name].size for name in names if not (config.parent / name).is_file()]
    LOG.info(
        "%s: %d files to fetch, %s, into %s",
        place,
        len(to_come),
        size_text(sum(to_come)),
        config.parent,
    )
    for name in names:
        get(name)
    return config.parent


def _getter(repository: str, revision: str, listed: dict) -> Callable[[str], Path]:
    """A function of a listed file's name that fetches it into the cache and compares it with its
    digest."""
    from huggingface_hub import hf_hub_download

    bars = {} if sys.stderr.isatty() else {"tqdm_class": _lines()}

    def get(name: str) -> Path:
        path = Path(hf_hub_download(repository, name, revision=revision, **bars))
        _check(path, listed[name])
        return path

    return get


@contextmanager
def _quiet() -> Iterator[None]:
    """The client names each request and each of its tries."""
    from huggingface_hub import HfApi, hf_hub_download  # noqa: F401 (importing them sets the level of their logger)

    with errors_only("huggingface_hub", _failures()[1].__module__.split(".")[0]):
        yield


def _lines() -> type:
    """The hub's progress bar as plain lines, for a log: `progress` says when."""
    from tqdm.auto import tqdm

    class Lines(tqdm):
        def __init__(
            self, *_, desc: str | None = None, total: float | None = None, initial: int = 0, **__
        ):
            super().__init__(disable=True)
            self._bytes, self._progress = (
                initial,
                Progress(
                    f"fetching {desc or 'files'}", "MB", int(total // 10**6) if total else None
                ),
            )

        def update(self, n: float | None = 1) -> None:
            self._bytes += n or 0
            self._progress(int(self._bytes // 10**6))

    return Lines


def _check(path: Path, file) -> None:
    """Compare a fetched file with what the hub lists: sha256 of a large file, git's digest of a
    small one. Another one is removed."""
    with open(path, "rb") as content:
        if file.lfs is not None:
            expected, found = file.lfs.sha256, hashlib.file_digest(content, "sha256").hexdigest()
        else:
            expected, held = file.blob_id, content.read()
            found = hashlib.sha1(b"blob %d\0" % len(held) + held, usedforsecurity=False).hexdigest()
    if found != expected:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise BadDataError(
            message(
                str(path),
                f"digest is {found}",
                f"{expected} as the hub lists",
                "it was removed; run again",
            )
        )


def size_text(size: int) -> str:
    """Bytes in words: '1.24 GB'."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def facts(repository: str) -> dict[str, str]:
    """The columns that pin a row, read from the repository's current commit; weights are not
    downloaded, their digests are listed.

    Raises MissingInputError (66) without a network, BadDataError (65) where the repository does not
    give all of them.
    """
    from huggingface_hub import HfApi, hf_hub_download

    try:
        told = HfApi().model_info(repository, files_metadata=True)
        files = {file.rfilename: file for file in told.siblings or []}
        vocabulary = next((name for name in VOCABULARY_FILES if name in files), "")
        weights = sorted(name for name in files if name.endswith(".safetensors"))
        named = str((told.card_data or {}).get("license") or "")
        link = str((told.card_data or {}).get("license_link") or "")
        wanting = [
            what
            for what, is_there in (
                (CONFIG, CONFIG in files),
                ("a vocabulary file", vocabulary),
                ("safetensors weights", weights),
                ("a licence", named),
            )
            if not is_there
        ]
        if wanting or any(files[name].lfs is None for name in weights):
            found = f"no {' and no '.join(wanting)}" if wanting else "weights without a digest"
            raise BadDataError(
                message(
                    repository,
                    found,
                    "config, vocabulary, weights with digests, licence",
                    "pin it by hand",
                )
            )
        small = {
            name: Path(hf_hub_download(repository, name, revision=told.sha)).read_bytes()
            for name in (CONFIG, vocabulary)
        }
    except _failures() as error:
        found = f"not read ({_cause(error)})"
        raise MissingInputError(
            message(repository, found, "a network", "pin it where there is one, or give a folder")
        ) from error
    return {
        "revision": told.sha,
        "config_sha256": hashlib.sha256(small[CONFIG]).hexdigest(),
        "vocabulary_sha256": hashlib.sha256(small[vocabulary]).hexdigest(),
        "weights_sha256": " ".join(files[name].lfs.sha256 for name in weights),
        "weights_bytes": " ".join(str(files[name].lfs.size) for name in weights),
        "licence": named,
        "licence_url": link or f"model card of {repository} at {told.sha}",
        "pin_source": f"{repository} at {told.sha}",
    }


def _failures() -> tuple[type[Exception], ...]:
    """What a failed request raises: files and timeouts as OSError, the rest as the HTTP library's
    own base, whichever the hub uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, HfHubHTTPError.__bases__[0])


def _no_checkpoint(repository: str, revision: str, error: Exception) -> Exception:
    """The one line that says why a checkpoint did not come, and where to place which files
    instead."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    place, found, held = (
        f"{repository} at {revision}",
        f"not fetched ({_cause(error)})",
        folder(repository, revision),
    )
    if getattr(error, "errno", None) in FULL:
        return InputOutputError(
            message(place, found, "room for it", "free some space, or set HF_HOME to another disk")
        )
    if getattr(error, "errno", None) in CLOSED:
        return CannotWriteError(
            message(place, found, "a cache that can be written", "set HF_HOME to a folder of yours")
        )
    if "onsistency" in str(error) or "peer closed connection" in str(error):
        return TransientError(
            message(
                place,
                f"a file came in part ({_cause(error)})",
                "all of it",
                "run again; whole files are kept",
            )
        )
    remedy = f"place {NEEDED} in {held}, or in any folder given to --models"
    if isinstance(error, RevisionNotFoundError | RepositoryNotFoundError):
        found = "not on the hub, or not for everyone"
        return MissingInputError(
            message(
                place, found, "a public repository and a commit of it", f"check both, or {remedy}"
            )
        )
    return MissingInputError(message(place, found, "a network", remedy))


def _cause(error: BaseException) -> str:
    """First line of what lies at the bottom of an error; the client wraps it in advice of its
    own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]
