"""What goes wrong in a run costs that run, is recorded with its reason, and is told."""

import pytest
import study_case

from steepest.errors import NothingMatchedError
from steepest.study.conclusion import conclude
from steepest.study.query import find_study
from steepest.study.store import open_store

# A start that depends on the draw, hence on the seed: some runs meet their end there.
MODULE = """
import os, signal
from dataclasses import dataclass
from steepest.nn.zoo import mlp
{comment}

def net(fate: str = "none", share: float = 0.5):
    found = mlp(hidden=(8,))
    if fate == "import":
        raise RuntimeError("no such net")
    return found

@dataclass(frozen=True)
class Rule:
    lr: float = 0.1
    slots = ()
    def coefficients(self, t, lr):
        return {{"lr": lr}}
    def step(self, p, g, s, c):
        return p - c["lr"] * g, {{}}

@dataclass(frozen=True)
class Fateful(Rule):
    fate: str = "raise"
    def coefficients(self, t, lr):
        if len(t) > 1:  # in training, not in planning
            if self.fate == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ArithmeticError("not today")
        return {{"lr": lr}}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a module `own_part` of the user's, in a folder of its own."""

    def write(comment=""):
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        text = MODULE.format(comment=comment)
        study_case.write_module(folder, "own_part", text, monkeypatch)

    write()
    return write


def _conclusion(study, folder):
    with open_store(study_case.url(folder)) as store:
        return conclude(study, find_study(store, study.name), store)


@pytest.mark.parametrize(
    ("fate", "jobs", "reason"),
    [
        ("raise", 0, "ArithmeticError: not today"),
        ("kill", 2, "Crash: the worker was killed by SIGKILL (out of memory, or by hand)"),
    ],
)
@pytest.mark.usefixtures("own")
def test_a_failing_arm_costs_its_runs_only(tmp_path, fate, jobs, reason):
    """The other arms finish and are compared; the failing one is named with its reason."""
    fateful = f"own_part:Fateful(lr=0.1, fate='{fate}')"
    study = study_case.make("sgd", "adam", fateful, reference=fateful)
    steps, found = study_case.conduct(study, tmp_path, jobs)
    ends = {place: run[1] for place, run in found.items()}
    assert {s for (arm, *_), s in ends.items() if arm == fateful} == {"failed"}
    assert {s for (arm, *_), s in ends.items() if arm != fateful} == {"finished"}
    assert sum(step.kind == "failed" for step in steps) == 2
    assert any(reason in step.text for step in steps)
    said = _conclusion(study, tmp_path)
    assert [a.name for a in said.arms] == ["sgd", "adam"]
    assert said.reference is None
    assert len(said.verdicts) == 1
    assert said.failed == tuple(f"{fateful}, final run, seed {s}: {reason}" for s in (0, 1))
    notes = " ".join(said.warnings)
    assert f"{fateful} has no finished final run and cannot be compared." in notes
    assert "2 run(s) failed" in notes


@pytest.mark.usefixtures("own")
def test_a_failed_run_is_tried_again(tmp_path):
    """Only what failed is executed the next time."""
    study = study_case.make("sgd", "own_part:Fateful(lr=0.1)")
    study_case.conduct(study, tmp_path)
    steps, found = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 2
    assert sum(run[1] == "failed" for run in found.values()) == 2


@pytest.mark.usefixtures("own")
def test_an_arm_whose_trials_all_failed_has_no_final_runs(tmp_path):
    """It was not tuned, so there is no cell of it to compare."""
    study = study_case.make("sgd", "adam", "own_part:Fateful")
    _, found = study_case.conduct(study, tmp_path)
    assert {p[1] for p in found if p[0] == "own_part:Fateful"} == {"tuning"}
    assert len(_conclusion(study, tmp_path).arms) == 2


@pytest.mark.usefixtures("own")
def test_with_one_arm_left_there_is_nothing_to_compare(tmp_path):
    """The first reason is told with it."""
    study = study_case.make("sgd", "own_part:Fateful(lr=0.1)")
    study_case.conduct(study, tmp_path)
    with pytest.raises(NothingMatchedError, match="yet; 2 runs failed, first: own_part"):
        _conclusion(study, tmp_path)


def test_an_edited_module_runs_again_and_an_unedited_one_does_not(tmp_path, own):
    """Its source is part of the key; the other arm's runs are kept."""
    study = study_case.make("sgd", "own_part:Rule")
    steps, before = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 8
    own()
    assert study_case.executed(study_case.conduct(study, tmp_path)[0]) == 0
    own("# edited")
    steps, after = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 4
    for place, run in after.items():
        assert (run[0] == before[place][0]) == (place[0] == "sgd")
        assert run[1:] == before[place][1:]


@pytest.mark.parametrize("tunings", [1, 2])
def test_a_diverged_arm_loses_its_pairs(tmp_path, tunings):
    """It is a result: no weights, score 0, the other arm better, never at the target."""
    study = study_case.make("sgd(lr=1e38)", "adam", seeds=6, tunings=tunings, trials=1)
    _, found = study_case.conduct(study, tmp_path)
    bad = [run for place, run in found.items() if place[0] == "sgd(lr=1e38)"]
    assert {run[1] for run in bad} == {"diverged"}
    steps, _ = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 0
    said = _conclusion(study, tmp_path)
    worst = said.arms[0]
    assert worst.diverged.all()
    assert not any(worst.arrivals.reached)
    assert worst.median.text == "not reached"
    (verdict,) = said.verdicts
    assert verdict.superiority == 0.0
    assert verdict.diverged_a == (6 if tunings == 1 else 2)
    assert verdict.word == ("worse" if tunings == 1 else verdict.word)
    assert any("diverged; they lose their pairs" in note for note in said.warnings)
