"""Simulate studies whose truth is known, and count how often the verdicts are wrong.

    python benchmarks/simulate_verdicts.py [--replications 20000] [--out FILE]

A simulated study: seven arms, five tuning trials each, the best by one noisy validation run, then
fresh seeds paired across arms. Scores are in units of the spread of one run. `tau` is the spread
of the true means of an arm's trials: with tau > 0 the *arms* are equally good and the selected
*cells* are not, which is the luck of tuning; with tau = 0 the cells are exactly tied.

"skewed, unequal spreads" is a stress: there the differences themselves are skewed, the one thing
Student's t does not bear at small n. "NOT USED" and "WRONG USE" count what the tool avoids.

Legend: R replications, A arms, S seeds, K tunings, m comparisons.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from steepest.seeds import stream
from steepest.stats import power
from steepest.stats.compare import over_tunings, paired_p
from steepest.stats.interval import Array, bca, mean_band, student_t

Row = dict[str, Any]
Rng = np.random.Generator
ARMS, TRIALS, LEVEL = 7, 5, 0.95
REFERENCE = [(arm, 0) for arm in range(1, ARMS)]
ALL_PAIRS = list(combinations(range(ARMS), 2))
FAMILIES = {"reference": REFERENCE, "all pairs": ALL_PAIRS}
UNEQUAL = np.linspace(0.5, 1.5, ARMS)  # spreads of arms, where they differ


def normal(rng: Rng, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape)


def skewed(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Draw like accuracies near their ceiling: Beta(38, 2), skewness −1.2, centred and scaled."""
    a, b = 38.0, 2.0
    spread = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    return (rng.beta(a, b, shape) - a / (a + b)) / spread


def unequal(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Draw skewed noise whose spread differs between arms (the last axis), up to threefold."""
    return skewed(rng, shape) * UNEQUAL[: shape[-1]]


NOISES: dict[str, Callable[[Rng, tuple[int, ...]], Array]] = {
    "normal": normal,
    "skewed": skewed,
    "skewed, unequal spreads": unequal,
}


def tuned_means(rng: Rng, noise: str, tau: float, R: int) -> Array:
    """Return the true means (R, A) of the cells that one tuning selects."""
    means = tau * rng.standard_normal((TRIALS, R, ARMS))
    seen = means + NOISES[noise](rng, (TRIALS, R, ARMS))
    return np.take_along_axis(means, seen.argmax(axis=0)[None], axis=0)[0]


def fresh_scores(rng: Rng, noise: str, means: Array, seeds: int) -> Array:
    """Return scores (S, R, A) of fresh seeds around the means (R, A), paired by a seed effect."""
    shared = rng.standard_normal((seeds, len(means), 1))
    return means + shared + NOISES[noise](rng, (seeds, *means.shape))


def gains(scores: Array, pairs: list[tuple[int, int]]) -> Array:
    """Return differences (..., m) of the pairs of arms on the last axis of `scores`."""
    first, second = zip(*pairs, strict=True)
    return scores[..., list(first)] - scores[..., list(second)]


def simultaneous(gain: Array) -> tuple[Array, Array]:
    """Return the intervals (R, m) that `compare_arms` shows, of gains (n, R, m)."""
    return family_ends(student_t, gain)


def family_ends(method: Callable[..., tuple[Array, Array]], gain: Array) -> tuple[Array, Array]:
    n, R, m = gain.shape
    low, high = method(gain.reshape(n, R * m), 1 - (1 - LEVEL) / m)
    return low.reshape(R, m), high.reshape(R, m)


def holm(gain: Array) -> Array:
    """Return which comparisons (R, m) of gains (n, R, m) Holm's step-down rejects."""
    n, R, m = gain.shape
    p = paired_p(gain.reshape(n, R * m)).reshape(R, m)
    order = p.argsort(axis=1)
    passed = np.take_along_axis(p, order, axis=1) < (1 - LEVEL) / np.arange(m, 0, -1)
    rejected = np.empty_like(passed)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(passed, axis=1), axis=1)
    return rejected


def wrong(low: Array, high: Array, truth: Array) -> Array:
    """Return in which replications (R,) some "better" or "worse" contradicts the truth (R, m)."""
    return (((low > 0) & (truth <= 0)) | ((high < 0) & (truth >= 0))).any(axis=1)


