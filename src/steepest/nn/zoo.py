"""The zoo: architectures by name, each a short composition; here those of flat examples."""

from collections.abc import Callable, Mapping

from steepest.errors import unknown
from steepest.nn.activation import ACTIVATIONS
from steepest.nn.arch import Arch
from steepest.nn.composition import Chain
from steepest.nn.description import described
from steepest.nn.layer import Dropout, Flatten, Linear
from steepest.nn.normalization import NORMALIZATIONS
from steepest.nn.zoo_image import (
    arch_of,
    baseline_cnn,
    compact_cnn,
    enhanced_cnn,
    quizdnn,
    resnet18,
    resnet20,
    three_layer_conv,
    vgg,
)


def mlp(
    hidden: tuple[int, ...] = (128, 64),
    activation: str = "relu",
    dropout: float = 0.0,
    initial: str = "he",
    l1: float = 0.0,
    l2: float = 0.0,
) -> Arch:
    """Return a multi-layer perceptron: [Linear, activation, dropout] per hidden width, Linear.

    With the defaults on 28×28 images and ten classes: 784-128-64-10, 109,386 parameters.

    >>> mlp().count_params((28, 28, 1), 10)
    109386
    """
    _check("activation", activation, ACTIVATIONS)
    layers: list[object] = [Flatten()]
    for width in hidden:
        layers += [Linear(width, l1=l1, l2=l2), ACTIVATIONS[activation]()]
        layers += [Dropout(dropout)] if dropout else []
    layers.append(Linear("classes", l1=l1, l2=l2))
    return arch_of("mlp", Chain(*layers), initial)


def _check(kind: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise unknown(kind, name, known)


def fc_net(
    hidden: tuple[int, ...] = (512, 256, 128),
    norm: str = "none",
    dropout: float = 0.0,
    l2: float = 0.0,
    initial: str = "he",
    activation: str = "relu",
) -> Arch:
    """Return a fully connected net: [Linear, normalization, activation, dropout] per hidden width.

    `norm` is "none", "batch" or "layer". Before batch normalization there is no bias. `initial`
    may have options: "normal(std=0.001)".

    >>> fc_net().count_params((32, 32, 3), 10)
    1738890
    """
    norms = {"none": None, "batch": NORMALIZATIONS["batch"], "layer": NORMALIZATIONS["layer"]}
    _check("normalization", norm, norms)
    _check("activation", activation, ACTIVATIONS)
    kind = norms[norm]
    layers: list[object] = [Flatten()]
    for width in hidden:
        layers.append(Linear(width, bias=norm != "batch", l2=l2))
        layers += [kind()] if kind else []
        layers.append(ACTIVATIONS[activation]())
        layers += [Dropout(dropout)] if dropout else []
    return arch_of("fc_net", Chain(*layers, Linear("classes", l2=l2)), initial)


def two_layer(hidden: int = 100, l2: float = 0.0, initial: str = "he") -> Arch:
    """Return Linear, ReLU, Linear.

    >>> two_layer().count_params((32, 32, 3), 10)
    308310
    """
    return Arch("two_layer", mlp((hidden,), l2=l2, initial=initial).root)


ARCHS: dict[str, Callable[..., Arch]] = {
    "mlp": mlp,
    "fc_net": fc_net,
    "two_layer": two_layer,
    "three_layer_conv": three_layer_conv,
    "baseline_cnn": baseline_cnn,
    "enhanced_cnn": enhanced_cnn,
    "compact_cnn": compact_cnn,
    "vgg": vgg,
    "quizdnn": quizdnn,
    "resnet18": resnet18,
    "resnet20": resnet20,
    "described": described,
}
