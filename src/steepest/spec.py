"""`RunSpec`: the one definition of a run, and the tables of what it may name.

A run is serialised, hashed, run, resumed and batched from its spec (its key: `identity.py`).
"""

import math
from dataclasses import dataclass, field, fields, replace
from importlib.util import find_spec
from typing import Any

from steepest import codec
from steepest.data import SOURCES, Fold
from steepest.errors import UsageError, nearest, unknown
from steepest.nn.augment import (
    Augmentation,
    build_augment,
    is_sample_function,
    parse_augment,
)
from steepest.nn.convolution import is_convolutional
from steepest.nn.loss import CrossEntropy
from steepest.nn.torch_about import is_torch_module
from steepest.nn.torch_layer import torch_arch
from steepest.nn.zoo import ARCHS
from steepest.optim import RULES, SCHEDULES
from steepest.optim.stopping import EarlyStopping
from steepest.optim.torch_rule import is_torch_optimizer, torch_rule
from steepest.part import Part, build, parse, resolve, words

TABLES: dict[str, dict[str, Any]] = {"model": ARCHS, "optimizer": RULES, "schedule": SCHEDULES}
PRECISIONS = ("float32", "float64", "bfloat16")
DEVICES = ("cpu", "cuda")
NEEDS_ENGINE = ("cuda", "bfloat16")  # what only the torch engine has
ENGINES = ("auto", "numpy", "torch")
PROBES = ("grad_norm", "update_ratio", "dead", "activations")
ALIASES = {
    "learning_rate": "lr", "wd": "weight_decay", "batch": "batch_size", "b": "batch_size",
    "validation_split": "validation", "opt": "optimizer",
}  # fmt: skip


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides a run's bits, as plain values."""

    data: str = "digits"  # a known name or a path
    target: str | None = None  # the target column of a CSV
    classes: tuple[str, ...] = ()  # a selection of the data's classes; empty: all
    model: Part = Part("mlp")
    optimizer: Part = Part("adam")
    schedule: Part = Part("constant")
    epochs: int = 20  # 0 where `updates` decides
    batch_size: int | str = 64  # or "full"
    seed: int = 0
    validation: float = 0.2  # fraction of the training examples
    examples: int | None = None  # take so many of them, drawn anew by each seed; None: all
    smoothing: float = 0.0  # of the labels
    class_weights: tuple[float, ...] = ()
    l1: float = 0.0  # penalties on all weights (not biases)
    l2: float = 0.0
    balanced: bool = False  # draw examples so that classes are equally likely
    normalize: bool | None = None  # by the training split's statistics; None: all but images
    early_stopping: EarlyStopping | None = None
    augment: tuple[Part, ...] = ()  # of training examples, in this order
    probes: tuple[str, ...] = ()  # what is measured while training; decides no bit of the run
    precision: str = "float32"
    engine: str = field(default="numpy")  # "auto" becomes the faster one for the model
    device: str = "cpu"
    updates: int | None = None  # the run ends after so many; the epochs follow, the last is partial
    fold: Fold | None = None  # the validation examples are this fold of the training examples
    outer: Fold | None = None  # this fold is held out in place of the test set
    compile: bool = False  # hand whole programs to torch.compile, on the engine torch

    def __post_init__(self) -> None:
        for name, table in TABLES.items():
            object.__setattr__(self, name, parse(name, getattr(self, name), table))
        _settle(self)
        object.__setattr__(self, "augment", parse_augment(self.augment))
        object.__setattr__(self, "probes", words(self.probes))
        _check(self)
        object.__setattr__(self, "engine", chosen_engine(self))
        _check_engine(self)

    @property
    def asks_torch(self) -> bool:
        """Tell whether model or optimizer is the user's own PyTorch class."""
        return any(asks_torch(name, getattr(self, name)) for name in ("model", "optimizer"))

    @property
    def rule(self) -> Any:
        """The update rule with its hyper-parameters."""
        return build_part("optimizer", self.optimizer)

    @property
    def rates(self) -> Any:
        """The schedule."""
        return build("schedule", self.schedule, SCHEDULES)

    @property
    def arch(self) -> Any:
        """The network's description."""
        return build_part("model", self.model)

    @property
    def loss(self) -> CrossEntropy:
        """The loss of a classification."""
        return CrossEntropy(self.smoothing, self.class_weights or None)

    @property
    def augmentations(self) -> tuple[Augmentation, ...]:
        """The augmentations of whole batches."""
        return build_augment(self.augment)

    @property
    def sample_functions(self) -> tuple[str, ...]:
        """The names of the user's own functions of single examples, applied before those."""
        return tuple(part.name for part in self.augment if is_sample_function(part))

    def plain(self) -> dict[str, Any]:
        """Return the spec as plain values, defaults left out."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if self._is_set(f)}

    def _is_set(self, f: Any) -> bool:
        if f.name == "epochs" and self.updates is not None:
            return False
        return f.name in ALWAYS or getattr(self, f.name) != f.default


def asks_torch(kind: str, part: Part) -> bool:
    """Tell whether a part is the user's own PyTorch class, which the torch engine alone runs."""
    found = resolve(kind, part.name, TABLES[kind]) if ":" in part.name else None
    return is_torch_module(found) if kind == "model" else is_torch_optimizer(found)


