"""Simulate searches on surfaces whose truth is known; nothing is trained.

    python benchmarks/simulate_search.py [--searches 1000] [--out FILE]

Three questions. Does TPE, through the code that real studies ask, come nearer to the top of a hill
than random search with the same budget? Do intervals of the best of k trials cover what they say:
the bootstrap of the expected best, and the exact one of the median best that the report shows? How
much do estimates of importance scatter from search to search, and what do they say of scores
without any cause?
"""

import argparse
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from steepest.seeds import stream
from steepest.stats.tuneability import typical_best
from steepest.study.importance import explained
from steepest.study.proposal import Rung, Told
from steepest.study.protocol import Score
from steepest.study.search import search_of
from steepest.study.space import Range, Values

SPACE = (
    Range("optimizer.lr", 1e-4, 1.0, log=True),
    Range("optimizer.momentum", 0.5, 0.99),
    Range("l2", 1e-6, 1e-1, log=True),
)
OUT = Path(__file__).parent / "results" / "search.json"
TUNINGS, RESAMPLES = 20, 400


def hill(shares: np.ndarray) -> np.ndarray:
    """Return the score at shares of the three ranges (..., 3); the top is 1."""
    a, b, c = np.moveaxis(shares, -1, 0)
    return 1 - 3 * (a - 0.62) ** 2 - (b - 0.3) ** 2 - 0.3 * (c - 0.45) ** 2


def cliff(shares: np.ndarray) -> np.ndarray:
    """Return the score of a hill whose upper fifth of rates is at chance level."""
    a = shares[..., 0]
    return np.where(a > 0.8, 0.1, 0.97 - 0.3 * np.abs(a - 0.6) ** 1.5)


def shares_of(values: Values) -> np.ndarray:
    """Return where a trial lies in the ranges, as shares of the way."""
    found = dict(values)
    return np.array([r.share(found[r.name]) for r in SPACE])


def regret(search: str, trials: int, tuning: int) -> float:
    """Return how far below the top the best trial of a search lies."""
    told: list[Told] = []
    while more := search_of(search).ask(SPACE, Rung(trials, 1), told, tuning):
        told += [Told(p.values, float(hill(shares_of(p.values))), 1) for p in more]
    return 1 - max(t.score for t in told if t.score is not None)


def contest() -> list[dict[str, Any]]:
    """Compare TPE and random search over 20 tunings at three budgets."""
    rows = []
    for trials in (16, 32, 64):
        found = {s: [regret(s, trials, k) for k in range(TUNINGS)] for s in ("tpe", "random")}
        ahead = sum(a < b for a, b in zip(found["tpe"], found["random"], strict=True))
        means = {name: float(np.mean(values)) for name, values in found.items()}
        rows.append({"trials": trials, "tpe_ahead": ahead, "tunings": TUNINGS, "regret": means})
    return rows


def coverage(searches: int) -> list[dict[str, Any]]:
    """Count how often intervals of the best of k trials hold the truth."""
    rows = []
    for name, surface in (("hill", hill), ("cliff", cliff)):
        population = np.sort(surface(stream(0, "population", name).random((200_000, 3))))
        for n in (8, 16, 32):
            rng = stream(n, "coverage", name)
            scores = surface(rng.random((searches, n, 3)))
            ks = sorted({1, n // 4, n // 2, n})
            bootstrap = _bootstrap(scores, population, ks, rng)
            rows.append(
                {
                    "surface": name, "n": n, "k": ks, "expected_bootstrap": bootstrap,
                    "median_exact": _exact(scores, population, ks),
                }
            )  # fmt: skip
    return rows


def _bootstrap(scores: np.ndarray, population: np.ndarray, ks: list[int], rng: Any) -> list[float]:
    """Return the coverage of percentile intervals of the unbiased expected best (Tang 2020)."""
    n, size = scores.shape[1], len(population)
    weights = np.array(
        [[math.comb(i - 1, k - 1) / math.comb(n, k) for i in range(1, n + 1)] for k in ks]
    )
    edges = np.arange(size + 1) / size
    truth = np.array([np.diff(edges**k) @ population for k in ks])
    held = np.zeros(len(ks))
    for row in scores:
        drawn = np.sort(row[rng.integers(n, size=(RESAMPLES, n))], axis=1) @ weights.T
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        held += (low <= truth) & (truth <= high)
    return (held / len(scores)).tolist()


def _exact(scores: np.ndarray, population: np.ndarray, ks: list[int]) -> list[float]:
    """Return the coverage of the report's intervals of the median best."""
    truth = [float(np.quantile(population, 0.5 ** (1 / k))) for k in ks]
    held = np.zeros(len(ks))
    for row in scores:
        found = typical_best(row, max(ks))
        for j, (k, value) in enumerate(zip(ks, truth, strict=True)):
            t = found[k - 1]
            held[j] += (t.low is None or t.low <= value) and (t.high is None or value <= t.high)
    return (held / len(scores)).tolist()


def importances(searches: int) -> list[dict[str, Any]]:
    """Measure how estimates of importance scatter, of a hill and of noise."""
    rows = []
    for kind in ("hill", "noise"):
        for n in (16, 32):
            rng = stream(n, "importance", kind)
            ours, pedanova = [], []
            for _ in range(searches):
                shares = rng.random((n, 3))
                scores = rng.random(n) if kind == "noise" else hill(shares)
                values = [tuple(zip((r.name for r in SPACE), _at(s), strict=True)) for s in shares]
                trials = [Score(v, "", s, False, 1) for v, s in zip(values, scores, strict=True)]
                ours.append([i.share for i in explained(SPACE, trials, False)])
                pedanova.append(_pedanova(shares, scores))
            rows.append({"scores": kind, "n": n, "ours": _spread(ours), "ped": _spread(pedanova)})
    return rows


def _at(shares: np.ndarray) -> list[float]:
    return [r.at(float(s)) for r, s in zip(SPACE, shares, strict=True)]


def _spread(found: list[list[float]]) -> dict[str, list[float]]:
    array = np.array(found)
    return {"mean": array.mean(axis=0).tolist(), "sd": array.std(axis=0, ddof=1).tolist()}


def _pedanova(shares: np.ndarray, scores: np.ndarray) -> list[float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    known = {r.name: optuna.distributions.FloatDistribution(0.0, 1.0) for r in SPACE}
    for row, score in zip(shares.tolist(), scores.tolist(), strict=True):
        params = dict(zip(known, row, strict=True))
        study.add_trial(optuna.trial.create_trial(params=params, distributions=known, value=score))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    return [float(found[r.name]) for r in SPACE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    found = {
        "searches": given.searches,
        "contest": contest(),
        "coverage": coverage(given.searches),
        "importance": importances(max(given.searches // 50, 4)),
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for part, rows in found.items():
        for row in rows if isinstance(rows, list) else []:
            print(part, json.dumps(row))


if __name__ == "__main__":
    main()
