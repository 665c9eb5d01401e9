"""Runs of a study that share programs: grouped by the plan, with the same results, resumable."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import study_case

from steepest.errors import UsageError
from steepest.spec import from_plain
from steepest.study import group_task as work
from steepest.study import task as single
from steepest.study.group import groups
from steepest.study.protocol import plan_run, plan_tuning

RUN = {"data": "digits", "model": "mlp(hidden=[8],dropout=0.2)", "epochs": 8, "batch_size": 100}
RATES = ("adam(lr=0.01)", "adam(lr=0.1)", "adam(lr=1e30)", "adam(lr=0.3)")
SCRIPT = """
import os, signal
from steepest.study import group_task as work, task as single
single.CHECKPOINT_SECONDS = single.TELL_SECONDS = -1.0
def send(event):
    if max(row["epoch"] for told in event.values() for row in told["epochs"]) >= 6:
        os.kill(os.getpid(), signal.SIGKILL)
work.perform({task!r}, send)
"""


def _keys(found):
    return [[p.run.key for p in group.runs] for group in found]


def test_groups_follow_from_the_plan():
    """At most `together` runs of one shape, in order; what is there already leaves NumPy's."""
    planned = plan_tuning(study_case.make(trials=5), "d", 0)
    keys = [p.run.key for p in planned]
    assert _keys(groups(planned, 1, keys)) == [[key] for key in keys]
    assert _keys(groups(planned, 3, keys)) == [keys[:3], keys[3:5], keys[5:8], keys[8:]]
    assert _keys(groups(planned, 3, keys[2:4])) == [[keys[2]], [keys[3]]]
    assert groups(planned, 3, []) == []


def test_what_changes_the_program_is_not_grouped():
    """Batch sizes part runs; rates and schedules do not."""
    arms = ("adam(lr=0.01)", "schedule=cosine", "batch_size=32")
    study = study_case.make(*arms, base={"optimizer": "adam(lr=0.02)"}, trials=0)
    specs = [study.spec(arm, (), 0) for arm in study.arms]
    place = {"arm": "a", "role": "final", "seed": 0, "values": ()}
    planned = [plan_run(spec, "d", dict(place)) for spec in specs]
    keys = [p.run.key for p in planned]
    assert _keys(groups(planned, 4, keys)) == [keys[:2], keys[2:]]


@pytest.mark.parametrize("score", ["last", "best"])
def test_a_study_of_groups_has_the_bits_of_single_runs(tmp_path, score):
    """NumPy: keys, epochs, summaries and tests are those of together = 1, with any workers."""
    study = study_case.make(trials=3, seeds=3, score=score)
    _, alone = study_case.conduct(study, tmp_path / "alone")
    steps, found = study_case.conduct(replace(study, together=2), tmp_path / "0")
    assert found == alone
    assert study_case.executed(steps) == 12
    assert study_case.conduct(replace(study, together=5), tmp_path / "2", jobs=2)[1] == alone


def _task(folder, keep):
    runs = []
    for number, rule in enumerate(RATES):
        stop = {"patience": 2 + number, "min_delta": 0.0}
        values = {"optimizer": rule, "seed": number, "early_stopping": stop}
        runs.append({"spec": from_plain(RUN | values).plain(), "key": f"k{number}"})
    return {"runs": runs, "key": "g" * 64, "test": True, "keep": keep, "folder": str(folder)}


def _perform(task):
    """Return (rows by run, results by run), both without seconds."""
    told = {run["key"]: [] for run in task["runs"]}

    def send(event):
        for key, content in event.items():
            told[key] += content["epochs"]

    found = work.perform(task, send)
    for one in found.values():
        one["summary"].pop("seconds")
    for rows in told.values():
        for row in rows:
            row.pop("seconds")
    return told, found


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_killed_group_goes_on_to_the_same_bits(tmp_path, keep):
    """SIGKILL after epoch six, when a diverged run has left; rows, summaries and tests agree."""
    whole = _perform(_task(tmp_path / "whole", keep))
    task = _task(tmp_path, keep)
    process = subprocess.run([sys.executable, "-c", SCRIPT.format(task=task)], check=False)
    assert process.returncode == -signal.SIGKILL
    path = single.checkpoint_path(tmp_path, task["key"])
    teller = work.GroupTeller(None, path, [run["key"] for run in task["runs"]])
    tracks = teller.resume([from_plain(run["spec"]) for run in task["runs"]], keep)
    assert tracks[0].epoch >= 2
    assert tracks[2].left
    assert repr(_perform(task)) == repr(whole)
    assert list(tmp_path.iterdir()) == []


def test_the_results_of_a_group_are_those_of_its_tasks(tmp_path):
    """A run's task alone gives the same rows and result as the group's."""
    task = _task(tmp_path, "last")
    told, found = _perform(task)
    for run in task["runs"]:
        rows = []
        own = {k: task[k] for k in ("test", "keep", "folder")} | run
        result = work.perform(own, lambda event, rows=rows: rows.extend(event["epochs"]))
        result["summary"].pop("seconds")
        assert repr(found[run["key"]]) == repr(result)
        assert [row["val_loss"] for row in rows] == [row["val_loss"] for row in told[run["key"]]]


@pytest.mark.torch
def test_on_torch_the_width_of_programs_is_part_of_a_run(tmp_path):
    """Other keys than alone; a group that misses a run is trained whole, to the same bits."""
    pytest.importorskip("torch", reason="torch is not installed")
    study = study_case.make(trials=0, seeds=3, base={"engine": "torch"})
    study = replace(study, together=2)
    _, first = study_case.conduct(study, tmp_path / "grown")
    steps, grown = study_case.conduct(replace(study, seeds=4), tmp_path / "grown")
    assert study_case.executed(steps) == 2
    assert first.items() <= grown.items()
    _, whole = study_case.conduct(replace(study, seeds=4), tmp_path / "whole")
    new = whole.keys() - first.keys()
    assert len(new) == 2
    assert {place: whole[place] for place in new} == {place: grown[place] for place in new}
    _, alone = study_case.conduct(replace(study, seeds=4, together=1), tmp_path / "alone")
    assert not {run[0] for run in alone.values()} & {run[0] for run in whole.values()}


def test_together_is_decided_when_the_study_is_planned():
    """`auto` becomes a number; it is part of the study's digest, unless it is 1."""
    study = study_case.make()
    assert replace(study, together="auto").together == 1
    assert replace(study, together=1).digest == study.digest != replace(study, together=4).digest
    with pytest.raises(UsageError, match="together must be a whole number of at least 1, not 0"):
        replace(study, together=0)


def test_a_study_for_a_device_that_is_not_here(tmp_path, monkeypatch):
    """It can be planned, without a time; it cannot be run, and says why before any run."""
    pytest.importorskip("torch", reason="torch is not installed")
    import torch

    from steepest.data import load
    from steepest.study.estimate import study_seconds

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    study = study_case.make(base={"device": "cuda", "engine": "torch"})
    assert study_seconds(study, load("digits"), 1) is None
    with pytest.raises(UsageError, match="PyTorch finds no CUDA device"):
        study_case.conduct(study, tmp_path)
    assert replace(study, together="auto").together > 1
