"""What `fit` is given, turned into a spec, a data set and a split."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from steepest.data import Dataset, from_arrays
from steepest.errors import DataError, UsageError, unknown
from steepest.nn.arch import Arch
from steepest.nn.description import to_text
from steepest.nn.torch_about import given_name, is_torch_instance, is_torch_module
from steepest.nn.zoo import ARCHS
from steepest.optim import RULES, SCHEDULES
from steepest.part import Part, parse
from steepest.spec import RunSpec
from steepest.train.callback import LearningRateScheduler
from steepest.train.partition import Split


def model_part(arch: Any) -> Part:
    """Return the spec's part for an arch, a layer or a name."""
    if isinstance(arch, (str, Part)):
        return parse("model", arch, ARCHS)
    if is_torch_instance(arch):
        return Part(given_name(arch))
    if is_torch_module(arch):
        return parse("model", arch, ARCHS)
    if not callable(arch) and not isinstance(arch, Arch):
        raise UsageError(f"a model is made of an Arch, a layer or a name, not {arch!r}")
    return Part("described", (("text", to_text(arch)),))


def rule_part(optimizer: Any) -> Any:
    """Return the spec's part for a rule, or the name or part as it was given."""
    if isinstance(optimizer, (str, Part, dict)):
        return optimizer
    if isinstance(optimizer, type):
        return parse("optimizer", optimizer, RULES)
    return part_of("optimizer", optimizer, RULES)


def part_of(kind: str, instance: Any, table: dict[str, Any]) -> Part:
    """Return the part for an instance of a table's dataclass, or of the user's own."""
    if not is_dataclass(instance) or isinstance(instance, type):
        raise unknown(kind, str(instance), table)
    own = type(instance)
    names = [name for name, known in table.items() if known is own]
    name = names[0] if names else f"{own.__module__}:{own.__qualname__}"
    options = {f.name: getattr(instance, f.name) for f in fields(instance)}
    return parse(kind, Part(name).with_options(options), table)


def scheduled(spec: RunSpec, schedule: Any, callbacks: Sequence[Any]) -> RunSpec:
    """Return the spec with a schedule given directly or by a LearningRateScheduler."""
    tables = [
        c.table(spec.rule.lr, spec.epochs)
        for c in callbacks
        if isinstance(c, LearningRateScheduler)
    ]
    if tables and schedule is not None:
        raise UsageError("give either a schedule or a LearningRateScheduler, not both")
    chosen = tables[0] if tables else schedule
    if chosen is None:
        return spec
    if isinstance(chosen, dict) and "name" not in chosen:
        chosen = LearningRateScheduler(chosen).table(spec.rule.lr, spec.epochs)
    if isinstance(chosen, (str, Part, dict)):
        return replace(spec, schedule=parse("schedule", chosen, SCHEDULES))
    return replace(spec, schedule=part_of("schedule", chosen, SCHEDULES))


def arrays(x: Any, y: Any, validation: tuple[Any, Any] | None) -> tuple[Dataset, Split | None]:
    """Return one data set of training and validation rows, and the split if it was given."""
    rows, targets = np.asarray(x), np.asarray(y)
    none = (rows[:0], targets[:0])
    if validation is None or len(validation[0]) == 0:
        return from_arrays("arrays", rows, targets, test=none), None
    held, wanted = np.asarray(validation[0]), np.asarray(validation[1])
    if held.shape[1:] != rows.shape[1:]:
        raise DataError(f"validation_data has shape {held.shape[1:]}, x has {rows.shape[1:]}")
    both = np.concatenate([rows, held]), np.concatenate([targets, wanted])
    split = Split(np.arange(len(rows))[None], np.arange(len(rows), len(both[0]))[None])
    return from_arrays("arrays", *both, test=none), split
