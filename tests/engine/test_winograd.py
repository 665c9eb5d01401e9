"""Winograd's kernels equal the definition of convolution and of its two gradients."""

import numpy as np
import pytest
from test_image_kernel import check, programs

from steepest.engine import native
from steepest.engine.executor import bind_programs
from steepest.program import F
from steepest.program.check import random_arrays
from steepest.program.gradient import evaluate

torch = pytest.importorskip("torch", reason="torch is not installed")
from steepest.engine.torch_engine import TorchEngine  # noqa: E402 - it needs torch

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(native.compiler() is None, reason="no C compiler"),
]
SHAPES = [  # examples, height, width, channels, filters, padding
    (6, 8, 8, 32, 32, 1),
    (9, 7, 12, 32, 64, 1),
    (20, 5, 9, 64, 32, 0),
    (70, 4, 4, 32, 32, 2),
]


def convolve(padding):
    return lambda x, w, *b: F.conv2d(x, w, *b, stride=1, padding=padding, groups=1)


def arrays_of(shape, runs=1):
    n, h, w, c, o, _ = shape
    return random_arrays([(runs, n, h, w, c), (runs, 3, 3, c, o), (runs, o)])


def chosen(engine, shape, stride=1):
    """Return how many calls are shared pieces of compiled kernels."""
    padding = shape[-1]
    program, _ = programs(
        lambda x, w: F.conv2d(x, w, stride=stride, padding=padding, groups=1),
        arrays_of(shape)[:2],
    )
    bound = bind_programs({"one": program}, engine, {})["one"]
    shared = [b for kernel, b in bound.code if getattr(kernel, "__name__", "") == "steepest_share"]
    return sum(count.value > 1 for _, count, *_ in shared)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_winograd_equals_the_definition(shape, threads):
    """Forward with and without bias and all gradients, two runs, odd sizes, to 1e-12 in float64."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        check(convolve(shape[-1]), arrays_of(shape, runs=2), TorchEngine(np.float64))
        check(convolve(shape[-1]), arrays_of(shape)[:2], TorchEngine(np.float64))
    finally:
        torch.set_num_threads(before)
    assert chosen(TorchEngine(np.float64), shape) == 3


def test_only_what_the_tiles_fit_is_taken():
    """Few channels, strides, few tiles and bfloat16 stay with ATen."""
    shape = (6, 8, 8, 32, 32, 1)
    assert chosen(TorchEngine(), shape) == 3
    assert chosen(TorchEngine(native="off"), shape) == 0
    assert chosen(TorchEngine("bfloat16"), shape) == 0
    assert chosen(TorchEngine(), shape, stride=2) == 0
    assert chosen(TorchEngine(), (6, 8, 8, 5, 32, 1)) == 0
    assert chosen(TorchEngine(), (1, 8, 8, 32, 32, 1)) == 0
    assert chosen(TorchEngine(), (200, 1, 1, 32, 32, 1)) == 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("window", "stride", "padding"), [(3, 1, 1), (5, 2, 2), (4, 3, 0)])
def test_few_channels_equal_the_definition(channels, window, stride, padding):
    """Forward with and without bias and the weights' gradient, two runs, to 1e-12 in float64."""
    arrays = random_arrays([(2, 9, 11, 8, channels), (2, window, window, channels, 32), (2, 32)])

    def run(x, w, *b):
        return F.conv2d(x, w, *b, stride=stride, padding=padding, groups=1)

    check(run, arrays, TorchEngine(np.float64))
    check(run, arrays[:2], TorchEngine(np.float64))
    assert chosen(TorchEngine(), (9, 11, 8, channels, 32, 1)) == 2


@pytest.mark.parametrize("kind", ["y", "d0", "d1"])
def test_rounding_is_no_worse_than_atens(kind):
    """Largest error in float32 against float64 within 1.5 times that of ATen's kernels."""
    shape = (16, 16, 16, 64, 64, 1)
    program, named = programs(convolve(1), arrays_of(shape)[:2])
    named = {k: v.astype(np.float32).astype(np.float64) for k, v in named.items()}
    exact = evaluate(program, named)[kind]
    errors = []
    for native_kernels in ("auto", "off"):
        engine = TorchEngine(np.float32, native=native_kernels)
        bound = bind_programs({"one": program}, engine, {})["one"]
        for name, data in named.items():
            engine.write(bound.inputs[name], data)
        bound.replay()
        errors.append(np.abs(engine.numpy(bound.outputs[kind]) - exact).max())
    assert 0 < errors[0] < 1.5 * errors[1]


def test_threads_do_not_change_bits():
    """One thread and two give the same float32 numbers: pieces depend on the shape alone."""
    shape = (12, 9, 9, 32, 64, 1)
    program, named = programs(convolve(1), arrays_of(shape))
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        engine = TorchEngine(np.float32)
        bound = bind_programs({"one": program}, engine, {})["one"]
        for name, data in named.items():
            engine.write(bound.inputs[name], data)
        bound.replay()
        found.append({k: engine.numpy(v).copy() for k, v in bound.outputs.items()})
    torch.set_num_threads(before)
    assert all(np.array_equal(found[0][k], found[1][k]) for k in ("y", "d0", "d1"))
