"""Our own readers of gz, idx and zip: what a header promises is checked before it is believed.

A reader takes a limit and allocates nothing above it; it reads regular members only and writes
nothing. Whatever is wrong is a `DataError` that names the file and what is wrong with it.
"""

import gzip
import math
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from steepest.errors import DataError

Array = np.ndarray[Any, Any]

IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LIMIT = 4 << 30  # bytes one archive of a user may expand to
RATIO = 200  # and at most this many times its own size ...
SMALL = 64 << 20  # ... unless that is little anyway
NPY_HEADER_LIMIT = 10_000
NPY_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[a-zA-Z]\d{0,6})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18},? ?){0,32})\), \}\s*"
)
DEFLATE_RATIO = 1100  # deflate cannot do better than about 1032 : 1


def gunzip(path: Path, limit: int) -> bytes:
    """Return the decompressed content of a gz file of at most `limit` bytes."""
    try:
        with gzip.open(path) as file:
            content = file.read(limit + 1)  # to the end, so that the check sum is checked
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if len(content) > limit:
        raise DataError(f"{path} expands to more than the {limit} bytes it should have")
    return content


def read_idx(content: bytes, where: str) -> Array:
    """Return the array of an idx file (LeCun's format of MNIST): magic, dimensions, bytes."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise DataError(f"{where} is no idx file: it starts with {content[:4].hex() or 'nothing'}")
    dtype, rank = np.dtype(IDX_TYPES[content[2]]), content[3]
    start = 4 + 4 * rank
    if rank == 0 or len(content) < start:
        raise DataError(f"{where} is damaged: its header of {rank} dimensions is cut off")
    dimensions = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank))
    expected = start + math.prod(dimensions) * dtype.itemsize
    if expected != len(content):
        raise DataError(
            f"{where} is damaged: dimensions {dimensions} need {expected} bytes, "
            f"but there are {len(content)}"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(dimensions)


def check_name(name: str, seen: set[str], where: str) -> None:
    """Refuse a member's name that leaves the archive's own folder or occurs twice; note it."""
    parts = name.rstrip("/").split("/")
    is_rooted = name.startswith("/") or "\\" in name or ":" in name
    if not name or "\0" in name or is_rooted or any(p in ("", ".", "..") for p in parts):
        raise DataError(f"{where} is refused: member name {name!r} is not a plain relative path")
    plain = name.rstrip("/").casefold()
    if plain in seen:
        raise DataError(f"{where} is refused: member {name!r} occurs twice")
    seen.add(plain)


def check_growth(size: int, packed: int, where: str, limit: int = LIMIT) -> None:
    """Refuse an archive of `packed` bytes that would expand to an unreasonable `size`."""
    if size > min(limit, max(SMALL, RATIO * packed)):
        raise DataError(f"{where} is refused: {packed} bytes would expand to {size}")


def open_zip(path: Path, limit: int = LIMIT) -> zipfile.ZipFile:
    """Open a zip file all of whose members are plain, unencrypted and within the limit."""
    try:
        file = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise DataError(f"{path} is no readable zip file: {error}") from None
    try:
        seen: set[str] = set()
        for member in file.infolist():
            check_name(member.orig_filename, seen, str(path))
            _check_member(member, str(path))
        packed = path.stat().st_size
        check_growth(sum(m.file_size for m in file.infolist()), packed, str(path), limit)
    except DataError:
        file.close()
        raise
    return file


def _check_member(member: zipfile.ZipInfo, where: str) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(f"{where} is refused: member {member.filename!r} is not a regular file")
    if member.flag_bits & 0x1:
        raise DataError(f"{where} is refused: member {member.filename!r} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where} is refused: member {member.filename!r} is not plain or deflated")
    if member.file_size > DEFLATE_RATIO * member.compress_size + 64:
        raise DataError(f"{where} is refused: the size of {member.filename!r} is a lie")


def read_npy(archive: zipfile.ZipFile, name: str, where: str) -> Array:
    """Return the array of one `.npy` member; its header must fit its size. No pickle."""
    size = archive.getinfo(name).file_size
    try:
        with archive.open(name) as file:
            shape, fortran, dtype = _npy_header(file)
            if dtype.hasobject:
                raise DataError(f"{where}: '{name}' holds Python objects, which are never read")
            expected = math.prod(shape) * dtype.itemsize
            if expected != size - file.tell():
                raise DataError(
                    f"{where}: '{name}' promises {shape} {dtype}, {expected} bytes, "
                    f"but holds {size - file.tell()}"
                )
            content = file.read(expected + 1)
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where}: '{name}' is damaged: {error}") from None
    if len(content) != expected:
        raise DataError(f"{where}: '{name}' is cut off after {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return (shape, is Fortran ordered, dtype); the header is matched, never evaluated."""
    magic = file.read(8)
    width = {b"\x93NUMPY\x01": 2, b"\x93NUMPY\x02": 4, b"\x93NUMPY\x03": 4}.get(magic[:7])
    if width is None or len(magic) < 8:
        raise ValueError("it does not start like an npy file")
    length = int.from_bytes(file.read(width), "little")
    header = NPY_HEADER.fullmatch(file.read(min(length, NPY_HEADER_LIMIT)))
    if not header:
        raise ValueError("its npy header is not that of a plain array")
    descr, fortran, shape = (group.decode() for group in header.groups())
    return tuple(int(d) for d in shape.split(",") if d.strip()), fortran == "True", np.dtype(descr)
