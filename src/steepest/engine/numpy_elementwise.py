"""NumPy kernels of the element-wise primitives.

A kernel takes (arguments, output, attributes) and returns calls. The output may be the memory of
any argument, so a kernel of several calls reads what it needs before it writes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from steepest.engine.protocol import Call

Array = np.ndarray
Kernel = Callable[[list[Array], Array, dict[str, Any]], list[Call]]


def _ufunc(function: Callable[..., Any]) -> Kernel:
    def kernel(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
        return [(function, (*args, out))]

    return kernel


def _extremum(function: np.ufunc) -> Kernel:
    def kernel(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
        return [(partial(function, *args, out=out), ())]  # NumPy wants this `out` by keyword

    return kernel


def _number(like: Array, value: float) -> Array:
    return np.asarray(value, like.dtype)


def _relu(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
    return [(partial(np.maximum, args[0], _number(out, 0.0), out=out), ())]


def _gate(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
    """Zero g where not y > 0, as bits times 0 or 1: a product of reals would keep signs and NaN."""
    g, y = args
    flag = np.empty(out.shape, bool)
    bits = np.dtype(f"i{out.itemsize}")
    return [
        (np.greater, (y, _number(y, 0.0), flag)),
        (np.multiply, (g.view(bits), flag, out.view(bits))),
    ]


def _neg(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
    return [(np.multiply, (args[0], _number(out, -1.0), out))]


def _sigmoid(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
    half, one = _number(out, 0.5), _number(out, 1.0)
    return [
        (np.multiply, (args[0], half, out)),
        (np.tanh, (out, out)),
        (np.add, (out, one, out)),
        (np.multiply, (out, half, out)),
    ]


def _erf(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
    from scipy.special import erf

    return [(erf, (args[0], out))]


def _compare(function: Callable[..., Any]) -> Kernel:
    def kernel(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
        flag = np.empty(out.shape, bool)
        return [(function, (*args, flag)), (np.copyto, (out, flag))]

    return kernel


def _where(args: list[Array], out: Array, _: dict[str, Any]) -> list[Call]:
    condition, a, b = args
    flag, kept = np.empty(out.shape, bool), np.empty_like(out)
    return [
        (np.not_equal, (condition, _number(condition, 0.0), flag)),
        (np.copyto, (kept, b)),
        (_copy_where, (kept, a, flag)),
        (np.copyto, (out, kept)),
    ]


def _copy_where(target: Array, source: Array, flag: Array) -> None:
    np.copyto(target, source, where=flag)


def _power(args: list[Array], out: Array, attributes: dict[str, Any]) -> list[Call]:
    return [(np.power, (args[0], _number(out, attributes["exponent"]), out))]


ELEMENTWISE_KERNELS: dict[str, Kernel] = {
    "add": _ufunc(np.add),
    "sub": _ufunc(np.subtract),
    "mul": _ufunc(np.multiply),
    "div": _ufunc(np.divide),
    "neg": _neg,
    "exp": _ufunc(np.exp),
    "log": _ufunc(np.log),
    "sqrt": _ufunc(np.sqrt),
    "square": _ufunc(np.square),
    "tanh": _ufunc(np.tanh),
    "absolute": _ufunc(np.absolute),
    "sign": _ufunc(np.sign),
    "maximum": _extremum(np.maximum),
    "minimum": _extremum(np.minimum),
    "sigmoid": _sigmoid,
    "erf": _erf,
    "relu": _relu,
    "gate": _gate,
    "greater": _compare(np.greater),
    "equal": _compare(np.equal),
    "where": _where,
    "power": _power,
}
