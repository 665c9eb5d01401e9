"""Readers of gz, idx and zip: damage at every place is one sentence, before memory is taken."""

import gzip
import io
import stat
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from steepest.data.archive import LIMIT, check_growth, gunzip, open_zip, read_idx, read_npy
from steepest.errors import DataError
from steepest.seeds import stream

PIXELS = stream(0, "pixels").integers(0, 256, (12, 5, 4)).astype(np.uint8)


def idx(array, code=0x08):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def test_gunzip_returns_the_content_of_all_members(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two"))
    assert gunzip(path, 7) == b"one two"


@pytest.mark.parametrize("cut", range(32))
def test_gunzip_finds_a_cut(tmp_path, cut):
    """A gz file cut at any of 32 places, the check sum included, is damaged."""
    whole = gzip.compress(PIXELS.tobytes())
    path = tmp_path / "a.gz"
    path.write_bytes(whole[: 1 + cut * (len(whole) - 1) // 32])
    with pytest.raises(DataError, match=r"a\.gz is damaged"):
        gunzip(path, PIXELS.size)


def test_gunzip_finds_a_flipped_bit(tmp_path):
    whole = bytearray(gzip.compress(PIXELS.tobytes()))
    whole[len(whole) // 2] ^= 4
    path = tmp_path / "a.gz"
    path.write_bytes(whole)
    with pytest.raises(DataError, match="damaged"):
        gunzip(path, PIXELS.size)


def test_gunzip_stops_a_bomb_at_its_limit(tmp_path):
    """200 MB of zeros in 200 kB are given up after the kilobyte that was expected."""
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(200):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(DataError, match="expands to more than the 1000 bytes"):
        gunzip(path, 1000)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("code", "dtype"), [(8, "u1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4")]
)
def test_idx_round_trip(code, dtype):
    array = PIXELS.astype(dtype)
    assert np.array_equal(read_idx(idx(array, code), "a"), array)


@pytest.mark.parametrize("cut", [*range(17), 50, 255])
def test_idx_cut_anywhere_is_damaged(cut):
    with pytest.raises(DataError, match=r"a is (damaged|no idx file)"):
        read_idx(idx(PIXELS)[:cut], "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00" + bytes(40), "no idx file: it starts with 1f8b0800"),
        (b"\0\0\x07\x01" + bytes(40), "no idx file"),
        (b"\0\0\x08\x00" + bytes(40), "header of 0 dimensions"),
        (b"\0\0\x08\xff" + bytes(40), "header of 255 dimensions"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "need 79228162458924105385300197391 bytes"),
        (idx(PIXELS) + b"\0", "need 256 bytes, but there are 257"),
    ],
)
def test_idx_lies_are_found_before_allocating(content, message):
    with pytest.raises(DataError, match=message):
        read_idx(content, "a")


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_npy_round_trip(tmp_path):
    """C and Fortran order, scalars and empty arrays come back as NumPy wrote them."""
    arrays = {
        "c": PIXELS,
        "f": np.asfortranarray(PIXELS),
        "one": np.array(3.5),
        "none": np.zeros((0, 4)),
        "words": np.array(["a", "bcd"]),
        "vector": np.arange(5),
    }
    with open_zip(npz(tmp_path / "a.npz", **arrays)) as archive:
        for name, array in arrays.items():
            read = read_npy(archive, f"{name}.npy", "a")
            assert np.array_equal(read, array)
            assert read.dtype == array.dtype


@pytest.mark.parametrize("cut", range(32))
def test_zip_cut_anywhere_is_refused(tmp_path, cut):
    path = npz(tmp_path / "a.npz", x=PIXELS)
    whole = path.read_bytes()
    path.write_bytes(whole[: cut * len(whole) // 32])
    with pytest.raises(DataError, match="no readable zip"):
        open_zip(path)


def test_zip_flipped_anywhere_is_refused_or_harmless(tmp_path):
    """A changed byte is either found, or lies where nothing of the array is written."""
    path = npz(tmp_path / "a.npz", x=PIXELS)
    whole = path.read_bytes()
    found = 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            with open_zip(path) as archive:
                assert np.array_equal(read_npy(archive, archive.namelist()[0], "a"), PIXELS)
        except DataError:
            found += 1
    assert found > len(whole) / 3 * 0.8


def zipped(path, *members):
    """Write (name or ZipInfo, content) as they are, however hostile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the writer warns of duplicates
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member, content in members:
                file.writestr(member, content)
    return path


def info(name, mode=0):
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    return member


@pytest.mark.parametrize(
    "members",
    [
        [("/etc/canary", b"")],
        [("../canary", b"")],
        [("a/../../canary", b"")],
        [("a//b", b"")],
        [("./a", b"")],
        [("C:/canary", b"")],
        [("..\\canary", b"")],
        [("x.npy", b"1"), ("x.npy", b"2")],
        [("x.npy", b"1"), ("X.npy", b"2")],
        [(info("link", stat.S_IFLNK | 0o777), b"/etc/passwd")],
        [(info("device", stat.S_IFCHR | 0o666), b"")],
        [(info("pipe", stat.S_IFIFO | 0o666), b"")],
    ],
)
def test_hostile_zip_members_are_refused(tmp_path, members):
    with pytest.raises(DataError, match="is refused: member"):
        open_zip(zipped(tmp_path / "a.zip", *members))


def test_a_name_with_nul_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", ("safe_bad", b""))
    path.write_bytes(path.read_bytes().replace(b"safe_bad", b"safe\0bad"))
    with pytest.raises(DataError, match="is refused: member"):
        open_zip(path)


def test_encrypted_and_strange_compression_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("x", b"1" * 99)
    with pytest.raises(DataError, match="not plain or deflated"):
        open_zip(path)
    content = bytearray(zipped(path, ("x", b"1")).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        open_zip(path)


def test_zip_bombs_are_refused_by_their_directory(tmp_path):
    """Too large in all, too large for its own size, or a size deflate could not reach."""
    path = zipped(tmp_path / "a.zip", ("x", bytes(100 << 20)))
    with pytest.raises(DataError, match=r"is refused: .* would expand to 104857600"):
        open_zip(path)
    content = bytearray(zipped(path, ("x", b"1" * 9)).read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 1 << 20)
    path.write_bytes(content)
    with pytest.raises(DataError, match="is a lie"):
        open_zip(path)
    with pytest.raises(DataError, match="is refused"):
        check_growth(LIMIT + 1, LIMIT, "a")


def npy(descr="'|u1'", order="False", shape="(4,)", payload=b"abcd"):
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(shape="(1099511627776,)"), "promises .*1099511627776 bytes, but holds 4"),
        (npy(shape="(999999999999999999, 999999999999999999)"), "promises"),
        (npy(shape="(3,)"), "3 bytes, but holds 4"),
        (npy(shape="(-1, -4)"), "not that of a plain array"),
        (npy(shape="(__import__('os').system('true'),)"), "not that of a plain array"),
        (npy(descr="'|O'"), "Python objects"),
        (npy(descr="[('a', '|u1')]"), "not that of a plain array"),
        (npy(descr="'<q9'"), "damaged"),
        (npy(order="1"), "not that of a plain array"),
        (npy()[:9], "not that of a plain array"),
        (npy()[:5], "does not start like an npy file"),
        (b"", "does not start like an npy file"),
        (b"\x93NUMPY\x09\x00" + bytes(90), "does not start like an npy file"),
    ],
)
def test_npy_lies_are_found_before_allocating(tmp_path, content, message):
    buffer = io.BytesIO()
    zipped(buffer, ("x.npy", content))
    path = tmp_path / "a.npz"
    path.write_bytes(buffer.getvalue())
    with open_zip(path) as archive, pytest.raises(DataError, match=message):
        read_npy(archive, "x.npy", "a")


def test_the_plain_header_reads():
    """The header of the cases above is sound where they leave it alone."""
    buffer = zipped(io.BytesIO(), ("x.npy", npy()))
    with zipfile.ZipFile(buffer) as archive:
        assert read_npy(archive, "x.npy", "a").tobytes() == b"abcd"
