"""Workers execute every task once, and what befalls one task stays with it."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from steepest.errors import SteepestError, UsageError
from steepest.study.workers import ENDS, Crew, run_tasks


@pytest.fixture(autouse=True)
def _chores(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    yield
    sys.modules.pop("chores", None)


def _ends(events) -> dict:
    return {event.task: event for event in events if event.kind in ENDS}


@pytest.mark.parametrize("jobs", [0, 1, 2])
def test_every_task_is_started_streams_and_ends(jobs):
    """Events of a task come in order between its start and its one end."""
    events = list(run_tasks([3, 0, 5, 1], "chores:count", jobs))
    for task, size in enumerate([3, 0, 5, 1]):
        mine = [event for event in events if event.task == task]
        assert [event.kind for event in mine] == ["started", *["event"] * size, "done"]
        assert [event.payload["k"] for event in mine[1:-1]] == list(range(size))
        assert mine[-1].payload == sum(range(size))
    places = {event.process for event in events}
    assert (places == {os.getpid()}) == (jobs == 0)
    assert len(places) <= max(jobs, 1)


def test_one_worker_keeps_the_order():
    """With one worker the tasks begin and end in the order given."""
    ends = [event.task for event in run_tasks([0] * 50, "chores:count", 1) if event.kind in ENDS]
    assert ends == list(range(50))


@pytest.mark.parametrize("jobs", [0, 2])
def test_an_exception_costs_its_task(jobs):
    """The reason has type, message and the end of the traceback, clean enough to store."""
    fates = ["raise", "text", "unreadable", "quit", "deep", "fine"]
    ends = _ends(run_tasks(fates, "chores:misfortune", jobs))
    assert [ends[k].kind for k in range(6)] == ["failed"] * 5 + ["done"]
    assert ends[0].payload["type"] == "ZeroDivisionError"
    assert ends[0].payload["message"] == "division by zero"
    assert "chores.py" in ends[0].payload["traceback"]
    assert "worker.py" not in ends[0].payload["traceback"]
    assert ends[1].payload["message"] == "bad ? \\0 text"
    assert ends[2].payload["type"] == "Unreadable"
    assert ends[3].payload["type"] == "SystemExit"
    assert ends[4].payload["type"] == "RecursionError"
    assert all(len(ends[k].payload["traceback"]) <= 4000 for k in range(5))


def test_a_failed_task_leaves_its_worker():
    """After an exception the same process goes on."""
    events = run_tasks(["raise", "quit", "fine"], "chores:misfortune", 1)
    assert len({event.process for event in events}) == 1


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        ("exit", "exit code 3"),
        ("kill", "killed by SIGKILL"),
        ("segv", "killed by SIGSEGV"),
        ("child", "exit code 4"),
    ],
)
def test_a_crash_costs_its_task(fate, told):
    """A dead worker is replaced and only the running task is blamed, whatever the crash.

    Also when a process that the task started lives on and holds the worker's pipe open ("child").
    """
    fates = ["fine", fate, "fine", fate, "fine", "fine"]
    start = time.monotonic()
    events = list(run_tasks(fates, "chores:misfortune", 2))
    ends = _ends(events)
    assert [ends[k].kind for k in range(6)] == ["done", "crashed", "done", "crashed"] + ["done"] * 2
    assert told in ends[1].payload["message"]
    assert sum(event.kind == "started" for event in events) == 6
    assert time.monotonic() - start < 12


def test_tasks_given_in_advance_are_not_blamed():
    """A crash amid hundreds of quick tasks costs one; each other one is executed once."""
    fates = ["fine"] * 300
    fates[100] = fates[101] = fates[250] = "kill"
    events = list(run_tasks(fates, "chores:misfortune", 2))
    crashed = sorted(event.task for event in events if event.kind == "crashed")
    assert crashed == [100, 101, 250]
    assert sorted(event.task for event in events if event.kind == "done") == [
        k for k in range(300) if fates[k] == "fine"
    ]
    assert sorted(event.task for event in events if event.kind == "started") == list(range(300))


def test_large_tasks_events_and_results_pass():
    """Megabytes in both directions at once do not block."""
    size = 3_000_000
    events = list(run_tasks([size] * 4, "chores:big", 2))
    assert {len(event.payload) for event in events if event.kind == "done"} == {size}
    assert (
        sum(event.kind == "event" and len(event.payload["text"]) == size for event in events) == 4
    )
    tasks = ["y" * 300_000] * 40
    ends = _ends(run_tasks(tasks, "chores:nothing", 2))
    assert [ends[k].payload for k in range(40)] == tasks


def test_a_result_that_cannot_be_sent_fails_its_task():
    """The worker says so and goes on."""
    ends = _ends(run_tasks(["lambda", "fine"], "chores:misfortune", 1))
    assert (ends[0].kind, ends[1].kind) == ("failed", "done")
    assert "lambda" in ends[0].payload["message"]


def test_workers_have_one_thread_and_not_our_script():
    """BLAS is told to use one thread; our environment and the main module are as before."""
    before, script = dict(os.environ), sys.modules["__main__"]
    ends = _ends(run_tasks(["OPENBLAS_NUM_THREADS"], "chores:setting", 1))
    assert ends[0].payload == ("1", None)
    assert dict(os.environ) == before
    assert sys.modules["__main__"] is script


def test_a_worker_killed_from_outside_is_replaced():
    """The task it was at is crashed, the next one is done by another process."""
    events = []
    for event in run_tasks(["sleep", "fine"], "chores:misfortune", 1):
        events.append(event)
        if event.kind == "event" and event.task == 0:
            os.kill(event.process, signal.SIGKILL)
    ends = _ends(events)
    assert (ends[0].kind, ends[1].kind) == ("crashed", "done")
    assert ends[0].process != ends[1].process


def test_work_must_be_importable():
    """A name that cannot be loaded is one clear error, not one failure per task."""
    with pytest.raises(SteepestError, match=r"cannot load 'chores:missing'.*no attribute"):
        list(run_tasks([1, 2], "chores:missing", 2))
    with pytest.raises(SteepestError, match="No module named 'nowhere'"):
        list(run_tasks([1], "nowhere:work", 1))
    with pytest.raises(UsageError, match="module:function"):
        list(run_tasks([1], "chores", 1))
    with pytest.raises(UsageError, match="jobs must be 0 or more"):
        list(run_tasks([1], "chores:nothing", -1))


def test_workers_that_never_begin_are_an_error(tmp_path, monkeypatch):
    """A module that ends its process when imported does not make us start workers for ever."""
    (tmp_path / "deadly.py").write_text("import os\nos._exit(7)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SteepestError, match=r"die before they begin: .* exit code 7"):
        list(run_tasks([1, 2], "deadly:work", 1))


def test_a_crew_stays_for_several_lists():
    """The processes of the first list do the second one too."""
    with Crew("chores:nothing", 2) as crew:
        first = {event.process for event in crew.run(range(200))}
        second = [event for event in crew.run(range(200)) if event.kind == "done"]
        assert {event.process for event in second} <= first
        assert sorted(event.payload for event in second) == list(range(200))
    for process in first:
        assert not Path(f"/proc/{process}").exists()


def test_a_loop_left_early_leaves_no_worker(monkeypatch):
    """Who stops asking stops the work; a task that never sends is ended after the grace."""
    monkeypatch.setattr("steepest.study.workers.GRACE", 0.3)
    events = run_tasks(["sleep", "sleep"], "chores:misfortune", 2)
    places = {next(events).process for _ in range(4)}
    start = time.monotonic()
    events.close()
    assert 0.2 < time.monotonic() - start < 4.5
    assert not any(Path(f"/proc/{process}").exists() for process in places)


def test_two_workers_share_many_short_tasks():
    """Two thousand trivial tasks: each is done once, and both workers have a part."""
    with Crew("chores:nothing", 2) as crew:
        done = [event for event in crew.run([0] * 2000) if event.kind == "done"]
    assert sorted(event.task for event in done) == list(range(2000))
    assert len({event.process for event in done}) == 2
