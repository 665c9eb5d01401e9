"""MNIST's kind and CIFAR: tiny ones made here, and the real ones where they lie."""

import dataclasses
import hashlib
import io
import struct
import tarfile
import time

import numpy as np
import pytest

from steepest import data
from steepest.data import download
from steepest.data.mirror import PUBLISHED, File, Parcel
from steepest.data.source import MEMO, SOURCES
from steepest.errors import DataError
from steepest.seeds import stream

GOLDEN = {
    "mnist": "996eb46b05435470e7030bea00615d375deb7f68b797364f5d4d9141888f88ab",
    "fashion-mnist": "9e1aa8e583c6d188d73b987fcd88110b833700083a27107350c67c2f74adaa50",
    "cifar10": "55fbb1edde025093bb334dc04a2b24708b37ff038f00536b2b3db8957beaaf0c",
}


def test_the_table_is_consistent():
    """Hashes are SHA-256, lengths fit shapes, classes are different and as many as they say."""
    for name, published in PUBLISHED.items():
        hashes = [p.sha256 for p in published.parcels] + [f.content for f in published.files]
        assert all(len(bytes.fromhex(h)) == 32 for h in hashes if h)
        count = 100 if name == "cifar100" else 10
        assert len(set(published.classes)) == len(published.classes) == count
    assert list(PUBLISHED["cifar100"].classes) == sorted(PUBLISHED["cifar100"].classes)


@pytest.fixture
def tiny_cifar100(data_folder, monkeypatch):
    """Put a tar.gz of 8 training and 4 test records where the published one would be."""
    generator = stream(0, "tiny")
    records = generator.integers(0, 256, (12, 3074)).astype(np.uint8)
    records[:, 0] %= 20
    records[:, 1] %= 100
    content = {
        "cifar-100-binary/fine_label_names.txt": b"apple\n",
        "cifar-100-binary/test.bin": records[8:].tobytes(),
        "cifar-100-binary/train.bin": records[:8].tobytes(),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, part in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(part)
            file.addfile(info, io.BytesIO(part))
    packed = buffer.getvalue()
    (data_folder / "cifar-100-binary.tar.gz").write_bytes(packed)
    sha256 = hashlib.sha256(packed).hexdigest()
    tiny = dataclasses.replace(
        PUBLISHED["cifar100"],
        parcels=(Parcel("cifar-100-binary.tar.gz", len(packed), sha256),),
        files=tuple(File(f.path, len(content[f.path])) for f in PUBLISHED["cifar100"].files),
    )
    monkeypatch.setitem(PUBLISHED, "cifar100", tiny)
    return data_folder, records


def test_a_tiny_cifar100_from_its_archive(tiny_cifar100):
    """Fine labels, the second byte; planes become channels; the last file is the test set."""
    _, records = tiny_cifar100
    loaded = data.load("cifar100")
    assert (loaded.x.shape, loaded.test_x.shape) == ((8, 32, 32, 3), (4, 32, 32, 3))
    assert loaded.y.tolist() == records[:8, 1].tolist()
    assert loaded.test_y.tolist() == records[8:, 1].tolist()
    for row, column, colour in ((0, 0, 0), (3, 17, 1), (31, 31, 2)):
        expected = records[:8, 2 + colour * 1024 + row * 32 + column]
        assert np.array_equal(loaded.x[:, row, column, colour], expected)


def test_a_label_that_is_none_is_refused(tiny_cifar100):
    folder, _ = tiny_cifar100
    data.load("cifar100")
    path = folder / "cifar-100-binary/train.bin"
    content = bytearray(path.read_bytes())
    content[3074 + 1] = 100
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"label 100 is not one of 0\.\.99"):
        data.load("cifar100")


def test_a_cut_record_is_refused(tiny_cifar100):
    folder, _ = tiny_cifar100
    download.fetch("cifar100")
    path = folder / "cifar-100-binary/test.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test\.bin is damaged: only 12295"):
        data.load("cifar100")


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.mark.parametrize("labels", [6, 5])
def test_a_tiny_mnist(data_folder, monkeypatch, labels):
    """Four idx files; images without labels of their own are refused."""
    pixels = stream(0, "pixels").integers(0, 256, (9, 4, 3)).astype(np.uint8)
    y = np.arange(9, dtype=np.uint8)
    content = [idx(pixels[:6]), idx(y[:labels]), idx(pixels[6:]), idx(y[6:])]
    files = tuple(
        File(f.path, len(c), hashlib.sha256(c).hexdigest())
        for f, c in zip(PUBLISHED["mnist"].files, content, strict=True)
    )
    tiny = dataclasses.replace(PUBLISHED["mnist"], files=files)
    monkeypatch.setitem(PUBLISHED, "mnist", tiny)
    (data_folder / "mnist").mkdir()
    for file, c in zip(files, content, strict=True):
        (data_folder / file.path).with_suffix("").write_bytes(c)
    if labels == 5:
        with pytest.raises(DataError, match="x has 6 examples, but y has 5"):
            data.load("mnist")
    else:
        loaded = data.load("mnist")
        assert np.array_equal(loaded.x[..., 0], pixels[:6])
        assert loaded.test_y.tolist() == [6, 7, 8]


@pytest.mark.data
@pytest.mark.parametrize("name", GOLDEN)
def test_real_data(name):
    """The published images, whatever packed them: digest, shapes and balance; quick twice."""
    if not download.is_present(name):
        pytest.skip(f"{name} is not in STEEPEST_DATA")
    MEMO.clear()
    loaded = data.load(name)
    assert loaded.digest == GOLDEN[name]
    source = SOURCES[name]
    assert (loaded.n, loaded.shape, loaded.classes) == (
        source.n,
        source.shape,
        PUBLISHED[name].classes,
    )
    assert len(loaded.test_x) == 10000
    if name != "mnist":
        assert set(np.bincount(loaded.y)) == {loaded.n // 10}
    MEMO.clear()
    start = time.process_time()
    data.load(name)
    assert time.process_time() - start < 3  # about 0.2 for MNIST, 0.6 for CIFAR-10
    MEMO.clear()


@pytest.mark.data
def test_a_class_of_cifar_looks_like_itself():
    """Ships are bluer than frogs, so channels and labels are where they should be."""
    if not download.is_present("cifar10"):
        pytest.skip("cifar10 is not in STEEPEST_DATA")
    some = data.load("cifar10", classes=["ship", "frog"])
    ship, frog = (some.test_x[some.test_y == i].mean(axis=(0, 1, 2)) for i in (0, 1))
    assert ship[2] - ship[0] > 0
    assert frog[2] - frog[0] < 0
    MEMO.clear()
