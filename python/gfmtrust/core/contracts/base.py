"""The common part of all contracts: converts a frozen dataclass with a version to plain JSON and
back.

A contract declares its fields once, with type, unit and description (`entry`). Reading is strict: a
file of another version, or without a version (as gfmtrust 0.1 wrote them), is refused in one line.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, GfmtrustError, message

VERSION_KEY = "version"


def entry(description: str, unit: str = "", default: Any = MISSING, factory: Any = MISSING) -> Any:
    """A field of a contract with its description for the docs. unit: '' where it has none; factory:
    a function that creates the default where it is a dict."""
    return field(
        default=default,
        default_factory=factory,
        metadata={"description": description, "unit": unit},
    )


@dataclass(frozen=True)
class Contract:
    """A file of facts that one step writes and others read.

    NAME: the name of the file, for the docs; VERSION: increased whenever a field changes its
    meaning or is added without a default; WRITER: the step to run again; ERROR: the error for a
    file that does not satisfy the contract; SORTED: whether keys are sorted in the file, which is
    possible where their order has no meaning.
    """

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    WRITER: ClassVar[str] = ""
    ERROR: ClassVar[type[GfmtrustError]] = BadDataError
    SORTED: ClassVar[bool] = True

    @classmethod
    def read(cls, path: Path) -> Self:
        """The facts in a JSON file, or in the metadata of a Parquet table.

        Raises MissingInputError (66) where there is no such file, and ERROR where it has another
        version or a field is missing.
        """
        path = Path(path)
        content = (
            documents.read_metadata(path)
            if path.suffix == ".parquet"
            else documents.read_json(path, cls.ERROR)
        )
        return cls.from_dict(content, path.name)

    def write(self, path: Path) -> None:
        """Write a JSON file atomically; the same facts give the same bytes."""
        documents.write_json(path, self.to_dict(), self.SORTED)

    def to_dict(self) -> dict:
        """The facts as plain JSON values, with the version; also used for the metadata of a
        table."""
        return {VERSION_KEY: self.VERSION, **documents.plain(encoded(self))}

    @classmethod
    def from_dict(cls, content: dict, place: str = "") -> Self:
        """The facts from a dict that `to_dict` returned. place: the name of the file. Raises
        ERROR."""
        place = place or cls.NAME
        remedy = f"run {cls.WRITER} again" if cls.WRITER else "run the step that wrote it again"
        if not isinstance(content, dict):
            raise cls.ERROR(message(place, "no JSON object", f"{cls.__name__} facts", remedy))
        content = dict(content)
        version = content.pop(VERSION_KEY, None)
        if version != cls.VERSION:
            seen = "no version (gfmtrust 0.1)" if version is None else f"version {version}"
            raise cls.ERROR(message(place, seen, f"version {cls.VERSION}", remedy))
        try:
            return decoded(cls, content)
        except (ValueError, TypeError) as fault:
            raise cls.ERROR(message(place, str(fault), f"{cls.__name__} facts", remedy)) from fault


def encoded(value: Any) -> Any:
    """The value as dicts, lists, texts and numbers."""
    if is_dataclass(value):
        return {one.name: encoded(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(key): encoded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(one) for one in value]
    return value.value if isinstance(value, Enum) else value


def decoded(kind: Any, value: Any, place: str = "") -> Any:
    """The value of that type from the output of `encoded`. place: the names of the fields around
    it.

    Raises ValueError that names the field where it is missing, unknown or of another type.
    """
    if is_dataclass(kind):
        return _record(kind, value, place)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return decoded(next(one for one in inner if one is not type(None)), value, place)
    if origin is tuple:
        _expect(isinstance(value, list | tuple), place, value, "a list")
        each = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        _expect(len(each) == len(value), place, value, f"{len(each)} values")
        return tuple(
            decoded(one, item, f"{place}[{i}]")
            for i, (one, item) in enumerate(zip(each, value, strict=True))
        )
    if origin is dict:
        _expect(isinstance(value, dict), place, value, "an object")
        return {key: decoded(inner[1], item, f"{place}.{key}") for key, item in value.items()}
    if kind is dict:
        _expect(isinstance(value, dict), place, value, "an object")
        return value
    if kind is float:
        _expect(isinstance(value, int | float) and value is not True, place, value, "a number")
        return float(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind in (int, str, bool):
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        _expect(fits, place, value, {int: "an integer", str: "a text", bool: "true or false"}[kind])
    return value


def _record(kind: Any, value: Any, place: str) -> Any:
    _expect(isinstance(value, dict), place, value, "an object")
    hints = _hints(kind)
    names = {one.name: one for one in fields(kind) if one.init}
    unknown = sorted(value.keys() - names.keys())
    missing = sorted(name for name in names.keys() - value.keys() if _is_required(names[name]))
    for word, some in (("missing", missing), ("unknown", unknown)):
        if some:
            raise ValueError(f"field {f'{place}.' if place else ''}{some[0]} is {word}")
    return kind(
        **{
            name: decoded(hints[name], item, f"{place}.{name}" if place else name)
            for name, item in value.items()
        }
    )


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_required(one: Field) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _expect(fits: bool, place: str, value: Any, expected: str) -> None:
    if not fits:
        raise ValueError(f"field {place} is {str(value)[:40]!r}, not {expected}")
