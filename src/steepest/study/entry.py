"""How each thing is written: one function per entry, on an open transaction.

Law: these functions know tables and a connection, nothing of files, threads or queues. Every
statement that is used per run is built once, here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, delete, func, insert, select, update

from steepest.errors import DataError, NothingMatchedError
from steepest.study.record import Place, PlannedRun, StudyRecord, encode, now
from steepest.study.schema import (
    environments,
    epochs,
    evaluations,
    looks,
    paces,
    runs,
    studies,
    study_runs,
)

CHUNK = 5_000  # keys named in one statement; SQLite allows 32,766 values
SUMMARY = ("seconds", "params", "flops", "updates", "examples")

_START = (
    update(runs)
    .where(runs.c.id == bindparam("run"))
    .values(
        status="running",
        reason="",
        attempt=runs.c.attempt + 1,
        engine=bindparam("new_engine"),
        environment=bindparam("new_environment"),
        metrics="{}",
        started=bindparam("new_started"),
        ended=None,
        **dict.fromkeys(SUMMARY),
    )
)
_FORGET = tuple(delete(t).where(t.c.run == bindparam("old")) for t in (epochs, evaluations))
_FINISH = (
    update(runs)
    .where(runs.c.id == bindparam("run"))
    .values({name: bindparam(f"new_{name}") for name in ("status", "reason", "metrics", "ended")})
    .values({name: bindparam(f"new_{name}") for name in SUMMARY})
)


def add_environment(connection: Connection, facts: Mapping[str, Any]) -> int:
    """Return the number of the environment with these facts, new or known."""
    text = encode(dict(sorted(facts.items())))
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = connection.scalar(select(environments.c.id).where(environments.c.digest == digest))
    if known is not None:
        return int(known)
    values = {"digest": digest, "facts": text, "created": now()}
    return _insert(connection, environments, values)


def _insert(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row and return its number."""
    number = connection.scalar(insert(table).returning(table.c.id), values)
    return int(number)


def add_study(connection: Connection, name: str, question: str, spec: str, digest: str) -> int:
    """Return the number of the study's revision with this digest; it becomes the latest one."""
    mine = studies.c.name == name
    top = select(func.max(studies.c.turn), func.max(studies.c.revision)).where(mine)
    turn, revision = connection.execute(top).one()
    values = {"question": question, "spec": spec, "turn": (turn or 0) + 1}
    known = connection.scalar(select(studies.c.id).where(mine, studies.c.digest == digest))
    if known is not None:
        connection.execute(update(studies).where(studies.c.id == known), values)
        return int(known)
    values |= {"name": name, "digest": digest, "revision": (revision or 0) + 1}
    values |= {"created": now(), "looks": 0, "seen": 0}
    return _insert(connection, studies, values)


def select_studies() -> Select[Any]:
    """Return the question for all studies, with the columns of `StudyRecord`."""
    other = studies.alias("other")
    same_name = (other.c.name == studies.c.name) & (other.c.id != studies.c.id)
    looks = select(func.coalesce(func.sum(other.c.looks), 0)).where(same_name)
    kept = [c for c in studies.c if c.name != "turn"]
    return select(*kept, looks.scalar_subquery().label("earlier_looks"))


def study_record(connection: Connection, number: int) -> StudyRecord:
    """Return the study with this number."""
    found = connection.execute(select_studies().where(studies.c.id == number)).mappings().one()
    return StudyRecord(**found)


def record_look(connection: Connection, study: int, scored: int, look: Any = None) -> None:
    """Count a look at `scored` final runs of the study; a declared `look` is kept itself."""
    values = {"looks": studies.c.looks + 1, "seen": scored}
    connection.execute(update(studies).where(studies.c.id == study).values(**values))
    if look is not None:
        row = {"study": study, "line": look.line, "pairs": look.pairs[-1], "most": look.most}
        row |= {"level": look.level, "spent": look.spent, "time": now()}
        connection.execute(insert(looks), row)


