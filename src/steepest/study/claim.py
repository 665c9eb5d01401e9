"""A published claim as plain values: its words, and what would have to hold for them to be true.

A claim says one of three things: an arm is `better` than others in a measure (by an amount, or so
many times), an arm is `faster` than others to a target (so many times), or an `arm` reaches a
value (`at_least`, `at_most`). `audit.py` asks the records.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from steepest import codec
from steepest.errors import UsageError, nearest, unknown

MEASURES: dict[str, tuple[bool, bool]] = {  # name: (higher is better, a fraction of one)
    **dict.fromkeys(("accuracy", "precision", "recall", "f1"), (True, True)),
    "loss": (False, False),
    **dict.fromkeys(("val_accuracy", "val_precision", "val_recall", "val_f1"), (True, True)),
    "val_loss": (False, False),
    "train_accuracy": (True, True),
    "train_loss": (False, False),
    "gap": (False, True),  # training accuracy in evaluation mode minus validation accuracy
    "stability": (False, True),
    "epochs": (False, False),  # until the run ended, or was stopped
    "updates": (False, False),
    "seconds": (False, False),
}
COSTS = ("epochs", "updates", "examples", "flops", "seconds")


@dataclass(frozen=True)
class Claim:
    """What a source says, and what would make it true; the rest is left at its default."""

    text: str  # in words
    better: str = ""  # the arm said to be better ...
    faster: str = ""  # ... or sooner at the target ...
    than: tuple[str, ...] = ()  # ... than each of these arms; none: than every other
    arm: str = ""  # the arm said to reach a value
    metric: str = ""  # the measure; "": the study's metric on the test set
    by: float = 0.0  # better by more than this, in the measure's own unit
    times: float = 1.0  # so many times better or faster
    at_least: float | None = None
    at_most: float | None = None
    target: float | None = None  # validation accuracy to arrive at; None: the study's
    cost: str = "epochs"  # what is counted until the target

    @property
    def subject(self) -> str:
        """The arm the claim is about."""
        return self.better or self.faster or self.arm

    def others(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the arms that the subject is compared with."""
        return self.than or tuple(n for n in names if n != self.subject)


def claim_of(table: Mapping[str, Any], where: str) -> Claim:
    """Return the claim of a TOML table; UsageError names the key and the nearest known one."""
    known = [f.name for f in fields(Claim)]
    for key in table:
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
    given = dict(table)
    than = given.pop("than", ())
    if not isinstance(than, (str, list, tuple)):
        raise UsageError(f"{where}: than names one arm or a list of arms, not {than!r}")
    given["than"] = (than,) if isinstance(than, str) else tuple(than)
    for name in ("better", "faster", "arm", "metric", "cost"):
        if name in given and not isinstance(given[name], str):
            raise UsageError(f"{where}: {name} must be a text, not {given[name]!r}")
    try:
        return Claim(**{"text": ""} | given)
    except TypeError as error:
        raise UsageError(f"{where}: {error}") from None


def wordless(claim: Claim) -> dict[str, Any]:
    """Return a claim's plain values without its text: what decides its outcome."""
    plain: dict[str, Any] = codec.plain(claim)
    return {name: value for name, value in plain.items() if name != "text"}


def check_claims(
    claims: Sequence[Claim], names: Sequence[str], target: float | None, metric: str
) -> None:
    """Raise UsageError for the first claim that says nothing, or nothing about these arms.

    `target` is the study's, None where it has none of its own; `metric` is what it judges by.
    """
    for number, claim in enumerate(claims):
        try:
            _check(claim, names, target)
            _check_shares(claim, claim.metric or metric)
        except UsageError as error:
            raise UsageError(f"claims[{number}]: {error}") from None


def check_reported(values: Mapping[str, Any], where: str) -> None:
    """Raise UsageError for a published value that names no measure, or is no number."""
    for name, value in values.items():
        if name not in MEASURES:
            raise UsageError(f"{where}: unknown measure '{name}'; {nearest(name, MEASURES)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{where}: reported {name} must be a number, not {value!r}")
        if MEASURES[name][1]:
            check_share(f"{where}: reported {name}", value)


def check_share(what: str, value: float) -> None:
    """Raise UsageError for a share of one that was written in per cent."""
    if abs(value) > 1:
        raise UsageError(f"{what} is a share of one: {value / 100:g} is {value:g} %, not {value!r}")


def _check_shares(claim: Claim, metric: str) -> None:
    names = ("by", "at_least", "at_most") if MEASURES[metric][1] and claim.times == 1 else ()
    for name in names:
        check_share(name, getattr(claim, name) or 0.0)
    check_share("target", claim.target or 0.0)


def _check(claim: Claim, names: Sequence[str], target: float | None) -> None:
    if not isinstance(claim.text, str) or not claim.text.strip():
        raise UsageError("a claim has a text: what the source says")
    if sum(map(bool, (claim.better, claim.faster, claim.arm))) != 1:
        raise UsageError("a claim names one of better, faster and arm")
    for name in (claim.subject, *claim.than):
        if name not in names:
            raise unknown("arm", str(name), names)
    if claim.subject in claim.than:
        raise UsageError(f"'{claim.subject}' is compared with itself")
    if claim.metric and claim.metric not in MEASURES:
        raise unknown("measure", str(claim.metric), MEASURES)
    if claim.cost not in COSTS:
        raise unknown("cost", str(claim.cost), COSTS)
    _check_numbers(claim)
    if claim.faster and claim.target is None and target is None:
        raise UsageError("faster needs a target: the validation accuracy to arrive at")


def _check_numbers(claim: Claim) -> None:
    for name in ("by", "times", "at_least", "at_most", "target"):
        value = getattr(claim, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise UsageError(f"{name} must be a number, not {value!r}")
        if value is not None and not math.isfinite(value):
            raise UsageError(f"{name} must be finite, not {value!r}")
    if claim.times <= 0:
        raise UsageError(f"times must be above 0, not {claim.times!r}")
    if claim.times != 1 and claim.by:
        raise UsageError("a claim is of a difference (by) or of a ratio (times), not of both")
    if claim.faster and claim.by:
        raise UsageError("faster is a matter of times, not of by")
    if claim.arm and (claim.times != 1 or claim.by or claim.than):
        raise UsageError("arm is held against at_least or at_most alone, not by, times or than")
    bounds = (claim.at_least is not None) + (claim.at_most is not None)
    if bool(claim.arm) != (bounds == 1):
        raise UsageError("arm needs one of at_least and at_most, and they need arm")
