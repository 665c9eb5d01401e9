"""`steepest train --folds`: a run a fold, their mean with its corrected interval."""

import json

import numpy as np
import pytest

from steepest.stats.interval import student_t

COMMAND = ["train", "--model.hidden", "8", "--epochs", "2", "--folds", "3", "--quiet"]


def test_folds_are_trained_one_by_one_and_averaged(call, tmp_path):
    """Three folders, three scores; the interval is wider than that of independent scores."""
    code, out, _ = call(*COMMAND, "--out", str(tmp_path), "--json")
    found = json.loads(out)
    assert code == 0
    assert len(found["scores"]) == len(list(tmp_path.glob("*/result.json"))) == 3
    assert found["mean"] == pytest.approx(sum(found["scores"]) / 3)
    low, high = student_t(np.array(found["scores"])[:, None], 0.95)
    assert found["high"] - found["low"] == pytest.approx(float(high[0] - low[0]) * 2.5**0.5)


def test_a_test_set_is_not_for_folds(call, tmp_path):
    code, _, err = call(*COMMAND, "--out", str(tmp_path), "--test")
    assert code == 2
    assert "leave out --test" in err
