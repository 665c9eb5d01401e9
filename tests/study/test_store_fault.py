"""Faults around the store: kills, damage, a full disk, other processes, other versions."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steepest.errors import DataError, SteepestError
from steepest.study.query import read_curves, read_paces
from steepest.study.store import open_store

KILLS = 15
RECORDER = """
import sys
from steepest.study.store import open_store

with open_store(sys.argv[1]) as store:
    key = "a" * 64
    store.start_run(key, "numpy")
    for epoch in range(1, 1_000_000):
        store.record_epochs(key, [{"epoch": epoch, "train_loss": 1.0 / epoch}])
        if epoch % 3 == 0:
            store.flush()
            print("committed", epoch, flush=True)
"""
HOLDER = """
import sqlite3, sys, time
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""
CLAIMER = """
import sys
from steepest.study.store import open_store
with open_store(sys.argv[1]) as store, store.claim():
    print("claimed", flush=True)
    sys.stdin.read()
"""


def _start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///")


def test_no_acknowledged_epoch_is_lost_by_a_kill(url, plan):
    """After each of 15 kills at random times every acknowledged epoch is there, once."""
    chance = random.Random(0)  # noqa: S311 - moments to kill, no secrets
    run = plan(key="a" * 64)
    with open_store(url) as store:
        store.add_runs([run])
    with _start(RECORDER, url) as next_child:
        child = next_child
        for kill in range(KILLS):
            assert child.stdout.readline().startswith("committed")
            time.sleep(chance.uniform(0.0, 0.08))
            child.send_signal(signal.SIGKILL)
            said = child.stdout.read().splitlines()
            child.communicate()
            last = max((int(s.split()[1]) for s in said if s[-1:].isdigit()), default=3)
            with open_store(url, write=False) as store:
                curve = read_curves(store, [run.key])[run.key]
                assert store.check() == []
            assert [row["epoch"] for row in curve] == list(range(1, len(curve) + 1))
            assert len(curve) >= last
            assert all(row["train_loss"] == 1.0 / row["epoch"] for row in curve)
            if kill + 1 < KILLS:
                child = _start(RECORDER, url)
    with open_store(url) as store, store.claim() as left:
        assert left == 1
        assert store.finished([run.key]) == {}


@pytest.mark.parametrize("size", [10, 5_000])
def test_a_damaged_file_is_told_in_one_sentence(url, plan, size):
    """Garbage at the start of the file, or in its middle, is a DataError, never a crash."""
    with open_store(url) as store:
        store.add_runs([plan(seed) for seed in range(300)])
    path = Path(_file(url))
    content = bytearray(path.read_bytes())
    start = 0 if size == 10 else len(content) // 2
    content[start : start + size] = b"\xa5" * size
    path.write_bytes(content)
    keys = [plan(seed).key for seed in range(300)]
    with pytest.raises(DataError, match="damaged") as caught:
        _read_all(url, keys)
    assert "\n" not in str(caught.value)


def _read_all(url: str, keys: list[str]) -> None:
    with open_store(url, write=False) as store:
        faults = store.check()
        read_curves(store, keys)
        store.finished(keys)
        if faults:
            raise DataError(f"damaged: {faults[0].splitlines()[0]}")


def test_a_full_disk_is_told_and_earlier_data_stays(url, plan):
    """The write that finds no space fails in one sentence; all acknowledged epochs are valid."""
    run = plan()
    store = open_store(url)
    store.add_runs([run])
    store._call(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 60"))
    acknowledged = []
    with pytest.raises(SteepestError, match="no space left") as caught:
        _record_until_refused(store, run.key, acknowledged)
    assert "\n" not in str(caught.value)
    last = len(acknowledged)
    assert last > 10
    with pytest.raises(SteepestError, match="no space left"):
        store.record_epochs(run.key, [{"epoch": last + 2}])
    with pytest.raises(SteepestError, match="no space left"):
        store.close()
    with open_store(url) as again:
        assert again.check() == []
        curve = read_curves(again, [run.key])[run.key]
        assert [row["epoch"] for row in curve] == list(range(1, last + 1))
        again.record_epochs(run.key, [{"epoch": last + 1}]).result()


def _record_until_refused(store, key: str, acknowledged: list[int]) -> None:
    for epoch in range(1, 20_000):
        store.record_epochs(key, [{"epoch": epoch, "extra": {"text": "x" * 500}}])
        store.flush()
        acknowledged.append(epoch)


def test_a_short_lock_is_waited_for(url, plan):
    """A transaction of another process delays a write and costs nothing."""
    with open_store(url) as store:
        store.add_runs([plan()])
        with _start(HOLDER, _file(url), "0.4") as other:
            other.stdout.readline()
            store.record_epochs(plan().key, [{"epoch": 1}])
            store.flush()
        assert len(read_curves(store, [plan().key])[plan().key]) == 1


def test_a_long_lock_is_told(url, plan):
    """A process that does not let go is named as the reason, in one sentence."""
    with open_store(url) as store:
        store.add_runs([plan()])
    with _start(HOLDER, _file(url), "30") as other:
        other.stdout.readline()
        with pytest.raises(SteepestError, match="locked by another process"):
            _add(url, plan)
        other.kill()


def _add(url: str, plan) -> None:
    with open_store(url, patience=0.3) as store:
        store.add_runs([plan(5)])


def test_one_process_executes_runs(url):
    """A second process is told who holds the right; a killed holder loses it at once."""
    with _start(CLAIMER, url) as other:
        assert other.stdout.readline() == "claimed\n"
        with open_store(url) as store:
            with pytest.raises(
                SteepestError, match=f"held by another process .process {other.pid}"
            ):
                store.claim().__enter__()
            other.kill()
            other.wait()
            with store.claim() as left:
                assert left == 0


def test_two_processes_may_write(url, plan):
    """Writers of two processes take turns by transaction; nothing is lost."""
    script = RECORDER.replace("1_000_000", "301")
    with open_store(url) as store:
        store.add_runs([plan(key="a" * 64), plan(1)])
        with _start(script, url) as other:
            for epoch in range(1, 200):
                store.record_epochs(plan(1).key, [{"epoch": epoch}])
                store.flush()
            other.communicate()
        curves = read_curves(store, ["a" * 64, plan(1).key])
        assert [len(curve) for curve in curves.values()] == [300, 199]


def test_a_newer_layout_is_refused(url):
    """A store of a later version is left alone."""
    open_store(url).close()
    with sqlite3.connect(_file(url)) as raw:
        raw.execute("UPDATE schema_version SET version = 7")
    raw.close()
    for write in (True, False):
        with pytest.raises(DataError, match="layout 7, this steepest reads up to 3"):
            open_store(url, write=write)


def test_an_older_layout_gains_what_it_lacks(url):
    """It is read as it is; what is new is added when it is first written to."""
    open_store(url).close()
    with sqlite3.connect(_file(url)) as raw:
        raw.execute("DROP TABLE paces")
        raw.execute("UPDATE schema_version SET version = 1")
    raw.close()
    with open_store(url, write=False) as store:
        assert read_paces(store, "any") == {}
    with open_store(url) as store:
        number = store.add_study("any", "", "{}", "0").id
        store.record_paces(number, {"shape": 0.5})
        store.record_paces(number, {"shape": 0.7})
        assert read_paces(store, "any") == {"shape": 0.5}


def test_a_foreign_database_is_refused(tmp_path):
    """Someone else's database is neither read nor changed."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(DataError, match="not a store of steepest"):
        open_store(str(path), write=False)
    with pytest.raises(DataError, match="not a store of steepest"):
        open_store(str(path))
    assert path.read_bytes() == before
