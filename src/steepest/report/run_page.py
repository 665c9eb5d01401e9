"""One run as one file: what it reached and the pictures of its inside, no network needed."""

import base64
from collections.abc import Sequence
from pathlib import Path

from steepest.report.page import asset, environment, policy

Rows = Sequence[tuple[str, str]]


def write_run_page(
    title: str, rows: Rows, pictures: Sequence[tuple[str, Path]], path: str | Path
) -> Path:
    """Write a page with a table of (label, value) and pictures of (caption, PNG file)."""
    style = asset("templates/run.css")
    page = environment().get_template("run.html")
    text = page.render(
        title=title,
        rows=list(rows),
        pictures=[(caption, _inlined(picture)) for caption, picture in pictures],
        policy=policy(style, []),
        style=style,
    )
    target = Path(path)
    target.write_text(text, encoding="utf-8")
    return target


def _inlined(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
