"""`steepest train`: what it prints, what it keeps, and how it treats bad data."""

import csv
import json

import numpy as np
import pytest

import steepest
from steepest.identity import run_key
from steepest.spec import from_plain
from steepest.study import task
from steepest.study.lock import FileLock
from steepest.train import progress

SHORT = ("--epochs", "2", "--model.hidden", "8", "-q")


def _result(folder):
    return json.loads((folder / "result.json").read_text())


def _only(parent):
    (folder,) = parent.iterdir()
    return folder


def test_json_is_the_last_line_of_stdout(call, tmp_path):
    """One object with the promised keys; progress goes to stderr."""
    code, out, err = call("train", *SHORT[:-1], "--json")
    assert code == 0
    found = json.loads(out)
    assert out.count("\n") == 1
    assert set(found) == {
        "val_accuracy", "val_loss", "seconds", "epochs", "params", "status", "key", "folder",
    }  # fmt: skip
    assert found["epochs"] == 2
    assert found["params"] == 64 * 8 + 8 + 8 * 10 + 10
    assert found["status"] == "finished"
    assert 0 <= found["val_accuracy"] <= 1
    assert [line.split("  ")[0] for line in err.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert (tmp_path / found["folder"]).is_dir()


def test_the_default_is_fifty_epochs(call, tmp_path, table):
    call("train", "--data", table(), "--model.hidden", "4", "-q")
    assert _result(_only(tmp_path / "runs"))["epochs"] == 50


def test_every_way_to_write_a_flag_gives_the_same_run(call):
    """Snake, kebab, alias, dot, call and equals sign: one key."""
    lines = [
        "--batch_size 32 --learning_rate 0.01 --weight_decay 0.1 --validation_split 0.3",
        "--batch-size=32 --lr=1e-2 --wd .1 --validation 0.3",
        "-b 32 --optimizer adam(lr=0.01,weight_decay=0.1) --validation-split 0.3",
        "-b 32 --optimizer.lr 0.01 --optimizer.weight-decay=0.1 --validation=0.3 --optimizer adam",
    ]
    keys = {json.loads(call("train", *SHORT, "--json", *line.split())[1])["key"] for line in lines}
    assert len(keys) == 1


def test_a_folder_tells_the_whole_run(call, tmp_path):
    """Spec, key, digest of the data, versions; one row an epoch; weights that load."""
    call("train", *SHORT, "--seed", "3")
    folder = _only(tmp_path / "runs")
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "epochs.csv", "result.json", "best.safetensors", "last.safetensors",
    }  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    spec = from_plain(config["spec"])
    dataset = steepest.data.load("digits")
    assert (spec.seed, spec.epochs) == (3, 2)
    assert config["data"]["digest"] == dataset.digest
    assert config["key"] == run_key(spec, dataset.digest)
    assert config["environment"]["numpy"] == np.__version__
    assert folder.name.endswith(f"-adam-{config['key'][:8]}")
    with (folder / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    result = _result(folder)
    assert float(rows[-1]["val_accuracy"]) == result["val_accuracy"]
    assert result["gap"] == pytest.approx(
        result["training"]["accuracy"] - result["validation"]["accuracy"]
    )
    assert result["openings"] == []
    assert result["test"] is None


def test_the_same_run_again_gets_a_folder_of_its_own_and_the_same_bits(call, tmp_path):
    call("train", *SHORT)
    first = _only(tmp_path / "runs")
    call("train", *SHORT)
    second = tmp_path / "runs" / f"{first.name}-2"
    for name in ("best.safetensors", "last.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_an_interrupted_run_goes_on_by_the_same_command(call, tmp_path, monkeypatch):
    """Code 130; the same command goes on after the last epoch told, to the same bits and rows."""
    line = ("train", "--model.hidden", "8", "--epochs", "6")
    assert call(*line, "--out", "whole")[0] == 0
    whole = _only(tmp_path / "whole")
    shown = progress.describe
    monkeypatch.setattr(task, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(progress, "describe", lambda e: _stop() if e.epoch == 3 else shown(e))
    code, _, err = call(*line)
    assert code == 130
    assert "The same command goes on" in err
    cut = _only(tmp_path / "runs")
    assert not (cut / "result.json").exists()
    monkeypatch.setattr(progress, "describe", shown)
    code, _, err = call(*line)
    assert code == 0
    assert err.startswith("going on after epoch 3 of ")
    assert _only(tmp_path / "runs") == cut
    for name in ("best.safetensors", "last.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    with (cut / "epochs.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == list("123456")
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}


def _stop():
    raise KeyboardInterrupt


def test_a_run_cut_after_its_last_epoch_is_finished(call, tmp_path, monkeypatch):
    """Nothing is left to train: the same command measures the weights and keeps the result."""
    line = ("train", "--model.hidden", "8", "--epochs", "2")
    monkeypatch.setattr(task, "CHECKPOINT_SECONDS", 0.0)
    shown = progress.describe
    monkeypatch.setattr(progress, "describe", lambda e: _stop() if e.epoch == 2 else shown(e))
    assert call(*line)[0] == 130
    monkeypatch.setattr(progress, "describe", shown)
    code, out, err = call(*line)
    assert code == 0
    assert err.startswith("going on after epoch 2 of ")
    assert "finished after 2 epochs" in out
    assert _result(_only(tmp_path / "runs"))["epochs"] == 2


def test_a_run_that_is_being_trained_is_not_taken_up(call, tmp_path, monkeypatch):
    """A folder whose lock another process holds, or `--fresh`, leads to a folder of its own."""
    line = ("train", "--model.hidden", "8", "--epochs", "4")
    monkeypatch.setattr(task, "CHECKPOINT_SECONDS", 0.0)
    shown = progress.describe
    monkeypatch.setattr(progress, "describe", lambda e: _stop() if e.epoch == 2 else shown(e))
    call(*line)
    cut = _only(tmp_path / "runs")
    monkeypatch.setattr(progress, "describe", shown)
    with FileLock(cut / ".lock", 0).held():
        assert "going on" not in call(*line)[2]
    assert "going on" not in call(*line, "--fresh")[2]
    assert len(list((tmp_path / "runs").iterdir())) == 3
    assert (cut / "checkpoint.safetensors").exists()


def test_opening_the_test_set_is_recorded(call, tmp_path):
    """`--test` measures on the test set; the folder says when; the kept weights agree."""
    found = json.loads(call("train", *SHORT, "--test", "--json")[1])
    folder = tmp_path / found["folder"]
    result = _result(folder)
    (opening,) = result["openings"]
    assert opening["time"].endswith("+00:00")
    assert result["test"]["accuracy"] == found["test_accuracy"] == result["test_accuracy"]
    dataset = steepest.data.load("digits")
    model = steepest.load(folder / "last.safetensors")
    again = model.evaluate(dataset.test_x, dataset.test_y)
    assert again["accuracy"] == found["test_accuracy"]


def test_the_table_shows_every_measure(call):
    code, out, _ = call("train", *SHORT, "--test")
    assert code == 0
    for word in (
        "validation loss", "validation accuracy", "precision (macro)", "recall (macro)",
        "F1 (macro)", "generalization gap", "stability", "updates", "examples", "FLOPs", "seconds",
        "parameters", "test accuracy", "per-class accuracy", "kept in runs",
    ):  # fmt: skip
        assert word in out
    assert "\x1b" not in out


def test_a_diverged_run_is_a_result(call, tmp_path):
    """Exit 0, status diverged, no number that is not one, no weights."""
    code, out, _ = call("train", *SHORT, "--optimizer", "sgd", "--lr", "1e30", "--json", "--test")
    assert code == 0
    found = json.loads(out)
    assert found["status"] == "diverged"
    assert found["epochs"] == 0
    assert found["val_accuracy"] is None
    assert not list((tmp_path / found["folder"]).glob("*.safetensors"))
    assert _result(tmp_path / found["folder"])["openings"] == []


def test_patience_stops_early_and_restores_the_best(call, tmp_path):
    """The measures are those of the best epoch, not of the last."""
    line = "--epochs 40 --lr 0.02 --patience 2 --min_delta 0 --model.hidden 16 -q --json"
    found = json.loads(call("train", *line.split())[1])
    result = _result(tmp_path / found["folder"])
    assert found["status"] == "stopped"
    assert found["epochs"] == result["measured_epoch"] + 2 == result["best_epoch"] + 2


def test_a_csv_with_real_targets_is_a_regression(call, tmp_path):
    rows = "\n".join(f"{i / 40},{i % 7},{i / 20 + 0.25}" for i in range(40))
    (tmp_path / "line.csv").write_text(f"a,b,c\n{rows}\n")
    code, out, err = call("train", "--data", "line.csv", *SHORT, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["val_accuracy"] is None
    assert json.loads(out)["val_loss"] > 0


def test_out_is_the_folder_that_receives_the_run(call, tmp_path):
    call("train", *SHORT, "--out", "deep/er")
    assert (_only(tmp_path / "deep" / "er") / "result.json").exists()


def _nan(x, y):
    x[5, 1] = np.nan
    return x, y


def _label(x, y):
    y[7] = -1
    return x, y


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y: (x, y[:-1]), "own.npz: x has 40 examples, but y has 39"),
        (
            lambda x, y: (x[:, 0], y),
            "own.npz: x has shape (40,); (examples, features...) is needed",
        ),
        (_label, "own.npz: y row 7 (from 0): label -1 is not one of 0..999"),
        (_nan, "own.npz: x is not finite in float32: row 5 (from 0) holds nan"),
    ],
)
def test_bad_arrays_are_one_sentence_with_code_4(call, table, tmp_path, change, sentence):
    """Wrong shapes, a label out of range, NaN: what, where; no folder is made."""
    name = table(change)
    assert call("train", "--data", name) == (4, "", f"steepest: {sentence}\n")
    assert not (tmp_path / "runs").exists()


def test_a_damaged_file_is_one_sentence_with_code_4(call, table, tmp_path):
    path = tmp_path / table()
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    sentence = "own.npz is no readable zip file: File is not a zip file"
    assert call("train", "--data", "own.npz") == (4, "", f"steepest: {sentence}\n")
    path.write_bytes(whole[:150] + bytes([whole[150] ^ 255]) + whole[151:])
    code, _, err = call("train", "--data", "own.npz")
    assert code == 4
    assert err.startswith("steepest: own.npz: 'x.npy' is damaged")


def test_a_missing_value_in_a_csv_is_found_by_line_and_column(call, tmp_path):
    rows = "\n".join(f"{i},{'nan' if i == 3 else i},{'uv'[i % 2]}" for i in range(20))
    (tmp_path / "own.csv").write_text(f"a,b,c\n{rows}\n")
    sentence = "own.csv line 5, column 'b': missing value"
    assert call("train", "--data", "own.csv") == (4, "", f"steepest: {sentence}\n")


def test_a_model_that_does_not_fit_the_data_is_a_usage_error(call, tmp_path):
    code, out, err = call("train", "--data", "mnist1d", "--model", "quizdnn")
    assert (code, out) == (2, "")
    assert "not examples of shape (40,)" in err
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(call, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = call("train", *SHORT, "--out", "file")
    assert code == 4
    assert err.startswith("steepest: cannot write runs to 'file'")
