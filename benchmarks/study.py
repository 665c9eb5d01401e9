"""Time a study of 105 short runs: seven rules, five learning rates, three seeds.

Each way of doing it is a program of its own, timed from its start to its end: imports, reading
the data, compiling, training, validation after every epoch and the test at the end. Same data, same
number of updates. A way that would take too long does some of the runs, evenly chosen, and says so.

    python benchmarks/study.py [--only ours,torch] [--runs keras=21]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import machine
import result
import timing
import workload


@dataclass(frozen=True)
class Way:
    """One way of doing the study; `processes` share the runs, each with `threads`."""

    label: str
    module: str
    processes: int
    threads: int
    needs: tuple[str, ...]
    arguments: tuple[str, ...] = ()


WAYS = {
    "ours": Way(
        "steepest: a study with store, verdicts and report, 2 workers", "ours_study", 1, 1,
        ("steepest",),
    ),
    "ours-together": Way(
        "steepest: the same, the 15 runs of a rule in one program", "ours_study", 1, 1,
        ("steepest",), ("together = 15",),
    ),
    "torch": Way("plain PyTorch loops, one process", "rivals.study_torch", 1, 2, ("torch",)),
    "torch-2": Way("plain PyTorch loops, 2 processes", "rivals.study_torch", 2, 1, ("torch",)),
    "jax": Way(
        "JAX, vmap over rates and seeds, scan over steps", "rivals.study_jax", 1, 2, ("jax",)
    ),
    "keras": Way(
        "Keras fit (TensorFlow), 2 processes", "rivals.study_keras", 2, 1, ("keras", "tensorflow")
    ),
    "lightning": Way(
        "Lightning, tensors in memory, 2 processes", "rivals.study_lightning", 2, 1,
        ("torch", "lightning"),
    ),
}  # fmt: skip
RESULT = Path(__file__).parent / "results" / "study.json"


def child(module: str, arguments: list[str], count: int, share: str) -> None:
    """Do one process's share of the runs and print their test accuracies as JSON."""
    import importlib

    index, processes = map(int, share.split("/"))
    mine = workload.cells(count)[index::processes]
    found = importlib.import_module(module).run(mine, *arguments)
    print("\n" + json.dumps(found))


def timed(name: str, count: int) -> dict:
    """Do the study one way; return seconds, runs a second and what was reached."""
    way = WAYS[name]
    missing = machine.missing(way.needs)
    if missing:
        return {"label": way.label, "status": f"not installed: {', '.join(missing)}"}
    environment = dict(os.environ) | machine.environment(way.threads)
    environment.pop("OPENBLAS_CORETYPE", None)
    started, begin, used = [], time.perf_counter(), processor_seconds()
    for k in range(way.processes):
        share = f"{k}/{way.processes}"
        command = [sys.executable, __file__, "--child", way.module, "--share", share,
                   "--count", str(count), *way.arguments]  # fmt: skip
        started.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        )
    texts = [process.communicate()[0] for process in started]
    seconds, used = time.perf_counter() - begin, processor_seconds() - used
    if any(process.returncode for process in started):
        return {"label": way.label, "status": "failed"}
    reached = [one for text in texts for one in json.loads(text.strip().splitlines()[-1])]
    return {
        "label": way.label, "runs": len(reached), "seconds": round(seconds, 2),
        "processor seconds": round(used, 2),
        "runs a second": round(len(reached) / seconds, 3),
        "median test accuracy": sorted(reached)[len(reached) // 2],
    }  # fmt: skip


def median(rounds: list[dict]) -> dict:
    """Return the round of median length, with the seconds of all; a failed one counts first."""
    failed = [r for r in rounds if "status" in r]
    ordered = sorted(rounds, key=lambda r: r.get("seconds", 0.0))
    middle = (failed or [ordered[len(ordered) // 2]])[0]
    return middle | {"rounds": [r.get("seconds") for r in rounds]}


def processor_seconds() -> float:
    """Return the processor time of the processes that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(found: dict) -> str:
    """Return the Markdown table, quickest first."""
    lines = ["| Way | runs | seconds | of processors | runs a second | median test accuracy |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    rows = [r for r in found["ways"].values() if "seconds" in r]
    lines += [
        f"| {r['label']} | {r['runs']} | {r['seconds']:.1f} | {r['processor seconds']:.1f} "
        f"| {r['runs a second']:.2f} "
        f"| {r['median test accuracy']:.2%} |"
        for r in sorted(rows, key=lambda r: -r["runs a second"])
    ]
    absent = [r for r in found["ways"].values() if "status" in r]
    return "\n".join(lines + [f"| {r['label']} | {r['status']} | | | | |" for r in absent])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(WAYS), help="ways, by commas")
    parser.add_argument("--runs", default="", help="fewer runs of a way: keras=21,lightning=35")
    parser.add_argument("--rounds", type=int, default=1, help="of each way; the median counts")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--show", type=Path, help="print the table of a result file and stop")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--share", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.child:
        child(given.child, given.rest, given.count, given.share)
        return
    if given.show:
        print(table(json.loads(given.show.read_text(encoding="utf-8"))))
        return
    about = machine.describe({"numpy"}.union(*(way.needs for way in WAYS.values())))
    fewer = dict(pair.split("=") for pair in given.runs.split(",") if pair)
    found = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    same = result.is_same(found.get("machine", {}), about)
    about_study = {
        "runs": len(workload.cells()), "updates of a run": workload.STEPS * workload.EPOCHS,
        "batch": workload.BATCH, "epochs": workload.EPOCHS,
        "examples": [workload.TRAIN, workload.VALIDATION, workload.TEST],
    }  # fmt: skip
    ways = found.get("ways", {}) if same and found.get("study") == about_study else {}
    for name in given.only.split(","):
        count = int(fewer.get(name, about_study["runs"]))
        rounds = []
        for k in range(given.rounds):
            timing.say(f"{name}, round {k + 1}")
            rounds.append(timed(name, count))
        ways[name] = median(rounds)
        found = {"machine": about, "study": about_study, "ways": ways}
        text = json.dumps(found, indent=1, ensure_ascii=False)
        given.out.write_text(text + "\n", encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
