"""Small editions of the simulations of folds and of looks: the promises hold where data depend."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from steepest.seeds import stream
from steepest.stats.interval import student_t
from steepest.stats.resample import Basis

FOLDER = Path(__file__).parents[2] / "benchmarks"


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_equal_learners_are_rarely_told_apart_over_folds(monkeypatch):
    """Twice five folds: within 5 % by the corrected t, and far above by a plain one."""
    folds = load("simulate_folds", monkeypatch)
    x, y = folds.draw(stream(3, "folds"), 500)
    gain, ratio = folds.gains(x, y, 5, 2, 0.0)
    assert ratio == pytest.approx(0.25)
    shares = []
    for wide in (Basis(ratio=ratio).widening(10), 1.0):
        low, high = student_t(gain, 0.95, wide=wide)
        shares.append(np.mean((low > 0) | (high < 0)))
    assert shares[0] < 0.05 + 3 * (0.05 * 0.95 / 500) ** 0.5
    assert shares[1] > 0.1


def test_extended_studies_of_equal_arms_rarely_err_at_any_look(monkeypatch):
    """Three looks: within 5 % by spending, and above when each look takes 5 %."""
    looks = load("simulate_looks", monkeypatch)
    scores = stream(4, "looks").standard_normal((20, 1500, looks.ARMS))
    pairs = looks.FAMILIES["reference"]
    spent, plain = (
        np.mean(looks.false(scores, pairs, (5, 10, 20), spends)) for spends in (True, False)
    )
    assert spent < 0.05 + 3 * (0.05 * 0.95 / 1500) ** 0.5
    assert plain > 0.08
    sys.modules.pop("simulate_verdicts", None)
