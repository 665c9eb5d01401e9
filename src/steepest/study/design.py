"""A `Study`: a question with its experiment, as frozen plain values.

Read from TOML, from `compare`'s flags, or made in Python. Arms differ in the scientific factor; the
ranges of an arm are its nuisance hyper-parameters, tuned with the same budget in every arm.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from steepest import codec
from steepest.errors import UsageError, nearest
from steepest.spec import RunSpec, from_plain
from steepest.study.space import Range, Values, default_space, draw, parse_space

METRICS = ("accuracy", "loss", "f1", "precision", "recall")
SCORES = ("last", "best")
FRESH = 1_000  # seeds of tuning k begin at FRESH * (k + 1): never those of the final runs


@dataclass(frozen=True)
class Arm:
    """One setting being compared: changes of the base run, and the ranges tuned for it."""

    name: str
    changes: tuple[tuple[str, Any], ...] = ()  # (field of the run, plain value)
    space: tuple[Range, ...] = ()
    reported: tuple[tuple[str, Any], ...] = ()  # what a source published for it, if anything


@dataclass(frozen=True)
class Study:
    """A question with its experiment."""

    name: str
    question: str
    base: tuple[tuple[str, Any], ...]  # fields of the run all arms share
    arms: tuple[Arm, ...]
    trials: int = 5  # tuning trials per arm; 0: the arms as they stand
    seeds: int = 10  # fresh, paired seeds per selected cell
    tunings: int = 1  # independent repetitions of tuning and evaluation
    metric: str = "accuracy"
    target: float | None = None  # validation metric that counts as reached
    reference: str | None = None
    margin: float = 0.005  # differences within ± this are equivalent
    score: str = "last"  # which weights are scored: the last epoch's or the best validation epoch's
    widen: bool = False
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        _check(self)

    @property
    def lower_is_better(self) -> bool:
        """Tell whether a smaller metric is a better one."""
        return self.metric == "loss"

    def spec(self, arm: Arm, values: Values, seed: int) -> RunSpec:
        """Return the run of an arm with its nuisance hyper-parameters and seed set."""
        plain = merge(merge(dict(self.base), arm.changes), values) | {"seed": seed}
        return from_plain(plain, f"arm '{arm.name}'")

    def cells(self, arm: Arm, tuning: int) -> list[Values]:
        """Return the trials of an arm in one tuning."""
        return draw(arm.space, self.trials, tuning)

    def tuning_seed(self, tuning: int) -> int:
        """Return the seed all trials of a tuning share."""
        return FRESH * (tuning + 1)

    def final_seeds(self, tuning: int) -> list[int]:
        """Return the fresh seeds of a tuning's selected cells, the same for every arm."""
        return list(range(tuning * self.seeds, (tuning + 1) * self.seeds))

    def arm(self, name: str) -> Arm:
        """Return an arm by name."""
        return next(a for a in self.arms if a.name == name)

    def plain(self) -> dict[str, Any]:
        """Return the study as plain values, defaults left out."""
        found: dict[str, Any] = codec.plain(self)
        return found | {"base": codec.plain(dict(self.base))}

    @property
    def digest(self) -> str:
        """SHA-256 of the study without its name and wording."""
        plain = {k: v for k, v in self.plain().items() if k not in ("name", "question", "notes")}
        return codec.digest(plain)


