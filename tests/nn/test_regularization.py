"""What spatial dropout and drop-path drop."""

import numpy as np
import pytest
from tracing import run_layer

from steepest.nn import DropPath, SpatialDropout

X = np.ones((2, 50, 3, 4, 20))


@pytest.mark.parametrize(
    ("layer", "axes"), [(SpatialDropout(0.3), (2, 3)), (DropPath(0.3), (2, 3, 4))]
)
def test_what_is_dropped_is_dropped_whole_and_the_rest_is_scaled(layer, axes):
    """A channel (or an example) is all 0 or all 1 / 0.7; runs draw their own masks."""
    y = run_layer(layer, X, {}, X)["y"]
    assert np.array_equal(y.min(axis=axes), y.max(axis=axes))
    assert set(np.unique(y).tolist()) == {0.0, 1 / 0.7}
    assert abs(y.mean() - 1) < 0.25
    assert not np.array_equal(y[0], y[1])


@pytest.mark.parametrize("layer", [SpatialDropout(0.3), DropPath(0.3)])
def test_evaluation_drops_nothing(layer):
    assert np.array_equal(run_layer(layer, X, {}, X, train=False)["y"], X)
