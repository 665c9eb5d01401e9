"""`steepest plot` draws the latest matching runs."""

import json
import shutil

import pytest

from steepest.cli import plot as room
from steepest.cli.run_folder import finished, read
from steepest.errors import DataError

SHORT = ("--epochs", "2", "--model.hidden", "8", "-q")


@pytest.fixture
def trained(call):
    """Three runs: adam, sgd, and a later adam with another rate."""
    call("train", *SHORT)
    call("train", *SHORT, "--optimizer", "sgd")
    call("train", *SHORT, "--lr", "0.01")
    return call


@pytest.fixture
def drawn(monkeypatch):
    """Note the series a figure is drawn from."""
    noted = []
    from steepest.report import figure

    real = figure.plot_curves
    monkeypatch.setattr(figure, "plot_curves", lambda s, p: (noted.append(s), real(s, p))[1])
    return noted


def test_several_optimizers_overlay_in_one_png(trained, tmp_path, drawn):
    """The latest run of each; the path is printed; the file is a PNG."""
    assert trained("plot", "--optimizer", "adam", "--optimizer", "sgd") == (0, "curves.png\n", "")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n")
    (series,) = drawn
    assert [label for label, _ in series] == ["adam(lr=0.01)", "sgd"]
    assert [len(epochs) for _, epochs in series] == [2, 2]
    assert {"epoch", "train_loss", "val_loss", "val_accuracy"} <= set(series[0][1][0])


def test_options_choose_among_the_runs_of_a_rule(trained, drawn):
    trained("plot", "--optimizer", "adam(lr=0.01)")
    assert [label for label, _ in drawn[0]] == ["adam(lr=0.01)"]
    assert trained("plot", "--optimizer", "adam(lr=0.5)")[0] == 5


def test_without_an_optimizer_each_is_drawn(trained, drawn):
    assert trained("plot", "--out", "all.svg") == (0, "all.svg\n", "")
    assert [label for label, _ in drawn[0]] == ["adam(lr=0.01)", "sgd"]


def test_nothing_matched_names_what_exists(trained, tmp_path):
    """Exit 5; the runs there are; no figure."""
    there = "adam on digits with mlp, sgd on digits with mlp"
    sentence = f"no matching run of nadam in 'runs'; there are: {there}"
    assert trained("plot", "--optimizer", "nadam") == (5, "", f"steepest: {sentence}\n")
    assert trained("plot", "--data", "mnist1d")[0] == 5
    assert trained("plot", "--model", "mlp(hidden=(9,))")[0] == 5
    assert not (tmp_path / "curves.png").exists()


def test_unfinished_folders_are_passed_over_and_damaged_ones_named(trained, tmp_path):
    folder = finished(tmp_path / "runs")[0].folder
    half = tmp_path / "runs" / "half"
    shutil.copytree(folder, half)
    (half / "result.json").unlink()
    assert len(finished(tmp_path / "runs")) == 3
    (folder / "config.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        read(folder)
    code, _, err = trained("plot")
    assert code == 4
    assert err.count("\n") == 1


def test_labels_tell_what_else_differs(trained, tmp_path):
    """Runs on other data or of other models are told apart in the legend."""
    trained("train", *SHORT, "--data", "mnist1d", "--optimizer", "adagrad")
    kept = finished(tmp_path / "runs")
    names = room._labels([kept[0], kept[-1]])
    assert names == ["adagrad, mnist1d", "adam, digits"]


@pytest.mark.usefixtures("trained")
def test_the_kept_rows_are_numbers(tmp_path):
    (latest, *_) = finished(tmp_path / "runs")
    assert [row["epoch"] for row in latest.epochs] == [1.0, 2.0]
    assert json.loads(json.dumps(latest.config))["spec"]["optimizer"]["lr"] == 0.01
