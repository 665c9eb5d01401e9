"""`Model.to_torch`: the same outputs from PyTorch's own layers, and the weights back."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from steepest import nn  # noqa: E402 - torch decides whether anything here runs
from steepest.errors import UsageError  # noqa: E402
from steepest.nn import zoo  # noqa: E402
from steepest.seeds import stream  # noqa: E402
from steepest.train.model import Model, load  # noqa: E402

pytestmark = pytest.mark.torch
IMAGE = (8, 8, 3)
NETS = {
    "mlp": zoo.mlp(hidden=(5,), dropout=0.2),
    "batch norm": zoo.fc_net(hidden=(6,), norm="batch"),
    "layer norm": zoo.fc_net(hidden=(6,), norm="layer", activation="gelu"),
    "compact_cnn": zoo.compact_cnn(),
    "quizdnn": zoo.ARCHS["quizdnn"](filters=4),
    "resnet18": zoo.ARCHS["resnet18"](width=4),
    "resnet20": zoo.ARCHS["resnet20"](blocks=1, width=4),
    "all else": nn.Arch("all", nn.Chain(
        nn.Conv2D(6, stride=2, groups=3), nn.GroupNorm(3), nn.SiLU(), nn.SqueezeExcite(2),
        nn.Residual(nn.Chain(nn.Conv2D(6, 1, bias=False), nn.InstanceNorm(), nn.DropPath(0.1))),
        nn.LeakyReLU(), nn.SpatialDropout(0.1), nn.LayerNorm(), nn.Linear(5), nn.PReLU(),
        nn.AvgPool(2), nn.ELU(), nn.AdaptiveAveragePool(2), nn.Flatten(), nn.Linear(7), nn.Mish(),
        nn.SELU(), nn.Linear(6), nn.Hardswish(), nn.Sigmoid(), nn.Linear(4), nn.Tanh(),
        nn.Linear("classes"),
    )),
}  # fmt: skip


@pytest.mark.parametrize("layer", [nn.GroupNorm(2), nn.InstanceNorm(), nn.SpatialDropout(0.1)])
def test_sequences_have_no_counterpart_for_what_goes_by_channel(layer):
    """PyTorch would take positions for channels: it is refused, not answered wrongly."""
    model = Model(nn.Chain(layer, nn.Flatten(), nn.Linear("classes")))
    x = stream(0, "sequences").normal(0, 1, (12, 6, 6))
    model.fit(x, np.arange(12) % 3, epochs=1, verbose=0)
    with pytest.raises(UsageError, match="of sequences has no counterpart"):
        model.to_torch()


def test_a_model_of_bfloat16_computes_the_same_after_loading(tmp_path):
    """On the engine it was trained on; on numpy in float32, and close."""
    x, y = _data()
    model = Model(zoo.compact_cnn(), "torch", precision="bfloat16")
    model.fit(x, y, epochs=1, verbose=0)
    path = model.save(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(load(path, "torch").predict(x), model.predict(x))
    np.testing.assert_allclose(load(path).predict(x), model.predict(x), atol=0.02)


def _data():
    generator = stream(0, "images")
    x = generator.integers(0, 256, (48, *IMAGE)).astype(np.uint8)
    return x, np.arange(48) % 4


def _fitted(arch, **options):
    x, y = _data()
    model = Model(arch, engine="torch", precision="float64")
    model.fit(x, y, epochs=1, batch_size=16, verbose=0, **options)
    return model


def _seen(module, x):
    batch = torch.from_numpy(x).permute(0, 3, 1, 2).double() / 255
    with torch.no_grad():
        return module.eval()(batch).numpy()


@pytest.mark.parametrize("name", NETS)
def test_the_module_gives_the_same_outputs(name):
    """Logits equal to 1e-9 in float64; every weight is a parameter that can be trained on."""
    model = _fitted(NETS[name], normalize=name == "mlp")
    x, _ = _data()
    module = model.to_torch()
    assert np.abs(_seen(module, x) - model.outputs(x)).max() < 1e-9
    size = model.arch.count_params(IMAGE, 4)
    assert sum(p.numel() for p in module.parameters() if p.requires_grad) == size


@pytest.mark.parametrize("name", ["quizdnn", "all else"])
def test_weights_come_back(name):
    """A module that was changed gives its weights and statistics to the model."""
    model = _fitted(NETS[name])
    x, _ = _data()
    module = model.to_torch()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.mul_(1.1)
    before = model.outputs(x)
    model.from_torch(module.state_dict())
    assert np.abs(model.outputs(x) - before).max() > 1e-3
    assert np.abs(_seen(module, x) - model.outputs(x)).max() < 1e-9


def test_a_users_own_module_comes_back_itself():
    """The module is of the class that was given, with the trained weights."""
    given = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    model = _fitted(given)
    module = model.to_torch()
    assert type(module) is torch.nn.Sequential
    x, _ = _data()
    assert np.abs(_seen(module, x) - model.outputs(x)).max() < 1e-9


def test_what_cannot_be_done_is_told():
    with pytest.raises(UsageError, match="no weights yet"):
        Model(NETS["mlp"]).to_torch()
    model = _fitted(NETS["mlp"])
    with pytest.raises(UsageError, match="lack 'net\\.1"):
        model.from_torch({})
