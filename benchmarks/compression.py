"""The figures of docs/guide/compression.md: sweeps of studies/ on part of their data.

    python benchmarks/compression.py studies/prune-mnist-mlp-weights.toml --examples 15000

writes results/<study>.json, <study>.png and <study>.md. `--examples` draws a stratified part of the
training examples, the same one each time, so that a sweep takes minutes.
"""

import argparse
import json
import time
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

from machine import describe

from steepest.cli.run_folder import finite
from steepest.compress.sensitivity import sensitivities
from steepest.compress.summary import COSTS, pareto, summarise
from steepest.compress.sweep import read_sweep, run_sweep
from steepest.data import from_arrays, load
from steepest.data.batch import part
from steepest.report.compression import COLUMNS, compression_rows, plot_compression
from steepest.seeds import stream

RESULTS = Path(__file__).parent / "results"


def drawn(name, count):
    whole = load(name)
    if not count or count >= whole.n:
        return whole
    _, rows = part(whole.y, count / whole.n, stream(0, "examples"))
    test = (whole.test_x, whole.test_y)
    return from_arrays(name, whole.x[rows], whole.y[rows], test, whole.classes, whole.scale)


def sweep_file(path, count):
    sweep = read_sweep(tomllib.loads(path.read_text()), str(path))
    dataset = drawn(sweep.base.data, count)
    began, points, sensitive = time.monotonic(), [], ()
    for point in run_sweep(sweep, dataset):
        if not points:
            sensitive = sensitivities(point.session, sweep.methods[0], sweep.structured)
        points.append(replace(point, session=None))
        print(f"{time.monotonic() - began:6.1f} s  {point.seed} {point.method} {point.sparsity:g} "
              f"{point.accuracy:.4f} {point.epochs}", flush=True)  # fmt: skip
    return sweep, dataset, tuple(points), sensitive


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("studies", nargs="+", type=Path)
    parser.add_argument("--examples", type=int, default=0)
    given = parser.parse_args()
    for path in given.studies:
        sweep, dataset, points, sensitive = sweep_file(path, given.examples)
        rows = summarise(points)
        plot_compression(rows, sensitive, RESULTS / f"{path.stem}.png", sweep.question)
        lines = [COLUMNS, ["---"] * len(COLUMNS), *compression_rows(rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        (RESULTS / f"{path.stem}.md").write_text(table + "\n")
        told = {
            "study": path.name, "examples": dataset.n, "data": dataset.digest,
            "machine": describe(("numpy", "onnxruntime")), "rows": [asdict(r) for r in rows],
            "pareto": {c: [[r.method, r.sparsity] for r in pareto(rows, c)] for c in COSTS},
            "sensitivity": [asdict(s) for s in sensitive],
            "points": [{k: v for k, v in asdict(p).items() if k != "session"} for p in points],
        }  # fmt: skip
        (RESULTS / f"{path.stem}.json").write_text(json.dumps(finite(told), indent=1) + "\n")


if __name__ == "__main__":
    main()
