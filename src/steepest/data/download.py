"""The data folder: which published files are there, whether they are sound, and how to get them.

A file counts by its content's SHA-256, wherever it came from. Downloads go to a `.part` file, are
hashed while they arrive, and are renamed when they prove right. A small stamp beside the files
remembers the size and time of what was verified, so that the next start need not hash again.
"""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from steepest import paths
from steepest.data.archive import gunzip
from steepest.data.mirror import PUBLISHED, File, Parcel, Published
from steepest.data.tar import unpack
from steepest.errors import DataError, unknown

STAMP = ".verified.json"
CHUNK = 1 << 16
TIMEOUT = 30  # seconds without a byte


def where(name: str) -> Path:
    """Return the folder in which the files of a published data set belong."""
    return paths.data_folder() / Path(_published(name).files[0].path).parent


def is_present(name: str) -> bool:
    """Tell whether all files of a published data set are there; does not read them."""
    return not _missing(_published(name))


def fingerprint(name: str) -> tuple[tuple[int, int], ...]:
    """Return size and modification time of each file that is there."""
    root = paths.data_folder()
    found = [_locate(root, file) for file in _published(name).files]
    return tuple(_trace(path) for path in found if path.exists())


def contents(name: str) -> list[bytes]:
    """Return the verified, decompressed bytes of each file; fetches what is missing.

    Raises `DataError` when a file is damaged, or missing while no mirror can be reached.
    """
    published = _published(name)
    if _missing(published):
        fetch(name)
    try:
        return _verified(paths.data_folder(), published)
    except DataError as error:
        raise DataError(f"{error}; `steepest data fetch {name}` gets it anew") from None


def fetch(name: str) -> Path:
    """Bring a data set's files into the data folder, verified, and return their folder.

    Files that are there and sound are kept. Raises `DataError` (what, where to put the files,
    which command) when offline, or when no mirror delivers what was published.
    """
    published = _published(name)
    root = paths.data_folder()
    try:
        where(name).mkdir(parents=True, exist_ok=True)
        if not published.is_archive:
            for parcel, file in zip(published.parcels, published.files, strict=True):
                if not _is_sound(root, file):
                    _download(name, parcel, root / file.path)
        elif not all(_is_sound(root, file) for file in published.files):
            _unpack_archive(name, root)
    except OSError as error:
        raise DataError(f"cannot write data set '{name}' into {root}: {error.strerror}") from None
    return where(name)


def _published(name: str) -> Published:
    if name not in PUBLISHED:
        raise unknown("published data set", name, PUBLISHED)
    return PUBLISHED[name]


def _locate(root: Path, file: File) -> Path:
    """Return the file's path, or that of a copy which somebody decompressed."""
    path = root / file.path
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    return plain if plain.exists() and not path.exists() else path


def _missing(published: Published) -> list[str]:
    root = paths.data_folder()
    return [f.path for f in published.files if not _locate(root, f).is_file()]


def _trace(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _content(path: Path, file: File, trust: bool = False) -> bytes:
    """Return a file's decompressed bytes; hashed unless its stamp is trusted."""
    if path.suffix == ".gz":
        content = gunzip(path, file.length)
    else:
        try:
            with path.open("rb") as opened:
                content = opened.read(file.length + 1)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) != file.length:
        size = "more" if len(content) > file.length else f"only {len(content)}"
        raise DataError(f"{path} is damaged: {size} than the {file.length} bytes it should have")
    if file.content and not trust and hashlib.sha256(content).hexdigest() != file.content:
        raise DataError(f"{path} is damaged: its content is not what was published")
    return content


def _is_sound(root: Path, file: File) -> bool:
    try:
        _content(_locate(root, file), file)
    except DataError:
        return False
    return True


def _verified(root: Path, published: Published) -> list[bytes]:
    """Read all files, hashing those that no stamp vouches for, and renew the stamp."""
    stamp_path = (root / published.files[0].path).parent / STAMP
    stamp = _read_stamp(stamp_path)
    fresh: dict[str, Any] = {}
    content = []
    for file in published.files:
        path = _locate(root, file)
        fresh[path.name] = [*_trace(path), file.content]
        content.append(_content(path, file, trust=stamp.get(path.name) == fresh[path.name]))
    if fresh != stamp:
        _write_stamp(stamp_path, fresh)
    return content


