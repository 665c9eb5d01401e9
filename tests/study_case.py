"""Small studies for tests: made, conducted, and read back in a form that can be compared."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from steepest.study.design import from_arms
from steepest.study.query import find_study, list_trials, read_curves, read_evaluations
from steepest.study.runner import Conduct
from steepest.study.store import open_store

BASE = {"data": "digits", "model": "mlp(hidden=[8])", "epochs": 2, "batch_size": 256}
TIMES = ("seconds",)  # differ from run to run
SCRIPT = """
import json, sys
sys.path.insert(0, {tests!r})
import study_case
study_case.die(study_case.make(**json.loads({options!r})), {folder!r}, {runs})
"""


def make(*arms, base=None, **options):
    """Return a study of a few short runs."""
    small = {"trials": 2, "seeds": 2} | options
    return from_arms(arms or ("sgd", "adam"), BASE | (base or {}), "small", "Which?", **small)


def conduct(study, folder, jobs=0, fresh=False):
    """Conduct a study in a store in `folder`; return (steps, what the store has)."""
    with open_store(url(folder)) as store:
        steps = list(Conduct(study, store, jobs, Path(folder), fresh=fresh).run())
    return steps, stored(folder, study.name)


def url(folder):
    """Return the URL of the store in a folder."""
    return f"sqlite:///{folder}/steepest.db"


def stored(folder, name="small"):
    """Return every run of a study: place -> (key, status, reason, metrics, epochs, evaluations)."""
    with open_store(url(folder), write=False) as store:
        trials = list_trials(store, find_study(store, name).id)
        keys = [t.place.key for t in trials]
        curves, tests = read_curves(store, keys), read_evaluations(store, keys)
    found = {}
    for t in trials:
        rows = [{k: v for k, v in row.items() if k not in TIMES} for row in curves[t.place.key]]
        place = (t.place.arm, t.place.role, t.place.tuning, t.place.trial, t.place.seed)
        assert place not in found
        r = t.record
        found[place] = (
            r.key, r.status, r.reason, r.metrics, (r.flops, r.updates, r.examples, r.params), rows,
            tests[r.key],
        )  # fmt: skip
    return found


def executed(steps):
    """Return how many runs were begun."""
    return sum(step.kind == "start" for step in steps)


def write_module(folder, name, text, monkeypatch):
    """Write a module of the user's own where it can be imported, also by workers."""
    Path(folder, f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop(name, None)


def kill(folder, options, runs):
    """Kill the study of `options` in the midst of a run, `runs` being done; return how many are."""
    text = SCRIPT.format(
        tests=str(Path(__file__).parent), options=json.dumps(options), folder=str(folder), runs=runs
    )
    process = subprocess.run([sys.executable, "-c", text], start_new_session=True, check=False)
    assert process.returncode == -signal.SIGKILL
    found = stored(folder).values()
    assert any(rows for _, status, _, _, _, rows, _ in found if status == "running")
    return sum(run[1] == "finished" for run in found)


def die(study, folder, runs):
    """Conduct a study with two workers and end them and this process by SIGKILL on the way.

    The moment is one of the study, not of the clock: a machine may be as quick or as slow as it is.
    """
    with open_store(url(folder)) as store:
        for step in Conduct(study, store, 2, Path(folder)).run():
            if step.kind == "epochs" and step.done >= runs:
                store.flush()
                os.killpg(os.getpid(), signal.SIGKILL)
