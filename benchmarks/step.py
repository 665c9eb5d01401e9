"""Time a training step of the MLP 784-128-64-10 on MNIST beside other libraries.

Every contender trains as its users train: shuffled mini-batches gathered, softmax cross-entropy,
SGD with learning rate 0.01, float32, training loss and accuracy measured. See README.md.
"""

import argparse
import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import machine
import timing
from timing import Runner
from worker import Failure, Worker

CONTENDERS = {
    "ours": "ours",
    "torch": "rivals.torch_loop",
    "torch-dataloader": "rivals.torch_dataloader",
    "torch-compile": "rivals.torch_compile",
    "torch-compile-step": "rivals.torch_compile_step",
    "keras": "rivals.keras_tensorflow",
    "keras-jax": "rivals.keras_jax",
    "lightning": "rivals.lightning_fit",
    "lightning-memory": "rivals.lightning_memory",
    "jax": "rivals.jax_loop",
    "jax-scan": "rivals.jax_scan",
    "sklearn": "rivals.sklearn_mlp",
}
BASE = "torch"
EXAMPLES = 48_000
RESULT = Path(__file__).parent / "results" / "step-mlp.json"


@dataclass(frozen=True)
class Setting:
    """What is held equal in one table."""

    batch: int
    threads: int
    rounds: int
    seconds: float  # least length of a timed unit


def chosen(only: str | None) -> dict[str, ModuleType | Failure]:
    """Import the contenders named in `only` (all by default); an absent file is a `Failure`."""
    names = only.split(",") if only else list(CONTENDERS)
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise SystemExit(f"unknown contender {unknown[0]!r}; known: {', '.join(CONTENDERS)}")
    found: dict[str, ModuleType | Failure] = {}
    for name in names:
        try:
            found[name] = importlib.import_module(CONTENDERS[name])
        except ModuleNotFoundError as error:
            found[name] = Failure(f"not installed: {error.name}")
            continue
        absent = machine.missing(found[name].REQUIRES)
        if absent:
            found[name] = Failure(f"not installed: {', '.join(absent)}")
    return found


def prepared(modules: dict[str, ModuleType], setting: Setting) -> tuple[dict, list[Worker]]:
    """Start the processes and prepare every contender; return runners or failures, and workers."""
    shared = {name: m for name, m in modules.items() if not getattr(m, "ALONE", False)}
    groups = [shared, *({name: m} for name, m in modules.items() if name not in shared)]
    runners: dict[str, Runner | Failure] = {}
    workers = []
    for group in filter(None, groups):
        extra = {k: v for m in group.values() for k, v in getattr(m, "ENVIRONMENT", {}).items()}
        worker = Worker(setting.threads, extra)
        workers.append(worker)
        for name, module in group.items():
            arguments = (setting.batch, setting.threads)
            failed = worker.prepare(name, module.__name__, True, arguments)
            whole = getattr(module, "WHOLE_EPOCHS", False)
            ready = Runner(name, worker, name, EXAMPLES // setting.batch, whole)
            runners[name] = failed or ready
    return runners, workers


def contest(found: dict[str, ModuleType | Failure], setting: Setting) -> dict[str, dict]:
    """Time the contenders in one setting; return a row for each, also for those absent."""
    modules = {name: m for name, m in found.items() if not isinstance(m, Failure)}
    runners, workers = prepared(modules, setting)
    units = {}
    for name, runner in runners.items():
        if isinstance(runner, Runner):
            found_unit = timing.attempt(name, lambda r=runner: timing.calibrate(r, setting.seconds))
            if isinstance(found_unit, Failure):
                runners[name] = found_unit
            else:
                units[name] = found_unit
    ready = [runner for runner in runners.values() if isinstance(runner, Runner)]
    taken = timing.interleave(ready, units, setting.rounds)
    for worker in workers:
        worker.close()
    failures = {n: r for n, r in {**found, **runners}.items() if isinstance(r, Failure)}
    rows = {}
    for name, module in found.items():
        label = getattr(module, "LABEL", name)
        if name in failures:
            rows[name] = {"label": label, "status": failures[name].reason}
            continue
        unit, results = units[name], taken[name]
        rows[name] = {
            "label": label,
            "note": module.NOTE,
            **timing.summary([1e6 * one.seconds / unit.count for one in results]),
            "steps_timed": unit.count,
            "setup_ms": round(1e3 * unit.setup, 2),
            "metrics": results[-1].result,
        }
    return rows


def table_of(run: dict) -> str:
    """Return the Markdown table of one setting of a result file, with ratios to the plain loop."""
    title = f"batch {run['batch']}, {run['threads']} thread(s), {run['rounds']} rounds"
    return f"\n### {title}\n\n{timing.table(run['contenders'], BASE)}"


def sizes(text: str) -> list[int]:
    """Read `64,1,full` as numbers of examples."""
    return [EXAMPLES if word == "full" else int(word) for word in text.split(",")]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", default="64,1,full", help="sizes, such as 64,1,full")
    parser.add_argument("--threads", default="1", help="numbers of threads, such as 1,2")
    parser.add_argument("--only", help="contenders, separated by commas")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="least length of a timed unit")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--rivals", choices=["list"], help="list the contenders and stop")
    parser.add_argument("--note", default="", help="a remark kept with the figures")
    return parser.parse_args()


def listing() -> str:
    """Return one line for each contender: name, whether it can run here, how it is run."""
    lines = []
    for name, module in chosen(None).items():
        about = module.reason if isinstance(module, Failure) else f"{module.LABEL}: {module.NOTE}"
        lines.append(f"{name:20} {about}")
    return "\n".join(lines)


def main() -> None:
    given = arguments()
    if given.rivals:
        print(listing())
        return
    found = chosen(given.only)
    needed = {n for m in found.values() for n in getattr(m, "REQUIRES", ())} | {"numpy"}
    result = {"machine": machine.describe(needed), "note": given.note, "runs": []}
    for threads in map(int, given.threads.split(",")):
        for batch in sizes(given.batch):
            setting = Setting(batch, threads, given.rounds, given.seconds)
            print(f"batch {batch}, {threads} thread(s)", file=sys.stderr, flush=True)
            run = {**vars(setting), "contenders": contest(found, setting)}
            result["runs"].append(run)
            print(table_of(run), flush=True)
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
