"""The baseline that pruning must beat: the small network trained from scratch, as dearly.

The same compute, as in Liu et al. 2019 ("Rethinking the value of network pruning", Scratch-B): as
many epochs as the FLOPs of training, pruning and fine-tuning the large network buy in the small
one, but no more than twice its epochs.
"""

from dataclasses import replace

import numpy as np

from steepest.compress.channel import shrink
from steepest.compress.decision import choose_channels
from steepest.compress.dependency import dependencies
from steepest.data import Dataset
from steepest.nn.arch import Arch
from steepest.nn.description import to_text
from steepest.part import Part
from steepest.spec import RunSpec
from steepest.train.finish import Result, complete
from steepest.train.session import open_session

MOST = 2.0  # times the large network's epochs, fine-tuning included
HALVINGS = 24


def narrowed(arch: Arch, shape: tuple[int, ...], classes: int, sparsity: float) -> Arch:
    """Return the architecture with a fraction of every layer's channels gone."""
    found = dependencies(arch, shape, classes)
    keep = choose_channels(found, np.arange(found.size, dtype=float), sparsity)
    return shrink(arch, shape, classes, {}, keep)[0]


def narrowed_to(arch: Arch, shape: tuple[int, ...], classes: int, params: int) -> Arch:
    """Return the widest such architecture of at most `params` parameters, or the narrowest."""
    low, high = 0.0, 1.0 - 1e-6
    if arch.count_params(shape, classes) <= params:
        return arch
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if narrowed(arch, shape, classes, middle).count_params(shape, classes) > params:
            low = middle
        else:
            high = middle
    return narrowed(arch, shape, classes, high)


def train_scratch(
    spec: RunSpec, dataset: Dataset, small: Arch, flops: float, epochs: int
) -> Result:
    """Train `small` from new initial values with at most `flops`, and MOST times `epochs`.

    `epochs` are those of the large network, fine-tuning included. At least one epoch is trained.
    """
    model = Part("described", (("text", to_text(small)),))
    spec = replace(spec, model=model, epochs=1, updates=None, early_stopping=None)
    one = open_session([spec], dataset).flops
    affordable = min(round(flops / one), round(MOST * epochs))
    return complete(replace(spec, epochs=max(1, affordable)), dataset)
