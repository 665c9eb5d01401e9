"""The protocol as pure functions: equal budgets, paired runs, honest choices."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import study_case

from steepest.data import load
from steepest.study.protocol import (
    Score,
    choose,
    count_runs,
    plan_final,
    plan_tuning,
    plan_wider,
    score_of,
)
from steepest.train.session import epoch_tables, open_session, read_state

DIGEST = "0" * 64


def _scores(arm, values, scores, diverged=()):
    return [
        Score(((arm, v),), f"key{i}", s, i in diverged)
        for i, (v, s) in enumerate(zip(values, scores, strict=True))
    ]


def test_every_arm_gets_the_same_trials_and_the_same_seeds():
    """Trials share one seed within a tuning; final runs pair their fresh seeds across arms."""
    study = study_case.make("sgd", "adam", "rmsprop", trials=4, seeds=3, tunings=2)
    for k in range(2):
        trials = plan_tuning(study, DIGEST, k)
        assert Counter(p.place.arm for p in trials) == dict.fromkeys(("sgd", "adam", "rmsprop"), 4)
        assert {p.spec.seed for p in trials} == {study.tuning_seed(k)}
        assert len({p.run.key for p in trials}) == 12
    assert count_runs(study) == (24, 18)
    choices = [
        choose(study, a, k, [Score(study.cells(a, k)[0], "x", 0.5, False)])
        for a in study.arms
        for k in range(2)
    ]
    final = plan_final(study, DIGEST, choices)
    assert len(final) == len({p.run.key for p in final}) == 18
    seeds = {a.name: [p.spec.seed for p in final if p.place.arm == a.name] for a in study.arms}
    assert seeds["sgd"] == seeds["adam"] == seeds["rmsprop"] == [0, 1, 2, 3, 4, 5]


def test_a_seed_has_one_split_one_start_and_one_order_in_all_arms():
    """What a pair shares is equal to the last bit; another seed shares none of it."""
    study = study_case.make("sgd", "adam", "nadam(lr=0.5)", trials=0)
    data = load("digits")
    found = {}
    for arm in study.arms:
        for seed in (0, 1):
            session = open_session([study.spec(arm, (), seed)], data)
            found[arm.name, seed] = (
                session.split.train, session.split.validation,
                read_state(session, 0).arrays["params"],
                *(epoch_tables(session, e)[name] for e in (0, 1) for name in ("order", "key")),
            )  # fmt: skip
    for seed in (0, 1):
        first, *rest = (found[a.name, seed] for a in study.arms)
        for other in rest:
            for a, b in zip(first, other, strict=True):
                np.testing.assert_array_equal(a, b)
    for a, b in zip(found["sgd", 0], found["sgd", 1], strict=True):
        assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    ("metric", "scores", "diverged", "best"),
    [
        ("accuracy", [0.5, 0.9, 0.7], (), 1),
        ("loss", [0.5, 0.9, 0.7], (), 0),
        ("accuracy", [0.7, 0.9, 0.9], (), 1),  # a tie goes to the earlier trial
        ("accuracy", [0.7, 0.9, 0.8], (1,), 2),  # a diverged trial never wins against a sound one
        ("accuracy", [0.7, 0.9, 0.8], (0, 1, 2), 1),  # unless all diverged
        ("loss", [float("nan"), 2.0, float("nan")], (0, 1, 2), 1),
        ("accuracy", [float("nan"), float("nan")], (0, 1), 0),
    ],
)
def test_the_best_sound_trial_is_chosen(metric, scores, diverged, best):
    study = study_case.make(metric=metric)
    rates = [0.01, 0.1, 1.0][: len(scores)]
    found = choose(study, study.arm("sgd"), 0, _scores("optimizer.lr", rates, scores, diverged))
    assert found.values == (("optimizer.lr", rates[best]),)


def test_a_best_trial_at_the_edge_is_flagged():
    """Both ends count, the middle does not, and neither do choices."""
    study = study_case.make()
    arm = study.arm("sgd")
    for best, boundary in ((0, ("optimizer.lr",)), (1, ()), (2, ("optimizer.lr",))):
        scores = [0.9 if i == best else 0.5 for i in range(3)]
        trials = _scores("optimizer.lr", [0.01, 0.1, 1.0], scores)
        assert choose(study, arm, 0, trials).boundary == boundary


def test_widening_gives_every_arm_the_same_number_of_further_trials():
    """At the edge or not, one range or more; their numbers go on and no run is repeated."""
    study = study_case.make("sgd", "adam(beta1=0.5)", "momentum", trials=16, widen=True)
    trials = plan_tuning(study, DIGEST, 0)
    choices = []
    for i, arm in enumerate(study.arms):
        mine = [p for p in trials if p.place.arm == arm.name]
        scores = [Score(p.values, p.run.key, float(k == 5 * i), False) for k, p in enumerate(mine)]
        choices.append(choose(study, arm, 0, scores))
    more = plan_wider(study, DIGEST, choices, 16)
    assert Counter(p.place.arm for p in more) == dict.fromkeys((a.name for a in study.arms), 2)
    assert {p.place.trial for p in more} == {16, 17}
    assert not {p.run.key for p in more} & {p.run.key for p in trials}


def test_an_arm_without_anything_to_tune_has_no_trials():
    study = study_case.make("sgd", "adam(lr=0.01)", trials=3)
    assert {p.place.arm for p in plan_tuning(study, DIGEST, 0)} == {"sgd"}
    assert count_runs(study) == (3, 4)
    assert plan_tuning(replace(study, trials=0), DIGEST, 0) == []
    choice = choose(study, study.arm("adam(lr=0.01)"), 0, [])
    assert (choice.values, choice.boundary) == ((), ())


def test_a_metric_that_was_not_measured_is_not_a_number():
    study = study_case.make(metric="f1")
    assert score_of(study, {"validation": {"f1": 0.5}}) == 0.5
    assert np.isnan(score_of(study, {"validation": None}))
    assert np.isnan(score_of(study, {"validation": {"loss": 1.0}}))
