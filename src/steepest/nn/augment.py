"""Augmentation of training examples, as transforms of a whole batch.

Law: an augmentation is two functions. `draw` takes the numbers of a whole epoch from a named
stream, one row for every example visited, so that a resumed or batched run sees the same ones;
`apply` is written with `F` and becomes part of the training program. Evaluation never augments.
Shapes: x is (R, N, H, W, C) before centring and scaling; bytes have become 0 to 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from steepest.errors import UsageError
from steepest.part import Part, build, parse, resolve
from steepest.program import F
from steepest.seeds import stream

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Numbers = tuple[tuple[str, str, Shape], ...]  # name, kind, and shape for one example
PLACE: Numbers = (("place", "int", (3,)),)


class Augmentation(Protocol):
    """What an augmentation is; `numbers` names what every example of a batch needs."""

    @property
    def numbers(self) -> Numbers:
        """Name, kind ("int" or "real") and shape of what is drawn for one example."""
        ...

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:
        """Return arrays (n, ...) for n examples of `shape`."""
        ...

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return x (R, N, *shape) changed by what was drawn, each (R, N, ...)."""
        ...


@dataclass(frozen=True)
class Crop:
    """A window of the image's own size, moved by up to `padding` pixels each way; outside is 0."""

    padding: int = 4
    numbers = PLACE

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:  # noqa: ARG002 - the protocol's signature
        """Return row and column of the window's corner, uniform, and no mirroring."""
        corner = generator.integers(-self.padding, self.padding + 1, (n, 2))
        return {"place": np.concatenate([corner, np.zeros((n, 1), np.int64)], axis=1)}

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return the windows."""
        return F.crop(x, drawn["place"])


@dataclass(frozen=True)
class Flip:
    """The image turned left to right with probability `rate`."""

    rate: float = 0.5
    numbers = PLACE

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:  # noqa: ARG002 - the protocol's signature
        """Return whether each image is mirrored."""
        place = np.zeros((n, 3), np.int64)
        place[:, 2] = generator.random(n) < self.rate
        return {"place": place}

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return the images, some of them mirrored."""
        return F.crop(x, drawn["place"])


