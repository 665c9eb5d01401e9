"""Time a training step of convolutional networks of the zoo with Adam, beside other libraries.

Every contender does the whole step: mini-batch, forward, backward, Adam, loss and hits. Libraries
have processes of their own, bound to as many processors as threads, and take turns within a round.
A run replaces the one of the same model and threads in the result file. See README.md.

    python benchmarks/cnn.py --models compact_cnn --threads 1,2
"""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemm
import machine
import ours_cnn
import result
import timing
from worker import Failure, Measurement, Worker


@dataclass(frozen=True)
class Contender:
    """How a contender is prepared: `module.prepare(*setting, *arguments)`, and where it works."""

    label: str
    module: str
    arguments: tuple = ()
    process: str = "torch"
    models: tuple[str, ...] = ()  # empty: all
    fits: bool = False  # trains by one call with a setup of its own: it gets longer turns
    needs: tuple[str, ...] = ("torch",)


OURS = {
    f"ours-{kind}": Contender(
        label, "ours_cnn", (kind,), "ours", needs=("torch",),
        models=("compact_cnn",) if kind == "torch-compile" else (),  # minutes for the others
    )
    for kind, label in ours_cnn.LABELS.items()
}  # fmt: skip
PYTORCH = {
    "torch": Contender("PyTorch, eager", "rivals.cnn_torch", (False, False)),
    "torch-last": Contender("PyTorch, eager, channels-last", "rivals.cnn_torch", (True, False)),
    "torch-compile": Contender("PyTorch, torch.compile", "rivals.cnn_torch", (False, True)),
    "torch-compile-last": Contender(
        "PyTorch, torch.compile, channels-last", "rivals.cnn_torch", (True, True)
    ),
}
CONTENDERS = {
    **OURS,
    **PYTORCH,
    "lightning": Contender(
        "Lightning, channels-last", "rivals.cnn_lightning", fits=True, needs=("torch", "lightning")
    ),
    "keras": Contender(
        "Keras fit (TensorFlow)", "rivals.cnn_keras", process="tensorflow", fits=True,
        needs=("keras", "tensorflow"),
    ),
    "keras-jax": Contender(
        "Keras fit (JAX)", "rivals.cnn_keras", process="jax", models=("compact_cnn",), fits=True,
        needs=("keras", "jax"),
    ),
    "jax": Contender(
        "JAX, jit step in a loop", "rivals.cnn_jax", process="jax", needs=("jax",),
    ),
    "gemm-torch": Contender("sgemm, torch", "gemm", ("torch",), "ours"),
    "gemm-numpy": Contender("sgemm, NumPy", "gemm", ("numpy",), "ours", needs=("numpy",)),
}  # fmt: skip
ENVIRONMENT = {"tensorflow": {"KERAS_BACKEND": "tensorflow"}, "jax": {"KERAS_BACKEND": "jax"}}
BATCHES = {"compact_cnn": 64, "quizdnn": 128, "resnet18": 128}
STEPS = {"compact_cnn": 15, "quizdnn": 1, "resnet18": 1}  # of a turn
RESULT = Path(__file__).parent / "results" / "cnn.json"


def absent(name: str, one: Contender) -> str:
    """Return why a contender cannot run here; empty where it can."""
    missing = machine.missing(one.needs)
    if missing:
        return f"not installed: {', '.join(missing)}"
    compiled = "compile" in name and not (shutil.which("c++") or shutil.which("g++"))
    return "needs a C++ compiler" if compiled else ""


class Field:
    """The prepared contenders of one model and number of threads, in their processes."""

    def __init__(self, model: str, threads: int, names: list[str]) -> None:
        self.failures: dict[str, str] = {}
        self.workers: dict[str, Worker] = {}
        self.able: list[str] = []
        for name in names:
            one = CONTENDERS[name]
            reason = absent(name, one)
            if not reason:
                timing.say(f"preparing {name}")
                worker = self._worker(one.process, threads)
                given = (model, BATCHES[model], threads, *one.arguments)
                given = (*one.arguments, threads) if one.module == "gemm" else given
                failed = worker.prepare(name, one.module, given, images=False)
                reason = failed.reason if isinstance(failed, Failure) else ""
            if reason:
                self.failures[name] = reason
            else:
                self.able.append(name)

    def _worker(self, process: str, threads: int) -> Worker:
        if process not in self.workers:
            self.workers[process] = Worker(threads, ENVIRONMENT.get(process, {}))
        return self.workers[process]

    def time(self, name: str, steps: int) -> Measurement | None:
        """Time a turn; None where the contender fails."""
        measured = self.workers[CONTENDERS[name].process].run(name, steps)
        if isinstance(measured, Measurement):
            return measured
        self.failures[name] = measured.reason if isinstance(measured, Failure) else "no answer"
        self.able.remove(name)
        return None

    def close(self) -> None:
        """End the processes."""
        for worker in self.workers.values():
            worker.close()


def turn(name: str, model: str) -> int:
    """Return how many steps a contender does in a turn."""
    if CONTENDERS[name].module == "gemm":
        return 3
    return STEPS[model] * (2 if CONTENDERS[name].fits else 1)


