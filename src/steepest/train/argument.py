"""What `fit` is given, turned into a spec, a data set and a split."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from steepest.data import Dataset, from_arrays
from steepest.errors import DataError, UsageError, nearest, unknown
from steepest.nn.arch import Arch
from steepest.nn.description import to_text
from steepest.nn.torch_about import given_name, is_torch_instance, is_torch_module
from steepest.nn.zoo import ARCHS
from steepest.optim import RULES, SCHEDULES
from steepest.part import Part, parse
from steepest.spec import ALIASES, RunSpec
from steepest.train.callback import EarlyStopping, LearningRateScheduler, ModelCheckpoint
from steepest.train.partition import Split

NONE = (np.empty(0), np.empty(0))  # no test set
ELSEWHERE = {  # fields of a run that `fit` is given in another way, or that mean nothing there
    "data": "x and y are the data", "target": "y holds the targets",
    "classes": "x and y are the data, choose their rows", "model": "it is given to Model",
    "seed": "it is given to Model", "precision": "it is given to Model",
    "validation": "it is called validation_split",
    "early_stopping": "it is a callback, callbacks=[EarlyStopping(patience=5)]",
    "outer": "there is no test set to hold out",
}  # fmt: skip
OURS = (EarlyStopping, LearningRateScheduler, ModelCheckpoint)
CALLED = ("on_epoch_end", "on_train_begin", "on_train_end")


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


def rule_part(optimizer: Any, options: Mapping[str, Any]) -> Part:
    """Return the spec's part for a rule by name, part, class or instance.

    Of the further `options` of `fit` it takes lr (learning_rate) and weight_decay.
    """
    if isinstance(optimizer, (str, Part, dict, type)):
        part = parse("optimizer", optimizer, RULES)
    else:
        part = part_of("optimizer", optimizer, RULES)
    own = {ALIASES.get(name, name): value for name, value in options.items() if _is_rules(name)}
    return part.with_options(own)


def _is_rules(name: str) -> bool:
    return ALIASES.get(name, name) in ("lr", "weight_decay")


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
    if len(tables) > 1:
        raise UsageError("give one LearningRateScheduler, not several")
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


def options_of(given: Mapping[str, Any], classes: Sequence[str], held: bool) -> dict[str, Any]:
    """Return the further options of `fit`, checked by name; weights of classes may be a mapping.

    `held` tells that the validation examples were given apart.
    """
    given = {name: value for name, value in given.items() if not _is_rules(name)}
    known = [f.name for f in fields(RunSpec) if f.name not in ELSEWHERE]
    for name in given:
        if name in ELSEWHERE:
            raise UsageError(f"fit takes no {name}: {ELSEWHERE[name]}")
        if name not in known:
            names = [*known, "lr", "weight_decay"]
            raise UsageError(f"fit: unknown option '{name}'; {nearest(name, names)}")
        if held and name in {"fold", "examples"}:
            raise UsageError(f"give either {name} or validation_data, not both")
    weights = given.get("class_weights")
    if weights is None:
        return dict(given)
    if isinstance(weights, Mapping):
        strange = [key for key in weights if key not in range(len(classes))]
        if strange:
            raise UsageError(f"class_weights: {strange[0]!r} is not one of 0..{len(classes) - 1}")
        weights = [weights.get(k, 1.0) for k in range(len(classes))]
    return {**given, "class_weights": tuple(float(weight) for weight in weights)}


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Raise UsageError for a callback that would never be called."""
    for callback in callbacks:
        if isinstance(callback, OURS) or any(hasattr(callback, name) for name in CALLED):
            continue
        raise UsageError(f"callback {callback!r} has none of {', '.join(CALLED)}")


def arrays(
    x: Any, y: Any, validation: tuple[Any, Any] | None, classes: Sequence[str] = ()
) -> tuple[Dataset, Split | None]:
    """Return one data set of training and validation rows, and the split if it was given.

    `classes` are the names that labels are held against; none: those that are there.
    """
    dataset = from_arrays("arrays", x, y, test=NONE, classes=classes or None)
    if validation is not None and len(validation) != 2:
        raise UsageError("validation_data is a pair, (x, y)")
    if validation is None or len(validation[0]) == 0:
        return dataset, None
    held = _held(validation, dataset, is_named=np.asarray(y).dtype.kind == "U")
    both = np.concatenate([dataset.x, held.x]), np.concatenate([dataset.y, held.y])
    split = Split(np.arange(dataset.n)[None], np.arange(dataset.n, len(both[0]))[None])
    names = max(dataset.classes, held.classes, key=len)
    return from_arrays("arrays", *both, test=NONE, classes=names or None), split


def classes_of(about: Mapping[str, Any], y: Any) -> tuple[str, ...]:
    """Return the classes of a model that is fitted again, where these labels are of their kind."""
    classes = tuple(about.get("classes", ()))
    if not classes:
        return ()
    kind, numbered = np.asarray(y).dtype.kind, classes == tuple(map(str, range(len(classes))))
    return classes if kind == "U" or (numbered and kind in "bui") else ()


def check_refit(about: Mapping[str, Any], dataset: Dataset) -> None:
    """Raise UsageError unless a model of this description can go on with these examples."""
    width = len(dataset.classes) or dataset.y.shape[1]
    if about and (tuple(about["shape"]), about["width"]) != (dataset.shape, width):
        raise UsageError(
            f"the model was fitted on examples of shape {tuple(about['shape'])} with "
            f"{about['width']} outputs, these have {dataset.shape} and {width}: make a new Model"
        )


def as_fitted(x: Any, y: Any, about: Mapping[str, Any]) -> Dataset:
    """Return examples with targets of the kind that a model of this description was fitted on."""
    if about["targets"] == "int":
        return from_arrays("arrays", x, y, test=NONE, classes=about["classes"])
    values = np.asarray(y)
    whole = values.dtype.kind in "bui"
    dataset = from_arrays("arrays", x, values.astype(np.float32) if whole else y, test=NONE)
    if dataset.classes or dataset.y.shape[1] != about["width"]:
        found = "labels" if dataset.classes else f"{dataset.y.shape[1]} numbers"
        raise DataError(
            f"y has {found} an example, but the model predicts {about['width']} numbers"
        )
    return dataset


def _held(validation: tuple[Any, Any], dataset: Dataset, is_named: bool) -> Dataset:
    """Return the validation examples, of the same kind as those for training."""
    where = "validation_data"
    if is_named != (np.asarray(validation[1]).dtype.kind == "U"):
        raise DataError(f"{where} and y have labels of different kinds: names and numbers")
    try:
        held = from_arrays(
            where, *validation, test=NONE, classes=dataset.classes if is_named else None
        )
    except DataError as fault:
        raise DataError(f"{where}: {fault}") from None
    pairs = (("x", dataset.x, held.x), ("y", dataset.y, held.y))
    for name, ours, theirs in pairs:
        if ours.dtype != theirs.dtype or ours.shape[1:] != theirs.shape[1:]:
            raise DataError(
                f"{where} has {name} of {theirs.dtype} {theirs.shape[1:] or ''} an example, {name} "
                f"itself {ours.dtype} {ours.shape[1:] or ''}"
            )
    return held
