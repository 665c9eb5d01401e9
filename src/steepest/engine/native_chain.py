"""Element-wise instructions as C: one loop over the elements, inner values in registers.

The expressions are NumPy's definitions, operation by operation, without contraction, so the bits
are the same. What NumPy computes by its own polynomials (exp, log, tanh, erf, power) is not here.
Operands are loaded before and stored after everything else, so any output may be the memory of any
operand.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.engine.protocol import Call
from steepest.program.trace import Instruction

Array = np.ndarray

EXPRESSIONS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "sqrt": "SQRT({0})",
    "square": "{0} * {0}",
    "absolute": "FABS({0})",
    "sign": "{0} > 0 ? 1 : {0} < 0 ? -1 : {0} == 0 ? 0 : {0}",
    "maximum": "({0} > {1} || {0} != {0}) ? {0} : {1}",
    "minimum": "({0} < {1} || {0} != {0}) ? {0} : {1}",
    "relu": "({0} > 0 || {0} != {0}) ? {0} : 0",
    "gate": "{1} > 0 ? {0} : 0",
    "greater": "{0} > {1} ? 1 : 0",
    "equal": "{0} == {1} ? 1 : 0",
    "where": "{0} != 0 ? {1} : {2}",
}
COMPARISONS = ("greater", "equal")  # these may compare integers
HEADS = {
    "float32": "#define REAL float\n#define SQRT sqrtf\n#define FABS fabsf\n",
    "float64": "#define REAL double\n#define SQRT sqrt\n#define FABS fabs\n",
}
LOOPS = 3  # collapsed axes a kernel runs over


@dataclass(frozen=True, eq=False)
class Entry:
    """One call of a compiled kernel; `source` is empty for those of the fixed library.

    `inner` are a chain's strides along its last axis, an operand each.
    """

    name: str
    pointers: tuple[Array | int, ...]
    sizes: tuple[int, ...]
    source: str = ""
    inner: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Lowered:
    """Entries that stand for the calls `plain()`; called by itself it makes those.

    `instructions` and `arrays` are given where they are element-wise, so that neighbours may join.
    """

    entries: tuple[Entry, ...]
    plain: Callable[[], list[Call]]
    instructions: tuple[Instruction, ...] = ()
    arrays: dict[int, Array] = field(default_factory=dict)

    def __call__(self) -> None:
        """Compute by NumPy."""
        for kernel, buffers in self.plain():
            kernel(*buffers)


def lower_chain(
    instructions: Sequence[Instruction], arrays: dict[int, Array], real: np.dtype[Any]
) -> Entry | None:
    """Return the kernel call of element-wise instructions on one shape, None where C has no word.

    `arrays` holds the memory of every value but the inner ones.
    """
    if not all(_is_expressible(x, arrays, real) for x in instructions):
        return None
    made = {i for x in instructions for i in x.outs}
    used = dict.fromkeys(i for x in instructions for i in x.args if i not in made)
    kept = _last_in_place([i for x in instructions for i in x.outs if i in arrays], arrays)
    operands = [arrays[i] for i in (*used, *kept)]
    shape = arrays[kept[0]].shape
    collapsed = _collapse(shape, operands)
    if collapsed is None or any(arrays[i].shape != shape for i in kept):
        return None
    sizes, strides = collapsed
    inner = [s[-1] for s in strides]
    if any(s not in (0, 1) for s in inner) or (sizes[-1] > 1 and 0 in inner[len(used) :]):
        return None
    body = _body(instructions, list(used), kept, arrays, inner)
    name = "chain_" + hashlib.sha256(body.encode()).hexdigest()[:16]
    flat = (*sizes, *(s for each in strides for s in each[:-1]))
    return Entry(name, tuple(operands), flat, f"void {name}{body}", tuple(inner))


def _last_in_place(written: list[int], arrays: dict[int, Array]) -> list[int]:
    """Leave out what a later output of the same memory overwrites."""
    return [
        i
        for n, i in enumerate(written)
        if not any(_is_same(arrays[i], arrays[j]) for j in written[n + 1 :])
    ]


def merge_chains(first: Lowered, second: Lowered, real: np.dtype[Any]) -> Lowered | None:
    """Return one lowered call for two neighbours, None where that would change what is read.

    A merged kernel loads before it stores, element by element: what the second reads must not be
    what the first wrote under another name, and memory in common must be the same elements.
    """
    if not first.instructions or not second.instructions or not _is_mergeable(first, second):
        return None
    seen = {i for x in first.instructions for i in (*x.args, *x.outs)}
    if seen.intersection(i for x in second.instructions for i in x.outs):
        return None  # the next block of a chain computes the same values anew
    instructions = (*first.instructions, *second.instructions)
    arrays = {**first.arrays, **second.arrays}
    entry = lower_chain(instructions, arrays, real)
    if entry is None:
        return None
    return Lowered((entry,), lambda: first.plain() + second.plain(), instructions, arrays)


def _is_mergeable(first: Lowered, second: Lowered) -> bool:
    written, read = _sides(first)
    rewritten, reread = _sides(second)
    shape = next(iter(written.values())).shape
    same_shape = next(iter(rewritten.values())).shape == shape
    stale = any(
        np.may_share_memory(w, r) for i, w in written.items() for j, r in reread.items() if i != j
    )
    consistent = all(_is_same(a, second.arrays.get(i, a)) for i, a in first.arrays.items())
    aligned = (
        all(
            _is_same(w, np.broadcast_to(a, shape)) or not np.may_share_memory(w, a)
            for w in rewritten.values()
            for a in (*written.values(), *read.values())
        )
        if same_shape
        else False
    )
    return same_shape and consistent and aligned and not stale


def _sides(lowered: Lowered) -> tuple[dict[int, Array], dict[int, Array]]:
    """Return (written, read from outside) by value."""
    made = {i for x in lowered.instructions for i in x.outs}
    written = {i: a for i, a in lowered.arrays.items() if i in made}
    return written, {i: a for i, a in lowered.arrays.items() if i not in made}


def _is_same(a: Array, b: Array) -> bool:
    """Tell whether two arrays are the same elements; strides of single ones mean nothing."""
    if a.shape != b.shape or a.ctypes.data != b.ctypes.data:
        return False
    return all(n == 1 or s == t for n, s, t in zip(a.shape, a.strides, b.strides, strict=True))


def _is_expressible(x: Instruction, arrays: dict[int, Array], real: np.dtype[Any]) -> bool:
    if x.primitive.name not in EXPRESSIONS or x.attributes:
        return False
    kinds = {arrays[i].dtype for i in x.args if i in arrays}
    outs = {arrays[i].dtype for i in x.outs if i in arrays}
    whole = x.primitive.name in COMPARISONS and kinds == {np.dtype(np.int64)}
    return (whole or kinds <= {real}) and outs <= {real}


def _collapse(
    shape: tuple[int, ...], operands: list[Array]
) -> tuple[list[int], list[list[int]]] | None:
    """Return sizes and strides in elements of `LOOPS` axes; None where more are needed."""
    views = [np.broadcast_to(a, shape) for a in operands]
    if any(s % v.itemsize for v in views for s in v.strides):
        return None
    sizes: list[int] = []
    strides: list[list[int]] = [[] for _ in views]
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        steps = [v.strides[axis] // v.itemsize for v in views]
        if sizes and all(s[-1] == step * n for s, step in zip(strides, steps, strict=True)):
            sizes[-1] *= n
            for s, step in zip(strides, steps, strict=True):
                s[-1] = step
        else:
            sizes.append(n)
            for s, step in zip(strides, steps, strict=True):
                s.append(step)
    missing = LOOPS - len(sizes)
    if missing < 0:
        return None
    return [1] * missing + sizes, [[0] * missing + s for s in strides]


def _body(
    instructions: Sequence[Instruction],
    used: list[int],
    kept: list[int],
    arrays: dict[int, Array],
    inner: list[int],
) -> str:
    """Return what follows a kernel's name; values are numbered, so equal chains are equal."""
    head: list[str] = []
    load: list[str] = []
    names: dict[int, str] = {}
    for k, i in enumerate((*used, *kept)):
        kind = "REAL" if arrays[i].dtype.kind == "f" else "int64_t"
        at = LOOPS + (LOOPS - 1) * k
        head.append(f"{kind} *a{k} = ({kind} *)p[{k}] + i * n[{at}] + j * n[{at + 1}];")
        if k < len(used):
            names[i] = f"x{k}"
            target = load if inner[k] else head
            target.append(f"const {kind} x{k} = a{k}[{'l' if inner[k] else '0'}];")
    work = []
    for k, x in enumerate(instructions):
        right = EXPRESSIONS[x.primitive.name].format(*(names[i] for i in x.args))
        names[x.outs[0]] = f"y{k}"
        work.append(f"const REAL y{k} = {right};")
    store = [f"a{len(used) + k}[l] = {names[i]};" for k, i in enumerate(kept)]
    lines = [
        "(char **p, const int64_t *n) {",
        "for (int64_t i = 0; i < n[0]; i++) for (int64_t j = 0; j < n[1]; j++) {",
        *head,
        "#pragma GCC ivdep",
        "for (int64_t l = 0; l < n[2]; l++) {",
        *load,
        *work,
        *store,
        "}",
        "}",
        "}",
    ]
    return "\n".join(lines) + "\n"
