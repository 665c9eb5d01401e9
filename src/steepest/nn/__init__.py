"""Networks as descriptions: layers without weights, compositions, initial values, losses, a zoo."""

from steepest.nn import zoo
from steepest.nn.arch import Arch
from steepest.nn.composition import Chain, Graph, Node, Residual
from steepest.nn.initial import Constant, Glorot, He, LeCun, Normal, Orthogonal, Zeros
from steepest.nn.layer import (
    GELU,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Sigmoid,
    SiLU,
    Tanh,
)
from steepest.nn.loss import MSE, CrossEntropy

__all__ = [
    "GELU", "MSE", "Arch", "Chain", "Constant", "CrossEntropy", "Dropout", "Flatten", "Glorot",
    "Graph", "He", "LeCun", "LeakyReLU", "Linear", "Node", "Normal", "Orthogonal", "ReLU",
    "Residual", "SiLU", "Sigmoid", "Tanh", "Zeros", "zoo",
]  # fmt: skip
