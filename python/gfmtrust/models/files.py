"""Which files a published checkpoint consists of, and which of them the loader reads: stated here
once. No torch, no network.

A checkpoint has config.json, a tokenizer (`tokenizers.VOCABULARY_FILES`, or a class of code that
config and tokenizer_config.json name), and weights in one of four forms. Where a repository holds
several forms, the first of FORMS is read and the others are left alone; it is the order in which
transformers looks for them. The download, the registry's digests and the loader all ask
`weight_files`:

    weight_files(names_in_the_folder, folder.__truediv__)      # a local folder
    weight_files(names_in_the_repository, fetch)               # a hub: `fetch` is asked for the
    index alone
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from gfmtrust.core.errors import BadDataError, message

CONFIG = "config.json"
OPTIONAL = ("tokenizer_config.json", "special_tokens_map.json")
"""Small files that are read where they are there: they confirm a tokenizer, and no checkpoint needs
them."""
SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
BIN, BIN_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
FORMS = (SAFETENSORS, SAFETENSORS_INDEX, BIN, BIN_INDEX)
"""The forms of the weights by preference: one file, or the index of several."""
SUFFIXES = {SAFETENSORS_INDEX: ".safetensors", BIN_INDEX: ".bin"}
"""Index -> ending of the files that it may list."""
MAX_INDEX_BYTES = 16 << 20
"""Published indexes stay below 1 MB."""


def form(names: Iterable[str]) -> str:
    """The first of FORMS among the names of a folder's or a repository's files, '' where there is
    none."""
    names = set(names)
    return next((one for one in FORMS if one in names), "")


def unread(names: Iterable[str]) -> list[str]:
    """The other forms of the weights among the names, which the loader leaves alone, by
    preference."""
    names = set(names)
    return [one for one in FORMS if one in names and one != form(names)]


def weight_files(names: Iterable[str], path_of: Callable[[str], Path]) -> list[str]:
    """Names of the files with weights that the loader reads, in name order; [] where there is no
    form of weights.

    names: files of the folder or repository. path_of: the local path of a file by its name; it is
    asked for an index alone. A file that an index lists need not be among the names. Raises what
    `weight_map` raises.
    """
    chosen = form(names)
    if chosen in SUFFIXES:
        return shards(path_of(chosen))
    return [chosen] if chosen else []


def shards(index: Path) -> list[str]:
    """Names of the files that an index lists, in name order. Raises what `weight_map` raises."""
    return sorted(set(weight_map(index).values()))


def weight_map(index: Path) -> dict[str, str]:
    """Tensor name -> name of the file that holds it, as an index says. Raises BadDataError (65) for
    a file of another kind, and for a name that leaves the folder or does not end as the files of
    this index do."""
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
