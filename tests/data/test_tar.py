"""The tar reader: plain archives are read, hostile ones leave nothing behind."""

import gzip
import io
import tarfile

import pytest

from steepest.data.tar import members, unpack
from steepest.errors import DataError

CONTENT = {"set/train.bin": bytes(range(256)) * 5, "set/test.bin": b"x" * 700, "set/note.txt": b""}
WANTED = {name: len(content) for name, content in CONTENT.items() if name.endswith("bin")}


def member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, content


def write(path, entries, mode="w:gz", form=tarfile.USTAR_FORMAT):
    with tarfile.open(path, mode, format=form) as file:
        for info, content in entries:
            file.addfile(info, io.BytesIO(content))
    return path


def plain():
    return [member("set", kind=tarfile.DIRTYPE), *(member(n, c) for n, c in CONTENT.items())]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_plain_archives_are_read(tmp_path, mode, form):
    """Packed or not, of each format, and with an extended header that says nothing of weight."""
    entries = plain()
    entries[1][0].mtime = 12.5
    path = write(tmp_path / "a.tar.gz", entries, mode, form)
    found = {name: content.read() for name, _, content in members(path, 10_000)}
    assert found == CONTENT


def test_long_names_in_the_prefix_are_joined(tmp_path):
    name = "a" * 90 + "/" + "b" * 60
    path = write(tmp_path / "a.tar", [member(name, b"1")], "w")
    assert [n for n, _, _ in members(path, 10_000)] == [name]


def test_unread_members_are_skipped(tmp_path):
    """Reading half of a member, or none, does not lose the place."""
    path = write(tmp_path / "a.tar.gz", plain())
    seen = []
    for name, size, content in members(path, 10_000):
        content.read(size // 2)
        seen.append(name)
    assert seen == list(CONTENT)


def test_unpack_writes_what_is_wanted_and_no_more(tmp_path):
    path = write(tmp_path / "a.tar.gz", plain())
    out = tmp_path / "out"
    out.mkdir()
    assert unpack(path, WANTED, out) == list(WANTED)
    written = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert written == {name: CONTENT[name] for name in WANTED}


HOSTILE = {
    "symbolic link": [member("set/train.bin", kind=tarfile.SYMTYPE, link="/etc/passwd")],
    "link, then through it": [
        member("set", kind=tarfile.SYMTYPE, link="../outside"),
        *plain()[1:],
    ],
    "hard link": [member("set/train.bin", kind=tarfile.LNKTYPE, link="../canary")],
    "character device": [member("set/train.bin", kind=tarfile.CHRTYPE)],
    "block device": [member("set/train.bin", kind=tarfile.BLKTYPE)],
    "pipe": [member("set/train.bin", kind=tarfile.FIFOTYPE)],
    "contiguous": [member("set/train.bin", kind=tarfile.CONTTYPE)],
    "sparse": [member("set/train.bin", kind=tarfile.GNUTYPE_SPARSE)],
    "unknown kind": [member("set/train.bin", kind=b"Z")],
    "absolute": [member("/canary", b"1")],
    "parent": [member("../canary", b"1")],
    "inner parent": [member("set/../../canary", b"1")],
    "dot": [member("./set/train.bin", b"1")],
    "backslash": [member("..\\canary", b"1")],
    "drive": [member("C:canary", b"1")],
    "empty name": [member("", b"1")],
    "folder with content": [member("set/", b"1")],
    "duplicate": [member("set/note.txt", b"1"), member("set/note.txt", b"2")],
    "duplicate by case": [member("set/note.txt", b"1"), member("SET/note.txt", b"2")],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archives_are_refused_and_touch_nothing(tmp_path, entries):
    """Whatever the archive tries, the canary and everything outside stay as they were."""
    canary, outside, out = tmp_path / "canary", tmp_path / "outside", tmp_path / "out"
    canary.write_bytes(b"alive")
    outside.mkdir()
    out.mkdir()
    path = write(tmp_path / "a.tar.gz", [*entries, *(plain() if len(entries) == 1 else [])])
    with pytest.raises(DataError, match="is refused"):
        unpack(path, WANTED, out)
    assert canary.read_bytes() == b"alive"
    assert canary.stat().st_nlink == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "canary", "out", "outside"]
    assert not list(outside.iterdir())
    assert not any(p.is_symlink() for p in out.rglob("*"))


@pytest.mark.parametrize("name", ["b" * 101, "é" * 60])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_renaming_headers_are_refused(tmp_path, name, form):
    """Long names by GNU's or POSIX's extension could say anything, so they are not followed."""
    path = write(tmp_path / "a.tar", [member(name, b"1")], "w", form)
    with pytest.raises(DataError, match="is refused"):
        list(members(path, 10_000))


def test_unpack_never_overwrites_or_follows(tmp_path):
    """A link that lies where a member would go is not written through."""
    path = write(tmp_path / "a.tar.gz", plain())
    canary, out = tmp_path / "canary", tmp_path / "out"
    canary.write_bytes(b"alive")
    (out / "set").mkdir(parents=True)
    (out / "set/train.bin").symlink_to(canary)
    with pytest.raises(FileExistsError):
        unpack(path, WANTED, out)
    assert canary.read_bytes() == b"alive"


def test_bombs_are_refused_by_their_headers(tmp_path):
    """A member of 8 GB, in a file of no size, is refused before a byte is read."""
    info = tarfile.TarInfo("set/train.bin")
    info.size = (8 << 30) - 1
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    with pytest.raises(DataError, match="exceed 10000 bytes"):
        list(members(path, 10_000))
    with pytest.raises(DataError, match="exceed"):
        unpack(path, WANTED, tmp_path)
    many = [member(f"set/{i}", bytes(1000)) for i in range(20)]
    with pytest.raises(DataError, match="exceed 10000 bytes"):
        list(members(write(tmp_path / "b.tar.gz", many), 10_000))


def test_wrong_size_of_a_wanted_member_is_named(tmp_path):
    path = write(tmp_path / "a.tar.gz", [member("set/train.bin", b"short")])
    with pytest.raises(DataError, match=r"'set/train.bin' has 5 bytes instead of 1280"):
        unpack(path, WANTED, tmp_path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("cut", range(16))
def test_cut_archives_are_damaged(tmp_path, mode, cut):
    path = write(tmp_path / "a.tar", plain(), mode)
    # the archive proper ends with its first block of zeros; what follows is padding
    whole = path.read_bytes()[: 512 * 11] if mode == "w" else path.read_bytes()
    path.write_bytes(whole[: cut * len(whole) // 17])
    with pytest.raises(DataError, match=r"damaged|no readable tar"):
        unpack(path, WANTED, tmp_path / "out")


def test_nonsense_is_no_tar(tmp_path):
    for content in (b"hello" * 300, gzip.compress(b"hello" * 300), b"\x1f\x8b" + bytes(600)):
        path = tmp_path / "a.tar"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.tar is"):
            list(members(path, 10_000))
    with pytest.raises(DataError, match="cannot be read"):
        list(members(tmp_path / "none.tar", 10))
