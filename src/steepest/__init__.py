"""steepest: a laboratory for how neural networks are trained.

`steepest.Model(...).fit(x, y)` trains, `steepest.data.load(name)` loads, `steepest.grad` and
`steepest.check_gradients` differentiate and check, `steepest.nn` and `steepest.optim` hold the
descriptions of networks, rules and schedules.
"""

from steepest import data, nn, optim
from steepest.program import F, check_gradients, grad
from steepest.train.callback import (
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
)
from steepest.train.history import History
from steepest.train.model import Model, load

__version__ = "0.1.0"

__all__ = [
    "EarlyStopping", "F", "History", "LambdaCallback", "LearningRateScheduler", "Model",
    "ModelCheckpoint", "check_gradients", "data", "grad", "load", "nn", "optim",
]  # fmt: skip
