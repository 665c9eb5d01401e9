"""What tuning bought, and which hyper-parameters mattered, from an arm's stored trials."""

import math
from types import SimpleNamespace

import pytest
import study_case

from steepest.seeds import stream
from steepest.study.caution import _lost_trials
from steepest.study.importance import importance
from steepest.study.protocol import Choice, Score
from steepest.study.tuneability import tuneability

CHOSEN = ((), (), ())


def arm(choices):
    """Return what the functions ask of an arm's result."""
    made = [Choice("momentum", k, *CHOSEN[:2], tuple(c)) for k, c in enumerate(choices)]
    return SimpleNamespace(name="momentum", choices=tuple(made))


def score(values, value, length=2, diverged=False):
    return Score(tuple(values), f"{values}{length}", value, diverged, length)


def noise(*names):
    return stream(0, *names)


def trials(count, worth, name="t"):
    """Return trials of momentum at random, scored by `worth(lr share, momentum share)`."""
    found = []
    for a, b in noise(name).random((count, 2)).tolist():
        values = (("optimizer.lr", 0.005 * 100**a), ("optimizer.momentum", 0.8 + 0.19 * b))
        found.append(score(values, worth(a, b)))
    return found


def study(**options):
    return study_case.make("momentum", "adam", trials=16, **options)


def test_every_budget_up_to_the_studys_is_priced():
    """Trials at random: the typical best of 1 to 16, of one tuning or in the midst of several."""
    seven = [trials(16, lambda a, b: a - 0.1 * b, name) for name in "abcdefg"]
    alone = [tuneability(study(search="random"), arm([one])) for one in seven]
    assert alone[0][-1].value == max(t.score for t in seven[0])
    assert alone[0][3].high is None
    bought = tuneability(study(search="random", tunings=7), arm(seven))
    assert [b.trials for b in bought] == list(range(1, 17))
    for k, b in enumerate(bought):
        values = sorted(one[k].value for one in alone)
        assert (b.low, b.value, b.high) == (values[0], values[3], values[6])
    assert tuneability(study(search="random", tunings=2), arm(seven[:2]))[3].high is None


def test_widened_trials_are_no_part_of_the_budget():
    """They were chosen around the best: the seventeenth trial is left out."""
    mine = trials(16, lambda a, _: a)
    wide = [*mine, score(mine[0].values, 99.0)]
    assert tuneability(study(search="random"), arm([wide])) == tuneability(
        study(search="random"), arm([mine])
    )


def test_an_adaptive_search_has_its_own_order():
    """The best so far after each trial; a diverged one adds nothing but its cost."""
    mine = [score((), v, diverged=math.isnan(v)) for v in (0.4, math.nan, 0.3, 0.6)]
    bought = tuneability(study(search="tpe"), arm([mine]))
    assert [(b.trials, b.value) for b in bought] == [(1, 0.4), (2, 0.4), (3, 0.4), (4, 0.6)]
    assert {(b.low, b.high) for b in bought} == {(None, None)}
    six = tuneability(study(search="tpe"), arm([mine[k:] + mine[:k] for k in (0, 2, 3)] * 2))
    assert (six[0].value, six[0].low, six[0].high) == (0.4, 0.3, 0.6)


def test_halving_pays_for_its_short_trials():
    """Six rungs of a third cost two trainings before the first score in full."""
    mine = [*(score((), 0.9, length=1) for _ in range(6)), score((), 0.5, length=3)]
    bought = tuneability(study(search="halving", base={"epochs": 3}), arm([mine]))
    assert [(b.trials, b.value) for b in bought] == [(3, 0.5)]


@pytest.mark.parametrize("sign", [1, -1])
def test_what_explains_the_scores_is_important(sign):
    """Scores that follow the rate alone give it nearly everything, whether high or low is good."""
    known = study(metric="accuracy" if sign > 0 else "loss")
    first, second = importance(known, arm([trials(32, lambda a, _: sign * a)]))
    assert first.name == "optimizer.lr"
    assert first.share > 0.9
    assert second.share < 0.1
    assert first.low <= first.share <= first.high


def test_noise_has_no_certain_cause():
    """Scores without a cause: no interval lies above one half."""
    scores = iter(noise("scores").random(32).tolist())
    found = importance(study(), arm([trials(32, lambda *_: next(scores))]))
    assert all(one.low < 0.5 for one in found)


def test_too_few_trials_say_nothing():
    """Fewer than sixteen, or scores that are all the same."""
    assert importance(study(), arm([trials(15, lambda a, _: a)])) == []
    assert importance(study(), arm([trials(32, lambda *_: 0.1)])) == []


def test_diverged_trials_are_counted_in_the_remarks():
    """The infeasible part of a range is named with its arm; an arm without any is not."""
    lost = [score((), 0.1, diverged=k < 3) for k in range(16)]
    (remark,) = _lost_trials([arm([lost]), arm([trials(4, lambda a, _: a)])])
    assert remark.text == "Tuning trials that diverged, which counts as worst: momentum 3 of 16."
