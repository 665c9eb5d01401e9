"""From a study's stored trials to what its page and tables show of the tuning."""

import math
from typing import Any

from steepest.report.content import Bought, Importance, Trial, Tuned
from steepest.study.conclusion import Conclusion
from steepest.study.design import Study
from steepest.study.factorial import label_of
from steepest.study.importance import importance
from steepest.study.outcome import ArmResult
from steepest.study.protocol import comparable
from steepest.study.search import search_of
from steepest.study.tuneability import tuneability


def tuning_content(found: Conclusion) -> dict[str, Any]:
    """Return the fields of a page's content that are about tuning."""
    study = found.study
    return {
        "tuned": _tuned(found),
        "tuning": tuple(
            Bought(a.name, b.trials, b.value, b.low, b.high)
            for a in found.arms
            for b in tuneability(study, a)
        ),
        "ordered": search_of(study.search).adapts,
        "importance": tuple(
            Importance(a.name, _short(i.name), i.share, i.low, i.high)
            for a in found.arms
            for i in importance(study, a)
        ),
    }


def _tuned(found: Conclusion) -> tuple[Tuned, ...]:
    """Return what any arm tunes; of one name with several scales the widest is taken."""
    scales: dict[str, str] = {}
    for arm in found.arms:
        for one in found.study.arm(arm.name).space:
            scale = "choice" if one.choices else "log" if one.log else "linear"
            known = scales.setdefault(_short(one.name), scale)
            if "choice" in (known, scale):
                scales[_short(one.name)] = "choice"
            elif "log" in (known, scale):
                scales[_short(one.name)] = "log"
    return tuple(Tuned(name, scale) for name, scale in scales.items())


def trials_of(study: Study, arm: ArmResult) -> list[Trial]:
    """Return the tuning trials of an arm as a page shows them."""
    found = []
    for choice in arm.choices:
        full = comparable(study, choice.trials)
        found += [
            Trial(
                arm=arm.name,
                values={_short(n): _plain(v) for n, v in t.values},
                score=t.score if math.isfinite(t.score) else None,
                diverged=t.diverged,
                chosen=t.values == choice.values and t in full,
                full=t in full,
            )
            for t in choice.trials
        ]
    return found


def _short(name: str) -> str:
    return name.partition(".")[2] or name


def _plain(value: Any) -> float | int | str:
    return value if isinstance(value, (int, float, str)) else label_of("", value)
