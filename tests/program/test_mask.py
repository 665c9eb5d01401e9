"""The dropout mask: the right rate, no visible pattern, the same bits everywhere."""

import numpy as np
import pytest
from scipy import stats

from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.program import F, Recorder
from steepest.seeds import keys

SIZE = 64 * 192
STEPS = 40


def kept(rate, step=1, salt="1.mask", seed=0, size=SIZE):
    """Return 0/1 for every element of one step's mask."""
    words = keys(seed, np.array([step]))
    mask = F.dropout_mask(words, shape=(1, size), rate=rate, salt=salt)[0]
    assert set(np.unique(mask)) <= {0.0, 1.0 / (1.0 - rate)}
    return mask > 0


@pytest.mark.parametrize("rate", [1e-9, 1.1e-10, 1e-12, 0.0])
def test_rates_near_zero_keep_all(rate):
    """Below the resolution of 32 bits nothing is dropped, where once all was."""
    assert kept(rate).mean() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_the_fraction_kept_is_one_minus_the_rate(rate):
    """Over 40 steps the fraction lies within four standard errors, and so does each step's."""
    fractions = np.array([kept(rate, step).mean() for step in range(1, STEPS + 1)])
    error = np.sqrt(rate * (1 - rate) / SIZE)
    assert abs(fractions.mean() - (1 - rate)) < 4 * error / np.sqrt(STEPS)
    assert np.abs(fractions - (1 - rate)).max() < 4.5 * error


def test_positions_are_uniform():
    """Bytes of eight neighbouring positions at rate 0.5 are uniform: chi-square over 256 values."""
    bits = np.concatenate([kept(0.5, step) for step in range(1, STEPS + 1)])
    counts = np.bincount(np.packbits(bits), minlength=256)
    assert 0.001 < stats.chisquare(counts).pvalue < 0.999


def test_every_position_is_kept_equally_often():
    """Over 400 steps the counts of single positions have the binomial's spread."""
    counts = sum(kept(0.5, step, size=2048).astype(int) for step in range(1, 401))
    spread = counts.var() / (400 * 0.25)
    assert 0.85 < spread < 1.15
    assert abs(counts.mean() / 400 - 0.5) < 0.005


def largest_correlation(rows):
    found = np.corrcoef(rows)
    return np.abs(found - np.diag(np.diag(found))).max()


@pytest.mark.parametrize(
    "how",
    [
        lambda i: {"step": i + 1},
        lambda i: {"salt": f"{i}.mask"},
        lambda i: {"seed": i},
    ],
    ids=["steps", "salts", "seeds"],
)
def test_masks_of_other_steps_salts_and_seeds_are_uncorrelated(how):
    """No pair of 30 masks correlates by more than five standard errors."""
    rows = np.stack([kept(0.5, **how(i)) for i in range(30)]).astype(float)
    assert largest_correlation(rows) < 5 / np.sqrt(SIZE)


def test_neighbours_within_a_mask_are_uncorrelated():
    """Serial correlation at lags 1 to 200, as rows of images have, stays within five errors."""
    x = kept(0.5).astype(float) - 0.5
    for lag in range(1, 201):
        assert abs(np.mean(x[:-lag] * x[lag:]) * 4) < 5 / np.sqrt(SIZE - lag)


def by_engine(engine, words, shape, rate=0.3):
    recorder = Recorder()
    key = recorder.input("key", words.shape, "word")
    mask = F.dropout_mask(key, shape=shape, rate=rate, salt="2.mask")
    bound = bind_programs({"p": recorder.program({"mask": mask})}, engine, {})["p"]
    engine.write(bound.inputs["key"], words)
    bound.replay()
    return np.array(engine.numpy(bound.outputs["mask"]))


@pytest.mark.parametrize("native", ["off", "auto"])
def test_a_run_has_the_same_mask_alone_and_batched(native):
    """Four runs in one program have the masks of four programs, and of the definition."""
    words = np.concatenate([keys(seed, np.array([9])) for seed in range(4)])
    engine = NumpyEngine(np.float64, native=native)
    together = by_engine(engine, words, (4, 7, 11))
    expected = F.dropout_mask(words, shape=(4, 7, 11), rate=0.3, salt="2.mask")
    np.testing.assert_allclose(together, expected, rtol=1e-15)
    for run in range(4):
        alone = by_engine(engine, words[run : run + 1], (1, 7, 11))
        np.testing.assert_array_equal(alone[0], together[run])


@pytest.mark.torch
def test_torch_has_the_same_mask():
    """32-bit two's complement gives torch the bits that unsigned words give NumPy."""
    pytest.importorskip("torch", reason="torch is not installed")
    from steepest.engine.torch_engine import TorchEngine

    words = np.concatenate([keys(seed, np.array([123])) for seed in range(3)])
    for rate in (0.05, 0.5, 0.95):
        ours = by_engine(NumpyEngine(np.float32), words, (3, 5000), rate)
        np.testing.assert_array_equal(
            by_engine(TorchEngine(np.float32), words, (3, 5000), rate), ours
        )
