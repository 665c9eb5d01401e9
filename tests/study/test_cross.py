"""Cross-validation in studies: trials over folds, outer folds in place of the test set."""

from dataclasses import replace

import numpy as np
import pytest
import study_case

from steepest.data import Fold, load
from steepest.errors import UsageError
from steepest.report.collect import collect
from steepest.study.archive import study_of, text_of_study
from steepest.study.conclusion import conclude
from steepest.study.protocol import count_runs, plan_final, plan_tuning
from steepest.study.query import find_study, list_openings, list_trials
from steepest.study.runner import Conduct
from steepest.study.store import open_store
from steepest.study.toml import read_study, to_toml
from steepest.train.partition import held_rows, split_rows


def _conclude(folder, study):
    with open_store(study_case.url(folder)) as store:
        record = find_study(store, study.name)
        found = conclude(study, record, store)
        return found, collect(found, store, "now", ""), list_openings(store, record.id)


def test_a_trial_is_scored_by_the_mean_of_its_folds(tmp_path):
    """Three folds, dealt twice, are six runs of a trial; all folds count the same."""
    study = study_case.make(folds=3, repeats=2)
    steps, found = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == sum(count_runs(study)) == 2 * 2 * 6 + 4
    concluded, content, openings = _conclude(tmp_path, study)
    for arm in concluded.arms:
        for number, trial in enumerate(arm.choices[0].trials):
            runs = [r for p, r in found.items() if p[:4] == (arm.name, "tuning", 0, number)]
            scores = [run[3]["validation"]["accuracy"] for run in runs]
            assert len(scores) == 6
            assert trial.score == pytest.approx(np.mean(scores))
        best = max(arm.choices[0].trials, key=lambda t: t.score)
        assert arm.choices[0].values == best.values
    assert len(openings) == 4
    assert "trials over 6 folds" in content.plan


def test_the_folds_of_a_trial_are_the_same_for_all_arms_and_trials():
    """So scores are paired; another tuning has another deal and other seeds."""
    study = study_case.make(folds=4, tunings=2)
    seen = {}
    for p in [p for k in (0, 1) for p in plan_tuning(study, "0" * 64, k)]:
        key = (p.place.tuning, p.place.arm, p.place.trial)
        seen.setdefault(key, []).append((str(p.spec.fold), p.spec.seed))
    assert len({tuple(folds) for key, folds in seen.items() if key[0] == 0}) == 1
    assert [f for f, _ in seen[0, "sgd", 0]] == ["1/4", "2/4", "3/4", "4/4"]
    assert [f for f, _ in seen[1, "sgd", 0]] == ["1/4@1", "2/4@1", "3/4@1", "4/4@1"]
    assert not {s for _, s in seen[0, "sgd", 0]} & {s for _, s in seen[1, "sgd", 0]}


def test_nested_folds_hold_out_every_example_and_leave_the_test_set_closed(tmp_path):
    """Each round tunes without its outer fold, which is scored once; nothing is opened."""
    study = study_case.make(nested=3, repeats=2, folds=2, seeds=1)
    steps, found = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == sum(count_runs(study)) == 6 * (2 * 2 * 2 + 2)
    final = [run for place, run in found.items() if place[1] == "final"]
    assert all(set(run[6]) == {"outer"} for run in final)
    assert all(not run[6] for place, run in found.items() if place[1] == "tuning")
    data = load("digits")
    held = [held_rows(study.spec(study.arms[0], (), 0, None, study.outer_fold(k)), data)
            for k in range(6)]  # fmt: skip
    for deal in (held[:3], held[3:]):
        assert sorted(np.concatenate(deal)) == list(range(data.n))
    concluded, content, openings = _conclude(tmp_path, study)
    assert openings == []
    assert not any("test set" in note or "Tuning chose" in note for note in content.notes)
    assert concluded.repeated == "outer folds"
    assert content.metric.name == "held-out accuracy"
    assert ("test set opened", "never") in content.method.settings
    (verdict,) = concluded.verdicts
    assert verdict.n == 6
    assert "Nadeau & Bengio" in verdict.method
    assert verdict.more_seeds is None