@dataclass(frozen=True)
class Cutout:
    """A square set to 0, its centre anywhere in the image (DeVries & Taylor 2017, section 3).

    The paper masks normalized images, so its squares have the mean's colour; here they are black.
    """

    size: int = 8
    numbers = (("corner", "real", (2,)),)

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:
        """Return the square's first row and column, which may lie outside."""
        centre = np.stack([generator.integers(0, size, n) for size in shape[:2]], axis=1)
        return {"corner": (centre - self.size // 2).astype(np.float64)}

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return the images without what the squares cover."""
        inside: Any = 1.0
        for axis in (0, 1):
            corner = _number(drawn["corner"], axis, x)
            at = np.arange(x.shape[2 + axis], dtype=np.float64)
            at = at.reshape((1, 1, -1, 1, 1) if axis == 0 else (1, 1, 1, -1, 1))
            inside = (
                inside * F.greater(at, corner - 0.5) * F.greater(corner + (self.size - 0.5), at)
            )
        return x * (1.0 - inside)


@dataclass(frozen=True)
class Rotate:
    """The image turned by up to `degrees` and moved by up to `shift` pixels; outside is 0."""

    degrees: float = 10.0
    shift: float = 0.0
    numbers = (("matrix", "real", (6,)),)

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:  # noqa: ARG002 - the protocol's signature
        """Return the affine map from each pixel to where it is read (see `F.warp`)."""
        angle = np.deg2rad(generator.uniform(-self.degrees, self.degrees, n))
        row, column = generator.uniform(-self.shift, self.shift, (2, n))
        cosine, sine = np.cos(angle), np.sin(angle)
        return {"matrix": np.stack([cosine, -sine, row, sine, cosine, column], axis=1)}

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return the images, turned and moved."""
        return F.warp(x, drawn["matrix"])


@dataclass(frozen=True)
class Jitter:
    """Brightness, then contrast about the image's mean, each scaled by a factor near 1.

    A factor is uniform within 1 ± `brightness` (± `contrast`); pixels stay within 0 and 1. As in
    torchvision's ColorJitter, but the mean is that of all channels, not of a grey image.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    numbers = (("factors", "real", (2,)),)

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:  # noqa: ARG002 - the protocol's signature
        """Return both factors."""
        reach = np.array([self.brightness, self.contrast])
        return {"factors": 1.0 + reach * generator.uniform(-1.0, 1.0, (n, 2))}

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return the images, brighter or darker, with more or less contrast."""
        bright = _clip(x * _number(drawn["factors"], 0, x))
        mean = F.mean(bright, axis=(2, 3, 4), keepdims=True)
        return _clip(mean + _number(drawn["factors"], 1, x) * (bright - mean))


@dataclass(frozen=True)
class Mixup:
    """Every example mixed with the next one of its batch (Zhang et al. 2018, equation 1).

    The weight w is drawn from Beta(alpha, alpha) for each example (the paper: for each batch); the
    loss is w times that of its own target plus 1 - w times that of the other's.
    """

    alpha: float = 0.2
    numbers = (("weight", "real", ()),)
    mixes = True

    def draw(self, generator: np.random.Generator, n: int, shape: Shape) -> dict[str, Array]:  # noqa: ARG002 - the protocol's signature
        """Return the weights of the examples themselves."""
        return {"weight": generator.beta(self.alpha, self.alpha, n)}

    def apply(self, x: Any, drawn: Mapping[str, Any]) -> Any:
        """Return the mixed examples, of any shape."""
        weight = F.reshape(drawn["weight"], shape=(*x.shape[:2], *(1,) * (x.ndim - 2)))
        return weight * x + (1.0 - weight) * _next(x)


AUGMENTS: dict[str, type] = {
    "crop": Crop, "flip": Flip, "cutout": Cutout, "rotate": Rotate, "jitter": Jitter,
    "mixup": Mixup,
}  # fmt: skip
POSITIVE = ("padding", "size", "alpha")


def parse_augment(given: Any) -> tuple[Part, ...]:
    """Return the parts of a list of augmentations, or of a text such as "crop(padding=2),flip"."""
    pieces = _pieces(given) if isinstance(given, str) else given
    if not isinstance(pieces, (list, tuple)):
        raise UsageError(f"augment must be a list of augmentations, not {given!r}")
    return tuple(parse("augmentation", piece, AUGMENTS) for piece in pieces)


def _pieces(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [piece.strip() for piece in found if piece.strip()]


def is_sample_function(part: Part) -> bool:
    """Tell whether a part is a callable of the user's own that takes one example at a time."""
    if ":" not in part.name:
        return False
    return not hasattr(resolve("augmentation", part.name, AUGMENTS), "draw")


def build_augment(parts: Sequence[Part]) -> tuple[Augmentation, ...]:
    """Return the batch transforms of a run; UsageError for what cannot be."""
    kinds = [is_sample_function(part) for part in parts]
    if any(later and not former for former, later in pairwise(kinds)):
        raise UsageError("augment: functions of single examples come before batch transforms")
    for part, is_function in zip(parts, kinds, strict=True):
        if is_function and part.options:
            raise UsageError(f"augmentation '{part.name}' is a function and takes no options")
    found = tuple(
        build("augmentation", part, AUGMENTS)
        for part, is_function in zip(parts, kinds, strict=True)
        if not is_function
    )
    if sum(hasattr(a, "mixes") for a in found) > 1:
        raise UsageError("augment: examples are mixed once at most")
    for part in parts:
        if ":" not in part.name:
            _check_options(part)
    return found


def _check_options(part: Part) -> None:
    """Raise UsageError for a number that is negative, zero or broken where it must not be."""
    for name, value in part.options:
        where = f"augmentation.{part.name}.{name}"
        if isinstance(getattr(AUGMENTS[part.name], name), int) and not isinstance(value, int):
            raise UsageError(f"{where} must be a whole number, not {value!r}")
        if not (value > 0 if name in POSITIVE else value >= 0):
            raise UsageError(f"{where} must be positive, not {value!r}")


def check_shape(augment: Sequence[Augmentation], shape: Shape) -> None:
    """Raise UsageError where an augmentation of images meets examples that are none."""
    for one in augment:
        if len(shape) != 3 and not hasattr(one, "mixes"):
            name = type(one).__name__.lower()
            raise UsageError(
                f"augmentation '{name}' needs images (rows, columns, channels), "
                f"not examples of shape {shape}"
            )


def draw_epoch(
    augment: Sequence[Augmentation], seed: int, epoch: int, n: int, shape: Shape
) -> dict[str, Array]:
    """Return all numbers of one run's epoch by input name, each (n, ...), in visiting order."""
    return {
        f"augment.{position}.{name}": values
        for position, one in enumerate(augment)
        for name, values in one.draw(stream(seed, "augment", epoch, position), n, shape).items()
    }


def apply_augment(
    augment: Sequence[Augmentation], x: Any, declare: Callable[[str, str, Shape], Any]
) -> tuple[Any, Any]:
    """Return x changed by every augmentation, and the weight (R, N) of its targets or None.

    `declare(name, kind, shape)` returns the symbol of an input (R, N, *shape).
    """
    weight = None
    for position, one in enumerate(augment):
        drawn = {
            name: declare(f"augment.{position}.{name}", kind, shape)
            for name, kind, shape in one.numbers
        }
        x = one.apply(x, drawn)
        weight = drawn["weight"] if hasattr(one, "mixes") else weight
    return x, weight


def mixed_loss(loss: Callable[[Any, Any], Any], output: Any, targets: Any, weight: Any) -> Any:
    """Return the losses (R, N) of mixed examples: the weighted sum over both targets."""
    return weight * loss(output, targets) + (1.0 - weight) * loss(output, _next(targets))


def _next(x: Any) -> Any:
    """Return what stands one place further in the batch; the last sees the first."""
    n = x.shape[1]
    if n == 1:
        return x
    rest, first = F.part(x, axis=1, start=1, stop=n), F.part(x, axis=1, start=0, stop=1)
    return F.concat(rest, first, axis=1)


def _number(drawn: Any, position: int, x: Any) -> Any:
    """Return one number of each example, (R, N, 1, 1, 1)."""
    one = F.part(drawn, axis=2, start=position, stop=position + 1)
    return F.reshape(one, shape=(*x.shape[:2], 1, 1, 1))


def _clip(x: Any) -> Any:
    return F.minimum(F.relu(x), 1.0)
