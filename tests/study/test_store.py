"""The store keeps what was recorded, once, and refuses what it cannot read."""

import math
import sqlite3
import time

import numpy as np
import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from steepest.errors import DataError, NothingMatchedError, SteepestError, UsageError
from steepest.study.query import read_curves, read_evaluations
from steepest.study.schema import environments, runs
from steepest.study.store import open_store


def test_epochs_come_back_as_they_were_recorded(store, plan):
    """Counts, reals, NumPy scalars, NaN, infinities and free values survive the store."""
    run = plan()
    store.add_runs([run])
    row = {
        "epoch": 1,
        "updates": np.int64(10),
        "examples": 640,
        "flops": 3e18,
        "seconds": 0.1 + 0.2,
        "train_loss": math.nan,
        "val_loss": -math.inf,
        "val_accuracy": np.float32(0.5),
        "lr": 0.01,
        "extra": {"norms": np.array([1.0, math.inf]), "note": "ü\ud800"},
    }
    store.record_epochs(run.key, [row])
    found = read_curves(store, [run.key])[run.key][0]
    assert math.isnan(found["train_loss"])
    assert found["val_loss"] == -math.inf
    assert found["train_accuracy"] is None
    assert (found["updates"], found["flops"], found["seconds"]) == (10, 3e18, 0.1 + 0.2)
    assert found["extra"] == {"norms": [1.0, math.inf], "note": "ü\ud800"}


def test_a_number_that_is_not_finite_is_null_for_sql(store, plan, url):
    """Ranking by SQL cannot make NaN or infinity the best."""
    run = plan()
    store.add_runs([run])
    store.record_epochs(run.key, [{"epoch": 1, "val_loss": -math.inf}])
    store.flush()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        assert raw.execute("SELECT val_loss FROM epochs").fetchall() == [(None,)]
    raw.close()


def test_an_unknown_column_is_named(store, plan):
    """A misspelt measure is an error, not a silent loss."""
    run = plan()
    store.add_runs([run])
    with pytest.raises(UsageError, match=r"'val_los'; did you mean 'val_loss'"):
        store.record_epochs(run.key, [{"epoch": 1, "val_los": 1.0}])


def test_a_run_lives_from_planned_to_finished(store, plan):
    """Only finished and diverged runs are final; their summary comes back."""
    a, b, c = plan(0), plan(1), plan(2)
    store.add_runs([a, b, c])
    assert store.finished([a.key, b.key, c.key]) == {}
    where = store.add_environment({"python": "3", "threads": 1})
    assert store.add_environment({"threads": 1, "python": "3"}) == where
    for run, status in ((a, "finished"), (b, "diverged"), (c, "failed")):
        store.start_run(run.key, "numpy", where)
        summary = {"seconds": 2.5, "params": 10, "metrics": {"val_loss": math.nan}}
        store.finish_run(run.key, status, "why", summary)
    found = store.finished([a.key, b.key, c.key, "0" * 64])
    assert set(found) == {a.key, b.key}
    record = found[b.key]
    assert (record.status, record.reason, record.attempt) == ("diverged", "why", 1)
    assert (record.engine, record.environment, record.seconds) == ("numpy", where, 2.5)
    assert math.isnan(record.metrics["val_loss"])
    assert record.started <= record.ended


def test_a_restart_forgets_the_attempt_before(store, plan):
    """The epochs and evaluations of an interrupted attempt go when the next one starts."""
    run = plan()
    store.add_runs([run])
    store.start_run(run.key, "numpy")
    store.record_epochs(run.key, [{"epoch": 1}, {"epoch": 2}])
    store.record_evaluation(run.key, "test", {"accuracy": 0.5})
    store.finish_run(run.key, "interrupted", "stopped", {"seconds": 9.0})
    store.start_run(run.key, "torch")
    store.record_epochs(run.key, [{"epoch": 1, "train_loss": 7.0}])
    store.finish_run(run.key, "finished")
    record = store.finished([run.key])[run.key]
    assert (record.attempt, record.engine, record.seconds) == (2, "torch", None)
    curve = read_curves(store, [run.key])[run.key]
    assert [(row["epoch"], row["train_loss"]) for row in curve] == [(1, 7.0)]
    assert read_evaluations(store, [run.key])[run.key] == {}


def test_adding_a_run_twice_is_one_run(store, plan):
    """A run is known by its key; a known key with another spec is an error."""
    store.add_runs([plan(), plan(), plan(1)])
    store.add_runs([plan(), plan(2)])
    with store.read() as connection:
        assert len(connection.execute(select(runs.c.key)).all()) == 3
    with pytest.raises(DataError, match="another spec"):
        store.add_runs([plan(spec="{}", key=plan().key)])


