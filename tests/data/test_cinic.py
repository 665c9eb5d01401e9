"""CINIC-10: a small archive made here, plain or packed twice, and a folder of images."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from steepest import data
from steepest.data import cinic
from steepest.data.mirror import OBJECTS
from steepest.errors import DataError
from steepest.seeds import stream

G = stream(0, "cinic")
EACH = {"train": 2, "valid": 1, "test": 1}  # images of a class


def png(pixels, mode="RGB"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def small():
    """Return name -> pixels of a small set, in an order that is not the sorted one."""
    names = [
        f"{part}/{label}/img-{i}.png"
        for part in reversed(EACH)
        for label in OBJECTS
        for i in reversed(range(EACH[part]))
    ]
    return {name: G.integers(0, 256, (32, 32, 3)).astype(np.uint8) for name in names}


def pack(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def put(folder, packed, monkeypatch):
    (folder / "CINIC-10.tar.gz").write_bytes(packed)
    monkeypatch.setattr(cinic, "MD5", hashlib.md5(packed, usedforsecurity=False).hexdigest())


@pytest.fixture
def images():
    return small()


def check(images):
    """Compare what is loaded with the images; training is `train` then `valid`, sorted."""
    found = data.load("cinic10")
    assert (found.n, found.shape, found.classes) == (30, (32, 32, 3), OBJECTS)
    assert len(found.test_x) == 10
    rows = [n for n in sorted(images) if n.startswith("train/")]
    rows += [n for n in sorted(images) if n.startswith("valid/")]
    for i, name in enumerate(rows):
        np.testing.assert_array_equal(found.x[i], images[name])
        assert found.classes[found.y[i]] == name.split("/")[1]
    assert (found.test_y == np.arange(10)).all()
    return found


def test_the_archive_is_read(data_folder, images, monkeypatch):
    """Images are decoded and sorted; other members and grey images are no trouble."""
    entries = {name: png(pixels) for name, pixels in images.items()}
    grey = "train/cat/img-1.png"
    images[grey] = np.repeat(images[grey][..., :1], 3, axis=2)
    entries[grey] = png(images[grey], "L")
    entries |= {"README.md": b"text", "test/cat/note.txt": b"x", "other/cat/a.png": b"no image"}
    put(data_folder, pack(entries), monkeypatch)
    check(images)


def test_an_archive_in_an_archive_and_a_folder_are_the_same_data(data_folder, images, monkeypatch):
    """Packed twice, or as a tree of files, the digest is that of the plain archive."""
    entries = {name: png(pixels) for name, pixels in images.items()}
    put(data_folder, pack({"CINIC-10.tar.gz": pack(entries)}), monkeypatch)
    twice = check(images)
    (data_folder / "CINIC-10.tar.gz").unlink()
    for name, content in entries.items():
        path = data_folder / "cinic10" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    tree = check(images)
    assert tree is not twice
    assert tree.digest == twice.digest


def test_six_classes_are_taken(data_folder, images, monkeypatch):
    """`classes=` relabels in the order that is asked for."""
    put(data_folder, pack({n: png(p) for n, p in images.items()}), monkeypatch)
    chosen = ["airplane", "bird", "cat", "deer", "dog", "frog"]
    six = data.load("cinic10", classes=chosen)
    assert six.classes == tuple(chosen)
    assert (six.n, len(six.test_x)) == (18, 6)


def test_what_is_wrong_is_named(data_folder, images, monkeypatch):
    """Another archive, a damaged image, another size, a missing part, nothing at all."""
    with pytest.raises(DataError, match=r"'cinic10' is not there.*Put CINIC-10.tar.gz into"):
        data.load("cinic10")
    with pytest.raises(DataError, match="the network is switched off"):
        data.fetch("cinic10")
    entries = {name: png(pixels) for name, pixels in images.items()}
    (data_folder / "CINIC-10.tar.gz").write_bytes(pack(entries))
    with pytest.raises(DataError, match=r"is not the published archive, or is damaged \(MD5"):
        data.load("cinic10")
    bad = {
        "no readable image": entries | {"test/dog/img-0.png": b"\x89PNG nonsense"},
        r"has \(8, 8\) pixels": entries | {"test/dog/x.png": png(np.zeros((8, 8, 3), np.uint8))},
        "lacks images of test": {n: c for n, c in entries.items() if "test" not in n},
    }
    for words, changed in bad.items():
        put(data_folder, pack(changed), monkeypatch)
        with pytest.raises(DataError, match=words):
            data.load("cinic10")


def test_the_list_and_the_place(data_folder):
    """It is listed as absent with its size, then as present; its place is that of its files."""
    entries = {entry.name: entry for entry in data.listing()}
    assert (entries["cinic10"].present, entries["cinic10"].bytes) == (False, 687_544_992)
    assert data.where("cinic10") == data_folder / "cinic10"
    (data_folder / "CINIC-10.tar.gz").write_bytes(b"")
    assert {e.name: e.present for e in data.listing()}["cinic10"]
    assert data.fetch("cinic10") == data_folder / "CINIC-10.tar.gz"
