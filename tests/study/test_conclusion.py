"""What may be concluded from a store, for every kind of study."""

import math
from dataclasses import replace

import pytest
import study_case

from steepest.errors import NothingMatchedError
from steepest.report.collect import collect, headline
from steepest.study.conclusion import conclude
from steepest.study.query import find_study
from steepest.study.store import open_store


def _conclude(study, folder):
    study_case.conduct(study, folder)
    with open_store(study_case.url(folder)) as store:
        found = conclude(study, find_study(store, study.name), store)
        content = collect(found, store, "today", "steepest compare")
    assert len(content.arms) == len(found.arms)
    assert len(content.verdicts) == len(found.verdicts)
    return found


def _notes(found):
    return " ".join(found.warnings)


def test_one_tuning_speaks_of_tuned_cells(tmp_path):
    """The arms are called by their cells, and the remark says what the verdicts are about."""
    found = _conclude(study_case.make(trials=3, seeds=3), tmp_path)
    assert found.repeated == "seeds"
    assert found.labels["sgd"].startswith("sgd (lr ")
    assert "compare tuned cells, not optimizers" in _notes(found)
    assert "3 seeds are few" in _notes(found)
    assert all(len(a.choices[0].trials) == 3 for a in found.arms)
    assert all(a.median is not None and a.tolerance is not None for a in found.arms)
    assert found.verdicts[0].n == 3


def test_more_tunings_speak_of_arms(tmp_path):
    """The unit is the tuning: n is their number, and each chose for itself."""
    found = _conclude(study_case.make(tunings=2, seeds=3), tmp_path)
    assert found.repeated == "tunings"
    assert found.labels == {"sgd": "sgd", "adam": "adam"}
    assert found.verdicts[0].n == 2
    assert [len(a.scores) for a in found.arms] == [6, 6]
    for arm in found.arms:
        assert [c.tuning for c in arm.choices] == [0, 1]
        means = [arm.scores[:3].mean(), arm.scores[3:].mean()]
        assert arm.interval.mean == pytest.approx(sum(means) / 2)
    assert "compare tuned cells" not in _notes(found)


def test_a_single_seed_has_no_interval(tmp_path):
    """It is said, and nothing is claimed."""
    found = _conclude(study_case.make(seeds=1), tmp_path)
    (verdict,) = found.verdicts
    assert verdict.word == "not distinguishable"
    assert math.isinf(verdict.low)
    assert "1 seed is few" in _notes(found)


def test_no_trials_take_the_arms_as_they_stand(tmp_path):
    found = _conclude(study_case.make(trials=0), tmp_path)
    assert found.labels == {"sgd": "sgd", "adam": "adam"}
    assert all(a.choices[0].trials == () for a in found.arms)
    assert "tuned" not in _notes(found)


def test_arms_that_are_the_same_are_a_tie(tmp_path):
    """Equal scores are no proof of anything but what counting allows."""
    found = _conclude(study_case.make("sgd(lr=0.1)", "optimizer=sgd(lr=0.1)", seeds=4), tmp_path)
    (verdict,) = found.verdicts
    assert verdict.delta == 0.0
    assert verdict.superiority == 0.5
    assert verdict.word in ("not distinguishable", "equivalent")
    assert "cannot name a winner" in headline(found)
    assert verdict.high > 0  # the test set's size bounds what so few runs can say
    lost = replace(found, verdicts=(replace(verdict, word="worse"),))
    leader = replace(found.arms[0], interval=replace(found.arms[0].interval, mean=0.99))
    lost = replace(lost, arms=(leader, found.arms[1]))
    assert "with its diverged runs it is worse than" in headline(lost)
    assert "worse than the reference" in headline(replace(lost, reference=found.arms[1].name))


@pytest.mark.parametrize("metric", ["loss", "f1", "precision", "recall"])
def test_every_metric_decides_by_itself(tmp_path, metric):
    """Selection and verdict use it; a smaller loss is better."""
    found = _conclude(study_case.make(metric=metric, trials=3, seeds=3), tmp_path)
    for arm in found.arms:
        values = [t.score for t in arm.choices[0].trials]
        best = min(values) if metric == "loss" else max(values)
        chosen = next(t for t in arm.choices[0].trials if t.values == arm.choices[0].values)
        assert chosen.score == best
        tests = [study_case.stored(tmp_path)[arm.name, "final", 0, 0, s][6] for s in arm.seeds]
        assert arm.scores.tolist() == [t["test"][metric] for t in tests]
    assert (found.target is None) == (metric == "loss")


