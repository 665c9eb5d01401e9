"""Element-wise primitives. In the vjps: g cotangent of the output, y output, a b x arguments.

Broadcasting is NumPy's; the reverse walk sums the expanded axes, so a vjp need not. Comparisons
give 0 or 1 as reals: a program holds no booleans.
"""

from typing import Any

import numpy as np

from steepest.program.primitive import Primitive, elementwise

TWO_OVER_ROOT_PI = 2.0 / np.sqrt(np.pi)


def _as_real(condition: Any, *like: Any) -> Any:
    return np.asarray(condition).astype(np.result_type(np.float32, *like))


def _neg(x: Any) -> Any:
    return np.multiply(x, -1)  # NumPy 2.4's `negative` errs between some strides


def _sigmoid(x: Any) -> Any:
    return 0.5 * (np.tanh(0.5 * x) + 1.0)  # no overflow at either end


def _erf(x: Any) -> Any:
    from scipy.special import erf as special_erf

    return special_erf(x)


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _gate(g: Any, y: Any) -> Any:
    return np.where(np.greater(y, 0), g, np.zeros((), np.result_type(g)))


def _power(x: Any, *, exponent: float) -> Any:
    return np.power(x, exponent)


add = elementwise("add", np.add, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g)
sub = elementwise("sub", np.subtract, lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: -g)
mul = elementwise("mul", np.multiply, lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a)
div = elementwise(
    "div", np.divide, lambda g, _y, _a, b: g / b, lambda g, y, _a, b: -(g * y) / b, real=True
)
neg = elementwise("neg", _neg, lambda g, _y, _x: -g)
exp = elementwise("exp", np.exp, lambda g, y, _x: g * y, real=True)
log = elementwise("log", np.log, lambda g, _y, x: g / x, real=True)
sqrt = elementwise("sqrt", np.sqrt, lambda g, y, _x: 0.5 * g / y, real=True)
square = elementwise("square", np.square, lambda g, _y, x: 2.0 * g * x)
tanh = elementwise("tanh", np.tanh, lambda g, y, _x: g * (1.0 - square(y)), real=True)
sigmoid = elementwise("sigmoid", _sigmoid, lambda g, y, _x: g * y * (1.0 - y), real=True)
erf = elementwise("erf", _erf, lambda g, _y, x: g * TWO_OVER_ROOT_PI * exp(-square(x)), real=True)
absolute = elementwise("absolute", np.abs, lambda g, _y, x: g * sign(x))
sign: Primitive = elementwise("sign", np.sign, None)
maximum = elementwise(
    "maximum",
    np.maximum,
    lambda g, _y, a, b: g * greater(a, b),
    lambda g, _y, a, b: g * (1.0 - greater(a, b)),
)
minimum = elementwise(
    "minimum",
    np.minimum,
    lambda g, _y, a, b: g * greater(b, a),
    lambda g, _y, a, b: g * (1.0 - greater(b, a)),
)
greater: Primitive = elementwise(
    "greater", lambda a, b: _as_real(np.greater(a, b), a, b), None, None, real=True
)
equal = elementwise("equal", lambda a, b: _as_real(np.equal(a, b)), None, None, real=True)
where: Primitive = elementwise(
    "where",
    lambda c, a, b: np.where(np.not_equal(c, 0), a, b),
    None,
    lambda g, _y, c, _a, _b: where(c, g, 0.0),
    lambda g, _y, c, _a, _b: where(c, 0.0, g),
    real=True,
)
relu = elementwise("relu", _relu, lambda g, y, _x: gate(g, y))
gate: Primitive = elementwise("gate", _gate, lambda g, _y, _g, y: gate(g, y), None)
power: Primitive = elementwise(
    "power",
    _power,
    lambda g, _y, x, exponent: (
        g * (exponent * power(x, exponent=exponent - 1.0)) if exponent else 0.0 * g
    ),
    real=True,
)

ELEMENTWISE: dict[str, Primitive] = {
    p.name: p
    for p in (
        add, sub, mul, div, neg, exp, log, sqrt, square, tanh, sigmoid, erf, absolute, sign,
        maximum, minimum, greater, equal, where, relu, gate, power,
    )
}  # fmt: skip
