"""How contenders are timed beside each other, and how the figures are summed up.

Contenders take turns within a round and the order turns from round to round, so a slow minute of
the machine falls on all of them; the figures are medians over rounds, the ratios are medians of
the ratios within a round.
"""

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

from worker import Failure, Measurement, Worker


@dataclass(frozen=True)
class Runner:
    """A prepared contender: how to time it and how many steps a timed unit has."""

    name: str
    worker: Worker
    key: str
    epoch: int  # steps of an epoch; units above it are whole epochs
    whole_epochs: bool = False  # units below an epoch are impossible

    def time(self, count: int) -> Measurement:
        """Time `count` steps; a failing contender raises `RuntimeError`."""
        answer = self.worker.run(self.key, count)
        if isinstance(answer, Failure):
            raise RuntimeError(answer.reason)
        return answer

    def fit(self, count: float) -> int:
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
    least = runner.fit(1)
    runner.time(least)  # compiles
    call = min(runner.time(least).seconds for _ in range(3))
    probe = runner.fit(least * 20)
    runner.time(probe)
    step = runner.time(probe).seconds / probe
    while (taken := runner.time(probe)).seconds < 0.7 * seconds:
        larger = runner.fit(probe * max(2, 0.8 * seconds / taken.seconds))
        if larger == probe:
            break
        probe = larger
        runner.time(probe)
    step = runner.time(probe).seconds / probe
    setup = max(0.0, call - least * step)
    wanted = min(max(seconds, 50 * setup), 12 * seconds)
    count = runner.fit(wanted * 1.1 / step)
    return Unit(runner.fit(count / 10), count, setup)


def interleave(
    runners: list[Runner], units: dict[str, Unit], rounds: int
) -> dict[str, list[Measurement]]:
    """Time every runner once a round; return its measurements in order."""
    taken: dict[str, list[Measurement]] = {runner.name: [] for runner in runners}
    for turn in range(rounds):
        shift = turn % max(1, len(runners))
        for runner in runners[shift:] + runners[:shift]:
            unit = units[runner.name]
            runner.time(unit.warm)
            taken[runner.name].append(runner.time(unit.count))
        print(f"  round {turn + 1}/{rounds}", file=sys.stderr, flush=True)
    return taken


def attempt(label: str, act: Callable[[], object]) -> object:
    """Return what `act` returns, or a `Failure` when it raises `RuntimeError`."""
    print(f"  {label}", file=sys.stderr, flush=True)
    try:
        return act()
    except RuntimeError as error:
        return Failure(str(error))


def summary(per_step: list[float]) -> dict[str, object]:
    """Return median and quartiles of microseconds a step, with the single rounds."""
    values = per_step if len(per_step) > 1 else per_step * 2
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    exact = [round(value, 3) for value in per_step]
    return {
        "median_us": round(middle, 3),
        "quartiles_us": [round(first, 3), round(third, 3)],
        "rounds_us": exact,
    }


def ratio(row: dict, base: dict) -> float:
    """Return how many times slower `row` is than `base`: the median of the rounds' ratios."""
    pairs = zip(row["rounds_us"], base["rounds_us"], strict=True)
    return statistics.median(own / other for own, other in pairs)


def table(rows: dict[str, dict], base: str, first: str = "Contender") -> str:
    """Return a Markdown table of `rows`: time, quartiles, ratio to `base`; absent ones say why.

    A row is a `summary` with `label`, or `label` and `status` where nothing was timed.
    """
    basis = rows.get(base, {})
    lines = [
        f"| {first} | µs | quartiles | × {base} | loss | accuracy |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    timed = [row for row in rows.values() if "rounds_us" in row]
    for row in sorted(timed, key=lambda row: row["median_us"]):
        low, high = row["quartiles_us"]
        against = f"{ratio(row, basis):.2f}" if "rounds_us" in basis else "-"
        loss, accuracy = (
            "-" if v is None else f"{v:.3f}" for v in row.get("metrics") or (None, None)
        )
        lines.append(
            f"| {row['label']} | {row['median_us']:,.1f} | {low:,.1f}-{high:,.1f} "
            f"| {against} | {loss} | {accuracy} |"
        )
    lines += [
        f"| {row['label']} | {row['status']} | | | | |" for row in rows.values() if "status" in row
    ]
    return "\n".join(lines)
