"""Fisher information by groups of parameters, for models whose checkpoint is at hand. A bundle has no
weights that a gradient could be computed for."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np

from gfmtrust.audit import numbers
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Study
from gfmtrust.audit.subject import Subject
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.graph_contract import file_sha256
from gfmtrust.core.alphabet import N
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.errors import ConfigurationError, message

SEQUENCES = 64


def shares(study: Study, subject: Subject) -> list[Statistic]:
    """The share of each group of parameters by both definitions, and the head in closed form."""
    folder = study.checkpoints.get(subject.name)
    if folder is None:
        raise NotRun("no checkpoint was given (--checkpoints), and a bundle has no gradients")
    if importlib.util.find_spec("torch") is None:
        raise NotRun("PyTorch is not installed")
    from gfmtrust.models import checkpoint, fisher

    sites = study.fewer_sites()
    windows = study.windows(subject, sites)
    rows = np.flatnonzero((windows < N).all(axis=1))
    rows = rows[np.linspace(0, len(rows) - 1, min(SEQUENCES, len(rows))).astype(int)]
    if len(rows) < fisher.BATCH:
        raise NotRun(f"{len(rows)} windows without an unknown letter; expected {fisher.BATCH}")
    loaded = checkpoint.load(folder)
    seen = fisher.information(loaded, windows[rows], study.seed)
    block = sites.block[rows]
    expected = seen.parameters / seen.parameters.sum()
    per_sequence = [
        _share(f"{group}, per sequence", seen.true, number, block, expected)
        for number, group in enumerate(fisher.GROUPS)
    ]
    mixing, embeddings = (fisher.GROUPS.index(one) for one in (fisher.MIXING, fisher.EMBEDDINGS))
    rows_of_all = [
        per_sequence.pop(mixing),
        _share(f"{fisher.MIXING}, observed targets", seen.observed, mixing, block, expected),
        _published(f"{fisher.MIXING}, as published", seen.published, mixing, study.seed, expected),
        *per_sequence,
        _published(
            f"{fisher.EMBEDDINGS}, as published", seen.published, embeddings, study.seed, expected
        ),
    ]
    if seen.head is not None and seen.head_null is not None:
        label = "head, one token, in closed form"
        null = float(seen.head_null.mean())
        rows_of_all.append(numbers.mean(label, seen.head, block, null=null, unit="1"))
    return rows_of_all


def _share(
    label: str, squares: np.ndarray, group: int, block: np.ndarray, expected: np.ndarray
) -> Statistic:
    """The share of a group; its null is its share of the parameters. squares: (n, groups)."""
    total = squares.sum(axis=1)
    return numbers.ratio(label, squares[:, group], total, block, null=float(expected[group]))


def _published(
    label: str, squares: np.ndarray, group: int, seed: int, expected: np.ndarray
) -> Statistic:
    """The same from the few gradients of batches, with the interval of a jackknife over them."""

    def share(rows: np.ndarray) -> float:
        return float(squares[rows, group].sum() / squares[rows].sum())

    row = numbers.jackknife(label, share, len(squares), seed)
    return replace(row, null=float(expected[group]))


def matched(folders: tuple[Path, ...], bundles: list[Bundle]) -> dict[str, Path]:
    """Model id -> the checkpoint that its bundle was exported from, by the digests of all files that
    the bundle states. Raises ConfigurationError (78) for a checkpoint of none of them."""
    checkpoints: dict[str, Path] = {}
    for folder in folders:
        names = [bundle.model_id for bundle in bundles if _is_source(folder, bundle)]
        if not names:
            raise ConfigurationError(
                message(
                    str(folder),
                    "its files are those of none of the models",
                    "the folder of weights that a bundle was exported from",
                    "see --checkpoints",
                )
            )
        checkpoints |= dict.fromkeys(names, folder)
    return checkpoints


def _is_source(folder: Path, bundle: Bundle) -> bool:
    digests = bundle.meta.get("source", {}).get("sha256", {})
    return bool(digests) and all(
        (folder / name).is_file() and file_sha256(folder / name) == digest
        for name, digest in digests.items()
    )