def row(claim: str, noise: str, n: int, events: Array, **more: Any) -> Row:
    """Return one line of the result: the share of `events` with its simulation error."""
    share = float(np.mean(events))
    error = float(np.sqrt(share * (1 - share) / np.size(events)))
    return {"claim": claim, "noise": noise, "n": n, **more, "share": share, "error": error}


def cells(R: int) -> Iterator[Row]:
    """Count false "better" among tuned cells over fresh seeds, and the same said of the arms."""
    for noise in NOISES:
        for seeds in (5, 10, 20):
            for tau in (0.0, 0.5, 1.0):
                rng = stream(0, "cells", noise, seeds, str(tau))
                means = tuned_means(rng, noise, tau, R)
                scores = fresh_scores(rng, noise, means, seeds)
                for family, pairs in FAMILIES.items():
                    gain, truth = gains(scores, pairs), gains(means, pairs)
                    low, high = simultaneous(gain)
                    more = {"family": family, "tau": tau}
                    yield row("false better, cells", noise, seeds, wrong(low, high, truth), **more)
                    if tau and noise == "normal":
                        zero = np.zeros_like(truth)
                        naive = wrong(low, high, zero)
                        yield row("WRONG USE: one tuning, arms", noise, seeds, naive, **more)


def tunings(R: int) -> Iterator[Row]:
    """Count false "better" about arms when the tuning is repeated K times and is the unit."""
    for noise in NOISES:
        for K in (5, 10):
            for tau in (0.5, 1.0):
                rng = stream(0, "tunings", noise, K, str(tau))
                means = []
                for _ in range(K):
                    scores = fresh_scores(rng, noise, tuned_means(rng, noise, tau, R), 10)
                    means.append(over_tunings(scores.reshape(10, -1).T).reshape(R, ARMS))
                stacked = np.stack(means)
                # unequal spreads select unequally well, so there the arms' own means are the truth
                truth = stacked.mean(axis=(0, 1)) if noise.endswith("spreads") else np.zeros(ARMS)
                for family, pairs in FAMILIES.items():
                    low, high = simultaneous(gains(stacked - truth, pairs))
                    false = wrong(low, high, np.zeros_like(low))
                    yield row("false better, tunings", noise, K, false, family=family, tau=tau)


