"""What has no effect, or cannot be, is refused with a sentence before anything runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = "import sys; from steepest.cli.main import main; main()"


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (("compare", "sgd", "adam", "--margin", "5"), "margin is a share of one: 0.05 is 5 %"),
        (("compare", "sgd", "adam", "--target-accuracy", "97"), "0.97 is 97 %"),
        (("compare", "sgd", "adam", "--optimizer.beta1", "0.5"), "'adam(beta1=0.5)'"),
        (("train", "--folds", "-2"), "--folds must be 0 (one run) or at least 2"),
        (("train", "--folds", "5", "--fold", "2/5"), "either --fold"),
        (("train", "--repeats", "3"), "--repeats deals folds anew: it needs --folds"),
        (("train", "--optimizer", "adam(beta1=1.0)"), "adam.beta1 must lie in [0, 1)"),
        (("train", "--optimizer", "sgd(lr=0.1, lr=0.2)"), "gives an option twice"),
        (("train", "--schedule", "step(every=0)"), "step.every must lie in [1, inf)"),
        (("train", "--schedule", "cosine(floor=-1)"), "cosine.floor must lie in [0, 1]"),
        (("train", "--model", "resnet18(width=0)"), "resnet18.width must lie in [1, inf)"),
        (("train", "--model", "mlp(hidden=(8, 0))"), "mlp.hidden must lie in [1, inf), not 0"),
        (("train", "--class-weights", ",".join("0" * 10)), "no example would count"),
        (("--foo",), "unknown flag '--foo'"),
    ],
)
def test_it_is_one_sentence_and_code_2(call, tokens, words):
    code, out, err = call(*tokens)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_metric_that_is_never_measured_cannot_be_monitored(call, tmp_path):
    """A number to predict has no accuracy; before, the first epoch's weights were kept."""
    lines = [f"{i / 9},{(i * 7 % 11) / 5},{i * 0.37 - 3:.4f}" for i in range(60)]
    (tmp_path / "line.csv").write_text("\n".join(["a,b,y", *lines]), encoding="utf-8")
    tokens = ("train", "--data", str(tmp_path / "line.csv"), "--epochs", "3")
    code, _, err = call(*tokens, "--monitor", "val_accuracy", "--patience", "2")
    assert code == 2
    assert "cannot monitor 'val_accuracy'" in err
    assert "Known: loss, lr, val_loss" in err


def test_an_interrupted_short_run_leaves_no_folder(tmp_path):
    """It has no checkpoint yet: its folder would only be in the way."""
    tokens = ("train", "--model", "mlp(hidden=(4,))", "--epochs", "100000", "-q", "--out", "runs")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *tokens], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.glob("runs/*/.lock")):  # from then on the run knows its folder
        assert process.poll() is None
    process.send_signal(2)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "nothing is kept: a run leaves a checkpoint every 30 s" in said
    assert list(tmp_path.glob("runs/*")) == []


def test_a_run_that_has_not_ended_is_no_damaged_one(call, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/config.json").write_text("{}", encoding="utf-8")
    code, _, err = call("show", str(tmp_path / "one"))
    assert code == 4
    assert "has not ended; its command goes on with it" in err


def test_pictures_are_listed_as_json(call):
    call("train", "--epochs", "1", "--out", "kept")
    (kept,) = Path("kept").iterdir()
    code, out, _ = call("show", str(kept), "--json", "--confusion")
    assert code == 0
    assert json.loads(out)["pictures"][0].endswith("confusion.png")


def test_any_encoding_can_be_written_to(tmp_path):
    """Signs that it lacks become question marks, after all work is done."""
    tokens = ("compare", "sgd", "adam", "--epochs", "1", "--trials", "0", "--seeds", "2",
              "--jobs", "0", "--no-open")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *tokens], cwd=tmp_path, capture_output=True, check=False,
        env={"PYTHONIOENCODING": "cp1252", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"test accuracy" in done.stdout
