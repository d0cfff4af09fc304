"""The weight files of a checkpoint as tensors by name; nothing in them is executed.

A .bin file is a pickle. It is read with weights_only, whose unpickler creates only tensors and
plain containers (CVE-2025-32434; torch 2.6 and later); any other content is refused.
"""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path

import torch

from gfmtrust.core.errors import BadDataError, GfmtrustError, MissingInputError, message
from gfmtrust.models import contents, files

LOG = logging.getLogger(__name__)

BYTES_PER_PARAMETER = 4
UNSUPPORTED = re.compile(
    r"(?:GLOBAL|global|Unsupported class|Trying to load unsupported \S+ class) ([\w.]+)"
)
"""Matches the name of the object that torch's unpickler refused to create."""


def paths_of(directory: Path) -> list[Path]:
    """Return the weight files of a checkpoint, sorted by name, as `files.weight_files` chooses
    them; other forms beside them are named in the log.

    Raises MissingInputError (66) where there is none or where a file that an index lists is
    missing, and what `files.weight_map` raises.
    """
    names = [path.name for path in directory.iterdir() if path.is_file()]
    paths = [directory / name for name in files.weight_files(names, directory.__truediv__)]
    if not paths:
        others = contents.unreadable(names)
        observed = f"no weights that can be read{', but ' + ' and '.join(others) if others else ''}"
        raise MissingInputError(
            message(str(directory), observed, contents.NEEDED, "copy the checkpoint's weights")
        )
    missing = [path for path in paths if not path.is_file()]
    if missing:
        observed = (
            f"not found ({len(missing)} of {len(paths)} files that {files.form(names)} lists)"
        )
        raise MissingInputError(
            message(
                str(missing[0]),
                observed,
                "every file of the index",
                "copy the checkpoint's weights",
            )
        )
    if others := files.unread(names):
        LOG.info(
            "%s: the weights are read from %s; %s beside it is not read",
            directory,
            files.form(names),
            " and ".join(others),
        )
    return paths


def n_bytes(paths: list[Path]) -> int:
    """Return the size of the weights in fp32 in bytes, from the shapes alone. Raises BadDataError
    (65) for a file with an incomplete header."""
    return BYTES_PER_PARAMETER * sum(map(_n_values, paths))


def _n_values(path: Path) -> int:
    from safetensors import SafetensorError, safe_open

    if path.suffix == ".bin":
        return sum(tensor.numel() for tensor in _load_bin(path, "meta").values())
    try:
        with safe_open(path, "numpy") as content:
            names = content.keys()
            return sum(math.prod(content.get_slice(name).get_shape()) for name in names)
    except (SafetensorError, OSError) as error:
        raise _unread(path, error) from error


def read(paths: list[Path]) -> dict[str, torch.Tensor]:
    """Return every tensor by its name. Raises BadDataError (65) for a file that is incomplete or
    contains anything else, for a tensor that two files contain with different values, and for an
    index that names another file than the one with the tensor."""
    listed = _listed(paths)
    tensors: dict[str, torch.Tensor] = {}
    for path in paths:
        content = _load(path)
        for name in (
            name for name, file in listed.items() if file == path.name and name not in content
        ):
            raise BadDataError(
                message(
                    str(path),
                    f"no tensor {name}",
                    "the tensors that the index lists for it",
                    "are the index and the files of one revision?",
                )
            )
        for name in tensors.keys() & content.keys():
            if not _same(tensors[name], content[name]):
                raise BadDataError(
                    message(
                        str(path),
                        f"another {name} than an earlier file holds",
                        "every tensor once",
                        "are all files of one revision?",
                    )
                )
        tensors |= content
    return tensors


def _listed(paths: list[Path]) -> dict[str, str]:
    """Return tensor -> file of the index that lists these files, {} without an index."""
    directory = paths[0].parent
    chosen = files.form(path.name for path in directory.iterdir() if path.is_file())
    return files.weight_map(directory / chosen) if chosen in files.SUFFIXES else {}


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)


def _load(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix == ".bin":
        return _load_bin(path, "cpu")
    try:
        return load_file(path)
    except (SafetensorError, RuntimeError, ValueError, KeyError, OSError) as error:
        raise _unread(path, error) from error


def _load_bin(path: Path, device: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a .bin file. Device 'meta' gives the shapes and reads no values."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (MemoryError, GfmtrustError):
        raise
    except Exception as error:  # a damaged pickle can make the reader raise almost any exception
        raise _unread(path, error) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise BadDataError(
            message(
                str(path),
                f"a {type(content).__name__} that is no map of names",
                "tensors by their names",
                "save the network's state_dict",
            )
        )
    for name, value in content.items():
        if (
            not isinstance(value, torch.Tensor)
            or value.layout != torch.strided
            or value.is_quantized
            or value.device.type != device
        ):
            kind = (
                "a tensor of another kind"
                if isinstance(value, torch.Tensor)
                else f"a {type(value).__name__}"
            )
            raise BadDataError(
                message(
                    str(path),
                    f"{name} is {kind}",
                    "dense tensors by their names",
                    "save the network's state_dict",
                )
            )
    return dict(content)


def _unread(path: Path, error: Exception) -> BadDataError:
    """Return the error for an unreadable file. The unpickler's own text advises users to switch off
    its protection, so only the name of the object that the file asks for is passed on."""
    named = UNSUPPORTED.search(str(error)) if path.suffix == ".bin" else None
    observed = f"not read ({type(error).__name__})"
    if named:
        return BadDataError(
            message(
                str(path),
                f"{observed}: it asks for {named[1]}, which is never run",
                "tensors alone",
                "use a file of tensors, best safetensors",
            )
        )
    return BadDataError(message(str(path), observed, "tensors alone", "copy the file again"))
