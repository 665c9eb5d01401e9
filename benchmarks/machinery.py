"""What a study costs beside training; writes results/machinery.json.

    python benchmarks/machinery.py [--runs 10000] [--jobs 2] [--only share,trivial] [--out FILE]

`share`: of a worker's whole time on a run of five epochs of the MLP on MNIST (in STEEPEST_DATA),
how much is in gathering and replaying programs; the rest is opening, tables, measures and telling.
Once with a session of its own and once in lent memory, as every further run of a cell has it.
Target: 95 %.

`trivial`: runs so short that nothing but the machinery is left (digits, four hidden units, one
epoch of one full batch, measured on validation and test data, stored), conducted as a study.
Target: 5 ms of a worker's time each.
"""

import machine  # isort: skip
import os

os.environ.update(machine.environment(1))  # before NumPy is loaded

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from steepest.data import load
from steepest.spec import RunSpec
from steepest.study.design import from_arms
from steepest.study.runner import Conduct
from steepest.study.store import open_store
from steepest.study.task import perform
from steepest.train import evaluate, loop

OUT = Path(__file__).parent / "results" / "machinery.json"


def share(folder: Path) -> dict[str, Any]:
    """Return the share of a worker's time that is in gather and replay."""
    spent = {"train": 0.0, "evaluation": 0.0}
    loop.replay = timed(loop.replay, spent, "train")
    evaluate._sweep = timed(evaluate._sweep, spent, "evaluation")  # noqa: SLF001 - to be timed
    load("mnist")
    found = {}
    for name, seed in (("warm-up", 0), ("own memory", 1), ("lent memory", 2)):
        if name == "own memory":
            from steepest.train.lender import LENDER

            LENDER.__init__()
        spent.update(train=0.0, evaluation=0.0)
        spec = RunSpec(data="mnist", model="mlp", optimizer="adam", epochs=5, seed=seed)
        task = {"spec": spec.plain(), "key": "k", "test": True, "keep": "last"}
        began = time.perf_counter()
        perform(task | {"folder": str(folder)}, lambda _: None)
        total = time.perf_counter() - began
        found[name] = {"seconds": total, **spent, "share": sum(spent.values()) / total}
    found.pop("warm-up")
    return found


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    """Return the function with its time added to `spent`."""

    def call(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            spent[name] += time.perf_counter() - began

    return call


def trivial(folder: Path, runs: int, jobs: int) -> dict[str, Any]:
    """Return the milliseconds of a worker per trivial run, planning and storing included."""
    base = {"data": "digits", "model": "mlp(hidden=[4])", "epochs": 1, "batch_size": "full"}
    arms = ["sgd(lr=0.1)", "adam(lr=0.01)"]
    study = from_arms(arms, base, "trivial", "?", trials=0, seeds=runs // 2)
    began, worked = time.perf_counter(), cpu_seconds()
    with open_store(f"sqlite:///{folder}/steepest.db") as store:
        first, last = None, 0.0
        for step in Conduct(study, store, jobs, folder).run():
            if step.kind == "done":
                last = time.perf_counter()
                first = first or last
        assert step.done == step.total == runs
    whole, worked = time.perf_counter() - began, cpu_seconds() - worked
    began = time.perf_counter()
    with open_store(f"sqlite:///{folder}/steepest.db") as store:
        assert all(s.kind == "plan" for s in Conduct(study, store, jobs, folder).run())
    return {
        "runs": runs,
        "jobs": jobs,
        "seconds": whole,
        "ms per run and worker": 1e3 * whole * jobs / runs,
        "processor ms per run, all processes": 1e3 * worked / runs,
        "ms per run and worker between the first result and the last": 1e3
        * (last - first)
        * jobs
        / runs,
        "seconds to find that nothing is missing": time.perf_counter() - began,
    }


def cpu_seconds() -> float:
    """Return the processor time of this process and of its workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="share,trivial")
    parser.add_argument("--out", type=Path, default=OUT)
    wishes = parser.parse_args()
    found: dict[str, Any] = {"machine": machine.describe(["numpy", "steepest"])}
    if wishes.out.exists():
        found = json.loads(wishes.out.read_text()) | found
    parts = {"share": share, "trivial": partial(trivial, runs=wishes.runs, jobs=wishes.jobs)}
    for name in wishes.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = parts[name](Path(folder))
        print(name, json.dumps(found[name], indent=2))
    wishes.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
