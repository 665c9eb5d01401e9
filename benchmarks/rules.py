"""Time one update of each rule on a flat float32 parameter beside torch.optim.

A contender is a module with `LABEL`, `NOTE`, `REQUIRES`, `RULES` (the names it offers) and
`prepare(rule, size, threads) -> update_many`, a callable that does `count` updates with one fixed
gradient. See README.md.
"""

import argparse
from pathlib import Path
from types import ModuleType

import contest
import machine
import result
import timing
from rivals import rule_torch
from timing import Runner
from worker import Failure, Worker

CONTENDERS = {
    "ours": "ours_rule",
    "ours-torch": "ours_rule_torch",
    "torch": "rivals.rule_torch",
    "torch-fused": "rivals.rule_torch_fused",
}
BASE = "torch"
UNBOUNDED = 10**12  # updates know no epoch
RESULT = Path(__file__).parent / "results" / "rules.json"


def measure(
    found: dict[str, ModuleType | Failure],
    workers: dict[str, Worker],
    case: tuple[str, int],
    threads: int,
    given: argparse.Namespace,
) -> dict[str, dict]:
    """Time one rule at one size; return a row for each contender."""
    able: dict[str, ModuleType | Failure] = {}
    runners: dict[str, Runner | Failure] = {}
    for name, module in found.items():
        offered = isinstance(module, Failure) or case[0] in module.RULES
        able[name] = module if offered else Failure("does not exist")
        if not isinstance(able[name], Failure):
            key = f"{name} {case}"
            failed = workers[name].prepare(key, module.__name__, (*case, threads), images=False)
            runners[name] = failed or Runner(workers[name], key, UNBOUNDED)
    return contest.rows(able, runners, given.rounds, given.seconds)


def table(runs: list[dict]) -> str:
    """Return a Markdown table of microseconds an update, and the ratio to torch's default."""
    names = list(runs[0]["contenders"])
    lines = [
        "| Rule | floats | threads | " + " | ".join(f"{n}, µs | to {BASE}" for n in names) + " |"
    ]
    lines.append("|---|--:|--:|" + "--:|--:|" * len(names))
    for run in runs:
        cells = []
        for row in run["contenders"].values():
            timed, base = "rounds_us" in row, run["contenders"].get(BASE, {})
            cells.append(f"{row['median_us']:,.1f}" if timed else row["status"])
            both = timed and "rounds_us" in base
            cells.append(f"{timing.ratio(row, base):.2f}" if both else "-")
        case = f"| {run['rule']} | {run['size']:,} | {run['threads']} | "
        lines.append(case + " | ".join(cells) + " |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rule", default=",".join(rule_torch.RULES), help="rules, by commas")
    parser.add_argument("--size", default="100000,1000000,11000000", help="floats, by commas")
    parser.add_argument("--threads", default="1", help="numbers of threads, such as 1,2")
    parser.add_argument("--only", help="contenders, separated by commas")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3, help="least length of a timed unit")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--rivals", choices=["list"], help="list the contenders and stop")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.rivals:
        print(contest.listing(CONTENDERS))
        return
    found = contest.chosen(CONTENDERS, given.only)
    about = machine.describe(contest.required(found))
    runs = []
    for threads in map(int, given.threads.split(",")):
        workers = contest.workers(contest.present(found), threads)
        for rule in given.rule.split(","):
            for size in map(int, given.size.split(",")):
                timing.say(f"{rule}, {size} floats, {threads} thread(s)")
                rows = measure(found, workers, (rule, size), threads, given)
                case = {"rule": rule, "size": size, "threads": threads}
                runs.append({**case, "contenders": rows})
        contest.close(workers)
    result.keep(given.out, about, runs, ("rule", "size", "threads"))
    print(table(runs))


if __name__ == "__main__":
    main()
