"""`RunSpec`: plain values in and out, its key, and what it refuses."""

from dataclasses import fields, replace

import pytest

from steepest.errors import UsageError
from steepest.identity import cell_key, run_key
from steepest.optim.stopping import EarlyStopping
from steepest.part import Part
from steepest.spec import RunSpec, from_plain, known_data, with_options

DATA = "0" * 64  # a fixed digest
SPECS = {
    "defaults": {},
    "tuned": {
        "data": "mnist", "model": "mlp(hidden=(256,), dropout=0.1)", "optimizer": "adamw",
        "lr": 0.003, "schedule": "cosine", "epochs": 30, "batch_size": 128, "seed": 4,
    },
    "rich": {
        "data": "cifar10", "classes": ["cat", "dog"], "optimizer": {"name": "sgd", "lr": 0.1},
        "schedule": {"name": "table", "rows": {"0": 0.1, "5": 0.01}}, "batch_size": "full",
        "class_weights": [1, 2], "smoothing": 0.1, "l2": 1e-4, "balanced": True,
        "early_stopping": {"patience": 3}, "precision": "float64", "validation": 0.1,
    },
}  # fmt: skip
KEYS = {
    "defaults": "da366f9022248f4cc3663d26ce72aef538bda22910ede85ddad0f3338514d43b",
    "tuned": "2176b9bf003e30d467ffdeb0ba094cafde6b325a25afa40a3acec12d26d55dba",
    "rich": "b5137fb4a51a74d5e066b0da24219ce9c26cb5fd090c6d153d20686a5b286f4e",
}


@pytest.mark.parametrize("name", SPECS)
def test_the_key_of_a_spec_never_changes(name):
    """Golden: a key that changes orphans every stored run. Change a default's name, not these."""
    assert run_key(from_plain(SPECS[name]), DATA) == KEYS[name]


@pytest.mark.parametrize("name", SPECS)
def test_plain_values_round_trip(name):
    spec = from_plain(SPECS[name])
    again = from_plain(spec.plain())
    assert again == spec
    assert run_key(again, DATA) == run_key(spec, DATA)


def test_defaults_are_left_out():
    """What is written of a default spec is what a reader needs; defaults given change no key."""
    assert RunSpec().plain() == {
        "data": "digits", "model": {"name": "mlp"}, "optimizer": {"name": "adam"}, "epochs": 20,
        "batch_size": 64, "seed": 0,
    }  # fmt: skip
    spelled = from_plain(
        {"optimizer": "adam(lr=0.001, beta1=0.9)", "smoothing": 0.0, "engine": "numpy", "l1": 0}
    )
    assert run_key(spelled, DATA) == run_key(RunSpec(), DATA)


OTHER = {
    "target": "y", "classes": ("1", "2"), "model": Part("mlp", (("hidden", (9,)),)),
    "optimizer": Part("sgd"), "schedule": Part("cosine"), "epochs": 3, "batch_size": 7, "seed": 5,
    "validation": 0.3, "smoothing": 0.1, "class_weights": (1.0,), "l1": 0.1, "l2": 0.1,
    "balanced": True, "normalize": True, "early_stopping": EarlyStopping(), "precision": "float64",
    "engine": "torch", "augment": (Part("flip"),), "updates": 9, "fold": "1/2", "outer": "1/2",
    "examples": 40,
}  # fmt: skip


def test_every_field_decides_the_key_but_probes_and_the_name_of_the_data():
    """The data's digest counts, not its name: a renamed file is the same data."""
    assert set(OTHER) == {f.name for f in fields(RunSpec)} - {"data", "probes", "device", "compile"}
    keys = {run_key(replace(RunSpec(), **{name: value}), DATA) for name, value in OTHER.items()}
    keys |= {run_key(RunSpec(), DATA), run_key(RunSpec(), "1" * 64)}
    keys |= {run_key(RunSpec(engine="torch", device="cuda"), DATA)}
    keys |= {run_key(RunSpec(engine="torch", compile=True), DATA)}
    assert len(keys) == len(OTHER) + 4
    for silent in (RunSpec(data="mnist"), RunSpec(probes=("dead",))):
        assert run_key(silent, DATA) == run_key(RunSpec(), DATA)


