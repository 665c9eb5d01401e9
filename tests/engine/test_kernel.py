"""Every kernel of every engine equals its primitive's definition, wherever its operands lie."""

import numpy as np
import pytest
from primitive_case import CASES, COVERED

from steepest.engine.numpy_engine import NumpyEngine
from steepest.program import Recorder
from steepest.program.trace import Value

FLOAT32 = 2e-5  # of the largest element: sums of a few dozen roundings


def make_engine(name, dtype):
    if name == "numpy":
        return NumpyEngine(dtype, native="off")
    pytest.importorskip("torch", reason="torch is not installed")
    from steepest.engine.torch_engine import TorchEngine

    return TorchEngine(dtype)


def placed(engine, value, data, layout):
    """Return an engine's array with `data`: dense, part of wider rows, or transposed."""
    if value.kind == "real" and layout == "part" and len(value.shape) > 1:
        wide = engine.array(Value((*value.shape[:-1], value.shape[-1] + 3), "real"))
        span = {"axis": len(value.shape) - 1, "start": 2, "stop": value.shape[-1] + 2}
        array = engine.view(wide, "part", span)
    elif value.kind == "real" and layout == "transposed" and len(value.shape) > 2:
        axes = (*range(len(value.shape) - 2), len(value.shape) - 1, len(value.shape) - 2)
        stored = engine.array(Value(tuple(value.shape[i] for i in axes), "real"))
        array = engine.view(stored, "transpose", {"axes": axes})
    else:
        array = engine.array(value)
    engine.write(array, data)
    return array


def out_in_rows(engine, value):
    """Return an output that is a stretch of wider rows, as parts of a concatenation are."""
    width = value.size // value.shape[0]
    rows = engine.array(Value((value.shape[0], width + 5), value.kind))
    stretch = engine.view(rows, "part", {"axis": 1, "start": 3, "stop": 3 + width})
    return engine.view(stretch, "reshape", {"shape": value.shape})


def prepared(case):
    """Return arrays, values and the recorded instruction with its program's values."""
    arrays = case.arrays()
    recorder = Recorder()
    symbols = [
        recorder.input(f"x{i}", a.shape, kind)
        for i, (a, kind) in enumerate(zip(arrays, case.kinds, strict=True))
    ]
    COVERED[case.name](*symbols, **case.attributes)
    (instruction,) = recorder.instructions
    return arrays, recorder.values, instruction


def definition(case, arrays):
    result = COVERED[case.name](*arrays, **case.attributes)
    return result if isinstance(result, tuple) else (result,)


def rounded(arrays, dtype):
    return [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]


def compare(engine, outs, expected, dtype):
    bound = 1e-12 if dtype == np.float64 else FLOAT32
    for out, array in zip(outs, expected, strict=True):
        scale = max(1.0, float(np.abs(array).max()))
        found = engine.numpy(out).astype(np.float64)
        assert np.abs(found - array).max() <= bound * scale


def run(calls):
    for kernel, buffers in calls:
        kernel(*buffers)


ENGINES = ["numpy", pytest.param("torch", marks=pytest.mark.torch)]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", [c for c in CASES if not COVERED[c.name].view], ids=str)
def test_kernel_equals_definition(case, name):
    """Dense, in wider rows and transposed operands, in both precisions, twice in a row."""
    arrays, values, instruction = prepared(case)
    for dtype in (np.float64, np.float32):
        engine, own = make_engine(name, dtype), rounded(arrays, dtype)
        expected = definition(
            case, [a.astype(np.float64) if a.dtype.kind == "f" else a for a in own]
        )
        for layout in ("dense", "part", "transposed"):
            args = [
                placed(engine, values[i], a, layout)
                for i, a in zip(instruction.args, own, strict=True)
            ]
            make = engine.array if layout == "dense" else lambda v, e=engine: out_in_rows(e, v)
            outs = [make(values[i]) for i in instruction.outs]
            calls = engine.bind(instruction, args, outs)
            for _ in range(2):
                run(calls)
                compare(engine, outs, expected, dtype)


def in_place_cases():
    found = []
    for case in CASES:
        if COVERED[case.name].elementwise:
            shape = np.broadcast_shapes(*(s for _, s in case.arguments))
            fits = [i for i, (_, s) in enumerate(case.arguments) if s == shape]
            found += [pytest.param(case, i, id=f"{case} over {i}") for i in fits]
    return found


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("case", "over"), in_place_cases())
def test_output_may_be_written_over_an_argument(case, over, name):
    """An element-wise kernel gives the same when its output is the memory of an argument."""
    arrays, values, instruction = prepared(case)
    for dtype in (np.float64, np.float32):
        engine, own = make_engine(name, dtype), rounded(arrays, dtype)
        args = [
            placed(engine, values[i], a, "dense")
            for i, a in zip(instruction.args, own, strict=True)
        ]
        run(engine.bind(instruction, args, [args[over]]))
        compare(engine, [args[over]], definition(case, own), dtype)


@pytest.mark.parametrize("name", ENGINES)
def test_one_array_as_both_arguments_and_output(name):
    """X * x, x - x and where(x, x, x) over x itself."""
    recorder = Recorder()
    x = recorder.input("x", (2, 5))
    data = np.linspace(-1, 1, 10).reshape(2, 5)
    for primitive, arity in (("mul", 2), ("sub", 2), ("gate", 2), ("where", 3)):
        COVERED[primitive](*[x] * arity)
        engine = make_engine(name, np.float64)
        array = engine.array(Value((2, 5), "real"), data)
        run(engine.bind(recorder.instructions[-1], [array] * arity, [array]))
        expected = COVERED[primitive](*[data] * arity)
        np.testing.assert_allclose(engine.numpy(array), expected, atol=1e-15)
