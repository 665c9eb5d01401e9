"""A run's folder: config.json, epochs.csv, result.json, best.safetensors, last.safetensors.

Folders are named by date, optimizer and the head of the run's key; none is ever overwritten.
"""

import csv
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from steepest.data import Dataset
from steepest.errors import DataError
from steepest.identity import run_key
from steepest.spec import RunSpec
from steepest.study.environment import facts
from steepest.train.finish import Result
from steepest.train.weights import about, save_weights

CONFIG, EPOCHS, RESULT = "config.json", "epochs.csv", "result.json"
SHORT = 8  # characters of the key in a folder's name


@dataclass(frozen=True)
class Kept:
    """A finished run as its folder tells it."""

    folder: Path
    config: dict[str, Any]
    result: dict[str, Any]
    epochs: list[dict[str, float]]


def now() -> str:
    """Return the time in UTC as ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def create(parent: Path, spec: RunSpec, dataset: Dataset) -> Path:
    """Make a new folder for a run, write its configuration and return it."""
    key = run_key(spec, dataset.digest)
    rule = re.sub(r"[^a-z0-9_]+", "-", spec.optimizer.name.rpartition(":")[2].lower())
    name = f"{datetime.now(UTC).astimezone():%Y-%m-%d}-{rule}-{key[:SHORT]}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = _fresh(parent, name)
    except OSError as error:
        raise DataError(f"cannot write runs to '{parent}': {error.strerror}") from None
    config = {
        "key": key,
        "started": now(),
        "spec": spec.plain(),
        "data": {"name": dataset.name, "digest": dataset.digest},
        "environment": facts() | {"blas threads": os.environ.get("OPENBLAS_NUM_THREADS", "all")},
    }
    write_json(folder / CONFIG, config)
    return folder


def _fresh(parent: Path, name: str) -> Path:
    folder, count = parent / name, 1
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            count += 1
            folder = parent / f"{name}-{count}"
        else:
            return folder


def keep(folder: Path, result: Result, summary: dict[str, Any]) -> None:
    """Write what a run left into its folder."""
    found = rows(result)
    columns = list(dict.fromkeys(name for row in found for name in row))
    with (folder / EPOCHS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(found)
    description = about(result.session.spec.model, result.session)
    arch = result.session.task.arch
    for name, state in (("best", result.best), ("last", result.last)):
        if state is not None:
            save_weights(folder / f"{name}.safetensors", arch, state, description)
    write_json(folder / RESULT, summary)


def rows(result: Result) -> list[Mapping[str, float]]:
    """Return a row an epoch: a resumed run's earlier ones, and the one in which it diverged."""
    return [*result.rows, *(e.row() for e in result.epochs if e.diverged)]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write plain values as JSON, whole or not at all; what is not finite becomes null."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(finite(value), indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def finite(value: Any) -> Any:
    """Return plain values with None for numbers that JSON has not.

    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def finished(parent: Path) -> list[Kept]:
    """Return the runs that have a result, latest first."""
    found = [read(path.parent) for path in parent.glob(f"*/{RESULT}")]
    return sorted(found, key=lambda kept: str(kept.config["started"]), reverse=True)


def key_of(folder: Path) -> str:
    """Return the key of the run in a folder; empty where there is none to read."""
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return str(found["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def read(folder: Path) -> Kept:
    """Return the run kept in a folder; DataError where a file is damaged, or not there yet."""
    if (folder / CONFIG).exists() and not (folder / RESULT).exists():
        raise DataError(f"the run in '{folder}' has not ended; its command goes on with it")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        with (folder / EPOCHS).open(newline="", encoding="utf-8") as file:
            epochs = [_numbers(row) for row in csv.DictReader(file)]
        kept = Kept(folder, dict(config), dict(result), epochs)
        _ = kept.config["started"], kept.config["spec"]["optimizer"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the run's folder '{folder}' is damaged: {error}") from None
    return kept


def _numbers(row: dict[str, str]) -> dict[str, float]:
    return {name: float(text) for name, text in row.items() if text}


def how_made(kept: Kept) -> str:
    """Say how a network of a sweep was pruned; nothing for a run of training."""
    made = kept.config.get("pruned")
    if not made:
        return ""
    cost, accuracy = kept.result["cost"], kept.result["val_accuracy"]
    return (
        f"{made['method']} at sparsity {made['sparsity']:g}, then {made['epochs']} epochs: "
        f"{accuracy:.2%} of the validation examples, {cost['nonzero']:,} of {cost['params']:,} "
        "parameters not zero"
    )
