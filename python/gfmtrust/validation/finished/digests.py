"""Compares the files of a results folder with the digests in its manifest.

The models are checked through their bundle: the manifest has the digest of each bundle, whose
bundle.json has that of every file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.contracts.base import decoded
from gfmtrust.core.contracts.counts import PublishedFile
from gfmtrust.core.contracts.manifest import Manifest
from gfmtrust.core.errors import BadDataError, MissingInputError, message
from gfmtrust.io.output_digest import published

PIPELINE_INFO = "pipeline_info"
UNPUBLISHED = "_mqc."
"""Files of MultiQC stay in the work directory; MultiQC's own report has their content."""


@dataclass(frozen=True)
class Verified:
    """What was compared. files: published files; models: bundles; inputs: files of --inputs;
    unlisted: files in the folder that the manifest does not list, such as those of Nextflow."""

    files: int
    models: int
    inputs: int
    unlisted: int


def read_manifest(run: Path) -> Manifest:
    """The manifest of a results folder. Raises MissingInputError (66) where there is none."""
    for path in (run / PIPELINE_INFO / Manifest.NAME, run / Manifest.NAME):
        if path.is_file():
            return Manifest.read(path)
    place = f"{run}/{PIPELINE_INFO}/{Manifest.NAME}"
    raise MissingInputError(message(place, "not found", "the --outdir of a finished run"))


def verify_run(run: Path, inputs: list[Path]) -> Verified:
    """Compare every file that the manifest lists, and the given input files, with their digests.

    Raises BadDataError (65) that names the first file that differs, MissingInputError (66) for a
    file that is not there, and the errors of `Bundle.open`.
    """
    manifest = read_manifest(run)
    by_name: dict[str, list[Path]] = {}
    for path in sorted(run.rglob("*")):
        if path.is_file():
            by_name.setdefault(path.name, []).append(path)
    listed: set[Path] = set()
    for name, files in _by_name(_listed_files(manifest)).items():
        paths = by_name.get(name, [])
        _compare(run, paths, files)
        listed.update(paths)
    n_models = 0
    for model in manifest.models:
        folder = run / "models" / model.id
        if folder.is_dir():  # a bundle that was given stays where it is
            _compare_bundle(folder, model.sha256)
            listed.update(path for path in folder.rglob("*") if path.is_file())
            n_models += 1
    _compare_inputs(manifest, inputs)
    n_unlisted = sum(len(paths) for paths in by_name.values()) - len(listed)
    return Verified(len(_listed_files(manifest)), n_models, len(inputs), n_unlisted)


def _listed_files(manifest: Manifest) -> list[PublishedFile]:
    try:
        annotated = [
            decoded(PublishedFile, entry[name], f"annotated[{i}].{name}")
            for i, entry in enumerate(manifest.annotated)
            for name in ("output", "index_file")
            if entry.get(name)
        ]
    except ValueError as error:
        raise BadDataError(
            message(Manifest.NAME, str(error), "the manifest that REPORT wrote", "copy it again")
        ) from error
    return [*annotated, *manifest.files]


def _compare_bundle(folder: Path, sha256: str) -> None:
    digest = Bundle.open(folder).sha256
    if digest != sha256:
        raise _differs(folder, f"bundle {digest}", sha256)


def _compare_inputs(manifest: Manifest, inputs: list[Path]) -> None:
    expected = _by_name(manifest.inputs)
    for path in inputs:
        candidates = expected.get(path.name, [])
        if not candidates:
            names = ", ".join(sorted(expected)) or "none"
            raise BadDataError(message(str(path), "no input of this run", f"one of {names}"))
        file = published(path)
        if file not in candidates:
            raise _differs(path, file.sha256, candidates[0].sha256)


def _by_name(files: Iterable[PublishedFile]) -> dict[str, list[PublishedFile]]:
    """The files by their name: the VCF of a sample `sites` has the name of the alleles of the run."""
    by_name: dict[str, list[PublishedFile]] = {}
    for one in files:
        by_name.setdefault(one.name, []).append(one)
    return by_name


def _compare(run: Path, paths: list[Path], expected: list[PublishedFile]) -> None:
    """Compare the files of one name with those of the manifest, each of which has to be there."""
    seen = []
    for path in paths:
        file = published(path)
        if file not in expected:
            observed = f"{file.sha256} of {file.bytes:,} bytes"
            raise _differs(path, observed, " or ".join(one.sha256 for one in expected))
        seen.append(file)
    name = expected[0].name
    if any(one not in seen for one in expected) and UNPUBLISHED not in name:
        raise MissingInputError(
            message(str(run), f"no {name}", "every file of its manifest", "copy it again")
        )


def _differs(path: Path, observed: str, expected: str) -> BadDataError:
    remedy = "the file was changed after the run, or is cut off: copy it again, or run again"
    return BadDataError(message(str(path), f"SHA-256 is {observed}", f"{expected}", remedy))
