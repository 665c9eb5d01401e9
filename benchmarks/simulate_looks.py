"""Extend studies of equal arms look by look, and count how often a verdict is wrong at any look.

    python benchmarks/simulate_looks.py [--replications 20000] [--out FILE]

A study is looked at after some seeds, extended while it has not said "better" or "worse", and
looked at again; wrong is one that says so at any look though all arms are equal. Scores are in
units of the spread of one run; all arms share the luck of their seed, all comparisons their arms.

Legend: R studies, A arms, m comparisons.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from simulate_verdicts import FAMILIES, LEVEL, NOISES, gains, wrong

from steepest.seeds import stream
from steepest.stats.interval import Array, student_t
from steepest.stats.sequential import looks

PLANS = {  # seeds at each look, of at most the last
    "2 looks": (10, 20),
    "3 looks": (5, 10, 20),
    "4 looks": (5, 10, 15, 20),
    "4 long looks": (10, 20, 30, 40),
    "an early end": (5, 10, 20, 40),
}
ARMS = 7


def false(
    scores: Array, pairs: list[tuple[int, int]], plan: tuple[int, ...], spends: bool
) -> Array:
    """Return in which studies (R,) a verdict on scores (S, R, A) is wrong at some look."""
    m, R = len(pairs), scores.shape[1]
    spent = looks([n / plan[-1] for n in plan], (1 - LEVEL) / m)
    found = np.zeros(R, bool)
    for n, look in zip(plan, spent, strict=True):
        level = 1 - (look.nominal if spends else (1 - LEVEL) / m)
        low, high = student_t(gains(scores[:n], pairs).reshape(n, R * m), level)
        found |= wrong(low.reshape(R, m), high.reshape(R, m), np.zeros((R, m)))
    return found


def rows(R: int) -> Iterator[dict[str, Any]]:
    """Yield the share of studies with a wrong verdict at any look, for every plan and noise."""
    for noise in ("normal", "skewed"):
        for name, plan in PLANS.items():
            rng = stream(0, "looks", noise, name)
            seed_luck = rng.standard_normal((plan[-1], R, 1))
            scores = seed_luck + NOISES[noise](rng, (plan[-1], R, ARMS))
            for family, pairs in FAMILIES.items():
                for claim, spends in (("false verdict", True), ("NOT USED: 95 % at each", False)):
                    share = float(np.mean(false(scores, pairs, plan, spends)))
                    error = float(np.sqrt(share * (1 - share) / R))
                    yield {
                        "claim": claim, "noise": noise, "plan": name, "seeds": list(plan),
                        "family": family, "share": share, "error": error,
                    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=20_000)
    default = Path(__file__).parent / "results" / "looks.json"
    parser.add_argument("--out", type=Path, default=default)
    chosen = parser.parse_args()
    start, found = time.perf_counter(), []
    for line in rows(chosen.replications):
        found.append(line)
        share = f"{100 * line['share']:6.2f} % ± {100 * line['error']:.2f}"
        design = f"{line['noise']:<8} {line['plan']:<14} {line['family']:<10}"
        print(f"{line['claim']:<24} {design} {share}", flush=True)
    body = ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in found)
    head = f'"replications": {chosen.replications}, "level": {LEVEL}, "arms": {ARMS}'
    chosen.out.write_text(f'{{{head}, "rows": [\n  {body}\n]}}\n', encoding="utf-8")
    print(f"{len(found)} rows in {time.perf_counter() - start:.0f} s: {chosen.out.name}")


if __name__ == "__main__":
    main()