def test_a_cell_is_a_run_without_its_seed():
    seeds = [RunSpec(seed=s) for s in range(3)]
    assert len({run_key(s, DATA) for s in seeds}) == 3
    assert len({cell_key(s, DATA) for s in seeds}) == 1
    assert cell_key(RunSpec(epochs=3), DATA) != cell_key(RunSpec(), DATA)


def test_an_edited_module_of_the_users_changes_the_key(tmp_path, monkeypatch):
    """The same name, other source: another run. The same source: the same run."""
    source = "from steepest.nn import zoo\n\ndef net():\n    return zoo.mlp(hidden=({},))\n"
    path = tmp_path / "own_net.py"
    path.write_text(source.format(4))
    monkeypatch.syspath_prepend(tmp_path)
    spec = RunSpec(model="own_net:net")
    before = run_key(spec, DATA)
    path.write_text(source.format(5))
    assert run_key(spec, DATA) != before
    path.write_text(source.format(4))
    assert run_key(spec, DATA) == before


def test_aliases_are_the_same_words():
    spec = from_plain(
        {"learning_rate": 0.1, "wd": 0.2, "b": 8, "validation-split": 0.5, "opt": "adamw"}
    )
    assert spec.optimizer == Part("adamw", (("lr", 0.1), ("weight_decay", 0.2)))
    assert (spec.batch_size, spec.validation) == (8, 0.5)


def test_options_of_a_part_can_be_set():
    spec = with_options(RunSpec(), "model", {"hidden": [5]})
    assert spec.model == Part("mlp", (("hidden", (5,)),))
    assert with_options(spec, "model", {"hidden": (128, 64)}) == RunSpec()


def test_a_spec_builds_its_parts():
    spec = from_plain(SPECS["rich"])
    assert spec.rule.lr == 0.1
    assert spec.rates.rows == ((0, 0.1), (5, 0.01))
    assert spec.loss.smoothing == 0.1
    assert spec.early_stopping == EarlyStopping(patience=3)
    assert spec.arch.count_params((28, 28, 1), 10) == 109_386
    assert known_data("digits")
    assert not known_data("digits.csv")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"epoch": 3}, "run: unknown key 'epoch'; did you mean 'epochs'?"),
        ({"optimizer": "adm"}, "run: unknown optimizer 'adm'; did you mean 'adam'?"),
        ({"optimizer": "sgd(beta1=1)"}, "optimizer 'sgd' has no option 'beta1'"),
        ({"model": "mlp(activation='relux')"}, ""),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, not 0"),
        ({"epochs": True}, "epochs must be a whole number of at least 1, not True"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"batch_size": "all"}, "batch_size must be a positive whole number or 'full', not 'all'"),
        ({"validation": 1.0}, "validation must lie in [0, 1), not 1.0"),
        ({"examples": 1}, "examples must be a whole number of at least 2, not 1"),
        ({"smoothing": "much"}, "smoothing must lie in [0, 1), not 'much'"),
        ({"l2": -1}, "l2 must lie in [0, inf), not -1"),
        ({"classes": "3"}, "run: classes must be a list, not '3'"),
        ({"precision": "bf16"}, "unknown precision 'bf16'"),
        ({"engine": "jax"}, "unknown engine 'jax'; Known: auto, numpy, torch"),
        ({"early_stopping": {"patince": 3}}, "'early_stopping.patince'; did you mean 'patience'?"),
    ],
)
def test_what_is_impossible_is_one_sentence(values, sentence):
    with pytest.raises(UsageError) as raised:
        from_plain(values)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
