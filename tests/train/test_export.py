import json
from dataclasses import replace

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.errors import DataError, UsageError
from steepest.nn import (
    ELU,
    GELU,
    AdaptiveAveragePool,
    AvgPool,
    Chain,
    Conv2D,
    Flatten,
    GlobalAveragePool,
    GroupNorm,
    Hardswish,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    Mish,
    PReLU,
    Residual,
    SiLU,
    SqueezeExcite,
    Tanh,
)  # fmt: skip
from steepest.nn.description import to_text
from steepest.nn.zoo import ARCHS
from steepest.part import Part
from steepest.seeds import stream
from steepest.spec import RunSpec
from steepest.train import export as room
from steepest.train.export import export
from steepest.train.session import open_session, read_state, write_state
from steepest.train.state import State

ZOO = {
    "mlp": {"hidden": (6,), "dropout": 0.2}, "fc_net": {"hidden": (6,), "norm": "layer"},
    "two_layer": {"hidden": 6}, "three_layer_conv": {"filters": 4, "hidden": 6},
    "baseline_cnn": {}, "enhanced_cnn": {}, "compact_cnn": {},
    "vgg": {"filters": (4, 6), "hidden": 8}, "quizdnn": {"filters": 4},
    "resnet18": {"width": 4}, "resnet20": {"blocks": 1, "width": 4},
}  # fmt: skip
MIXED = Chain(
    Conv2D(4, stride=2), GroupNorm(2), SiLU(), Residual(Chain(Conv2D(4), SqueezeExcite(2), Mish())),
    Conv2D(4, groups=4), InstanceNorm(), Hardswish(), AvgPool(2), GELU(), AdaptiveAveragePool(3),
    PReLU(), LeakyReLU(), Flatten(), Linear(7), LayerNorm(), ELU(), Tanh(), Linear("classes"),
)  # fmt: skip
POOLED = Chain(Conv2D(4), GlobalAveragePool(), Linear("classes"))
CASES = {n: Part(n, tuple(sorted(o.items()))) for n, o in ZOO.items()}
CASES |= {
    n: Part("described", (("text", to_text(c)),)) for n, c in {"m": MIXED, "p": POOLED}.items()
}


def session_of(model, images=True):
    """Return a session with drawn weights and statistics on 60 random examples."""
    x = stream(0, "x").integers(0, 256, size=(60, 16, 16, 3)).astype(np.uint8)
    if not images:
        x = x[:, 0, :, 0].astype(np.float32)
    dataset = from_arrays("random", x, np.arange(60) % 4)
    session = open_session([RunSpec(data="random", model=model)], dataset)
    state = read_state(session, 0)
    moved = {n: a + 0.1 * (stream(1, n).random(a.shape) - 0.5) for n, a in state.arrays.items()}
    write_state(session, State(0, moved))
    return session


def test_every_network_of_the_zoo_is_exported():
    """The cases name each architecture."""
    assert set(ZOO) == set(ARCHS) - {"described"}


@pytest.mark.parametrize("to", ["onnx", "torch"])
@pytest.mark.parametrize("name", CASES)
def test_exported_networks_equal_ours(name, to, tmp_path):
    """Every zoo network computes the same elsewhere, to 1e-5 of its largest output."""
    pytest.importorskip("onnxruntime" if to == "onnx" else "torch")
    found = export(session_of(CASES[name]), to, tmp_path / "net")
    assert found.error <= 1e-5
    assert found.examples == 10
    assert all(f.stat().st_size for f in found.files)


@pytest.mark.parametrize("to", ["safetensors", "npz"])
def test_weights_are_exported_with_their_description(to, tmp_path):
    """Files of arrays hold every leaf by name, and say which network they belong to."""
    session = session_of("mlp(hidden=(6,))", images=False)  # normalized inputs: shift and gain
    (file,) = export(session, to, tmp_path / "net").files
    if to == "npz":
        held = np.load(file, allow_pickle=False)
        about = json.loads(str(held["description"]))
        assert about["source"]["root"]["layers"][1]["units"] == 6
        assert {"1.w", "1.b", "3.w", "3.b", "shift", "gain"} <= set(held.files)
        assert held["1.w"].shape == (16, 6)