def measure(model: str, threads: int, names: list[str], rounds: int) -> Iterator[dict]:
    """Time the contenders in turns; yield the run with a row for each, as far as it is."""
    field = Field(model, threads, names)
    taken: dict[str, list[Measurement]] = {name: [] for name in names}
    try:
        for name in list(field.able):  # compile and fill the caches
            begin = time.perf_counter()
            field.time(name, min(2, turn(name, model)))
            timing.say(f"warmed up {name}: {time.perf_counter() - begin:.1f} s")
        for k in range(rounds):
            shift = k % max(1, len(field.able))
            for name in field.able[shift:] + field.able[:shift]:
                time.sleep(timing.REST)
                if STEPS[model] > 1:
                    field.time(name, 2)  # fills the caches again
                measured = field.time(name, turn(name, model)) if name in field.able else None
                if measured is not None:
                    taken[name].append(measured)
            timing.say(f"round {k + 1}/{rounds}")
            rows = {
                name: row(name, taken[name], turn(name, model), field.failures.get(name, ""))
                for name in names
            }
            yield {
                "model": model, "batch": BATCHES[model], "threads": threads, "rounds": k + 1,
                "flops": ours_cnn.flops(model, BATCHES[model]), "contenders": rows,
            }  # fmt: skip
    finally:
        field.close()


def row(name: str, measured: list[Measurement], steps: int, failure: str) -> dict:
    """Return the row of a contender: its times, or why there are none."""
    label = CONTENDERS[name].label
    if failure or not measured:
        return {"label": label, "status": failure or "not timed"}
    others = round(statistics.median(one.others for one in measured), 2)
    times = timing.summary([1e6 * one.seconds / steps for one in measured])
    return {"label": label, **times, "others": others}


def peak(run: dict) -> float:
    """Return the GFLOP/s of the faster library's large matrix product."""
    rows = [r for n, r in run["contenders"].items() if n.startswith("gemm") and "rounds_us" in r]
    return max((gemm.FLOPS / r["median_us"] / 1e3 for r in rows), default=float("nan"))


def best_rival(run: dict) -> str | None:
    """Return the name of PyTorch's fastest variant."""
    rows = {n: run["contenders"][n] for n in PYTORCH if n in run["contenders"]}
    timed = {n: r["median_us"] for n, r in rows.items() if "rounds_us" in r}
    return min(timed, key=timed.__getitem__) if timed else None


def table(run: dict) -> str:
    """Return the Markdown table of a run, fastest first."""
    top, rival = peak(run), best_rival(run)
    title = f"{run['model']}, batch {run['batch']}, {run['threads']} thread(s)"
    scale = f"{run['flops'] / 1e9:.2f} GFLOP a step by the definitions; a large sgemm reaches"
    lines = [
        f"\n### {title}, {run['rounds']} rounds\n\n{scale} {top:.0f} GFLOP/s.\n",
        "| Contender | ms a step | quartiles | times PyTorch's best | of sgemm |",
        "|---|--:|--:|--:|--:|",
    ]
    rows = {n: r for n, r in run["contenders"].items() if not n.startswith("gemm")}
    timed = [r for r in rows.values() if "rounds_us" in r]
    for r in sorted(timed, key=lambda r: r["median_us"]):
        low, high = (1e-3 * q for q in r["quartiles_us"])
        against = f"{1 / timing.ratio(r, run['contenders'][rival]):.2f}" if rival else "-"
        part = run["flops"] / r["median_us"] / 1e3 / top
        lines.append(
            f"| {r['label']} | {1e-3 * r['median_us']:,.1f} | {low:,.1f} to {high:,.1f} "
            f"| {against} | {part:.0%} |"
        )
    lines += [f"| {r['label']} | {r['status']} | | | |" for r in rows.values() if "status" in r]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(BATCHES), help="of the zoo, by commas")
    parser.add_argument("--threads", default="1", help="numbers of threads, such as 1,2")
    parser.add_argument("--only", help="contenders, separated by commas")
    parser.add_argument("--leave-out", default="", help="contenders, separated by commas")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--show", type=Path, help="print the tables of a result file and stop")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.show:
        runs = json.loads(given.show.read_text(encoding="utf-8"))["runs"]
        print("\n".join(table(run) for run in runs))
        return
    left_out = given.leave_out.split(",")
    chosen = given.only.split(",") if given.only else [n for n in CONTENDERS if n not in left_out]
    if unknown := [n for n in (*chosen, *filter(None, left_out)) if n not in CONTENDERS]:
        raise SystemExit(f"unknown contender {unknown[0]!r}; known: {', '.join(CONTENDERS)}")
    about = machine.describe({"numpy"}.union(*(one.needs for one in CONTENDERS.values())))
    for model in given.models.split(","):
        names = [n for n in chosen if model in (CONTENDERS[n].models or (model,))]
        for threads in map(int, given.threads.split(",")):
            timing.say(f"{model}, {threads} thread(s)")
            for run in measure(model, threads, names, given.rounds):
                result.keep(given.out, about, [run], ("model", "threads"))
            print(table(run), flush=True)


if __name__ == "__main__":
    main()
