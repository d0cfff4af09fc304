"""What a repository or a folder of a checkpoint must hold, by the names of its files: the rules
that the download, `models pin` and the hub's cache share with the loader. Which weights are read
where there are several is said in `models.files`. No torch, no network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath

from gfmtrust.bundle.vocabulary_file import VOCABULARY_FILES
from gfmtrust.models import files

MODEL_CARD = "README.md"
BPE_FILE = "tokenizer.json"
"""The only file that holds the merges of a byte pair encoding."""
TOKENIZER_CONFIG = "tokenizer_config.json"
"""Stands for the vocabulary where the tokenizer is a class of the repository's own code: it names
the class and the special tokens."""
TOKENIZER_FILES = (*VOCABULARY_FILES, *files.OPTIONAL)
"""Every file of a tokenizer that the loader may compare with another."""
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
"""Kinds of weights that are never read, by the end of the file's name."""
NEEDED = (
    f"{files.CONFIG}, one of {', '.join(VOCABULARY_FILES)} (or {TOKENIZER_CONFIG} where the tokenizer is code), and "
    f"{files.SAFETENSORS} or {files.BIN} (or the shards with {files.SAFETENSORS_INDEX} or {files.BIN_INDEX})"
)


def vocabulary_file(names: Iterable[str], bpe: bool) -> str:
    """Name of the file that the vocabulary is read from, '' where there is none. bpe: whether the
    family reads merges."""
    names = set(names)
    candidates = (BPE_FILE,) if bpe else (*VOCABULARY_FILES, TOKENIZER_CONFIG)
    return next((name for name in candidates if name in names), "")


def weight_choices(names: Iterable[str], path_of: Callable[[str], Path]) -> Iterator[list[str]]:
    """The weight files of every form among the names, by preference: the first is what the loader
    reads where all of them are there. path_of: as `files.weight_files` takes it; raises what that
    raises."""
    names = list(names)
    for one in ([files.form(names)] if files.form(names) else []) + files.unread(names):
        yield files.weight_files([one], path_of)


def lacking(names: Iterable[str]) -> list[str]:
    """What a checkpoint of these files still needs, in words; the shards of an index are not
    counted here."""
    names = set(names)
    needs = (
        (files.CONFIG, [files.CONFIG]),
        ("vocabulary", [*VOCABULARY_FILES, TOKENIZER_CONFIG]),
        ("weights that can be read", files.FORMS),
    )
    return [what for what, any_of in needs if not names.intersection(any_of)]


def unreadable(names: Iterable[str]) -> list[str]:
    """Weights among the names that are never read, each with its kind, and the code of a
    repository, which is never run."""
    weights = [
        f"{name} ({OTHER_WEIGHTS[PurePath(name).suffix]})"
        for name in sorted(names)
        if PurePath(name).suffix in OTHER_WEIGHTS
    ]
    code = sorted(name for name in names if name.endswith(".py"))
    return weights + ([f"code of its own ({', '.join(code)}), which is never run"] if code else [])


def is_whole(directory: Path) -> bool:
    """Whether config, vocabulary and weights are all there, each shard of an index too, so that
    nothing need be fetched. Raises BadDataError (65) for an index that is none."""
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
    """Whether a tokenizer_config.json says that the tokenizer is a class of code; beside another
    one a vocabulary file is missing."""
    try:
        return "AutoTokenizer" in json.loads(tokenizer_config.read_text(encoding="utf-8")).get(
            "auto_map", {}
        )
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return False
