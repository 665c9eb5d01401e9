"""Flags of a run and the spec they make."""

from dataclasses import fields

import pytest

from steepest.cli.flag import RunFlags, literal, plain, read_spec, undotted
from steepest.errors import UsageError
from steepest.optim.stopping import EarlyStopping
from steepest.spec import RunSpec, from_plain


def test_what_is_not_given_keeps_the_default():
    assert read_spec(None) == read_spec(RunFlags()) == RunSpec()


def test_a_commands_own_default_gives_way_to_a_flag():
    assert read_spec(RunFlags(), epochs=50).epochs == 50
    assert read_spec(RunFlags(epochs="7"), epochs=50).epochs == 7


def test_every_field_of_a_spec_has_a_flag():
    """The words of RunSpec and of the command line are the same."""
    flags = {f.name for f in fields(RunFlags)}
    words = {f.name for f in fields(RunSpec)} - {"early_stopping"}
    assert words <= flags
    assert {f.name for f in fields(EarlyStopping)} - {"restore_best"} <= flags
    extra = flags - words - {f.name for f in fields(EarlyStopping)}
    assert extra == {"learning_rate", "weight_decay", "option"}


def test_a_part_is_written_as_call_or_by_dots():
    """`adam(beta1=0.8)`, `--optimizer.beta1 0.8` on it, and a table are the same spec."""
    call = read_spec(RunFlags(optimizer="adam(beta1=0.8)", learning_rate="0.1"))
    dots = read_spec(RunFlags(option=("optimizer.beta1=0.8", "optimizer.learning_rate=1e-1")))
    table = from_plain({"optimizer": {"name": "adam", "beta1": 0.8, "lr": 0.1}})
    assert call == dots == table


def test_lists_are_split_and_one_number_is_a_list_of_one():
    flags = RunFlags(
        classes=("3,5", "7"), class_weights=("1,2", "0.5"), option=("model.hidden=256",)
    )
    spec = read_spec(flags)
    assert spec.classes == ("3", "5", "7")
    assert spec.class_weights == (1, 2, 0.5)
    assert spec.model.get("hidden") == (256,)
    assert read_spec(RunFlags(option=("model.hidden=64,32,16",))).model.get("hidden") == (
        64,
        32,
        16,
    )


def test_early_stopping_is_made_of_three_flags():
    spec = read_spec(RunFlags(patience="3", min_delta="0.01", monitor="val_accuracy"))
    assert spec.early_stopping == EarlyStopping(3, 0.01, "val_accuracy")
    for bad in ({"patience": "0"}, {"patience": "x"}, {"patience": "2", "min_delta": "-1"}):
        with pytest.raises(UsageError, match=r"(patience|min_delta) must be"):
            plain(RunFlags(**bad))


def test_values_are_literals_or_texts():
    assert [literal(t) for t in ("1e-3", "7", "relu", "False", "none", "{0: 0.1}", "1,", "1+")] == [
        0.001, 7, "relu", False, None, {0: 0.1}, (1,), "1+",
    ]  # fmt: skip


def test_names_of_data_are_never_numbers():
    assert plain(RunFlags(data="1e5", target="3", classes=("08",))) == {
        "data": "1e5", "target": "3", "classes": ["08"],
    }  # fmt: skip


def test_dotted_flags_are_taken_apart_and_others_left():
    assert undotted(["train", "--lr", "1", "--model.hidden", "8,4", "--schedule.gamma=0.5"]) == [
        "train", "--lr", "1", "--option", "model.hidden=8,4", "--option", "schedule.gamma=0.5",
    ]  # fmt: skip
    assert undotted(["--data", "my.file.csv", "--lr", "-.5", "--", "--model.x", "1"]) == [
        "--data", "my.file.csv", "--lr", "-.5", "--", "--model.x", "1",
    ]  # fmt: skip
    assert undotted(["--optimizer.eps", "-1"]) == ["--option", "optimizer.eps=-1"]
