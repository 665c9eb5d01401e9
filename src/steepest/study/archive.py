"""A study as the store keeps it, and back."""

from typing import Any

from steepest.study.claim import claim_of
from steepest.study.design import Arm, Study
from steepest.study.record import decode, encode
from steepest.study.space import Range


def text_of_study(study: Study) -> str:
    """Return the study as JSON text."""
    return encode(study.plain())


def study_of(text: str) -> Study:
    """Return the study of a text that `text_of_study` made."""
    plain = dict(decode(text))
    arms = tuple(_arm(a) for a in plain.pop("arms"))
    base = tuple(sorted((k, _tupled(v)) for k, v in plain.pop("base").items()))
    notes = tuple(plain.pop("notes", ()))
    claims = tuple(claim_of(c, "claims") for c in plain.pop("claims", ()))
    return Study(base=base, arms=arms, notes=notes, claims=claims, **plain)


def _arm(plain: dict[str, Any]) -> Arm:
    space = tuple(_range(r) for r in plain.get("space", ()))
    changes = tuple((k, _tupled(v)) for k, v in plain.get("changes", ()))
    reported = tuple((k, v) for k, v in plain.get("reported", ()))
    levels = tuple((k, v) for k, v in plain.get("levels", ()))
    return Arm(plain["name"], changes, space, reported, levels)


def _range(plain: dict[str, Any]) -> Range:
    choices = tuple(_tupled(v) for v in plain.get("choices", ()))
    return Range(**plain | {"choices": choices})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
