"""The only module that contacts the model hub: it fetches a checkpoint at one commit, and the facts
that pin a row of the registry.

A checkpoint is read from the hub's own cache (HF_HOME) or fetched into it; a complete one in the
cache is used without a network. Nothing here reads weights, and the code of a repository is neither
fetched nor run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gfmtrust.core.errors import (
    BadDataError,
    ConfigurationError,
    message,
)
from gfmtrust.core.progress import Progress
from gfmtrust.models import contents, files
from gfmtrust.models.hub_errors import failures, folder, no_checkpoint
from gfmtrust.models.quiet import errors_only

LOG = logging.getLogger(__name__)

HUB_ID = re.compile(
    r"(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@(?P<revision>[0-9a-f]{40})", re.ASCII
)
"""A repository at one commit. A branch is not accepted as a revision, because it moves."""


def fetch(
    repository: str,
    revision: str,
    readable: Callable[[dict], object] = dict,
    weights_sha256: Sequence[str] = (),
) -> Path:
    """Return the directory with config, tokenizer, weights and model card of a repository at one
    commit.

    readable: raises ConfigurationError for a config.json that it cannot read, before any weights
    are fetched. weights_sha256: the digests of the weight files sorted by name, where the registry
    pins them; among several formats the one with these digests is fetched, and other weights are
    refused before the download. The size of the download is logged, and every file is compared with
    the digest that the hub lists for it.

    Raises MissingInputError (66) where the checkpoint is not in the cache and the hub does not
    provide it, ConfigurationError (78) for a repository without readable weights, TransientError
    (75) for an incomplete file, BadDataError (65) for a file that differs from the listed one,
    InputOutputError (74) and CannotWriteError (73).
    """
    place = folder(repository, revision)
    if contents.is_whole(place):
        LOG.info("%s at %s: read from %s", repository, revision, place)
        return place
    try:
        with _quiet():
            return _download(repository, revision, readable, list(weights_sha256))
    except failures() as error:
        raise no_checkpoint(repository, revision, error) from error


def licence(directory: Path) -> dict[str, str]:
    """Return `licence` and `licence_url` as the header of the model card (README.md) states them,
    '' where it does not."""
    path = directory / contents.MODEL_CARD
    if not path.is_file():
        return {"licence": "", "licence_url": ""}
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        card = ModelCard.load(path, ignore_metadata_errors=True).data
    except (ValueError, YAMLError) as error:
        LOG.warning("%s: not read (%s); the licence stays empty", path, str(error).splitlines()[0])
        return {"licence": "", "licence_url": ""}
    return {"licence": _licence_of(card), "licence_url": str(card.get("license_link") or "")}


def _download(
    repository: str, revision: str, readable: Callable[[dict], object], weights_sha256: list[str]
) -> Path:
    from huggingface_hub import HfApi

    place = f"{repository} at {revision}"
    listed: dict[str, Any] = {
        file.path: file
        for file in HfApi().list_repo_tree(repository, revision=revision)
        if hasattr(file, "blob_id")
    }
    _require_files(place, listed)
    get = _getter(repository, revision, listed)
    config = get(files.CONFIG)
    try:
        readable(json.loads(config.read_bytes()))
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    except ValueError as error:
        raise BadDataError(
            message(f"{place}: {files.CONFIG}", f"no JSON ({error})", "an object")
        ) from error
    weights = _weights(place, listed, get, weights_sha256)
    names = [
        name for name in (*contents.TOKENIZER_FILES, contents.MODEL_CARD) if name in listed
    ] + weights
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


def _require_files(place: str, names: Iterable[str]) -> None:
    """Raise ConfigurationError (78) for a repository whose files are not a checkpoint, and say
    which other files it has."""
    names = list(names)
    if wanting := contents.lacking(names):
        there = contents.unreadable(names)
        observed = f"no {' and no '.join(wanting)}" + (f", but {', '.join(there)}" if there else "")
        raise ConfigurationError(
            message(place, observed, contents.NEEDED, "convert the checkpoint and give its folder")
        )


def _weights(
    place: str, listed: dict, get: Callable[[str], Path], weights_sha256: list[str]
) -> list[str]:
    """Return the names of the weight files to fetch; an index is fetched to read its shards. Raises
    ConfigurationError (78) for a shard that is not listed and BadDataError (65) where no format has
    the digests of the registry."""
    choices = []
    for names in contents.weight_choices(listed, get):
        if absent := [name for name in names if name not in listed]:
            remedy = "give a folder that holds all of them"
            raise ConfigurationError(
                message(
                    place,
                    f"no {absent[0]}, which an index names",
                    "every shard of the index",
                    remedy,
                )
            )
        if not weights_sha256 or _may_have(names, listed, weights_sha256):
            return names
        choices.append(names)
    observed = " ".join(_listed_sha256(listed[name]) for name in choices[0])
    expected, remedy = (
        f"{' '.join(weights_sha256)} as assets/models.csv says",
        "no weights were fetched; pin the row again",
    )
    raise BadDataError(
        message(f"{place}: {', '.join(choices[0])}", f"sha256 is {observed}", expected, remedy)
    )


def _may_have(names: list[str], listed: dict, weights_sha256: list[str]) -> bool:
    """Return whether the files can have these digests, as far as the hub lists them; it lists no
    sha256 of a small file stored in git."""
    digests = [_listed_sha256(listed[name]) for name in names]
    return len(digests) == len(weights_sha256) and all(
        one in ("", other) for one, other in zip(digests, weights_sha256, strict=True)
    )


def _listed_sha256(file) -> str:
    """Return the sha256 that the hub lists for a large file (git-lfs), '' for a file in git itself,
    for which it lists git's own sha1 of the blob."""
    return file.lfs.sha256 if file.lfs is not None else ""