def _read_stamp(path: Path) -> dict[str, Any]:
    try:
        stamp = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(path: Path, stamp: dict[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(stamp))
        part.replace(path)
    except OSError:  # a read-only data folder is fine: we hash again next time
        part.unlink(missing_ok=True)


def _unpack_archive(name: str, root: Path) -> None:
    """Take the files out of the archive in `root`, downloading it first if it is not there."""
    published = _published(name)
    parcel = published.parcels[0]
    archive = root / parcel.name
    is_ours = not archive.exists()
    if is_ours:
        _download(name, parcel, archive)
    elif not all(file.content for file in published.files) and _sha256(archive) != parcel.sha256:
        raise DataError(f"{archive} is not the published archive, or is damaged")
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpack-") as fresh:
        found = unpack(archive, {file.path: file.length for file in published.files}, Path(fresh))
        for file in published.files:
            if file.path not in found:
                raise DataError(f"{archive} lacks {file.path}")
            _content(Path(fresh) / file.path, file)
        for file in published.files:
            (Path(fresh) / file.path).replace(root / file.path)
    if is_ours:
        archive.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(name: str, parcel: Parcel, target: Path) -> None:
    """Try the mirrors in turn; the first that delivers the published bytes wins."""
    if paths.is_offline():
        raise _absent(name, "the network is switched off (STEEPEST_OFFLINE)")
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    failures = []
    for mirror in _published(name).mirrors:
        try:
            sha256 = _receive(mirror + parcel.name, part, parcel)
            if sha256 == parcel.sha256:
                part.replace(target)
                return
            failures.append(f"{mirror} sent something else ({part.stat().st_size} bytes)")
        except (OSError, ValueError, DataError) as error:  # requests' errors are OSErrors
            failures.append(f"{mirror} failed ({_reason(error)})")
        finally:
            part.unlink(missing_ok=True)
    raise _absent(name, f"{parcel.name} could not be downloaded: {'; '.join(failures)}")


def _reason(error: Exception) -> str:
    """Return the error's words, or only its name where they are a library's internals."""
    name = type(error).__name__
    return str(error)[:120] if name in ("DataError", "HTTPError") else name


def _absent(name: str, why: str) -> DataError:
    published = _published(name)
    folder = paths.data_folder() if published.is_archive else where(name)
    files = ", ".join(parcel.name for parcel in published.parcels)
    return DataError(
        f"data set '{name}' is not there, and {why}. Put {files} into {folder}, "
        f"or go online and run `steepest data fetch {name}`"
    )


def _receive(url: str, part: Path, parcel: Parcel) -> str:
    """Write what the URL sends to `part`, never more than was published; return its SHA-256."""
    import pooch

    receive = pooch.HTTPDownloader(
        chunk_size=CHUNK, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
    )
    with ExitStack() as stack:
        advance = _progress(stack, parcel) if sys.stderr.isatty() else None
        sink = Sink(stack.enter_context(part.open("wb")), parcel.bytes, advance)
        receive(url, sink, None)
        return sink.sha.hexdigest()


class Sink:
    """A file that hashes what is written, counts it and refuses more than `limit` bytes."""

    def __init__(
        self, file: IO[bytes], limit: int, advance: Callable[[int], None] | None = None
    ) -> None:
        self._file, self._left, self._advance = file, limit, advance
        self.sha = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Write one chunk."""
        self._left -= len(chunk)
        if self._left < 0:
            raise DataError("it sends more bytes than were published")
        self._file.write(chunk)
        self.sha.update(chunk)
        if self._advance:
            self._advance(len(chunk))

    def flush(self) -> None:
        """Do nothing: the file is flushed once, when it is closed."""


def _progress(stack: ExitStack, parcel: Parcel) -> Callable[[int], None]:
    from rich.console import Console
    from rich.progress import Progress

    bar = stack.enter_context(Progress(console=Console(stderr=True)))
    task = bar.add_task(parcel.name, total=parcel.bytes)
    return lambda count: bar.advance(task, count)
