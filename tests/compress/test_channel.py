import numpy as np
import pytest
from network import drawn, outputs

from steepest.compress.channel import gathered, named, shrink, silence
from steepest.compress.dependency import dependencies
from steepest.compress.mask import EmptiedError
from steepest.nn import (
    Chain,
    Conv2D,
    Flatten,
    Graph,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Linear,
    MaxPool,
    Node,
    PReLU,
    ReLU,
    Residual,
    Sigmoid,
    SqueezeExcite,
)  # fmt: skip
from steepest.nn.arch import Arch
from steepest.nn.zoo import ARCHS
from steepest.seeds import stream

IMAGE = (16, 16, 3)
SMALL = {  # options that make a zoo entry quick; its structure is unchanged
    "mlp": {"hidden": (12, 9)},
    "fc_net": {"hidden": (12, 9), "norm": "batch"},
    "two_layer": {"hidden": 12},
    "three_layer_conv": {"filters": 6, "hidden": 10},
    "vgg": {"filters": (6, 8, 10), "hidden": 12},
    "quizdnn": {"filters": 8},
    "resnet18": {"width": 4},
    "resnet20": {"width": 6},
}
OWN = {
    "sigmoid": Chain(Conv2D(6), Sigmoid(), MaxPool(), Flatten(), Linear(8), PReLU(), Linear(4)),
    "depthwise": Chain(Conv2D(6), Conv2D(6, groups=6), ReLU(), Conv2D(5), Flatten(), Linear(4)),
    "groups": Chain(Conv2D(6), Conv2D(6, groups=2), Conv2D(5), Flatten(), Linear(4)),
    "instance": Chain(Conv2D(6), InstanceNorm(), Conv2D(5), LayerNorm(), Flatten(), Linear(4)),
    "excite": Chain(Conv2D(6), Residual(Chain(Conv2D(6), SqueezeExcite(2))), Conv2D(5), Flatten(),
                    Linear(4)),
    "group norm": Chain(Conv2D(6), ReLU(), Conv2D(6), GroupNorm(3), Conv2D(5), Flatten(),
                        Linear(4)),
}  # fmt: skip
OWN["broadcast sum"] = Graph(
    (
        Node("a", Conv2D(1), ("x",)), Node("b", Conv2D(4), ("x",)),
        Node("c", Chain(Conv2D(5), Flatten(), Linear(4)), ("a", "b")),
    )
)  # fmt: skip
ALL = {n: ARCHS[n](**SMALL.get(n, {})) for n in ARCHS if n != "described"}
ALL |= {n: Arch(n, root) for n, root in OWN.items()}
ALL |= {f"fc_net {norm}": ARCHS["fc_net"](hidden=(12, 9), norm=norm) for norm in ("none", "batch")}


def some_kept(found, seed=0):
    """Return a decision that removes about half of the free groups, and empties no layer."""
    keep = stream(seed, "keep").random(found.size) < 0.5
    for family in found.families:
        keep[family[0]] = True
    return keep


@pytest.mark.parametrize("name", ALL)
def test_shrunk_network_equals_the_silenced_one(name):
    """Cutting channels out gives what zeros in their place give, to the rounding of float64."""
    arch = ALL[name]
    arrays = drawn(arch, IMAGE, 4)
    found = dependencies(arch, IMAGE, 4)
    keep = some_kept(found)
    smaller, cut = shrink(arch, IMAGE, 4, arrays, keep)
    x = stream(1, "x").standard_normal((2, *IMAGE))
    masked = outputs(arch, silence(arch, IMAGE, 4, arrays, keep), x, 4)
    assert np.abs(outputs(smaller, cut, x, 4) - masked).max() <= 1e-12 * np.abs(masked).max()
    assert smaller.count_params(IMAGE, 4) < arch.count_params(IMAGE, 4)
    assert smaller.count_flops(IMAGE, 4) < arch.count_flops(IMAGE, 4)
    assert np.abs(outputs(arch, arrays, x, 4) - masked).max() > 1e-9  # something was removed


def test_every_layer_of_a_zoo_network_can_shrink():
    """Only inputs and classes are fixed: nothing in the zoo is held back by a missing case."""
    assert set(ARCHS) - {"described"} <= set(ALL)
    for name in set(ALL) - set(OWN):
        found = dependencies(ALL[name], IMAGE, 4)
        held = [n for n, g in found.outputs.items() if found.fixed.intersection(g.tolist())]
        assert len(held) == 1, name  # the classes


def test_sums_tie_channels():
    """A residual sum makes one group of the channels it adds, option A of several stages."""
    found = dependencies(ARCHS["resnet20"](width=6), IMAGE, 4)
    assert max(len(makers) for makers in found.makers.values()) == 10  # the stem and 9 blocks
    widths = sorted(len(f) for f in found.families if len(found.makers[f[0]]) > 1)
    assert widths == [6, 6, 12]  # in all stages, in the last two, in the last


def test_flatten_removes_all_pixels_of_a_channel():
    """A channel before Flatten becomes H×W rows of the next weight matrix."""
    arch = Arch("a", Chain(Conv2D(3), Flatten(), Linear("classes")))
    found = dependencies(arch, IMAGE, 4)
    keep = np.arange(found.size) != found.free[1]
    _, cut = shrink(arch, IMAGE, 4, drawn(arch, IMAGE, 4), keep)
    whole = drawn(arch, IMAGE, 4)["2.w"].reshape(256, 3, 4)
    assert np.array_equal(cut["2.w"], whole[:, [0, 2]].reshape(512, 4))


def test_emptied_layer_is_named():
    """A layer pruned to nothing is refused by name."""
    arch = ALL["baseline_cnn"]
    found = dependencies(arch, IMAGE, 4)
    with pytest.raises(EmptiedError, match="layer '0' would be pruned to nothing"):
        shrink(arch, IMAGE, 4, drawn(arch, IMAGE, 4), np.zeros(found.size, bool))


def test_state_and_named_arrays_are_inverse():
    """A state taken apart by names and put together again is the same."""
    arch = ALL["vgg"]
    arrays = drawn(arch, IMAGE, 4)
    again = named(arch, IMAGE, 4, gathered(arch, IMAGE, 4, arrays))
    assert all(np.array_equal(again[n], a) for n, a in arrays.items())
