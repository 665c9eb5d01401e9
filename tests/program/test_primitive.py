"""Primitives: each has a case, infers what it computes, and has the right gradient."""

import numpy as np
import pytest
from primitive_case import CASES, COVERED

from steepest.program import F, Recorder, check_gradients
from steepest.program.convolution import CONVOLUTION
from steepest.program.gradient import evaluate
from steepest.program.normalize import NORMALIZE
from steepest.program.pooling import POOLING
from steepest.program.sample import SAMPLE

ELSEWHERE = {**CONVOLUTION, **POOLING, **NORMALIZE, **SAMPLE}


@pytest.mark.parametrize("name", F.PRIMITIVES)
def test_every_primitive_has_a_case(name):
    """A primitive without a case here or in another family's tests is an error."""
    tested = {case.name for case in CASES} | set(ELSEWHERE)
    assert name in tested, f"primitive '{name}' has no case in tests/primitive_case.py"


def test_tables_name_their_primitives():
    """Every table's key is the primitive's own name, and no two families share one."""
    assert all(name == primitive.name for name, primitive in F.PRIMITIVES.items())
    assert not set(COVERED) & set(ELSEWHERE)


@pytest.mark.parametrize("case", [c for c in CASES if c.gradient], ids=str)
def test_gradient_equals_central_differences(case):
    """Reverse mode equals central differences to 1e-6, for all real arguments at once."""
    arrays, kinds = case.arrays(), case.kinds
    real = [a for a, k in zip(arrays, kinds, strict=True) if k == "real"]
    fixed = {f"k{i}": (a, kinds[i]) for i, a in enumerate(arrays) if kinds[i] != "real"}

    def function(*symbols, **others):
        rest = list(symbols)
        ordered = [rest.pop(0) if k == "real" else others[f"k{i}"] for i, k in enumerate(kinds)]
        result = COVERED[case.name](*ordered, **case.attributes)
        return result[0] if isinstance(result, tuple) else result

    found = check_gradients(function, *real, fixed=fixed)
    assert found, str(found)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shape_rule_equals_what_is_computed(case):
    """The inferred shapes are those of the definition, and eager calls equal recorded ones."""
    arrays = case.arrays()
    recorder = Recorder()
    symbols = [
        recorder.input(f"x{i}", a.shape, kind)
        for i, (a, kind) in enumerate(zip(arrays, case.kinds, strict=True))
    ]
    recorded = COVERED[case.name](*symbols, **case.attributes)
    recorded = recorded if isinstance(recorded, tuple) else (recorded,)
    computed = COVERED[case.name](*arrays, **case.attributes)
    computed = computed if isinstance(computed, tuple) else (computed,)
    program = recorder.program({f"y{i}": s for i, s in enumerate(recorded)})
    found = evaluate(program, {f"x{i}": a for i, a in enumerate(arrays)})
    for i, (symbol, array) in enumerate(zip(recorded, computed, strict=True)):
        assert symbol.shape == np.shape(array)
        np.testing.assert_array_equal(found[f"y{i}"], array)
        assert program.flops_of(program.instructions[0]) >= 0


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda x: x @ F.reshape(x, shape=(2, 12)), "equally many axes"),
        (lambda x: F.matmul(x, x), "inner sizes 4 and 3"),
        (lambda x: F.reshape(x, shape=(5, 5)), "24 elements do not fit"),
        (lambda x: F.part(x, axis=-1, start=0, stop=2), "axis -1"),
        (lambda x: F.part(x, axis=1, start=2, stop=9), "outside axis 1"),
        (lambda x: F.pad(x, axis=3, before=1, after=0), "axis 3"),
        (lambda x: F.concat(x, F.part(x, axis=1, start=0, stop=1), axis=2), "differ in an axis"),
        (lambda x: F.cross_entropy(x, x, smoothing=0.0), "labels need the shape"),
        (lambda x: F.cross_entropy(x, F.argmax(x), smoothing=1.0), "label smoothing 1.0"),
        (lambda x: F.dropout_mask(x, shape=(2, 3), rate=0.5, salt=""), "the key has shape"),
        (lambda x: F.dropout_mask(x, shape=(2, 3), rate=1.0, salt=""), r"outside \(0, 1\)"),
        (lambda x: F.gather(F.argmax(x), F.argmax(x), scale=0.5), "unscaled"),
    ],
)
def test_what_does_not_fit_is_named(build, words):
    """A wrong shape or attribute is a ValueError that says what and where."""
    recorder = Recorder()
    with pytest.raises(ValueError, match=words):
        build(recorder.input("x", (2, 3, 4)))


def test_ties_share_the_gradient_of_max():
    """Where two elements are the maximum, each gets half."""
    from steepest.program import grad

    found = grad(lambda x: F.sum(F.max(x, axis=1)))(np.array([[1.0, 3.0, 3.0]]))
    np.testing.assert_array_equal(found, [[0.0, 0.5, 0.5]])


def test_where_differentiates_by_truth_not_by_value():
    """A condition of 2 is as true as 1: the gradient is not multiplied by it."""
    from steepest.program import grad

    found = grad(lambda x: F.sum(F.where(np.array([2.0, 0.0]), x, 3.0 * x)))(np.ones(2))
    np.testing.assert_array_equal(found, [1.0, 3.0])
