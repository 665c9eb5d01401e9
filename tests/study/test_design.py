"""A study is frozen plain values, checked when it is made."""

import re
from dataclasses import replace

import pytest
import study_case

from steepest.errors import UsageError
from steepest.nn.zoo import ARCHS
from steepest.part import Part
from steepest.study.archive import study_of, text_of_study
from steepest.study.design import Arm, Study, from_arms, length_text
from steepest.study.space import Range
from steepest.study.toml import read_study, to_toml

GOLDEN = "0a2802a009e8e2389dfaf803d716a205422de9e2489eaddd4f129c74f4a0047a"


def _rich():
    """Return a study that uses every field."""
    arms = (
        Arm("plain", (("optimizer", "sgd"),)),
        Arm(
            'odd "name" [x]\t\\ é', (("optimizer", {"name": "adam", "eps": 1e-7}), ("l2", 0.01)),
            (Range("optimizer.lr", 1e-4, 1e-1, log=True),), (("accuracy", 0.93),),
        ),
        Arm("choices", (), (Range("model.hidden", choices=((8,), (16, 8))),)),
        Arm("whole", (), (Range("batch_size", 16, 64, integer=True),)),
    )  # fmt: skip
    return Study(
        "rich", "Is 'it' so?\nReally", (("classes", ("0", "1")), ("data", "digits")), arms,
        trials=2, seeds=3, tunings=5, metric="f1", target=0.9, reference="plain", margin=0.01,
        score="best", widen=True, notes=("one", "two"),
    )  # fmt: skip


@pytest.mark.parametrize("make", [_rich, study_case.make])
def test_a_study_survives_its_file_and_the_store(make, tmp_path):
    """TOML and the store's text give back a study of the same digest, name, wording and cells."""
    study = make()
    file = tmp_path / "s.toml"
    file.write_text(to_toml(study), encoding="utf-8")
    for again in (read_study(file), study_of(text_of_study(study))):
        assert again.digest == study.digest
        assert (again.name, again.question, again.notes) == (
            study.name, study.question, study.notes,
        )  # fmt: skip
        for arm in study.arms:
            cells = study.cells(arm, 1)
            assert again.cells(again.arm(arm.name), 1) == cells
            specs = [study.spec(arm, values, 3) for values in cells]
            assert [again.spec(again.arm(arm.name), v, 3) for v in cells] == specs


def test_the_digest_is_that_of_the_design_alone():
    """Name and wording do not count; every other field does. The golden value is for ever."""
    study = study_case.make()
    assert replace(study, name="x", question="y", notes=("z",)).digest == study.digest
    changed = (
        {"trials": 3}, {"seeds": 3}, {"tunings": 2}, {"metric": "loss"}, {"target": 0.5},
        {"reference": "sgd"}, {"margin": 0.1}, {"score": "best"}, {"widen": True},
        {"base": (("data", "mnist1d"),)}, {"arms": study.arms[::-1]},
    )  # fmt: skip
    digests = {replace(study, **change).digest for change in changed}
    assert len(digests | {study.digest}) == len(changed) + 1
    assert study.digest == GOLDEN


def test_a_written_learning_rate_is_meant_as_it_stands():
    """It may be written by the arm, at its default too, or by the base; then nothing is tuned."""
    study = from_arms(["sgd", "adam(lr=0.001)", "adam(beta1=0.8)"], {"lr": 0.1}, "n", "q")
    rates = [study.spec(a, study.cells(a, 0)[0], 0).rule.lr for a in study.arms]
    assert rates == [0.1, 0.001, 0.1]
    assert [a.space for a in study.arms] == [(), (), ()]
    study = from_arms(["adam(lr=0.001)", "adam(beta1=0.8)"], {}, "n", "q", trials=16)
    assert [[r.name for r in a.space] for a in study.arms] == [[], ["optimizer.lr"]]


def test_a_base_may_hold_parts():
    """Flags give parts; a study keeps plain values of them."""
    study = from_arms(["sgd", "adam"], {"model": Part("mlp", (("hidden", (8,)),))}, "n", "q")
    assert dict(study.base)["model"] == {"name": "mlp", "hidden": [8]}
    assert study_of(text_of_study(study)).digest == study.digest


def test_arms_may_be_any_field():
    """`field=value` changes a field; a value is a literal where it is one."""
    study = study_case.make("batch_size=32", "model=mlp(dropout=0.5)", "smoothing=0.1", trials=0)
    specs = [study.spec(a, (), 0) for a in study.arms]
    assert specs[0].batch_size == 32
    assert specs[1].model.get("dropout") == 0.5
    assert specs[2].smoothing == 0.1
    assert set(ARCHS) >= {s.model.name for s in specs}


def test_seeds_of_tuning_and_evaluation_never_meet():
    """Each tuning has one seed of its own and fresh seeds for its cells."""
    study = study_case.make(seeds=7, tunings=3)
    final = [seed for k in range(3) for seed in study.final_seeds(k)]
    tuning = [study.tuning_seed(k) for k in range(3)]
    assert len({*final, *tuning}) == 21 + 3
    with pytest.raises(UsageError, match="below 1,000,000"):
        study_case.make(seeds=100_000, tunings=10)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seeds": 0}, "seeds must be a whole number of at least 1, not 0"),
        ({"trials": -1}, "trials must be a whole number of at least 0, not -1"),
        ({"tunings": 2.0}, "tunings must be a whole number of at least 1, not 2.0"),
        ({"seeds": True}, "seeds must be a whole number of at least 1, not True"),
        ({"metric": "acuracy"}, "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ({"score": "first"}, "unknown score 'first'"),
        ({"margin": -0.1}, "margin must be a number of at least 0, not -0.1"),
        ({"target": "high"}, "target must be a number of at least 0, not 'high'"),
        ({"widen": 1}, "widen must be true or false, not 1"),
        ({"reference": "smg"}, "reference: no arm 'smg'; did you mean 'sgd'?"),
        ({"base": {"seed": 3}}, "seed is not for a study to set"),
        ({"base": {"validation": 0.0}}, "arm 'sgd': tuning needs validation examples"),
        ({"base": {"validation": 0}, "trials": 0, "score": "best"}, "score = 'best' needs valid"),
        ({"base": {"data": 3}}, "data must be a name or a path, not 3"),
    ],
)
def test_an_impossible_study_is_one_sentence(options, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        study_case.make(**options)


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "", ".", ".hidden"])
def test_a_name_is_that_of_a_folder(name):
    """A study's folder lies inside the runs folder, whatever a file says."""
    with pytest.raises(UsageError, match="cannot be the name of a folder"):
        replace(study_case.make(), name=name)


def test_arms_are_two_and_differ_in_name():
    with pytest.raises(UsageError, match="two arms at least, not 1"):
        study_case.make("sgd")
    with pytest.raises(UsageError, match="two arms are named 'sgd'"):
        study_case.make("sgd", "sgd")


@pytest.mark.parametrize(
    ("arms", "text"),
    [
        (("epochs=3", "epochs=12"), "3 to 12 epochs"),
        (("sgd", "adam"), "2 epochs"),
        (("updates=1500", "updates=40"), "40 to 1,500 updates"),
    ],
)
def test_the_plan_says_how_long_arms_train(arms, text):
    """One length, or the span."""
    assert length_text(study_case.make(*arms)) == text
