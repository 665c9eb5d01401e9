"""Static figures: every kind of series gives a picture, and the same one each time."""

import pytest
from PIL import Image

from steepest.errors import UsageError
from steepest.report.figure import plot_curves


def epochs(count=5, start=1.0):
    return [
        {
            "epoch": e,
            "train_loss": start / e,
            "val_loss": start / e + 0.1,
            "train_accuracy": 1 - 0.5 / e,
            "val_accuracy": 0.9 - 0.5 / e,
        }
        for e in range(1, count + 1)
    ]


def test_png_is_drawn_and_repeats(tmp_path):
    """Two drawings of the same curves are the same bytes, and the picture has ink."""
    series = [("sgd", epochs()), ("adam", epochs(start=0.5))]
    first = plot_curves(series, tmp_path / "new" / "a.png")
    assert first.read_bytes() == plot_curves(series, tmp_path / "b.png").read_bytes()
    with Image.open(first) as picture:
        assert picture.width > 1200
        assert len(picture.convert("RGB").getcolors(maxcolors=1 << 24)) > 10


@pytest.mark.parametrize("form", ["svg", "pdf"])
def test_other_formats_repeat(tmp_path, form):
    """No time of day is written into a vector file."""
    first, second = (plot_curves([("a", epochs())], tmp_path / f"{k}.{form}") for k in "ab")
    assert second.stat().st_size == first.stat().st_size


@pytest.mark.parametrize("label", ["_hidden", "$x_1$", "$", "a\nb", "名前", "x" * 300, ""])
def test_odd_labels_are_drawn(tmp_path, label):
    """A label is text: no formula, no warning."""
    plot_curves([(label, epochs()), ("sgd", epochs())], tmp_path / "a.png")


def test_gaps_and_single_epochs_are_drawn(tmp_path):
    """Missing columns, NaN and one epoch alone are no reason to fail."""
    odd = [
        {"epoch": 1, "train_loss": float("nan"), "val_loss": None},
        {"epoch": 2, "train_loss": 0.0},
    ]
    plot_curves([("odd", odd), ("one", epochs(1)), ("none", [])], tmp_path / "a.png")


def test_nothing_to_plot_is_said(tmp_path):
    with pytest.raises(UsageError, match="nothing to plot"):
        plot_curves([("sgd", [])], tmp_path / "a.png")


def test_unknown_ending_is_said(tmp_path):
    with pytest.raises(UsageError, match="use png, svg or pdf"):
        plot_curves([("sgd", epochs())], tmp_path / "a.docx")
