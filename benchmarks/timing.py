"""How contenders are timed beside each other, and how the figures are summed up.

Contenders take turns within a round and the order turns from round to round, so a slow minute of
the machine falls on all of them; the figures are medians over rounds, the ratios are medians of
the ratios within a round.
"""

import statistics
import sys
import time
from dataclasses import dataclass

from worker import Failure, Measurement, Worker

REST = 0.3  # seconds before each turn, in which threads of the one before it come to rest


def say(text: str) -> None:
    """Tell on the terminal how far we are."""
    print(f"  {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Runner:
    """A prepared contender: how to time it and which numbers of steps it can run."""

    worker: Worker
    key: str
    epoch: int  # steps of an epoch; units above it are whole epochs
    whole_epochs: bool = False  # units below an epoch are impossible

    def time(self, count: int) -> Measurement:
        """Time `count` steps; a failing contender raises `RuntimeError`."""
        measured = self.worker.run(self.key, count)
        if isinstance(measured, Measurement):
            return measured
        raise RuntimeError(measured.reason if isinstance(measured, Failure) else "no answer")

    def allowed(self, count: float) -> int:
        """Return a count near `count` that the contender can run."""
        if self.whole_epochs or count >= self.epoch:
            return self.epoch * max(1, round(count / self.epoch))
        return max(1, round(count))


@dataclass(frozen=True)
class Unit:
    """What one turn of a contender consists of."""

    warm: int  # steps run untimed just before, to fill the caches again
    count: int  # steps timed
    setup: float  # seconds a call takes beyond its steps, such as a trainer's start


def calibrate(runner: Runner, seconds: float) -> Unit:
    """Warm up and choose a unit of at least `seconds`, in which setup is at most two per cent.

    Libraries that train by one call (`fit`) pay a setup in each call; a user pays it once, so the
    unit grows until it hardly counts, up to twelve times `seconds`.
    """
    least = runner.allowed(1)
    runner.time(least)  # compiles
    call = min(runner.time(least).seconds for _ in range(3))
    count, taken = enlarged(runner, runner.allowed(3 * least), seconds)
    setup = max(0.0, call - least * (taken - call) / (count - least))  # the line's intercept
    count, _ = enlarged(runner, count, min(50 * setup, 12 * seconds))
    return Unit(runner.allowed(count / 10), count, setup)


def enlarged(runner: Runner, count: int, seconds: float) -> tuple[int, float]:
    """Enlarge `count` until it takes `seconds` at its fastest; return it and its seconds."""
    while True:
        taken = min(runner.time(count).seconds for _ in range(2))
        if taken >= seconds:
            return count, taken
        growth = min(10.0, max(1.3, 1.15 * seconds / taken))  # few steps are mostly setup
        stride = runner.epoch if runner.whole_epochs or count >= runner.epoch else 1
        count = runner.allowed(max(growth * count, count + stride))


def interleave(able: dict[str, tuple[Runner, Unit]], rounds: int) -> dict[str, list[Measurement]]:
    """Time every runner once a round, each round beginning with another; return all of it."""
    taken: dict[str, list[Measurement]] = {name: [] for name in able}
    names = list(able)
    for turn in range(rounds if names else 0):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            runner, unit = able[name]
            time.sleep(REST)
            runner.time(unit.warm)
            taken[name].append(runner.time(unit.count))
        say(f"round {turn + 1}/{rounds}")
    return taken


def summary(per_step: list[float]) -> dict[str, object]:
    """Return median and quartiles of microseconds a step, with the single rounds."""
    values = per_step if len(per_step) > 1 else per_step * 2
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "median_us": round(middle, 3),
        "quartiles_us": [round(first, 3), round(third, 3)],
        "rounds_us": [round(value, 3) for value in per_step],
    }


def ratio(row: dict, base: dict) -> float:
    """Return how many times slower `row` is than `base`: the median of the rounds' ratios."""
    pairs = zip(row["rounds_us"], base["rounds_us"], strict=True)
    return statistics.median(own / other for own, other in pairs)


def table(rows: dict[str, dict], base: str) -> str:
    """Return a Markdown table of `rows`, fastest first, with ratios to `base`; absent ones last.

    A row is a `summary` with `label` and `metrics`, or `label` and `status` if it was not timed.
    """
    lines = [f"| Contender | µs a step | quartiles | to {base} | loss | accuracy |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    timed = [row for row in rows.values() if "rounds_us" in row]
    for row in sorted(timed, key=lambda row: row["median_us"]):
        low, high = row["quartiles_us"]
        basis = rows.get(base, {})
        against = f"{ratio(row, basis):.2f}" if "rounds_us" in basis else "-"
        metrics = row["metrics"] or (None, None)
        loss, accuracy = ("-" if value is None else f"{value:.3f}" for value in metrics)
        lines.append(
            f"| {row['label']} | {row['median_us']:,.1f} | {low:,.1f} to {high:,.1f} "
            f"| {against} | {loss} | {accuracy} |"
        )
    absent = [row for row in rows.values() if "status" in row]
    lines += [f"| {row['label']} | {row['status']} | | | | |" for row in absent]
    return "\n".join(lines)
