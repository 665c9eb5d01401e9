"""Show where our step of a network spends its time: milliseconds by kind of kernel.

python benchmarks/kernel_times.py --model quizdnn --batch 128 --engine torch
"""

import argparse
import time
from collections import Counter

import ours_cnn


def labelled(bound, engine):
    """Return (label, call) for every call of a bound program but the copies of states.

    Each is compiled alone as it would be in the whole, but neighbours are not joined.
    """
    found = []
    values = bound.program.values
    for step in bound._planned.steps:  # noqa: SLF001 - a profile looks inside
        first = step.instructions[0]
        if step.is_chain:
            calls, name = bound._chain(step), f"chain of {len(step.instructions)}"  # noqa: SLF001
        else:
            calls, name = bound._single(step), first.primitive.name  # noqa: SLF001
        label = f"{name} {values[first.outs[0]]}"
        found += [(label, call) for call in engine.seal([calls])[0]]
    return found


def profile(bound, engine, steps, clock):
    """Return the seconds of `clock` that a step spends per kind of kernel."""
    spent = Counter()
    calls = labelled(bound, engine)
    for k in range(steps + 1):
        if k == 1:
            spent.clear()  # the first pass warms up
        for label, (kernel, buffers) in calls:
            begin = clock()
            kernel(*buffers)
            spent[label] += clock() - begin
    return {label: seconds / steps for label, seconds in spent.most_common()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="compact_cnn", help="a network of the zoo")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--engine", default="torch", choices=list(ours_cnn.LABELS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--processor-time", action="store_true", help="of this thread: on a busy machine"
    )
    parser.add_argument("--rows", type=int, default=25)
    given = parser.parse_args()
    if given.engine.startswith("torch"):
        import torch

        torch.set_num_threads(given.threads)
    engine = ours_cnn.engine_of(given.engine)
    step, bound = ours_cnn.bind(given.model, given.batch, engine)
    step(0)
    clock = time.thread_time if given.processor_time else time.perf_counter
    spent = profile(bound, engine, given.steps, clock)
    print(f"{1e3 * sum(spent.values()):9.3f} ms in all")
    for label, seconds in list(spent.items())[: given.rows]:
        print(f"{1e3 * seconds:9.3f} ms  {label}")


if __name__ == "__main__":
    main()
