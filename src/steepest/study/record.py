"""What goes into the store and what comes out of it, as plain frozen values.

Law: JSON has no NaN and no infinity. A number that is not finite is stored as NULL in its column,
and its name and kind ("nan", "inf", "-inf") stand beside it; inside JSON it is {"number": "nan"}.
Reading gives back the number that was measured.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from steepest.errors import unknown
from steepest.study.schema import COUNTS, REALS

MARK = "number"


@dataclass(frozen=True)
class PlannedRun:
    """A run as it is planned: its identity and the columns it can be found by."""

    key: str  # hexadecimal digest of the spec: the identity of the run
    cell: str  # the same without the seed
    spec: str  # canonical JSON
    data: str
    model: str
    optimizer: str
    seed: int
    batch_size: int
    lr: float | None
    epochs: int


@dataclass(frozen=True)
class Place:
    """Where a run stands in a study; a place holds one run."""

    key: str
    arm: str
    role: str  # "tuning" or "final"
    seed: int
    trial: int = 0
    tuning: int = 0


@dataclass(frozen=True)
class Record:
    """What a run left behind, without its epochs."""

    id: int
    key: str
    cell: str
    spec: str
    data: str
    model: str
    optimizer: str
    seed: int
    batch_size: int
    lr: float | None
    epochs: int
    status: str
    reason: str
    attempt: int
    engine: str
    environment: int | None
    params: int | None
    flops: float | None
    updates: int | None
    examples: int | None
    seconds: float | None
    metrics: dict[str, Any]
    created: str
    started: str | None
    ended: str | None


@dataclass(frozen=True)
class Trial:
    """A run in its place within a study."""

    place: Place
    record: Record


@dataclass(frozen=True)
class StudyRecord:
    """A study as it is stored; `looks` of all revisions tell whether it was extended after one."""

    id: int
    name: str
    revision: int
    question: str
    spec: str
    digest: str
    created: str
    looks: int  # how often verdicts were computed on the test scores of this revision
    seen: int  # how many final runs the last of these looks scored
    earlier_looks: int  # looks at the other revisions of the same name


@dataclass(frozen=True)
class Opening:
    """One opening of a test set: which run was scored on which split, when, by which command."""

    key: str
    split: str
    time: str
    command: str


def now() -> str:
    """Return the time in UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def encode(value: Any) -> str:
    """Return `value` as JSON text; NumPy scalars and arrays, NaN and infinities are welcome.

    >>> encode({"loss": float("nan"), "steps": (1, 2)})
    '{"loss": {"number": "nan"}, "steps": [1, 2]}'
    """
    return json.dumps(_jsonable(value), allow_nan=False)


def decode(text: str) -> Any:
    """Return the value behind the text of `encode`.

    >>> decode('{"loss": {"number": "-inf"}}')
    {'loss': -inf}
    """
    return json.loads(text, object_hook=_restored)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _jsonable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy: the plain number or list
        return _jsonable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return {MARK: str(value)}
    return value


def _restored(value: dict[str, Any]) -> Any:
    if len(value) == 1 and value.get(MARK) in ("nan", "inf", "-inf"):
        return float(value[MARK])
    return value


def epoch_columns(run: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the epoch `row` of run number `run`; an unknown name is an error."""
    known = ("epoch", *COUNTS, *REALS, "extra")
    for name in row:
        if name not in known:
            raise unknown("epoch column", name, known)
    columns: dict[str, Any] = {"run": run, "epoch": int(row["epoch"])}
    nonfinite = {}
    for name in COUNTS:
        value = row.get(name)
        columns[name] = None if value is None else int(value)
    for name in REALS:
        value = row.get(name)
        number = None if value is None else float(value)
        if number is not None and not math.isfinite(number):
            nonfinite[name], number = str(number), None
        columns[name] = number
    columns["nonfinite"] = json.dumps(nonfinite) if nonfinite else None
    extra = row.get("extra")
    columns["extra"] = encode(extra) if extra else None
    return columns


def epoch_row(columns: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the epoch's row as it was recorded, from its columns in the store."""
    row = {name: columns[name] for name in ("epoch", *COUNTS, *REALS)}
    if columns["nonfinite"]:
        row |= {name: float(kind) for name, kind in json.loads(columns["nonfinite"]).items()}
    row["extra"] = decode(columns["extra"]) if columns["extra"] else {}
    return row


def record_of(columns: Mapping[Any, Any]) -> Record:
    """Return the record of a run from its columns in the store."""
    return Record(**{**columns, "metrics": decode(columns["metrics"])})


def text_of(value: str) -> str:
    r"""Return `value` fit for any database: no lone surrogates, no NUL characters.

    >>> text_of("a" + chr(0xD800) + chr(0))
    'a?\\0'
    """
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\\0")
