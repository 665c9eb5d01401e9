"""Gradients of all layers of images, normalizations and activations against differences."""

import pytest
from tracing import check_layer

from steepest.nn import (
    AdaptiveAveragePool,
    AvgPool,
    BatchNorm,
    Chain,
    Conv2D,
    DropPath,
    GlobalAveragePool,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Linear,
    MaxPool,
    Residual,
    Shortcut,
    SpatialDropout,
    SqueezeExcite,
)
from steepest.nn.activation import ACTIVATIONS

LAYERS = {
    "conv": Conv2D(4),
    "conv of stride 2": Conv2D(4, stride=2),
    "conv valid": Conv2D(3, 2, padding="valid", bias=False),
    "conv in groups": Conv2D(4, 3, groups=2, padding=2),
    "max-pool": MaxPool(),
    "max-pool overlapping": MaxPool(3, 2),
    "average pool": AvgPool(),
    "average pool overlapping": AvgPool(3, 1),
    "global average": GlobalAveragePool(),
    "adaptive average": AdaptiveAveragePool(4),
    "shortcut": Shortcut(7),
    "squeeze-excite": SqueezeExcite(2),
    "batch norm": BatchNorm(),
    "layer norm": LayerNorm(),
    "group norm": GroupNorm(2),
    "instance norm": InstanceNorm(),
    "spatial dropout": SpatialDropout(0.4),
    "drop-path": DropPath(0.4),
    "residual": Residual(Chain(Conv2D(4), BatchNorm())),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_images_have_the_gradient_of_differences(name):
    """Below 1e-6 in float64, for x and every parameter, in training mode with fixed masks."""
    found = check_layer(LAYERS[name], (3, 6, 5, 4))
    assert found, str(found)


@pytest.mark.parametrize("layer", [BatchNorm(), LayerNorm(), GroupNorm(2), Linear(3)])
@pytest.mark.parametrize("train", [True, False])
def test_layers_of_flat_examples_in_both_modes(layer, train):
    """Also flat examples, and batch normalization by its running statistics."""
    found = check_layer(layer, (5, 6), train=train)
    assert found, str(found)


def test_batch_norm_of_images_evaluates():
    found = check_layer(BatchNorm(), (3, 4, 4, 2), train=False)
    assert found, str(found)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_the_gradient_of_differences(name):
    found = check_layer(ACTIVATIONS[name](), (4, 7))
    assert found, str(found)
