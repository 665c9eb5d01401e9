"""Update rules equal `torch.optim` on a fixed sequence of gradients, in float64, for 200 steps."""

from dataclasses import replace

import numpy as np
import pytest
from problems import RULE_CASES

from steepest.optim import (
    RULES,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nadam,
    Nesterov,
    RMSProp,
)
from steepest.optim.rule import coefficient_names, coefficient_table, undecayed
from steepest.seeds import stream

STEPS, SIZE = 200, 30


def gradients():
    """Return a fixed sequence with scales from 1e-4 to 1e2 and some exact zeros."""
    g = stream(0, "gradients").standard_normal((STEPS, SIZE)) * np.logspace(-4, 2, SIZE)
    g[::7, ::5] = 0.0
    return g


START = stream(1, "start").standard_normal(SIZE)


def ours(rule, rates=None, dtype=np.float64):
    """Return the parameters after every step; coefficients come from the table of a run."""
    p = START[None].astype(dtype)
    slots = {name: np.zeros_like(p) for name in rule.slots}
    rates = np.full(STEPS, rule.lr) if rates is None else rates
    names, table = coefficient_table([rule], np.arange(1, STEPS + 1), rates[:, None])
    path = []
    for row, g in zip(table.astype(dtype), gradients().astype(dtype), strict=True):
        p, slots = rule.step(p, g[None], slots, dict(zip(names, row, strict=True)))
        path.append(p[0])
    return np.array(path)


def optimizer(rule, p):
    """Return torch's optimizer for one of our rules, parameter by parameter."""
    import torch

    if isinstance(rule, (SGD, Momentum, Nesterov)):
        momentum = getattr(rule, "momentum", 0.0)
        nesterov = isinstance(rule, Nesterov)
        how = {"momentum": momentum, "nesterov": nesterov, "weight_decay": rule.weight_decay}
        return torch.optim.SGD([p], rule.lr, **how)
    how = {"lr": rule.lr, "eps": rule.eps, "weight_decay": rule.weight_decay}
    if isinstance(rule, AdaGrad):
        return torch.optim.Adagrad([p], **how)
    if isinstance(rule, RMSProp):
        return torch.optim.RMSprop([p], alpha=rule.rho, **how)
    how["betas"] = (rule.beta1, rule.beta2)
    if isinstance(rule, Nadam):
        return torch.optim.NAdam([p], momentum_decay=rule.momentum_decay, **how)
    return {Adam: torch.optim.Adam, AdamW: torch.optim.AdamW}[type(rule)]([p], **how)


def patch(made, p):
    """Keep torch's own scalars in float64: NAdam's mu_product and the steps are float32 tensors.

    `step` counts exactly in float32, but Adam's bias correction and NAdam's product of momenta
    would be rounded to seven digits, which is not what is compared here.
    """
    import torch

    for name, value in made.state[p].items():
        if torch.is_tensor(value) and value.dtype == torch.float32:
            made.state[p][name] = value.double()


def torchs(rule, rates=None):
    """Return torch's parameters after every step."""
    import torch

    p = torch.tensor(START, requires_grad=True)
    made = optimizer(rule, p)
    path = []
    for i, g in enumerate(gradients()):
        if rates is not None:
            made.param_groups[0]["lr"] = float(rates[i])
        if i == 0 and isinstance(rule, Nadam):  # its state is made in the first step
            made.state[p].update(
                step=torch.tensor(0.0, dtype=torch.float64),
                mu_product=torch.ones((), dtype=torch.float64),
                exp_avg=torch.zeros_like(p),
                exp_avg_sq=torch.zeros_like(p),
            )
        patch(made, p)
        p.grad = torch.tensor(g)
        made.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)


@pytest.mark.torch
@pytest.mark.parametrize("name", RULE_CASES)
def test_rule_equals_torch(name):
    """All 200 steps agree to 1e-10, with the defaults and with weight decay on every parameter."""
    pytest.importorskip("torch", reason="torch is not installed")
    rule = RULE_CASES[name]
    np.testing.assert_allclose(ours(rule), torchs(rule), rtol=1e-10, atol=1e-10)


CHANGED = [
    SGD(lr=0.3),
    Momentum(lr=0.1, momentum=0.5),
    Nesterov(lr=0.1, momentum=0.99),
    AdaGrad(lr=0.5, eps=1e-3),
    RMSProp(lr=0.01, rho=0.9, eps=1e-3),
    Adam(lr=0.01, beta1=0.5, beta2=0.9, eps=1e-3),
    AdamW(lr=0.01, beta1=0.0, beta2=0.99, weight_decay=0.3),
    Nadam(lr=0.01, beta1=0.8, beta2=0.95, momentum_decay=0.1),
]


