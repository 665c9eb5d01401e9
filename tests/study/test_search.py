"""Searches: how many trials, which, and that they are a function of what they are told."""

import math

import pytest
import study_case

from steepest.errors import UsageError
from steepest.study.design import from_arms
from steepest.study.proposal import Rung, Told
from steepest.study.protocol import plan_tuning
from steepest.study.search import SEARCHES, search_of
from steepest.study.space import Range, draw
from steepest.study.toml import from_table

RATE = Range("optimizer.lr", 1e-4, 1.0, log=True)
MOMENTUM = Range("optimizer.momentum", 0.5, 0.99)
PENALTY = Range("l2", 1e-6, 1e-1, log=True)
SIZES = Range("batch_size", choices=(32, 64, 128))
WIDTH = Range("model.width", 8, 64, log=True, integer=True)
SPACE = (RATE, MOMENTUM, PENALTY)
EPOCHS = 9


def surface(values):
    """Return the score of a trial: one smooth hill, steepest along the rate; its top is 1."""
    found = dict(values)
    a, b, c = (r.share(found[r.name]) for r in SPACE)
    return 1 - 3 * (a - 0.62) ** 2 - (b - 0.3) ** 2 - 0.3 * (c - 0.45) ** 2


def play(text, trials, tuning=0, space=SPACE, score=surface):
    """Return everything a search was told until it had spent its budget."""
    told = []
    while more := search_of(text).ask(space, Rung(trials, EPOCHS), told, tuning):
        told += [Told(p.values, score(p.values), p.length or EPOCHS) for p in more]
    return told


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_has_the_trials_it_announces(name):
    """Their epochs are the budget's at most, they differ, and a tuning repeats itself."""
    told = play(name, 16)
    rungs = search_of(name).rungs(SPACE, 16, EPOCHS)
    assert [sum(t.length == r.length for t in told) for r in rungs] == [r.count for r in rungs]
    assert sum(t.length for t in told) <= 16 * EPOCHS
    assert len({(t.values, t.length) for t in told}) == len(told)
    assert told == play(name, 16)
    assert (told == play(name, 16, tuning=1)) == (name == "grid")


def test_auto_is_what_it_was():
    """A grid for one range, a Sobol sequence for several: old studies stay as they are."""
    assert [t.values for t in play("auto", 16)] == draw(SPACE, 16, 0)
    one = play("auto", 5, space=(RATE,), score=lambda _: 0.0)
    assert [t.values for t in one] == draw([RATE], 5, 0)


def test_a_grid_is_balanced_within_its_budget():
    """Earlier ranges get the larger share; a list of choices no more than it has."""
    told = play("grid", 26, space=(RATE, MOMENTUM, SIZES), score=lambda _: 0.0)
    counts = [len({dict(t.values)[r.name] for t in told}) for r in (RATE, MOMENTUM, SIZES)]
    assert counts == [4, 3, 2]
    assert len(told) == 24


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_a_finite_space_is_exhausted_and_not_repeated(name):
    """Nine different trials are all there are, whatever the budget."""
    space = (SIZES, Range("model.width", 1, 3, integer=True))
    told = play(name, 50, space=space, score=lambda _: 0.0)
    assert len({t.values for t in told}) == len(told) == 9


def test_a_range_narrower_than_its_digits_ends_early():
    """Three digits know one value between 0.1 and 0.1001."""
    narrow = (Range("l2", 0.1, 0.1001),)
    assert len(play("random", 5, space=narrow, score=lambda _: 0.0)) == 1


def test_random_trials_fill_a_logarithmic_range_evenly():
    """Of 400 learning rates about half lie below the geometric middle; integers stay integers."""
    told = play("random", 400, space=(RATE, WIDTH), score=lambda _: 0.0)
    low = sum(dict(t.values)["optimizer.lr"] < 0.01 for t in told)
    assert abs(low - 200) < 4 * math.sqrt(100)
    assert {type(dict(t.values)["model.width"]) for t in told} == {int}


def test_tpe_begins_as_random_search_does():
    """Its start-up trials are the first ones at random, so that both may share their runs."""
    assert [t.values for t in play("tpe(startup=5)", 5)] == [t.values for t in play("random", 5)]


def test_tpe_comes_nearer_to_the_top_than_random_search():
    """Over 20 tunings of 32 trials: ahead in 15 at least (sign test, p = 0.02), half the regret."""
    best = {
        name: [max(t.score for t in play(name, 32, tuning)) for tuning in range(20)]
        for name in ("tpe", "random")
    }
    ahead = sum(a > b for a, b in zip(best["tpe"], best["random"], strict=True))
    assert ahead >= 15
    assert sum(1 - v for v in best["tpe"]) < 0.5 * sum(1 - v for v in best["random"])


def test_tpe_keeps_away_from_trials_that_diverged():
    """Half of the space diverges, a third of the proposals at most; failures teach nothing."""

    def score(values):
        rate = dict(values)["optimizer.lr"]
        return -math.inf if rate > 0.01 else RATE.share(rate)

    told = play("tpe", 32, space=(RATE, MOMENTUM), score=score)
    assert sum(t.score == -math.inf for t in told[8:]) <= 8
    told = play("tpe", 12, score=lambda _: None)
    assert len({t.values for t in told}) == 12