def merge(plain: dict[str, Any], changes: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return plain run values with changes; "part.option" changes an option of a part."""
    merged = dict(plain)
    for name, value in changes:
        part, _, option = name.partition(".")
        if not option:
            merged[name] = value
            continue
        before = merged.get(
            part, {"model": "mlp", "optimizer": "adam", "schedule": "constant"}.get(part)
        )
        text = {"name": before} if isinstance(before, str) else dict(before or {})
        if "(" in str(text.get("name", "")):
            text = from_plain({part: before}).plain()[part]
        merged[part] = text | {option: value}
    return merged


def _check(study: Study) -> None:
    _check_values(study)
    names = [a.name for a in study.arms]
    if len(names) < 2:
        raise UsageError(f"a study compares two arms at least, not {len(names)}")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two arms are named '{name}'")
    if study.reference is not None and study.reference not in names:
        hint = nearest(study.reference, names)
        raise UsageError(f"reference: no arm '{study.reference}'; {hint}")
    for arm in study.arms:  # every cell must be a possible run
        for values in study.cells(arm, 0):
            study.spec(arm, values, 0)


def _check_values(study: Study) -> None:
    for name, least in (("trials", 0), ("seeds", 1), ("tunings", 1)):
        value = getattr(study, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")
    for name, known in (("metric", METRICS), ("score", SCORES)):
        value = str(getattr(study, name))
        if value not in known:
            raise UsageError(f"unknown {name} '{value}'; {nearest(value, known)}")
    if not isinstance(study.margin, (int, float)) or study.margin < 0:
        raise UsageError(f"margin must be a number of at least 0, not {study.margin!r}")


def from_table(table: Mapping[str, Any], where: str, name: str) -> Study:
    """Return the study a TOML table describes; UsageError names file, key and the nearest name."""
    given = dict(table)
    base = _take_table(given, "base", where)
    arms = given.pop("arms", None)
    if not isinstance(arms, list) or not all(isinstance(a, dict) for a in arms):
        raise UsageError(f"{where}: arms must be written as [[arms]] tables")
    known = [f.name for f in fields(Study)]
    for key in given:
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
    trials = given.get("trials", 5)
    if isinstance(trials, bool) or not isinstance(trials, int):
        raise UsageError(f"{where}: trials must be a whole number of at least 0, not {trials!r}")
    from_plain(base, f"{where}: base")
    made = tuple(_arm(a, base, trials, f"{where}: arms[{i}]") for i, a in enumerate(arms))
    given["notes"] = tuple(given.get("notes", ()))
    try:
        whole = {"name": name, "question": "", **given}
        return Study(**whole, base=tuple(sorted(base.items())), arms=made)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _take_table(given: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    found = given.pop(key, {})
    if not isinstance(found, dict):
        raise UsageError(f"{where}: {key} must be a table")
    return found


def _arm(table: dict[str, Any], base: dict[str, Any], trials: int, where: str) -> Arm:
    changes = dict(table)
    name = changes.pop("name", None)
    space = changes.pop("space", None)
    reported = _take_table(changes, "reported", where)
    if space is not None and not isinstance(space, dict):
        raise UsageError(f"{where}: space must be a table")
    spec = from_plain(merge(base, tuple(changes.items())), where)
    label = str(name) if name is not None else spec.optimizer.name
    return make_arm(label, tuple(changes.items()), spec, trials, space, where, reported)


def make_arm(  # noqa: PLR0913, PLR0917 - one value per field of an arm, and where it was written
    name: str,
    changes: tuple[tuple[str, Any], ...],
    spec: RunSpec,
    trials: int,
    space: Mapping[str, Any] | None,
    where: str,
    reported: Mapping[str, Any] | None = None,
) -> Arm:
    """Return an arm with its space: given, or the rule's own unless its lr is fixed by the arm."""
    if space is not None:
        ranges = parse_space(space, f"{where}.space") if trials else ()
    elif "lr" in dict(spec.optimizer.options) and _fixes_rate(changes):
        ranges = ()
    else:
        ranges = default_space(spec.optimizer.name, trials)
    return Arm(name, changes, ranges, tuple((reported or {}).items()))


def _fixes_rate(changes: tuple[tuple[str, Any], ...]) -> bool:
    return any(name in ("lr", "learning_rate", "optimizer.lr", "optimizer") for name, _ in changes)


def read_study(path: str | Path) -> Study:
    """Return the study in a TOML file; UsageError for a file that cannot be read or understood."""
    file = Path(path)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        others = [p.name for p in file.parent.glob("*.toml")] if file.parent.is_dir() else []
        hint = f"; {nearest(file.name, others)}" if others else ""
        raise UsageError(f"there is no study file '{path}'{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    return from_table(table, str(path), file.stem)


def from_arms(
    texts: Sequence[str], base: Mapping[str, Any], name: str, question: str, **options: Any
) -> Study:
    """Return the study of `compare`: arms written as rules, or as field=value.

    >>> study = from_arms(["sgd", "adam(lr=0.01)"], {"data": "digits"}, "c", "?", trials=3)
    >>> [(a.name, len(a.space)) for a in study.arms]
    [('sgd', 1), ('adam(lr=0.01)', 0)]
    """
    trials = options.get("trials", 5)
    arms = []
    for text in texts:
        changes = _changes(text)
        spec = from_plain(merge(dict(base), changes), f"arm '{text}'")
        arms.append(make_arm(text, changes, spec, trials, None, f"arm '{text}'"))
    plain = tuple(sorted(dict(base).items()))
    return Study(name=name, question=question, base=plain, arms=tuple(arms), **options)


def _changes(text: str) -> tuple[tuple[str, Any], ...]:
    """Return what an arm's text changes: "adam(lr=0.1)", or "model=mlp(dropout=0.5)"."""
    head, sign, value = text.partition("=")
    if not sign or "(" in head:
        return (("optimizer", text),)
    import ast

    try:
        return ((head.strip(), ast.literal_eval(value)),)
    except (ValueError, SyntaxError):
        return ((head.strip(), value.strip()),)