def test_the_database_itself_refuses_duplicates(store, plan):
    """Keys of runs are unique for everyone who writes, not only for our functions."""
    store.add_runs([plan()])
    with store.read() as connection:
        row = dict(connection.execute(select(runs)).mappings().one())
    row["id"] = None
    with pytest.raises(SteepestError, match="duplicate") as caught:
        store._call(lambda connection: connection.execute(insert(runs), row))
    assert isinstance(caught.value, SteepestError)
    with pytest.raises(SteepestError, match="FOREIGN KEY"):
        store._call(lambda c: c.exec_driver_sql("INSERT INTO epochs (run, epoch) VALUES (99, 1)"))


def test_readers_cannot_write(store, plan, url):
    """A reader sees what is durable and has no way to change it."""
    store.add_runs([plan()])
    with open_store(url, write=False) as reader:
        assert reader.finished([plan().key]) == {}
        with pytest.raises(UsageError, match="reading only"):
            reader.start_run(plan().key, "numpy")
        with pytest.raises(DataError, match="cannot be"), reader.read() as connection:
            connection.execute(insert(environments), {"digest": "", "facts": "", "created": ""})


def test_a_missing_store_matches_nothing(url, tmp_path):
    """A reader says that there is no store and creates none."""
    with pytest.raises(NothingMatchedError, match="no store"):
        open_store(url, write=False)
    assert list(tmp_path.iterdir()) == []


def test_a_url_must_be_readable():
    """An unreadable URL and a store without a file are usage errors."""
    with pytest.raises(UsageError, match="cannot read the store URL"):
        open_store("://nowhere")
    with pytest.raises(UsageError, match="needs a file"):
        open_store("sqlite://")


def test_nothing_is_left_beside_the_file(url, plan, tmp_path):
    """Closing leaves one file: no lock, no log."""
    with open_store(url) as store, store.claim():
        store.add_runs([plan()])
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["steepest.db"]


def test_changes_are_committed_in_groups_and_soon(store, plan, url, monkeypatch):
    """Many epochs share a transaction, and nobody waits much longer than the delay."""
    delay = 0.5  # long enough to look into the store meanwhile
    monkeypatch.setattr("steepest.study.writer.DELAY", delay)
    plans = [plan(seed) for seed in range(40)]
    store.add_runs(plans)
    commits, early = [], []
    commit = store._writer._commit

    def watched(changes):
        results = commit(changes)
        commits.append(len(changes))
        early.extend(change for change in changes if change.done.done())
        return results

    store._writer._commit = watched
    start = time.monotonic()
    futures = [store.record_epochs(run.key, [{"epoch": 1}]) for run in plans]
    assert not futures[0].cancel()
    with open_store(url, write=False) as reader:
        assert read_curves(reader, [plans[0].key])[plans[0].key] == []
    for future in futures:
        future.result(timeout=5)
    assert delay / 2 < time.monotonic() - start < 3.0
    assert commits == [40]
    assert early == []  # nothing is acknowledged before its commit
    with open_store(url, write=False) as reader:
        assert len(read_curves(reader, [plans[-1].key])[plans[-1].key]) == 1


def test_a_refused_change_costs_only_itself(store, plan):
    """A duplicate epoch in a group is refused and told; its neighbours are kept."""
    run = plan()
    store.add_runs([run])
    futures = [store.record_epochs(run.key, [{"epoch": k}]) for k in (1, 2, 2, 3)]
    with pytest.raises(SteepestError, match="duplicate"):
        store.flush()
    assert [future.exception() is None for future in futures] == [True, True, False, True]
    assert [row["epoch"] for row in read_curves(store, [run.key])[run.key]] == [1, 2, 3]


def test_an_epoch_batch_is_all_or_nothing(store, plan):
    """Rows recorded together are refused together."""
    run = plan()
    store.add_runs([run])
    refused = store.record_epochs(run.key, [{"epoch": 1}, {"epoch": 1}])
    with pytest.raises(SteepestError):
        store.flush()
    assert not isinstance(refused.exception(), DBAPIError)
    assert read_curves(store, [run.key])[run.key] == []


def test_an_unknown_run_or_status_is_an_error(store, plan):
    """Nothing is recorded for a run that was not added."""
    with pytest.raises(NothingMatchedError, match="no run abc"):
        store.record_epochs("abc", [{"epoch": 1}])
    store.add_runs([plan()])
    with pytest.raises(UsageError, match="unknown status 'done'"):
        store.finish_run(plan().key, "done")
    with pytest.raises(UsageError, match="unknown entry of a summary 'loss'"):
        store.finish_run(plan().key, "finished", summary={"loss": 1.0})
