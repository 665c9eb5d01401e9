import pytest

from steepest.compress.cost import Cost
from steepest.compress.mask import LayerSparsity
from steepest.compress.sensitivity import Sensitivity
from steepest.compress.summary import summarise
from steepest.compress.sweep import Point
from steepest.errors import UsageError
from steepest.report.compression import COLUMNS, compression_rows, plot_compression


def points(seeds=3):
    """Return points of two methods, the baselines and the dense network."""
    found = []
    for seed in range(seeds):
        for k, (method, sparsity) in enumerate(
            [("dense", 0.0), ("l1", 0.5), ("random", 0.5), ("scratch", 0.5), ("l1", 0.9)]
        ):
            cost = Cost(100 // (k + 1), 90, 400, 300, 1000 // (k + 1), 900, {"numpy 1": 1e-4})
            layers = (LayerSparsity("0.w", 10, 5),) if method != "scratch" else ()
            found.append(
                Point(method, sparsity, seed, 0.9 - 0.05 * k + 0.01 * seed, 0.1, 0.8, cost, 1, 1.0,
                      layers, "finished")
            )  # fmt: skip
    return found


def test_table_has_a_cell_for_every_column():
    """Intervals stand beside means; what was not measured is a dash."""
    rows = compression_rows(summarise(points()))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert rows[0][:3] == ["dense", "0", "91.00%"]
    assert rows[0][4] == "-"
    assert rows[1][4] == "+5.00"
    assert rows[1][COLUMNS.index("ort ms b1")] == "-"
    assert compression_rows(summarise(points(1)))[1][3] == "-"  # one seed has no interval


def test_figure_is_drawn(tmp_path):
    """Nine panels in one file, whatever the title holds; an unknown format is refused."""
    rows = summarise(points())
    sensitive = [Sensitivity("0.w", s, 0.9 - s, 1.0) for s in (0.5, 0.8)]
    drawn = plot_compression(rows, sensitive, tmp_path / "a.png", "a $ b")
    assert drawn.read_bytes()[1:4] == b"PNG"
    with pytest.raises(UsageError, match="png, svg or pdf"):
        plot_compression(rows, sensitive, tmp_path / "a.txt")
