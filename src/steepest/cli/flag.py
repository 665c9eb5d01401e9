"""Flags of a run: the words of `RunSpec`, read into one.

What is not given keeps the spec's default, and every mistake is the spec's sentence about it.
Values are texts here and become Python literals on the way, so that flags, TOML and Python agree.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from steepest.errors import UsageError, nearest

if TYPE_CHECKING:
    from steepest.spec import RunSpec

PARTS = ("model", "optimizer", "schedule")
WORDS = {"true": True, "false": False, "none": None}
TEXTS = (
    "data",
    "target",
    "monitor",
    "augment",
    "probes",
    "fold",
    "outer",
    "precision",
    "engine",
    "device",
)  # never read as literals
RUN = Group("Run", sort_key=1)
STOPPING = ("patience", "min_delta", "monitor")
Texts = Annotated[tuple[str, ...], Parameter(negative=())]
Options = Annotated[  # "part.name=value", which `undotted` makes of --part.name value
    tuple[str, ...], Parameter(show=False, allow_leading_hyphen=True, negative=())
]


@Parameter(name="*", group=RUN)
@dataclass(frozen=True, kw_only=True)
class RunFlags:
    """What decides a run, as it was typed; None: not given."""

    data: str | None = None
    "Data set (`steepest data list`), or a .npz, a .csv or a folder of class folders [digits]."
    target: str | None = None
    "Target column of a CSV file [the last]."
    classes: Texts | None = None
    "Classes to take, by name or number: 3,5."
    model: str | None = None
    "Model (`steepest list models`), with options by dot: --model.hidden 256,128 [mlp]."
    optimizer: str | None = None
    "Optimizer (`steepest list optimizers`): adam, or 'adam(lr=0.01)', or --optimizer.beta1 0.9."
    schedule: str | None = None
    "Learning-rate schedule (`steepest list schedules`): cosine, or 'step(every=5)' [constant]."
    epochs: str | None = None
    "Passes over the training examples."
    updates: str | None = None
    "Updates after which the run ends, also within an epoch; in place of --epochs."
    fold: str | None = None
    "Validate on this fold of the training examples: 2/5, or 2/5@1 for the next deal."
    batch_size: Annotated[str | None, Parameter(name=("--batch-size", "-b"))] = None
    "Examples in a step, or 'full' [64]."
    learning_rate: Annotated[str | None, Parameter(name=("--learning-rate", "--lr"))] = None
    "Learning rate [the optimizer's]."
    weight_decay: Annotated[str | None, Parameter(name=("--weight-decay", "--wd"))] = None
    "Weight decay of the optimizer [0]."
    seed: str | None = None
    "Seed of everything random [0]."
    validation: Annotated[str | None, Parameter(name=("--validation", "--validation-split"))] = None
    "Fraction of the training examples held out for validation [0.2]."
    examples: str | None = None
    "Take so many of the training examples, drawn by the seed [all]."
    outer: str | None = None
    "Hold this fold out in place of the test set: 1/5."
    smoothing: str | None = None
    "Label smoothing [0]."
    class_weights: Texts | None = None
    "Weight of each class in the loss: 1,1,2."
    l1: str | None = None
    "L1 penalty on all weights [0]."
    l2: str | None = None
    "L2 penalty on all weights [0]."
    balanced: bool | None = None
    "Draw examples so that classes are equally likely."
    normalize: bool | None = None
    "Centre and scale inputs by the training examples [all but images]."
    augment: str | None = None
    "Augmentations of the training examples, in order: 'crop(padding=2),flip' [none]."
    probes: str | None = None
    "What else to measure while training: grad_norm,dead [nothing]."
    patience: str | None = None
    "Stop early: epochs without improvement to wait for."
    min_delta: str | None = None
    "Stop early: the least change that counts as improvement [0.001]."
    monitor: str | None = None
    "Stop early: the metric to watch [val_loss]."
    precision: str | None = None
    "float32, float64, or on the engine torch bfloat16 [float32]."
    engine: str | None = None
    "numpy, torch, or auto: the faster one for the model [numpy]."
    device: str | None = None
    "cpu or cuda, on the engine torch [cpu]."
    compile: bool | None = None
    "Hand whole programs to torch.compile, on the engine torch."
    option: Annotated[
        tuple[str, ...], Parameter(show=False, allow_leading_hyphen=True, negative=())
    ] = ()


def undotted(tokens: Sequence[str]) -> list[str]:
    """Return tokens with `--part.name value` written as `--option part.name=value`.

    >>> undotted(["--optimizer.beta1", "0.8", "--lr=1"])
    ['--option', 'optimizer.beta1=0.8', '--lr=1']
    """
    found: list[str] = []
    rest = iter(tokens)
    for token in rest:
        name, equals, value = token.partition("=")
        part, dot, _ = name.partition(".")
        if token == "--":  # noqa: S105 - no secret: what follows is no flag
            return [*found, token, *rest]
        if not (dot and part.startswith("--") and part[2:].isidentifier()):
            found.append(token)
            continue
        if part[2:] not in PARTS:
            raise UsageError(f"unknown flag '{name}'; {nearest(part, [f'--{p}' for p in PARTS])}")
        if not equals:
            value = next(rest, "")
            if not value or value.startswith("--"):
                raise UsageError(f"flag {name} needs a value")
        found += ["--option", f"{name[2:]}={value}"]
    return found


def literal(text: str) -> Any:
    """Return a flag's value as a Python literal, or the text itself.

    >>> literal("256,128"), literal("1e-3"), literal("relu"), literal("true")
    ((256, 128), 0.001, 'relu', True)
    """
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def read_spec(flags: RunFlags | None, **defaults: Any) -> "RunSpec":
    """Return the spec of the flags; `defaults` are a command's own, where it has any.

    Raises UsageError, one sentence, for an unknown name or an impossible value.
    """
    from steepest.spec import from_plain

    given = plain(flags or RunFlags())
    if "updates" in given:
        defaults.pop("epochs", None)
    values = defaults | given
    try:
        return from_plain(values, "flags")
    except UsageError as error:
        raise UsageError(str(error).removeprefix("flags: ")) from None


def plain(flags: RunFlags) -> dict[str, Any]:
    """Return what was given, as the plain values that `spec.from_plain` takes."""
    given = {f.name: getattr(flags, f.name) for f in fields(flags) if f.name != "option"}
    values = {k: _value(k, v) for k, v in given.items() if v is not None}
    stopping = {k: values.pop(k) for k in STOPPING if k in values}
    if stopping:
        if "patience" not in stopping:
            raise UsageError(f"--{next(iter(stopping))} belongs to early stopping: add --patience")
        values["early_stopping"] = _checked(stopping)
    for part, options in _options(flags.option).items():
        values[part] = _part(part, values.get(part), options)
    return values


def _value(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        pieces = [piece.strip() for text in value for piece in text.split(",")]
        return [p if name == "classes" else literal(p) for p in pieces if p]
    if not isinstance(value, str) or name in (*TEXTS, *PARTS):
        return value
    return literal(value)


def _checked(stopping: dict[str, Any]) -> dict[str, Any]:
    patience, delta = stopping["patience"], stopping.get("min_delta", 0.0)
    if not isinstance(patience, int) or isinstance(patience, bool) or patience < 1:
        raise UsageError(f"patience must be a whole number of at least 1, not {patience!r}")
    if not isinstance(delta, (int, float)) or isinstance(delta, bool) or not delta >= 0:
        raise UsageError(f"min_delta must be a number of at least 0, not {delta!r}")
    return stopping


def _options(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return part -> option -> value."""
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        path, _, value = text.partition("=")
        part, _, name = path.partition(".")
        found.setdefault(part, {})[name.replace("-", "_")] = literal(value)
    return found


def _part(kind: str, given: str | None, options: dict[str, Any]) -> Any:
    """Return the part with dotted options set, on the spec's default where none is named."""
    from steepest.part import parameters, parse, resolve
    from steepest.spec import ALIASES, TABLES, RunSpec

    part = parse(kind, given or getattr(RunSpec, kind), TABLES[kind])
    if kind == "optimizer":
        options = {ALIASES.get(k, k): v for k, v in options.items()}
    known = parameters(kind, resolve(kind, part.name, TABLES[kind]))
    lists = [k for k, v in options.items() if isinstance(known.get(k), tuple)]
    alone = {k: (options[k],) for k in lists if not isinstance(options[k], (list, tuple))}
    return part.with_options(options | alone)  # --model.hidden 256 is a list of one
