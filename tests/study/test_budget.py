"""Budgets: what is held equal, and that a plan does not change when it is made again."""

from dataclasses import replace

import pytest
import study_case

from steepest.data import load
from steepest.errors import UsageError
from steepest.study.archive import study_of, text_of_study
from steepest.study.budget import Budget, measure_pace, shape_of
from steepest.study.design import from_arms, priced
from steepest.study.query import find_study, read_paces
from steepest.study.runner import known_paces
from steepest.study.store import open_store
from steepest.study.toml import read_study, to_toml

SIZES = ("batch_size=1", "batch_size=64", "batch_size=full")
N = 1150  # training examples of digits, 20 % held out


def _study(budget, *arms, **options):
    base = {"data": "digits", "model": "mlp(hidden=[8])"}
    given = {"trials": 0, "seeds": 1} | options
    return from_arms(arms or SIZES, base, "small", "Which?", budget=budget, **given)


def _specs(study):
    study = priced(study, load("digits"))
    return [study.spec(a, (), 0) for a in study.arms]


def _totals(folder, study):
    """Conduct a study; return (updates, examples) of each arm's one final run."""
    _, found = study_case.conduct(study, folder)
    final = {place[0]: run[4] for place, run in found.items() if place[1] == "final"}
    return {arm: (updates, examples) for arm, (_, updates, examples, _) in final.items()}


def test_batch_1_64_and_full_at_equal_updates(tmp_path):
    """Every run makes 40 updates; what they see is as unequal as the batches."""
    found = _totals(tmp_path, _study("updates(40)"))
    assert [found[a] for a in SIZES] == [(40, 40), (40, 2 * N + 4 * 64), (40, 40 * N)]


def test_batch_1_64_and_full_at_equal_epochs(tmp_path):
    """Every run sees each training example twice; the updates are unequal."""
    found = _totals(tmp_path, _study("epochs(2)"))
    assert [found[a] for a in SIZES] == [(2 * N, 2 * N), (36, 2 * N), (2, 2 * N)]


def test_whole_epochs_are_the_runs_of_a_study_that_says_epochs():
    """So what the store has of them is not done again."""
    plain = from_arms(SIZES, {"data": "digits", "epochs": 3}, "n", "q", trials=0)
    assert [s.epochs for s in _specs(_study("epochs(3)"))] == [3, 3, 3]
    assert plain.spec(plain.arms[0], (), 0).epochs == 3


def test_equal_examples():
    """Each run sees 3,000 examples, to the nearest update."""
    batches = {"batch_size=1": 1, "batch_size=64": 64, "batch_size=full": N}
    updates = [s.updates for s in _specs(_study("examples(3000)"))]
    assert updates == [3000, 2 * 18 + round((3000 - 2 * N) / 64), 3]
    assert len(batches) == len(updates)


def test_equal_flops_give_the_wider_network_fewer_updates():
    arms = ("model=mlp(hidden=[8])", "model=mlp(hidden=[32])")
    narrow, wide = _specs(_study("flops(1e9)", *arms))
    from steepest.train.finish import complete

    for spec in (narrow, wide):
        spent = complete(spec, load("digits")).rows[-1]["flops"]
        assert spent == pytest.approx(1e9, rel=0.01)
    assert wide.updates < narrow.updates


def test_seconds_are_measured_once_and_kept(tmp_path, monkeypatch):
    """A second planning reads the store, so it plans the same runs; an extended study too."""
    study = _study("seconds(0.02)", "sgd", "adam", trials=2)
    steps, first = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 6
    monkeypatch.setattr("steepest.study.budget.measure_pace", lambda *_: 1 / 0)
    steps, second = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 0
    assert second == first
    steps, _ = study_case.conduct(replace(study, seeds=2), tmp_path)
    assert study_case.executed(steps) == 2
    assert known_paces(study_case.url(tmp_path), study)
    with open_store(study_case.url(tmp_path), write=False) as store:
        assert len(read_paces(store, "small")) == 2  # a rule, not a learning rate, has a pace
        assert find_study(store, "small").digest == replace(study, seeds=2).digest


def test_a_pace_is_what_a_run_takes():
    """The clock of a run of that many updates shows about as much."""
    spec = _specs(_study("updates(3000)"))[1]
    from steepest.train.finish import complete

    pace = measure_pace(spec, load("digits"))
    taken = complete(spec, load("digits")).rows[-1]["seconds"]
    assert 0.3 < taken / (3000 * pace) < 3


def test_the_shape_of_a_run_is_what_decides_its_pace():
    """A rate and a seed do not; dropout, the rule and the batch do."""
    same, other = _study("updates(9)", "adam(lr=0.1)", "adam"), _study("updates(9)", *SIZES)
    shapes = [shape_of(s) for s in (*_specs(same), *_specs(other))]
    assert shapes[0] == shapes[1]
    assert len(set(shapes)) == 4 - (shapes[3] == shapes[0])
    dropped = _specs(_study("updates(9)", "model=mlp(dropout=0.5)", "model=mlp"))
    assert len({shape_of(s) for s in dropped}) == 2


@pytest.mark.parametrize("text", ["updates", "updates()", "updates(0)", "updates(1.5)", "10", 10])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(UsageError, match=r"epochs\(10\), updates\(2000\)"):
        Budget.parse(text)
    with pytest.raises(UsageError, match="unknown kind 'update'; did you mean 'updates'"):
        Budget.parse("update(5)")


def test_a_budget_leaves_no_room_for_epochs():
    for name in ("epochs", "updates"):
        with pytest.raises(UsageError, match="leave out epochs"):
            from_arms(["sgd", "adam"], {name: 5}, "n", "q", budget="updates(9)")


def test_a_budget_is_kept_with_its_study(tmp_path):
    """In TOML and in the store; however it is written, it is the same study."""
    study = _study("examples(1e4)")
    assert study.budget == "examples(10000)"
    assert study_of(text_of_study(study)).digest == study.digest
    file = tmp_path / "small.toml"
    file.write_text(to_toml(study), encoding="utf-8")
    assert read_study(file).digest == study.digest
    assert priced(study, load("digits")).digest == study.digest
    assert replace(study, budget="updates(5)").spec(study.arms[0], (), 0).updates == 5


@pytest.mark.parametrize(
    "written", ["flops(12000000001)", "epochs(0.3333333)", "examples(12345.675)", "flops(1e+12)"]
)
def test_no_digit_of_a_budget_is_lost(written):
    """What is written is read back, also in short."""
    budget = Budget.parse(written)
    assert Budget.parse(str(budget)) == budget
