"""The facts of the machine and the software a run was made with."""

import os
import platform
import shlex
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from steepest.engine.native import flush_denormals, note, processor_lines

PACKAGES = ("steepest", "numpy", "scipy", "torch")


@lru_cache(maxsize=1)
def facts() -> dict[str, Any]:
    """Return versions, processor, threads and the state of the working tree, as plain values."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads per worker": 1,
        "blas": _blas(),
        "denormals flushed": flush_denormals(),
        "compiled kernels": note() or "yes",
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    git = _git()
    return found | ({"git": git} if git else {})


def _processor() -> str:
    lines = [line for line in processor_lines() if line.startswith("model name")]
    named = [line.partition(":")[2].strip() for line in lines]
    return named[0] if named else platform.processor() or platform.machine()


def _blas() -> str:
    import numpy as np  # noqa: F401 - loads its BLAS, which is then listed
    from threadpoolctl import threadpool_info

    kinds = [f"{i['internal_api']} {i.get('version')}" for i in threadpool_info()]
    return ", ".join(sorted(set(kinds)))


def _git() -> str:
    """Return the commit of the folder one works in, with a mark where it has changes."""
    call = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 - a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def command() -> str:
    """Return the command line that repeats what is being done."""
    name = Path(sys.argv[0]).name
    return shlex.join(
        ["steepest" if name.startswith(("steepest", "__main__")) else name, *sys.argv[1:]]
    )
