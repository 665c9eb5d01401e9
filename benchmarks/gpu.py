"""Time training on a CUDA device: CIFAR-10 nets beside PyTorch, and a study of many small runs.

`make bench-gpu` runs everything and writes `results/gpu.json`. Examples are random bytes of
CIFAR-10's and MNIST's shapes: time does not depend on what is on them. On a machine without CUDA
the script says so and stops; `--device cpu --examples 512` only shows that it works.

    python benchmarks/gpu.py --models quizdnn,resnet18 --batch 512 --runs 1,16,64,256,1024
"""

import argparse
import json
import sys
import time
from pathlib import Path

import machine
import numpy as np

from steepest.data import from_arrays
from steepest.seeds import stream
from steepest.spec import RunSpec
from steepest.train.loop import train_session
from steepest.train.partition import Split
from steepest.train.session import open_session

RESULT = Path(__file__).parent / "results" / "gpu.json"
CIFAR, MNIST, CLASSES = (32, 32, 3), (28, 28, 1), 10
EPOCHS = 4  # the first ones capture and warm up; the last one is timed


def examples(shape, count):
    """Return a data set of random bytes, nothing held out, nothing to test on."""
    generator = stream(0, "examples")
    x = generator.integers(0, 256, (count, *shape)).astype(np.uint8)
    return from_arrays("random", x, np.arange(count) % CLASSES, (x[:0], np.zeros(0, int)))


def everything(dataset, runs=1):
    """Return the split that trains on every row in all runs."""
    rows = np.tile(np.arange(dataset.n), (runs, 1))
    return Split(rows, np.empty((runs, 0), np.int64))


def wait(device):
    """Wait until the device has done what it was given."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def last_epoch(specs, dataset, device):
    """Return the seconds of the last epoch of runs in one program, its FLOPs, and any notes."""
    session = open_session(specs, dataset, everything(dataset, len(specs)))
    seconds = []
    wait(device)
    begin = time.perf_counter()
    for _ in train_session(session):
        wait(device)
        seconds.append(time.perf_counter() - begin)
        begin = time.perf_counter()
    notes = sorted({note for note in session.engine.capture_notes if note})
    return seconds[-1], session.flops * len(specs), notes


def ours(model, dataset, given, precision):
    """Time an epoch of our program."""
    spec = RunSpec(
        data="random", model=model, optimizer="momentum(lr=0.01)", epochs=EPOCHS,
        batch_size=given.batch, validation=0.0, engine="torch", device=given.device,
        precision=precision,
    )  # fmt: skip
    seconds, flops, notes = last_epoch([spec], dataset, given.device)
    return row(seconds, dataset.n, flops) | {"not captured": notes}


def rival(model, dataset, given, compiled):
    """Time an epoch of a plain loop: autocast, channels-last, data on the device."""
    import torch

    module = counterpart(model).to(given.device, memory_format=torch.channels_last)
    x = torch.from_numpy(dataset.x.copy()).to(given.device).permute(0, 3, 1, 2)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(dataset.y.copy()).to(given.device)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)

    def loss_of(images, labels):
        with torch.autocast(given.device, torch.bfloat16, enabled=given.device == "cuda"):
            output = module(images.float().div(255))
            loss = torch.nn.functional.cross_entropy(output, labels)
        return loss, (output.detach().argmax(1) == labels).sum()

    forward = torch.compile(loss_of) if compiled else loss_of
    for _ in range(EPOCHS):
        wait(given.device)
        begin = time.perf_counter()
        order = torch.randperm(len(y), device=given.device)
        total = torch.zeros((), device=given.device)
        for rows in order.split(given.batch):
            optimizer.zero_grad()
            loss, hits = forward(x[rows], y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() + 0 * hits
        wait(given.device)
        seconds = time.perf_counter() - begin
    return row(seconds, dataset.n)


def counterpart(model):
    """Return a net of the zoo as an ordinary module with our initial values."""
    from steepest.nn.arch import initial_value, initial_values
    from steepest.nn.zoo import ARCHS
    from steepest.train.state import State
    from steepest.train.torch_net import to_torch

    arch = ARCHS[model]()
    declared = arch.declare(CIFAR, CLASSES)
    arrays = {"params": initial_values(declared.leaves, 0)}
    arrays |= {f"stat.{leaf.name}": initial_value(leaf, 0) for leaf in declared.statistics}
    about = {"shape": CIFAR, "width": CLASSES, "precision": "float32", "fixed": {}}
    return to_torch(arch, State(0, arrays), about)


def row(seconds, count, flops=None):
    """Return the figures of one timed epoch."""
    found = {"epoch seconds": seconds, "images a second": count / seconds}
    return found | ({"TFLOP/s": flops / seconds / 1e12} if flops else {})


def study(runs, dataset, given):
    """Time an epoch of many short MLP runs in one program; return runs a second."""
    specs = [
        RunSpec(
            data="random", model="mlp", optimizer=f"adam(lr={1e-3 * (1 + seed % 5):g})", seed=seed,
            epochs=EPOCHS, batch_size=64, validation=0.0, engine="torch", device=given.device,
        )
        for seed in range(runs)
    ]  # fmt: skip
    seconds, _, notes = last_epoch(specs, dataset, given.device)
    return {"runs": runs, "epoch seconds": seconds, "runs a second": runs / seconds} | {
        "not captured": notes
    }


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
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--runs", default="1,16,64,256,1024", help="of the MLP in one program")
    parser.add_argument("--only", choices=["nets", "study"])
    parser.add_argument("--out", type=Path, default=RESULT)
    return parser.parse_args()


def main():
    given = arguments()
    try:
        import torch
    except ImportError:
        sys.exit("benchmarks/gpu.py needs PyTorch")
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device on this machine: nothing was timed")
    name = torch.cuda.get_device_name() if given.device == "cuda" else "the CPU"
    result = {"machine": machine.describe(("torch", "steepest")), "device": name}
    result["peak TFLOP/s"] = {k: peak(given.device, k) for k in ("bfloat16", "float32")}
    if given.only != "study":
        dataset = examples(CIFAR, given.examples)
        result["nets"] = {
            model: {
                "steepest, bfloat16": ours(model, dataset, given, "bfloat16"),
                "steepest, float32": ours(model, dataset, given, "float32"),
                "PyTorch, autocast": rival(model, dataset, given, compiled=False),
                "PyTorch, autocast, torch.compile": rival(model, dataset, given, compiled=True),
            }
            for model in given.models.split(",")
        }
    if given.only != "nets":
        dataset = examples(MNIST, min(given.examples, 10_000))
        result["study"] = [study(int(runs), dataset, given) for runs in given.runs.split(",")]
    text = json.dumps(result, indent=1)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
