"""What a stored run was tried with: the value of a field or an option, as its range writes it."""

from collections.abc import Mapping
from typing import Any

from steepest.part import Part, parameters, resolve
from steepest.spec import TABLES, from_plain
from steepest.study.change import merge
from steepest.study.space import Range


def value_of(plain: Mapping[str, Any], one: Range) -> Any:
    """Return a stored run's value of a range: the choice as it was written, where it is one."""
    found = field_of(plain, one.name)
    if one.choices and found not in one.choices:
        for choice in one.choices:
            if field_of(merge(plain, [(one.name, choice)]), one.name) == found:
                return choice
    return found


def field_of(plain: Mapping[str, Any], name: str) -> Any:
    """Return a field or an option of a stored run, also where it was left out as a default."""
    spec = from_plain(dict(plain))
    part, _, option = name.partition(".")
    found = getattr(spec, part)
    if not option:
        return found
    if not isinstance(found, Part):
        return getattr(found, option, None)
    given = dict(found.options)
    if option in given:
        return given[option]
    return parameters(part, resolve(part, found.name, TABLES[part])).get(option)
