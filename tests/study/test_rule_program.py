"""The program of a built-in rule's step does not depend on its numbers: runs may share it."""

from dataclasses import dataclass, fields, replace

import pytest

from steepest.data import load
from steepest.optim import RULES
from steepest.spec import RunSpec
from steepest.train.lender import program_shape
from steepest.train.session import open_session
from steepest.train.step import train_program


def _listing(rule):
    session = open_session([RunSpec(model="mlp(hidden=[4])")], load("digits"))
    return str(train_program(session.task, [rule], 8))


def _moved(rule):
    """Return the rule with every number changed that is not at 0 (0 switches a term off)."""
    numbers = {f.name: getattr(rule, f.name) for f in fields(rule)}
    return replace(rule, **{k: v * 0.75 for k, v in numbers.items() if isinstance(v, float) and v})


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_numbers_of_a_built_in_rule_enter_as_coefficients_alone(name, decay):
    """Rules of equal shape have equal programs, down to the last instruction."""
    rule = RULES[name]()
    if "weight_decay" not in {f.name for f in fields(rule)}:
        pytest.skip("the rule has no decay")
    rule = replace(rule, weight_decay=decay)
    other = _moved(rule)
    assert other != rule
    assert program_shape(other) == program_shape(rule)
    assert _listing(other) == _listing(rule)


@dataclass(frozen=True)
class Own:
    """A rule that reads a field in its step."""

    lr: float = 0.1
    power: float = 1.0
    slots = ()

    def coefficients(self, t, lr):  # noqa: ARG002
        """Return the rate."""
        return {"lr": lr}

    def step(self, p, g, s, c):  # noqa: ARG002
        """Scale by a field."""
        return p - c["lr"] * g * self.power, {}


def test_a_rule_of_the_users_own_stands_for_itself():
    """Its fields may decide its program, so that only an equal rule shares it."""
    assert program_shape(Own(power=2.0)) == program_shape(Own(power=2.0))
    assert program_shape(Own(power=2.0)) != program_shape(Own(power=3.0))
    assert _listing(Own(power=2.0)) != _listing(Own(power=3.0))
    assert program_shape(RULES["adam"](lr=0.1)) == program_shape(RULES["adam"](lr=0.2))
    decayed = RULES["adam"](weight_decay=0.1)
    assert program_shape(RULES["adam"]()) != program_shape(decayed)