def chosen_engine(spec: RunSpec) -> str:
    """Return the engine of a run, "auto" resolved: it is decided before anything is hashed.

    A user's own PyTorch class has one engine alone. Convolutions are faster on torch's, all else on
    NumPy's (benchmarks/cnn.py, benchmarks/step.py); a device or bfloat16 needs torch's.
    """
    if spec.asks_torch:
        return "torch"
    if spec.engine != "auto":
        return spec.engine
    needed = spec.compile or spec.device in NEEDS_ENGINE or spec.precision in NEEDS_ENGINE
    wanted = needed or is_convolutional(spec.arch)
    return "torch" if wanted and (needed or find_spec("torch") is not None) else "numpy"


def _check_engine(spec: RunSpec) -> None:
    if spec.engine == "numpy":
        asked = {"device": spec.device, "precision": spec.precision}
        for name, value in asked.items():
            if value in NEEDS_ENGINE:
                raise UsageError(f"{name} '{value}' needs the engine torch or auto, not numpy")
    if spec.compile and (spec.engine == "numpy" or spec.asks_torch):
        raise UsageError("compile needs the engine torch or auto, and no module of one's own")


def build_part(kind: str, part: Part) -> Any:
    """Return the object a part describes: an arch, a rule or a schedule, also one of PyTorch's."""
    if kind in TORCH and asks_torch(kind, part):
        return TORCH[kind](part.name, resolve(kind, part.name, TABLES[kind]), dict(part.options))
    return build(kind, part, TABLES[kind])


TORCH: dict[str, Any] = {"model": torch_arch, "optimizer": torch_rule}
ALWAYS = ("data", "model", "optimizer", "epochs", "batch_size", "seed")  # readable records


def _settle(spec: RunSpec) -> None:
    """Give fields that others decide one value, so that one run has one key."""
    for name in ("fold", "outer"):
        if getattr(spec, name) is not None:
            object.__setattr__(spec, name, Fold.parse(getattr(spec, name)))
    if spec.fold is not None:
        object.__setattr__(spec, "validation", RunSpec.validation)
    if spec.updates is not None:
        object.__setattr__(spec, "epochs", 0)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Fold):
        return str(value)
    return value.plain() if isinstance(value, Part) else codec.plain(value)


