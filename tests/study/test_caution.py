"""What a reviewer remarks: each remark where it belongs, with its figures, and not elsewhere."""

from types import SimpleNamespace

import numpy as np

from steepest.seeds import stream
from steepest.stats.compare import compare_arms
from steepest.stats.power import sample_size
from steepest.study.caution import warnings
from steepest.study.design import from_arms
from steepest.study.record import Opening
from steepest.study.remark import Reviewed

EPOCHS = 10
EVEN = [[10, 0], [0, 10]]  # a confusion of two classes, equally many


def _falling(start=1.0, end=0.1, epochs=EPOCHS):
    return np.geomspace(start, end, epochs)


def _rising(end=0.9, epochs=EPOCHS, settled=4):
    """Accuracies that reach their end after `settled` epochs."""
    return np.concatenate([np.linspace(0.5, end, settled), np.full(epochs - settled, end)])


def _arm(name, runs=6, **given):
    """Return an arm of equal, sound runs; `given` replaces columns, counts and metrics."""
    train, loss = given.get("train", _falling()), given.get("loss", _falling(1.0, 0.3))
    accuracy = given.get("accuracy", _rising())
    noise = stream(0, "caution", len(name)).normal(0, 0.002, runs)
    rows = [
        {"epoch": k + 1, "train_loss": t, "val_loss": v, "val_accuracy": a, "train_accuracy": 1.0}
        for k, (t, v, a) in enumerate(zip(train, loss, accuracy, strict=True))
    ]
    validation = {
        "accuracy": float(accuracy[-1]), "examples": given.get("examples", 100_000),
        "confusion": given.get("confusion", EVEN),
    }  # fmt: skip
    record = SimpleNamespace(
        status="finished", updates=given.get("updates", 100), examples=given.get("seen", 6400),
        metrics={"validation": validation, "stopped": given.get("stopped", False), "epochs": 10},
    )  # fmt: skip
    curves = tuple(
        [row | {"val_accuracy": row["val_accuracy"] + shift} for row in rows] for shift in noise
    )
    trials = tuple(SimpleNamespace(diverged=False) for _ in range(given.get("trials", 0)))
    choice = SimpleNamespace(values=(), boundary=given.get("boundary", ()), trials=trials)
    scores = given.get("scores", accuracy[-1] + noise)
    return SimpleNamespace(
        name=name, scores=np.asarray(scores), diverged=np.zeros(runs, bool), curves=curves,
        records=(record,) * runs, choices=(choice,),
    )  # fmt: skip


def _said(*arms, **given):
    """Return the remarks on a study of arms, as one text."""
    arms = arms if len(arms) > 1 else (*arms, _arm("sgd"))
    more = {k: given.pop(k) for k in ("metric", "score", "margin", "widen") if k in given}
    study = from_arms([a.name for a in arms], {"data": "digits"}, "s", "?", trials=0, **more)
    verdicts = compare_arms({a.name: a.scores for a in arms}, margin=study.margin)
    return "\n".join(warnings(Reviewed(study, arms, verdicts, **given)))


def test_a_sound_study_has_nothing_to_remark():
    assert _said(_arm("adam"), _arm("sgd")) == ""


def test_an_arm_at_chance_level():
    """Of naming the largest class, which is not one over the number of classes."""
    low = _said(_arm("adam", accuracy=np.full(EPOCHS, 0.5)))
    assert "6 of 6 runs of adam end at chance level: 50.0 %" in low
    assert "largest class gives 50.0 %" in low
    uneven = {"confusion": [[80, 0], [20, 0]], "accuracy": np.full(EPOCHS, 0.8)}
    assert "chance level: 80.0 %" in _said(_arm("adam", **uneven))
    assert "chance" not in _said(_arm("adam", accuracy=np.full(EPOCHS, 0.52)))
    assert "chance" in _said(_arm("adam", accuracy=np.full(EPOCHS, 0.52), examples=100))