@pytest.mark.torch
@pytest.mark.parametrize("rule", CHANGED, ids=lambda r: type(r).__name__)
def test_rule_equals_torch_with_other_hyper_parameters(rule):
    """Every field has torch's meaning, also while the rate follows a schedule."""
    pytest.importorskip("torch", reason="torch is not installed")
    rates = rule.lr * (1.0 + 0.9 * np.cos(np.arange(STEPS) / 9.0))
    np.testing.assert_allclose(ours(rule, rates), torchs(rule, rates), rtol=1e-10, atol=1e-10)


@pytest.mark.torch
@pytest.mark.parametrize("name", RULES)
def test_defaults_are_torchs(name):
    """A rule without arguments has torch's values; SGD's rate is Keras', as its docstring says."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rule = RULES[name]()
    p = torch.zeros(1, requires_grad=True)
    made = optimizer(rule, p).defaults
    classes = {"momentum": "SGD", "nesterov": "SGD", "sgd": "SGD", "adagrad": "Adagrad"}
    classes |= {"rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "nadam": "NAdam"}
    plain = getattr(torch.optim, classes[name])([p]).defaults
    chosen = {"sgd": ("lr",), "momentum": ("lr", "momentum")}
    chosen["nesterov"] = ("lr", "momentum", "nesterov")
    default = {k: v for k, v in plain.items() if k not in chosen.get(name, ())}
    assert {k: made[k] for k in default} == default


@pytest.mark.parametrize("name", RULE_CASES)
def test_float32_stays_float32(name):
    """Coefficients rounded once keep the step in float32, close to the float64 one."""
    rule = RULE_CASES[name]
    single = ours(rule, dtype=np.float32)
    assert single.dtype == np.float32
    assert np.abs(single - ours(rule)).max() < 2e-3


@pytest.mark.parametrize("name", RULE_CASES)
def test_coefficients_are_float64_until_rounded_once(name):
    """The table holds 1 - beta2 to the last bit of float64, not 1 - float32(beta2)."""
    names, table = coefficient_table([RULE_CASES[name]], np.arange(1, 4), np.full((3, 1), 0.1))
    assert table.dtype == np.float64
    assert table.shape == (3, len(names), 1, 1)
    if "c2" in names:
        assert table[0, names.index("c2"), 0, 0] == 1.0 - 0.999
        assert np.float32(1.0 - 0.999) != 1 - np.float32(0.999)


@pytest.mark.parametrize("name", RULE_CASES)
def test_coefficients_of_many_steps_are_those_of_single_steps(name):
    """An epoch's table at once gives what single steps would: resuming changes nothing."""
    rule = RULE_CASES[name]
    rates = np.linspace(0.1, 0.01, STEPS)
    names, table = coefficient_table([rule], np.arange(1, STEPS + 1), rates[:, None])
    for t in (1, 2, 57, STEPS):
        own, row = coefficient_table([rule], np.array([t]), rates[t - 1 : t, None])
        assert own == names
        np.testing.assert_array_equal(row[0], table[t - 1])


def test_a_missing_coefficient_changes_nothing():
    """A run without weight decay beside one with it gets 0, or 1 for a factor."""
    rules = [AdamW(weight_decay=0.0), AdamW(weight_decay=0.1)]
    names, table = coefficient_table(rules, np.arange(1, 3), np.full((2, 2), 0.5))
    assert table[:, names.index("keep"), 0, 0].tolist() == [1.0, 1.0]
    assert table[:, names.index("keep"), 1, 0].tolist() == [0.95, 0.95]
    rules = [SGD(), SGD(weight_decay=0.1)]
    assert coefficient_names(rules) == ("lr", "wd")
    assert coefficient_table(rules, np.ones(1), np.ones((1, 2)))[1][0, 1, 0, 0] == 0.0


@pytest.mark.parametrize("name", RULES)
def test_undecayed_rules(name):
    """Biases follow the same rule without weight decay; a rule without it is left alone."""
    rule = RULES[name](weight_decay=0.2)
    assert undecayed(rule) == replace(rule, weight_decay=0.0)
    assert undecayed(undecayed(rule)) is not None
    assert len(coefficient_names([undecayed(rule)])) == len(coefficient_names([rule])) - 1
