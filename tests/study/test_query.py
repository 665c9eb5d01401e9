"""Questions to the store find what is there and name what is near."""

import pytest

from steepest.errors import NothingMatchedError, UsageError
from steepest.study import query
from steepest.study.record import Place


def test_a_study_is_found_by_name(store):
    """An unknown name is answered with the nearest one."""
    with pytest.raises(NothingMatchedError, match="it has none yet"):
        query.find_study(store, "first")
    made = store.add_study("first", "Does it help?", "{}", "d1")
    assert query.find_study(store, "first") == made
    assert (made.revision, made.looks, made.question) == (1, 0, "Does it help?")
    with pytest.raises(NothingMatchedError, match="did you mean 'first'"):
        query.find_study(store, "frist")


def test_a_changed_study_is_a_new_revision(store):
    """Both revisions stay, the one taken up last is found by name, the same one is not added."""
    one = store.add_study("s", "q", '{"seeds":5}', "d1")
    two = store.add_study("s", "q", '{"seeds":9}', "d2")
    assert (one.revision, two.revision) == (1, 2)
    assert query.find_study(store, "s").digest == "d2"
    assert store.add_study("s", "q", '{"seeds":5}', "d1").id == one.id
    assert query.find_study(store, "s").digest == "d1"
    assert [s.digest for s in query.list_revisions(store, "s")] == ["d1", "d2"]
    store.add_study("t", "q", "{}", "d1")
    assert [s.name for s in query.list_studies(store)] == ["t", "s"]


def test_an_extension_after_a_look_shows(store):
    """A look at one revision is an earlier look for the next one."""
    one = store.add_study("s", "q", "{}", "d1")
    store.record_look(one.id, scored=20)
    store.record_look(one.id, scored=35)
    two = store.add_study("s", "q", "{}", "d2")
    again = query.list_revisions(store, "s")[0]
    assert (again.looks, again.seen, again.earlier_looks) == (2, 35, 0)
    assert (two.looks, two.seen, two.earlier_looks) == (0, 0, 2)


def test_pages_cover_all_runs_once(store, plan):
    """Pages by key hold every run once, newest first, also while runs are added."""
    store.add_runs([plan(seed) for seed in range(25)])
    seen, before = [], None
    while page := query.list_runs(store, before=before, limit=10):
        seen += [record.seed for record in page]
        before = page[-1].id
        store.add_runs([plan(100 + len(seen))])
    assert seen == list(range(24, -1, -1))


def test_runs_are_chosen_by_columns(store, plan):
    """A page can be narrowed; an unknown column is named."""
    store.add_runs([plan(0), plan(1), plan(0, "sgd")])
    assert [r.optimizer for r in query.list_runs(store, seed=0)] == ["sgd", "adam"]
    assert query.list_runs(store, optimizer="adam", seed=7) == []
    with pytest.raises(UsageError, match="'optimiser'; did you mean 'optimizer'"):
        query.list_runs(store, optimiser="adam")


def test_the_latest_run_of_an_optimizer_is_found(store, plan):
    """Only runs that came to an end count, and the error names the optimizers there are."""
    store.add_runs([plan(0), plan(1), plan(2), plan(0, data="mnist")])
    for seed in (0, 1):
        store.finish_run(plan(seed).key, "finished")
    assert query.latest_runs(store, "adam")[0].seed == 1
    assert [r.seed for r in query.latest_runs(store, "adam", limit=5)] == [1, 0]
    with pytest.raises(NothingMatchedError, match="no finished run of 'adam'"):
        query.latest_runs(store, "adam", data="mnist")
    with pytest.raises(NothingMatchedError, match="did you mean 'adam'"):
        query.latest_runs(store, "adm")


def test_a_run_is_found_by_the_start_of_its_key(store, plan):
    """An ambiguous start lists its candidates."""
    store.add_runs([plan(0, key="abc1"), plan(1, key="abc2"), plan(2, key="abf")])
    assert query.find_run(store, "ABF").seed == 2
    assert query.find_run(store, "abc2").seed == 1
    with pytest.raises(UsageError, match=r"abc1 \(adam on digits, seed 0\), abc2 .*, seed 1\);"):
        query.find_run(store, "abc")
    with pytest.raises(NothingMatchedError, match="no run 99"):
        query.find_run(store, "99")
    with pytest.raises(UsageError, match="no run key"):
        query.find_run(store, "best")


def test_trials_stand_in_their_places(store, plan):
    """A run may stand in several places; a place holds the run put there last."""
    study = store.add_study("s", "q", "{}", "d").id
    a, b = plan(0), plan(1)
    store.add_runs([a, b])
    store.place_runs(study, [Place(a.key, "adam", "tuning", 0, trial=k) for k in (1, 0)])
    store.place_runs(study, [Place(a.key, "adam", "final", 0)])
    store.place_runs(study, [Place(b.key, "adam", "final", 0)])
    trials = query.list_trials(store, study)
    assert [(t.place.role, t.place.trial, t.record.key) for t in trials] == [
        ("final", 0, b.key),
        ("tuning", 0, a.key),
        ("tuning", 1, a.key),
    ]
    assert len(query.list_trials(store, study, role="final")) == 1
    store.finish_run(b.key, "diverged")
    assert query.count_runs(store, study) == {"planned": 1, "diverged": 1}
    with pytest.raises(NothingMatchedError, match="add it before"):
        store.place_runs(study, [Place("9" * 64, "adam", "final", 0)])
    with pytest.raises(UsageError, match="unknown role 'test'"):
        store.place_runs(study, [Place(a.key, "adam", "test", 0)])


def test_evaluations_openings_and_environments_come_back(store, plan):
    """What was scored, when the test set was opened, and where a run was made."""
    study = store.add_study("s", "q", "{}", "d").id
    run = plan()
    store.add_runs([run])
    store.record_evaluation(run.key, "test", {"accuracy": 0.5})
    store.record_evaluation(run.key, "test", {"accuracy": 0.75})
    store.record_opening(study, [run.key], "test", "steepest compare")
    assert query.read_evaluations(store, [run.key]) == {run.key: {"test": {"accuracy": 0.75}}}
    (opening,) = query.list_openings(store, study)
    assert (opening.key, opening.split, opening.command) == (run.key, "test", "steepest compare")
    number = store.add_environment({"numpy": "2"})
    assert query.read_environment(store, number) == {"numpy": "2"}
    with pytest.raises(NothingMatchedError, match="no environment 99"):
        query.read_environment(store, 99)
