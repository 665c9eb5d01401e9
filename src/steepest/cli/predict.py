"""`steepest predict`: classes and probabilities of images, arrays and tables by a trained run."""

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from steepest.cli.screen import say, show_table
from steepest.errors import DataError, UsageError

if TYPE_CHECKING:
    from steepest.train.model import Model

Array = np.ndarray[Any, Any]
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
SHOWN = 20  # lines on the screen; --json and --out have all


def predict(
    run: str,
    *inputs: Path,
    weights: str | None = None,
    out: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
) -> None:
    """Predict classes of images, .npy or .npz arrays, or the rows of a CSV file.

    Whole numbers (arrays of integers, tables without a decimal point) are in the data's own units
    (images: 0 to 255); real numbers are what the network reads (images: 0 to 1).

    Parameters
    ----------
    run
        A run's folder, or the start of its key.
    inputs
        Images or folders of images, .npy, .npz (its array x), .csv (columns by the names they had
        in training, others are left out; without a header, or for a run that was not trained on
        a table, all columns in the order of training).
    weights
        best or last [those the run was measured by].
    out
        A CSV file that receives all predictions.
    as_json
        Write one JSON object to standard output.
    """
    from steepest.cli.restored_run import locate, weights_of
    from steepest.train.model import load

    if not inputs:
        raise UsageError("name what to predict: images, a .npy, a .npz or a .csv")
    if out is not None and any(path.resolve() == out.resolve() for path in inputs):
        raise UsageError(f"--out would overwrite the input '{out}': name another file")
    model = load(weights_of(locate(run), weights))
    names: list[str] = []
    parts: list[Array] = []
    for path in inputs:
        for name, x in _read(path, model):
            names += [name] if len(x) == 1 else [f"{name}[{i}]" for i in range(len(x))]
            parts.append(model.predict(x))
    rows = _rows(names, np.concatenate(parts), model)
    if out is not None:
        _write(out, rows)
    if as_json:
        say(json.dumps({"run": run, "predictions": rows}))
    else:
        _show(rows, model)


def _read(path: Path, model: "Model") -> list[tuple[str, Array]]:
    """Return (name, examples) pairs of one input, in the model's own shape and units."""
    shape = tuple(model.about["shape"])
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGES)
        if not files:
            raise DataError(f"the folder '{path}' has no images")
        return [(str(f), _image(f, shape, model)) for f in files]
    if not path.exists():
        raise DataError(f"there is no file '{path}'")
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return [(str(path), _image(path, shape, model))]
    if suffix not in (".npy", ".npz", ".csv"):
        raise UsageError(f"'{path}' is no image, .npy, .npz or .csv")
    x = _table(path, model) if suffix == ".csv" else _array(path)
    return [(str(path), _fitting(x, shape, path, model))]


def _image(path: Path, shape: tuple[int, ...], model: "Model") -> Array:
    from PIL import Image, UnidentifiedImageError

    if len(shape) != 3 or shape[2] not in (1, 3):
        raise UsageError(f"this run takes examples of shape {shape}, not images")
    try:
        with Image.open(path) as file:
            image = file.convert("L" if shape[2] == 1 else "RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"'{path}' cannot be read as an image: {error}") from None
    if image.size != (shape[1], shape[0]):
        sys.stderr.write(f"{path}: resized from {image.size[0]}×{image.size[1]}\n")
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    x = np.asarray(image, np.float32).reshape(1, *shape)
    return x / 255 if model.about["scale"] != 1.0 else x  # a fraction of white, as in training


def _array(path: Path) -> Array:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        name = "x" if "x" in found.files else found.files[0] if len(found.files) == 1 else None
        if name is None:
            raise DataError(f"'{path}' has no array x, but {', '.join(sorted(found.files))}")
        return np.asarray(found[name])
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"'{path}' is no array of numbers: {error}") from None


def _table(path: Path, model: "Model") -> Array:
    from steepest.data.table import read_features

    x, left = read_features(path, model.about.get("features") or ())
    if left:
        sys.stderr.write(f"{path}: not read, for the run was not trained on: {', '.join(left)}\n")
    return x


def _fitting(x: Array, shape: tuple[int, ...], path: Path, model: "Model") -> Array:
    """Return examples (n, *shape); one example, and images without their channel, are taken too."""
    if x.dtype.kind not in "uif":
        raise DataError(f"'{path}' holds {x.dtype}, not numbers")
    for candidate in (shape, shape[:-1] if shape[-1:] == (1,) else shape):
        if x.shape[1:] == candidate or x.shape == candidate:
            x = x.reshape(-1, *shape)
            break
    else:
        features = int(np.prod(shape))
        if path.suffix.lower() == ".csv" and x.shape[1] != features:
            raise DataError(
                f"'{path}' has {x.shape[1]} columns, but the run takes {features} features "
                f"(examples of shape {shape}); give the feature columns only"
            )
        if x.ndim != 2 or x.shape[1] != features:
            raise DataError(
                f"'{path}' has shape {x.shape}, but the run takes examples of shape {shape}"
            )
        x = x.reshape(-1, *shape)
    if x.dtype.kind in "ui" and model.about["scale"] != 1.0:
        if path.suffix.lower() == ".csv":
            most = round(1 / model.about["scale"])
            sys.stderr.write(f"{path}: whole numbers, taken as 0 to {most}\n")
        return (x * np.float64(model.about["scale"])).astype(np.float32)  # the data's own units
    return x.astype(np.float32)


def _rows(names: list[str], found: Array, model: "Model") -> list[dict[str, Any]]:
    classes = list(model.about.get("classes") or [])
    if not classes:
        return [
            {"input": n, "output": values} for n, values in zip(names, found.tolist(), strict=True)
        ]
    best = found.argmax(axis=1)
    return [
        {"input": n, "class": classes[k], "probability": float(p[k]),
         "probabilities": dict(zip(classes, p.tolist(), strict=True))}
        for n, k, p in zip(names, best.tolist(), found, strict=True)
    ]  # fmt: skip


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    first = rows[0]
    if "class" in first:
        head = ["input", "class", "probability", *first["probabilities"]]
        lines = [
            [r["input"], r["class"], r["probability"], *r["probabilities"].values()] for r in rows
        ]
    else:
        head = ["input", *(f"output {i}" for i in range(len(first["output"])))]
        lines = [[r["input"], *r["output"]] for r in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *lines])


def _show(rows: list[dict[str, Any]], model: "Model") -> None:
    if model.about.get("classes"):
        lines = [[r["input"], r["class"], f"{r['probability']:.1%}"] for r in rows[:SHOWN]]
        show_table(["input", "class", "probability"], lines)
    else:
        lines = [[r["input"], *(f"{v:.6g}" for v in r["output"])] for r in rows[:SHOWN]]
        show_table(["input", *(f"output {i}" for i in range(len(lines[0]) - 1))], lines)
    if len(rows) > SHOWN:
        say(f"and {len(rows) - SHOWN} more; --out writes all")
