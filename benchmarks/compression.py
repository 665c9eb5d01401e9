"""The figures of docs/guide/compression.md, from the folders that sweeps left.

    steepest run studies/prune-mnist-mlp-weights.toml
    python benchmarks/compression.py runs/prune-mnist-mlp-weights --time
    python benchmarks/compression.py --guide

writes results/<study>.json, <study>.png and <study>.md. `--time` measures the latency of the first
seed's networks again, all in turn and in several rounds, of which the least median counts, by the
processor's clock: a sweep measures each network when it is made, with whatever else was going on.
`--ratios` prints how FLOPs and latencies of each network compare with the dense one's. `--guide`
puts what lies in results/ into the guide. Set OPENBLAS_NUM_THREADS and OMP_NUM_THREADS to 1.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import describe

from steepest.cli.restored_run import restore
from steepest.cli.run_folder import finite
from steepest.compress.cost import Cost, forward_calls
from steepest.compress.mask import LayerSparsity
from steepest.compress.sensitivity import Sensitivity
from steepest.compress.summary import COSTS, Row, pareto
from steepest.report.compression import COLUMNS, compression_rows, plot_compression
from steepest.stats.interval import Interval

ROUNDS, SAMPLES = 15, 5  # of timing, and of samples in each
LEAST = 2e-4  # seconds that a sample takes at least
RESULTS = Path(__file__).parent / "results"
GUIDE = Path(__file__).parent.parent / "docs" / "guide" / "compression.md"
HEAD = ("method", "sparsity", "accuracy", "loss, points", "95 % of loss", "parameters", "non-zeros",
        "kB zlib", "MFLOPs", "µs b1", "µs b64", "torch µs b64", "onnxruntime µs b64")  # fmt: skip
TIMED = ("numpy 1", "numpy 64", "torch 64", "onnxruntime 64")
HEADLINES = (
    ("the MLP on MNIST", "mnist-mlp-weights"),
    ("`baseline_cnn` on MNIST", "mnist-cnn-weights"),
    ("`baseline_cnn` on CIFAR-10", "cifar10-cnn"),
)


def collect(folder, again):
    """Copy a sweep's outcome to results/, its latencies measured again if asked for."""
    told = json.loads((folder / "prune.json").read_text())
    about = json.loads((folder / "sweep.json").read_text())
    if again:
        time_networks(folder, told["rows"])
    packages = ("numpy", "torch", "onnxruntime")
    told |= {
        "environment": about["environment"],
        "machine": describe(packages),
        "timed again": again,
    }
    rows = rows_of(told)
    told["pareto"] = {c: [[r.method, r.sparsity] for r in pareto(rows, c)] for c in COSTS}
    for point in told["points"]:
        del point["cost"]["latency"]  # those of the rows count
    (RESULTS / f"{folder.name}.json").write_text(json.dumps(finite(told), indent=1) + "\n")
    draw(folder.name)


def time_networks(folder, rows):
    """Measure the latency of all networks in turn, ROUNDS times; the least median counts.

    By the thread's processor time: what other programs took of the machine is left out.
    """
    found = {f"{row['method']}-{row['sparsity']:g}": row for row in rows}
    sessions = {n: restore(str(folder / n)).session for n in found if (folder / n).exists()}
    calls = {name: forward_calls(session) for name, session in sessions.items()}
    best = {name: dict.fromkeys(own, float("inf")) for name, own in calls.items()}
    for _ in range(ROUNDS):
        for name, own in calls.items():
            for what, call in own.items():
                best[name][what] = min(best[name][what], processor_seconds(call))
    for name, latency in best.items():
        found[name]["cost"] |= {"latency": latency}
        print(name, {k: round(1e6 * v, 1) for k, v in latency.items()}, flush=True)


def processor_seconds(call):
    """Return the median seconds of processor time of one call."""
    began = time.thread_time()
    call()  # the caches are warm after this
    repeat = max(1, int(LEAST / max(time.thread_time() - began, 1e-7)))
    taken = []
    for _ in range(SAMPLES):
        began = time.thread_time()
        for _ in range(repeat):
            call()
        taken.append((time.thread_time() - began) / repeat)
    return float(np.median(taken))


def rows_of(told):
    """Return an outcome's rows as the sweep had them."""
    rows = []
    for row in told["rows"]:
        intervals = {
            k: row[k]
            and Interval(**{n: float("inf") if v is None else v for n, v in row[k].items()})
            for k in ("accuracy", "drop", "cut", "test")
        }
        layers = tuple(LayerSparsity(**part) for part in row["layers"])
        rows.append(Row(**(row | intervals | {"cost": Cost(**row["cost"]), "layers": layers})))
    return rows


def draw(name):
    """Write the table and the figure of an outcome in results/."""
    told = json.loads((RESULTS / f"{name}.json").read_text())
    rows = rows_of(told)
    found = tuple(Sensitivity(**s) for s in told["sensitivity"])
    plot_compression(rows, found, RESULTS / f"{name}.png", told["sweep"]["question"])
    lines = [COLUMNS, ["---"] * len(COLUMNS), *compression_rows(rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    (RESULTS / f"{name}.md").write_text(table + "\n")


def guide_line(row):
    cost, drop = row["cost"], row["drop"]
    times = [cost["latency"].get(k) for k in TIMED]
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


def headline():
    said = []
    for title, name in HEADLINES:
        rows = json.loads((RESULTS / f"prune-{name}.json").read_text())["rows"]
        (row,) = (r for r in rows if (r["method"], r["sparsity"]) == ("magnitude", 0.8))
        drop = row["drop"]
        said.append(
            f"* 80 % of the weights removed by magnitude cost {title} {100 * drop['mean']:+.2f} "
            f"points of accuracy (95 % interval {100 * drop['low']:+.2f} to "
            f"{100 * drop['high']:+.2f}, {drop['n']} seeds)."
        )
    return "\n".join(said)


def ratios(name):
    """Return how many times less a network costs than the dense one, by the first method."""
    told = json.loads((RESULTS / f"{name}.json").read_text())
    rows, method = told["rows"], told["sweep"]["methods"][0]
    whole = rows[0]["cost"]
    names = [n for n in whole["latency"] if n in TIMED]
    lines = [["method", "sparsity", "FLOPs", *names], ["---"] * (3 + len(names))]
    for row in (r for r in rows if r["method"] == method):
        cost = row["cost"]
        times = [whole["latency"][n] / cost["latency"][n] for n in names if n in cost["latency"]]
        factors = [whole["flops"] / cost["flops"], *times]
        lines.append([row["method"], f"{row['sparsity']:g}", *(f"{f:.2f}×" for f in factors)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_guide():
    head, *pieces = GUIDE.read_text().split("<!-- ")
    found = [head]
    for piece in pieces:
        mark, _, rest = piece.partition(" -->")
        if mark == "headline":
            rest = f"\n{headline()}\n"
        elif mark.startswith("table "):
            rest = f"\n{guide_table(mark.removeprefix('table '))}\n"
        elif mark.startswith("ratios "):
            rest = f"\n{ratios(mark.removeprefix('ratios '))}\n"
        found.append(f"{mark} -->{rest}")
    GUIDE.write_text("<!-- ".join(found))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--ratios", action="store_true")
    parser.add_argument("--guide", action="store_true")
    given = parser.parse_args()
    for folder in given.folders:
        collect(folder, given.time)
        if given.ratios:
            print(ratios(folder.name))
    if given.guide:
        write_guide()


if __name__ == "__main__":
    main()
