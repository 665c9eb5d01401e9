"""From runs to lines: means and ranges over seeds, thinned to keep a page small; no charts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steepest.report.content import Arrival, Curve, Number
from steepest.report.number import finite

AXES = ("epoch", "updates", "examples", "flops", "seconds")
METRICS = ("val_loss", "val_accuracy", "train_loss", "train_accuracy")


@dataclass(frozen=True)
class Summary:
    """Mean, lowest and highest of some runs at one epoch; `n` of them had a finite value."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


def summary(values: Iterable[Number]) -> Summary:
    """Summarise the finite values.

    >>> summary([1.0, 3.0, None, float("inf")])
    Summary(mean=2.0, low=1.0, high=3.0, n=2)
    """
    known = [v for v in map(finite, values) if v is not None]
    if not known:
        return Summary(None, None, None, 0)
    mean = sum(known) / len(known)
    return Summary(min(max(mean, min(known)), max(known)), min(known), max(known), len(known))


def keep(count: int, most: int) -> list[int]:
    """Return at most `most` (≥ 2) positions, evenly spread, the first and the last among them.

    >>> keep(5, 10), keep(11, 3)
    ([0, 1, 2, 3, 4], [0, 5, 10])
    """
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})


def known_axes(curves: Sequence[Curve]) -> list[str]:
    """Return the horizontal axes that every curve has, "epoch" first."""
    return [axis for axis in AXES if all(len(getattr(c, axis)) == len(c.epoch) for c in curves)]


def known_metrics(curves: Sequence[Curve]) -> list[str]:
    """Return the metrics of which at least one curve has a finite value."""
    return [m for m in METRICS if any(finite(v) is not None for c in curves for v in getattr(c, m))]


def by_arm(curves: Iterable[Curve]) -> dict[str, list[Curve]]:
    """Group curves by arm, seeds in ascending order."""
    groups: dict[str, list[Curve]] = {}
    for curve in sorted(curves, key=lambda c: c.seed):
        groups.setdefault(curve.arm, []).append(curve)
    return groups


def mean_rows(
    groups: Mapping[str, Sequence[Curve]], order: Mapping[str, int], axes: Sequence[str],
    metrics: Sequence[str], most: int,
) -> list[list[Number]]:  # fmt: skip
    """Return rows (arm, axes..., then mean, low, high, n of each metric), one per arm and epoch.

    Runs are matched by the number of the epoch; a run that ended early leaves the mean there.
    """
    rows: list[list[Number]] = []
    for arm in sorted(groups, key=order.__getitem__):
        places = [{epoch: i for i, epoch in enumerate(c.epoch)} for c in groups[arm]]
        epochs = sorted({epoch for place in places for epoch in place if epoch is not None})
        for epoch in (epochs[i] for i in keep(len(epochs), most)):
            at = [(c, p[epoch]) for c, p in zip(groups[arm], places, strict=True) if epoch in p]
            row: list[Number] = [order[arm]]
            row += [summary(getattr(c, axis)[i] for c, i in at).mean for axis in axes]
            for metric in metrics:
                s = summary(_at(c, metric, i) for c, i in at)
                row += [s.mean, s.low, s.high, s.n]
            rows.append(row)
    return rows


def seed_rows(
    groups: Mapping[str, Sequence[Curve]], order: Mapping[str, int], axes: Sequence[str],
    metrics: Sequence[str], most: int,
) -> tuple[list[list[Number]], int]:  # fmt: skip
    """Return rows (arm, seed, axes..., metrics...) of single runs, and the seeds kept per arm.

    At most about `most` rows: epochs are thinned to 60 first, then every arm keeps its first seeds.
    """
    longest = max((len(c.epoch) for g in groups.values() for c in g), default=0)
    each = max(1, min(longest, 60) * len(groups))
    seeds = max(1, most // each)
    rows: list[list[Number]] = []
    for arm in sorted(groups, key=order.__getitem__):
        for curve in groups[arm][:seeds]:
            for i in keep(len(curve.epoch), 60):
                row: list[Number] = [order[arm], curve.seed]
                row += [finite(getattr(curve, axis)[i]) for axis in axes]
                row += [finite(_at(curve, metric, i)) for metric in metrics]
                rows.append(row)
    return rows, min(seeds, max((len(g) for g in groups.values()), default=0))


def arrival_rows(arrivals: Sequence[Arrival], unit: str) -> list[tuple[float, float]]:
    """Return the steps (time, fraction of runs that have reached the target by then).

    `unit` is "epochs" or "seconds". The denominator is all runs: one that never arrives (censored,
    diverged) keeps the curve below one. The last step is the longest time any run was watched.
    """
    times = sorted(t for a in arrivals if a.reached and (t := finite(getattr(a, unit))) is not None)
    ends = [t for a in arrivals if (t := finite(getattr(a, unit))) is not None]
    steps = [(0.0, 0.0)]
    for i, time in enumerate(times, start=1):
        if steps[-1][0] == time:
            steps.pop()
        steps.append((time, i / len(arrivals)))
    if ends and max(ends) > steps[-1][0]:
        steps.append((max(ends), steps[-1][1]))
    return steps


def _at(curve: Curve, metric: str, i: int) -> Number:
    column = getattr(curve, metric)
    return column[i] if i < len(column) else None
