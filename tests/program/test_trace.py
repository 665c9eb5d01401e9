"""Recording: sharing, folding, dead code, errors, counting."""

import numpy as np
import pytest

from steepest.program import F, Recorder, record


def names(program):
    return [i.primitive.name for i in program.instructions]


def test_equal_instructions_are_recorded_once():
    """Common subexpressions are shared; other attributes or orders are not."""
    program = record(lambda x: {"y": F.tanh(x) + F.tanh(x), "z": F.exp(x)}, x=(3,))
    assert names(program) == ["tanh", "add", "exp"]
    program = record(lambda x: {"y": F.sum(x, axis=0), "z": F.sum(x, axis=1)}, x=(3, 3))
    assert names(program) == ["sum", "sum"]


def test_what_nothing_needs_is_dropped():
    """Unread instructions and constants leave the program; inputs stay declared."""

    def function(x, y):
        F.exp(x + 7.0)
        return {"z": y * 2.0}

    program = record(function, x=(3,), y=(3,))
    assert names(program) == ["mul"]
    assert [float(c) for c in program.constants.values()] == [2.0]
    assert list(program.inputs) == ["x", "y"]


def test_constants_are_folded_once():
    """An expression of numbers alone is computed while recording, in float64."""

    def function(x):
        root = F.sqrt(x.recorder.constant(2.0))
        return {"y": x * root, "z": x / (root * 1.0)}

    program = record(function, x=(3,))
    assert names(program) == ["mul", "div"]
    assert [c.item() for c in program.constants.values()] == [np.sqrt(2.0)]


def test_kinds_of_constants():
    """Python numbers are reals; integer arrays are integers; words are words."""
    recorder = Recorder()
    assert recorder.constant(3).value.kind == "real"
    assert recorder.constant(np.arange(3)).value.kind == "int"
    assert recorder.constant(np.arange(3, dtype=np.uint32)).value.kind == "word"
    assert recorder.constant(0.1).index == recorder.constant(0.1).index


def test_constants_are_kept_from_change():
    """The recorder keeps its own copy of an array."""
    data = np.ones(3)
    recorder = Recorder()
    symbol = recorder.constant(data)
    data[:] = 5.0
    assert recorder.constants[symbol.index].tolist() == [1.0, 1.0, 1.0]


def test_names_and_symbols_are_checked():
    """An input named twice and a symbol of another recording are errors."""
    first, second = Recorder(), Recorder()
    x = first.input("x", (2,))
    with pytest.raises(ValueError, match="input 'x' already"):
        first.input("x", (3,))
    with pytest.raises(ValueError, match="another recording"):
        F.add(x, second.input("x", (2,)))


def test_a_shape_error_names_the_primitive_and_its_operands():
    """The message says which primitive and with which shapes."""
    with pytest.raises(ValueError, match=r"matmul\(\[2×3\], \[2×3\]\): inner sizes 3 and 2"):
        record(lambda x: {"y": x @ x}, x=(2, 3))


def test_arrays_on_the_left_record_too():
    """NumPy leaves array + symbol to the symbol."""
    program = record(
        lambda x: {"y": np.ones(3) + x, "z": np.eye(3) @ F.reshape(x, shape=(3, 1))}, x=(3,)
    )
    assert names(program) == ["add", "reshape", "matmul"]


def test_flops_and_bytes_are_counted():
    """A product counts 2 m n k; views cost nothing; gathering reads only what it takes."""
    recorder = Recorder()
    data = recorder.input("data", (1000, 3), "byte")
    index = recorder.input("index", (1, 8), "int")
    w = recorder.input("w", (1, 3, 5))
    x = F.gather(data, index, scale=1.0)
    program = recorder.program({"y": F.reshape(x @ w, shape=(1, 40))})
    gather, matmul, reshape = program.instructions
    assert program.flops_of(matmul) == 2 * 8 * 3 * 5
    assert program.bytes_of(reshape) == program.flops_of(reshape) == 0
    assert program.bytes_of(gather) == 24 * 1 + 8 * 8 + 24 * 4
    assert program.flops == 240
    assert program.bytes == 184 + 4 * (24 + 15 + 40)
