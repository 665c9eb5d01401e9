"""Simulate whole studies whose truth is known, through the code that conducts real ones.

    python benchmarks/simulate_protocol.py [--studies 2000] [--out FILE]

Trials come from the study's own spaces (`Study.cells`), the winner from `protocol.choose`, seeds
from `Study.final_seeds`, verdicts from `conclusion.judge`. Only training is replaced: a cell's
height is a hill over the learning rate plus the luck of that trial (`tau`), and a run's score is
that height, an effect of the seed which all arms share, and noise of its own. So what
`simulate_verdicts.py` shows of the formulas is shown here of the path that leads to them.

Seven arms, five trials each. With one tuning a claim is about cells: it is false where the cells'
heights do not differ that way. With several it is about arms, which are equally high here but for
the planted one. Scores are in points (0.01); noise has a spread of one point.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

from steepest.seeds import stream
from steepest.stats import power
from steepest.study.conclusion import judge
from steepest.study.design import Study, from_arms
from steepest.study.protocol import Score, choose, plan_final
from steepest.study.space import Values

Row = dict[str, Any]
Rng = np.random.Generator
ARMS = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "nadam")
BASE = {"data": "digits", "model": "mlp"}
POINT, LEVEL = 0.01, 0.95
OUT = Path(__file__).parent / "results" / "protocol.json"


@dataclass(frozen=True)
class World:
    """The truth: how high cells are, and how much scores scatter, in points."""

    tau: float = 0.0  # spread of the luck of a trial
    slope: float = 0.0  # points lost per squared decade from the middle of the range
    planted: float = 0.0  # by which the last arm is higher
    noise: float = 1.0


@dataclass(frozen=True, eq=False)
class Simulated:
    """An arm's final runs, as `judge` reads them, and the heights of its cells, one a tuning."""

    name: str
    scores: np.ndarray
    tunings: np.ndarray
    diverged: np.ndarray
    heights: np.ndarray


def make(reference: str | None, seeds: int, tunings: int) -> Study:
    """Return the study of seven arms that is simulated."""
    return from_arms(
        ARMS, BASE, "simulated", "?", trials=5, seeds=seeds, tunings=tunings, reference=reference
    )


def height(study: Study, name: str, values: Values, world: World) -> float:
    """Return the height of a cell without its luck."""
    (one,) = study.arm(name).space
    away = log10(dict(values)[one.name]) - (log10(one.low) + log10(one.high)) / 2
    return (world.planted if name == ARMS[-1] else 0.0) - world.slope * away**2


def conduct(study: Study, world: World, rng: Rng) -> list[Simulated]:
    """Tune every arm and evaluate what was chosen, as often as the study says."""
    found: dict[str, list[tuple[int, float, np.ndarray]]] = {a.name: [] for a in study.arms}
    for k in range(study.tunings):
        effect = rng.standard_normal(study.seeds)  # of the seed, shared by all arms
        for arm in study.arms:
            cells = study.cells(arm, k)
            luck = world.tau * rng.standard_normal(len(cells))
            true = np.array([height(study, arm.name, v, world) for v in cells]) + luck
            seen = 90 + true + world.noise * rng.standard_normal(len(cells))
            scores = [
                Score(v, str(i), POINT * s, diverged=False)
                for i, (v, s) in enumerate(zip(cells, seen, strict=True))
            ]
            best = cells.index(choose(study, arm, k, scores).values)
            own = world.noise * rng.standard_normal(study.seeds)
            found[arm.name].append((k, true[best], POINT * (90 + true[best] + effect + own)))
    return [
        Simulated(
            name,
            np.concatenate([scores for _, _, scores in parts]),
            np.repeat([k for k, _, _ in parts], study.seeds),
            np.zeros(len(parts) * study.seeds, bool),
            np.array([h for _, h, _ in parts]),
        )
        for name, parts in found.items()
    ]


def truth(study: Study, arms: list[Simulated], world: World, pair: tuple[str, str]) -> float:
    """Return the true difference that a claim about a pair is about."""
    if study.tunings == 1:
        heights = {a.name: float(a.heights[0]) for a in arms}
        return heights[pair[0]] - heights[pair[1]]
    planted = {name: world.planted if name == ARMS[-1] else 0.0 for name in ARMS}
    return planted[pair[0]] - planted[pair[1]]


