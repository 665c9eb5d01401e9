"""The zoo's networks: exact parameter counts, layers, and the graph of QuizDNN against torch."""

import numpy as np
import pytest
from tracing import run_layer

from steepest.errors import UsageError
from steepest.nn import zoo
from steepest.nn.arch import initial_values, named_arrays

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)

COUNTS = [
    (zoo.mlp(), MNIST, 10, 109_386),
    (zoo.fc_net(), MNIST, 10, 567_434),
    (zoo.fc_net((100,), norm="batch"), MNIST, 10, 79_610),
    (zoo.fc_net((100,), norm="layer", dropout=0.5), MNIST, 10, 79_710),
    (zoo.two_layer(), CIFAR, 10, 308_310),
    (zoo.three_layer_conv(), CIFAR, 10, 825_046),
    (zoo.baseline_cnn(), MNIST, 10, 103_018),
    (zoo.enhanced_cnn(), MNIST, 10, 390_410),
    (zoo.enhanced_cnn(dropout=0), MNIST, 10, 390_410),
    (zoo.compact_cnn(), MNIST, 10, 421_642),
    (zoo.vgg(), CIFAR, 6, 8_776_070),
    (zoo.quizdnn(), CIFAR, 10, 299_018),
    (zoo.resnet18(), CIFAR, 10, 11_173_962),
    (zoo.resnet20(), CIFAR, 10, 269_722),
]


@pytest.mark.parametrize(
    ("arch", "shape", "classes", "count"), COUNTS, ids=lambda x: getattr(x, "name", None)
)
def test_parameter_counts_are_exact(arch, shape, classes, count):
    """As published, or counted by hand from the formula of each layer."""
    assert arch.count_params(shape, classes) == count


@pytest.mark.parametrize(
    ("arch", "layers"),
    [
        (zoo.baseline_cnn(), 11),
        (zoo.enhanced_cnn(), 15),
        (zoo.enhanced_cnn(dropout=0), 14),
        (zoo.compact_cnn(), 12),
    ],
)
def test_layers_are_counted_as_published(arch, layers):
    """ReLU, pool, flatten, dropout and the softmax count."""
    assert arch.count_layers() == layers


@pytest.mark.parametrize("name", sorted(zoo.ARCHS.keys() - {"described"}))
def test_every_net_names_its_last_layer_by_the_classes(name):
    """Each traces on an image and ends in as many outputs as there are classes."""
    arch = zoo.ARCHS[name]()
    assert arch.declare(CIFAR, 7).output == (7,)
    assert "parameters" in arch.summary(CIFAR, 7)


def test_deeper_cifar_resnets_follow_the_formula():
    """6 n + 2 layers: n = 9 is ResNet-56 with 853,018 parameters."""
    assert zoo.resnet20(blocks=9).name == "resnet56"
    assert zoo.resnet20(blocks=9).count_params(CIFAR, 10) == 853_018


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"norm": "bacth"}, "unknown normalization 'bacth'.*batch"),
        ({"initial": "hee"}, "unknown initial values 'hee'"),
        ({"activation": "rleu"}, "unknown activation 'rleu'"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(options, words):
    with pytest.raises(UsageError, match=words):
        zoo.fc_net(**options)


def quiz_in_torch(torch, weights):
    """Return QuizDNN as PyTorch users write it, with our weights."""
    nn = torch.nn

    class Quiz(nn.Module):
        def __init__(self):
            super().__init__()
            for k in (1, 2, 3, 5, 6, 7, 9, 10, 11):
                conv = nn.Conv2d(3 if k == 1 else 64, 64, 3, padding=1)
                self.add_module(f"x{k}", nn.Sequential(conv, nn.ReLU(), nn.BatchNorm2d(64)))
            self.pool, self.x13 = nn.MaxPool2d(2, 2), nn.Linear(64, 10)

        def forward(self, x):
            x1 = self.x1(x)
            x2 = self.x2(x1)
            x3 = self.x3(x1 + x2)
            x4 = self.pool(x1 + x2 + x3)
            x5 = self.x5(x4)
            x6 = self.x6(x4 + x5)
            x7 = self.x7(x4 + x5 + x6)
            x8 = self.pool(x5 + x6 + x7)
            x9 = self.x9(x8)
            x10 = self.x10(x8 + x9)
            x11 = self.x11(x8 + x9 + x10)
            return self.x13(nn.functional.adaptive_avg_pool2d(x11, 1).flatten(1))

    net, ours = Quiz().double(), {}
    roles = {"0.w": "0.weight", "0.b": "0.bias", "2.gain": "2.weight", "2.shift": "2.bias"}
    with torch.no_grad():
        for name, array in weights.items():
            node, _, rest = name.partition(".")
            theirs = f"{node}.{roles.get(rest, {'w': 'weight', 'b': 'bias'}.get(rest))}"
            turned = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            ours[name] = net.get_parameter(theirs)
            ours[name].copy_(torch.tensor(turned.copy()))
    return net, ours


@pytest.mark.torch
def test_quizdnn_equals_the_graph_in_torch():
    """Outputs and all gradients in training mode, to 1e-9 in float64."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    declared = zoo.quizdnn().declare((8, 8, 3), 10)
    weights = named_arrays(declared.leaves, initial_values(declared.leaves, 1))
    net, leaves = quiz_in_torch(torch, weights)
    generator = np.random.default_rng(0)
    x, g = generator.standard_normal((1, 3, 8, 8, 3)), generator.standard_normal((1, 3, 10))
    y = net(torch.tensor(x[0].transpose(0, 3, 1, 2)))
    y.backward(torch.tensor(g[0]))
    values = {name: array[None] for name, array in weights.items()}
    values |= {s.name: s.initial.draw(s.shape, generator)[None] for s in declared.statistics}
    ours = run_layer(zoo.quizdnn().root, x, values, g, classes=10)
    assert np.abs(ours["y"][0] - y.detach().numpy()).max() < 1e-9
    for name, leaf in leaves.items():
        theirs = leaf.grad.numpy()
        theirs = theirs.transpose(2, 3, 1, 0) if theirs.ndim == 4 else theirs.T
        scale = max(1.0, np.abs(theirs).max())
        assert np.abs(ours[f"d{name}"][0] - theirs).max() < 1e-9 * scale, name


def test_initial_values_may_have_options():
    """The scale of initial values is a factor of a study like any other."""
    declared = zoo.fc_net(hidden=(40,), initial="normal(std=0.001)").declare((30,), 3)
    drawn = named_arrays(declared.leaves, initial_values(declared.leaves, 1))
    weights = np.concatenate([v.ravel() for k, v in drawn.items() if k.endswith(".w")])
    assert 0.0008 < weights.std() < 0.0012
    with pytest.raises(UsageError, match="initial values 'normal' has no option 'scale'"):
        zoo.fc_net(initial="normal(scale=1)")
