"""How quick a store of 100,000 runs and a million epochs is; writes results/store.json.

Run as `python benchmarks/store.py`. Figures are seconds unless their name says otherwise.
Targets: opening 0.5 s, a page of runs 0.1 s.
"""

import hashlib
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from steepest.study import query
from steepest.study.record import Place, PlannedRun
from steepest.study.store import Store, open_store

RUNS, EPOCHS, CHUNK = 100_000, 10, 2_000
OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "rmsprop", "nadam", "adagrad")
OUT = Path(__file__).parent / "results" / "store.json"


def plan(k: int) -> PlannedRun:
    optimizer = OPTIMIZERS[k % 7]
    cell = hashlib.sha256(f"cell{k // 10}".encode()).hexdigest()
    return PlannedRun(
        key=hashlib.sha256(f"run{k}".encode()).hexdigest(),
        cell=cell,
        spec=json.dumps({"optimizer": optimizer, "lr": 0.01, "cell": k // 10, "pad": "x" * 150}),
        data="digits",
        model="mlp",
        optimizer=optimizer,
        seed=k % 10,
        batch_size=64,
        lr=0.01,
        epochs=EPOCHS,
    )


def rows(k: int) -> list[dict]:
    same = {"updates": 10, "examples": 640, "flops": 1e9, "seconds": 0.5, "lr": 0.01}
    loss = {"train_loss": 0.1, "val_loss": 0.2 + k, "train_accuracy": 0.9, "val_accuracy": 0.8}
    return [{"epoch": epoch, **same, **loss} for epoch in range(1, EPOCHS + 1)]


def fill(store: Store) -> dict[str, float]:
    """Record 100,000 runs with their epochs as a study does, one change after the other."""
    study = store.add_study("big", "How quick?", "{}", "0")
    start = time.perf_counter()
    for first in range(0, RUNS, CHUNK):
        plans = [plan(k) for k in range(first, first + CHUNK)]
        store.add_runs(plans)
        store.place_runs(study.id, [Place(p.key, p.cell, "final", p.seed) for p in plans])
        for k, one in enumerate(plans, first):
            store.start_run(one.key, "numpy")
            for row in rows(k):
                store.record_epochs(one.key, [row])
            store.finish_run(one.key, "finished", summary={"seconds": 5.0, "metrics": {"a": 1.0}})
    store.flush()
    seconds = time.perf_counter() - start
    return {"fill_seconds": seconds, "epochs_per_second": RUNS * EPOCHS / seconds}


def median(work: Callable[[], object], times: int = 15) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def reopen(path: Path, *, write: bool) -> None:
    with open_store(str(path), write=write) as store:
        query.list_runs(store, limit=1)


def open_cold(path: Path) -> float:
    """Return the seconds a fresh process needs to open the store, imports left out."""
    script = (
        "import sys, time; from steepest.study.store import open_store; t = time.perf_counter()\n"
        "with open_store(sys.argv[1]) as s: print(time.perf_counter() - t)"
    )
    command = [sys.executable, "-c", script, str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def questions(path: Path) -> dict[str, float]:
    keys = [plan(k).key for k in range(RUNS)]
    found = {
        "open_cold": statistics.median(open_cold(path) for _ in range(5)),
        "open_write": median(lambda: reopen(path, write=True)),
        "open_read": median(lambda: reopen(path, write=False)),
    }
    with open_store(str(path)) as store:
        study = query.find_study(store, "big").id
        found |= {
            "first_page_of_100": median(lambda: query.list_runs(store)),
            "deep_page_of_100": median(lambda: query.list_runs(store, before=5_000)),
            "page_of_one_optimizer": median(lambda: query.list_runs(store, optimizer="adam")),
            "latest_run": median(lambda: query.latest_runs(store, "adam")),
            "run_by_prefix": median(lambda: query.find_run(store, keys[777][:10])),
            "one_curve": median(lambda: query.read_curves(store, keys[5:6])),
            "thousand_curves": median(lambda: query.read_curves(store, keys[:1000]), 3),
            "finished_of_10000": median(lambda: store.finished(keys[:10_000]), 3),
            "count_of_study": median(lambda: query.count_runs(store, study), 3),
            "quick_check": median(store.check, 1),
        }
    return found


def durable_rate(folder: Path) -> dict[str, float]:
    """Return the median and worst seconds until an epoch recorded alone is durable."""
    with open_store(str(folder / "small.db")) as store:
        store.add_runs([plan(0)])
        took = []
        for epoch in range(200):
            start = time.perf_counter()
            store.record_epochs(plan(0).key, [{"epoch": epoch, "val_loss": 0.5}]).result()
            took.append(time.perf_counter() - start)
    return {"acknowledge_median": statistics.median(took), "acknowledge_worst": max(took)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "big.db"
        with open_store(str(path)) as store:
            found = fill(store)
        found["megabytes"] = path.stat().st_size / 1e6
        found |= questions(path) | durable_rate(Path(name))
    machine = {
        "cpu_count": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    rounded = {key: float(f"{value:.4g}") for key, value in found.items()}
    result = {"runs": RUNS, "epochs": RUNS * EPOCHS, "machine": machine, "measured": rounded}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(OUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
