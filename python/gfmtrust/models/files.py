"""The files of a published checkpoint, and the choice of those that the loader reads. This module
imports no torch and uses no network.

A checkpoint has config.json, a tokenizer (`vocabulary_file.VOCABULARY_FILES`, or a class of code
that config and tokenizer_config.json name), and weights in one of four forms. Where a repository
has several forms, the first of FORMS is read and the others are ignored; transformers looks for
them in the same order. The download, the registry's digests and the loader all call `weight_files`:

    weight_files(names_in_the_folder, folder.__truediv__)      # a local folder
    weight_files(names_in_the_repository, fetch)               # a hub: `fetch` gets the index only
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from gfmtrust.core.errors import BadDataError, message

CONFIG = "config.json"
OPTIONAL = ("tokenizer_config.json", "special_tokens_map.json")
"""Small files that are read where they are present: they confirm a tokenizer, and no checkpoint
requires them."""
SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
BIN, BIN_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
FORMS = (SAFETENSORS, SAFETENSORS_INDEX, BIN, BIN_INDEX)
"""The forms of the weights in order of preference: one file, or the index of several."""
SUFFIXES = {SAFETENSORS_INDEX: ".safetensors", BIN_INDEX: ".bin"}
"""Index -> suffix of the files that it may list."""
MAX_INDEX_BYTES = 16 << 20
"""A limit well above published indexes, which stay below 1 MB."""


def form(names: Iterable[str]) -> str:
    """Return the first of FORMS among the file names of a folder or repository, '' where there is
    none."""
    names = set(names)
    return next((one for one in FORMS if one in names), "")


def unread(names: Iterable[str]) -> list[str]:
    """Return the other forms of the weights among the names, which the loader ignores, in order of
    preference."""
    names = set(names)
    return [one for one in FORMS if one in names and one != form(names)]


def weight_files(names: Iterable[str], path_of: Callable[[str], Path]) -> list[str]:
    """Return the names of the weight files that the loader reads, sorted by name; [] where there is
    no form of weights.

    names: the files of the folder or repository. path_of: the local path of a file by its name; it
    is called for an index only. A file that an index lists need not be among the names. Raises what
    `weight_map` raises.
    """
    chosen = form(names)
    if chosen in SUFFIXES:
        return shards(path_of(chosen))
    return [chosen] if chosen else []


def shards(index: Path) -> list[str]:
    """Return the names of the files that an index lists, sorted. Raises what `weight_map`
    raises."""
    return sorted(set(weight_map(index).values()))


def weight_map(index: Path) -> dict[str, str]:
    """Return tensor name -> name of the file that contains it, according to an index. Raises
    BadDataError (65) for a file that is not an index, and for a name that leaves the folder or has
    the wrong suffix."""
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise BadDataError(
            message(str(index), f"{index.stat().st_size} bytes", f"at most {MAX_INDEX_BYTES}")
        )
    try:
        content = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadDataError(
            message(
                str(index),
                f"no list of weight files ({type(error).__name__})",
                "an object with a weight_map",
                "copy the file again",
            )
        ) from error
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(name, str) for name in content.values())
    ):
        raise BadDataError(
            message(
                str(index),
                "a weight_map without file names",
                "tensor names with the names of their files",
            )
        )
    suffix = SUFFIXES.get(index.name, ".safetensors")
    for name in content.values():
        if PurePosixPath(name).name != name or "\\" in name or not name.endswith(suffix):
            raise BadDataError(
                message(
                    str(index),
                    f"the file name {name!r}",
                    f"names of {suffix} files in the same folder",
                )
            )
    return content
