"""Pictures of a network's inside: they are PNGs, and hold what they should."""

import numpy as np
import pytest
from PIL import Image

from steepest.report.insight import draw_confusion, draw_examples, draw_filters, draw_maps
from steepest.seeds import stream

G = stream(0, "pictures")


def colours(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    return {tuple(row) for row in np.unique(pixels, axis=0).tolist()}


@pytest.mark.parametrize("shape", [(6, 3, 3, 1), (70, 5, 5, 3), (4, 1, 20, 1), (1, 2, 2, 5)])
def test_filters_of_every_shape_are_drawn(shape, tmp_path):
    """Grey windows, colour windows, rows of features, many channels: all give a picture."""
    path = draw_filters(G.normal(size=shape), tmp_path / "new" / "filters.png")
    assert len(colours(path)) > 20


def test_filters_of_zeros_are_drawn(tmp_path):
    """Weights that are all 0 divide nothing by 0."""
    assert draw_filters(np.zeros((2, 3, 3, 3)), tmp_path / "f.png").exists()


def test_maps_show_images_channels_and_vectors(tmp_path):
    """A grid for maps, a strip for vectors; more channels than places are no error."""
    maps = {"0 Conv2D": G.normal(size=(6, 6, 12)), "1 Linear": G.normal(size=30)}
    image = G.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    path = draw_maps(image, maps, "title with $ and _", tmp_path / "maps.png")
    assert len(colours(path)) > 100


def test_features_alone_are_drawn(tmp_path):
    """Examples that are rows of features are strips, and so is all that follows."""
    path = draw_maps(G.normal(size=9), {"0 Linear": G.normal(size=4)}, "t", tmp_path / "m.png")
    assert path.exists()


def test_confusion_shades_by_row(tmp_path):
    """A class that is always right is as dark as can be; an empty class divides nothing by 0."""
    counts = np.array([[8, 0, 0], [1, 3, 0], [0, 0, 0]])
    found = colours(draw_confusion(counts, ("a", "b", "never"), "t", tmp_path / "c.png"))
    assert (8, 48, 107) in found  # the end of the colour map
    assert draw_confusion(np.eye(30), [str(i) for i in range(30)], "t", tmp_path / "d.png").exists()


@pytest.mark.parametrize("count", [0, 1, 11])
def test_examples_are_drawn_however_many_there_are(count, tmp_path):
    """No mistake at all is a picture too."""
    images = G.integers(0, 256, (count, 5, 5, 1)).astype(np.uint8)
    captions = [("is a", "taken for b")] * count
    assert draw_examples(images, captions, "t", tmp_path / "e.png").exists()
