"""The files of a score store: `<store>/<scope>/scope.json` and `<store>/<scope>/<digest>.npy`.

A file of rows is written whole under the digest of its content, so that writers at the same time
never meet, and equal rows give one file. A file that cannot be read is left out with a warning, and
its sites are scored again; a store of a newer gfmtrust is refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from gfmtrust.core import documents
from gfmtrust.core.contracts.base import VERSION_KEY
from gfmtrust.core.contracts.score_store import StoreScope
from gfmtrust.core.errors import BadDataError, CannotWriteError, InputOutputError, message
from gfmtrust.io.atomic import synced
from gfmtrust.store.rows import row_type

log = logging.getLogger(__name__)

FACTS_FILE = "scope.json"
ROWS_PATTERN = "*.npy"


def scope_folder(store: Path, scope: StoreScope) -> Path:
    """The folder of a scope in a store."""
    return store / scope.digest.hex()


def scopes(store: Path) -> Iterator[tuple[Path, StoreScope | None]]:
    """The folders of a store in order of name, each with its facts; None where they are of an older
    version or cannot be read.

    Raises BadDataError (65) for a folder that a newer version of gfmtrust wrote.
    """
    folders = store.iterdir() if store.is_dir() else ()
    for folder in sorted(path for path in folders if path.is_dir()):
        facts = folder / FACTS_FILE
        if facts.is_file():
            yield folder, _facts(facts)
        elif any(folder.glob(ROWS_PATTERN)):
            log.warning("%s: not found; the rows of its folder are not used", facts)
            yield folder, None


def _facts(path: Path) -> StoreScope | None:
    try:
        content = json.loads(documents.unsealed(path.read_text(encoding="utf-8")))
        version = content[VERSION_KEY]
        if version < StoreScope.VERSION:
            return None
        if version == StoreScope.VERSION:
            return StoreScope.from_dict(content, str(path))
    except (ValueError, KeyError, TypeError, OSError, BadDataError) as error:
        log.warning("%s: unreadable (%s); the rows of its folder are not used", path, error)
        return None
    raise BadDataError(
        message(
            str(path),
            f"version {version}",
            f"version {StoreScope.VERSION} or older",
            "use the newer gfmtrust that wrote it, or another score store",
        )
    )


def row_files(store: Path, scope: StoreScope) -> list[Path]:
    """The files of rows of a scope, in order of name."""
    return sorted(scope_folder(store, scope).glob(ROWS_PATTERN))


def opened(path: Path, scope: StoreScope) -> np.ndarray | None:
    """The rows of a file as a memory map; None with a warning where it is truncated, damaged or
    not of this type."""
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        log.warning("%s: unreadable (%s); its sites are scored again", path, error)
        return None
    if rows.dtype != row_type(scope) or rows.ndim != 1:
        log.warning("%s: no rows of %s; its sites are scored again", path, scope.model)
        return None
    return rows


def write_rows(store: Path, scope: StoreScope, parts: Iterable[np.ndarray]) -> tuple[Path, int]:
    """Write sorted parts of rows, in order, as one file of the scope; return its path and the
    number of rows.

    Raises InputOutputError (74) where the disk is full, CannotWriteError (73) where the folder
    cannot be written; nothing half-written stays behind.
    """
    folder = scope_folder(store, scope)
    _make_folder(folder, scope)
    part = folder / f"{uuid.uuid4().hex}.part"
    digest, n_rows, dtype = hashlib.blake2b(digest_size=16), 0, row_type(scope)
    try:
        with synced(part) as file:
            _write_header(file, dtype, 0)
            for rows in parts:
                data = np.ascontiguousarray(rows).tobytes()
                digest.update(data)
                file.write(data)
                n_rows += len(rows)
            file.seek(0)
            _write_header(file, dtype, n_rows)
        path = folder / f"{digest.hexdigest()}.npy"
        os.replace(part, path)
    except OSError as error:
        raise _failed(store, error) from error
    finally:
        part.unlink(missing_ok=True)
    return path, n_rows


def _make_folder(folder: Path, scope: StoreScope) -> None:
    facts = folder / FACTS_FILE
    content = json.dumps(scope.to_dict(), sort_keys=True, indent=2) + "\n"
    text = documents.sealed(content).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWriteError(
            message(str(folder), f"cannot be made ({error.strerror})", "a folder to write to")
        ) from error
    if facts.is_file() and facts.read_bytes() == text:
        return
    part = folder / f"{uuid.uuid4().hex}.part"
    try:
        with synced(part) as file:
            file.write(text)
            file.flush()
        os.replace(part, facts)
    except OSError as error:
        raise _failed(folder.parent, error) from error
    finally:
        part.unlink(missing_ok=True)


def _failed(store: Path, error: OSError) -> InputOutputError:
    return InputOutputError(
        message(
            f"score store {store}",
            (error.strerror or str(error)).lower(),
            f"room in {store.absolute()}",
            "free some there and run again; no half-written file is left",
        )
    )


def _write_header(file, dtype: np.dtype, n_rows: int) -> None:
    """The header of a .npy file. NumPy pads it for a first axis of up to 21 digits, so that it has
    one length for every number of rows."""
    facts = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (n_rows,),
    }
    np.lib.format.write_array_header_1_0(file, facts)
