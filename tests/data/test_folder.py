"""Folders of class folders of images."""

import numpy as np
import pytest
from PIL import Image

from steepest.data.source import load
from steepest.errors import DataError
from steepest.seeds import stream

PIXELS = stream(0, "pixels").integers(0, 256, (20, 6, 5, 3)).astype(np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def fill(root, grey=False):
    for i, pixels in enumerate(PIXELS):
        save(root / "ba"[i % 2] / f"{i:02}.png", pixels[..., 0] if grey else pixels)


@pytest.mark.parametrize("grey", [False, True])
def test_folders_are_classes_in_sorted_order(tmp_path, grey):
    """Pixels arrive unchanged; grey images have one channel; a fifth is held out."""
    fill(tmp_path / "set", grey)
    (tmp_path / "set/a/.hidden").write_text("passed over")
    (tmp_path / "set/Thumbs.db").write_text("passed over")
    data = load(tmp_path / "set")
    assert (data.name, data.classes, data.n) == ("set", ("a", "b"), 16)
    assert data.shape == (6, 5, 1 if grey else 3)
    stored = {p.tobytes(): 1 - i % 2 for i, p in enumerate(PIXELS[..., :1] if grey else PIXELS)}
    for x, y in ((data.x, data.y), (data.test_x, data.test_y)):
        assert all(stored[image.tobytes()] == label for image, label in zip(x, y, strict=True))


def test_train_and_test_folders_are_told_apart(tmp_path):
    fill(tmp_path / "train")
    save(tmp_path / "test/a/00.png", PIXELS[3])
    save(tmp_path / "test/b/00.png", PIXELS[2])
    data = load(tmp_path)
    assert (data.n, data.test_y.tolist(), data.classes) == (20, [0, 1], ("a", "b"))
    assert np.array_equal(data.test_x, PIXELS[[3, 2]])
    save(tmp_path / "test/c/00.png", PIXELS[2])
    with pytest.raises(DataError, match="class 'c' occurs in 'test' but not in 'train'"):
        load(tmp_path)


def test_a_grey_image_among_colours_becomes_colour(tmp_path):
    fill(tmp_path)
    save(tmp_path / "a/99.png", PIXELS[0, ..., 0])
    assert load(tmp_path).shape == (6, 5, 3)


def test_a_changed_image_is_noticed(tmp_path):
    """The memory of what was loaded goes by the files, not by the folder."""
    fill(tmp_path)
    before = load(tmp_path)
    assert load(tmp_path) is before
    save(tmp_path / "a/01.png", PIXELS[1] // 2)
    assert load(tmp_path).digest != before.digest


def test_bad_images_are_named(tmp_path):
    """A file that is no image, is cut off, has another size or 16 bits."""
    fill(tmp_path)
    strange = tmp_path / "b/zz.png"
    strange.write_bytes(b"hello")
    with pytest.raises(DataError, match=r"b/zz\.png is no readable image"):
        load(tmp_path)
    strange.write_bytes((tmp_path / "b/00.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"b/zz\.png is damaged"):
        load(tmp_path)
    save(strange, PIXELS[0, :4])
    with pytest.raises(DataError, match=r"b/zz\.png has 4x5 pixels, but .*a/01\.png has 6x5"):
        load(tmp_path)
    save(strange, PIXELS[0, ..., 0].astype(np.uint16))
    with pytest.raises(DataError, match=r"b/zz\.png has mode I;16"):
        load(tmp_path)
    strange.unlink()
    (tmp_path / "b/notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"b/notes\.txt is not an image"):
        load(tmp_path)


def test_a_huge_image_is_refused_by_its_header(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match=r"a/01\.png is refused"):
        load(tmp_path)


def test_empty_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="0 class folders"):
        load(tmp_path)
    fill(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no image"):
        load(tmp_path)
