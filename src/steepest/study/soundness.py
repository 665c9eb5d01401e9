"""What is impossible about a study, in one sentence each."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from steepest.errors import UsageError, nearest
from steepest.study.claim import check_claims, check_reported, check_share
from steepest.study.space import alone

if TYPE_CHECKING:
    from steepest.study.design import Arm, Study

METRICS = ("accuracy", "loss", "f1", "precision", "recall")
SCORES = ("last", "best")
COUNTS = {"trials": 0, "seeds": 1, "tunings": 1, "together": 1, "repeats": 1}  # at least
TUNING_SEED = 1_000_000  # of the first tuning, the next ones follow; final runs have smaller seeds


def check_study(study: "Study") -> None:
    """Raise UsageError for the first thing that is impossible about the study."""
    _check_values(study)
    _check_counts(study)
    names = [a.name for a in study.arms]
    if len(names) < 2:
        raise UsageError(f"a study compares two arms at least, not {len(names)}")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two arms are named '{name}'")
    if study.reference is not None and study.reference not in names:
        hint = nearest(study.reference, names)
        raise UsageError(f"reference: no arm '{study.reference}'; {hint}")
    check_claims(study.claims, names, study.target, study.metric)
    for arm in study.arms:
        check_reported(dict(arm.reported), f"arm '{arm.name}'")
        _check_arm(study, arm)
    _check_levels([a for a in study.arms if a.levels])


def _check_levels(arms: Sequence["Arm"]) -> None:
    """Raise UsageError unless the arms of a factorial are distinct cells of the same factors."""
    factors = [tuple(factor for factor, _ in arm.levels) for arm in arms]
    for arm, mine in zip(arms, factors, strict=True):
        if mine != factors[0]:
            raise UsageError(
                f"arm '{arm.name}' has levels of {', '.join(mine)}, but arm '{arms[0].name}' of "
                f"{', '.join(factors[0])}: the arms of a factorial share its factors"
            )
        same = [a.name for a in arms if a.levels == arm.levels]
        if len(same) > 1:
            raise UsageError(f"arms '{same[0]}' and '{same[1]}' have the same levels")


def _check_arm(study: "Study", arm: "Arm") -> None:
    """Raise UsageError unless every cell of an arm is a possible run."""
    fields_set = (*dict(study.base), *dict(arm.changes))
    if study.budget is not None and {"epochs", "updates"} & set(fields_set):
        raise UsageError(f"budget = '{study.budget}' says how long runs train: leave out epochs")
    if "seed" in fields_set:
        raise UsageError("seed is not for a study to set: seeds = N gives every arm the same N")
    ends = alone(arm.space) if study.trials and study.search != "auto" else []
    for values in [*study.cells(arm, 0), *ends]:
        spec = study.spec(arm, values, 0)
        tuned = arm.space and study.trials and not study.folds
        if not spec.validation and (study.score == "best" or tuned):
            what = "tuning" if arm.space else "score = 'best'"
            raise UsageError(
                f"arm '{arm.name}': {what} needs validation examples, not validation 0"
            )


def _check_counts(study: "Study") -> None:
    for name, least in COUNTS.items():
        value = getattr(study, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")
    _check_folds(study)
    _check_extension(study)
    if study.seeds * study.rounds >= TUNING_SEED:
        raise UsageError(f"seeds times tunings must be below {TUNING_SEED:,}")
    for name in ("margin", "target"):
        value = getattr(study, name)
        if value is None and name == "target":
            continue
        if not _is_number(value) or (name == "margin" and value < 0):
            raise UsageError(f"{name} must be a number of at least 0, not {value!r}")
        if name == "target" or study.metric != "loss":
            check_share(name, value)


def _check_folds(study: "Study") -> None:
    for name in ("folds", "nested"):
        value = getattr(study, name)
        if isinstance(value, bool) or not isinstance(value, int) or value == 1 or value < 0:
            raise UsageError(f"{name} must be 0 (none) or at least 2, not {value!r}")
    if study.repeats > 1 and not (study.folds or study.nested):
        raise UsageError("repeats deals folds anew: it needs folds or nested")
    if study.nested and study.tunings > 1:
        raise UsageError("nested folds are tunings of their own: leave tunings out, set repeats")
    if study.nested and (study.claims or any(a.levels for a in study.arms)):
        what = "claims" if study.claims else "factors"
        raise UsageError(f"{what} are judged over independent runs: leave out nested")


def _check_extension(study: "Study") -> None:
    most = study.most_seeds
    if most is None:
        return
    if isinstance(most, bool) or not isinstance(most, int) or most < study.seeds:
        raise UsageError(f"most_seeds must be a whole number of at least seeds, not {most!r}")
    if study.rounds > 1:
        raise UsageError("most_seeds extends a study by seeds: leave out tunings and nested")
    if study.claims or any(a.levels for a in study.arms):
        what = "claims" if study.claims else "factors"
        raise UsageError(f"{what} are judged at one look: leave out most_seeds")


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _check_values(study: "Study") -> None:
    texts = [study.name, study.question, study.reference or "", *study.notes]
    texts += [arm.name for arm in study.arms]
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(
                f"name, question, reference, notes and names of arms are texts, not {text!r}"
            )
    if not study.name or study.name.startswith(".") or any(sign in study.name for sign in "/\\\0"):
        raise UsageError(f"name: '{study.name}' cannot be the name of a folder")
    if not isinstance(study.widen, bool):
        raise UsageError(f"widen must be true or false, not {study.widen!r}")
    for name, known in (("metric", METRICS), ("score", SCORES)):
        value = str(getattr(study, name))
        if value not in known:
            raise UsageError(f"unknown {name} '{value}'; {nearest(value, known)}")
