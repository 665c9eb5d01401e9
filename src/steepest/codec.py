"""Frozen dataclasses to plain values and back; canonical JSON and its digest.

A dataclass becomes a dict of the fields that differ from their defaults, so a new field whose
default keeps the old behaviour does not change the digest of what was stored before. A field whose
metadata says {"plain": False} is no part of the value.
"""

import dataclasses
import hashlib
import json
from typing import Any


def plain(value: Any) -> Any:
    """Return `value` as dicts, lists, strings, numbers, booleans and None.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Point:
    ...     x: int = 0
    ...     y: int = 0
    >>> plain(Point(y=2))
    {'y': 2}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        written = [f for f in dataclasses.fields(value) if f.metadata.get("plain", True)]
        kept = {f.name: getattr(value, f.name) for f in written}
        defaults = {f.name: _default(f) for f in written}
        return {
            k: plain(v)
            for k, v in kept.items()
            if defaults[k] is dataclasses.MISSING or v != defaults[k]
        }
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def canonical(value: Any) -> str:
    """Return canonical JSON: sorted keys, no spaces, shortest floats, no NaN.

    >>> canonical({"b": 1.0, "a": (1, 2)})
    '{"a":[1,2],"b":1.0}'
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
