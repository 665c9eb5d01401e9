"""Questions to the store: studies, pages of runs, curves, trials, one run by the start of its key.

Law: nothing here writes. Pages are found by key, never by offset, so the last page is as quick as
the first; a question without an answer names what is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, inspect, select

from steepest.errors import NothingMatchedError, UsageError, nearest
from steepest.study.entry import CHUNK, select_studies
from steepest.study.record import (
    Opening,
    Place,
    Record,
    StudyRecord,
    Trial,
    decode,
    epoch_row,
    record_of,
)
from steepest.study.schema import (
    FINAL,
    environments,
    epochs,
    evaluations,
    looks,
    openings,
    paces,
    runs,
    studies,
    study_runs,
)
from steepest.study.store import Store

SHOWN = 6  # candidates listed for an ambiguous key
COLUMNS = ("data", "model", "optimizer", "status", "seed", "batch_size", "lr", "cell")


def list_studies(store: Store) -> list[StudyRecord]:
    """Return the latest revision of every study, newest first."""
    newest = select(studies.c.name, func.max(studies.c.turn).label("turn")).group_by(studies.c.name)
    last = newest.subquery()
    same = (studies.c.name == last.c.name) & (studies.c.turn == last.c.turn)
    question = select_studies().join(last, same).order_by(studies.c.id.desc())
    with store.read() as connection:
        return [StudyRecord(**row) for row in connection.execute(question).mappings()]


def find_study(store: Store, name: str) -> StudyRecord:
    """Return the latest revision of the study called `name`.

    Raises NothingMatchedError that names the nearest study there is.
    """
    question = select_studies().where(studies.c.name == name).order_by(studies.c.turn.desc())
    with store.read() as connection:
        found = connection.execute(question.limit(1)).mappings().first()
        names = connection.scalars(select(studies.c.name).distinct()).all() if not found else []
    if found is None:
        hint = nearest(name, names) if names else "it has none yet"
        raise NothingMatchedError(f"no study '{name}' in the store {store.place}; {hint}")
    return StudyRecord(**found)


def list_revisions(store: Store, name: str) -> list[StudyRecord]:
    """Return all revisions of a study, oldest first."""
    question = select_studies().where(studies.c.name == name).order_by(studies.c.revision)
    with store.read() as connection:
        return [StudyRecord(**row) for row in connection.execute(question).mappings()]


def read_paces(store: Store, name: str) -> dict[str, float]:
    """Return the seconds of an update by shape, as first measured for a study of this name."""
    mine = paces.join(studies, studies.c.id == paces.c.study)
    question = select(paces.c.shape, paces.c.seconds).select_from(mine)
    with store.read() as connection:
        if not inspect(connection).has_table(paces.name):  # an older store
            return {}
        newest_first = question.where(studies.c.name == name).order_by(studies.c.id.desc())
        return {str(shape): float(value) for shape, value in connection.execute(newest_first)}


def read_looks(store: Store, line: str) -> list[int]:
    """Return the pairs seen at every declared look at a study, at any number of seeds."""
    question = select(looks.c.pairs).where(looks.c.line == line).order_by(looks.c.id)
    with store.read() as connection:
        if not inspect(connection).has_table(looks.name):  # an older store
            return []
        return [int(n) for n in connection.scalars(question)]


def list_runs(
    store: Store, *, before: int | None = None, limit: int = 100, **chosen: Any
) -> list[Record]:
    """Return a page of runs, newest first, with the columns named in `chosen`.

    `before` is the id of the last run of the page before. Raises UsageError for an unknown column.
    """
    question = _choose(select(runs), chosen).order_by(runs.c.id.desc()).limit(limit)
    if before is not None:
        question = question.where(runs.c.id < before)
    with store.read() as connection:
        return [record_of(row) for row in connection.execute(question).mappings()]


def _choose(question: Select[Any], chosen: Mapping[str, Any]) -> Select[Any]:
    for name, value in chosen.items():
        if name not in COLUMNS:
            raise UsageError(f"runs cannot be chosen by '{name}'; {nearest(name, COLUMNS)}")
        if value is not None:
            question = question.where(runs.c[name] == value)
    return question


def latest_runs(store: Store, optimizer: str, *, limit: int = 1, **chosen: Any) -> list[Record]:
    """Return the newest runs of an optimizer that came to an end, newest first.

    Raises NothingMatchedError that names the optimizers there are.
    """
    ended = select(runs).where(runs.c.optimizer == optimizer, runs.c.status.in_(FINAL))
    question = _choose(ended, chosen).order_by(runs.c.id.desc()).limit(limit)
    with store.read() as connection:
        found = [record_of(row) for row in connection.execute(question).mappings()]
        if found:
            return found
        names = connection.scalars(select(runs.c.optimizer).distinct()).all()
    if optimizer in names:
        raise NothingMatchedError(f"no finished run of '{optimizer}' in {store.place} is like that")
    hint = nearest(optimizer, names) if names else "it has no runs yet"
    raise NothingMatchedError(f"no run of '{optimizer}' in the store {store.place}; {hint}")


def find_run(store: Store, start: str) -> Record:
    """Return the run whose key begins with `start`.

    Raises UsageError that lists the candidates when there are several, NothingMatchedError when
    there is none.
    """
    word = start.strip().lower()
    if not word or word.strip("0123456789abcdef"):
        raise UsageError(f"'{start}' is no run key; a key is written in the digits 0-9 and a-f")
    between = (runs.c.key >= word) & (runs.c.key < word + "g")
    question = select(runs).where(between).order_by(runs.c.key).limit(SHOWN)
    with store.read() as connection:
        rows = connection.execute(question).mappings().all()
    if not rows:
        raise NothingMatchedError(f"no run {start} in the store {store.place}")
    if len(rows) > 1 and rows[0]["key"] != word:
        listed = ", ".join(_named(row) for row in rows)
        more = ", ..." if len(rows) == SHOWN else ""
        raise UsageError(f"'{start}' may be several runs: {listed}{more}; give more of the key")
    return record_of(rows[0])


def _named(row: Mapping[Any, Any]) -> str:
    return f"{row['key'][:12]} ({row['optimizer']} on {row['data']}, seed {row['seed']})"


def list_trials(store: Store, study: int, *, role: str | None = None) -> list[Trial]:
    """Return the runs of a study in their places, in the order of the design."""
    names = ("arm", "role", "seed", "trial", "tuning")
    placed = [study_runs.c[name].label(f"place_{name}") for name in names]
    question = select(runs, *placed).join(study_runs, study_runs.c.run == runs.c.id)
    question = question.where(study_runs.c.study == study)
    if role is not None:
        question = question.where(study_runs.c.role == role)
    order = (study_runs.c[name] for name in ("role", "tuning", "arm", "trial", "seed"))
    with store.read() as connection:
        rows = connection.execute(question.order_by(*order)).mappings().all()
    return [_trial(row, names) for row in rows]


def _trial(row: Mapping[Any, Any], names: Sequence[str]) -> Trial:
    place = Place(key=row["key"], **{name: row[f"place_{name}"] for name in names})
    return Trial(place, record_of({name: row[name] for name in runs.c.keys()}))  # noqa: SIM118


def list_places(store: Store, record: Record) -> list[tuple[str, Place]]:
    """Return where a run stands: (name of the study, place), latest studies first."""
    names = ("arm", "role", "seed", "trial", "tuning")
    question = select(studies.c.name, *(study_runs.c[name] for name in names))
    question = question.join(studies, studies.c.id == study_runs.c.study)
    question = question.where(study_runs.c.run == record.id).order_by(studies.c.id.desc())
    with store.read() as connection:
        rows = connection.execute(question).mappings().all()
    return [
        (str(row["name"]), Place(key=record.key, **{name: row[name] for name in names}))
        for row in rows
    ]


def count_runs(store: Store, study: int) -> dict[str, int]:
    """Return how many runs of a study are in each status."""
    mine = select(study_runs.c.run).where(study_runs.c.study == study).distinct()
    question = select(runs.c.status, func.count()).where(runs.c.id.in_(mine))
    with store.read() as connection:
        return {
            str(status): int(count)
            for status, count in connection.execute(question.group_by(runs.c.status))
        }


def read_curves(store: Store, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the recorded epochs of each run by key, in order; a run without epochs has none."""
    curves: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
    question = select(runs.c.key, epochs).join(epochs, epochs.c.run == runs.c.id)
    for row in _about(store, question.order_by(epochs.c.run, epochs.c.epoch), keys):
        curves[row["key"]].append(epoch_row(row))
    return curves


