"""`steepest data`: what data sets there are, fetching one, and where they lie."""

from typing import TYPE_CHECKING

from steepest import paths
from steepest.cli.screen import say, show_table
from steepest.errors import UsageError, unknown

if TYPE_CHECKING:
    from steepest.data import Entry

ACTIONS = ("list", "fetch", "path")


def data(action: str = "list", name: str | None = None, /) -> None:
    """List data sets, fetch one, or tell where they lie.

    Parameters
    ----------
    action
        list, fetch (NAME is needed) or path.
    name
        A data set.
    """
    if action not in ACTIONS:
        raise unknown("action", action, ACTIONS)
    if action == "list":
        show_sets()
    elif action == "fetch":
        say(_fetch(name))
    else:
        say(_path(name))


def show_sets() -> None:
    """Write the table of data sets."""
    from steepest.data import listing

    columns = ("name", "here", "examples", "shape", "classes", "download", "what")
    show_table(columns, [_row(entry) for entry in listing()])


def _row(entry: "Entry") -> tuple[str, ...]:
    return (
        entry.name,
        "yes" if entry.present else "no",
        f"{entry.n:,}",
        "×".join(map(str, entry.shape)),
        str(entry.classes),
        f"{entry.bytes / 1e6:.1f} MB" if entry.bytes else "-",
        entry.about,
    )


def _is_bundled(name: str) -> bool:
    from steepest.data import SOURCES, listing

    found = [entry for entry in listing() if entry.name == name]
    if not found:
        raise unknown("data set", name, SOURCES)
    return found[0].bytes == 0


def _fetch(name: str | None) -> str:
    from steepest.data import fetch

    if name is None:
        raise UsageError("fetch needs the name of a data set, such as: steepest data fetch mnist")
    if _is_bundled(name):
        return f"'{name}' is bundled: there is nothing to fetch"
    return str(fetch(name))


def _path(name: str | None) -> str:
    from steepest.data import where

    if name is None:
        return str(paths.data_folder())
    if _is_bundled(name):
        raise UsageError(f"data set '{name}' is bundled and has no folder")
    return str(where(name))
