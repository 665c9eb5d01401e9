"""The examples in the docstrings of floors 0 to 2 are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import steepest

PACKAGE = Path(steepest.__file__).parent
ROOMS = ("program", "data", "stats", "nn", "optim")


def modules():
    files = [PACKAGE / f"{name}.py" for name in ("seeds", "codec", "paths", "errors")]
    files += [path for room in ROOMS for path in sorted((PACKAGE / room).glob("*.py"))]
    dotted = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files]
    return [name.removesuffix(".__init__") for name in dotted]


def examples(name):
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for test in finder.find(import_module(name)) if test.examples]


@pytest.mark.parametrize("name", modules())
def test_examples_are_true(name):
    """Every example of a module's docstrings gives what it says."""
    for test in examples(name):
        runner = doctest.DocTestRunner(verbose=False)
        report = []
        runner.run(test, out=report.append)
        assert runner.failures == 0, "".join(report)


def test_there_are_examples():
    """At least two dozen modules and a dozen examples are looked at."""
    names = modules()
    assert len(names) >= 24
    assert sum(len(examples(name)) for name in names) >= 12