def record_paces(connection: Connection, study: int, seconds: Mapping[str, float]) -> None:
    """Keep the seconds of an update by shape; what is known of the study stays as it is."""
    known = set(connection.scalars(select(paces.c.shape).where(paces.c.study == study)))
    fresh = [
        {"study": study, "shape": shape, "seconds": value, "created": now()}
        for shape, value in seconds.items()
        if shape not in known
    ]
    if fresh:
        connection.execute(insert(paces), fresh)


def add_runs(connection: Connection, plans: Sequence[PlannedRun]) -> dict[str, int]:
    """Add the planned runs that are not known yet; return the numbers of all by key.

    Raises DataError when a known key stands for another spec.
    """
    known = _known(connection, [plan.key for plan in plans])
    for plan in plans:
        if known.get(plan.key, plan.spec) != plan.spec:
            raise DataError(f"run {plan.key[:12]} is stored with another spec")
    fresh = {plan.key: plan for plan in plans if plan.key not in known}
    blank = {"status": "planned", "reason": "", "attempt": 0, "engine": "", "metrics": "{}"}
    blank["created"] = now()
    if fresh:
        connection.execute(insert(runs), [asdict(plan) | blank for plan in fresh.values()])
    return numbers(connection, [plan.key for plan in plans])


def _known(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    return _by_key(connection, select(runs.c.key, runs.c.spec), keys)


def numbers(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Return the numbers of the runs that are known among `keys`."""
    return _by_key(connection, select(runs.c.key, runs.c.id), keys)


def _by_key(connection: Connection, question: Select[Any], keys: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for start in range(0, len(keys), CHUNK):
        chosen = question.where(runs.c.key.in_(keys[start : start + CHUNK]))
        found |= {str(key): value for key, value in connection.execute(chosen)}
    return found


def place_runs(connection: Connection, study: int, places: Sequence[Place]) -> None:
    """Put runs into their places in the study; a place holds the run put there last.

    Raises NothingMatchedError for a run that was not added.
    """
    known = numbers(connection, [place.key for place in places])
    rows = []
    for place in places:
        row = asdict(place) | {"study": study}
        key = row.pop("key")
        if key not in known:
            raise NothingMatchedError(f"no run {key[:12]} in the store; add it before it is placed")
        rows.append(row | {"run": known[key]})
    if not rows:
        return
    names = [c.name for c in study_runs.primary_key]
    chosen = [study_runs.c[name] == bindparam(f"old_{name}") for name in names]
    old = [{f"old_{name}": row[name] for name in names} for row in rows]
    connection.execute(delete(study_runs).where(*chosen), old)
    connection.execute(insert(study_runs), rows)


def start_run(connection: Connection, run: int, engine: str, environment: int | None) -> None:
    """Begin the next attempt at a run; what an earlier attempt left is deleted with it."""
    values = {"run": run, "new_engine": engine, "new_environment": environment}
    connection.execute(_START, values | {"new_started": now()})
    for forget in _FORGET:
        connection.execute(forget, {"old": run})


def finish_run(
    connection: Connection, run: int, status: str, reason: str, summary: Mapping[str, Any]
) -> None:
    """End a run with its status, the reason for it, and its summary."""
    values = {f"new_{name}": summary.get(name) for name in SUMMARY}
    values |= {"run": run, "new_status": status, "new_reason": reason, "new_ended": now()}
    values["new_metrics"] = encode(summary.get("metrics", {}))
    connection.execute(_FINISH, values)


def record_evaluation(
    connection: Connection, run: int, split: str, metrics: Mapping[str, Any]
) -> None:
    """Keep the metrics of a run on a split; a second evaluation replaces the first."""
    old = (evaluations.c.run == run) & (evaluations.c.split == split)
    connection.execute(delete(evaluations).where(old))
    values = {"run": run, "split": split, "metrics": encode(metrics), "created": now()}
    connection.execute(insert(evaluations), values)


def interrupt_runs(connection: Connection) -> int:
    """Mark the runs that a dead process left running as interrupted; return how many."""
    values = {"status": "interrupted", "reason": "its process ended before the run did"}
    left = update(runs).where(runs.c.status == "running").values(ended=now(), **values)
    return int(connection.execute(left).rowcount)
