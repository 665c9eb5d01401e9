"""Compiled kernels against the NumPy kernels they stand for: the same bits, or none."""

import numpy as np
import pytest
from harness import train_steps
from problems import NETS

from steepest.engine import native
from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import zoo
from steepest.optim import SGD, Adam, Momentum
from steepest.program import F, Recorder, record

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="no C compiler on this machine")
REALS = ("float32", "float64")
ONES = {
    "neg": F.neg, "sqrt": F.sqrt, "square": F.square, "absolute": F.absolute, "sign": F.sign,
    "relu": F.relu, "exp": F.exp, "log": F.log, "tanh": F.tanh,
}  # fmt: skip
TWOS = {
    "add": F.add, "sub": F.sub, "mul": F.mul, "div": F.div, "maximum": F.maximum,
    "minimum": F.minimum, "gate": F.gate, "greater": F.greater, "equal": F.equal,
}  # fmt: skip


def run(program, engine, **inputs):
    """Replay on zeros, then on `inputs`; return the outputs.

    What the first replay left behind must not be read by the second.
    """
    bound = bind_programs({"only": program}, engine, {})["only"]
    for used in ({name: np.zeros_like(a) for name, a in inputs.items()}, inputs):
        for name, array in used.items():
            engine.write(bound.inputs[name], array)
        bound.replay()
    return {name: np.array(a) for name, a in bound.outputs.items()}


def both(program, real, **inputs):
    """Return outputs of the compiled and of the plain engine."""
    with np.errstate(all="ignore"):
        engines = NumpyEngine(real), NumpyEngine(real, native="off")
        return [run(program, engine, **inputs) for engine in engines]


def assert_same_bits(compiled, plain):
    assert compiled.keys() == plain.keys()
    for name, a in compiled.items():
        b = plain[name]
        assert a.dtype == b.dtype
        nan = np.isnan(a)
        assert np.array_equal(nan, np.isnan(b))
        bits = f"u{a.itemsize}"
        assert np.array_equal(a[~nan].view(bits), b[~nan].view(bits)), name


def awkward(shape, real, seed=0):
    """Return normal numbers sprinkled with zeros of both signs, infinities, NaN and denormals."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(shape).astype(real)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(real).tiny / 4, 1.0, -1.0]
    spots = generator.integers(0, x.size, x.size // 2)
    x.reshape(-1)[spots] = generator.choice(np.array(special, real), spots.size)
    return x


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", ONES)
def test_one_argument(name, real):
    """Element-wise primitives of one argument give NumPy's bits, special values included."""
    program = record(lambda x: {"y": ONES[name](x)}, x=(2, 7, 13))
    assert_same_bits(*both(program, real, x=awkward((2, 7, 13), real)))


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("other", [(2, 7, 13), (2, 1, 13), (2, 7, 1), (2, 1, 1), (1, 1, 13)])
@pytest.mark.parametrize("name", TWOS)
def test_two_arguments(name, other, real):
    """Primitives of two arguments give NumPy's bits, with every way to broadcast."""
    shapes = {"a": (2, 7, 13), "b": other}
    program = record(lambda a, b: {"y": TWOS[name](a, b), "z": TWOS[name](b, a)}, **shapes)
    inputs = {k: awkward(s, real, len(k) + s[1]) for k, s in shapes.items()}
    assert_same_bits(*both(program, real, **inputs))


@pytest.mark.parametrize("real", REALS)
def test_where_and_immediates(real):
    """`where`, numbers in the text and mixed chains give NumPy's bits."""

    def function(c, a, b):
        chosen = F.where(c, a * 0.1, 3.0 - b)
        return {"y": F.relu(chosen) / (F.sqrt(F.absolute(b)) + 1e-8), "z": chosen}

    shapes = dict.fromkeys("cab", (3, 5, 6))
    inputs = {k: awkward(s, real, ord(k)) for k, s in shapes.items()}
    assert_same_bits(*both(record(function, **shapes), real, **inputs))


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("classes", [1, 2, 7, 8, 10, 100, 129, 300])
def test_rows(classes, real):
    """Sums add in NumPy's order, argmax treats NaN as NumPy does."""
    shape = (2, 5, classes)

    def function(x, clean):
        sums = {"last": F.sum(clean, axis=2), "rows": F.sum(clean, axis=1)}
        return sums | {"total": F.sum(F.sum(clean, axis=2), axis=1), "top": F.argmax(x)}

    program = record(function, x=shape, clean=shape)
    clean = np.random.default_rng(1).standard_normal(shape).astype(real)
    assert_same_bits(*both(program, real, x=awkward(shape, real), clean=clean))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("real", REALS)
