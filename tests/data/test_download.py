"""Mirrors, hashes, stamps and what is said without a network; loopback only."""

import dataclasses
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading

import pytest

from steepest.data import download
from steepest.data.mirror import PUBLISHED, File, Parcel, Published
from steepest.errors import DataError, UsageError

CONTENT = {"toy/one.gz": b"one " * 99, "toy/two.gz": b"two " * 50}
PACKED = {path.split("/")[1]: gzip.compress(content) for path, content in CONTENT.items()}


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def server():
    """Serve `pages` (path: bytes) on a free port of this machine, noting what was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = pages.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            """Say nothing."""

    pages, asked = {}, []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/", pages, asked
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def toy(server, data_folder, monkeypatch):
    """Publish a set of two files on two mirrors, and switch the network on."""
    monkeypatch.delenv("STEEPEST_OFFLINE")
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    url, pages, asked = server
    published = Published(
        mirrors=(url + "first/", url + "second/"),
        parcels=tuple(Parcel(name, len(c), sha(c)) for name, c in PACKED.items()),
        files=tuple(File(path, len(c), sha(c)) for path, c in CONTENT.items()),
        n=2,
        shape=(1, 1, 1),
        classes=("a", "b"),
    )
    monkeypatch.setitem(PUBLISHED, "toy", published)
    return data_folder, pages, asked


def serve(pages, mirror, **changes):
    pages.update({f"/{mirror}/{name}": c for name, c in {**PACKED, **changes}.items()})


def test_the_first_mirror_that_delivers_wins(toy):
    """All files come from it, nothing is left over, and nothing is asked for twice."""
    folder, pages, asked = toy
    serve(pages, "first")
    assert download.fetch("toy") == folder / "toy"
    assert sorted(p.name for p in (folder / "toy").iterdir()) == ["one.gz", "two.gz"]
    assert download.contents("toy") == list(CONTENT.values())
    assert asked == ["/first/one.gz", "/first/two.gz"]
    download.fetch("toy")
    assert len(asked) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"one.gz": gzip.compress(b"another")},
        {"one.gz": PACKED["one.gz"][:-3]},
        {"one.gz": PACKED["one.gz"] + bytes(1 << 20)},
        {"one.gz": b""},
    ],
    ids=["absent", "other", "cut", "longer", "empty"],
)
def test_the_next_mirror_is_tried(toy, wrong):
    """A mirror that has no file, or another, a shorter or a longer one, is passed over."""
    folder, pages, asked = toy
    if wrong:
        serve(pages, "first", **wrong)
    serve(pages, "second")
    assert download.contents("toy") == list(CONTENT.values())
    assert asked[:2] == ["/first/one.gz", "/second/one.gz"]
    assert not list(folder.rglob("*.part"))


def test_when_all_mirrors_fail_the_way_out_is_named(toy):
    """The message names set, file, each mirror's failure, folder and command; exit code 4."""
    folder, pages, _ = toy
    serve(pages, "second", **{"two.gz": b"nonsense"})
    with pytest.raises(DataError) as caught:
        download.contents("toy")
    said = str(caught.value)
    for part in ("'toy'", "two.gz", "first/ failed (404", "second/ sent something else"):
        assert part in said
    assert str(folder / "toy") in said
    assert "`steepest data fetch toy`" in said
    assert caught.value.code == 4
    assert [p.name for p in (folder / "toy").iterdir()] == ["one.gz"]


