"""`steepest check` compares a model's gradient with central differences."""

import numpy as np
import pytest

from steepest.cli import check as room
from steepest.cli.check import check_layers
from steepest.data import from_arrays, load
from steepest.nn.zoo import ARCHS
from steepest.program import GradientCheck
from steepest.spec import from_plain


@pytest.mark.parametrize(
    "model",
    ["mlp(hidden=(9,))", "mlp(hidden=(8,8),activation='gelu',dropout=0.3,l1=0.01,l2=0.1)"],
)
def test_a_sound_model_passes_layer_by_layer(call, model):
    code, out, err = call("check", "--model", model)
    assert (code, err) == (0, "")
    assert out.count("ok") == model.count("8") + 2 if "8" in model else 3
    assert "FAILED" not in out


def test_every_layer_is_checked_and_the_whole():
    spec = from_plain({"model": "mlp(hidden=(5,))"})
    found = list(check_layers(spec, load("digits")))
    assert [(name, size) for name, size, _ in found] == [("1", 325), ("3", 60), ("all", 385)]
    assert all(one.error < 1e-7 for _, _, one in found)


def test_a_regression_is_checked_too():
    x = np.linspace(-1, 1, 60).reshape(20, 3)
    dataset = from_arrays("own", x, x[:, :2] ** 2)
    spec = from_plain({"model": "mlp(hidden=(4,),activation='tanh')"})
    found = list(check_layers(spec, dataset))
    assert found
    assert all(found)
    assert all(one.passed for _, _, one in found)


def test_a_failed_layer_is_named_and_the_code_is_1(call, monkeypatch):
    wrong = GradientCheck(passed=False, error=0.5, worst="argument 0 at [0]: 1 against 2")
    monkeypatch.setattr(room, "check_layers", lambda *_: [("3", 7, wrong)])
    code, out, _ = call("check")
    assert code == 1
    assert "FAILED" in out
    assert "layer 3: gradient check FAILED: relative error 5.00e-01; worst entry argument 0" in out


def test_an_option_by_dot_reaches_the_model(call):
    code, out, _ = call("check", "--model.hidden", "4")
    assert code == 0
    assert "mlp(hidden=(4,))" in out


SMALL = {
    "quizdnn": "quizdnn(filters=4)", "resnet18": "resnet18(width=2)", "vgg": "vgg(filters=(4, 4))",
    "resnet20": "resnet20(width=2, blocks=1)", "fc_net": "fc_net(norm=batch)",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(ARCHS) - {"described"}))
def test_every_network_of_the_zoo_passes(name):
    """Statistics of batch normalization are held; no value lies on a kink."""
    found = list(check_layers(from_plain({"model": SMALL.get(name, name)}), load("digits")))
    assert [(layer, str(one)) for layer, _, one in found if not one.passed] == []


def test_a_wrong_gradient_of_a_large_model_is_found_in_part(monkeypatch):
    """The worst of some entries is named; all of them would take hours."""
    monkeypatch.setattr("steepest.program.check.ENTRIES", 3)
    calls = []

    def compared(*_):
        calls.append(1)
        return 0.5

    monkeypatch.setattr("steepest.program.check._difference", compared)
    found = list(check_layers(from_plain({"model": "mlp(hidden=(5,))"}), load("digits")))
    assert not any(one.passed for _, _, one in found)
    assert all("against 0.5 by differences" in one.worst for _, _, one in found)
    directions, steps, arguments = 3, 3, 2 + 2 + 4
    assert len(calls) == 3 * directions * steps + 3 * arguments


def test_a_module_of_pytorch_is_not_checked(call):
    pytest.importorskip("torch")
    code, _, err = call("check", "--model", "torch.nn:Flatten")
    assert code == 2
    assert "PyTorch's to differentiate" in err