def is_false(study: Study, arms: list[Simulated], world: World) -> bool:
    """Tell whether some "better" or "worse" of a study contradicts the truth."""
    for v in judge(study, arms, study.reference):
        difference = truth(study, arms, world, (v.a, v.b))
        if (v.word == "better" and difference <= 0) or (v.word == "worse" and difference >= 0):
            return True
    return False


def check_path(study: Study) -> None:
    """Show once that what is simulated is what would be run: cells, seeds and their order."""
    chosen = [
        choose(study, a, k, [Score(v, "", 0.0, diverged=False) for v in study.cells(a, k)])
        for k in range(study.tunings)
        for a in study.arms
    ]
    for name in ARMS:
        mine = [p for p in plan_final(study, "", chosen) if p.place.arm == name]
        seeds = [s for k in range(study.tunings) for s in study.final_seeds(k)]
        assert [p.place.seed for p in mine] == seeds
        assert [p.place.tuning for p in mine] == sorted(p.place.tuning for p in mine)


def row(claim: str, study: Study, world: World, events: list[bool], **more: Any) -> Row:
    """Return one line of the result: the share of events with its simulation error."""
    share = float(np.mean(events))
    family = "reference" if study.reference else "all pairs"
    return {
        "claim": claim, "family": family, "seeds": study.seeds, "tunings": study.tunings,
        "tau": world.tau, "slope": world.slope, **more, "share": share,
        "error": float(np.sqrt(share * (1 - share) / len(events))),
    }  # fmt: skip


def equal(studies: int) -> Iterator[Row]:
    """Count studies of equal arms with a false "better" or "worse"."""
    worlds = (World(), World(tau=0.5, slope=1.0), World(tau=1.0))
    for tunings, counts, claim in (
        (1, (5, 10, 20), "cells"),
        (5, (10,), "arms"),
        (10, (5,), "arms"),
    ):
        for seeds in counts:
            for reference in (ARMS[0], None):
                study = make(reference, seeds, tunings)
                check_path(study)
                for world in worlds if tunings == 1 else worlds[1:]:
                    rng = stream(0, "equal", str(study.digest), str(world))
                    false = [
                        is_false(study, conduct(study, world, rng), world) for _ in range(studies)
                    ]
                    yield row(f"false better, {claim}", study, world, false)


def planted(studies: int) -> Iterator[Row]:
    """Count studies that find a planted difference, against the power the tool predicts."""
    alpha = (1 - LEVEL) / (len(ARMS) - 1)
    for seeds, tunings in ((5, 1), (10, 1), (20, 1), (10, 5)):
        study = make(ARMS[0], seeds, tunings)
        rng = stream(0, "planted", str(study.digest))
        spread, units = np.sqrt(2.0 / (seeds if tunings > 1 else 1)), max(tunings, 1)
        for aim in (0.5, 0.8):
            size = power.detectable(spread, units if tunings > 1 else seeds, alpha, aim)
            world = World(planted=float(size))
            found = []
            for _ in range(studies):
                verdicts = judge(study, conduct(study, world, rng), ARMS[0])
                found.append(any(v.a == ARMS[-1] and v.word == "better" for v in verdicts))
            yield row("found", study, world, found, predicted=aim, points=float(size))


def show(line: Row) -> str:
    """Return one row as a line of the printed table."""
    extra = f"predicted {100 * line['predicted']:.0f} %" if "predicted" in line else ""
    share = f"{100 * line['share']:6.2f} % ± {100 * line['error']:.2f}"
    return (
        f"{line['claim']:<20} {line['family']:<10} {line['seeds']:>3} seeds {line['tunings']:>2} "
        f"tunings  tau {line['tau']:.1f}  {share}  {extra}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=OUT)
    wishes = parser.parse_args()
    began, rows = time.perf_counter(), []
    for part in (equal, planted):
        for line in part(wishes.studies):
            rows.append(line)
            print(show(line), flush=True)
    body = ",\n  ".join(json.dumps(line) for line in rows)
    head = f'"studies": {wishes.studies}, "arms": {len(ARMS)}, "trials": 5'
    wishes.out.write_text(f'{{{head}, "rows": [\n  {body}\n]}}\n', encoding="utf-8")
    print(f"{len(rows)} rows in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
