"""`steepest show`: one run by its key or its folder."""

import json
import re
from pathlib import Path

import pytest

SMALL = ("--model.hidden", "8", "--epochs", "12", "--batch-size", "256")


@pytest.fixture
def study(call):
    """Conduct a small study; return the caller."""
    code, _, err = call("compare", "sgd", "adam", *SMALL, "--trials", "2", "--seeds", "2",
                        "--no-open", "--jobs", "0", "--name", "small")  # fmt: skip
    assert code == 0, err
    return call


def _keys(call):
    _, out, _ = call("compare", "sgd", "adam", *SMALL, "--trials", "2", "--seeds", "2",
                     "--dry-run")  # fmt: skip
    return re.findall(r"^  ([0-9a-f]{12})  ", out, re.MULTILINE)


def test_a_run_in_the_store_is_shown_by_the_start_of_its_key(study):
    """Settings, totals, place, measurements, classes, confusion and epochs."""
    key = _keys(study)[0]
    code, out, _ = study("show", key[:8])
    assert code == 0
    assert out.startswith(f"run {key}: finished\n")
    assert "in study small: arm sgd, tuning run, tuning 0, trial 0, seed 1000000" in out
    for word in ("setting", "epochs", "flops", "precision (macro)", "validation: classes",
                 "per cent of each class (row) predicted as (column)", "(best)"):  # fmt: skip
        assert word in out
    assert "test" not in out


def test_json_holds_everything(study):
    """Including the test measurement of a final run, and no number that JSON has not."""
    _, out, _ = study("show", _keys(study)[-1], "--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert set(found) == {
        "key", "spec", "status", "reason", "totals", "measures", "epochs", "places", "source",
    }  # fmt: skip
    assert len(found["epochs"]) == 12
    assert set(found["measures"]) == {"validation"}
    confusion = found["measures"]["validation"]["confusion"]
    assert sum(map(sum, confusion)) == found["measures"]["validation"]["examples"]


def test_a_folder_of_train_is_shown_the_same(call):
    """By its path, or by the start of its key when there is no store."""
    code, out, _ = call("train", *SMALL, "--quiet", "--json")
    assert code == 0
    trained = json.loads(out)
    code, out, _ = call("show", trained["folder"])
    assert code == 0
    assert out.startswith(f"run {trained['key'][:12]}: finished\nfrom {trained['folder']}\n")
    assert call("show", trained["key"][:10])[1] == out
    assert f"{trained['val_accuracy']:.2%}" in out


def test_the_shares_of_a_class_sum_to_all_of_it(call):
    """Rows of the confusion are normalised: each sums to 100, up to rounding."""
    _, out, _ = call("train", *SMALL, "--classes", "0,1,2", "--quiet", "--json")
    _, out, _ = call("show", json.loads(out)["folder"])
    block = out.partition("true  ")[2].splitlines()[1:4]
    for line in block:
        shares = [0.0 if cell == "-" else float(cell) for cell in line.split()[1:]]
        assert sum(shares) == pytest.approx(100, abs=2)


def test_what_is_no_run_is_one_sentence(study):
    code, _, err = study("show", "xyz")
    assert code == 2
    assert "'xyz' is no run key" in err
    code, _, err = study("show", "0000000000000000")
    assert code == 5
    assert "no run 0000000000000000 in the store runs/steepest.db, and none in runs" in err
    Path("empty").mkdir()
    assert "'empty' is not the folder of a run" in study("show", "empty")[2]
