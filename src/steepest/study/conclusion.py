"""What a study may conclude from its records: scores, verdicts, times to the target, warnings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import NothingMatchedError
from steepest.stats.compare import compare_arms, over_tunings
from steepest.stats.curve import Tolerance, tolerance
from steepest.stats.interval import Interval, mean_interval
from steepest.stats.target import Median, Reached, median_time, time_to_target
from steepest.stats.verdict import Verdict
from steepest.study.design import Study
from steepest.study.protocol import Choice, Score, choose, score_of
from steepest.study.query import list_trials, read_curves, read_evaluations
from steepest.study.record import Record, StudyRecord, Trial, decode
from steepest.study.space import Values
from steepest.study.store import Store

Rows = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class ArmResult:
    """What an arm's final runs gave, in the order of seeds."""

    name: str
    choices: tuple[Choice, ...]  # one a tuning
    seeds: tuple[int, ...]
    scores: np.ndarray  # test scores (n,); a diverged run keeps its last finite score
    diverged: np.ndarray  # (n,)
    records: tuple[Record, ...]
    curves: tuple[Rows, ...]
    interval: Interval
    arrivals: Reached | None  # epochs to the target
    median: Median | None
    tolerance: Tolerance | None

    @property
    def label(self) -> str:
        """The arm with its tuned hyper-parameters, where one tuning chose them."""
        if len(self.choices) != 1 or not self.choices[0].values:
            return self.name
        return f"{self.name} ({value_text(self.choices[0].values)})"


@dataclass(frozen=True, eq=False)
class Conclusion:
    """All a report or a terminal says of a study."""

    study: Study
    record: StudyRecord
    arms: tuple[ArmResult, ...]
    verdicts: tuple[Verdict, ...]
    target: float | None
    warnings: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def repeated(self) -> str:
        """What the intervals are over: seeds of tuned cells, or tunings of arms."""
        return "tunings" if self.study.tunings > 1 else "seeds"

    @property
    def labels(self) -> dict[str, str]:
        """The names verdicts use: tuned cells with one tuning, arms with several."""
        return {a.name: a.label for a in self.arms}


def value_text(values: Values) -> str:
    """Return trial values as short text, "lr 0.01"."""
    words = [(n.partition(".")[2] or n, v) for n, v in values]
    return ", ".join(f"{n} {v:g}" if isinstance(v, float) else f"{n} {v}" for n, v in words)


def conclude(study: Study, record: StudyRecord, store: Store) -> Conclusion:
    """Return what the store allows to say; NothingMatchedError before the final runs are there."""
    trials = list_trials(store, record.id)
    keys = [t.place.key for t in trials]
    tests = read_evaluations(store, keys)
    curves = read_curves(store, [t.place.key for t in trials if t.place.role == "final"])
    failed = tuple(_failure(t) for t in trials if t.record.status == "failed")
    final = _complete_seeds(study, trials, tests)
    if not final:
        raise NothingMatchedError(f"study '{study.name}' has no finished comparison yet")
    target = study.target if study.target is not None else _target(study, final, curves)
    arms = tuple(
        _arm(study, name, trials, [t for t in final if t.place.arm == name], tests, curves, target)
        for name in (a.name for a in study.arms)
    )
    verdicts = _verdicts(study, arms)
    warnings = tuple(_warnings(study, arms, _looks(record, arms), len(failed)))
    return Conclusion(study, record, arms, tuple(verdicts), target, warnings, failed)


def _looks(record: StudyRecord, arms: Sequence[ArmResult]) -> int:
    """Return how many looks at fewer or other runs came before; the same runs again are no look."""
    scored = sum(len(a.scores) for a in arms)
    own = record.looks if record.seen not in (0, scored) else 0
    return own + record.earlier_looks


def _failure(trial: Trial) -> str:
    place = trial.place
    return f"{place.arm}, {place.role} run, seed {place.seed}: {trial.record.reason}"


def _complete_seeds(study: Study, trials: Sequence[Trial], tests: dict[str, Any]) -> list[Trial]:
    """Return the final runs of those (tuning, seed) that every arm has: pairs must be whole."""
    wanted = {(k, s) for k in range(study.tunings) for s in study.final_seeds(k)}
    final = [
        t
        for t in trials
        if t.place.role == "final"
        and (t.place.tuning, t.place.seed) in wanted
        and t.record.status in ("finished", "diverged")
        and (t.record.status == "diverged" or "test" in tests[t.place.key])
    ]
    by_arm = [
        {(t.place.tuning, t.place.seed) for t in final if t.place.arm == a.name} for a in study.arms
    ]
    common = set.intersection(*by_arm)
    return [t for t in final if (t.place.tuning, t.place.seed) in common]


def _target(study: Study, final: Sequence[Trial], curves: dict[str, Rows]) -> float | None:
    """Return the default goal: the median arm's validation accuracy at the end, rounded down."""
    if study.metric == "loss":
        return None
    ends: dict[str, list[float]] = {}
    for t in final:
        rows = curves[t.place.key]
        ends.setdefault(t.place.arm, []).append(rows[-1]["val_accuracy"] if rows else 0.0)
    middle = float(np.median([np.mean(v) for v in ends.values()]))
    return math.floor(100 * middle) / 100 if middle > 0 else None


