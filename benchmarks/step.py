"""Time a training step of the MLP 784-128-64-10 on MNIST beside other libraries.

Every contender trains as its users train: shuffled mini-batches gathered, softmax cross-entropy,
SGD with learning rate 0.01, float32, training loss and accuracy measured. See README.md.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import contest
import gemm
import machine
import mnist
import result
import timing
from timing import Runner
from worker import Failure

CONTENDERS = {
    "ours": "ours",
    "ours-torch": "ours_torch",
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

    batch: int  # examples
    threads: int
    rounds: int
    seconds: float  # least length of a timed unit


def measure(found: dict[str, ModuleType | Failure], setting: Setting) -> dict[str, dict]:
    """Time the contenders in one setting, in fresh processes; return a row for each."""
    modules = contest.present(found)
    workers = contest.workers(modules, setting.threads)
    epoch = EXAMPLES // setting.batch
    runners: dict[str, Runner | Failure] = {}
    for name, worker in workers.items():
        module = modules[name]
        arguments = (setting.batch, setting.threads)
        failed = worker.prepare(name, module.__name__, arguments, images=True)
        whole = getattr(module, "WHOLE_EPOCHS", False)
        runners[name] = failed or Runner(worker, name, epoch, whole)
    try:
        return contest.rows(found, runners, setting.rounds, setting.seconds)
    finally:
        contest.close(workers)


def flops(batch: int) -> int:
    """Return the floating-point operations of our step's program."""
    from steepest.nn import CrossEntropy, zoo
    from steepest.optim import SGD
    from steepest.train.step import Task, train_program

    task = Task(zoo.ARCHS["mlp"](), CrossEntropy(), (28, 28, 1), 10, EXAMPLES, "byte", 1 / 255)
    return train_program(task, [SGD()], batch).flops


def table(run: dict) -> str:
    """Return the Markdown table of one setting of a result file, with ratios to the plain loop."""
    title = f"batch {run['batch']}, {run['threads']} thread(s), {run['rounds']} rounds"
    scale = ""
    if "gemm_gflops" in run and "rounds_us" in run["contenders"].get("ours", {}):
        reached = run["flops"] / run["contenders"]["ours"]["median_us"] / 1e3
        scale = (
            f"{run['flops'] / 1e6:.3g} MFLOP a step; ours does {reached:.0f} GFLOP/s, "
            f"{reached / run['gemm_gflops']:.0%} of a large sgemm's.\n\n"
        )
    return f"\n### {title}\n\n{scale}{timing.table(run['contenders'], BASE)}"


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
    parser.add_argument("--show", type=Path, help="print the tables of a result file and stop")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.rivals:
        print(contest.listing(CONTENDERS))
        return
    if given.show:
        print("\n".join(table(run) for run in json.loads(given.show.read_text())["runs"]))
        return
    mnist.folder()  # a missing data set is told before anything is started
    found = contest.chosen(CONTENDERS, given.only)
    about = machine.describe(contest.required(found))
    for threads in map(int, given.threads.split(",")):
        for batch in sizes(given.batch):
            timing.say(f"batch {batch}, {threads} thread(s)")
            setting = Setting(batch, threads, given.rounds, given.seconds)
            scale = {"flops": flops(batch), "gemm_gflops": round(gemm.measured(threads), 1)}
            run = {**asdict(setting), **scale, "contenders": measure(found, setting)}
            result.keep(given.out, about, [run], ("batch", "threads"))
            print(table(run), flush=True)


if __name__ == "__main__":
    main()
