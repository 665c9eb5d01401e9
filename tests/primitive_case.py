"""Cases of every primitive of the families ELEMENTWISE, STRUCTURE and ARRAY.

Convolution, pooling and normalization have cases beside their own tests.
"""

from dataclasses import dataclass, field

import numpy as np

from steepest.program.array import ARRAY
from steepest.program.elementwise import ELEMENTWISE
from steepest.program.structure import STRUCTURE
from steepest.seeds import stream

COVERED = {**ELEMENTWISE, **STRUCTURE, **ARRAY}


@dataclass(frozen=True)
class Case:
    """Arguments as (kind, shape), attributes, and whether there is a gradient to check."""

    name: str
    arguments: tuple
    attributes: dict = field(default_factory=dict)
    gradient: bool = True

    def __str__(self):
        shapes = " ".join("x".join(map(str, shape)) or "()" for _, shape in self.arguments)
        how = " ".join(f"{k}={v}" for k, v in self.attributes.items())
        return f"{self.name} {shapes} {how}".strip()

    def arrays(self, seed=0):
        """Return arrays away from kinks; labels and indices are in 0..2."""
        g = stream(seed, "case", str(self))
        return [_draw(g, kind, shape) for kind, shape in self.arguments]

    @property
    def kinds(self):
        """The kinds of the arguments as a program knows them."""
        return [{"positive": "real"}.get(kind, kind) for kind, _ in self.arguments]


def _draw(g, kind, shape):
    if kind == "int":
        return g.integers(0, 3, shape)
    if kind == "word":
        return g.integers(0, 2**32, shape).astype(np.uint32)
    if kind == "byte":
        return g.integers(0, 256, shape).astype(np.uint8)
    x = g.uniform(0.2, 2.0, shape)
    return x if kind == "positive" else x * g.choice([-1.0, 1.0], shape)


ONE = [((2, 3, 4),), ((3, 5),), ((2, 1),), ((1, 7),)]
TWO = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (2, 1, 4)),
    ((2, 1, 1), (2, 3, 4)),
    ((3, 5), (3, 1)),
    ((2, 3, 1), (2, 1, 4)),
    ((2, 5), ()),
    ((), (2, 5)),
]
THREE = [((2, 3, 4),) * 3, ((2, 3, 1), (2, 3, 4), (2, 1, 4)), ((2, 5), (), (2, 5))]
ARITY = {
    1: "neg exp square tanh sigmoid erf absolute sign relu log sqrt power",
    2: "add sub mul div maximum minimum greater equal gate",
    3: "where",
}
POSITIVE = ("log", "sqrt", "power")


def _elementwise():
    found = []
    for arity, shapes in ((1, ONE), (2, TWO), (3, THREE)):
        for name in ARITY[arity].split():
            kind = "positive" if name in POSITIVE else "real"
            how = {"exponent": 1.5} if name == "power" else {}
            found += [Case(name, tuple((kind, s) for s in group), how) for group in shapes]
    return [*found, *(Case("power", (("real", (2, 5)),), {"exponent": e}) for e in (0.0, 2.0, 3.0))]


def _reals(name, *shapes, gradient=True, **attributes):
    return Case(name, tuple(("real", s) for s in shapes), attributes, gradient)


def _structure():
    cases = []
    for name in ("sum", "max"):
        for axes in ((1,), (2,), (1, 2)):
            cases += [_reals(name, (2, 3, 4), axes=axes, keepdims=k) for k in (True, False)]
        cases.append(_reals(name, (3, 40, 2, 5), axes=(1, 3), keepdims=False))
        cases.append(_reals(name, (2, 6, 1), axes=(1,), keepdims=False))
    return [
        *cases,
        _reals("sum", (2, 70), axes=(1,), keepdims=True),
        _reals("reshape", (2, 3, 4), shape=(2, 12)),
        _reals("reshape", (2, 12), shape=(2, 3, 2, 2)),
        _reals("transpose", (2, 3, 4), axes=(0, 2, 1)),
        _reals("transpose", (2, 3, 4, 5), axes=(0, 3, 1, 2)),
        _reals("broadcast", (2, 1, 4), shape=(2, 3, 4)),
        _reals("broadcast", (2, 1), shape=(2, 5)),
        _reals("part", (2, 5), axis=1, start=1, stop=4),
        _reals("part", (2, 3, 4), axis=2, start=0, stop=2),
        _reals("pad", (2, 3), axis=1, before=2, after=1),
        _reals("pad", (2, 3, 4), axis=2, before=0, after=3),
        _reals("concat", (2, 3), (2, 1), (2, 4), axis=1),
        _reals("concat", (2, 3, 4), (2, 3, 1), axis=2),
    ]


def _products():
    flags = [(False, False), (True, False), (False, True), (True, True)]
    cases = []
    for ta, tb in flags:
        for m, k, n in ((3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1)):
            left, right = ((2, k, m) if ta else (2, m, k)), ((2, n, k) if tb else (2, k, n))
            cases.append(_reals("matmul", left, right, ta=ta, tb=tb))
    return [
        *cases,
        _reals("matmul", (2, 3, 4, 5), (2, 3, 5, 2), ta=False, tb=False),
        _reals("matmul", (2, 3, 4, 5), (2, 1, 5, 2), ta=False, tb=False),
        _reals("matmul", (1, 3, 4), (2, 4, 5), ta=False, tb=False),
    ]


def _entropies():
    cases = []
    for smoothing in (0.0, 0.1):
        for shape in ((2, 5), (1, 1), (2, 3, 4)):
            labels, logits = ("int", shape), ("real", (*shape, 4))
            how = {"smoothing": smoothing}
            cases.append(Case("cross_entropy", (logits, labels), how))
            cases.append(Case("cross_entropy_grad", (("real", shape), logits, labels), how))
    return cases


def _gathers():
    index, scaled, plain = ("int", (2, 5)), {"scale": 1 / 255}, {"scale": 1.0}
    return [
        Case("gather", (("byte", (3, 4, 2)), index), scaled, gradient=False),
        Case("gather", (("real", (3, 4)), index), plain, gradient=False),
        Case("gather", (("real", (3,)), index), {"scale": 0.5}, gradient=False),
        Case("gather", (("int", (3,)), index), plain, gradient=False),
    ]


CASES = [
    *_elementwise(),
    *_structure(),
    *_products(),
    *_entropies(),
    *_gathers(),
    _reals("argmax", (2, 3, 4), gradient=False),
    _reals("argmax", (2, 7), gradient=False),
    *(
        Case("dropout_mask", (("word", (shape[0], 2)),), how, gradient=False)
        for shape in ((2, 3, 4), (1, 50))
        for how in [{"shape": shape, "rate": 0.3, "salt": "1.mask"}]
    ),
]
