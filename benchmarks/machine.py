"""The machine a figure was taken on, and how many threads a process may use.

Nothing here imports a library that is timed: threads are fixed before any of them is loaded.
"""

import os
import platform
import sys
import time
from collections.abc import Iterable
from importlib import metadata, util
from pathlib import Path

POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)

NUMBERS = {"cpu family": "family", "model": "model"}  # of /proc/cpuinfo


def environment(threads: int) -> dict[str, str]:
    """Return the variables that hold every library of a process to `threads` threads."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    several = "true" if threads > 1 else "false"
    pools = dict.fromkeys(POOLS, str(threads))
    return {**pools, **quiet, "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={several}"}


def pin(threads: int) -> list[int]:
    """Bind this process to its first `threads` processors; return them (none: not bound)."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    processors = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, processors)
    return processors


def busy_seconds() -> float:
    """Return how long all processors have worked so far, for any program; 0 where unknown."""
    listing = Path("/proc/stat")
    if not listing.exists():
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, listing.read_text().split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def facts() -> dict[str, str]:
    """Return what Linux tells of the first processor; elsewhere nothing."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    return {key.strip(): value.strip() for key, value in reversed(pairs)}


def processor() -> str:
    """Return the model name of the processor."""
    return facts().get("model name") or platform.processor() or platform.machine()


def generation() -> str:
    """Return the family and model numbers of the processor, which its name may hide."""
    known = facts()
    return ", ".join(f"{word} {known[key]}" for key, word in NUMBERS.items() if key in known)


def vectors() -> str:
    """Return the widest vector instructions the processor names, which its model name may hide."""
    flags = {word for name in ("flags", "Features") for word in facts().get(name, "").split()}
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "asimd": "NEON"}
    return next((name for flag, name in known.items() if flag in flags), "unknown vectors")


def missing(modules: Iterable[str]) -> list[str]:
    """Return those of `modules` that cannot be imported here."""
    return [name for name in modules if util.find_spec(name) is None]


def versions(modules: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each importable module, by its distribution's name."""
    owners = metadata.packages_distributions()
    found = {owner for name in modules for owner in owners.get(name, ())}
    return {owner: metadata.version(owner) for owner in sorted(found)}


def describe(modules: Iterable[str]) -> dict[str, object]:
    """Return what a reader needs to judge a figure: processor, cores, versions, date, load."""
    return {
        "processor": processor(),
        "generation": generation(),
        "vectors": vectors(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "versions": versions(modules),
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
