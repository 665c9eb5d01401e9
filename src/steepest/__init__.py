"""steepest: a laboratory for how neural networks are trained.

`steepest.Model(...).fit(x, y)` trains, `steepest.data.load(name)` loads, `steepest.grad` and
`steepest.check_gradients` differentiate and check, `steepest.nn` and `steepest.optim` hold the
descriptions of networks, rules and schedules. Names are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steepest import data, nn, optim
    from steepest.nn.check import check_gradients
    from steepest.program import F, grad
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

ROOMS = ("data", "nn", "optim")  # public as modules
HOMES = {
    "F": "program", "check_gradients": "nn.check", "grad": "program",
    "EarlyStopping": "train.callback", "LambdaCallback": "train.callback",
    "LearningRateScheduler": "train.callback", "ModelCheckpoint": "train.callback",
    "History": "train.history", "Model": "train.model", "load": "train.model",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name in ROOMS:
        return import_module(f"steepest.{name}")
    if name not in HOMES:
        raise AttributeError(f"module 'steepest' has no attribute '{name}'")
    found = getattr(import_module(f"steepest.{HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
