"""No race: the recipe of studies/resnet18-cifar10.toml, by us and by a plain PyTorch loop.

Both train the same network on CIFAR-10 with the same recipe, each with its own random numbers; what
they reach on the test set should differ by chance alone where initial values have the same
distribution (`--initial`: PyTorch begins by "fan_in", the zoo by "he"). For the sake of the
processor the network is ResNet18 with fewer filters, and the training set a part of CIFAR-10's:

    python benchmarks/parity.py --initial he --width 16 --examples 20000 --epochs 8 --seeds 3
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import machine
import result
import run_time
from rivals import recipe_torch

RECIPE = [
    "--data", "cifar10", "--model", "resnet18", "--optimizer", "nesterov(lr=0.1,momentum=0.9)",
    "--weight-decay", "0.0005", "--schedule", "warmup(epochs=1,after=cosine)",
    "--batch-size", "128", "--smoothing", "0.1", "--augment", "crop,flip", "--normalize",
    "--validation", "0", "--test", "--engine", "torch",
]  # fmt: skip


def ours(given, seed):
    """Return the test accuracy of `steepest train`."""
    own = ["--model.width", given.width, "--examples", given.examples, "--epochs", given.epochs]
    own += ["--model.initial", given.initial]
    flags = [*RECIPE, *map(str, own), "--seed", str(seed)]
    return run_time.trained(flags, given.threads)["test_accuracy"]


def torch(given, seed):
    """Return the test accuracy of a plain PyTorch loop."""
    how = (given.width, given.examples, given.epochs, seed, given.threads)
    return recipe_torch.train(*how, given.initial)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--initial", choices=("he", "fan_in"), default="fan_in")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/parity.json")
    given = parser.parse_args()
    rows = {"steepest": [], "PyTorch": []}
    for seed in range(given.seeds):
        for name, way in (("steepest", ours), ("PyTorch", torch)):
            began = time.perf_counter()
            accuracy = way(given, seed)
            rows[name].append(accuracy)
            seconds = time.perf_counter() - began
            print(f"seed {seed}, {name}: {100 * accuracy:.2f} % in {seconds:.0f} s", flush=True)
    about = machine.describe(("numpy", "torch"))
    found = result.keep(given.out, about, [summary(given, rows)], ("width", "initial"))
    print(json.dumps(found["runs"], indent=1))


def summary(given, rows):
    """Return both means and the interval of their difference (Welch's t: nothing is paired)."""
    from scipy.stats import ttest_ind

    found = ttest_ind(rows["steepest"], rows["PyTorch"], equal_var=False)
    low, high = found.confidence_interval(0.95)
    return {
        "recipe": " ".join(RECIPE), "initial": given.initial,
        "width": given.width, "examples": given.examples, "epochs": given.epochs,
        "threads": given.threads, "accuracies": rows,
        "mean": {name: round(statistics.mean(s), 5) for name, s in rows.items()},
        "difference": {"low": round(float(low), 5), "high": round(float(high), 5)},
    }  # fmt: skip


if __name__ == "__main__":
    main()