def _arm(  # noqa: PLR0913, PLR0917 - everything the records hold about one arm
    study: Study,
    name: str,
    trials: Sequence[Trial],
    final: Sequence[Trial],
    tests: dict[str, Any],
    curves: dict[str, Rows],
    target: float | None,
) -> ArmResult:
    ordered = sorted(final, key=lambda t: (t.place.tuning, t.place.seed))
    scores = np.array([_score(study, t, tests) for t in ordered])
    diverged = np.array([t.record.status == "diverged" for t in ordered])
    rows = tuple(curves[t.place.key] for t in ordered)
    choices = tuple(_choice(study, name, k, trials) for k in range(study.tunings))
    arrivals = _arrivals(rows, target, diverged)
    units = scores if study.tunings == 1 else over_tunings(scores.reshape(study.tunings, -1))
    return ArmResult(
        name, choices, tuple(t.place.seed for t in ordered), scores, diverged,
        tuple(t.record for t in ordered), rows, mean_interval(units), arrivals,
        median_time(arrivals) if arrivals else None, _tolerance(study, choices[0]),
    )  # fmt: skip


def _score(study: Study, trial: Trial, tests: dict[str, Any]) -> float:
    """Return the test score; a run that never was finite scores as badly as can be."""
    value = tests[trial.place.key].get("test", {}).get(study.metric)
    if value is not None and math.isfinite(value):
        return float(value)
    return 1e3 if study.lower_is_better else 0.0


def _choice(study: Study, name: str, tuning: int, trials: Sequence[Trial]) -> Choice:
    arm = study.arm(name)
    names = [r.name for r in arm.space]
    found = [
        Score(
            tuple((n, _value(decode(t.record.spec), n)) for n in names),
            t.place.key,
            score_of(study, t.record.metrics),
            t.record.status == "diverged",
        )
        for t in trials
        if t.place.arm == name
        and t.place.role == "tuning"
        and t.place.tuning == tuning
        and t.record.status in ("finished", "diverged")
    ]
    return choose(study, arm, tuning, found)


def _value(plain: dict[str, Any], name: str) -> Any:
    """Return a field of a stored run; an option equal to its default is filled in."""
    part, _, option = name.partition(".")
    if not option:
        return plain.get(part)
    found = plain.get(part, {})
    if option in found:
        return found[option]
    from steepest.spec import from_plain

    spec = from_plain(plain)
    built = {"optimizer": spec.rule, "schedule": spec.rates}.get(part)
    return getattr(built, option, None)


def _arrivals(rows: Sequence[Rows], target: float | None, diverged: np.ndarray) -> Reached | None:
    if target is None or not all(rows):
        return None
    return time_to_target(
        [[r["epoch"] for r in run] for run in rows],
        [[r["val_accuracy"] for r in run] for run in rows],
        target,
        diverged=diverged.tolist(),
    )


def _tolerance(study: Study, choice: Choice) -> Tolerance | None:
    rates = [dict(t.values).get("optimizer.lr") for t in choice.trials]
    if len(rates) < 3 or None in rates or study.lower_is_better:
        return None
    scores = [float("nan") if t.diverged else t.score for t in choice.trials]
    if not np.isfinite(scores).any():
        return None
    return tolerance([float(r) for r in rates if r is not None], scores)


def _verdicts(study: Study, arms: Sequence[ArmResult]) -> list[Verdict]:
    if study.tunings > 1:
        scores = {a.name: over_tunings(a.scores.reshape(study.tunings, -1)) for a in arms}
        lost = {a.name: a.diverged.reshape(study.tunings, -1).any(axis=1) for a in arms}
    else:
        scores = {a.name: a.scores for a in arms}
        lost = {a.name: a.diverged for a in arms}
    return compare_arms(
        scores,
        reference=study.reference,
        diverged=lost,
        margin=study.margin,
        lower_is_better=study.lower_is_better,
    )


def _warnings(study: Study, arms: Sequence[ArmResult], looks: int, failed: int) -> list[str]:
    """Return what a careful reviewer would remark."""
    said = []
    for arm in arms:
        edges = sorted({n for c in arm.choices for n in c.boundary})
        if edges:
            names = ", ".join(n.partition(".")[2] or n for n in edges)
            said.append(
                f"The best trial of {arm.name} lies at the edge of its searched range ({names}): "
                "a wider range may do better. Repeat with --widen."
            )
        if arm.diverged.any():
            lost = f"{int(arm.diverged.sum())} of {len(arm.scores)} runs of {arm.name} diverged"
            said.append(f"{lost}; they lose their pairs.")
        rising = [r[-1]["val_loss"] < r[-2]["val_loss"] for r in arm.curves if len(r) > 1]
        if rising and np.mean(rising) > 0.9:
            said.append(
                f"{arm.name} was still improving when training ended: "
                "a longer run may change its place."
            )
    if study.tunings == 1 and any(a.choices[0].values for a in arms):
        said.append(
            "Each arm was tuned once, so the verdicts compare tuned cells, not optimizers in "
            "general; --tunings 5 repeats the tuning and speaks of the optimizers."
        )
    if len(arms[0].scores) < 5:
        said.append(f"{len(arms[0].scores)} seeds are few; small differences cannot be found.")
    if looks > 0:
        said.append(
            f"This study was extended after {looks} look(s) at its verdicts; if it was extended "
            "because of what they showed, its error rate is larger than stated."
        )
    if failed:
        said.append(f"{failed} run(s) failed; seeds that not every arm finished are left out.")
    return said
