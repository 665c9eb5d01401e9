"""The system's C compiler as a tool: source in, kernels out, cached by content.

A kernel is `void name(char **p, const int64_t *n)`: pointers to operands, then sizes and strides.
Sources hold no sizes, so one library serves every batch shape. Without a compiler, with
`STEEPEST_NATIVE=off`, or when anything at all goes wrong here, `compile_library` returns None and
`note` says why; the engine then runs the same arithmetic by NumPy. Nothing here raises.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

FLAGS = (
    "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-std=c11", "-w", "-shared", "-fPIC",
)  # fmt: skip
PREAMBLE = """#include <stdint.h>
#include <string.h>
#include <math.h>
"""
SECONDS = 120  # a compiler that takes longer is taken for broken

_libraries: dict[str, ctypes.CDLL | None] = {}
_notes: list[str] = []


def is_switched_off() -> bool:
    """Tell whether `STEEPEST_NATIVE` forbids compiled kernels."""
    return os.environ.get("STEEPEST_NATIVE", "").lower() in ("off", "0", "false", "no")


def note() -> str:
    """Return why something could not be compiled, the latest reason; empty where all went well."""
    return _notes[-1] if _notes else ""


def cache_folder() -> Path:
    """Return the folder of compiled kernels in the user's cache."""
    from platformdirs import user_cache_path

    return Path(user_cache_path("steepest")) / "native"


@lru_cache(maxsize=1)
def compiler() -> str | None:
    """Return the path of the C compiler: `CC`, else cc, gcc or clang; None where there is none."""
    names = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


def processor_lines() -> list[str]:
    """Return what Linux tells of the processors, "name : value" a line; elsewhere nothing."""
    information = Path("/proc/cpuinfo")
    return information.read_text(encoding="utf-8").splitlines() if information.exists() else []


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return what compiled code depends on besides its source: compiler and processor."""
    version = subprocess.run(  # noqa: S603 - the system's own compiler
        [compiler() or "cc", "--version"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=True,
    ).stdout
    names = ("model name", "flags", "Features", "CPU part")
    kept = sorted({line for line in processor_lines() if line.split("\t")[0].strip() in names})
    return "\n".join((version, platform.machine(), platform.processor(), *kept))


def compile_library(source: str) -> ctypes.CDLL | None:
    """Return the library of `source`, cached or freshly compiled; None on failure."""
    if is_switched_off():
        _remember("STEEPEST_NATIVE is off")
        return None
    if source not in _libraries:
        try:
            _libraries[source] = _load(source)
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            _libraries[source] = None
            _remember(str(error).strip()[:2000])
    return _libraries[source]


def _remember(reason: str) -> None:
    if note() != reason:
        _notes.append(reason)


def _load(source: str) -> ctypes.CDLL:
    found = compiler()
    if found is None:
        raise RuntimeError("no C compiler (cc, gcc, clang) was found")
    text = PREAMBLE + source
    key = hashlib.sha256("\0".join((text, *FLAGS, found, _machine())).encode()).hexdigest()
    folder = _private_folder()
    path = folder / f"{key[:40]}.so"
    if path.exists():
        _refuse_foreign(path)
        try:
            return ctypes.CDLL(str(path))
        except OSError:  # damaged: compile it again
            path.unlink(missing_ok=True)
    _compile(found, text, path)
    return ctypes.CDLL(str(path))


def _private_folder() -> Path:
    """Return the cache folder after making sure that nobody else can put code into it."""
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_foreign(folder)
    return folder


def _refuse_foreign(path: Path) -> None:
    """Raise RuntimeError where another user owns or may write what we are about to execute."""
    if not hasattr(os, "getuid"):
        return
    state = path.lstat()
    if stat.S_ISLNK(state.st_mode):
        raise RuntimeError(f"{path} is a link; compiled kernels are not loaded through one")
    if state.st_uid != os.getuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RuntimeError(f"{path} belongs to or is writable by others; remove it")


def _compile(found: str, text: str, path: Path) -> None:
    """Compile into a temporary name and rename, so that no reader sees half a library."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        code, built = Path(scratch) / "kernel.c", Path(scratch) / "kernel.so"
        code.write_text(text)
        command = [found, *FLAGS, str(code), "-o", str(built), "-lm"]
        done = subprocess.run(  # noqa: S603 - the system's own compiler on our own source
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{found} failed: {done.stderr}")
        built.chmod(0o700)
        built.replace(path)


FLUSH = """
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
int steepest_flush(void) {
  _mm_setcsr(_mm_getcsr() | 0x8040);
  return (_mm_getcsr() & 0x8040) == 0x8040;
}
#elif defined(__aarch64__)
int steepest_flush(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  control |= UINT64_C(1) << 24;
  __asm__ volatile("msr fpcr, %0" : : "r"(control));
  return 1;
}
#else
int steepest_flush(void) { return 0; }
#endif
"""


def flush_denormals() -> bool:
    """Let the calling thread round denormal results and operands to zero; False where impossible.

    Adam's decaying moments become denormal, and arithmetic on those is many times slower. The mode
    belongs to a thread and changes bits, so who sets it records the answer.
    """
    library = compile_library(FLUSH)
    return bool(library.steepest_flush()) if library else False