def read_evaluations(store: Store, keys: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the metrics of each run by key and split."""
    found: dict[str, dict[str, dict[str, Any]]] = {key: {} for key in keys}
    question = select(runs.c.key, evaluations).join(evaluations, evaluations.c.run == runs.c.id)
    for row in _about(store, question, keys):
        found[row["key"]][row["split"]] = decode(row["metrics"])
    return found


def _about(store: Store, question: Select[Any], keys: Sequence[str]) -> Iterator[Mapping[Any, Any]]:
    with store.read() as connection:
        for start in range(0, len(keys), CHUNK):
            chosen = question.where(runs.c.key.in_(keys[start : start + CHUNK]))
            yield from connection.execute(chosen).mappings()


def list_openings(store: Store, study: int) -> list[Opening]:
    """Return the openings of test sets by a study, oldest first."""
    question = select(runs.c.key, openings.c.split, openings.c.time, openings.c.command)
    question = question.join(runs, runs.c.id == openings.c.run).where(openings.c.study == study)
    with store.read() as connection:
        found = connection.execute(question.order_by(openings.c.id)).mappings()
        return [Opening(**row) for row in found]


def count_openers(store: Store, study: StudyRecord) -> int:
    """Return how many studies of other names opened the test set of a study's data.

    Data are the same by name, which is also what a path or a selection of classes is known by.
    """
    mine = select(runs.c.data).join(study_runs, study_runs.c.run == runs.c.id)
    mine = mine.where(study_runs.c.study == study.id).distinct()
    question = select(func.count(studies.c.name.distinct())).select_from(openings)
    question = question.join(runs, runs.c.id == openings.c.run)
    question = question.join(studies, studies.c.id == openings.c.study)
    question = question.where(runs.c.data.in_(mine), studies.c.name != study.name)
    with store.read() as connection:
        return int(connection.scalar(question) or 0)


def read_environment(store: Store, number: int) -> dict[str, Any]:
    """Return the facts of an environment: versions, CPU, threads, git state."""
    question = select(environments.c.facts).where(environments.c.id == number)
    with store.read() as connection:
        facts = connection.scalar(question)
    if facts is None:
        raise NothingMatchedError(f"no environment {number} in the store {store.place}")
    found: dict[str, Any] = decode(facts)
    return found
