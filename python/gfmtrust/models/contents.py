"""The files that a repository or folder of a checkpoint must contain, by name. The download,
`models pin` and the check of the hub's cache share these rules with the loader. `models.files`
decides which weights are read where there are several. This module imports no torch and uses no
network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath

from gfmtrust.bundle.vocabulary_file import VOCABULARY_FILES
from gfmtrust.models import files

MODEL_CARD = "README.md"
BPE_FILE = "tokenizer.json"
"""The only file that contains the merges of a byte pair encoding."""
TOKENIZER_CONFIG = "tokenizer_config.json"
"""Replaces the vocabulary file where the tokenizer is a class of the repository's own code: it
names the class and the special tokens."""
TOKENIZER_FILES = (*VOCABULARY_FILES, *files.OPTIONAL)
"""Every tokenizer file that the loader may compare with another one."""
OTHER_WEIGHTS = {
    ".msgpack": "Flax",
    ".h5": "TensorFlow",
    ".ckpt": "a training checkpoint",
    ".pt": "a pickle",
    ".pth": "a pickle",
    ".joblib": "a pickle",
    ".gguf": "GGUF",
    ".onnx": "ONNX",
}
"""Formats of weights that are never read, by the suffix of the file name."""
NEEDED = (
    f"{files.CONFIG}, one of {', '.join(VOCABULARY_FILES)} (or {TOKENIZER_CONFIG} where the tokenizer is code), and "
    f"{files.SAFETENSORS} or {files.BIN} (or the shards with {files.SAFETENSORS_INDEX} or {files.BIN_INDEX})"
)


def vocabulary_file(names: Iterable[str], bpe: bool) -> str:
    """Return the name of the file that the vocabulary is read from, '' where there is none. bpe:
    whether the family reads merges."""
    names = set(names)
    candidates = (BPE_FILE,) if bpe else (*VOCABULARY_FILES, TOKENIZER_CONFIG)
    return next((name for name in candidates if name in names), "")


def weight_choices(names: Iterable[str], path_of: Callable[[str], Path]) -> Iterator[list[str]]:
    """Yield the weight files of every format among the names, in order of preference; the first is
    what the loader reads where all of its files are present. path_of: as for `files.weight_files`,
    whose errors it raises."""
    names = list(names)
    for one in ([files.form(names)] if files.form(names) else []) + files.unread(names):
        yield files.weight_files([one], path_of)


def lacking(names: Iterable[str]) -> list[str]:
    """Return in words what a checkpoint with these files still lacks; the shards of an index are
    not checked here."""
    names = set(names)
    needs = (
        (files.CONFIG, [files.CONFIG]),
        ("vocabulary", [*VOCABULARY_FILES, TOKENIZER_CONFIG]),
        ("weights that can be read", files.FORMS),
    )
    return [what for what, any_of in needs if not names.intersection(any_of)]


def unreadable(names: Iterable[str]) -> list[str]:
    """Return the weights among the names that are never read, each with its format, and the code of
    the repository, which is never run."""
    weights = [
        f"{name} ({OTHER_WEIGHTS[PurePath(name).suffix]})"
        for name in sorted(names)
        if PurePath(name).suffix in OTHER_WEIGHTS
    ]
    code = sorted(name for name in names if name.endswith(".py"))
    return weights + ([f"code of its own ({', '.join(code)}), which is never run"] if code else [])


def is_whole(directory: Path) -> bool:
    """Return whether config, vocabulary and weights, including each shard of an index, are all
    present, so that nothing must be fetched. Raises BadDataError (65) for an invalid index."""
    names = (
        {path.name for path in directory.iterdir() if path.is_file()}
        if directory.is_dir()
        else set()
    )
    if lacking(names) or not (
        names.intersection(VOCABULARY_FILES) or _names_code(directory / TOKENIZER_CONFIG)
    ):
        return False
    return names.issuperset(files.weight_files(names, directory.__truediv__))


def _names_code(tokenizer_config: Path) -> bool:
    """Return whether a tokenizer_config.json states that the tokenizer is a class of code. Where it
    does not, a vocabulary file is required."""
    try:
        return "AutoTokenizer" in json.loads(tokenizer_config.read_text(encoding="utf-8")).get(
            "auto_map", {}
        )
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return False
