"""A study as a TOML file that `steepest run` reads again."""

import json
from typing import Any

from steepest.study.design import Study
from steepest.study.space import Range

SCALARS = (
    "name", "question", "trials", "seeds", "tunings", "metric", "target", "reference", "margin",
    "score", "widen",
)  # fmt: skip


def to_toml(study: Study) -> str:
    """Return the study as TOML text."""
    lines = [f"{k} = {_value(getattr(study, k))}" for k in SCALARS if getattr(study, k) is not None]
    lines += ["", "[base]", *(f"{k} = {_value(v)}" for k, v in study.base)]
    for arm in study.arms:
        lines += ["", "[[arms]]", f"name = {_value(arm.name)}"]
        lines += [f"{_key(k)} = {_value(v)}" for k, v in arm.changes]
        if arm.reported:
            lines.append(f"reported = {_value(dict(arm.reported))}")
        lines.append("[arms.space]")
        lines += [f"{_key(r.name)} = {_range(r)}" for r in arm.space]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(k))} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _range(one: Range) -> str:
    if one.choices:
        return _value(one.choices)
    found: dict[str, Any] = {"low": one.low, "high": one.high}
    found |= {"log": True} if one.log else {}
    found |= {"integer": True} if one.integer else {}
    return _value(found)
