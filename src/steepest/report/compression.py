"""The view of a compression: accuracy against every cost, sparsity by layer, sensitivity.

A figure by Matplotlib, imported when it is drawn, and a table of texts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steepest.compress.sensitivity import Sensitivity
from steepest.compress.summary import COSTS, Row, pareto
from steepest.compress.sweep import DENSE, SCRATCH
from steepest.errors import UsageError
from steepest.report.palette import LIGHT, colour
from steepest.stats.interval import Interval

SHOWN = (
    "non-zeros", "bytes compressed", "FLOPs", "memory", "seconds, batch 1", "seconds, batch 64",
)  # fmt: skip
INK, SOFT, LINE = "#16202c", "#566372", "#e7eaee"
COLUMNS = (
    "method", "sparsity", "accuracy", "95 %", "loss in points", "95 % of loss", "test",
    "parameters", "non-zeros", "kB", "kB zlib", "MFLOPs", "MB", "ms b1", "ms b64", "ort ms b1",
    "ort ms b64", "failed",
)  # fmt: skip


def compression_rows(rows: Sequence[Row]) -> list[list[str]]:
    """Return the table's rows as texts, in the order of `COLUMNS`."""
    return [_texts(row) for row in rows]


def _texts(row: Row) -> list[str]:
    cost, times = row.cost, row.cost.latency
    keys = ("numpy 1", "numpy 64", "onnxruntime 1", "onnxruntime 64")
    return [
        row.method, f"{row.sparsity:g}", f"{row.accuracy.mean:.2%}", _ends(row.accuracy, "%"),
        "-" if row.drop is None else f"{100 * row.drop.mean:+.2f}",
        "-" if row.drop is None else _ends(row.drop, ""),
        "-" if row.test is None else f"{row.test.mean:.2%}",
        f"{cost.params:,}", f"{cost.nonzero:,}", f"{cost.bytes_dense / 1e3:.1f}",
        f"{cost.bytes_compressed / 1e3:.1f}", f"{cost.flops / 1e6:.3f}",
        f"{cost.memory_bytes / 1e6:.2f}",
        *(f"{1e3 * times[k]:.3f}" if k in times else "-" for k in keys), _failed(row),
    ]  # fmt: skip


def _failed(row: Row) -> str:
    found = {"diverged": row.diverged, "emptied": row.emptied}
    return ", ".join(f"{n} {word}" for word, n in found.items() if n) or "-"


def _ends(interval: Interval, unit: str) -> str:
    if interval.n < 2:
        return "-"
    sign = "" if unit else "+"
    return f"{100 * interval.low:{sign}.2f} to {100 * interval.high:{sign}.2f}{unit}"


def plot_compression(
    rows: Sequence[Row], sensitivities: Sequence[Sensitivity], path: str | Path, title: str = ""
) -> Path:
    """Draw the view and return its path; the ending chooses the format: png, svg, pdf.

    Points are means over seeds, bars their 95 % intervals; the line of a cost is the Pareto front.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    target = Path(path)
    figure = Figure(figsize=(15, 12), layout="constrained")
    if target.suffix[1:].lower() not in FigureCanvasAgg(figure).get_supported_filetypes():
        raise UsageError(f"cannot write '{target.name}': use png, svg or pdf")
    grid = list(figure.subplots(3, 3).flat)
    hues = _hues(rows)
    _against_sparsity(grid[0], rows, hues)
    for axes, cost in zip(grid[1:7], SHOWN, strict=True):
        _against_cost(axes, rows, cost, hues)
    _layers(grid[7], rows)
    _sensitivity(grid[8], sensitivities)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(title.replace("$", r"\$"), x=0.01, ha="left", fontweight="bold", color=INK)
    target.parent.mkdir(parents=True, exist_ok=True)
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(target, dpi=110, metadata=dated.get(target.suffix.lower()))
    return target


def _hues(rows: Sequence[Row]) -> dict[str, str]:
    methods = [m for m in dict.fromkeys(r.method for r in rows) if m != DENSE]
    return {DENSE: LIGHT[0]} | {m: LIGHT[colour(i)] for i, m in enumerate(methods, start=1)}


def _bars(row: Row) -> tuple[list[float], list[float]]:
    """Return the lengths of an error bar; one seed has none."""
    found = row.accuracy
    if found.n < 2:
        return [0.0], [0.0]
    return [found.mean - found.low], [min(found.high, 1.0) - found.mean]


def _against_sparsity(axes: Any, rows: Sequence[Row], hues: dict[str, str]) -> None:
    for method, hue in hues.items():
        own = sorted((r for r in rows if r.method == method), key=lambda r: r.sparsity)
        if method == DENSE:
            axes.axhline(own[0].accuracy.mean, color=hue, linewidth=1.2, label=method)
            continue
        xs, ys = [r.sparsity for r in own], [r.accuracy.mean for r in own]
        bars = [_bars(r) for r in own]
        ends = [[below[0] for below, _ in bars], [above[0] for _, above in bars]]
        style = "--" if method in (SCRATCH, "random") else "-"
        axes.errorbar(
            xs, ys, ends, color=hue, linestyle=style, marker="o", markersize=4, capsize=2,
            label=method,
        )  # fmt: skip
    _dress(axes, "accuracy against sparsity", "sparsity asked for")


def _against_cost(axes: Any, rows: Sequence[Row], cost: str, hues: dict[str, str]) -> None:
    from matplotlib.ticker import NullFormatter

    front = pareto(rows, cost)
    for row in rows:
        value = COSTS[cost](row.cost)
        if value is not None:
            axes.errorbar(
                [value], [row.accuracy.mean], _bars(row), color=hues[row.method], marker="o",
                markersize=4, capsize=2, linestyle="",
            )  # fmt: skip
    xs = [COSTS[cost](r.cost) for r in front]
    axes.plot(xs, [r.accuracy.mean for r in front], color=LINE, linewidth=5, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    _dress(axes, f"accuracy against {cost}", cost)


def _layers(axes: Any, rows: Sequence[Row]) -> None:
    """Draw what each method took of every layer's weights at the highest sparsity."""
    whole = {part.name: part.nonzero for r in rows if r.method == DENSE for part in r.layers}
    known = [r for r in rows if r.layers and r.method != DENSE]
    top = max((r.sparsity for r in known), default=0.0)
    shown = [r for r in known if r.sparsity == top]
    for row in shown:
        values = [1 - part.nonzero / max(whole.get(part.name, part.size), 1) for part in row.layers]
        axes.plot(range(len(values)), values, marker="o", markersize=4, label=row.method)
    if shown:
        names = [part.name for part in shown[0].layers]
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
        axes.legend(frameon=False, fontsize=7)
    _dress(axes, f"weights removed by layer at sparsity {top:g}", "")


def _sensitivity(axes: Any, found: Sequence[Sensitivity]) -> None:
    for sparsity in dict.fromkeys(s.sparsity for s in found):
        own = [s for s in found if s.sparsity == sparsity]
        axes.plot([s.accuracy for s in own], marker="o", markersize=4, label=f"{sparsity:g}")
    names = list(dict.fromkeys(s.layer for s in found))
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    if found:
        axes.legend(frameon=False, fontsize=7, title="sparsity")
    _dress(axes, "accuracy with one layer pruned, untrained after", "")


def _dress(axes: Any, title: str, label: str) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel(label, color=SOFT, fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.tick_params(colors=SOFT, labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
