"""Programs: a computation as a list of instructions, printed, counted and differentiated.

`record` turns a function of symbols into a `Program`; `F` holds the primitives it may use;
`reverse` appends the instructions of a gradient; `plan` decides where every value lies in memory.
Nothing here knows networks, optimizers or engines.
"""

from steepest.program import function as F  # noqa: N812 - the one letter the design names it by
from steepest.program.check import GradientCheck, check_gradients
from steepest.program.gradient import grad
from steepest.program.reverse import reverse
from steepest.program.trace import Instruction, Program, Recorder, Symbol, Value, record

__all__ = [
    "F",
    "GradientCheck",
    "Instruction",
    "Program",
    "Recorder",
    "Symbol",
    "Value",
    "check_gradients",
    "grad",
    "record",
    "reverse",
]
