"""What the curves of a study's runs give away: arms that did not learn, or not to the end.

Law: diverged runs are left out here; they are remarked on as such. Each remark asks most of an
arm's runs, never one alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from steepest.stats.interval import Array, paired_interval
from steepest.study.outcome import ArmResult, Rows, by_tuning
from steepest.study.remark import PLACE, SCOPE, VERDICT, VOID, Remark, Reviewed, listed

SHARE = 0.5  # of an arm's runs that must show it
STILL = 0.9  # of an arm's runs that must still improve
SURE = 3.0  # standard errors above chance that count as having learned
FELL = 0.02  # share by which training loss falls at least where something is learned
ROSE = 0.1  # share by which validation loss rises at least where it is over-fitted
HURT = "Early stopping, or score = 'best', may change the order."
UNHURT = "Accuracy did not fall: over-confident rather than worse, if probabilities matter."
RECENT = 0.2  # share of the epochs that counts as the end of a run


def learning(seen: Reviewed) -> Iterator[Remark]:
    """Yield remarks on whether and how the arms learned."""
    idle = [arm.name for arm in seen.arms if _is_idle(arm)]
    for arm in seen.arms:
        if arm.name in idle:
            yield _idle(arm)
        else:
            yield from _chance(arm)
    yield from _overfitted(seen)
    yield from _improving(seen, [a for a in seen.arms if a.name not in idle])
    yield from _flips(seen)


def column(rows: Rows, name: str) -> list[float]:
    """Return the finite values of a column, epoch by epoch."""
    return [float(r[name]) for r in rows if r.get(name) is not None and math.isfinite(r[name])]


def _sound(arm: ArmResult) -> list[int]:
    return [i for i in range(len(arm.scores)) if not arm.diverged[i] and arm.curves[i]]


def _validation(arm: ArmResult, i: int) -> dict[str, object]:
    return arm.records[i].metrics.get("validation") or {}


def _shares(arm: ArmResult, i: int) -> np.ndarray | None:
    """Return the shares of the classes in a run's validation set; None for no classes."""
    table = _validation(arm, i).get("confusion")
    if not table:
        return None
    counts = np.asarray(table, dtype=float).sum(axis=1)
    return counts[counts > 0] / counts.sum() if counts.sum() else None


def _is_idle(arm: ArmResult) -> bool:
    """Tell whether most runs end at the loss of guessing, with no fall since the first epoch.

    The first epoch's loss is a mean over that epoch: where all there is to learn is learned in it,
    the loss falls no more, and may still be high on noisy data.
    """
    known = _sound(arm)
    flat = [i for i in known if _is_flat(arm, i)]
    return bool(known) and len(flat) > SHARE * len(known)


def _is_flat(arm: ArmResult, i: int) -> bool:
    losses, shares = column(arm.curves[i], "train_loss"), _shares(arm, i)
    if not losses or shares is None:
        return False
    ignorance = float(-(shares * np.log(shares)).sum())  # loss of always saying the shares
    knows_nothing = losses[-1] > (1 - FELL) * ignorance
    return knows_nothing and (len(losses) == 1 or losses[-1] > (1 - FELL) * losses[0])


def _idle(arm: ArmResult) -> Remark:
    losses = [column(arm.curves[i], "train_loss") for i in _sound(arm)]
    first, last = np.mean([run[0] for run in losses]), np.mean([run[-1] for run in losses])
    return Remark(
        VOID,
        f"{arm.name} never trained: its training loss went from {first:.3g} in the first epoch to "
        f"{last:.3g} in the last. Its verdicts say that these settings do not train, no more.",
    )


def _chance(arm: ArmResult) -> Iterator[Remark]:
    """Remark on runs whose validation accuracy is what naming the largest class gives."""
    known = [(i, s) for i in _sound(arm) if (s := _shares(arm, i)) is not None and len(s) > 1]
    low = [(i, float(s.max())) for i, s in known if _is_chance(arm, i, float(s.max()))]
    if not low or len(low) <= SHARE * len(known):
        return
    accuracy = np.mean([_accuracy(arm, i) for i, _ in low])
    level = np.mean([top for _, top in low])
    yield Remark(
        VOID,
        f"{len(low)} of {len(arm.scores)} runs of {arm.name} end at chance level: "
        f"{100 * accuracy:.1f} % of the validation examples, where always naming the largest class "
        f"gives {100 * level:.1f} %.",
    )