def test_an_arm_that_never_trained():
    """Its training loss stays where it was; a loss that is low from the start is no such case."""
    flat = _said(_arm("adam", train=np.full(EPOCHS, 0.69), accuracy=np.full(EPOCHS, 0.5)))
    assert "adam never trained: its training loss went from 0.69 in the first epoch to 0.69" in flat
    assert "chance" not in flat
    assert "never trained" not in _said(_arm("adam", train=np.full(EPOCHS, 0.05)))
    assert "never trained" not in _said(_arm("adam", train=_falling(0.69, 0.5)))


def test_an_arm_that_learned_all_there_is_in_one_epoch():
    """On noisy data the loss stays high: it is that of guessing that tells of no training."""
    noisy = np.concatenate([[0.665], np.full(EPOCHS - 1, 0.653)])
    assert "never trained" not in _said(_arm("adam", train=noisy))
    at_chance = np.concatenate([[0.6931], np.full(EPOCHS - 1, 0.69)])
    assert "never trained" in _said(_arm("adam", train=at_chance))


def test_arms_that_still_improve_at_the_end():
    """By more than the margin over the last fifth; a run that stopped by itself had its time."""
    climbing = np.linspace(0.5, 0.9, EPOCHS)
    said = _said(_arm("adam", accuracy=climbing))
    assert "adam was still improving when training ended (by 8.9 points" in said
    assert "over the last 2 of 10 epochs" in said
    both = _said(_arm("adam", accuracy=climbing), _arm("sgd", accuracy=np.linspace(0.6, 0.9, 10)))
    assert "adam and sgd were still improving when training ended (adam most" in both
    assert "improving" not in _said(_arm("adam", accuracy=climbing, stopped=True))
    assert "improving" not in _said(_arm("adam", accuracy=climbing), margin=0.2)
    slow = np.concatenate([np.linspace(0.5, 0.9, 8), [0.9, 0.9]])
    assert "improving" not in _said(_arm("adam", accuracy=slow), margin=0.2)


def test_an_arm_that_over_fitted():
    """Validation loss rose while training loss fell; not where the best epoch is scored."""
    loss = np.concatenate([np.geomspace(1.0, 0.3, 5), np.linspace(0.32, 0.5, 5)])
    worse = np.concatenate([np.linspace(0.5, 0.94, 5), np.linspace(0.93, 0.9, 5)])
    said = _said(_arm("adam", loss=loss, accuracy=worse))
    assert "adam over-fitted: validation loss rose, from 0.3 at epoch 5 to 0.5" in said
    assert "score = 'best', may change the order" in said
    same = _said(_arm("adam", loss=loss), _arm("sgd", loss=np.sqrt(loss)))
    assert "adam and sgd over-fitted: validation loss rose, of adam most, from 0.3" in same
    assert "Accuracy did not fall: over-confident rather than worse" in same
    assert "training loss fell from 0.359 to 0.1 (accuracy gap 9.8 points)" in said
    assert "over-fitted" not in _said(_arm("adam", loss=loss), score="best")
    assert "over-fitted" not in _said(_arm("adam", loss=loss, train=loss))
    mild = np.concatenate([np.geomspace(1.0, 0.3, 5), np.linspace(0.3, 0.32, 5)])
    assert "over-fitted" not in _said(_arm("adam", loss=mild))


def test_best_trials_at_an_edge_are_said_once():
    edge = {"boundary": ("optimizer.lr",), "trials": 3}
    said = _said(_arm("adam", **edge), _arm("sgd", **edge))
    assert said.count("edge") == 1
    assert "The best trials of adam and sgd lie at the edges of their searched range (lr)" in said
    assert "Repeat with --widen" in said
    assert "Repeat" not in _said(_arm("adam", **edge), _arm("sgd", **edge), widen=True)
    assert "edge" not in _said(_arm("adam", trials=3), _arm("sgd", trials=3))


def test_unequal_work_is_said_with_its_ratio():
    """Of updates, or of examples where updates are equal; a tenth is let pass."""
    said = _said(_arm("adam", updates=400))
    assert "adam took 4 times the updates of sgd (400 against 100 a run), at equal epochs" in said
    assert "2 times the training examples of sgd" in _said(_arm("adam", seen=12_800))
    assert "equally long" not in _said(_arm("adam", updates=109))
    assert "6 of 12 runs stopped early" in _said(_arm("adam", updates=400, stopped=True))


