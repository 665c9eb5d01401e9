"""How compiled kernels are kept, refused and done without."""

import stat
import subprocess
import sys

import numpy as np
import pytest
from harness import train_steps
from problems import NETS

from steepest.engine import native, native_seal
from steepest.engine.numpy_engine import NumpyEngine
from steepest.errors import UsageError
from steepest.optim import SGD

needs_compiler = pytest.mark.skipif(native.compiler() is None, reason="no C compiler here")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give the test a cache of its own and forget every library."""
    monkeypatch.setattr(native, "cache_folder", lambda: tmp_path / "cache" / "native")
    monkeypatch.setattr(native, "_libraries", {})
    monkeypatch.setattr(native, "_notes", [])
    return tmp_path / "cache" / "native"


def trained(engine):
    return train_steps(NETS["mlp"], [SGD(lr=0.1)], [0], engine, steps=3)[0]


@needs_compiler
def test_cached_by_content(folder, monkeypatch):
    """A library is compiled once, kept privately, and another source is another file."""
    assert native.compile_library("int one(void) { return 1; }").one() == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (path,) = folder.iterdir()
    monkeypatch.setattr(native, "_libraries", {})
    before = path.stat().st_mtime_ns
    assert native.compile_library("int one(void) { return 1; }").one() == 1
    assert path.stat().st_mtime_ns == before
    assert native.compile_library("int one(void) { return 2; }").one() == 2
    assert len(list(folder.iterdir())) == 2


@needs_compiler
def test_a_compiler_that_prints_no_utf8(folder, monkeypatch, tmp_path):
    """Its version is a text like another: nothing is raised, whatever it prints."""
    odd = tmp_path / "cc"
    odd.write_text(f"#!/bin/sh\nprintf '\\377\\376'\nexec {native.compiler()} \"$@\"\n")
    odd.chmod(0o755)
    native._machine.cache_clear()
    monkeypatch.setattr(native, "compiler", lambda: str(odd))
    assert native.compile_library("int four(void) { return 4; }").four() == 4
    native._machine.cache_clear()
    assert len(list(folder.iterdir())) == 1


@needs_compiler
def test_damaged_library_is_compiled_again(folder, monkeypatch):
    """A truncated file in the cache is replaced."""
    native.compile_library("int three(void) { return 3; }")
    (path,) = folder.iterdir()
    path.unlink()
    path.write_bytes(b"no library")
    monkeypatch.setattr(native, "_libraries", {})
    assert native.compile_library("int three(void) { return 3; }").three() == 3


@needs_compiler
def test_writable_by_others_is_refused(folder):
    """Nothing is loaded from a folder into which others may write."""
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert native.compile_library("int four(void) { return 4; }") is None
    assert "writable by others" in native.note()


@needs_compiler
def test_folder_of_another_user_is_refused(folder, monkeypatch):
    """Nothing is loaded from a folder that belongs to somebody else."""
    folder.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(native.os, "getuid", lambda: folder.stat().st_uid + 1)
    assert native.compile_library("int five(void) { return 5; }") is None
    assert "belongs to" in native.note()


@needs_compiler
def test_link_is_refused(folder, tmp_path):
    """A cache folder that is a link is not followed."""
    folder.parent.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    assert native.compile_library("int six(void) { return 6; }") is None
    assert "link" in native.note()


@needs_compiler
def test_source_that_does_not_compile(folder):
    """A failing compiler is a note, not an error, and leaves nothing behind."""
    assert native.compile_library("this is no C") is None
    assert "failed" in native.note()
    assert list(folder.iterdir()) == []


def test_without_compiler(folder, monkeypatch):
    """Without a compiler training gives the same bits and the engine says why it is slower."""
    expected = trained(NumpyEngine(native="off"))
    monkeypatch.setattr(native, "compiler", lambda: None)
    engine = NumpyEngine()
    assert not engine.is_native
    assert "no C compiler" in engine.native_note
    assert np.array_equal(trained(engine), expected)
    assert not folder.exists()


@needs_compiler
def test_chains_that_do_not_compile(monkeypatch):
    """Where only the fixed kernels compile, the rest runs by NumPy with the same bits."""
    whole = native.compile_library
    monkeypatch.setattr(
        native_seal, "compile_library", lambda text: None if "chain_" in text else whole(text)
    )
    assert np.array_equal(trained(NumpyEngine()), trained(NumpyEngine(native="off")))


def test_switched_off_by_the_environment(monkeypatch):
    """`STEEPEST_NATIVE=off` is honoured and named."""
    monkeypatch.setenv("STEEPEST_NATIVE", "off")
    engine = NumpyEngine()
    assert not engine.is_native
    assert "STEEPEST_NATIVE" in engine.native_note


def test_unknown_choice():
    """Another value of `native` is an error that lists the known ones."""
    with pytest.raises(UsageError, match="auto, off"):
        NumpyEngine(native="outo")


FLUSHING = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from steepest.engine import native

half, tiny = np.float32(0.5), np.full(64, np.finfo(np.float32).tiny)

def flushed():
    return native.flush_denormals(), float((tiny * half).max())

with ThreadPoolExecutor(1) as pool:
    possible, product = pool.submit(flushed).result()
print(possible, product == 0.0, float((tiny * half).max()) > 0.0)
"""


@needs_compiler
def test_flushing_belongs_to_a_thread():
    """Flushing turns denormals to zero in the thread that asked for it and in no other."""
    call = [sys.executable, "-c", FLUSHING]  # a process of its own: a run here may have flushed
    said = subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()
    if said[0] == "False":
        pytest.skip("this processor has no such mode that we know")
    assert said == ["True", "True", "True"]
