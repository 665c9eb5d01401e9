"""Several problems in one study file: the same arms on each, an ordinary study a problem.

`[[problems]]` changes the base (data, model, epochs, ...). Each problem is a study of its own,
named "<study>-<problem>", in the same store: resumed, extended and reported like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steepest.errors import UsageError
from steepest.spec import from_plain
from steepest.study.change import merge
from steepest.study.design import Study
from steepest.study.toml import from_table, read_table


@dataclass(frozen=True)
class Problems:
    """The same question on several problems."""

    name: str
    question: str
    labels: tuple[str, ...]  # of the problems
    studies: tuple[Study, ...]  # one a problem, the same arms in each


def read_any(path: str | Path) -> Study | Problems:
    """Return the study, or the problems, in a TOML file; UsageError says what is wrong with it."""
    table, where, name = read_table(path), str(path), Path(path).stem
    return (
        problems_of(table, where, name) if "problems" in table else from_table(table, where, name)
    )


def problems_of(table: Mapping[str, Any], where: str, name: str) -> Problems:
    """Return the problems of a study file's table."""
    given = dict(table)
    listed, base = given.pop("problems"), given.pop("base", {})
    if not isinstance(listed, list) or not all(isinstance(p, dict) for p in listed):
        raise UsageError(f"{where}: problems must be written as [[problems]] tables")
    if not isinstance(base, dict):
        raise UsageError(f"{where}: base must be a table, not {base!r}")
    if len(listed) < 2:
        raise UsageError(f"{where}: several problems are two at least, not {len(listed)}")
    whole = str(given.pop("name", name))
    labels = [_label(p, base, f"{where}: problems[{i}]") for i, p in enumerate(listed)]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"{where}: two problems are named '{label}'")
    studies = tuple(
        _study(given, base, p, f"{where}: on problem '{label}'", f"{whole}-{label}")
        for p, label in zip(listed, labels, strict=True)
    )
    return Problems(whole, str(given.get("question", "")), tuple(labels), studies)


def _study(
    given: dict[str, Any], base: dict[str, Any], problem: dict[str, Any], where: str, name: str
) -> Study:
    changes = [(field, value) for field, value in problem.items() if field != "name"]
    ordered = sorted(changes, key=lambda change: "." in change[0])
    return from_table({**given, "name": name, "base": merge(base, ordered)}, where, name)


def _label(problem: dict[str, Any], base: dict[str, Any], where: str) -> str:
    """Return a problem's name: as written, else its data and, where it is changed, its model."""
    if "name" in problem:
        if not isinstance(problem["name"], str) or not problem["name"]:
            raise UsageError(f"{where}: name must be a text, not {problem['name']!r}")
        return str(problem["name"])
    spec = from_plain(merge(base, [(k, v) for k, v in problem.items() if "." not in k]), where)
    words = [Path(spec.data).stem] if "data" in problem else []
    words += [spec.model.name.replace(":", ".")] if "model" in problem else []
    if not words:
        raise UsageError(f"{where}: a problem that changes neither data nor model needs a name")
    return "-".join(words)
