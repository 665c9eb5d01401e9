"""Networks as descriptions: layers without weights, compositions, initial values, losses, a zoo."""

from steepest.nn import zoo
from steepest.nn.activation import (
    ELU,
    GELU,
    SELU,
    Hardswish,
    LeakyReLU,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from steepest.nn.arch import Arch
from steepest.nn.composition import Chain, Graph, Node, Residual
from steepest.nn.convolution import (
    AdaptiveAveragePool,
    AvgPool,
    Conv2D,
    GlobalAveragePool,
    MaxPool,
    Shortcut,
    SqueezeExcite,
)
from steepest.nn.initial import Constant, FanIn, Glorot, He, LeCun, Normal, Orthogonal, Zeros
from steepest.nn.layer import Dropout, Flatten, Linear
from steepest.nn.loss import MSE, CrossEntropy
from steepest.nn.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from steepest.nn.regularization import DropPath, SpatialDropout

__all__ = [
    "ELU", "GELU", "MSE", "SELU", "AdaptiveAveragePool", "Arch", "AvgPool", "BatchNorm", "Chain",
    "Constant", "Conv2D", "CrossEntropy", "DropPath", "Dropout", "FanIn", "Flatten",
    "GlobalAveragePool", "Glorot", "Graph", "GroupNorm", "Hardswish", "He", "InstanceNorm",
    "LayerNorm", "LeCun", "LeakyReLU", "Linear", "MaxPool", "Mish", "Node", "Normal",
    "Orthogonal", "PReLU", "ReLU", "Residual", "Shortcut", "SiLU", "Sigmoid", "SpatialDropout",
    "SqueezeExcite", "Tanh", "Zeros", "zoo",
]  # fmt: skip
