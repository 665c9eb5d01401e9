"""A session of fewer runs: those that are over leave, the others go on in a smaller program."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from steepest.engine.executor import bind_programs
from steepest.program.trace import Value
from steepest.train.partition import Split
from steepest.train.session import Session, run_programs

COMMON = ("data", "targets")  # what all runs read; everything else is each run's own


def narrowed(session: Session, places: Sequence[int]) -> Session:
    """Return a session of the runs at these places, going on with copies of what they hold.

    The runs' own bits follow on NumPy's engine; elsewhere the width of a program may decide how
    products are rounded.
    """
    engine, kept = session.engine, np.asarray(places, np.int64)
    specs = tuple(session.specs[i] for i in places)
    parts = Split(session.split.train[kept], session.split.validation[kept])
    task = replace(session.task, runs=len(specs))
    shared = {name: session.shared[name] for name in COMMON}
    for name in session.shared.keys() - shared.keys():
        values = engine.numpy(session.shared[name])[kept]
        shared[name] = engine.array(Value(values.shape, "real"), values)
    recorded = run_programs(specs, [s.rule for s in specs], task, parts)
    bound = bind_programs(recorded, engine, shared)
    return replace(
        session, specs=specs, split=parts, task=task, shared=shared, bound=bound, kept={}
    )
