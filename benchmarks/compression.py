"""The figures of docs/guide/compression.md: sweeps of studies/ on part of their data.

    python benchmarks/compression.py studies/prune-mnist-mlp-weights.toml --examples 15000

writes results/<study>.json, <study>.png and <study>.md; `--guide` puts what lies there into the
guide. `--examples` draws a stratified part of the
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
from steepest.compress.cost import Cost
from steepest.compress.mask import LayerSparsity
from steepest.compress.sensitivity import Sensitivity, sensitivities
from steepest.compress.summary import COSTS, Row, pareto, summarise
from steepest.compress.sweep import read_sweep, run_sweep
from steepest.data import from_arrays, load
from steepest.data.batch import part
from steepest.report.compression import COLUMNS, compression_rows, plot_compression
from steepest.seeds import stream
from steepest.stats.interval import Interval

RESULTS = Path(__file__).parent / "results"
GUIDE = Path(__file__).parent.parent / "docs" / "guide" / "compression.md"
HEAD = ("method", "sparsity", "accuracy", "loss, points", "95 % of loss", "parameters", "non-zeros",
        "kB zlib", "MFLOPs", "µs b1", "µs b64", "onnxruntime µs b64")  # fmt: skip


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


def guide_line(row):
    cost, drop = row["cost"], row["drop"]
    times = [cost["latency"].get(k) for k in ("numpy 1", "numpy 64", "onnxruntime 64")]
    low_high = f"{100 * drop['low']:+.2f} to {100 * drop['high']:+.2f}" if drop else "-"
    emptied = f" ({row['emptied']} emptied)" if row.get("emptied") else ""
    return [
        row["method"], f"{row['sparsity']:g}", f"{row['accuracy']['mean']:.2%}{emptied}",
        f"{100 * drop['mean']:+.2f}" if drop else "-", low_high, f"{cost['params']:,}",
        f"{cost['nonzero']:,}", f"{cost['bytes_compressed'] / 1e3:.1f}",
        f"{cost['flops'] / 1e6:.3f}", *("-" if t is None else f"{1e6 * t:.1f}" for t in times),
    ]  # fmt: skip


def guide_table(name):
    rows = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
    lines = [HEAD, ["---"] * len(HEAD), *map(guide_line, rows)]
    figure = f"![{name}](../../benchmarks/results/{name}.png)"
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", figure])


def redraw(name):
    told = json.loads((RESULTS / f"{name}.json").read_text())
    rows = []
    for row in told["rows"]:
        intervals = {
            k: row[k]
            and Interval(**{n: float("inf") if v is None else v for n, v in row[k].items()})
            for k in ("accuracy", "drop", "cut", "test")
        }
        layers = tuple(LayerSparsity(**part) for part in row["layers"])
        rows.append(Row(**(row | intervals | {"cost": Cost(**row["cost"]), "layers": layers})))
    found = tuple(Sensitivity(**s) for s in told["sensitivity"])
    title = tomllib.loads((GUIDE.parents[2] / "studies" / f"{name}.toml").read_text())["question"]
    plot_compression(rows, found, RESULTS / f"{name}.png", title)


def headline():
    said = []
    for title, name in (("the MLP", "mlp"), ("`baseline_cnn`", "cnn")):
        rows = json.loads((RESULTS / f"prune-mnist-{name}-weights.json").read_text())["rows"]
        (row,) = (r for r in rows if (r["method"], r["sparsity"]) == ("magnitude", 0.8))
        drop = row["drop"]
        said.append(
            f"* 80 % of the weights removed by magnitude cost {title} {100 * drop['mean']:.2f} "
            f"points of accuracy (95 % interval {100 * drop['low']:+.2f} to "
            f"{100 * drop['high']:+.2f}, {drop['n']} seeds)."
        )
    return "\n".join(said)


def write_guide():
    head, *pieces = GUIDE.read_text().split("<!-- ")
    found = [head]
    for piece in pieces:
        mark, _, rest = piece.partition(" -->")
        if mark == "headline":
            rest = f"\n{headline()}\n"
        elif mark.startswith("table "):
            rest = f"\n{guide_table(mark.removeprefix('table '))}\n"
        found.append(f"{mark} -->{rest}")
    GUIDE.write_text("<!-- ".join(found))
    for path in RESULTS.glob("prune-*.json"):
        redraw(path.stem)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("studies", nargs="*", type=Path)
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--guide", action="store_true")
    given = parser.parse_args()
    if given.guide:
        write_guide()
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
