"""`steepest show` with pictures: what is drawn, of which examples, and what is recorded."""

import json
from pathlib import Path

import pytest

TRAIN = ("train", "--data", "digits", "--epochs", "1", "--model.hidden", "8", "--json", "-q")
ALL = ("--filters", "--activations", "--confusion", "--examples")


@pytest.fixture
def folder(call):
    """Train for an epoch and return the run's folder."""
    code, out, err = call(*TRAIN)
    assert code == 0, err
    return Path(json.loads(out)["folder"])


def openings(folder):
    return json.loads((folder / "result.json").read_text())["openings"]


def test_every_picture_of_validation_examples(call, folder):
    """The paths are printed, the files are in the run's folder, the test set stays sealed."""
    code, out, err = call("show", str(folder), *ALL)
    assert code == 0, err
    names = ["filters", "activations-1", "activations-2", "activations-3", "confusion", "examples"]
    page = folder / "inside.html"
    assert out.split() == [*(str(folder / f"{name}.png") for name in names), str(page)]
    text = page.read_text()
    assert text.count("data:image/png;base64,") == len(names)
    assert "http" not in text.split("<body>")[1]
    assert all(Path(path).stat().st_size > 1000 for path in out.split())
    assert openings(folder) == []


def test_the_test_set_is_opened_on_record(call, folder, tmp_path):
    """--test notes the opening in the run's folder; --out says where pictures go."""
    key = json.loads((folder / "config.json").read_text())["key"]
    code, out, err = call("show", key[:10], "--confusion", "--test", "--out", str(tmp_path / "p"))
    assert code == 0, err
    assert out.split() == [str(tmp_path / "p" / n) for n in ("confusion.png", "inside.html")]
    (opening,) = openings(folder)
    assert opening["by"] == "show --test"


def test_what_cannot_be_drawn_is_one_sentence(call, folder):
    """No run, no weights, flags without a picture."""
    code, _, err = call("show", "ffff", "--filters")
    assert (code, "no run 'ffff'" in err) == (5, True)
    code, _, err = call("show", str(folder), "--test")
    assert (code, "--test and --out belong to --filters" in err) == (2, True)
    (folder / "last.safetensors").unlink()
    code, _, err = call("show", str(folder), "--filters")
    assert (code, "holds no weights (last.safetensors)" in err) == (2, True)
