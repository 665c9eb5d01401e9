"""Networks as plain values and back, so that a composition of one's own is saved and identified.

A layer becomes {"is": "Linear", "units": 64}, with the fields that differ from their defaults; a
class of the user's own is named "module:Class" and imported when it is read.
"""

import dataclasses
import importlib
import json
from typing import Any

from steepest.errors import DataError, UsageError, unknown
from steepest.nn.arch import Arch


def _pieces() -> dict[str, Any]:
    from steepest import nn

    found = {name: getattr(nn, name) for name in nn.__all__}
    return {name: piece for name, piece in found.items() if dataclasses.is_dataclass(piece)}


def describe(value: Any) -> Any:
    """Return a layer, an arch or a value inside one as plain values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        name = kind.__name__
        known = _pieces().get(name) is kind
        found: dict[str, Any] = {"is": name if known else f"{kind.__module__}:{kind.__qualname__}"}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if item != _default(field):
                found[field.name] = describe(item)
        return found
    if isinstance(value, (list, tuple)):
        return [describe(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UsageError(f"a network is described by plain values and dataclasses, not {value!r}")


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def restore(plain: Any) -> Any:
    """Return what `describe` was given."""
    if isinstance(plain, list):
        return tuple(restore(v) for v in plain)
    if not isinstance(plain, dict):
        return plain
    kind = _kind(str(plain.get("is")))
    fields = {k: restore(v) for k, v in plain.items() if k != "is"}
    try:
        if "layers" in fields:  # a Chain takes its layers one by one
            return kind(*fields["layers"])
        return kind(**fields)
    except TypeError as error:
        raise DataError(f"the description of {plain.get('is')} is damaged: {error}") from None


def _kind(name: str) -> Any:
    if ":" in name:
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(module), attribute)
    pieces = _pieces()
    if name not in pieces:
        raise unknown("layer", name, pieces)
    return pieces[name]


def described(text: str) -> Arch:
    """Return the arch that a JSON description stands for: one's own network as a zoo entry."""
    found = restore(json.loads(text))
    return found if isinstance(found, Arch) else Arch("own", found)


def to_text(arch: Any) -> str:
    """Return the JSON description of an arch or layer."""
    return json.dumps(describe(arch), sort_keys=True)
