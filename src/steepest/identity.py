"""The identity of a run: what decides its bits, and the keys made of it.

A run's key is the SHA-256 of its canonical JSON (defaults left out) with the data's digest, the
source digest of parts of the user's own and the revision of built-in ones; its cell is the same
without the seed.
"""

from typing import Any

from steepest import codec
from steepest.nn.augment import AUGMENTS
from steepest.part import identity
from steepest.spec import TABLES, RunSpec


def run_identity(spec: RunSpec, data_digest: str) -> dict[str, Any]:
    """Return everything that decides the run's bits, as plain values."""
    own = {name: identity(name, getattr(spec, name), table) for name, table in TABLES.items()}
    for part in spec.augment:
        own[f"augment.{part.name}"] = identity("augmentation", part, AUGMENTS)
    plain = {name: value for name, value in spec.plain().items() if name != "probes"}
    return {
        "spec": plain | {"data": ""},
        "data": data_digest,
        "parts": {name: found for name, found in own.items() if found},
    }


def run_key(spec: RunSpec, data_digest: str) -> str:
    """Return the run's key: SHA-256 in hexadecimal."""
    return keys_of(spec, data_digest)[0]


def cell_key(spec: RunSpec, data_digest: str) -> str:
    """Return the key of the run's cell: the run without its seed."""
    return keys_of(spec, data_digest)[1]


def rounds_by_width(spec: RunSpec) -> bool:
    """Tell whether a run's last bits depend on how many runs share its program."""
    return spec.engine != "numpy"


def keys_of(spec: RunSpec, data_digest: str, together: int = 1) -> tuple[str, str]:
    """Return the keys of the run and of its cell; `together` is how many runs share a program."""
    whole = run_identity(spec, data_digest)
    if together > 1 and rounds_by_width(spec) and not spec.asks_torch:
        whole |= {"together": together}
    cell = whole | {"spec": {k: v for k, v in whole["spec"].items() if k != "seed"}}
    return codec.digest(whole), codec.digest(cell)
