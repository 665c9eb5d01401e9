"""Cross-validate two learners that are equally good, and count how often they are told apart.

    python benchmarks/simulate_folds.py [--replications 4000] [--out FILE]

Real trainings, small enough to be repeated: two classes of Gaussian examples with two groups of
features that are distributed alike. One learner fits least squares to the first group, the other to
the second, so over data sets they are equally good by symmetry, while on any one data set one may
be ahead in all folds at once: that is the dependence that a plain t test does not see. "validation"
leaves a fifth of every training part out of the fit, as final runs of a study do.

Legend: R data sets, n folds times deals.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data import all_folds
from steepest.seeds import stream
from steepest.stats.interval import Array, student_t
from steepest.stats.resample import Basis

EXAMPLES, FEATURES, SHIFT, LEVEL = 120, 6, 0.5, 0.95


def draw(rng: np.random.Generator, R: int) -> tuple[Array, Array]:
    """Return examples (R, N, 2 d) and labels (N,), as many of either class."""
    y = np.arange(EXAMPLES) % 2
    x = rng.standard_normal((R, EXAMPLES, 2 * FEATURES))
    return x + SHIFT * (2 * y - 1)[None, :, None] / np.sqrt(FEATURES), y


def accuracy(x: Array, y: Array, train: Array, test: Array) -> Array:
    """Return the test accuracies (R,) of least squares on signs, with an intercept."""
    one = np.ones((*x.shape[:2], 1))
    inputs = np.concatenate([x, one], axis=2)
    a, signs = inputs[:, train], (2.0 * y - 1.0)[train]
    gram = np.einsum("rni,rnj->rij", a, a) + 1e-6 * np.eye(a.shape[2])
    weights = np.linalg.solve(gram, np.einsum("rni,n->ri", a, signs)[..., None])[..., 0]
    guess = np.einsum("rni,ri->rn", inputs[:, test], weights) > 0
    return np.asarray((guess == (y[test] == 1)).mean(axis=1))


def gains(x: Array, y: Array, k: int, deals: int, held: float) -> tuple[Array, float]:
    """Return differences (k deals, R) of the two learners, and test over training examples."""
    found, ratio = [], 0.0
    for deal in range(deals):
        for fold in all_folds(k, deal):
            train, test = fold.rows(y)
            kept = stream(0, "held", str(fold)).permutation(train)[round(held * len(train)) :]
            parts = (x[..., :FEATURES], x[..., FEATURES:])
            first, second = (accuracy(part, y, kept, test) for part in parts)
            found.append(first - second)
            ratio += len(test) / len(kept) / (k * deals)
    return np.stack(found), ratio


def rows(R: int) -> Iterator[dict[str, Any]]:
    """Yield, for every design, the share of data sets on which the learners are told apart."""
    for k, deals in ((3, 1), (5, 1), (5, 2), (5, 4), (10, 1), (10, 3)):
        for held in (0.0, 0.2):
            x, y = draw(stream(0, "folds", k, deals, str(held)), R)
            gain, ratio = gains(x, y, k, deals, held)
            n = len(gain)
            for claim, wide in (
                ("false verdict, corrected", Basis(ratio=ratio).widening(n)),
                ("NOT USED: plain t over folds", 1.0),
            ):
                low, high = student_t(gain, LEVEL, wide=wide)
                share = float(np.mean((low > 0) | (high < 0)))
                error = float(np.sqrt(share * (1 - share) / R))
                yield {
                    "claim": claim, "folds": k, "deals": deals, "validation": held,
                    "ratio": round(ratio, 4), "share": share, "error": error,
                }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=4_000)
    default = Path(__file__).parent / "results" / "folds.json"
    parser.add_argument("--out", type=Path, default=default)
    chosen = parser.parse_args()
    start, found = time.perf_counter(), []
    for line in rows(chosen.replications):
        found.append(line)
        design = f"{line['folds']} folds x {line['deals']}, validation {line['validation']:g}"
        share = f"{100 * line['share']:6.2f} % ± {100 * line['error']:.2f}"
        print(f"{line['claim']:<32} {design:<28} {share}", flush=True)
    body = ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in found)
    head = f'"replications": {chosen.replications}, "examples": {EXAMPLES}, "level": {LEVEL}'
    chosen.out.write_text(f'{{{head}, "rows": [\n  {body}\n]}}\n', encoding="utf-8")
    print(f"{len(found)} rows in {time.perf_counter() - start:.0f} s: {chosen.out.name}")


if __name__ == "__main__":
    main()