def _accuracy(arm: ArmResult, i: int) -> float:
    value = _validation(arm, i).get("accuracy")
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _is_chance(arm: ArmResult, i: int, level: float) -> bool:
    n = _validation(arm, i).get("examples")
    error = math.sqrt(level * (1 - level) / n) if isinstance(n, int) and n else 0.0
    return _accuracy(arm, i) <= level + SURE * error


def _overfitted(seen: Reviewed) -> Iterator[Remark]:
    """Remark on validation loss that rose while training loss fell, where the end is scored.

    Accuracy often goes on rising while the loss of a few examples explodes: that is said apart.
    """
    found = [(arm, rise) for arm in seen.arms if (rise := _rise(seen, arm)) is not None]
    for hurt in (True, False):
        mine = sorted((r.ratio, arm.name) for arm, r in found if r.hurt == hurt)[::-1]
        if not mine:
            continue
        worst = next(r for arm, r in found if arm.name == mine[0][1])
        most = "" if len(mine) == 1 else f"of {mine[0][1]} most, "
        yield Remark(
            PLACE if hurt else SCOPE,
            f"{listed([name for _, name in mine])} over-fitted: validation loss rose, {most}from "
            f"{worst.before:.3g} at epoch {worst.epoch:.0f} to {worst.after:.3g} at the end, while "
            f"training loss fell from {worst.trained[0]:.3g} to {worst.trained[1]:.3g}"
            f"{worst.gap}. {HURT if hurt else UNHURT}",
        )


@dataclass(frozen=True)
class _Rise:
    """How far an arm's validation loss rose from its best epoch, means over its runs."""

    before: float
    after: float
    epoch: float
    trained: tuple[float, float]  # training loss, then and at the end
    gap: str
    hurt: bool  # whether the score suffered

    @property
    def ratio(self) -> float:
        return self.after / self.before


def _rise(seen: Reviewed, arm: ArmResult) -> _Rise | None:
    """Return the rise of an arm that over-fitted in most runs, None for any other."""
    if seen.study.score == "best" or _restores(seen, arm):
        return None
    known = [(i, *_pair(arm.curves[i])) for i in _sound(arm)]
    long = [row for row in known if len(row[1]) > 2]
    found = [(i, v, t, int(np.argmin(v))) for i, v, t in long if _rose(v, t)]
    if not found or len(found) <= SHARE * len(long):
        return None
    fell = [a[k] - a[-1] for i, _, _, k in found if len(a := _accuracies(arm, i)) > k]
    hurt = seen.study.lower_is_better or not fell or float(np.mean(fell)) > seen.study.margin
    return _Rise(
        float(np.mean([v[k] for _, v, _, k in found])),
        float(np.mean([v[-1] for _, v, _, _ in found])),
        float(np.median([k + 1 for *_, k in found])),
        (
            float(np.mean([t[k] for _, _, t, k in found])),
            float(np.mean([t[-1] for _, _, t, _ in found])),
        ),
        _gap(arm),
        hurt,
    )


def _accuracies(arm: ArmResult, i: int) -> list[float]:
    return column(arm.curves[i], "val_accuracy")


def _gap(arm: ArmResult) -> str:
    rows = [arm.curves[i][-1] for i in _sound(arm)]
    pairs = [column([r], "train_accuracy") + column([r], "val_accuracy") for r in rows]
    gaps = [pair[0] - pair[1] for pair in pairs if len(pair) == 2]
    return f" (accuracy gap {100 * np.mean(gaps):.1f} points)" if gaps else ""


def _pair(rows: Rows) -> tuple[list[float], list[float]]:
    both = [r for r in rows if r.get("val_loss") is not None and r.get("train_loss") is not None]
    return column(both, "val_loss"), column(both, "train_loss")


def _rose(validation: Sequence[float], training: Sequence[float]) -> bool:
    k = int(np.argmin(validation))
    rose = validation[-1] > (1 + ROSE) * validation[k]
    return len(validation) == len(training) and rose and training[-1] < training[k]


