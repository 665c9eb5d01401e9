"""Factors of a study: their combinations as arms, each an arm like any other.

`[factors]` names fields of the run (or options of its parts) and the values to try; the first value
of each is its base. All combinations become arms, or with `ablation = "one-in"` the base and one
change of it at a time, with "one-out" everything and one thing less at a time. Every arm is tuned
by the same budget, so that a level is judged at hyper-parameters that suit it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from steepest.errors import UsageError, nearest
from steepest.part import Part, written
from steepest.spec import TABLES
from steepest.study.change import Changes, word
from steepest.study.design import Arm, arms_of, own_space
from steepest.study.space import Range

ABLATIONS = ("one-in", "one-out")
Level = tuple[str, Any]  # (label, plain value)


def expand(
    factors: Mapping[str, Any], ablation: Any = None, where: str = "factors"
) -> list[dict[str, Any]]:
    """Return the arms of a table of factors, written as tables of a study file; base first.

    >>> arms = expand({"model.dropout": [0.0, 0.5], "early_stopping": [False, {"patience": 5}]})
    >>> [arm["name"] for arm in arms][:3]
    ['dropout 0, early stopping off', 'dropout 0, early stopping patience 5', 'dropout 0.5, early stopping off']
    >>> [a["name"] for a in expand({"l2": [0, 0.1], "optimizer": ["sgd", "adam"]}, "one-in")]
    ['l2 0, sgd', 'l2 0.1, sgd', 'l2 0, adam']
    """  # noqa: E501 - a doctest's output stands in one line
    if ablation is not None and ablation not in ABLATIONS:
        raise UsageError(
            f"{where}: unknown ablation '{ablation}'; {nearest(str(ablation), ABLATIONS)}"
        )
    if ablation is not None and not factors:
        raise UsageError(f"{where}: ablation = '{ablation}' needs a table [factors]")
    words = [word(name) for name in factors]
    if twice := next((name for name in words if words.count(name) > 1), None):
        raise UsageError(f"{where}: the factor '{twice}' is there twice, under two names")
    names = factor_names(list(factors))
    levels = [_levels(word(name), given, where) for name, given in factors.items()]
    cells = _cells(levels, ablation, where) if levels else []
    return [_arm(names, cell) for cell in cells]


def crossed(
    factors: Mapping[str, Any],
    ablation: Any,
    texts: Sequence[str],
    base: Mapping[str, Any],
    trials: int,
) -> tuple[Arm, ...]:
    """Return the arms of factors, tuned as their rules usually are, then the arms of texts."""
    arms = []
    for table in expand(factors, ablation):
        name, levels = table.pop("name"), tuple(table.pop("levels").items())
        changes = tuple(table.items())
        space = own_space(base, changes, trials, f"arm '{name}'")
        arms.append(Arm(name, changes, space, levels=levels))
    return (*arms, *arms_of(texts, base, trials))


def _arm(names: Mapping[str, str], cell: Sequence[Level]) -> dict[str, Any]:
    """Return an arm's table: whole parts come before options of them."""
    labels = {name: label for name, (label, _) in zip(names.values(), cell, strict=True)}
    changes = [(field, value) for field, (_, value) in zip(names, cell, strict=True)]
    ordered = sorted(changes, key=lambda change: "." in change[0])
    name = ", ".join(spoken(factor, label) for factor, label in labels.items())
    return {"name": name, "levels": labels, **dict(ordered)}


def _cells(levels: Sequence[Sequence[Level]], ablation: Any, where: str) -> list[tuple[Level, ...]]:
    if ablation is None:
        return list(product(*levels))
    if ablation == "one-out" and any(len(given) != 2 for given in levels):
        raise UsageError(f"{where}: ablation 'one-out' needs two levels a factor: without, with")
    start = tuple(given[-1 if ablation == "one-out" else 0] for given in levels)
    others = [given[:1] if ablation == "one-out" else given[1:] for given in levels]
    return [start, *((*start[:i], new, *start[i + 1 :]) for i, g in enumerate(others) for new in g)]


def factor_names(factors: Iterable[str]) -> dict[str, str]:
    """Return field -> factor: its last word, or all of it where two would be called the same.

    >>> factor_names(["model.dropout", "batch"])
    {'model.dropout': 'dropout', 'batch_size': 'batch size'}
    """
    fields = [word(name) for name in factors]
    short = [field.rpartition(".")[2].replace("_", " ") for field in fields]
    return {
        field: name if short.count(name) == 1 else field
        for field, name in zip(fields, short, strict=True)
    }


def _levels(field: str, given: Any, where: str) -> list[Level]:
    if not isinstance(given, (list, tuple)) or len(given) < 2:
        raise UsageError(f"{where}: factors.{field} must be a list of two levels or more")
    found = [(label_of(field, value), value) for value in given]
    labels = [label for label, _ in found]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"{where}: factors.{field} has the level {label} twice")
    return found


def label_of(field: str, value: Any) -> str:
    """Return a level as a reader sees it.

    >>> [label_of("model.dropout", v) for v in (0.0, 0.25, True, None, "batch")]
    ['0', '0.25', 'on', 'off', 'batch']
    >>> label_of("model.hidden", [256, 128]), label_of("augment", ["crop", "flip"])
    ('256-128', 'crop+flip')
    >>> label_of("early_stopping", {"patience": 5}), label_of("model", {"name": "mlp", "act": "relu"})
    ('patience 5', 'mlp(act=relu)')
    """  # noqa: E501 - see above
    if isinstance(value, bool) or value is None:
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, Part) or (isinstance(value, Mapping) and "name" in value):
        return str(written(field, value, TABLES.get(field, {})))
    if isinstance(value, Mapping):
        return ", ".join(f"{k.replace('_', ' ')} {label_of(k, v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        words = [label_of(field, v) for v in value]
        numbers = all(isinstance(v, (int, float)) for v in value)
        return ("-" if numbers else "+").join(words) or "none"
    return str(value)


def spoken(factor: str, label: str) -> str:
    """Return a level with its factor, where it needs one.

    >>> spoken("dropout", "0.5"), spoken("optimizer", "adam")
    ('dropout 0.5', 'adam')
    """
    return label if factor in TABLES else f"{factor} {label}"


def check_levels(
    levels: Sequence[tuple[str, str]], changes: Changes, space: Sequence[Range], where: str
) -> None:
    """Raise UsageError where an arm of a factorial tunes what its level sets."""
    if not levels:
        return
    fixed = {_option(name) for name, _ in changes}
    for one in space:
        if _option(one.name) in fixed:
            raise UsageError(
                f"{where}: '{one.name}' is a factor and cannot be tuned as well; leave it out of "
                "the space"
            )


def _option(name: str) -> str:
    """Return a field's or option's one name: the rate may be written in two ways."""
    found = word(name)
    return f"optimizer.{found}" if found in ("lr", "weight_decay") else found
