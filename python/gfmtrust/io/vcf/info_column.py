"""Column 8 (INFO) of a VCF line: our keys are inserted or removed, and two such columns are brought
into a comparable form. These are pure functions of bytes."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown

PREFIX = b"GFM_"
_KEY = re.compile(rb"(?:^|;)(GFM_[A-Z0-9_]+)=([^;]*)")
_VALUE = rb"[!-+\--:<>-~]+"  # printable, without , ; and =, which separate keys and values
_STATUSES = frozenset(status.value for status in Status)


def key_in(info: bytes, keys: frozenset[bytes]) -> bytes:
    """Return the first of these keys in a column 8, empty where it has none of them."""
    if not keys or PREFIX not in info:
        return b""
    match = _pattern(keys).search(b";" + info)
    return match[1] if match else b""


def without_keys(info: bytes, keys: frozenset[bytes]) -> bytes:
    """Return column 8 without these keys and otherwise unchanged; empty where it contained nothing
    else. keys: names that begin with GFM_."""
    return _pattern(keys).sub(b"", b";" + info)[1:] if keys and PREFIX in info else info


@lru_cache(maxsize=16)
def _pattern(keys: frozenset[bytes]) -> re.Pattern[bytes]:
    names = b"|".join(re.escape(key) for key in sorted(keys))
    return re.compile(rb";(%b)(?:=[^;]*)?(?![^;])" % names)


def with_our_keys(info: bytes, ours: bytes) -> bytes:
    """Return column 8 with our keys at its end. They replace `.` or an empty column, and a trailing
    `;` is not doubled."""
    if info in (b"", b"."):
        return ours
    return info + ours if info.endswith(b";") else info + b";" + ours


def canonical(info: bytes, keys: frozenset[bytes]) -> bytes:
    """Return the form in which columns 8 are compared: without our keys, then without trailing `;`,
    then `.` where nothing is left.

    Removing our keys alone does not suffice: `AC=1` and `AC=1;` become the same annotated column,
    as do `.` and an empty one. keys: the keys that header lines of ours declare in that file.
    """
    return without_keys(info, keys).rstrip(b";") or b"."


def statuses_of(ours: bytes, n_alts: int) -> list[str]:
    """Return the status of each ALT in a finished text of our keys, after a check of its form.

    Raises InternalError (70) where a pair is malformed, a key occurs twice, a key does not have
    `n_alts` values, a status is unknown, or GFM_STATUS or GFM_RANK is missing, because readers
    would count such a record wrongly.
    """
    if not _form(n_alts).fullmatch(ours):
        raise InternalError(
            message(
                "values of a record", shown(ours), f"KEY=values pairs with {n_alts} values each"
            )
        )
    pairs = _KEY.findall(ours)
    values = dict(pairs)
    if len(values) != len(pairs) or b"GFM_RANK" not in values or b"GFM_STATUS" not in values:
        raise InternalError(
            message("values of a record", shown(ours), "GFM_STATUS, GFM_RANK and each key once")
        )
    statuses = values[b"GFM_STATUS"].decode().split(",")
    if not _STATUSES.issuperset(statuses):
        raise InternalError(message("values of a record", shown(ours), "known statuses"))
    return statuses


def statuses_of_one_alt(texts: list[bytes]) -> Counter:
    """Count the statuses of finished texts of one ALT each, after the checks of `statuses_of`.

    Texts of one run have the same keys in the same order, so that one match per text is enough;
    another text is looked at by `statuses_of`.
    """
    if not texts:
        return Counter()
    form = _ordered_form(tuple(key for key, _ in _KEY.findall(texts[0])))
    matches = [form.fullmatch(text) for text in texts]
    statuses = Counter([match[1] for match in matches if match])
    counted = Counter({status.decode(): n for status, n in statuses.items()})
    for text, match in zip(texts, matches, strict=True):
        if match is None:
            counted.update(statuses_of(text, 1))
    return counted


@lru_cache(maxsize=64)
def _ordered_form(keys: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return the pattern of a text of one ALT with these keys in this order, the status as its
    group; one that matches nothing where the keys are not those of a finished text."""
    if len(set(keys)) < len(keys) or not {b"GFM_STATUS", b"GFM_RANK"} <= set(keys):
        return re.compile(rb"(?!)()")
    status = b"(" + b"|".join(sorted(re.escape(name).encode() for name in _STATUSES)) + b")"
    values = {key: _VALUE for key in keys} | {b"GFM_STATUS": status}
    return re.compile(b";".join(key + b"=" + values[key] for key in keys))


@lru_cache(maxsize=64)
def _form(n_alts: int) -> re.Pattern[bytes]:
    """Return the pattern of a finished text of our keys; one match replaces ten splits per
    record."""
    pair = rb"GFM_[A-Z0-9_]+=%b(?:,%b){%d}" % (_VALUE, _VALUE, n_alts - 1)
    return re.compile(rb"%b(?:;%b)*" % (pair, pair))
