"""The runner: does what a study still misses, and nothing twice.

Law: one process writes the store; workers train and tell. Selection sees validation data; the test
set is opened for the selected cells alone, and the opening is recorded before it happens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steepest import codec
from steepest.data import Dataset, load
from steepest.engine.choice import make_engine
from steepest.errors import DataError, NothingMatchedError, UsageError
from steepest.study.archive import text_of_study
from steepest.study.cross import over_folds
from steepest.study.design import Study, priced
from steepest.study.environment import command, facts
from steepest.study.group import Group, groups
from steepest.study.proposal import Told, length_of
from steepest.study.protocol import (
    Choice,
    Planned,
    Score,
    choose,
    count_runs,
    plan_final,
    plan_tuning,
    plan_wider,
    score_of,
    told_of,
)
from steepest.study.query import read_evaluations, read_paces
from steepest.study.record import Record, StudyRecord
from steepest.study.store import Store, open_store
from steepest.study.task import checkpoint_path
from steepest.study.workers import Crew

WORK = "steepest.study.group_task:perform"
ROUNDS = 3  # of widening at most


@dataclass(frozen=True)
class Step:
    """Progress: what has just happened, and how much of the known work is done."""

    kind: str  # "plan", "start", "epochs", "done", "failed"
    done: int
    total: int
    text: str = ""


@dataclass
class Conduct:
    """A study being conducted: call `run` and iterate; `record` and `choices` hold what came."""

    study: Study
    store: Store
    jobs: int
    folder: Path
    fresh: bool = False

    def run(self) -> Iterator[Step]:
        """Execute what is missing; yield progress. Raises what `Crew` raises when interrupted."""
        dataset = study_data(self.study)
        require_devices(self.study)
        self.record = add_study(self.study, self.store)
        self.study = priced(self.study, dataset, read_paces(self.store, self.study.name))
        self.digest = dataset.digest
        self._environment = self.store.add_environment(facts())
        self._done, self._total = 0, sum(count_runs(self.study))
        self._redone: set[str] = set()
        self.choices: list[Choice] = []
        with self.store.claim(), Crew(WORK, self.jobs) as crew:
            yield Step("plan", 0, self._total)
            for tuning in range(self.study.rounds):
                yield from self._tune(crew, tuning)
            final = plan_final(self.study, self.digest, self.choices)
            yield from self._execute(crew, final, test=True)

    def _tune(self, crew: Crew, tuning: int) -> Iterator[Step]:
        planned: list[Planned] = []
        while batch := plan_tuning(self.study, self.digest, tuning, self._told(planned)):
            yield from self._execute(crew, batch)
            planned += batch
        choices = self._choose(tuning, planned)
        for _ in range(ROUNDS if self.study.widen else 0):
            if not any(c.boundary for c in choices):
                break
            first = max(p.place.trial for p in planned) + 1
            more = plan_wider(self.study, self.digest, choices, first)
            self._total += len(more)
            yield from self._execute(crew, more)
            planned = planned + more
            choices = self._choose(tuning, planned)
        self.choices += choices

    def _told(self, planned: Sequence[Planned]) -> dict[str, list[Told]]:
        """Return by arm what came of its trials."""
        records, found = self.store.finished([p.run.key for p in planned]), {}
        for arm in self.study.arms:
            scores = {s.key: s for s in _scores(self.study, arm.name, planned, records)}
            mine = [p for p in planned if p.place.arm == arm.name]
            found[arm.name] = told_of(self.study, mine, scores)
        return found

    def _choose(self, tuning: int, planned: Sequence[Planned]) -> list[Choice]:
        """Return the choices of all arms but those none of whose trials came to an end."""
        records = self.store.finished([p.run.key for p in planned])
        found = [
            choose(self.study, arm, tuning, _scores(self.study, arm.name, planned, records))
            for arm in self.study.arms
        ]
        tuned = {p.place.arm for p in planned}
        return [c for c in found if c.trials or c.arm not in tuned]

    def _execute(self, crew: Crew, planned: list[Planned], test: bool = False) -> Iterator[Step]:
        """Run what the store does not have; a failed run costs itself only."""
        if not planned:
            return
        if self.study.purse is not None:
            self.store.record_paces(self.record.id, self.study.purse.paces)
        self.store.add_runs([p.run for p in planned])
        self.store.place_runs(self.record.id, [p.place for p in planned])
        missing = self._missing(planned, test)
        if test and not self.study.nested:
            keys = [p.run.key for p in missing]
            self.store.record_opening(self.record.id, keys, "test", command())
        self._done += len(planned) - len(missing)
        found = groups(planned, self.study.together, {p.run.key for p in missing})
        tasks = [self._task(group, test) for group in found]
        for event in crew.run(tasks):
            for each, payload in found[event.task].told(event.kind, event.payload):
                yield from self._note(each, event.kind, payload)
        self.store.flush()

    def _missing(self, planned: Sequence[Planned], test: bool) -> list[Planned]:
        keys = list(dict.fromkeys(p.run.key for p in planned))
        known = self.store.finished(keys)
        tested = read_evaluations(self.store, list(known)) if test else {}
        wanted = [
            k
            for k in keys
            if k not in known
            or (test and self.study.held not in tested[k] and has_weights(known[k]))
            or (self.fresh and k not in self._redone)
        ]
        self._redone.update(wanted)
        by_key = {p.run.key: p for p in planned}
        return [by_key[k] for k in wanted]

    def _task(self, group: Group, test: bool) -> dict[str, Any]:
        """Return the task of a group; of one run, it is that run's own."""
        runs = [{"spec": p.spec.plain(), "key": p.run.key} for p in group.runs]
        several = {"runs": runs, "key": codec.digest([run["key"] for run in runs])}
        task: dict[str, Any] = several if len(runs) > 1 else dict(runs[0])
        if self.fresh:
            checkpoint_path(self._checkpoints, task["key"]).unlink(missing_ok=True)
        rest = {"test": test, "keep": self.study.score, "folder": str(self._checkpoints)}
        return task | rest

    @property
    def _checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def _note(self, planned: Planned, kind: str, payload: Any) -> Iterator[Step]:
        """Write what a worker told of a run to the store."""
        key = planned.run.key
        label = f"{planned.place.arm} seed {planned.place.seed}"
        if kind == "started":
            self.store.start_run(key, planned.spec.engine, self._environment)
            yield self._step("start", label)
        elif kind == "event":
            self.store.record_epochs(key, payload["epochs"])
            yield self._step("epochs", label)
        elif kind == "done":
            self._done += 1
            if "test" in payload:
                self.store.record_evaluation(key, self.study.held, payload["test"])
            self.store.finish_run(key, payload["status"], "", payload["summary"])
            yield self._step("done", label)
        elif kind == "stopped":
            self.store.finish_run(key, "interrupted", "stopped by the user")
        else:
            self._done += 1
            reason = f"{payload['type']}: {payload['message']}"
            self.store.finish_run(key, "failed", reason)
            yield self._step("failed", f"{label}: {reason}")

    def _step(self, kind: str, text: str) -> Step:
        return Step(kind, self._done, self._total, text)


