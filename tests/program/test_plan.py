"""Planning: where values lie, what is overwritten, what is copied."""

import numpy as np
import pytest
from random_program import Writer, value_bytes

from steepest.program import F, Recorder, chain
from steepest.program.arena import Arena
from steepest.program.place import Alias, Piece, Region, Same, root
from steepest.program.plan import plan
from steepest.program.trace import Value


def planned(build, runs=1, size=8, **options):
    """Plan a program whose one state "s" becomes what `build(s, x)` returns."""
    recorder = Recorder()
    s, x = recorder.input("s", (runs, size)), recorder.input("x", (runs, size))
    new, outputs = build(s, x)
    return plan(recorder.program(outputs, {"s": (s, new)}), **options)


def place_of_state(found):
    old, new = found.program.pairs["s"]
    return old, found.places[new]


def test_a_state_is_overwritten_in_place_where_nothing_reads_it_later():
    """P - lr g is written over p: no copy."""
    found = planned(lambda s, x: (s - 0.1 * x, {}))
    old, place = place_of_state(found)
    assert place == Same(old)
    assert not found.copies


def test_a_state_is_overwritten_part_by_part():
    """Two parts updated apart and joined are both written straight into the old vector."""

    def build(s, x):
        cut = [F.part(v, axis=1, start=a, stop=b) for v in (s, x) for a, b in ((0, 3), (3, 8))]
        return F.concat(cut[0] - cut[2], cut[1] * cut[3], axis=1), {}

    found = planned(build)
    old, place = place_of_state(found)
    assert place == Same(old)
    assert sum(isinstance(p, Region) for p in found.places.values()) == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda s, x: (s * x, {"y": F.tanh(s)}),
        lambda s, x: (s * x, {"y": F.part(s, axis=1, start=2, stop=5)}),
        lambda s, x: (F.concat(*_swapped(s), axis=1), {"x": x}),
        lambda s, x: (s * F.part(s, axis=1, start=7, stop=8), {"x": x}),
    ],
    ids=["read later", "an output", "halves swapped", "reads its end"],
)
def test_a_state_that_is_still_read_is_copied(build):
    """Where the old value is read after the new one begins, the new one has memory of its own."""
    found = planned(build)
    old, place = place_of_state(found)
    assert place != Same(old)
    assert found.copies == ((old, found.program.pairs["s"][1]),)


def _swapped(s):
    return F.part(s, axis=1, start=4, stop=8) * 1.5, F.part(s, axis=1, start=0, stop=4) * 2.0


def test_swapped_states_are_saved_before_they_are_copied():
    """A ← b and b ← a: both are copied aside first."""
    recorder = Recorder()
    a, b = recorder.input("a", (1, 3)), recorder.input("b", (1, 3))
    found = plan(recorder.program({}, {"a": (a, b), "b": (b, a)}))
    assert set(found.saved) == {a.index, b.index}
    assert len(found.copies) == 2


def test_views_take_no_memory():
    """Reshape, part and broadcast alias; a reshape of a transposed value is copied."""
    recorder = Recorder()
    x = recorder.input("x", (2, 3, 4))
    y = F.exp(x)
    flat = F.reshape(y, shape=(2, 12))
    turned = F.reshape(F.transpose(y, axes=(0, 2, 1)), shape=(2, 12))
    found = plan(recorder.program({"a": flat, "b": turned}))
    assert isinstance(found.places[flat.index], Alias)
    assert root(found.places, flat.index) == y.index
    assert isinstance(found.places[turned.index], Piece)


def test_the_arena_is_smaller_than_the_sum_of_values():
    """A chain of twenty values needs the memory of one, because each is written over the last."""
    recorder = Recorder()
    y = recorder.input("x", (1, 1000))
    for _ in range(20):
        y = F.tanh(y)
    found = plan(recorder.program({"y": y}), real_bytes=8)
    assert found.arena_bytes == 8000
    assert value_bytes(found.program) == 160_000


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_reuse_memory(seed):
    """The arena never exceeds the sum of the values, alignment aside."""
    program = Writer(seed, 2, 12).write(40)
    found = plan(program, real_bytes=8, alignment=1)
    assert found.arena_bytes <= value_bytes(program)


def test_large_element_wise_runs_become_one_step():
    """An update of a large vector is one chain whose inner values need no memory."""
    size = 2 * chain.SMALLEST
    found = planned(lambda s, x: (0.9 * s + F.tanh(x * 0.1) * 0.1, {}), size=size)
    (step,) = found.steps
    assert step.is_chain
    assert len(step.inner) == len(step.instructions) - 1
    assert found.arena_bytes == 0


def test_a_chain_does_not_read_its_own_values_through_views():
    """An element of another block is not yet there: the view ends the chain."""
    size = 2 * chain.SMALLEST

    def build(s, x):
        y = s * x
        return y + F.part(y, axis=1, start=size - 1, stop=size), {}

    assert not any(step.is_chain for step in planned(build, size=size).steps)


def test_the_arena_hands_out_the_smallest_hole():
    """Best fit, joined neighbours, and no overlap of living pieces."""
    arena = Arena(real_bytes=4, alignment=16)
    values = [Value((1, n), "real") for n in (4, 8, 4, 16)]
    offsets = [arena.take(v) for v in values]
    assert offsets == [0, 16, 48, 64]
    arena.give(offsets[1])
    arena.give(offsets[0])
    assert arena.take(Value((1, 12), "real")) == 0
    assert arena.take(Value((1, 1), "byte")) == 128
    assert arena.size == 144


def test_arenas_of_words_and_integers():
    """Bytes follow the kind: integers 8, words 4, bytes 1, reals as planned."""
    arena = Arena(real_bytes=8, alignment=1)
    kinds = {"int": 24, "word": 12, "byte": 3, "real": 24}
    assert {k: arena.bytes(Value((3,), k)) for k in kinds} == kinds
    assert np.prod(Value((3,), "real").shape) == 3