def test_what_is_tuned_on_never_holds_an_outer_fold():
    """Training and validation examples of every run of a round are outside its outer fold."""
    study, data = study_case.make(nested=3, folds=2), load("digits")
    for tuning in range(3):
        planned = plan_tuning(study, data.digest, tuning)
        held = set(held_rows(planned[0].spec, data))
        for p in planned:
            parts = split_rows([p.spec], data)
            assert p.spec.outer == Fold(3, tuning + 1)
            assert not held & {*parts.train[0], *parts.validation[0]}


def test_the_interval_of_outer_folds_is_the_corrected_one(tmp_path):
    """It is sqrt(1 + n ratio) times as wide as that of independent values."""
    study = study_case.make("sgd(lr=0.1)", "sgd(lr=0.3)", nested=4, seeds=1)
    study_case.conduct(study, tmp_path)
    found, _, _ = _conclude(tmp_path, study)
    from steepest.stats.compare import compare_arms

    plain = compare_arms({a.name: a.scores for a in found.arms})[0]
    (verdict,) = found.verdicts
    first = found.arms[0]
    trained, tested = first.records[0].metrics["examples_per_epoch"], first.tests[0]["examples"]
    assert trained + tested < 1437
    ratio = np.mean([t["examples"] for t in first.tests]) / np.mean(
        [r.metrics["examples_per_epoch"] for r in first.records]
    )
    wide = (verdict.high - verdict.low) / (plain.high - plain.low)
    assert wide == pytest.approx(np.sqrt(1 + 4 * ratio))


@pytest.mark.parametrize("search", ["tpe(batch=2)", "halving", "random"])
def test_every_search_is_told_the_mean_over_folds(tmp_path, search):
    """Its trials are as many as without folds, each of them run once a fold."""
    options = {"trials": 4, "seeds": 1, "search": search}
    study = study_case.make(folds=2, base={"epochs": 4}, **options)
    study_case.conduct(study, tmp_path)
    with open_store(study_case.url(tmp_path)) as store:
        trials = list_trials(store, find_study(store, "small").id)
    runs = [t for t in trials if t.place.role == "tuning"]
    numbers = {(t.place.arm, t.place.trial) for t in runs}
    assert len(runs) == 2 * len(numbers) == count_runs(study)[0]
    plain = study_case.make(base={"epochs": 4}, **options)
    assert count_runs(plain)[0] == len(numbers)


def test_workers_do_not_change_a_cross_validated_study(tmp_path):
    """0 and 2 workers leave the same bits."""
    study = study_case.make(nested=2, folds=2, seeds=1)
    found = [study_case.conduct(study, tmp_path / str(jobs), jobs)[1] for jobs in (0, 2)]
    assert found[0] == found[1]


def test_a_lost_fold_costs_its_trial(tmp_path):
    """A trial without all its folds has no score and is not chosen."""
    study = study_case.make(folds=2, seeds=1)
    with open_store(study_case.url(tmp_path)) as store:
        work = Conduct(study, store, 0, tmp_path)
        list(work.run())
        trials = list_trials(store, find_study(store, "small").id)
        mine = [t for t in trials if t.place.arm == "sgd" and t.place.role == "tuning"]
        best = work.choices[0].values
        lost = next(t for t in mine if t.place.key == work.choices[0].trials[0].key)
        store.finish_run(lost.place.key, "failed", "lost")
        found = conclude(study, find_study(store, "small"), store)
    assert len(found.arms[0].choices[0].trials) == 1
    assert best


def test_what_cannot_be_cross_validated_is_refused():
    for wrong, why in (
        ({"folds": 1}, "folds must be 0"),
        ({"nested": 1}, "nested must be 0"),
        ({"repeats": 2}, "needs folds or nested"),
        ({"nested": 3, "tunings": 2}, "leave tunings out"),
    ):
        with pytest.raises(UsageError, match=why):
            study_case.make(**wrong)


def test_folds_are_kept_with_a_study(tmp_path):
    """In the store, in TOML and in the digest; tuning by folds needs no validation part."""
    study = study_case.make(folds=3, nested=4, repeats=2, base={"validation": 0.0})
    assert study_of(text_of_study(study)).digest == study.digest
    file = tmp_path / "small.toml"
    file.write_text(to_toml(study), encoding="utf-8")
    assert read_study(file).digest == study.digest
    changed = [replace(study, **c) for c in ({"folds": 2}, {"nested": 2}, {"repeats": 1})]
    assert len({s.digest for s in [study, *changed]}) == 4
    planned = plan_final(study, "0" * 64, [])
    assert planned == []
