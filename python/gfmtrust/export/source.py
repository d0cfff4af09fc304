"""The source of a model: the user's argument is resolved to a directory, with the row of the
registry and what else is known about its origin."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gfmtrust.bundle import schema
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError, message
from gfmtrust.models import hub, registry

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A directory of weights or a bundle, the row that names it, if any, and further facts about
    its identity."""

    directory: Path
    row: registry.Row | None = None
    name: str = ""
    identity: dict[str, str] = field(default_factory=dict)

    @property
    def is_bundle(self) -> bool:
        """Whether the folder is a bundle, which is not exported again."""
        return (self.directory / schema.BUNDLE_FILE).is_file()


def resolve(model: str) -> Source:
    """Return a directory as given, otherwise a checkpoint of the hub at its commit, otherwise that
    of a pinned row. Raises ConfigurationError (78), MissingInputError (66), and what `hub.fetch`
    raises."""
    directory = Path(model)
    if directory.is_dir():
        return Source(directory)
    if directory.suffix == ".onnx":
        observed = "a bare .onnx file" if directory.is_file() else "not found"
        raise ConfigurationError(
            message(
                model,
                observed,
                "a bundle directory or a directory of weights",
                "a graph alone names no tokenizer",
            )
        )
    if named := hub.HUB_ID.fullmatch(model):
        repository, revision = named["repository"], named["revision"]
        return Source(
            _fetch(repository, revision),
            name=repository.split("/")[1],
            identity={"repository": repository, "revision": revision},
        )
    if "@" in model:
        raise ConfigurationError(
            message(
                model,
                f"revision is {model.rpartition('@')[2]!r}",
                "org/name@ and a commit of 40 hex digits",
                "a branch or tag moves; copy the commit from the repository's history",
            )
        )
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", model):
        raise ConfigurationError(
            message(
                model,
                "not a folder, and no revision if it is a repository of the hub",
                f"a folder of weights, a bundle, or {model}@ and a commit of 40 hex digits",
            )
        )
    if "/" in model:
        raise MissingInputError(message(model, "not found", "a directory of weights or a bundle"))
    row = registry.find(model)
    return Source(_fetch(row.repository, row.revision, row.weights_sha256.split()), row, row.id)


def _fetch(repository: str, revision: str, weights_sha256: Sequence[str] = ()) -> Path:
    from gfmtrust.models import family_of

    return hub.fetch(repository, revision, family_of, weights_sha256)


def check_row(row: registry.Row, loaded) -> None:
    """Raise BadDataError (65) for files whose sha256 differs from the row's, and for another
    family. loaded: models.checkpoint.Checkpoint.

    A digest that the row leaves empty was not listed by its source: the commit fixes the file, and
    the hub's own digest was checked when the file was fetched.
    """
    weights = [
        digest
        for name, digest in sorted(loaded.sha256.items())
        if name.endswith((".safetensors", ".bin"))
    ]
    pairs = (
        ("config.json", loaded.sha256["config.json"], row.config_sha256),
        ("family", loaded.family.name, row.family),
        ("vocabulary", loaded.vocabulary_sha256, row.vocabulary_sha256),
        ("weights", " ".join(weights), row.weights_sha256),
    )
    for what, observed, expected in pairs:
        if expected and observed != expected:
            raise BadDataError(
                message(
                    f"model {row.id}",
                    f"{what} is {observed}",
                    f"{expected} as the registry of checkpoints says",
                )
            )


def identity(loaded, source: Source, name: str) -> dict:
    """Return the group of bundle.json that states who made the model and under which licence: from
    our card in the directory, otherwise from the row or the given id, otherwise from its model
    card."""
    row = asdict(source.row) if source.row else {}
    stated = hub.licence(loaded.directory) | source.identity
    facts = {
        key: loaded.card.get(key) or row.get(key) or stated.get(key, "")
        for key in ("repository", "revision", "licence", "licence_url", "citation")
    }
    LOG.info("%s: licence %s, the checkpoint's own", name, facts["licence"] or "not stated")
    return {
        "model_id": name,
        "family": loaded.family.name,
        "n_parameters": loaded.n_parameters,
        **facts,
    }
