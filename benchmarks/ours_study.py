"""The study as steepest's command line conducts it: planned, stored, with verdicts and a report."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import workload

JOBS = "2"
COMMAND = "from steepest.cli.main import main; main()"


def run(cells, *options):
    """Run the study file of these cells in a folder of its own; return their test accuracies.

    `options` are further lines of the file, such as "together = 15".
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "part.npz")
        (folder / "timed.toml").write_text(study_file(cells, options), encoding="utf-8")
        command = [sys.executable, "-c", COMMAND, "run", "timed.toml", "--json", "--jobs", JOBS]
        store = {"STEEPEST_STORE": f"sqlite:///{folder}/steepest.db"}
        done = subprocess.run(
            command, cwd=folder, env=os.environ | store, stdout=subprocess.PIPE, check=True
        )
        arms = json.loads(done.stdout)["arms"]
        return [score for arm in arms for score in arm["scores"]]


def study_file(cells, options):
    """Return the study in TOML: an arm for every rule with its rate, all seeds of it."""
    lines = [
        'name = "timed"',
        'question = "How long does it take?"',
        "trials = 0",
        f"seeds = {len({c.seed for c in cells})}",
        *options,
        "[base]",
        'data = "part.npz"',
        'model = "mlp"',
        f"epochs = {workload.EPOCHS}",
        f"batch_size = {workload.BATCH}",
        "normalize = false",
        f"validation = {workload.VALIDATION / (workload.TRAIN + workload.VALIDATION)}",
    ]
    for rule, rate in dict.fromkeys((c.rule, c.rate) for c in cells):
        lines += ["[[arms]]", f'name = "{rule} {rate}"', f'optimizer = "{rule}(lr={rate})"']
    return "\n".join(lines) + "\n"


def save(path):
    """Write the examples of the study as a user would keep them."""
    parts = workload.parts()
    x, y = (np.concatenate([parts[p][k] for p in ("train", "validation")]) for k in range(2))
    np.savez(path, x=x, y=y, test_x=parts["test"][0], test_y=parts["test"][1])
