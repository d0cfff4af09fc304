"""The facts about a model that later steps need, read from its bundle.json alone, so that steps
without a model neither stage nor hash its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gfmtrust.bundle import schema


@dataclass(frozen=True)
class ModelFacts:
    """One model of a run.

    model_id, family: names. sha256: the digest of the whole bundle. window_bp: the number of
    letters that the model reads around a site.
    """

    model_id: str
    family: str
    sha256: str
    window_bp: int

    @classmethod
    def read(cls, path: Path) -> ModelFacts:
        """Return the facts in a bundle.json, or in that of a bundle folder; its content is compared
        with its digest.

        Raises MissingInputError (66) where there is no such file and BadDataError (65) where it is
        not the file that an export wrote.
        """
        meta = schema.read_meta(path / schema.BUNDLE_FILE if path.is_dir() else path)
        return cls(
            meta["identity"]["model_id"],
            meta["identity"]["family"],
            meta["sha256"],
            meta["window"]["window_bp"],
        )


def read_all(paths: list[Path]) -> list[ModelFacts]:
    """Return the facts of several models, in the order of the paths, which is the order of
    --models."""
    return [ModelFacts.read(path) for path in paths]


def model_order(paths: list[Path]) -> list[str]:
    """Return the model ids in the order of the given bundle.json files."""
    return [model.model_id for model in read_all(paths)]