def test_cross_entropy(real, smoothing):
    """Loss, probabilities and gradient of softmax cross-entropy give NumPy's bits."""
    recorder = Recorder()
    x, labels = recorder.input("x", (2, 9, 10)), recorder.input("labels", (2, 9), "int")
    weight = recorder.input("weight", (2, 9))
    loss, probabilities = F.cross_entropy(x, labels, smoothing=smoothing)
    outputs = {"loss": loss, "p": probabilities}
    for name, g in (("one", 1.0), ("each", weight)):
        outputs[name] = F.cross_entropy_grad(g, probabilities, labels, smoothing=smoothing)
    generator = np.random.default_rng(3)
    inputs = {
        "x": 5 * generator.standard_normal((2, 9, 10)),
        "labels": generator.integers(0, 10, (2, 9)),
        "weight": generator.random((2, 9)),
    }
    assert_same_bits(*both(recorder.program(outputs), real, **inputs))


@pytest.mark.parametrize("kind", ["byte", "real", "int"])
def test_gather(kind):
    """Rows are gathered and scaled to NumPy's bits, rows outside the data clipped alike."""
    recorder = Recorder()
    data, index = recorder.input("data", (6, 4, 3), kind), recorder.input("index", (2, 5), "int")
    scales = (1.0,) if kind == "int" else (1.0, 1 / 255)
    outputs = {f"y{s}": F.gather(data, index, scale=s) for s in scales}
    inputs = {
        "data": np.random.default_rng(0).integers(0, 255, (6, 4, 3)),
        "index": np.array([[0, 5, 2, 9, -3], [1, 1, 0, 4, 3]]),
    }
    assert_same_bits(*both(recorder.program(outputs), "float32", **inputs))


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("name", NETS)
def test_training_is_the_same_run(name, batch, real):
    """A compiled training run is bit for bit the plain one, alone and three at once."""
    for rules in ([Adam(lr=0.01)], [SGD(lr=0.1), SGD(lr=0.02), SGD(lr=0.5)], [Momentum()]):
        seeds = list(range(len(rules)))
        engines = NumpyEngine(real), NumpyEngine(real, native="off")
        assert engines[0].is_native
        runs = [train_steps(NETS[name], rules, seeds, e, 6, batch) for e in engines]
        for compiled, plain in zip(*runs, strict=True):
            assert np.array_equal(compiled, plain)


def test_large_chains():
    """A chain that blocks would run in pieces is one loop in C, with the same bits."""
    arch = zoo.mlp(hidden=(700, 60))
    runs = [
        train_steps(arch, [Adam(), Adam(lr=0.01)], [0, 1], NumpyEngine(native=n), steps=3)
        for n in ("auto", "off")
    ]
    assert np.array_equal(runs[0][0], runs[1][0])


def test_joined_neighbours_read_what_was_written():
    """A loop joined from several instructions never reads a stale value through a view."""

    def function(x, row):
        y = F.relu(x + row)
        turned = F.reshape(F.transpose(y, axes=(0, 2, 1)), shape=(1, 6, 4))
        z = y * turned
        return {"z": z, "w": z + F.reshape(F.reshape(z, shape=(1, 24)), shape=(1, 6, 4))}

    program = record(function, x=(1, 6, 4), row=(1, 1, 4))
    inputs = {"x": awkward((1, 6, 4), "float32"), "row": awkward((1, 1, 4), "float32")}
    assert_same_bits(*both(program, "float32", **inputs))


def test_a_whole_step_is_one_call():
    """Gathering, both passes, update and measurements of an MLP run as one call."""
    from harness import small_task

    from steepest.engine.native_blas import blas
    from steepest.train.step import train_program

    if blas("float32") is None:
        pytest.skip("NumPy is not linked to a BLAS whose functions are found")
    engine = NumpyEngine()
    program = train_program(small_task(NETS["mlp with dropout"]), [Adam()], 16)
    assert len(bind_programs({"train": program}, engine, {})["train"].code) == 1


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 1), (3, 2), (1, 1), (2, 3)])
def test_max_pool(window, stride, real):
    """Max-pooling, the positions it keeps and its gradient equal NumPy's kernels."""
    recorder = Recorder()
    x = recorder.input("x", (2, 3, 7, 8, 5))
    y, where = F.max_pool(x, window=window, stride=stride)
    g = recorder.input("g", y.shape)
    dx = F.max_pool_grad(g, where, shape=(7, 8, 5), window=window, stride=stride)
    program = recorder.program({"y": y, "where": where, "dx": dx})
    generator = np.random.default_rng(0)
    image = generator.integers(-3, 3, (2, 3, 7, 8, 5)).astype(real)  # many ties
    image[0, 0, 2, 3, 1] = np.nan
    compiled, plain = both(program, real, x=image, g=generator.standard_normal(y.shape))
    for name, array in compiled.items():
        assert np.array_equal(array, plain[name], equal_nan=True), name
