"""How long a study will take: a few steps of one run, timed and multiplied."""

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from steepest.data import Dataset
from steepest.errors import UsageError
from steepest.spec import RunSpec
from steepest.study.design import Study
from steepest.study.protocol import count_trainings
from steepest.train.partition import passes
from steepest.train.session import epoch_tables, open_session

BUDGET = 0.25  # seconds spent on timing
START_UP = 1.0  # seconds until workers have loaded NumPy and the data


def run_seconds(spec: RunSpec, dataset: Dataset) -> float:
    """Return the seconds one run of `spec` is likely to take on one thread."""
    with threadpool_limits(1):
        began = time.perf_counter()
        session = open_session([spec], dataset)
        opened = time.perf_counter() - began
        bound = session.bound["train"]
        rows = epoch_tables(session, 0)["order"][:, : session.batch]
        session.engine.write(bound.inputs["index"], rows)
        bound.replay()
        times: list[float] = []
        while sum(times) < BUDGET and len(times) < 200:
            began = time.perf_counter()
            bound.replay()
            times.append(time.perf_counter() - began)
    step = float(np.median(times))
    steps = float(session.steps)
    held = float(session.split.validation.shape[1] / max(session.batch, 1))
    return opened + passes(spec, session.steps) * step * (steps + held / 3)  # forward: a third


def study_seconds(study: Study, dataset: Dataset, jobs: int) -> float | None:
    """Return the seconds a whole study is likely to take, None where a first run fails.

    Arms that differ in model or batch size alone are timed apart. Nothing is timed that would have
    to be compiled first, or whose device is not on this machine; the runner says which.
    """
    known: dict[Any, float] = {}
    times = []
    for arm in study.arms:
        spec = study.spec(arm, study.cells(arm, 0)[0], 0)
        if spec.compile:
            return None
        kind = (spec.model, spec.batch_size)
        try:
            known[kind] = known[kind] if kind in known else run_seconds(spec, dataset)
        except UsageError:
            if spec.device == "cpu":
                raise
            return None
        except Exception:  # noqa: BLE001 - a model of the user's own; the runs will tell what it is
            return None
        times.append(known[kind])
    return START_UP + float(np.mean(times)) * count_trainings(study) / max(jobs, 1)
