"""The roles of a study's settings: compared, tuned, or the same for all.

In the tuning playbook's words (Godbole et al. 2023): scientific hyper-parameters are what the
question is about, nuisance ones are tuned anew in every arm, fixed ones stay as they are.
"""

from dataclasses import dataclass

from steepest.study.change import word
from steepest.study.design import Study


@dataclass(frozen=True)
class Roles:
    """Names of settings; a nuisance one with the arms that tune it, none where all do."""

    scientific: tuple[str, ...]
    nuisance: tuple[tuple[str, tuple[str, ...]], ...]
    fixed: tuple[str, ...]


def roles(study: Study) -> Roles:
    """Return who plays which role."""
    changed = dict.fromkeys(word(name) for a in study.arms for name, _ in a.changes)
    tuned: dict[str, list[str]] = {}
    for arm in study.arms:
        for one in arm.space:
            tuned.setdefault(one.name, []).append(arm.name)
    everyone = len(study.arms)
    nuisance = ((n, () if len(arms) == everyone else tuple(arms)) for n, arms in tuned.items())
    held = tuple(name for name, _ in study.base if name not in changed and name not in tuned)
    return Roles(tuple(changed), tuple(nuisance), held)


def role_rows(study: Study) -> list[tuple[str, str]]:
    """Return each role with its settings as text."""
    found = roles(study)
    nuisance = ", ".join(_tuned(name, arms) for name, arms in found.nuisance)
    return [
        ("scientific (compared)", ", ".join(found.scientific) or "none"),
        ("nuisance (tuned in every arm)", nuisance or "none"),
        ("fixed", ", ".join([*found.fixed, "all else by default"])),
    ]


def role_line(study: Study) -> str:
    """Return the roles in one line."""
    return "; ".join(f"{name}: {text}" for name, text in role_rows(study)).capitalize() + "."


def _tuned(name: str, arms: tuple[str, ...]) -> str:
    return f"{name} ({', '.join(arms)})" if arms else name


def found_by(study: Study) -> str:
    """Return how trials are found, " by tpe"; "" where it is the usual way, or nothing is tuned."""
    rungs = next((r for r in map(study.rungs, study.arms) if r), ())
    if study.search == "auto" or not rungs:
        return ""
    lengths = f" ({', '.join(f'{r.count} of length {r.length}' for r in rungs)})"
    return f" by {study.search}{lengths if len(rungs) > 1 else ''}"