def coverage(R: int) -> Iterator[Row]:
    """Count how often intervals hold the truth: of a mean, a difference, a whole family."""
    for noise, draw in NOISES.items():
        for n in (3, 5, 10, 20, 30):
            rng = stream(0, "coverage", noise, n)
            scores = draw(rng, (n, R, ARMS))
            gain = gains(scores, REFERENCE)
            low, high = student_t(gain.reshape(n, -1), LEVEL)
            yield row("covers, difference", noise, n, (low <= 0) & (high >= 0))
            few = scores[:, : max(R // 5, 200), 0]
            low, high = mean_band(few if n >= 20 else scores[..., 0], LEVEL)
            yield row("covers, one arm's mean", noise, n, (low <= 0) & (high >= 0))
            for family, pairs in FAMILIES.items():
                low, high = simultaneous(gains(scores, pairs))
                held = ((low <= 0) & (high >= 0)).all(axis=1)
                yield row("covers, whole family", noise, n, held, family=family)
            if n >= 20:
                low, high = family_ends(bca, gain[:, : max(R // 8, 100)])
                held = ((low <= 0) & (high >= 0)).all(axis=1)
                yield row("NOT USED: BCa, whole family", noise, n, held, family="reference")


def planted(R: int) -> Iterator[Row]:
    """Count how often a true difference is found, against what `power` predicts."""
    for noise in ("normal", "skewed"):
        for n in (5, 10, 20):
            for m in (1, 6, 21):
                for aim in (0.3, 0.5, 0.8):
                    alpha = (1 - LEVEL) / m
                    size = power.detectable(np.sqrt(2.0), n, alpha, aim)
                    rng = stream(0, "planted", noise, n, m, str(aim))
                    scores = NOISES[noise](rng, (n, R, 2))
                    low, _ = student_t(scores[..., 1] - scores[..., 0] + size, 1 - alpha)
                    more = {"family": f"of {m}", "predicted": aim}
                    yield row("found", noise, n, low > 0, **more)


def counted(R: int) -> Iterator[Row]:
    """Count false "better" where scores are counts of test examples; the spread is in examples."""
    for n in (2, 3, 5, 10):
        for spread in (0.3, 0.7, 1.5, 3.0):
            rng = stream(0, "counted", n, str(spread))
            scores = np.round(spread * normal(rng, (n, R, ARMS)))
            for family, pairs in FAMILIES.items():
                gain = gains(scores, pairs)
                more = {"family": family, "spread": spread}
                for claim, least in (("false better, counts", 6**-0.5), ("NOT USED: plain t", 0.0)):
                    low, high = family_ends(partial(student_t, least=least), gain)
                    yield row(claim, "counts", n, wrong(low, high, np.zeros_like(low)), **more)


def same(R: int) -> Iterator[Row]:
    """Count how often equal arms are called equivalent, against what `power` predicts."""
    for n in (5, 10, 20):
        for margin in (1.0, 2.0, 3.0):
            rng = stream(0, "same", n, str(margin))
            low, high = simultaneous(gains(normal(rng, (n, R, ARMS)), REFERENCE))
            held = (low > -margin) & (high < margin)
            aim = power.equivalence_power(0.0, np.sqrt(2.0), n, margin, (1 - LEVEL) / 6)
            more = {"family": f"±{margin:g}", "predicted": round(aim, 4)}
            yield row("equivalent", "normal", n, held, **more)


def stepdown(R: int) -> Iterator[Row]:
    """Count what Holm would find more, and what intervals at its step levels would hold."""
    for n in (5, 10, 20):
        for real in (3, 6):
            rng = stream(0, "stepdown", n, real)
            size = power.detectable(np.sqrt(2.0), n, (1 - LEVEL) / 6, 0.8)
            gain = gains(normal(rng, (n, R, ARMS)), REFERENCE)
            gain[..., :real] += size
            low, high = simultaneous(gain)
            found = ((low > 0) | (high < 0))[:, :real]
            more = {"family": f"{real} of 6 differ"}
            yield row("found, simultaneous", "normal", n, found, **more)
            yield row("found, Holm", "normal", n, holm(gain)[:, :real], **more)
    # six differences so large that Holm rejects them in a fixed order, the i-th at alpha / (6 - i)
    error = gains(normal(stream(0, "stepdown", "coverage"), (10, R, ARMS)), REFERENCE)
    ends = [student_t(error[..., i], 1 - (1 - LEVEL) / (6 - i)) for i in range(6)]
    held = np.all([(low <= 0) & (high >= 0) for low, high in ends], axis=0)
    yield row("NOT USED: Holm step intervals, whole family", "normal", 10, held, family="reference")


PARTS = {
    "cells": cells,
    "tunings": tunings,
    "coverage": coverage,
    "planted": planted,
    "counted": counted,
    "same": same,
    "stepdown": stepdown,
}


def simulate(R: int, parts: list[str] | None = None) -> list[Row]:
    """Return all rows of the named parts (all of them by default) from R replications each."""
    return [line for part in parts or list(PARTS) for line in PARTS[part](R)]


def show(line: Row) -> str:
    """Return one row as a line of the printed table."""
    family = line.get("family", "")
    extra = "".join(f"{key} {line[key]}" for key in ("tau", "spread") if key in line)
    if "predicted" in line:
        extra = f"predicted {100 * line['predicted']:.1f} %"
    share = f"{100 * line['share']:6.2f} % ± {100 * line['error']:.2f}"
    return f"{line['claim']:<44} {line['noise']:<24} {line['n']:>3} {family:<16} {share}  {extra}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=20_000)
    default = Path(__file__).parent / "results" / "verdicts.json"
    parser.add_argument("--out", type=Path, default=default)
    chosen = parser.parse_args()
    start = time.perf_counter()
    rows = simulate(chosen.replications)
    print(f"{'what':<44} {'noise':<24} {'n':>3} {'family':<16} share, simulation error")
    print("\n".join(show(line) for line in rows))
    body = ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in rows)
    head = f'"replications": {chosen.replications}, "level": {LEVEL}, "arms": {ARMS}'
    chosen.out.write_text(f'{{{head}, "rows": [\n  {body}\n]}}\n', encoding="utf-8")
    print(f"{len(rows)} rows in {time.perf_counter() - start:.0f} s, written to {chosen.out.name}")


if __name__ == "__main__":
    main()
