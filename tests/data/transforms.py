"""Functions of one example, of the kinds users bring; imported by worker processes."""

import random

import numpy as np


def same(image):
    """Return the image itself."""
    return image


def noisy(image, rng):
    """Add noise from the generator it is given; reals come out."""
    return image / 255 + rng.normal(0, 0.1, image.shape)


def shuffled(image):
    """Use both global generators."""
    turned = np.rot90(image, random.randrange(4))  # noqa: S311 - what users do
    return turned + np.random.randint(0, 5)  # noqa: NPY002 - what users do


def larger(image):
    """Change the shape."""
    return np.pad(image, ((1, 1), (0, 0), (0, 0)))


def broken(image):
    """Fail on every image."""
    raise RuntimeError(f"cannot see {image.shape}")


class Compose:
    """Called with image=... and returning a dict, with generators of its own."""

    def __init__(self):
        self.generator = None

    def set_random_seed(self, seed):
        """Begin anew."""
        self.generator = np.random.default_rng(seed)

    def __call__(self, *, force_apply=False, **data):
        """Return the image moved down."""
        assert not force_apply
        return {"image": np.roll(data["image"], self.generator.integers(0, 4), axis=0)}


composed = Compose()
