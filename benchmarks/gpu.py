"""Time training on a CUDA device: CIFAR-10 nets beside PyTorch, and a study of many small runs.

`make bench-gpu` runs everything and writes `results/gpu.json`. Examples are random bytes of
CIFAR-10's and MNIST's shapes: time does not depend on what is on them. Every figure stands beside
the largest product rate that the device reaches here, measured in the same minute. On a machine
without CUDA the script says so and stops; `--device cpu --examples 512` only shows that it works.

    python benchmarks/gpu.py --models quizdnn,resnet18 --batch 512 --runs 1,16,64,256,1024
    python benchmarks/gpu.py --only recipes   # the studies of CIFAR-10 nets, on the real data
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import machine
import numpy as np
import ours_cnn
from rivals import cuda_torch

from steepest.data import from_arrays
from steepest.seeds import stream
from steepest.spec import RunSpec
from steepest.train.loop import train_session
from steepest.train.partition import Split
from steepest.train.session import open_session

HERE = Path(__file__).parent
RESULT = HERE / "results" / "gpu.json"
RECIPES = ("quizdnn-cifar10", "resnet18-cifar10", "resnet18-cifar10-full")
MNIST = (28, 28, 1)
MANY = 1000  # epochs a run may have here
WARM = 2  # epochs before those that are timed: they compile and capture
ROUNDS = 3


def examples(shape, count):
    """Return a data set of random bytes, nothing held out, nothing to test on."""
    generator = stream(0, "examples")
    x = generator.integers(0, 256, (count, *shape)).astype(np.uint8)
    return from_arrays("random", x, np.arange(count) % ours_cnn.CLASSES, (x[:0], np.zeros(0, int)))


def everything(dataset, runs=1):
    """Return the split that trains on every row in all runs."""
    rows = np.tile(np.arange(dataset.n), (runs, 1))
    return Split(rows, np.empty((runs, 0), np.int64))


def wait(device):
    """Wait until the device has done what it was given."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def program(specs, dataset, device):
    """Return epoch(), which trains runs in one program for an epoch, and notes on how it works."""
    began = time.perf_counter()
    session = open_session(specs, dataset, everything(dataset, len(specs)))
    wait(device)
    loop, opened = train_session(session), time.perf_counter() - began
    return partial(next, loop), lambda: {"opened in": opened, "not captured": not_captured(session)}


def timed(makers, device, rounds=ROUNDS):
    """Return, for every way, the median seconds of an epoch; ways take turns.

    `makers` makes (epoch, notes) by label. All are made and warmed up before one is timed; one that
    fails leaves its reason.
    """
    ways, found = {}, {}
    for label, make in makers.items():
        print(f"  {label}", file=sys.stderr, flush=True)
        try:
            began = time.perf_counter()
            ways[label] = make()
            for _ in range(WARM):
                ways[label][0]()
            wait(device)
            found[label] = {"ready in": time.perf_counter() - began}
        except Exception as error:  # noqa: BLE001 - one way's failure is a figure, not the end
            ways.pop(label, None)
            found[label] = {"failed": " ".join(str(error).split()[:40]) or type(error).__name__}
    seconds = {label: [] for label in ways}
    for _ in range(rounds):
        for label, (epoch, _) in ways.items():
            wait(device)
            begin = time.perf_counter()
            epoch()
            wait(device)
            seconds[label].append(time.perf_counter() - begin)
    for label, taken in seconds.items():
        found[label] |= {"epoch seconds": statistics.median(taken), "rounds": taken}
        found[label] |= ways[label][1]()
    return found


def not_captured(session):
    """Return why programs run kernel by kernel: what was known before, and captures that failed."""
    kernels = [kernel for bound in session.bound.values() for kernel, _ in bound.code]
    failed = {getattr(kernel, "note", "") for kernel in kernels}
    return sorted({note for note in {*session.engine.capture_notes, *failed} if note})


def ours(model, dataset, given, precision, compiled=False):
    """Return our way to train a net for an epoch."""
    spec = RunSpec(
        data="random", model=model, optimizer="momentum(lr=0.01)", epochs=MANY,
        batch_size=given.batch, validation=0.0, engine="torch", device=given.device,
        precision=precision, compile=compiled,
    )  # fmt: skip
    return program([spec], dataset, given.device)


def network(model, dataset, given, peak_rate):
    """Time a net in every way; all are counted by the FLOPs of our program."""
    flops = ours_cnn.flops(model, given.batch) * dataset.n / given.batch
    makers = {label: partial(ours, model, dataset, given, *how) for label, *how in OURS}
    makers |= {
        label: partial(cuda_torch.plain, model, dataset, given, how) for label, how in RIVALS
    }
    found = timed(makers, given.device)
    for one in found.values():
        if "epoch seconds" in one:
            seconds = one["epoch seconds"]
            rate = flops / seconds / 1e12
            one |= {"images a second": dataset.n / seconds, "TFLOP/s": rate}
            one["of the bfloat16 peak"] = rate / peak_rate
    return found


