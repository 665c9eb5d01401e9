"""Changes of a run's plain values: what an arm alters in the base, and a trial in an arm.

Law: a later change wins over an earlier one, however either is written: an arm's own
"adam(lr=0.01)" over the base's `lr`, a trial's "optimizer.lr" over both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from steepest.part import Part, written
from steepest.spec import ALIASES, TABLES, RunSpec

SHORT = ("lr", "weight_decay")  # options of the rule that a run may write without its name
LENGTHS = {"epochs": "updates", "updates": "epochs"}  # one takes the place of the other
Changes = Sequence[tuple[str, Any]]  # (field, or part.option; plain value)


def merge(plain: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return plain run values with changes; "part.option" changes an option of a part.

    >>> merge({"learning_rate": 0.1}, [("optimizer", "sgd"), ("optimizer.lr", 1.0)])
    {'optimizer': {'name': 'sgd', 'lr': 1.0}}
    """
    merged = {word(name): value for name, value in plain.items()}
    for name, value in changes:
        part, dot, option = word(name).partition(".")
        given = {option} if dot else options(part, value)
        merged.pop(LENGTHS.get(part, ""), None)
        if part == "optimizer":
            merged = {k: v for k, v in merged.items() if k not in SHORT or k not in given}
        merged[part] = _with_option(part, merged.get(part), option, value) if dot else value
    return merged


def word(name: str) -> str:
    """Return a field's own name for one of its aliases.

    >>> word("learning-rate"), word("optimizer.wd"), word("epochs")
    ('lr', 'optimizer.weight_decay', 'epochs')
    """
    part, dot, option = name.replace("-", "_").partition(".")
    if dot:
        return f"{part}.{ALIASES.get(option, option) if part == 'optimizer' else option}"
    return ALIASES.get(part, part)


def options(part: str, value: Any) -> set[str]:
    """Return the options that a part's value writes, defaults or not."""
    if part not in TABLES or value is None:
        return set()
    return {word(f"{part}.{k}").partition(".")[2] for k, _ in _part(part, value).options}


def is_written(plain: Mapping[str, Any], name: str) -> bool:
    """Tell whether merged run values write the field or the option called `name`."""
    part, _, option = name.partition(".")
    short = part == "optimizer" and option in SHORT and option in plain
    return short or (option in options(part, plain.get(part)) if option else part in plain)


def _part(part: str, value: Any) -> Part:
    return written(part, value, TABLES[part])


def _with_option(part: str, before: Any, option: str, value: Any) -> dict[str, Any]:
    if part not in TABLES:
        return (dict(before) if isinstance(before, Mapping) else {}) | {option: value}
    start = before if before is not None else getattr(RunSpec, part)
    return _part(part, start).with_options({option: value}).plain()
