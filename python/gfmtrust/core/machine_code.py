"""Functions compiled by numba, with their machine code kept on disk.

    CODE = MachineCode.of(Path(__file__).parent)      # the folder of a package
    total = CODE.compiled(_total)

Set-up compiles the functions of a package and leaves their machine code beside its modules, where
every later process reads it. No compiled function here creates an array.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

log = logging.getLogger(__name__)

_NJIT: Any = numba.njit  # numba's type annotations lack some of its options
OPTIONS = {"nogil": True, "_nrt": False}
"""Without numba's memory management, because no compiled function here creates an array. Otherwise
references to arrays are counted in the innermost loops, which takes most of the time."""


def _digest(folder: Path) -> str:
    """Return a digest of the modules of a package, because compiled code includes the functions
    that it calls."""
    paths = sorted(folder.glob("*.py"))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in paths)).hexdigest()


class _KeptCode:
    """numba's files of one function, read first from the folder of the module: set-up compiles
    there, and a task can read that folder where it cannot write it."""

    def __init__(self, file: Any, folder: Path, sources: str) -> None:
        base = file._index_name.removesuffix(".nbi")
        file._source_stamp = sources
        self._file = file
        self._installed = IndexDataCacheFile(str(folder / "__pycache__"), base, sources)

    def load(self, key: Any) -> Any:
        return self._installed.load(key) or self._file.load(key)

    def save(self, key: Any, data: Any) -> None:
        self._file.save(key, data)

    def flush(self) -> None:
        self._file.flush()


@dataclass(frozen=True)
class MachineCode:
    """The compiler of one package. folder: of its modules. sources: a digest of them."""

    folder: Path
    sources: str

    @classmethod
    def of(cls, folder: Path) -> MachineCode:
        """Return the compiler of the package in a folder."""
        return cls(folder, _digest(folder))

    def compiled(self, function: Callable) -> Callable:
        """Return the function compiled by numba.njit without the interpreter's lock, with the
        machine code cached on disk.

        The machine code is read from the folder of the module, where set-up leaves it, and is
        compiled anew where that is of other sources, another numba or another processor. numba then
        keeps it in the folder that it chooses (NUMBA_CACHE_DIR, beside the module, or the user's
        cache folder). numba would compile anew when that one module changes; here, when any module
        of the package does. Where no folder can be written, the code is compiled in every process.
        """
        dispatcher = _NJIT(**OPTIONS)(function)
        try:
            dispatcher.enable_caching()
            kept = _KeptCode(dispatcher._cache._cache_file, self.folder, self.sources)
            dispatcher._cache._cache_file = kept
        except (RuntimeError, AttributeError):
            log.debug("%s is compiled in every process: no folder keeps it", function.__name__)
            return _NJIT(**OPTIONS)(function)
        return dispatcher


def inlined(function: Callable) -> Callable:
    """Return a helper of compiled code that is inlined into its callers."""
    return _NJIT(**OPTIONS, forceinline=True)(function)
