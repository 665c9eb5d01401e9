"""Static figures by Matplotlib; the library is imported when one is drawn."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steepest.errors import UsageError
from steepest.report.content import Number
from steepest.report.number import finite
from steepest.report.palette import LIGHT, colour

PANELS = (("loss", "loss"), ("accuracy", "accuracy"))
SPLITS = (("val", "-", 1.8), ("train", (0, (3, 2)), 1.2))
INK, SOFT, LINE = "#16202c", "#566372", "#e7eaee"
Epochs = Sequence[Mapping[str, Number]]


def plot_curves(series: Sequence[tuple[str, Epochs]], path: str | Path) -> Path:
    """Draw loss and accuracy by epoch, validation solid and training dashed; return the path.

    `series` holds (label, epochs); an epoch is a mapping with `epoch` and any of `train_loss`,
    `val_loss`, `train_accuracy`, `val_accuracy` (fractions). Missing and non-finite values leave
    gaps. The ending of `path` chooses the format: png, svg, pdf.

    Raises
    ------
    UsageError
        If no epoch is given, or the format is unknown.
    """
    if not any(epochs for _, epochs in series):
        raise UsageError("there is nothing to plot: no epoch has been recorded")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    target = Path(path)
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    known = canvas.get_supported_filetypes()
    if target.suffix[1:].lower() not in known:
        raise UsageError(f"cannot write '{target.name}': use png, svg or pdf")
    for axes, (quantity, title) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for look, (_, epochs) in enumerate(series, start=1):
            _draw(axes, quantity, LIGHT[colour(look)], epochs)
        _dress(axes, title, [e for _, epochs in series for e in epochs])
    _legend(figure, [label for label, _ in series])
    target.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in letters the font lacks
        figure.savefig(target, dpi=160, metadata=_undated(target))
    return target


def _draw(axes: Any, quantity: str, hue: str, epochs: Epochs) -> None:
    for split, style, width in SPLITS:
        key = f"{split}_{quantity}"
        points = [(e.get("epoch"), finite(e.get(key))) for e in epochs]
        if all(y is None for _, y in points):
            continue
        xs = [x for x, _ in points]
        ys = [float("nan") if y is None else y for _, y in points]
        mark = "o" if len(xs) == 1 else None
        axes.plot(xs, ys, color=hue, linestyle=style, linewidth=width, marker=mark)


def _dress(axes: Any, title: str, epochs: Epochs) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

    values = [
        v for e in epochs for key in e if key.endswith(title) and (v := finite(e[key])) is not None
    ]
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK)
    axes.set_xlabel("epoch", color=SOFT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if title == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    elif values and min(values) > 0 and max(values) > 8 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, labelsize=9, which="both")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#bcc5cf")


def _legend(figure: Any, labels: Sequence[str]) -> None:
    """Put one legend under both panels: a colour per series, a line style per split."""
    from matplotlib.lines import Line2D

    hues = [LIGHT[colour(look)] for look in range(1, len(labels) + 1)]
    handles = [Line2D([], [], color=hue, linewidth=2.4) for hue in hues]
    names = [_plain(label) for label in labels]
    for (_, style, width), name in zip(SPLITS, ("validation", "training"), strict=True):
        handles.append(Line2D([], [], color=SOFT, linestyle=style, linewidth=width))
        names.append(name)
    widest = max(map(len, names))
    columns = min(len(names), max(1, int(9.6 / (0.8 + 0.085 * widest))))
    figure.legend(
        handles, names, loc="outside lower center", ncols=columns, frameon=False,
        fontsize=9.5, labelcolor=INK, handlelength=2.6,
    )  # fmt: skip


def _plain(label: str) -> str:
    """Return a label that Matplotlib shows as it is: no formula, not hidden, one short line."""
    line = " ".join(label.split())
    short = line if len(line) <= 40 else line[:39] + "…"
    hidden = " " if short.startswith("_") else ""
    return hidden + short.replace("$", r"\$")


def _undated(path: Path) -> dict[str, None] | None:
    """Return metadata without the time, so that the same curves give the same bytes."""
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    return dated.get(path.suffix.lower())
