"""The zoo: architectures by name, each a short composition."""

from collections.abc import Callable

from steepest.errors import unknown
from steepest.nn.arch import Arch
from steepest.nn.composition import Chain
from steepest.nn.description import described
from steepest.nn.initial import INITIALS
from steepest.nn.layer import ACTIVATIONS, Dropout, Flatten, Linear


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
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    if initial not in INITIALS:
        raise unknown("initial values", initial, INITIALS)
    start = INITIALS[initial]()
    layers: list[object] = [Flatten()]
    for width in hidden:
        layers += [Linear(width, initial=start, l1=l1, l2=l2), ACTIVATIONS[activation]()]
        layers += [Dropout(dropout)] if dropout else []
    layers.append(Linear("classes", initial=start, l1=l1, l2=l2))
    return Arch("mlp", Chain(*layers))


ARCHS: dict[str, Callable[..., Arch]] = {"mlp": mlp, "described": described}
