"""`State`: everything a run remembers between epochs, and the files it is kept in.

Random streams have no state (they are functions of seed, name and step), so parameters, slots,
running statistics and the count of epochs are all there is.
"""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import DataError, UsageError

Array = np.ndarray[Any, Any]
SUFFIX = ".safetensors"


@dataclass(frozen=True, eq=False)
class State:
    """A run after `epoch` epochs: arrays as the programs name them, one run without the R axis."""

    epoch: int
    arrays: dict[str, Array]  # "params", "mask", "slot.m" (P,), "stat.<name>" (*shape)


def check_suffix(path: str | Path) -> Path:
    """Return the path if its suffix is right; UsageError naming the right one otherwise."""
    path = Path(path)
    if path.suffix != SUFFIX:
        if not path.name or path.is_dir():
            raise UsageError(f"'{path}' is a folder: name a file that ends in {SUFFIX}")
        raise UsageError(
            f"'{path}': weights are kept as safetensors; name the file '{path.with_suffix(SUFFIX)}'"
        )
    return path


def save_arrays(path: Path, arrays: dict[str, Array], about: dict[str, Any]) -> None:
    """Write arrays and a JSON description to a safetensors file, whole or not at all."""
    from safetensors.numpy import save

    content = save(
        {k: np.ascontiguousarray(v).reshape(np.shape(v)) for k, v in arrays.items()},  # 0-d stays
        {"steepest": json.dumps(about)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except OSError as error:
        Path(part).unlink(missing_ok=True)
        raise DataError(f"cannot write '{path}': {error.strerror}") from None


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the description in a file; DataError where it is damaged or missing."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("steepest", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError:
        raise DataError(f"there is no file '{path}'") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"'{path}' is damaged or not a safetensors file ({error})") from None
    if not isinstance(about, dict):
        raise DataError(f"'{path}' was not written by steepest: it has no description")
    return arrays, about
