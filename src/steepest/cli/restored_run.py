"""A run with its weights again: found by folder or by the start of its key, put into a session."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest import paths
from steepest.cli import run_folder
from steepest.errors import DataError, NothingMatchedError, UsageError

if TYPE_CHECKING:
    from steepest.data import Dataset
    from steepest.spec import RunSpec
    from steepest.train.session import Session

KINDS = ("best", "last")


@dataclass(frozen=True, eq=False)
class Restored:
    """A run's folder, its spec and data, and a session that holds its weights."""

    folder: Path
    spec: "RunSpec"
    dataset: "Dataset"
    session: "Session"
    weights: Path


def locate(run: str) -> Path:
    """Return a run's folder; NothingMatchedError where no folder or key begins like this."""
    folder = Path(run)
    if folder.is_dir():
        if not (folder / run_folder.CONFIG).exists():
            raise UsageError(f"'{run}' is not the folder of a run: it has no {run_folder.CONFIG}")
        return folder
    parent = paths.runs_folder()
    found = [p.parent for p in parent.glob(f"**/{run_folder.CONFIG}")]
    start = run.strip().lower()
    fitting = [
        f for f in found if start and (run_folder.key_of(f).startswith(start) or f.name == run)
    ]
    if not fitting:
        raise NothingMatchedError(
            f"no run '{run}' in {parent}; name a folder or the start of a key "
            "(steepest train makes one)"
        )
    keys = {run_folder.key_of(f) for f in fitting}
    if len(keys) > 1:
        raise UsageError(
            f"'{run}' fits {len(keys)} runs: {', '.join(sorted(k[:12] for k in keys))}"
        )
    return max(fitting, key=lambda f: f.stat().st_mtime)


def weights_of(folder: Path, kind: str | None = None) -> Path:
    """Return the file of a run's weights: those it was measured by, or the kind asked for.

    Raises NothingMatchedError where the run has none.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"weights are best or last, not '{kind}'")
    result = run_folder.read(folder).result if (folder / run_folder.RESULT).exists() else {}
    measured = result.get("measured_epoch") == result.get("best_epoch")
    wanted = kind or ("best" if measured and result.get("best_epoch") else "last")
    for name in dict.fromkeys([wanted] if kind else [wanted, *KINDS]):
        path = folder / f"{name}.safetensors"
        if path.exists():
            return path
    status = f" (its status: {result['status']})" if result.get("status") else ""
    raise NothingMatchedError(
        f"the run in '{folder}' has no {kind + ' ' if kind else ''}weights{status}; train it again"
    )


def restore(run: str, kind: str | None = None) -> Restored:
    """Return a run with its weights in a session on its own data and split.

    Raises DataError where the data is no longer what the run was trained on.
    """
    from steepest.data import load, take_examples
    from steepest.spec import from_plain
    from steepest.train.session import open_session, write_state
    from steepest.train.weights import gather_state, load_description

    folder = locate(run)
    weights = weights_of(folder, kind)
    config = _config(folder)
    spec = from_plain(config["spec"], str(folder / run_folder.CONFIG))
    dataset = load(spec.data, list(spec.classes) or None, spec.target)
    if "examples" in config["data"]:  # of a sweep on a part of the training examples
        dataset = take_examples(dataset, int(config["data"]["examples"]))
    if dataset.digest != config["data"]["digest"]:
        raise DataError(f"'{spec.data}' has changed since the run in '{folder}' was trained on it")
    session = open_session([spec], dataset)
    arrays, description = load_description(weights)
    write_state(session, gather_state(weights, session.task.arch, arrays, description))
    return Restored(folder, spec, dataset, session, weights)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / run_folder.CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        _ = found["spec"]["model"], found["data"]["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the run's folder '{folder}' is damaged: {error}") from None
    return dict(found)
