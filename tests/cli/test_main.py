"""Errors and exit codes of the command line, word by word."""

import os
import signal
import subprocess
import sys
import types

import pytest

from steepest.cli import main
from steepest.errors import RunsFailedError

RULES = "adagrad, adam, adamw, momentum, nadam, nesterov, rmsprop, sgd"
SCHEDULES = "constant, cosine, exponential, inverse_time, step, table, warmup"
SETS = "cifar10, cifar100, cinic10, digits, fashion-mnist, mnist, mnist1d"
SENTENCES = [
    ("train --optimizer adm", 2, f"unknown optimizer 'adm'; did you mean 'adam'? Known: {RULES}"),
    (
        "train --schedule cosin",
        2,
        f"unknown schedule 'cosin'; did you mean 'cosine'? Known: {SCHEDULES}",
    ),
    ("train --data digts", 2, f"unknown data set 'digts'; did you mean 'digits'? Known: {SETS}"),
    ("train --epochs 5.5", 2, "epochs must be a whole number of at least 1, not 5.5"),
    ("train --batch_size 0", 2, "batch_size must be a positive whole number or 'full', not 0"),
    ("train --validation 1", 2, "validation must lie in [0, 1), not 1"),
    ("train --engine jax", 2, "unknown engine 'jax'; Known: auto, numpy, torch"),
    (
        "train --optimizer.beta3 0.9",
        2,
        (
            "optimizer 'adam' has no option 'beta3'; did you mean 'beta2'? "
            "Known: beta1, beta2, eps, lr, weight_decay"
        ),
    ),
    ("train --lr fast", 2, "optimizer.lr must be like 0.001, not 'fast'"),
    ("train --optimizer.beta1", 2, "flag --optimizer.beta1 needs a value"),
    (
        "train --optimiser.beta1 1",
        2,
        (
            "unknown flag '--optimiser.beta1'; did you mean '--optimizer'? "
            "Known: --model, --optimizer, --schedule"
        ),
    ),
    ("train --min_delta 1", 2, "--min_delta belongs to early stopping: add --patience"),
    ("train --seed 1 --seed 2", 2, "parameter --seed specified multiple times"),
    ("train --data", 2, 'command "train" parameter --data requires an argument'),
    ("train digits", 2, "unexpected argument 'digits'; give flags by name"),
    (
        "train --class_weights 1,2 --epochs 1",
        2,
        "class_weights has 2 numbers, but 'digits' has 10 classes",
    ),
    (
        "train --classes 3,11",
        2,
        "unknown class '11'; did you mean '1'? Known: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ),
    (
        "train --patience 1 --monitor luck --epochs 2",
        2,
        (
            "cannot monitor 'luck'; Known: accuracy, loss, lr, val_accuracy, val_f1, val_loss, "
            "val_precision, val_recall"
        ),
    ),
    ("train --data nowhere.npz", 4, "there is no file or folder nowhere.npz"),
    ("plot", 5, "no finished run in 'runs'; make one with `steepest train`"),
    (
        "data fetch mnits",
        2,
        f"unknown data set 'mnits'; did you mean 'mnist'? Known: {SETS}",
    ),
    (
        "list layers",
        2,
        "unknown list 'layers'; Known: augmentations, data, models, optimizers, schedules",
    ),
]


@pytest.mark.parametrize(("line", "code", "sentence"), SENTENCES, ids=[s[0] for s in SENTENCES])
def test_each_mistake_is_one_sentence_with_its_code(call, line, code, sentence):
    """Nothing but `steepest: <sentence>` on stderr, nothing on stdout."""
    tokens = line.split()
    quiet = ["-q"] if "--epochs" in tokens else []
    assert call(*tokens, *quiet) == (code, "", f"steepest: {sentence}\n")


def test_an_unknown_flag_names_the_nearest_and_lists_the_known(call):
    code, out, err = call("train", "--batchsize", "3")
    assert (code, out) == (2, "")
    assert err.startswith(
        "steepest: unknown flag '--batchsize'; did you mean '--batch-size'? Known:"
    )
    assert err.count("\n") == 1
    assert "--learning-rate" in err
    assert "--option," not in err


def test_an_unknown_command_names_the_nearest(call):
    code, out, err = call("trian")
    assert (code, out) == (2, "")
    assert err.startswith("steepest: unknown command 'trian'; did you mean 'train'? Known: ")


def _failing(monkeypatch, error):
    module = types.ModuleType("failing")

    def fail():
        raise error

    module.fail = fail
    monkeypatch.setitem(sys.modules, "failing", module)
    monkeypatch.setitem(main.COMMANDS, "fail", ("failing:fail", "Fail."))


def test_an_unexpected_error_is_one_line_and_a_traceback_only_on_demand(call, monkeypatch):
    _failing(monkeypatch, ZeroDivisionError("by\nnought"))
    line = "steepest: unexpected ZeroDivisionError: by nought"
    assert call("fail") == (1, "", f"{line}; --debug shows where\n")
    code, _, err = call("fail", "--debug")
    assert code == 1
    assert err.startswith("Traceback")
    assert err.endswith(f"{line}\n")
    monkeypatch.setenv("STEEPEST_DEBUG", "1")
    assert call("fail")[2].startswith("Traceback")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (RunsFailedError("2 of 9 runs failed"), 3, "2 of 9 runs failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_kind_of_end_has_its_code(call, monkeypatch, error, code, sentence):
    _failing(monkeypatch, error)
    assert call("fail") == (code, "", f"steepest: {sentence}\n")


def test_help_names_every_command_and_imports_none(call):
    code, out, _ = call("--help")
    assert code == 0
    assert all(name in out for name in main.COMMANDS)


def test_the_table_of_commands_holds_what_exists():
    """Every entry's function can be imported."""
    for path, about in main.COMMANDS.values():
        module, _, name = path.partition(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))
        assert about.endswith(".")


def _start(*tokens, **variables):
    env = {k: v for k, v in os.environ.items() if k != "STEEPEST_DEBUG"} | variables
    return subprocess.Popen(
        [sys.executable, "-c", "from steepest.cli.main import main; main()", *tokens],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_help_starts_without_heavy_libraries():
    """`steepest --help` imports neither NumPy nor anything that is built on it."""
    heavy = ["numpy", "scipy", "sklearn", "matplotlib", "sqlalchemy", "torch", "pydantic"]
    code = (
        "import sys; from steepest.cli.main import run; run(['--help']);"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_network_is_one_sentence_with_code_4(tmp_path):
    """A missing data set, offline: what, where to put the files, which command."""
    process = _start("train", "--data", "mnist", STEEPEST_OFFLINE="1", STEEPEST_DATA=str(tmp_path))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (4, "")
    assert err.startswith(
        "steepest: data set 'mnist' is not there, and the network is switched off"
    )
    assert str(tmp_path / "mnist") in err
    assert err.endswith("run `steepest data fetch mnist`\n")
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_training_with_its_code(tmp_path, number, code):
    """Interrupted after an epoch: the code, no traceback, no result in the folder."""
    process = _start("train", "--epochs", "1000000", "-v", "--out", str(tmp_path))
    assert process.stderr.readline().startswith("epoch 1/")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert not list(tmp_path.glob("*/result.json"))


def test_what_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, capsys):
    """A folder in place of a file, and a store whose driver is not there: code 2 or 4, no bug."""
    monkeypatch.chdir(tmp_path)
    small = ("compare", "sgd", "adam", "--data", "digits", "--trials", "0", "--seeds", "2")
    short = ("--epochs", "1", "--jobs", "0", "--no-open", "--name", "c")
    (tmp_path / "file").write_text("")
    for flags, code, words in (
        (("--out", str(tmp_path)), 4, "it is a folder"),
        (("--out", str(tmp_path / "file" / "x.html")), 4, "cannot write"),
        (("--store", "mysql://a/b"), 2, "use a path or sqlite"),
    ):
        assert main.run([*small, *short, *flags]) == code
        said = capsys.readouterr().err
        assert words in said
        assert "unexpected" not in said