def study_data(study: Study) -> Dataset:
    """Return the data all arms share; UsageError where they do not."""
    specs = [study.spec(a, study.cells(a, 0)[0], 0) for a in study.arms]
    wanted = {(s.data, s.classes, s.target) for s in specs}
    if len(wanted) > 1:
        raise UsageError("the arms of a study share one data set and its classes")
    data, classes, target = wanted.pop()
    dataset = load(data, list(classes) or None, target)
    if study.metric != "loss" and not dataset.classes:
        raise UsageError(f"'{dataset.name}' has no classes: its metric is loss, not {study.metric}")
    if not len(dataset.test_x) and not study.nested:
        raise DataError(f"'{dataset.name}' has no test set to compare arms on")
    return dataset


def require_devices(study: Study) -> None:
    """Raise UsageError for a device that an arm asks for and this machine has not."""
    specs = [study.spec(a, study.cells(a, 0)[0], 0) for a in study.arms]
    for device in sorted({s.device for s in specs} - {"cpu"}):
        make_engine("torch", device=device)


def known_paces(url: str, study: Study) -> dict[str, float]:
    """Return what an update takes by shape, where a budget in seconds was measured before."""
    if study.purse is None or study.purse.budget.kind != "seconds":
        return {}
    try:
        with open_store(url, write=False) as store:
            return read_paces(store, study.name)
    except NothingMatchedError:
        return {}


def has_weights(record: Record) -> bool:
    """Tell whether a finished run left weights: not if it diverged in its first epoch."""
    return record.status != "diverged" or bool(record.metrics.get("epochs"))


def add_study(study: Study, store: Store) -> StudyRecord:
    """Add the study to the store, or take it up again."""
    return store.add_study(study.name, study.question, text_of_study(study), study.digest)


def _scores(
    study: Study, arm: str, planned: Sequence[Planned], records: dict[str, Record]
) -> list[Score]:
    found = []
    for p in planned:
        record = records.get(p.run.key)
        if p.place.arm == arm and record is not None:
            diverged = record.status == "diverged"
            score = score_of(study, record.metrics)
            one = Score(p.values, p.run.key, score, diverged, length_of(p.spec))
            found.append((p.place.trial, one))
    return over_folds(study, found)