def _restores(seen: Reviewed, arm: ArmResult) -> bool:
    """Tell whether an arm scores the weights of its best epoch anyway."""
    values = arm.choices[0].values if arm.choices else ()
    stopping = seen.study.spec(seen.study.arm(arm.name), values, 0).early_stopping
    return stopping is not None and stopping.restore_best


def _improving(seen: Reviewed, arms: Sequence[ArmResult]) -> Iterator[Remark]:
    """Remark on arms that gained more than the margin in the last fifth of their epochs."""
    name = "val_loss" if seen.study.lower_is_better else "val_accuracy"
    found = []
    for arm in arms:
        runs = [column(arm.curves[i], name) for i in _sound(arm) if not _stopped(arm, i)]
        gains = [g for run in runs if (g := _gain(run, seen.study.lower_is_better)) is not None]
        if gains and np.mean(gains) > seen.study.margin and np.mean(np.array(gains) > 0) >= STILL:
            found.append((float(np.mean(gains)), arm.name, _window(len(runs[0])), len(runs[0])))
    if found:
        gain, name, last, epochs = max(found)
        names = [n for _, n, _, _ in sorted(found, reverse=True)]
        was = "was" if len(names) == 1 else "were"
        most = "by" if len(names) == 1 else f"{name} most, by"
        yield Remark(
            PLACE,
            f"{listed(names)} {was} still improving when training ended ({most} "
            f"{seen.amount(gain)} of validation {'loss' if not seen.points else 'accuracy'} over "
            f"the last {'' if last == 1 else f'{last} '}of {epochs} epochs): longer runs may "
            "change the order.",
        )


def _stopped(arm: ArmResult, i: int) -> bool:
    return bool(arm.records[i].metrics.get("stopped"))


def _window(epochs: int) -> int:
    return max(1, round(RECENT * epochs))


def _gain(values: Sequence[float], lower_is_better: bool) -> float | None:
    """Return how much better the last epochs are than as many before them."""
    width = _window(len(values))
    if len(values) < 2 * width:
        return None
    gain = float(np.mean(values[-width:]) - np.mean(values[-2 * width : -width]))
    return -gain if lower_is_better else gain


def _flips(seen: Reviewed) -> Iterator[Remark]:
    """Remark on pairs whose order at half of training is surely not that of the end."""
    name = "val_loss" if seen.study.lower_is_better else "val_accuracy"
    sign = -1.0 if seen.study.lower_is_better else 1.0
    known = {a.name: v for a in seen.arms if (v := _halves(seen, a, name)) is not None}
    pairs = list(combinations(known, 2))
    level = 1 - 0.05 / max(2 * len(pairs), 1)
    flips = []
    for a, b in pairs:
        if len(known[a][0]) != len(known[b][0]) or len(known[a][0]) < 2:
            continue
        half, end = (paired_interval(known[a][k], known[b][k], level) for k in (0, 1))
        if (half.low > 0 and end.high < 0) or (half.high < 0 and end.low > 0):
            early, late = (a, b) if sign * half.mean > 0 else (b, a)
            flips.append((min(abs(half.mean), abs(end.mean)), early, late, half, end))
    if not flips:
        return
    _, early, late, half, end = max(flips, key=lambda flip: flip[0])
    more = f" {len(flips) - 1} more pairs changed places as surely." if len(flips) > 1 else ""
    what = "loss" if seen.study.lower_is_better else "accuracy"
    yield Remark(
        VERDICT,
        f"Ranks changed in training: at its half {early} was ahead of {late} by "
        f"{seen.amount(half.mean)} of validation {what}, at the end {late} by "
        f"{seen.amount(end.mean)} (intervals at {100 * level:.3g} % exclude 0 at both). A study of "
        f"half the epochs would have said the opposite.{more}",
    )


def _halves(seen: Reviewed, arm: ArmResult, name: str) -> tuple[Array, Array] | None:
    """Return the values at half of training and at its end; None if one is missing.

    One a run, or one a tuning or outer fold if there are several: their runs are not independent.
    """
    runs = [column(rows, name) for rows in arm.curves]
    if arm.diverged.any() or any(len(run) < 4 for run in runs):
        return None
    half = np.array([run[len(run) // 2 - 1] for run in runs])
    end = np.array([run[-1] for run in runs])
    if seen.study.rounds > 1:
        return by_tuning(half, arm.tunings), by_tuning(end, arm.tunings)
    return half, end
