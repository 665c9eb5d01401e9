"""The folder of a sweep: what it measures, its points as they are finished, its first networks.

    sweep.json       what decides every point: a sweep of the same goes on here
    points/          a file for each finished point
    states/          weights of the dense runs
    METHOD-SPARSITY/ networks of the first seed, each a run's folder
    prune.json, ...  the outcome

Every file is written whole or not at all, a point's last of all that belongs to it: a sweep that
was killed anywhere goes on where it was, and makes nothing twice.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from steepest.cli import run_folder
from steepest.codec import digest
from steepest.compress.sensitivity import Sensitivity, sensitivities
from steepest.compress.sweep import Place, Point, Sweep, point_of
from steepest.data import Dataset
from steepest.errors import DataError
from steepest.identity import run_identity, run_key
from steepest.study.environment import facts
from steepest.study.lock import FileLock
from steepest.train.session import Session, read_state
from steepest.train.state import State
from steepest.train.weights import about, save_weights

ABOUT, POINTS, STATES = "sweep.json", "points", "states"
OUTCOME, PAGE = "prune.json", "report.html"


def identity(sweep: Sweep, dataset: Dataset, start: State | None, test: bool) -> str:
    """Return the key of what decides a point, whatever its method, sparsity and seed.

    More methods, sparsities or seeds are the same sweep taken further; `start` are the weights of
    a run that is pruned.
    """
    held = () if start is None else sorted(start.arrays.items())
    whole = {
        "base": run_identity(sweep.base, dataset.digest), "structured": sweep.structured,
        "finetune": sweep.finetune, "schedule": sweep.schedule.plain(), "scope": sweep.scope,
        "start": {n: hashlib.sha256(np.ascontiguousarray(a).data).hexdigest() for n, a in held},
        "test": test,
    }  # fmt: skip
    return digest(whole)


def choose(folder: Path, key: str, fresh: bool = False) -> Path:
    """Return the folder, or one beside it by number, in which the sweep of this key began.

    The first that does not exist where there is none, or it shall begin anew: none is overwritten.
    """
    count, chosen = 1, folder
    while chosen.exists() and any(chosen.iterdir()):
        if not fresh and _key(chosen) == key:
            return chosen
        count += 1
        chosen = folder.with_name(f"{folder.name}-{count}")
    return chosen


def _key(folder: Path) -> str:
    try:
        return str(json.loads((folder / ABOUT).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@contextmanager
def opened(folder: Path, key: str, test: bool) -> Iterator[None]:
    """Hold a sweep's folder, made if it is new; HeldError while another process works in it.

    `test` tells that the sweep opens the test set: that is recorded before it does.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot write to '{folder}': {error.strerror}") from None
    if not (folder / ABOUT).exists():
        now = run_folder.now()
        first = {
            "key": key, "started": now, "environment": facts(),
            "openings": [{"time": now, "by": "prune --test"}] if test else [],
        }  # fmt: skip
        run_folder.write_json(folder / ABOUT, first)
    lock = FileLock(folder / "lock", patience=0.0)
    lock.acquire("another sweep")
    try:
        yield
    finally:
        lock.close()


def told(folder: Path) -> dict[str, Any]:
    """Return what a sweep's folder says of itself: key, started, environment, openings."""
    try:
        found = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        _ = found["key"], found["started"], found["environment"], found["openings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{folder / ABOUT}' is damaged: {error}") from None
    return dict(found)


def read_points(folder: Path) -> dict[Place, Point]:
    """Return the points that a sweep has finished; DataError naming a damaged file."""
    found = {}
    for path in sorted((folder / POINTS).glob("*.json")):
        try:
            point = point_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"'{path}' is damaged ({error}); remove it, and the point is made again"
            ) from None
        found[point.place] = point
    return found


def keep(point: Point, sweep: Sweep, folder: Path) -> None:
    """Keep a finished point; a network of the first seed as a run's folder, before it."""
    if point.session is not None and point.seed == sweep.base.seed:
        _keep_network(point, point.session, sweep, folder)
    method, sparsity, seed = point.place
    parent = folder / POINTS
    parent.mkdir(exist_ok=True)
    run_folder.write_json(parent / f"{seed}-{method}-{sparsity!r}.json", point.plain())


def _keep_network(point: Point, session: Session, sweep: Sweep, folder: Path) -> None:
    """Write a network as a run's folder: it can be pruned again, exported, and predict."""
    own = folder / f"{point.method}-{point.sparsity:g}"
    own.mkdir(exist_ok=True)
    spec, dataset = session.spec, session.dataset
    made = {"method": point.method, "sparsity": point.sparsity, "epochs": point.epochs}
    data: dict[str, Any] = {"name": dataset.name, "digest": dataset.digest}
    if sweep.examples is not None:
        data["examples"] = sweep.examples
    config = {
        "key": digest({"run": run_key(spec, dataset.digest), "pruned": made}),
        "started": run_folder.now(), "spec": spec.plain(), "pruned": made, "data": data,
    }  # fmt: skip
    run_folder.write_json(own / run_folder.CONFIG, config)
    result = {"status": point.status, "val_accuracy": point.accuracy, "cost": asdict(point.cost)}
    run_folder.write_json(own / run_folder.RESULT, result)
    (own / run_folder.EPOCHS).write_text("epoch\n", encoding="utf-8")
    state = read_state(session, point.epochs)
    save_weights(own / "last.safetensors", session.task.arch, state, about(spec.model, session))


def sensitive(sweep: Sweep, dense: Point, folder: Path) -> tuple[Sensitivity, ...]:
    """Return every layer's sensitivity in the dense network of the first seed, measured once."""
    method = sweep.methods[0]
    path = folder / f"sensitivity-{method}.json"
    if not path.exists():
        session = dense.session or _restored(folder / f"{dense.method}-{dense.sparsity:g}")
        new = sensitivities(session, method, sweep.structured)
        run_folder.write_json(path, {"found": [asdict(s) for s in new]})
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["found"]
        return tuple(Sensitivity(**_counted(s)) for s in found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{path}' is damaged ({error}); remove it to measure again") from None


def _counted(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"loss": float("nan") if values["loss"] is None else values["loss"]}


def _restored(folder: Path) -> Session:
    from steepest.cli.restored_run import restore

    return restore(str(folder)).session
