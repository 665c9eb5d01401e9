"""Gradients against central differences in float64."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.program import function as F  # noqa: N812 - the one letter the design names it by
from steepest.program.gradient import evaluate
from steepest.program.reverse import reverse
from steepest.program.trace import Program, Recorder
from steepest.seeds import stream

Array = np.ndarray
ENTRIES = 1_000  # of an argument that are compared one by one where a check has failed


@dataclass(frozen=True)
class GradientCheck:
    """What a check found: `error` relative to the gradient's size, and the worst entry.

    `worst` names argument and index, as "argument 0 at [3, 1]: 0.25 against 0.5 by differences".
    """

    passed: bool
    error: float
    worst: str

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        word = "passed" if self.passed else "FAILED"
        tail = "" if self.passed else f"; worst entry {self.worst}"
        return f"gradient check {word}: relative error {self.error:.2e}{tail}"


def check_gradients(
    function: Callable[..., Any],
    *arrays: Any,
    tolerance: float = 1e-6,
    step: float = 1e-5,
    directions: int = 5,
    seed: int = 0,
    fixed: Mapping[str, tuple[Array, str]] | None = None,
) -> GradientCheck:
    """Compare reverse mode with central differences, in float64.

    `function(*symbols)` returns one symbol of any shape; a random weighting of it is the scalar
    that is checked, along `directions` random directions at once for all real arguments. Where
    they disagree, entries are compared one by one and the worst is named. A step that crosses a
    kink (of ReLU, of a maximum) shows a difference that no gradient has, a smaller one crosses
    fewer: a direction agrees if it does at `step`, or at a tenth or a hundredth of it. `fixed`
    gives further inputs that are not differentiated: name -> (array, kind), passed as keywords.
    """
    named = {f"x{i}": np.asarray(a, np.float64) for i, a in enumerate(arrays)}
    program, backward = _programs(function, named, fixed or {}, seed)
    constant = {name: data for name, (data, _) in (fixed or {}).items()}
    found = evaluate(backward, named | constant)
    gradients = {name: found[f"d{name}"] for name in named}
    generator = stream(seed, "check", "direction")
    worst = 0.0
    for _ in range(directions):
        direction = {name: generator.standard_normal(a.shape) for name, a in named.items()}
        along = sum(float(np.sum(gradients[n] * d)) for n, d in direction.items())
        least = np.inf
        for size in (step, step / 10, step / 100):
            if least > tolerance:
                numeric = _difference(program, named, constant, direction, size)
                least = min(least, _relative(along, numeric, gradients))
        worst = max(worst, least)
    if worst <= tolerance:
        return GradientCheck(passed=True, error=worst, worst="")
    return GradientCheck(
        passed=False, error=worst, worst=_worst_entry(program, named, constant, gradients, step)
    )


def _programs(
    function: Callable[..., Any],
    named: Mapping[str, Array],
    fixed: Mapping[str, tuple[Array, str]],
    seed: int,
) -> tuple[Program, Program]:
    """Return the programs of the scalar alone, and of its gradients."""
    recorder = Recorder()
    symbols = [recorder.input(name, a.shape) for name, a in named.items()]
    extra = {name: recorder.input(name, np.shape(a), kind) for name, (a, kind) in fixed.items()}
    output = recorder.symbol(function(*symbols, **extra))
    weights = stream(seed, "check", "weights").standard_normal(output.shape)
    scalar = F.sum(output * weights)
    forward = recorder.program({"scalar": scalar})
    results = reverse(scalar, symbols)
    outputs = {f"d{name}": g for name, g in zip(named, results, strict=True)}
    return forward, recorder.program(outputs)


def _value(program: Program, inputs: Mapping[str, Array]) -> float:
    return float(evaluate(program, inputs)["scalar"])


def _difference(
    program: Program,
    named: Mapping[str, Array],
    constant: Mapping[str, Array],
    direction: Mapping[str, Array],
    step: float,
) -> float:
    above = {name: a + step * direction[name] for name, a in named.items()}
    below = {name: a - step * direction[name] for name, a in named.items()}
    rise = _value(program, {**above, **constant}) - _value(program, {**below, **constant})
    return rise / (2 * step)


def _relative(along: float, numeric: float, gradients: Mapping[str, Array]) -> float:
    """Relative to the difference, or to the gradient's norm where cancellation makes it tiny."""
    norm = float(np.sqrt(sum(float(np.sum(np.square(g))) for g in gradients.values())))
    return abs(along - numeric) / max(abs(along), abs(numeric), norm, 1e-12)


def _worst_entry(
    program: Program,
    named: Mapping[str, Array],
    constant: Mapping[str, Array],
    gradients: Mapping[str, Array],
    step: float,
) -> str:
    """Return the entry that is most wrong; of many, a random part is looked at."""
    found: tuple[float, str] = (-1.0, "")
    for name, array in named.items():
        some = stream(0, "check", "entries", name).permutation(array.size)[:ENTRIES]
        for place in sorted(some.tolist()):
            position = tuple(map(int, np.unravel_index(place, array.shape)))
            direction = {n: np.zeros_like(a) for n, a in named.items()}
            direction[name][position] = 1.0
            numeric = _difference(program, named, constant, direction, step)
            ours = float(gradients[name][position])
            where = f"argument {name[1:]} at {list(position)}"
            text = f"{where}: {ours:.6g} against {numeric:.6g} by differences"
            found = max(found, (abs(ours - numeric), text))
    return found[1]


def random_arrays(shapes: Sequence[tuple[int, ...]], seed: int = 0) -> list[Array]:
    """Return normal float64 arrays of the given shapes, from a named stream."""
    generator = stream(seed, "check", "arrays")
    return [generator.standard_normal(shape) for shape in shapes]
