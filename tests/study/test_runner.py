"""The runner does what a study still misses, and nothing twice."""

from dataclasses import replace
from pathlib import Path

import pytest
import study_case

from steepest.errors import DataError, UsageError
from steepest.study.query import find_study, list_openings
from steepest.study.runner import study_data
from steepest.study.store import open_store


def test_one_worker_two_and_none_give_the_same_bits(tmp_path):
    """Epochs, summaries and evaluations are equal; seconds are not compared."""
    study = study_case.make()
    found = [study_case.conduct(study, tmp_path / str(jobs), jobs) for jobs in (0, 1, 2)]
    assert found[0][1] == found[1][1] == found[2][1]
    assert [study_case.executed(steps) for steps, _ in found] == [8, 8, 8]
    assert all(run[1] == "finished" and run[5] for run in found[0][1].values())


def test_a_second_time_executes_nothing_and_a_fresh_one_everything(tmp_path):
    """The results stay the same to the last bit, and each opening of the test set is recorded."""
    study = study_case.make()
    _, first = study_case.conduct(study, tmp_path)
    steps, second = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 0
    assert second == first
    assert _openings(tmp_path) == 4
    steps, third = study_case.conduct(study, tmp_path, fresh=True)
    assert study_case.executed(steps) == 8
    assert third == first
    assert _openings(tmp_path) == 8


def _openings(folder):
    with open_store(study_case.url(folder), write=False) as store:
        found = list_openings(store, find_study(store, "small").id)
    assert {o.split for o in found} <= {"test"}
    return len(found)


def test_tuning_never_sees_test_data(tmp_path):
    """Only final runs have a test evaluation, and only for them was the test set opened."""
    _, found = study_case.conduct(study_case.make(tunings=2), tmp_path)
    keys = {"tuning": set(), "final": set()}
    for (_, role, *_), (key, *_, tests) in found.items():
        keys[role].add(key)
        assert set(tests) == ({"test"} if role == "final" else set())
    with open_store(study_case.url(tmp_path), write=False) as store:
        opened = [o.key for o in list_openings(store, find_study(store, "small").id)]
    assert sorted(opened) == sorted(keys["final"])
    assert not keys["tuning"] & keys["final"]


def test_more_seeds_run_only_what_is_new(tmp_path):
    """An extended study keeps its tuning and its first seeds."""
    study = study_case.make()
    _, before = study_case.conduct(study, tmp_path)
    steps, after = study_case.conduct(replace(study, seeds=4), tmp_path)
    assert study_case.executed(steps) == 4
    assert before.items() <= after.items()


def test_widening_goes_on_from_the_edge(tmp_path):
    """The best rate of sgd lies at the upper end: all arms get two more, at most three times."""
    study = study_case.make(widen=True)
    _, found = study_case.conduct(study, tmp_path)
    trials = {arm: [p for p in found if p[:2] == (arm, "tuning")] for arm in ("sgd", "adam")}
    assert len(trials["sgd"]) == len(trials["adam"])
    assert len(trials["sgd"]) in {4, 6, 8}


@pytest.mark.parametrize("moment", [0.2, pytest.param(0.6, marks=pytest.mark.slow)])
def test_a_killed_study_goes_on_to_the_same_bits(tmp_path, moment):
    """SIGKILL ends coordinator and workers at once; nothing is run twice, nothing is missing."""
    options = {"trials": 3, "seeds": 6, "base": {"epochs": 40, "batch_size": 32}}
    study = study_case.make(**options)
    _, whole = study_case.conduct(study, tmp_path / "whole", jobs=2)
    folder = tmp_path / "killed"
    wanted = round(moment * len(whole))
    done = study_case.kill(folder, options, wanted)
    assert wanted <= done < len(whole)
    steps, found = study_case.conduct(study, folder, jobs=2)
    assert found == whole
    assert study_case.executed(steps) == len(whole) - done
    with open_store(study_case.url(folder)) as store:
        assert store.check() == []


def test_data_and_metric_must_suit(tmp_path, monkeypatch):
    """Arms share their data; a number to predict has a loss and no accuracy."""
    with pytest.raises(UsageError, match="share one data set"):
        study_data(study_case.make("data=mnist1d", "sgd"))
    monkeypatch.chdir(tmp_path)
    lines = [f"{i / 7},{i * 0.37 - 3:.4f}" for i in range(60)]
    Path("line.csv").write_text("\n".join(["x,y", *lines]), encoding="utf-8")
    study = study_case.make(base={"data": "line.csv"})
    with pytest.raises((UsageError, DataError), match="has no classes: its metric is loss"):
        study_data(study)