def _getter(repository: str, revision: str, listed: dict) -> Callable[[str], Path]:
    """Return a function that fetches a listed file into the cache by its name and compares it with
    its digest."""
    from huggingface_hub import hf_hub_download

    bars: dict[str, Any] = {} if sys.stderr.isatty() else {"tqdm_class": _lines()}

    def get(name: str) -> Path:
        path = Path(hf_hub_download(repository, name, revision=revision, **bars))
        _check(path, listed[name])
        return path

    return get


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the client, which logs each request and each retry."""
    from huggingface_hub import HfApi, hf_hub_download  # noqa: F401 (importing them sets the level of their logger)

    with errors_only("huggingface_hub", failures()[1].__module__.split(".")[0]):
        yield


def _lines() -> type:
    """Return the hub's progress bar as plain lines for a log; `Progress` decides when a line is
    written."""
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
    """Compare a fetched file with what the hub lists: the sha256 of a large file, git's digest of a
    small one. A file that differs is removed, and BadDataError (65) is raised."""
    with open(path, "rb") as content:
        if file.lfs is not None:
            expected, digest = (
                _listed_sha256(file),
                hashlib.file_digest(content, "sha256").hexdigest(),
            )
        else:
            expected, data = file.blob_id, content.read()
            digest = hashlib.sha1(
                b"blob %d\0" % len(data) + data, usedforsecurity=False
            ).hexdigest()
    if digest != expected:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise BadDataError(
            message(
                str(path),
                f"digest is {digest}",
                f"{expected} as the hub lists",
                "it was removed; run again",
            )
        )


def size_text(size: int) -> str:
    """Return a number of bytes as text, for example '1.24 GB'."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def facts(repository: str, bpe: bool = False) -> dict[str, str]:
    """Return the columns that pin a row, read from the repository's current commit; the digests of
    weights are those that the hub lists.

    bpe: whether the family reads a byte pair encoding and therefore its tokenizer.json. Only small
    files are downloaded, and weights stored in git itself, for which no sha256 is listed. The
    licence is empty where the model card states none. Raises MissingInputError (66) without a
    network, ConfigurationError (78) for a repository that is not a readable checkpoint, and what
    `fetch` raises for single files.
    """
    from huggingface_hub import HfApi

    revision = "the current commit"
    try:
        with _quiet():
            info = HfApi().model_info(repository)
            assert info.sha is not None, "the hub states the commit"
            revision = info.sha
            listed: dict[str, Any] = {
                file.path: file
                for file in HfApi().list_repo_tree(repository, revision=revision)
                if hasattr(file, "blob_id")
            }
            place = f"{repository} at {revision}"
            _require_files(place, listed)
            vocabulary = contents.vocabulary_file(listed, bpe)
            if not vocabulary:
                raise ConfigurationError(
                    message(
                        place,
                        f"no {contents.BPE_FILE}",
                        contents.NEEDED,
                        "is the row's family right?",
                    )
                )
            get = _getter(repository, revision, listed)
            weights = _weights(place, listed, get, [])
            digests = [_listed_sha256(listed[name]) or _sha256(get(name)) for name in weights]
            small = {name: _sha256(get(name)) for name in (files.CONFIG, vocabulary)}
    except failures() as error:
        raise no_checkpoint(
            repository,
            revision,
            error,
            "pin the row where there is one, or give a folder to --models",
        ) from error
    card = info.card_data or {}
    named = _licence_of(card)
    link = str(card.get("license_link") or "")
    return {
        "revision": revision,
        "config_sha256": small[files.CONFIG],
        "vocabulary_sha256": small[vocabulary],
        "weights_sha256": " ".join(digests),
        "weights_bytes": " ".join(str(listed[name].size) for name in weights),
        "licence": named,
        "licence_url": link or (f"model card of {repository} at {revision}" if named else ""),
        "pin_source": f"{repository} at {revision}",
    }


def _sha256(path: Path) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _licence_of(card) -> str:
    """Return the licence that the header of a model card states, '' where it states none; several
    names are joined."""
    named = card.get("license_name") if card.get("license") == "other" else card.get("license")
    return " ".join(map(str, named)) if isinstance(named, list) else str(named or "")
