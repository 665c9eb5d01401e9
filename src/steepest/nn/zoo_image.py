"""The zoo's networks of images: convolutional, residual and densely connected ones.

Biases stand before a normalization only where the published net has them: there they get no
gradient but rounding noise, which Adam would turn into steps.
"""

from steepest.nn.activation import ReLU
from steepest.nn.arch import Arch
from steepest.nn.composition import Chain, Graph, Node, Residual, started
from steepest.nn.convolution import Conv2D, GlobalAveragePool, MaxPool, Shortcut
from steepest.nn.initial import initial_of
from steepest.nn.layer import Dropout, Flatten, Linear
from steepest.nn.normalization import BatchNorm

Layers = list[object]


def arch_of(name: str, root: object, initial: str) -> Arch:
    """Return a named net whose weights begin by `initial`: "he", "fan_in", "normal(std=0.1)"."""
    return Arch(name, started(root, initial_of(initial)))


def _stages(filters: tuple[int, ...]) -> Layers:
    """Return [Conv2D 3×3, ReLU, MaxPool] for every number of filters."""
    return [layer for n in filters for layer in (Conv2D(n), ReLU(), MaxPool())]


def _head(width: int, dropout: float = 0.0) -> Layers:
    """Return Flatten, a hidden layer with dropout, and the classes."""
    middle = [Dropout(dropout)] if dropout else []
    return [Flatten(), Linear(width), ReLU(), *middle, Linear("classes")]


def three_layer_conv(
    filters: int = 32, kernel: int = 7, hidden: int = 100, initial: str = "he"
) -> Arch:
    """Return conv - ReLU - 2×2 max-pool - linear - ReLU - linear.

    >>> three_layer_conv().count_params((32, 32, 3), 10)
    825046
    """
    root = Chain(Conv2D(filters, kernel), ReLU(), MaxPool(), *_head(hidden))
    return arch_of("three_layer_conv", root, initial)


def baseline_cnn(initial: str = "he") -> Arch:
    """Return the 11-layer net of 8 and 16 filters and 128 hidden units.

    >>> baseline_cnn().count_params((28, 28, 1), 10)
    103018
    """
    return arch_of("baseline_cnn", Chain(*_stages((8, 16)), *_head(128)), initial)


def enhanced_cnn(dropout: float = 0.5, initial: str = "he") -> Arch:
    """Return the 15-layer net of 32, 64 and 128 filters; 14 layers with dropout=0.

    >>> enhanced_cnn().count_params((28, 28, 1), 10)
    390410
    """
    return arch_of("enhanced_cnn", Chain(*_stages((32, 64, 128)), *_head(256, dropout)), initial)


def compact_cnn(dropout: float = 0.5, initial: str = "he") -> Arch:
    """Return the 12-layer net of 32 and 64 filters and 128 hidden units.

    >>> compact_cnn().count_params((28, 28, 1), 10)
    421642
    """
    return arch_of("compact_cnn", Chain(*_stages((32, 64)), *_head(128, dropout)), initial)


def vgg(
    filters: tuple[int, ...] = (128, 256, 512),
    hidden: int = 512,
    dropout: float = 0.3,
    initial: str = "he",
) -> Arch:
    """Return [[Conv2D 3×3, BatchNorm, ReLU]×2, MaxPool, Dropout] per stage, then a hidden layer.

    >>> vgg().count_params((32, 32, 3), 6)
    8776070
    """
    layers: Layers = []
    for n in filters:
        layers += [Conv2D(n, bias=False), BatchNorm(), ReLU()] * 2
        layers += [MaxPool(), *([Dropout(dropout)] if dropout else [])]
    return arch_of("vgg", Chain(*layers, *_head(hidden, dropout)), initial)


def quizdnn(filters: int = 64, initial: str = "he") -> Arch:
    """Return the graph whose blocks read sums of all earlier outputs of their stage.

    A block is a biased 3×3 convolution, ReLU and batch normalization, in this order.

    >>> quizdnn().count_params((32, 32, 3), 10)
    299018
    """
    block, pool = Chain(Conv2D(filters), ReLU(), BatchNorm()), MaxPool()
    nodes = (
        Node("x1", block, ("x",)),
        Node("x2", block, ("x1",)),
        Node("x3", block, ("x1", "x2")),
        Node("x4", pool, ("x1", "x2", "x3")),
        Node("x5", block, ("x4",)),
        Node("x6", block, ("x4", "x5")),
        Node("x7", block, ("x4", "x5", "x6")),
        Node("x8", pool, ("x5", "x6", "x7")),
        Node("x9", block, ("x8",)),
        Node("x10", block, ("x8", "x9")),
        Node("x11", block, ("x8", "x9", "x10")),
        Node("x12", GlobalAveragePool(), ("x11",)),
        Node("x13", Linear("classes"), ("x12",)),
    )
    return arch_of("quizdnn", Graph(nodes), initial)


def _basic_block(filters: int, stride: int, shortcut: object) -> Layers:
    """Return two 3×3 convolutions around a shortcut, then ReLU (He et al. 2016, figure 2)."""
    body = Chain(
        Conv2D(filters, stride=stride, bias=False), BatchNorm(), ReLU(),
        Conv2D(filters, bias=False), BatchNorm(),
    )  # fmt: skip
    return [Residual(body, shortcut), ReLU()]


def resnet18(width: int = 64, initial: str = "he") -> Arch:
    """Return ResNet-18 in its form for 32×32 images: a 3×3 first convolution and no first pool.

    Shortcuts across stages are 1×1 convolutions (He et al. 2016, option B).

    >>> resnet18().count_params((32, 32, 3), 10)
    11173962
    """
    layers: Layers = [Conv2D(width, bias=False), BatchNorm(), ReLU()]
    for stage, stride in enumerate((1, 2, 2, 2)):
        filters = width * 2**stage
        across = Chain(Conv2D(filters, 1, stride=stride, bias=False), BatchNorm())
        layers += _basic_block(filters, stride, across if stride > 1 else None)
        layers += _basic_block(filters, 1, None)
    return arch_of("resnet18", Chain(*layers, GlobalAveragePool(), Linear("classes")), initial)


def resnet20(blocks: int = 3, width: int = 16, initial: str = "he") -> Arch:
    """Return the CIFAR ResNet of 6 blocks + 2 layers (He et al. 2016, section 4.2; option A).

    >>> resnet20().count_params((32, 32, 3), 10)
    269722
    """
    layers: Layers = [Conv2D(width, bias=False), BatchNorm(), ReLU()]
    for stage in range(3):
        for block in range(blocks):
            filters, stride = width * 2**stage, 2 if stage and not block else 1
            layers += _basic_block(filters, stride, Shortcut(filters) if stride > 1 else None)
    return arch_of(
        f"resnet{6 * blocks + 2}", Chain(*layers, GlobalAveragePool(), Linear("classes")), initial
    )