@pytest.mark.usefixtures("toy")
def test_an_unreachable_mirror_is_one_sentence(monkeypatch):
    dead = dataclasses.replace(PUBLISHED["toy"], mirrors=("http://127.0.0.1:9/",))
    monkeypatch.setitem(PUBLISHED, "toy", dead)
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9/ failed \(ConnectionError"):
        download.fetch("toy")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100"])
def test_offline_says_where_to_put_what(data_folder, name):
    with pytest.raises(DataError, match="STEEPEST_OFFLINE") as caught:
        download.contents(name)
    said = str(caught.value)
    assert f"`steepest data fetch {name}`" in said
    assert str(data_folder) in said
    assert all(parcel.name in said for parcel in PUBLISHED[name].parcels)


def test_repacked_and_unpacked_copies_count(toy, monkeypatch):
    """What was put there by hand is judged by its content."""
    folder, _, asked = toy
    monkeypatch.setenv("STEEPEST_OFFLINE", "1")
    (folder / "toy").mkdir()
    (folder / "toy/one.gz").write_bytes(gzip.compress(CONTENT["toy/one.gz"], 1, mtime=5))
    (folder / "toy/two").write_bytes(CONTENT["toy/two.gz"])
    assert download.contents("toy") == list(CONTENT.values())
    assert download.fetch("toy") == folder / "toy"
    assert not asked


@pytest.mark.parametrize("damaged", [b"onE " * 99, b"one " * 98, b"one " * 100])
def test_damage_is_found_and_fetch_repairs_it(toy, damaged):
    folder, pages, _ = toy
    serve(pages, "first")
    download.contents("toy")
    (folder / "toy/one.gz").write_bytes(gzip.compress(damaged))
    with pytest.raises(DataError, match=r"one\.gz .*`steepest data fetch toy` gets it anew"):
        download.contents("toy")
    download.fetch("toy")
    assert download.contents("toy") == list(CONTENT.values())


def test_a_stamp_spares_the_hash_until_a_file_changes(toy, monkeypatch):
    """Size and time vouch for a verified file; a forged or broken stamp only costs a hash."""
    folder, pages, _ = toy
    serve(pages, "first")
    download.contents("toy")
    stamp = folder / "toy" / download.STAMP
    assert set(json.loads(stamp.read_text())) == {"one.gz", "two.gz"}
    hashed = []
    real = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda content: hashed.append(1) or real(content))
    download.contents("toy")
    assert not hashed
    stamp.write_text("[1, 2")
    download.contents("toy")
    assert len(hashed) == 2


def test_a_read_only_folder_is_no_obstacle(toy):
    folder, pages, _ = toy
    serve(pages, "first")
    download.fetch("toy")
    (folder / "toy" / download.STAMP).mkdir()  # so that the stamp cannot be written
    assert download.contents("toy") == list(CONTENT.values())
    assert not list(folder.rglob("*.part"))


@pytest.mark.usefixtures("toy")
def test_an_unwritable_folder_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STEEPEST_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot write data set 'toy' into"):
        download.fetch("toy")


def archive(changes=None):
    """Return a tar.gz of the toy's files as plain members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for path, content in {**MEMBERS, **(changes or {})}.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


MEMBERS = {path.replace(".gz", ".bin"): content for path, content in CONTENT.items()}


@pytest.fixture
def packed(toy, monkeypatch):
    """Publish the same set as one archive."""
    content = archive()
    files = tuple(File(path, len(c), sha(c)) for path, c in MEMBERS.items())
    parcel = Parcel("toy.tar.gz", len(content), sha(content))
    as_archive = dataclasses.replace(PUBLISHED["toy"], parcels=(parcel,), files=files)
    monkeypatch.setitem(PUBLISHED, "toy", as_archive)
    toy[1]["/second/toy.tar.gz"] = content
    return toy


def test_an_archive_is_unpacked_and_not_kept(packed):
    folder, _, _ = packed
    assert download.contents("toy") == list(MEMBERS.values())
    assert [p.name for p in folder.iterdir()] == ["toy"]


def test_an_archive_of_ones_own_is_kept(packed):
    """Also a re-packed one, if the members' hashes are known."""
    folder, _, asked = packed
    (folder / "toy.tar.gz").write_bytes(archive({"toy/more.txt": b"hello"}))
    assert download.contents("toy") == list(MEMBERS.values())
    assert (folder / "toy.tar.gz").exists()
    assert not asked


@pytest.mark.parametrize("changes", [{"toy/one.bin": b"onE " * 99}, {"../canary": b"1"}])
def test_a_bad_archive_leaves_nothing(packed, changes):
    folder, _, _ = packed
    (folder / "toy.tar.gz").write_bytes(archive(changes))
    with pytest.raises(DataError, match=r"damaged|refused"):
        download.fetch("toy")
    assert [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()] == ["toy.tar.gz"]
    assert not (folder.parent / "canary").exists()


def test_without_member_hashes_the_archive_must_be_the_published_one(packed, monkeypatch):
    folder, _, _ = packed
    files = tuple(dataclasses.replace(f, content="") for f in PUBLISHED["toy"].files)
    known = dataclasses.replace(PUBLISHED["toy"], files=files)
    monkeypatch.setitem(PUBLISHED, "toy", known)
    (folder / "toy.tar.gz").write_bytes(archive({"toy/more.txt": b"hello"}))
    with pytest.raises(DataError, match="not the published archive"):
        download.fetch("toy")
    (folder / "toy.tar.gz").write_bytes(archive())
    assert download.contents("toy") == list(MEMBERS.values())


def test_unknown_names_list_the_known():
    with pytest.raises(UsageError, match=r"'mnits'; did you mean 'mnist'\? Known: cifar10"):
        download.where("mnits")
