"""Pictures of the inside of a network, by Matplotlib: filters, feature maps, confusion, mistakes.

Law: these functions know arrays and names, nothing of networks or runs. Every picture says in its
title what is seen. Shapes: images are (n, H, W, C) with values from 0 to 1 or bytes.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steepest.report.palette import LIGHT

Array = np.ndarray[Any, Any]
MOST_UNITS = 64  # filters or channels drawn
MOST_NUMBERS = 20  # classes up to which a confusion's cells hold numbers
INK, SOFT = "#16202c", "#566372"


def draw_filters(filters: Array, path: str | Path) -> Path:
    """Draw first-layer weights (units, H, W, C): blue below zero, red above; RGB as colours."""
    shown = filters[:MOST_UNITS]
    columns = min(len(shown), 8 if shown.shape[2] <= 2 * shown.shape[1] else 2)
    rows = math.ceil(len(shown) / columns)
    tall = shown.shape[1] / shown.shape[2]
    width = 8.0 / columns
    figure, axes = _grid(rows, columns, (width, max(width * tall, 0.35)))
    reach = float(np.abs(shown).max()) or 1.0
    for ax, weights in zip(axes, shown, strict=False):
        if weights.shape[-1] == 3:
            ax.imshow(0.5 + 0.5 * weights / (float(np.abs(weights).max()) or 1.0))
        else:
            ax.imshow(weights.mean(axis=-1), cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto")
    size = "×".join(map(str, filters.shape[1:]))
    _title(figure, f"First layer: {len(shown)} of {len(filters)} units, weights {size}")
    return _save(figure, path)


def draw_maps(image: Array, maps: Mapping[str, Array], title: str, path: str | Path) -> Path:
    """Draw one image (H, W, C) and what every layer makes of it: (H', W', C') or (units,)."""
    columns, rows = 9, len(maps)
    tall = [
        1.0 if values.ndim == 3 or row == 0 else 0.4 for row, values in enumerate(maps.values())
    ]
    figure, axes = _grid(rows, columns, (1.0, 1.0), tall)
    for row, (name, values) in enumerate(maps.items()):
        line = axes[row * columns : (row + 1) * columns]
        if row == 0:
            _show(line[0], image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8, color=INK)
        if values.ndim == 3:
            for ax, channel in zip(line[1:], np.moveaxis(values, -1, 0), strict=False):
                ax.imshow(channel, cmap="viridis")
        else:
            _strip(figure, line[1:], values.reshape(1, -1))
    _title(figure, title)
    return _save(figure, path)


def draw_confusion(counts: Array, classes: Sequence[str], title: str, path: str | Path) -> Path:
    """Draw a confusion (K, K) in per cent of each true class, and precision, recall, F1 beside."""
    figure = _figure((4.8 + 0.52 * len(classes), 1.9 + 0.42 * len(classes)))
    left, right = figure.subplots(1, 2, width_ratios=(2.1, 1))
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    places = range(len(classes))
    if len(classes) <= MOST_NUMBERS:
        for i in places:
            for j in places:
                text = f"{shares[i, j]:.1f}" if counts[i, j] else "·"
                hue = "white" if shares[i, j] > 55 else INK
                left.text(j, i, text, ha="center", va="center", fontsize=7.5, color=hue)
    left.set_xticks(places, classes, rotation=45, ha="right", fontsize=8)
    left.set_yticks(places, classes, fontsize=8)
    left.set_xlabel("predicted", color=SOFT)
    left.set_ylabel("true", color=SOFT)
    left.set_title("per cent of each true class", loc="left", fontsize=10, color=INK)
    _draw_classes(right, counts, classes)
    _title(figure, title)
    return _save(figure, path)


def _draw_classes(ax: Any, counts: Array, classes: Sequence[str]) -> None:
    """Draw precision, recall and F1 of every class as marks on one line each."""
    from matplotlib.ticker import PercentFormatter

    hits = np.diag(counts).astype(float)
    recall = hits / np.maximum(counts.sum(axis=1), 1)
    precision = hits / np.maximum(counts.sum(axis=0), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    places = np.arange(len(classes))
    ax.hlines(places, np.minimum(precision, recall), np.maximum(precision, recall), color="#cfd6dd")
    looks = ((precision, "precision", "s", 1), (recall, "recall", "o", 2), (f1, "F1", "D", 3))
    for values, name, mark, look in looks:
        ax.plot(values, places, mark, color=LIGHT[look], markersize=5, label=name)
    ax.set_yticks(places, classes, fontsize=8)
    ax.set_ylim(len(classes) - 0.5, -0.5)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.grid(axis="x", color="#e7eaee")
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, fontsize=8, frameon=False)
    ax.set_title("by class", loc="left", fontsize=10, color=INK)


def draw_examples(
    images: Array, captions: Sequence[tuple[str, str]], title: str, path: str | Path
) -> Path:
    """Draw images with two lines under each: what it is, and what it was taken for."""
    columns = min(max(len(images), 1), 8)
    rows = math.ceil(max(len(images), 1) / columns)
    figure, axes = _grid(rows, columns, (1.3, 1.65))
    for ax, image, (true, taken) in zip(axes, images, captions, strict=False):
        _show(ax, image)
        ax.set_xlabel(f"{true}\n{taken}", fontsize=7.5, color=INK)
    _title(figure, title)
    return _save(figure, path)


def _show(ax: Any, image: Array) -> None:
    """Draw one image: grey, colour, or features as a strip."""
    if image.ndim == 3 and image.shape[-1] == 3:
        ax.imshow(image if image.dtype == np.uint8 else np.clip(image, 0, 1))
    elif image.ndim == 3:
        ax.imshow(image.mean(axis=-1), cmap="gray")
    else:
        ax.imshow(image.reshape(1, -1), cmap="gray", aspect="auto")
    for side in ax.spines.values():
        side.set_visible(False)


def _strip(figure: Any, line: Sequence[Any], values: Array) -> None:
    """Draw a vector across all the places of a row."""
    for ax in line:
        ax.set_axis_off()
    place = line[0].get_subplotspec()
    last = line[-1].get_subplotspec()
    whole = place.get_gridspec()[place.rowspan.start, place.colspan.start : last.colspan.stop]
    ax = figure.add_subplot(whole)
    ax.imshow(values, cmap="viridis", aspect="auto")
    ax.set_xticks(())
    ax.set_yticks(())


def _figure(size: tuple[float, float]) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _grid(
    rows: int, columns: int, cell: tuple[float, float], tall: Sequence[float] = ()
) -> tuple[Any, list[Any]]:
    """Return a figure of bare places, row by row; `tall` are relative heights."""
    heights = list(tall) or [1.0] * rows
    figure = _figure((max(cell[0] * columns, 4.5), cell[1] * sum(heights) + 0.6))
    places = figure.subplots(rows, columns, height_ratios=heights, squeeze=False)
    axes = list(places.reshape(-1))
    for ax in axes:
        ax.set_xticks(())
        ax.set_yticks(())
        for side in ax.spines.values():
            side.set_visible(False)
    return figure, axes


def _title(figure: Any, text: str) -> None:
    line = " ".join(text.split()).replace("$", r"\$")
    figure.suptitle(line, fontsize=10.5, color=INK, x=0.01, ha="left")


def _save(figure: Any, path: str | Path) -> Path:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in letters the font lacks
        figure.savefig(target, dpi=130)
    return target