OURS = (
    ("steepest, bfloat16", "bfloat16", False),
    ("steepest, bfloat16, compiled", "bfloat16", True),
    ("steepest, float32", "float32", False),
)
RIVALS = (("PyTorch, autocast", False), ("PyTorch, autocast, torch.compile", True))


def study(runs, dataset, given):
    """Time many short MLP runs in one program, beside torch.func; with runs a second."""
    makers = {
        "steepest": partial(many, runs, dataset, given),
        "PyTorch, vmap": partial(cuda_torch.stacked, runs, dataset, given),
    }
    if runs in given.compiled_runs:
        makers["steepest, compiled"] = partial(many, runs, dataset, given, compiled=True)
    found = timed(makers, given.device)
    for one in found.values():
        if "epoch seconds" in one:
            one["runs a second"] = runs / one["epoch seconds"]
    return found


def many(runs, dataset, given, compiled=False):
    """Return our way to train `runs` MLPs for an epoch."""
    specs = [
        RunSpec(
            data="random", model="mlp", optimizer=f"adam(lr={1e-3 * (1 + seed % 5):g})", seed=seed,
            epochs=MANY, batch_size=64, validation=0.0, engine="torch", device=given.device,
            compile=compiled,
        )
        for seed in range(runs)
    ]  # fmt: skip
    return program(specs, dataset, given.device)


def recipe(name, device):
    """Run a study of a CIFAR-10 net on the real data; return what it says of its arms."""
    folder = HERE.parent
    file = folder / "studies" / f"{name}.toml"
    start = "from steepest.cli.main import main; main()"
    command = [sys.executable, "-c", start, "run", str(file), "--json", "--no-open", "--jobs", "1"]
    begin = time.perf_counter()
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        return {"failed": done.stderr.strip().splitlines()[-1:], "device": device}
    said = json.loads(done.stdout)
    kept = ("name", "mean", "low", "high", "n", "seconds", "scores")
    found = {"arms": [{k: arm[k] for k in kept} for arm in said["arms"]]}
    return found | {"claims": said["claims"], "seconds of the study": time.perf_counter() - begin}


def peak(device, kind, size=8192):
    """Return the TFLOP/s of a square matrix product, the measured ceiling of everything here."""
    import torch

    size = size if device == "cuda" else 512
    a, b = (torch.randn(size, size, device=device, dtype=getattr(torch, kind)) for _ in "ab")
    best = float("inf")
    for _ in range(10):
        wait(device)
        begin = time.perf_counter()
        a @ b
        wait(device)
        best = min(best, time.perf_counter() - begin)
    return 2 * size**3 / best / 1e12


def arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--models", default="quizdnn,resnet18")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--examples", type=int, default=49_152, help="whole batches, no tail")
    parser.add_argument("--runs", default="1,16,64,256,1024", help="of the MLP in one program")
    parser.add_argument("--compiled-runs", default="64,1024", help="of those, compiled as well")
    parser.add_argument("--only", choices=["nets", "study", "recipes"], help="not all three")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    given.compiled_runs = [int(n) for n in given.compiled_runs.split(",") if n]
    return given


def main():
    given = arguments()
    try:
        import torch
    except ImportError:
        sys.exit("benchmarks/gpu.py needs PyTorch")
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device on this machine: nothing was timed")
    name = torch.cuda.get_device_name() if given.device == "cuda" else "the CPU"
    result = known(given.out, name) | {"machine": machine.describe(("torch", "steepest"))}
    result |= {"device": name}
    result["peak TFLOP/s"] = {k: peak(given.device, k) for k in ("bfloat16", "float32")}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for part, figures in PARTS.items():
        if given.only in (None, part):
            for name, found in figures(given, result):
                result[part] = result.get(part, {}) | {name: found}
                text = json.dumps(result, indent=1)
                given.out.write_text(text + "\n", encoding="utf-8")  # what came counts if it is cut
                print(f"{part}: {name}: {json.dumps(found)}", flush=True)


def known(path, device):
    """Return the parts of a result file of the same device; another device starts anew."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if found.get("device") == device else {}


def nets(given, result):
    """Yield every net with its figures."""
    dataset = examples(ours_cnn.CIFAR, given.examples)
    for model in given.models.split(","):
        yield model, network(model, dataset, given, result["peak TFLOP/s"]["bfloat16"])


def studies(given, _):
    """Yield every number of runs in one program with its figures."""
    dataset = examples(MNIST, min(given.examples, 10_000))
    for runs in given.runs.split(","):
        yield runs, study(int(runs), dataset, given)


def recipes(given, _):
    """Yield the studies of CIFAR-10 nets with their arms; they need a CUDA device."""
    for name in RECIPES if given.device == "cuda" else ():
        yield name, recipe(name, given.device)


PARTS = {"nets": nets, "study": studies, "recipes": recipes}


if __name__ == "__main__":
    main()