def _check(spec: RunSpec) -> None:
    """Raise UsageError naming the first field whose value is impossible."""
    if not isinstance(spec.data, str) or not spec.data:
        raise UsageError(f"data must be a name or a path, not {spec.data!r}")
    _check_numbers(spec)
    choices = {"precision": PRECISIONS, "engine": ENGINES, "device": DEVICES}
    for name, known in choices.items():
        value = str(getattr(spec, name))
        if value not in known:
            raise UsageError(f"unknown {name} '{value}'; {nearest(value, known)}")
    for name in TABLES:
        build_part(name, getattr(spec, name))
    rule = spec.rule
    for name in ("lr", "weight_decay"):
        rate = getattr(rule, name, 0.0)
        if not 0.0 <= rate < math.inf:
            raise UsageError(f"{name} must lie in [0, inf), not {rate!r}")
    _check_lists(spec)


def _check_numbers(spec: RunSpec) -> None:
    whole = {"seed": 0, **({"epochs": 1} if spec.updates is None else {"updates": 1})}
    for name, least in whole.items():
        value = getattr(spec, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")
    some = spec.examples
    if some is not None and (isinstance(some, bool) or not isinstance(some, int) or some < 2):
        raise UsageError(f"examples must be a whole number of at least 2, not {some!r}")
    size = spec.batch_size
    if size != "full" and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise UsageError(f"batch_size must be a positive whole number or 'full', not {size!r}")
    spans = {
        "validation": (0.0, 1.0),
        "smoothing": (0.0, 1.0),
        "l1": (0.0, math.inf),
        "l2": (0.0, math.inf),
    }
    for name, (low, high) in spans.items():
        value = getattr(spec, name)
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not low <= value < high
        ):
            raise UsageError(f"{name} must lie in [{low:g}, {high:g}), not {value!r}")


def _check_lists(spec: RunSpec) -> None:
    build_augment(spec.augment)
    for weight in spec.class_weights:
        if not isinstance(weight, (int, float)) or not 0.0 <= weight < math.inf:
            raise UsageError(f"class_weights must lie in [0, inf), not {weight!r}")
    for name in spec.probes:
        if name not in PROBES:
            raise unknown("probe", str(name), PROBES)


def from_plain(values: dict[str, Any], where: str = "run") -> RunSpec:
    """Return the spec of plain values (TOML, JSON, flags); UsageError for an unknown key."""
    known = [f.name for f in fields(RunSpec)]
    given: dict[str, Any] = {}
    for key, value in values.items():
        name = ALIASES.get(key.replace("-", "_"), key.replace("-", "_"))
        if name in ("lr", "weight_decay"):
            given.setdefault("_rule", {})[name] = value
        elif name not in known:
            raise UsageError(
                f"{where}: unknown key '{key}'; {nearest(key, [*known, 'lr', 'weight_decay'])}"
            )
        else:
            given[name] = _typed(name, value, where)
    if "epochs" in given and given.get("updates") is not None:
        raise UsageError(f"{where}: give epochs or updates, not both: one follows from the other")
    rule = given.pop("_rule", {})
    try:
        spec = RunSpec(**given)
        return with_options(spec, "optimizer", rule) if rule else spec
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _typed(name: str, value: Any, where: str) -> Any:
    if name in ("classes", "class_weights"):
        if not isinstance(value, (list, tuple)):
            raise UsageError(f"{where}: {name} must be a list, not {value!r}")
        return tuple(value)
    if name == "early_stopping" and isinstance(value, bool):
        return EarlyStopping() if value else None
    if name == "early_stopping" and isinstance(value, dict):
        known = [f.name for f in fields(EarlyStopping)]
        for key in value:
            if key not in known:
                raise UsageError(
                    f"{where}: unknown key 'early_stopping.{key}'; {nearest(key, known)}"
                )
        return EarlyStopping(**value)
    return value


def with_options(spec: RunSpec, name: str, options: dict[str, Any]) -> RunSpec:
    """Return the spec with options of one part (model, optimizer, schedule) set."""
    part: Part = getattr(spec, name)
    changed: Any = {name: part.with_options(options)}
    return replace(spec, **changed)


def known_data(name: str) -> bool:
    """Tell whether `name` is a data set of the tables (else it is a path)."""
    return name in SOURCES
