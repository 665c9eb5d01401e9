"""Our own tar reader: one pass over a `.tar` or `.tar.gz`, regular members only.

Links, devices, sparse files, long names and extended headers that rename or resize are refused;
so are absolute names, `..` and duplicates. Unpacking creates new files inside one folder, never
through a link and never over an existing file.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from steepest.data.archive import check_name
from steepest.errors import DataError

BLOCK = 512
CHUNK = 1 << 20
HEADER_LIMIT = 64 << 10  # bytes of an extended header, which we only look through
REGULAR, FOLDER, EXTENDED = (b"0", b"\0"), b"5", (b"x", b"g")
MEANINGFUL = (b"path", b"linkpath", b"size", b"GNU.sparse")  # keys that change a member
KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"7": "a reserved kind",
    b"L": "a long name",
    b"K": "a long link",
    b"S": "a sparse file",
}


def members(path: Path, limit: int) -> Iterator[tuple[str, int, "Member"]]:
    """Yield (name, size, content) of each regular member; together at most `limit` bytes.

    What is not read of a member before the next one is asked for is skipped.
    """
    seen: set[str] = set()
    left = limit
    opened: IO[bytes] = _open(path)
    with opened as file:
        while header := _header(file, path):
            name, size, kind = header
            left -= size
            if left < 0:
                raise DataError(f"{path} is refused: its members exceed {limit} bytes")
            if kind in EXTENDED:
                _look_through(_exactly(file, _padded(size), path)[:size], path)
                continue
            check_name(name, seen, str(path))
            if kind == FOLDER and size == 0:
                continue
            if kind not in REGULAR or name.endswith("/"):
                what = KINDS.get(kind, f"of kind {kind!r}")
                raise DataError(f"{path} is refused: member {name!r} is {what}")
            member = Member(file, size, path)
            yield name, size, member
            member.skip()
            _exactly(file, _padded(size) - size, path)


class Member:
    """The bytes of one member, read in order and no further."""

    def __init__(self, file: IO[bytes], size: int, path: Path) -> None:
        self._file, self._left, self._path = file, size, path

    def read(self, count: int = -1) -> bytes:
        """Return the next `count` bytes, fewer only at the member's end."""
        count = self._left if count < 0 else min(count, self._left)
        self._left -= count
        return _exactly(self._file, count, self._path)

    def skip(self) -> None:
        """Read what is left without keeping it."""
        while self.read(CHUNK):
            pass


def unpack(path: Path, wanted: dict[str, int], folder: Path) -> list[str]:
    """Write the `wanted` members (name: exact size) as new files below `folder`.

    Returns the names found; other members are passed over. Nothing existing is overwritten.
    """
    found = []
    for name, size, content in members(path, limit=2 * sum(wanted.values()) + CHUNK):
        if name not in wanted:
            continue
        if size != wanted[name]:
            raise DataError(f"{path}: member {name!r} has {size} bytes instead of {wanted[name]}")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(target, flags | getattr(os, "O_BINARY", 0), 0o644), "wb") as out:
            while chunk := content.read(CHUNK):
                out.write(chunk)
        found.append(name)
    return found


def _open(path: Path) -> IO[bytes]:
    try:
        with path.open("rb") as file:
            is_gz = file.read(2) == b"\x1f\x8b"
        return gzip.open(path) if is_gz else path.open("rb")  # type: ignore[return-value]  # both read
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _exactly(file: IO[bytes], count: int, path: Path) -> bytes:
    try:
        content = file.read(count)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if len(content) != count:
        raise DataError(f"{path} is damaged: it ends in the middle of a member")
    return content


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _header(file: IO[bytes], path: Path) -> tuple[str, int, bytes] | None:
    """Return (name, size, kind) of the next header; None at the block of zeros that ends a tar."""
    block = _exactly(file, BLOCK, path)
    if not block.strip(b"\0"):
        return None
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if _octal(block[148:156], path) != total:
        raise DataError(f"{path} is no readable tar file: a header's check sum is wrong")
    name, kind = block[:100].split(b"\0")[0], block[156:157]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0")[0]):
        name = prefix + b"/" + name
    size = _octal(block[124:136], path)
    if kind in EXTENDED and size > HEADER_LIMIT:
        raise DataError(f"{path} is refused: an extended header of {size} bytes")
    try:
        return name.decode(), size, kind
    except UnicodeDecodeError:
        raise DataError(f"{path} is refused: member name {name!r} is not UTF-8") from None


def _octal(field: bytes, path: Path) -> int:
    digits = field.strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        raise DataError(f"{path} is refused: a header holds {field!r} where a number should be")
    return int(digits, 8)


def _look_through(content: bytes, path: Path) -> None:
    """Refuse an extended header that says anything about a member's name, size or link."""
    for line in content.split(b"\n"):
        key = line.partition(b" ")[2].partition(b"=")[0]
        if key.startswith(MEANINGFUL):
            raise DataError(f"{path} is refused: an extended header sets {key.decode()!r}")
