"""Fast kernels of convolution, pooling and normalization equal the plain definitions."""

import numpy as np
import pytest

from steepest.engine import numpy_convolution
from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.program import F, Recorder, reverse
from steepest.program.check import random_arrays
from steepest.program.gradient import evaluate

CONVOLUTIONS = [  # examples, height, width, channels, filters, window, stride, padding, groups
    (5, 6, 7, 3, 4, 3, 1, 1, 1),
    (5, 6, 7, 3, 4, 3, 1, 0, 1),
    (3, 7, 6, 4, 6, 3, 2, 1, 2),
    (3, 8, 8, 2, 4, 4, 3, 2, 1),
    (4, 5, 5, 6, 3, 1, 1, 0, 1),
    (4, 5, 5, 6, 3, 1, 2, 0, 3),
    (2, 5, 6, 4, 4, 3, 1, 1, 4),
    (2, 9, 9, 1, 5, 5, 1, 2, 1),
    (2, 4, 4, 2, 2, 2, 1, 3, 1),
]


def programs(function, arrays):
    """Return a program with a function's result and its gradients, and its inputs."""
    recorder = Recorder()
    named = {f"x{i}": a for i, a in enumerate(arrays)}
    symbols = [recorder.input(name, a.shape) for name, a in named.items()]
    y = function(*symbols)
    seed = recorder.input("g", y.shape)
    gradients = reverse(y, symbols, seed)
    named["g"] = random_arrays([y.shape], seed=1)[0]
    outputs = {"y": y, **{f"d{i}": d for i, d in enumerate(gradients)}}
    return recorder.program(outputs), named


def check(function, arrays, engine, tolerance=1e-12):
    program, named = programs(function, arrays)
    expected = evaluate(program, named)
    bound = bind_programs({"one": program}, engine, {})["one"]
    for _ in range(2):  # a replay leaves nothing behind that changes the next
        for name, data in named.items():
            engine.write(bound.inputs[name], data)
        bound.replay()
        for name, array in expected.items():
            found = engine.numpy(bound.outputs[name])
            assert np.abs(found - array).max() < tolerance * max(1.0, np.abs(array).max()), name


def engines():
    yield NumpyEngine(np.float64)
    try:
        from steepest.engine.torch_engine import TorchEngine
    except ImportError:
        return
    yield TorchEngine(np.float64)


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("chunk", [1, 3000, 1 << 20])
def test_convolution_equals_its_definition(case, chunk, monkeypatch):
    """Forward and all gradients, with and without chunks, for several windows and groups."""
    monkeypatch.setattr(numpy_convolution, "CHUNK_BYTES", chunk)
    n, h, w, c, o, k, stride, padding, groups = case
    arrays = random_arrays([(2, n, h, w, c), (2, k, k, c // groups, o), (2, o)])

    def convolve(x, w, b):
        return F.conv2d(x, w, b, stride=stride, padding=padding, groups=groups)

    for engine in engines():
        check(convolve, arrays, engine)


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (2, 1), (3, 3), (1, 2), (2, 3)])
def test_pooling_equals_its_definition(window, stride):
    """Values and gradients, with ties, overlapping windows and remainders."""
    (x,) = random_arrays([(2, 3, 7, 6, 4)])
    ties = np.maximum(np.round(x), 0)
    for engine in engines():
        for data in (x, ties):
            check(lambda x: F.max_pool(x, window=window, stride=stride)[0], [data], engine)
        check(lambda x: F.avg_pool(x, window=window, stride=stride), [x], engine)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((2, 5, 6, 7, 3), (1, 2, 3)),
        ((2, 40, 30, 40, 3), (1, 2, 3)),
        ((2, 9, 4), (1,)),
        ((2, 5, 6), (2,)),
        ((2, 3, 4, 4, 2, 3), (2, 3, 5)),
    ],
)
def test_normalization_equals_its_definition(shape, axes):
    """Batch statistics in blocks, and statistics over any other axes."""
    small = tuple(1 if i in axes else n for i, n in enumerate(shape))
    arrays = random_arrays([shape, small, small])
    arrays[0] = arrays[0] * 3 + 5
    for engine in engines():
        check(lambda x, g, s: F.normalize(x, g, s, axes=axes, eps=1e-5)[0], arrays, engine)


def test_offsets_of_wide_images_need_more_than_a_byte():
    """The place of the maximum is kept as an integer where a line is longer than a byte counts."""
    (x,) = random_arrays([(1, 2, 4, 300, 2)])
    program, _ = programs(lambda x: F.max_pool(x, window=2, stride=2)[0], [x])
    pool = next(i for i in program.instructions if i.primitive.name == "max_pool")
    assert program.values[pool.outs[1]].kind == "int"
    for engine in engines():
        check(lambda x: F.max_pool(x, window=2, stride=2)[0], [x], engine)


def test_few_pixels_and_many_channels_add_windows_back():
    """The gradient of x takes another way there, to the same numbers."""
    arrays = random_arrays([(2, 1, 3, 3, 20), (2, 3, 3, 20, 6)])

    def convolve(x, w):
        return F.conv2d(x, w, stride=1, padding=1, groups=1)

    check(convolve, arrays, NumpyEngine(np.float64))
    check(
        convolve,
        [arrays[0][..., ::2].copy(), arrays[1][..., ::2, :].copy()],
        NumpyEngine(np.float64),
    )