def test_few_seeds_say_what_they_could_have_found():
    """Five and more say it where the margin cannot be resolved and something is undecided."""
    few = _said(_arm("adam", runs=3), _arm("sgd", runs=3))
    assert "3 seeds are few: a true difference of " in few
    assert "1 seed is few" in _said(_arm("adam", runs=1), _arm("sgd", runs=1))
    tied = [0.90, 0.92, 0.90, 0.92, 0.91, 0.91]
    other = [0.92, 0.90, 0.91, 0.91, 0.92, 0.90]
    noisy = _said(_arm("adam", scores=tied), _arm("sgd", scores=other), margin=0.001)
    assert "6 seeds do not resolve the margin of 0.1 points" in noisy
    spread = np.std(np.subtract(tied, other), ddof=1)
    assert f"about {sample_size(0.01, spread)} seeds would" in _said(
        _arm("adam", scores=tied), _arm("sgd", scores=other), margin=0.01
    )
    clear = _said(_arm("adam", accuracy=_rising(0.99)), _arm("sgd"), margin=0.0001)
    assert "resolve" not in clear


def test_a_test_set_opened_again():
    def opening(key, day):
        return Opening(key, "test", f"2026-11-{day}T10:00:00", "steepest compare")

    once = [opening("a", 20), opening("b", 20)]
    assert "opened" not in _said(_arm("adam"), openings=once)
    said = _said(_arm("adam"), openings=[*once, opening("a", 21)])
    assert "opened more than once for 1 of 2 runs (first 2026-11-20 10:00, last 2026-11-21" in said
    assert "opened by 2 other studies in this store" in _said(_arm("adam"), others=2)


def test_ranks_that_flip_in_training():
    """Only where both orders are sure; a lead that grows, or noise, is no flip."""
    early = np.concatenate([np.full(5, 0.85), np.full(5, 0.86)])
    late = np.concatenate([np.full(5, 0.70), np.full(5, 0.90)])
    said = _said(_arm("adam", accuracy=late), _arm("sgd", accuracy=early))
    assert "at its half sgd was ahead of adam by 15 points" in said
    assert "at the end adam by 4.2 points" in said
    grown = np.concatenate([np.full(5, 0.80), np.full(5, 0.90)])
    assert "Ranks" not in _said(_arm("adam", accuracy=grown), _arm("sgd", accuracy=late - 0.05))
    close = early - 0.0001
    assert "Ranks" not in _said(_arm("adam", accuracy=close), _arm("sgd", accuracy=early))


def test_a_validation_set_coarser_than_the_margin():
    """It matters where it chose among trials."""
    said = _said(_arm("adam", examples=288, trials=3), _arm("sgd", examples=288, trials=3))
    assert "Tuning chose by 288 validation examples" in said
    assert "90.0 % is known to ±3.5 points only" in said
    assert "Tuning" not in _said(_arm("adam", examples=288), _arm("sgd", examples=288))
    large = {"examples": 50_000, "trials": 3}
    assert "Tuning" not in _said(_arm("adam", **large), _arm("sgd", **large))


def test_the_gravest_come_first():
    """What voids a comparison, what may change a verdict, an arm's place, and the scope."""
    bad = _arm("adam", train=np.full(EPOCHS, 0.69), updates=400, boundary=("lr",), trials=2)
    lines = _said(bad, _arm("sgd", trials=2, examples=288), others=1).splitlines()
    order = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in ("never trained", "equally long", "edge", "another study")
    ]
    assert order == sorted(order)


def test_remarks_on_losses_are_in_the_losses_own_unit():
    """A loss that still falls improves; nothing is called points."""
    falling = np.linspace(1.0, 0.3, EPOCHS)
    settled = np.concatenate([np.linspace(1.0, 0.3, 5), np.full(5, 0.3)])
    said = _said(_arm("adam", loss=falling), _arm("sgd", loss=settled), metric="loss")
    assert "adam was still improving when training ended (by 0.16 of validation loss" in said
    assert "points" not in said.replace("accuracy gap", "")
