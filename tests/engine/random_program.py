"""Random programs for hunting hazards of planning: every structure at once, in any order.

Values stay bounded: products and powers go through tanh. Shapes have the run axis R first.
"""

# ruff: noqa: D102 - an action is named by what it appends

import numpy as np

from steepest.program import F, Recorder
from steepest.program.gradient import evaluate
from steepest.program.trace import Value
from steepest.seeds import stream

UNARY = (F.neg, F.tanh, F.sigmoid, F.absolute, F.relu, F.erf, F.sign)
BINARY = (F.add, F.sub, F.maximum, F.minimum, F.gate, F.greater, F.equal)


class Writer:
    """Writes one random program: `pool` holds what later instructions may read."""

    def __init__(self, seed, runs, size):
        self.g = stream(seed, "random program")
        self.runs = runs
        self.size = size
        self.recorder = Recorder()
        self.states = {}
        for name in ("a", "b", "c", "d"):
            self.states[name] = self.recorder.input(name, (runs, size))
        self.states["w"] = self.recorder.input("w", (runs, 4, 4))
        rest = [
            self.recorder.input("x", (runs, size // 4, 4)),
            self.recorder.input("rate", (runs, 1)),
            self.recorder.input("bias", (runs, 1, 4)),
        ]
        self.key = self.recorder.input("key", (runs, 2), "word")
        self.labels = self.recorder.input("labels", (runs, size // 4), "int")
        self.pool = [*self.states.values(), *rest]

    def choose(self, items):
        return items[int(self.g.integers(len(items)))]

    def any(self, matches=lambda _: True):
        """Return something that matches, the latest values twice as often."""
        found = [s for s in self.pool if matches(s)]
        return self.choose(found + found[-4:]) if found else None

    def like(self, shape):
        return self.any(lambda s: s.shape == shape)

    def keep(self, *symbols):
        small = self.runs * self.size * 4
        self.pool += [s for s in symbols if s is not None and s.value.size <= small]

    def unary(self):
        self.keep(self.choose(UNARY)(self.any()))

    def binary(self):
        a = self.any()
        self.keep(self.choose(BINARY)(a, self.like(a.shape)))

    def product(self):
        a = self.any()
        self.keep(F.tanh(a) * self.like(a.shape))

    def where(self):
        a = self.any()
        self.keep(F.where(F.greater(a, 0.1), self.like(a.shape), self.like(a.shape)))

    def immediate(self):
        self.keep(0.5 * self.any() + float(self.g.integers(3)))

    def per_run(self):
        a = self.any()
        rate = F.reshape(self.pool[6], shape=(self.runs, *(1,) * (a.ndim - 1)))
        self.keep(a * rate)

    def expand(self):
        a = self.any(lambda s: s.ndim == 3 and s.shape[2] == 4)
        self.keep(a + self.like((self.runs, 1, 4)))

    def self_view(self):
        """Read a value and another view of it at once."""
        a = self.any(lambda s: s.ndim == 2 and s.shape[1] > 1)
        n = a.shape[1]
        at = int(self.g.integers(n))
        self.keep(a + F.part(a, axis=1, start=at, stop=at + 1))
        square = self.any(lambda s: s.ndim == 3 and s.shape[1] == s.shape[2])
        self.keep(square - F.transpose(square, axes=(0, 2, 1)))

    def matmul(self):
        a = self.any(lambda s: s.ndim == 3)
        ta, tb = bool(self.g.integers(2)), bool(self.g.integers(2))
        inner = a.shape[1] if ta else a.shape[2]
        axis = 2 if tb else 1
        b = self.any(lambda s: s.ndim == 3 and s.shape[axis] == inner)
        if b is not None:
            self.keep(F.tanh(F.matmul(a, b, ta=ta, tb=tb)))

    def reduce(self):
        a = self.any()
        axis = int(self.g.integers(1, a.ndim))
        self.keep(self.choose((F.sum, F.max))(a, axis=axis, keepdims=True))

    def reshape(self):
        a = self.any(lambda s: s.value.size % (4 * self.runs) == 0)
        n = a.value.size // self.runs
        self.keep(F.reshape(a, shape=self.choose([(self.runs, n), (self.runs, n // 4, 4)])))

    def transpose(self):
        a = self.any(lambda s: s.ndim == 3)
        self.keep(F.transpose(a, axes=(0, 2, 1)))

    def broadcast(self):
        self.keep(F.broadcast(self.like((self.runs, 1, 4)), shape=(self.runs, 3, 4)))

    def part(self):
        a = self.any(lambda s: max(s.shape[1:]) > 1)
        axis = self.choose([i for i in range(1, a.ndim) if a.shape[i] > 1])
        start = int(self.g.integers(a.shape[axis] - 1))
        stop = int(self.g.integers(start + 1, a.shape[axis] + 1))
        self.keep(F.part(a, axis=axis, start=start, stop=stop))

    def pad(self):
        a = self.any()
        self.keep(F.pad(a, axis=int(self.g.integers(1, a.ndim)), before=1, after=2))

    def concat(self):
        parts = [self.any(lambda s: s.ndim == 2) for _ in range(2)]
        fresh = F.tanh(self.any(lambda s: s.ndim == 3))
        fresh = F.reshape(fresh, shape=(self.runs, fresh.value.size // self.runs))
        self.keep(F.concat(*parts, fresh, axis=1))

    def flat_concat(self):
        """Assemble something of a state's size from parts, as an update does."""
        cut = int(self.g.integers(1, self.size))
        left, right = self.like((self.runs, self.size)), self.like((self.runs, self.size))
        head = F.part(left, axis=1, start=0, stop=cut)
        tail = F.part(right, axis=1, start=cut, stop=self.size)
        self.keep(F.concat(0.9 * head, F.tanh(tail) - 0.1 * tail, axis=1))
        self.keep(F.concat(head, tail + 0.5, axis=1))

    def entropy(self):
        a = self.like((self.runs, self.size // 4, 4))
        loss, probabilities = F.cross_entropy(a, self.labels, smoothing=0.1)
        gradient = F.cross_entropy_grad(loss, probabilities, self.labels, smoothing=0.1)
        self.keep(F.tanh(loss), probabilities, F.tanh(gradient))

    def mask(self):
        a = self.any()
        salt = str(len(self.pool))
        self.keep(a * F.dropout_mask(self.key, shape=tuple(a.shape), rate=0.4, salt=salt))

    def write(self, length):
        """Append `length` random actions; return the program."""
        actions = [
            self.unary, self.binary, self.binary, self.product, self.where, self.immediate,
            self.per_run, self.expand, self.self_view, self.matmul, self.reduce, self.reshape,
            self.transpose, self.broadcast, self.part, self.pad, self.concat, self.flat_concat,
            self.flat_concat, self.entropy, self.mask,
        ]  # fmt: skip
        for _ in range(length):
            self.choose(actions)()
        pairs = {}
        for name, old in self.states.items():
            pairs[name] = (old, self.like(old.shape))
        outputs = {f"out{i}": self.any() for i in range(4)}
        return self.recorder.program(outputs, pairs)


def random_inputs(program, seed):
    """Return float64, word and int arrays for a program's inputs."""
    g = stream(seed, "random inputs")
    found = {}
    for name, index in program.inputs.items():
        value = program.values[index]
        if value.kind == "real":
            found[name] = g.standard_normal(value.shape)
        else:
            high = 2**32 if value.kind == "word" else 4
            found[name] = g.integers(0, high, value.shape)
    return found


def replays_differ(program, engine, bind, seed, replays=3):
    """Return the largest relative difference between replays and the definitions."""
    inputs = random_inputs(program, seed)
    bound = bind(program, engine)
    for name, data in inputs.items():
        engine.write(bound.inputs[name], np.asarray(data))
    worst = 0.0
    for _ in range(replays):
        bound.replay()
        expected = evaluate(program, inputs)
        found = {n: engine.numpy(a) for n, a in bound.outputs.items()}
        found |= {n: engine.numpy(bound.inputs[n]) for n in program.pairs}
        for name, array in expected.items():
            scale = max(1.0, float(np.abs(array).max()))
            worst = max(worst, float(np.abs(found[name] - array).max()) / scale)
        inputs |= {name: expected[name] for name in program.pairs}
    return worst


def value_bytes(program):
    """Return the bytes of all real values that are neither inputs nor views, in float64."""
    made = [i for x in program.instructions if not x.primitive.view for i in x.outs]
    return sum(Value(program.values[i].shape, "real").size * 8 for i in made)
