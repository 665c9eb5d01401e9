"""Optimizers: update rules as frozen dataclasses, schedules as pure functions."""

from steepest.optim.elementwise import (
    RULES,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nadam,
    Nesterov,
    RMSProp,
)
from steepest.optim.rule import Rule
from steepest.optim.schedule import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    Schedule,
    Step,
    Table,
    Warmup,
)

__all__ = [
    "RULES", "SCHEDULES", "SGD", "AdaGrad", "Adam", "AdamW", "Constant", "Cosine", "Exponential",
    "InverseTime", "Momentum", "Nadam", "Nesterov", "RMSProp", "Rule", "Schedule", "Step", "Table",
    "Warmup",
]  # fmt: skip
