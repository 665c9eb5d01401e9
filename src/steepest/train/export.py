"""Export: a trained network leaves in formats that other programs read, checked by its numbers.

Every format is read back and run on examples of the validation split; the file stays only if its
outputs equal ours within `TOLERANCE` of their size.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from steepest.engine.choice import make_engine
from steepest.errors import DataError, UsageError, unknown
from steepest.program.trace import Value
from steepest.train.evaluate import Network, outputs
from steepest.train.export_onnx import onnx_bytes, onnx_session
from steepest.train.export_torch import load_source, torch_source
from steepest.train.lowering import lower
from steepest.train.session import Session, read_state
from steepest.train.weights import about, load_description, save_weights

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-5  # of the largest output, or of 1 if all are smaller
TABLES = ("data", "targets")  # of the training examples
EXAMPLES = 256  # at most, of the validation split, that a format is checked on
NEEDS = {
    "onnx": ("onnx", "onnxruntime"), "torch": ("torch",), "torch-export": ("torch",),
    "safetensors": (), "npz": (),
}  # fmt: skip
EXTRAS = {"onnx": "export", "torch": "torch", "torch-export": "torch"}
SUFFIXES = {
    "onnx": ".onnx", "torch": ".py", "torch-export": ".pt2", "safetensors": ".safetensors",
    "npz": ".npz",
}  # fmt: skip
Predict = Callable[[Array], Array]


@dataclass(frozen=True)
class Exported:
    """The files of an export, and how far its outputs are from ours."""

    files: tuple[Path, ...]
    error: float  # largest difference over the largest output
    examples: int


def check_format(to: str) -> str:
    """Return the format's name; UsageError where it is unknown, or what it needs is missing."""
    if to not in NEEDS:
        raise unknown("format", to, NEEDS)
    missing = [name for name in NEEDS[to] if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"export to {to} needs {' and '.join(missing)}; "
            f"install with: pip install 'steepest[{EXTRAS[to]}]'"
        )
    return to


def export(session: Session, to: str, path: Path) -> Exported:
    """Write the session's network to `path` and check it; the suffix is set by the format.

    Raises UsageError for an unknown format or a missing library, DataError where the exported
    network computes something else; then no file stays.
    """
    target = path.with_suffix(SUFFIXES[check_format(to)])
    target.parent.mkdir(parents=True, exist_ok=True)
    held = session.split.validation[0]
    rows = (held if len(held) else session.split.train[0])[:EXAMPLES]
    x = np.ascontiguousarray(session.dataset.x[rows])
    ours = outputs(_widened(session), x)[0]
    files, predict = WRITERS[to](session, target)
    theirs = np.asarray(predict(x.astype(np.float32)))
    error = float(np.abs(theirs - ours).max() / max(1.0, float(np.abs(ours).max())))
    if not error <= TOLERANCE:
        for file in files:
            file.unlink()
        raise DataError(
            f"the network exported to {to} differs from ours by {error:.2g} of the largest output, "
            f"more than {TOLERANCE:g}; nothing was kept"
        )
    return Exported(files, error, len(rows))


def _widened(session: Session) -> Network:
    """Return the network with its weights in float32 where it was trained in bfloat16.

    What is exported are those weights; other programs do not round what goes into a product.
    """
    if session.spec.precision != "bfloat16":
        return session
    engine = make_engine("torch")
    held = {n: session.engine.numpy(a) for n, a in session.shared.items() if n not in TABLES}
    shared = {n: engine.array(Value(v.shape, "real"), v) for n, v in held.items()}
    return SimpleNamespace(task=session.task, engine=engine, shared=shared)


def _onnx(session: Session, target: Path) -> tuple[tuple[Path, ...], Predict]:
    target.write_bytes(onnx_bytes(lower(session)))
    runner = onnx_session(target.read_bytes())
    return (target,), lambda x: np.asarray(runner.run(["logits"], {"x": x})[0])


def _source(session: Session, target: Path) -> tuple[tuple[Path, Path], Any]:
    """Write a module's source and weights; return the files and the module."""
    from safetensors.numpy import save_file

    weights = target.with_name(f"{target.stem}_torch.safetensors")  # not what safetensors writes
    source, tensors = torch_source(lower(session), weights.name)
    target.write_text(source, encoding="utf-8")
    save_file(tensors, weights)
    return (target, weights), load_source(target, weights)


def _run(module: Any) -> Predict:
    import torch

    def predict(x: Array) -> Array:
        with torch.no_grad():
            found: Array = module(torch.from_numpy(x)).numpy()
        return found

    return predict


def _torch(session: Session, target: Path) -> tuple[tuple[Path, ...], Predict]:
    files, module = _source(session, target)
    return files, _run(module)


def _torch_export(session: Session, target: Path) -> tuple[tuple[Path, ...], Predict]:
    import torch

    part = target.with_name(f".{target.stem}.part.py")
    files, module = _source(session, part)
    example = torch.zeros(4, *session.task.shape)
    shapes = {"x": {0: torch.export.Dim("batch", min=1)}}
    program = torch.export.export(module, (example,), dynamic_shapes=shapes)
    torch.export.save(program, str(target))
    for file in files:
        file.unlink()
    return (target,), _run(torch.export.load(str(target)).module())


def _safetensors(session: Session, target: Path) -> tuple[tuple[Path, ...], Predict]:
    description = about(session.spec.model, session)
    save_weights(target, session.task.arch, read_state(session, 0), description)
    return (target,), _model(target)


def _model(path: Path) -> Predict:
    """Return the outputs of the model in a weights file, raw examples in."""
    from steepest.train.model import load

    model = load(path)

    def predict(x: Array) -> Array:
        return np.asarray(model.outputs(x * np.float32(model.about["scale"])))

    return predict


def _npz(session: Session, target: Path) -> tuple[tuple[Path, ...], Predict]:
    """Write named arrays and a JSON description; checked by way of a weights file of the same."""
    whole = target.with_suffix(".part.safetensors")
    _safetensors(session, whole)
    arrays, description = load_description(whole)
    fixed = description.pop("fixed")
    text = json.dumps(description | {"source": to_plain(session)})
    held: dict[str, Any] = arrays | fixed | {"description": np.array(text)}
    np.savez(target, **held)
    with np.load(target, allow_pickle=False) as file:
        for name, array in arrays.items():
            if not np.array_equal(file[name], array):
                raise DataError(f"'{target}' does not hold '{name}' as it was written")
    predict = _model(whole)
    whole.unlink()
    return (target,), predict


def to_plain(session: Session) -> dict[str, Any]:
    """Return the network's description as plain values."""
    from steepest.nn.description import describe

    found: dict[str, Any] = describe(session.task.arch)
    return found


WRITERS: dict[str, Callable[[Session, Path], tuple[tuple[Path, ...], Predict]]] = {
    "onnx": _onnx,
    "torch": _torch,
    "torch-export": _torch_export,
    "safetensors": _safetensors,
    "npz": _npz,
}
