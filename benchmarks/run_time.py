"""Time one `steepest train` from its start to its end, and keep what it reached.

Such as: python benchmarks/run_time.py --out FILE -- --data mnist --optimizer sgd --batch_size 1
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine

COMMAND = "from steepest.cli.main import main; main()"


def trained(flags, threads):
    """Return what `steepest train` with `flags` says, on so many threads; it leaves nothing."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"STEEPEST_STORE": f"sqlite:///{folder}/steepest.db"}
        given = [*flags, "--json", "--verbose", "--out", folder]
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "train", *given],
            env=os.environ | machine.environment(threads) | own,
            stdout=subprocess.PIPE, check=True, preexec_fn=lambda: machine.pin(threads),
        )  # fmt: skip
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--beside", default="", help="what another source needed or reached")
    parser.add_argument("flags", nargs="+", help="of steepest train")
    given = parser.parse_args()
    began = time.perf_counter()
    reached = trained(given.flags, given.threads)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "machine": machine.describe(("numpy", "torch")),
        "command": f"steepest train {' '.join(given.flags)}",
        "threads": given.threads,
        "seconds": round(seconds, 2),
        "processor seconds": round(used.ru_utime + used.ru_stime, 2),
        "beside": given.beside,
        "reached": {k: v for k, v in reached.items() if k != "folder"},
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