def test_a_reference_is_the_other_side_of_every_verdict(tmp_path):
    study = study_case.make("sgd", "adam", "rmsprop", reference="adam", trials=1)
    found = _conclude(study, tmp_path)
    assert [(v.a, v.b) for v in found.verdicts] == [("sgd", "adam"), ("rmsprop", "adam")]
    assert {v.family for v in found.verdicts} == {2}
    everyone = _conclude(replace(study, name="all", reference=None), tmp_path)
    assert len(everyone.verdicts) == 3


@pytest.mark.parametrize(
    ("space", "values"),
    [
        ('"model.dropout" = [0.0, 0.5]', [0.0, 0.5]),  # a default is left out of the record
        ('"model.hidden" = [[8], [8, 4]]', [(8,), (8, 4)]),
        ("batch_size = [64, 128]", [64, 128]),
        ("smoothing = [0.0, 0.1]", [0.0, 0.1]),
        ('"schedule" = ["constant", "cosine"]', ["constant", "cosine"]),
    ],
)
def test_choices_are_found_again_in_the_store(tmp_path, space, values):
    """What a trial had is read back from its record, defaults filled in."""
    from steepest.study.toml import read_study

    text = (
        'trials = 2\nseeds = 2\n[base]\ndata = "digits"\nepochs = 1\nmodel = "mlp(hidden=[8])"\n'
        f'[[arms]]\nname = "a"\n[arms.space]\n{space}\n[[arms]]\noptimizer = "sgd"\n'
    )
    (tmp_path / "small.toml").write_text(text, encoding="utf-8")
    found = _conclude(read_study(tmp_path / "small.toml"), tmp_path)
    tried = [v for t in found.arms[0].choices[0].trials for _, v in t.values]
    assert [getattr(v, "name", v) for v in tried] == values
    assert found.arms[0].choices[0].boundary == ()


def test_an_edge_and_an_unequal_budget_are_remarked(tmp_path):
    """With two trials the best always lies at an edge; a fixed arm has none."""
    found = _conclude(study_case.make("sgd", "adam(lr=0.01)"), tmp_path)
    assert "best trial of sgd lies at the edge of its searched range (lr)" in _notes(found)
    assert "unequal numbers of tuning trials: sgd 2, adam(lr=0.01) 0" in _notes(found)


def test_seeds_that_not_every_arm_has_are_left_out(tmp_path):
    """Pairs are whole, also while a study is not finished, in one tuning or more."""
    study = study_case.make(seeds=3, tunings=2, trials=1)
    study_case.conduct(study, tmp_path)
    with open_store(study_case.url(tmp_path)) as store:
        record = find_study(store, "small")
        place = ("adam", "final", 1, 0, 4)
        store.start_run(study_case.stored(tmp_path)[place][0], "numpy")
        found = conclude(study, record, store)
    assert [a.seeds for a in found.arms] == [(0, 1, 2, 3, 5)] * 2
    assert found.verdicts[0].n == 2


def test_a_look_at_other_runs_is_remembered(tmp_path):
    """Reading the same results twice is no extension; more seeds after a look are."""
    study = study_case.make()
    for seeds, looks in ((2, False), (2, False), (4, True)):
        found = _conclude(replace(study, seeds=seeds), tmp_path)
        assert ("extended after" in _notes(found)) == looks
        with open_store(study_case.url(tmp_path)) as store:
            scored = sum(len(a.scores) for a in found.arms)
            store.record_look(found.record.id, scored)


def test_before_the_end_there_is_nothing_to_conclude(tmp_path):
    with open_store(study_case.url(tmp_path)) as store:
        study = study_case.make()
        record = store.add_study(study.name, study.question, "{}", study.digest)
        with pytest.raises(NothingMatchedError, match=r"'small' has no finished comparison yet$"):
            conclude(study, record, store)


def test_other_studies_of_the_same_test_set_are_counted(tmp_path):
    """By their names: more seeds of one study are no other study."""
    study = study_case.make(trials=0)
    assert "in this store" not in _notes(_conclude(study, tmp_path))
    again = _conclude(replace(study, seeds=3), tmp_path)
    assert "in this store" not in _notes(again)
    other = _conclude(replace(study, name="other"), tmp_path)
    assert "was opened by another study in this store" in _notes(other)