def test_halving_promotes_the_best_of_each_rung():
    """A third goes on to three times the epochs; all rungs cost what full trials would."""
    told = play("halving(least=0.1)", 16)
    rungs = search_of("halving(least=0.1)").rungs(SPACE, 16, EPOCHS)
    assert [r.length for r in rungs] == [1, 3, 9]
    assert sum(r.count * r.length for r in rungs) + rungs[0].length > 16 * EPOCHS - 1
    first, second = told[: rungs[0].count], told[rungs[0].count : -rungs[2].count]
    expected = sorted(first, key=lambda t: -t.score)[: rungs[1].count]
    assert [t.values for t in second] == [t.values for t in expected]


def test_halving_shortens_updates_where_runs_are_measured_in_them():
    """A rung of 6 updates and one of 18."""
    base = {"data": "digits", "updates": 18}
    study = from_arms(("sgd", "adam"), base, "s", "?", trials=4, seeds=1, search="halving")
    assert {p.spec.updates for p in plan_tuning(study, "d", 0)} == {6}
    assert [r.length for r in study.rungs(study.arms[0])] == [6, 18]


def test_halving_drops_failed_and_diverged_trials_first():
    """They are promoted only where there are no others."""

    def score(values):
        rate = dict(values)["optimizer.lr"]
        return None if rate > 0.1 else -math.inf if rate > 0.01 else rate

    told = play("halving", 16, score=score)
    longest = [t for t in told if t.length == EPOCHS]
    assert longest
    assert all(t.score is not None and math.isfinite(t.score) for t in longest)


@pytest.mark.parametrize(
    ("search", "options", "sentence"),
    [
        ("tep", {}, "unknown search 'tep'; did you mean 'tpe'"),
        ("tpe(bath=2)", {}, "search 'tpe' has no option 'bath'; did you mean 'batch'"),
        ("tpe(batch=0)", {}, "tpe: batch must be a whole number of at least 1"),
        ("halving(eta=1)", {}, "halving: eta must lie between 1 and 100"),
        ("halving(least=1.0)", {}, "halving: least must lie between 0 and 1"),
        ("halving", {"trials": 1}, "1 trials of length 9 do not pay for rungs of 3 and 9"),
        ("halving", {"epochs": 1}, "trainings of length 1 leave no shorter rung"),
        ("sobol", {"trials": 9}, "9 trials over 1 hyper-parameters: a Sobol sequence needs"),
    ],
)
def test_an_impossible_search_is_one_sentence(search, options, sentence):
    trials, base = options.get("trials", 4), {"epochs": options.get("epochs", EPOCHS)}
    with pytest.raises(UsageError, match=sentence):
        study_case.make(search=search, trials=trials, base=base)


def test_the_default_search_leaves_the_digest_as_it_was():
    """A written default is no change, and neither is an option at its default."""
    assert study_case.make(search="auto").digest == study_case.make().digest
    assert study_case.make(search="tpe").digest != study_case.make().digest
    assert study_case.make(search="tpe(batch=4)").digest == study_case.make(search="tpe").digest


SMALL = {"trials": 6, "seeds": 2, "base": {"epochs": 3, "batch_size": 256}}
TPE, HALVING = "tpe(startup=2, batch=2)", "halving(least=0.3)"


@pytest.mark.parametrize(("search", "jobs"), [(TPE, (0, 1, 2, 4)), (HALVING, (0, 4))])
def test_any_number_of_workers_gives_the_same_trials_and_bits(search, jobs, tmp_path):
    """None, one, two and four."""
    study = study_case.make(search=search, **SMALL)
    found = [study_case.conduct(study, tmp_path / str(n), n)[1] for n in jobs]
    assert all(other == found[0] for other in found)
    assert sum(place[1] == "tuning" for place in found[0]) >= 12


@pytest.mark.parametrize("search", [TPE, pytest.param(HALVING, marks=pytest.mark.slow)])
def test_a_killed_search_goes_on_to_the_same_trials(search, tmp_path):
    """SIGKILL in the midst of tuning: what is stored is told again, nothing is run twice."""
    options = {**SMALL, "search": search}
    study = study_case.make(**options)
    _, whole = study_case.conduct(study, tmp_path / "whole")
    done = study_case.kill(tmp_path / "killed", options, 5)
    assert 5 <= done < len(whole) - 4
    steps, found = study_case.conduct(study, tmp_path / "killed", jobs=2)
    assert found == whole
    assert study_case.executed(steps) == len(whole) - done


def _dropout(values):
    return dict(values)["model.dropout"]


def test_halving_goes_on_where_a_narrow_range_has_few_values():
    """21 of 24 values of three digits: the rungs above them are trained all the same."""
    told = play(
        "halving(least=0.1)", 16, space=(Range("model.dropout", 0.1, 0.12),), score=_dropout
    )
    assert {t.length for t in told} == {1, 3, 9}


def test_halving_needs_trainings_of_one_length():
    """A tuned number of epochs is refused: rungs are parts of one full training."""
    arm = {"name": "a", "space": {"epochs": {"low": 4, "high": 40, "integer": True}}}
    table = {"trials": 8, "seeds": 1, "search": "halving", "base": study_case.BASE, "arms": [arm]}
    with pytest.raises(UsageError, match="needs trainings of one length"):
        from_table({**table, "arms": [arm, {**arm, "name": "b"}]}, "t.toml", "s")