@pytest.mark.torch
def test_formats_do_not_overwrite_each_other(tmp_path):
    """A module's source finds its weights after arrays were exported beside it."""
    pytest.importorskip("torch")
    session = session_of("mlp(hidden=(6,))")
    source, weights = export(session, "torch", tmp_path / "net").files
    before = weights.read_bytes()
    export(session, "safetensors", tmp_path / "net")
    assert weights.read_bytes() == before
    assert weights.name in source.read_text()


@pytest.mark.torch
def test_torch_export_takes_any_batch(tmp_path):
    """The exported program runs for batches that it was not traced with."""
    torch = pytest.importorskip("torch")
    (file,) = export(session_of(CASES["vgg"]), "torch-export", tmp_path / "net").files
    module = torch.export.load(str(file)).module()
    assert [tuple(module(torch.zeros(n, 16, 16, 3)).shape) for n in (1, 7)] == [(1, 4), (7, 4)]
    assert [f.name for f in tmp_path.iterdir()] == ["net.pt2"]


def test_onnx_takes_any_batch(tmp_path):
    """The ONNX graph runs for a batch of one and of many."""
    runtime = pytest.importorskip("onnxruntime")
    (file,) = export(session_of(CASES["resnet20"]), "onnx", tmp_path / "net").files
    runner = runtime.InferenceSession(file)
    x = np.zeros((9, 16, 16, 3), np.float32)
    assert runner.run(["logits"], {"x": x})[0].shape == (9, 4)
    assert runner.run(["logits"], {"x": x[:1]})[0].shape == (1, 4)


def test_wrong_export_is_not_kept(tmp_path, monkeypatch):
    """A file whose numbers differ from ours is removed, and the difference is said."""

    def wrong(_, target):
        target.touch()
        return (target,), lambda x: np.zeros((len(x), 4))

    monkeypatch.setitem(room.WRITERS, "npz", wrong)
    with pytest.raises(DataError, match="differs from ours"):
        export(session_of("mlp(hidden=(6,))"), "npz", tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_and_missing_library_are_told(tmp_path, monkeypatch):
    """One sentence names the known formats, or what to install."""
    session = session_of("mlp(hidden=(6,))")
    with pytest.raises(UsageError, match="onnx"):
        export(session, "onxx", tmp_path / "net")
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'steepest\[export\]'"):
        export(session, "onnx", tmp_path / "net")


def test_masked_network_is_exported_with_its_zeros(tmp_path):
    """A mask is no part of an exported network: its zeros are in the weights."""
    pytest.importorskip("onnxruntime")
    session = session_of("mlp(hidden=(6,))")
    masked = open_session([session.spec], session.dataset, masked=True)
    state = read_state(session, 0)
    half = (np.arange(len(state.arrays["params"])) % 2).astype(np.float32)
    write_state(masked, State(0, {"params": state.arrays["params"] * half, "mask": half}))
    assert export(masked, "onnx", tmp_path / "net").error <= 1e-5
    assert replace(masked.task, masked=False) == session.task


@pytest.mark.torch
@pytest.mark.parametrize("to", ["onnx", "torch"])
def test_a_network_trained_in_bfloat16_is_exported(to, tmp_path):
    """Its weights are float32, and so is what they are checked by."""
    pytest.importorskip("onnxruntime" if to == "onnx" else "torch")
    x = stream(0, "x").integers(0, 256, size=(60, 16, 16, 3)).astype(np.uint8)
    spec = RunSpec(data="random", model=CASES["quizdnn"], engine="torch", precision="bfloat16")
    session = open_session([spec], from_arrays("random", x, np.arange(60) % 4))
    assert export(session, to, tmp_path / "net").error <= 1e-5
