"""`steepest predict` and `steepest export` on images, arrays and tables."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steepest.train.model import load

SHORT = ("--epochs", "2", "--model.hidden", "12", "--lr", "0.01", "-q", "--json")


@pytest.fixture
def run(call):
    """Return the folder of a small run on digits."""
    return json.loads(call("train", *SHORT)[1])["folder"]


def digits(n):
    """Return n scans as the data has them, 0 to 16."""
    from steepest.data import load as data

    return data("digits").x[:n]


def test_arrays_and_images_give_what_the_model_predicts(call, run, tmp_path):
    """An image of a digit, an array of bytes and the model itself agree."""
    x = digits(3)
    expected = load(tmp_path / run / "last.safetensors").predict(x)
    np.save("x.npy", x)
    np.savez("x.npz", x=x, other=x)
    Image.fromarray((x[0, ..., 0] * np.float64(255 / 16)).round().astype(np.uint8)).save("one.png")
    for file, n in (("x.npy", 3), ("x.npz", 3), ("one.png", 1)):
        found = json.loads(call("predict", run, file, "--json", "--weights", "last")[1])
        got = [list(p["probabilities"].values()) for p in found["predictions"]]
        assert np.abs(np.array(got) - expected[:n]).max() < 0.02  # an image has whole grey values
    assert found["predictions"][0]["input"] == "one.png"


def test_csv_rows_and_an_output_file(call, run, tmp_path):
    """Rows of a table are flat examples; --out has every row with all probabilities."""
    x = digits(25).reshape(25, -1) / 16
    np.savetxt("x.csv", x, delimiter=",", header=",".join(f"p{i}" for i in range(64)), comments="")
    code, out, _ = call("predict", run, "x.csv", "--out", "found.csv")
    assert code == 0
    assert "and 5 more" in out
    with (tmp_path / "found.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["input", "class", "probability", *"0123456789"]
    assert len(rows) == 26


def test_whole_numbers_of_a_table_are_in_the_data_s_own_units(call, run, tmp_path):
    """A table of pixels as they are stored gives what the same numbers as bytes give."""
    x = digits(5)
    expected = load(tmp_path / run / "last.safetensors").predict(x)
    np.savetxt("x.csv", x.reshape(5, -1), fmt="%d", delimiter=",")
    _, out, err = call("predict", run, "x.csv", "--json", "--weights", "last")
    got = [list(p["probabilities"].values()) for p in json.loads(out)["predictions"]]
    assert np.abs(np.array(got) - expected).max() < 1e-6
    assert "x.csv: whole numbers, taken as 0 to 16" in err


def test_regression_predicts_numbers(call, table):
    """A run on float targets predicts them."""
    table(lambda x, _: (x, x.sum(axis=1).astype(np.float32)))
    folder = json.loads(call("train", "--data", "own.npz", *SHORT)[1])["folder"]
    np.save("x.npy", np.zeros((2, 3), np.float32))
    found = json.loads(call("predict", folder, "x.npy", "--json")[1])
    assert [len(p["output"]) for p in found["predictions"]] == [1, 1]


def test_columns_are_found_by_their_names(call):
    """Columns in another order, a target among them and another delimiter change nothing."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    rows = [f"{a},{b},{'high' if a > 0 else 'low'}" for a, b in x]
    Path("own.csv").write_text("\n".join(["a,b,kind", *rows]), encoding="utf-8")
    folder = json.loads(call("train", "--data", "own.csv", *SHORT)[1])["folder"]
    Path("same.csv").write_text("\n".join(["a,b", *(f"{a},{b}" for a, b in x)]), encoding="utf-8")
    turned = ["kind;b;a", *(f"?;{b};{a}" for a, b in x)]
    Path("turned.csv").write_text("\n".join(turned), encoding="utf-8")
    found, expected = (
        json.loads(call("predict", folder, f, "--json")[1])["predictions"]
        for f in ("turned.csv", "same.csv")
    )
    assert [p["probabilities"] for p in found] == [p["probabilities"] for p in expected]
    assert "not trained on: kind" in call("predict", folder, "turned.csv")[2]
    Path("other.csv").write_text("a,c\n1,2\n", encoding="utf-8")
    code, _, err = call("predict", folder, "other.csv")
    assert code == 4
    assert "no column 'b', which the run reads" in err


@pytest.mark.parametrize(
    ("file", "code", "message"),
    [
        (("x.txt", "1"), 2, "no image, .npy, .npz or .csv"),
        (("gone.npy", None), 4, "there is no file 'gone.npy'"),
        (("x.csv", "1,2\n3,a\n"), 4, "line 2, column '2': 'a' is not a number"),
        (("x.csv", "1,2\n3,nan\n"), 4, "line 2, column '2': missing value"),
        (("x.csv", "1,2\n3\n"), 4, "line 2: 1 cells under 2 columns"),
        (("x.csv", "a,b\n"), 4, "has a header but no rows"),
        (("x.csv", ""), 4, "is empty"),
        (("x.csv", "1,2\n"), 4, "has 2 columns, but the run takes 64 features"),
        (("x.png", "no image"), 4, "cannot be read as an image"),
        (("x.npy", "no array"), 4, "is no array of numbers"),
    ],
)
def test_bad_inputs_are_told(call, run, file, code, message):
    """One sentence names the file and what is wrong with it."""
    name, content = file
    if content is not None:
        Path(name).write_text(content, encoding="utf-8")
    found, _, err = call("predict", run, name)
    assert found == code
    assert message in err


def test_export_formats(call, run, tmp_path):
    """Arrays and weights are written beside the run; a wrong format names the right ones."""
    for to, file in (("npz", "network.npz"), ("safetensors", "network.safetensors")):
        assert call("export", run, "--to", to)[0] == 0
        assert (tmp_path / run / file).exists()
    assert call("export", run, "--to", "onxx")[0] == 2
    assert "ours exactly" in call("export", run, "--to", "npz")[1]
    code, _, err = call("export", run, "--weights", "worst")
    assert code == 2
    assert "best or last" in err
