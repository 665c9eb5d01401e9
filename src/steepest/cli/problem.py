"""`steepest run` on a file of several problems: a study each, then what they say together."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest import paths
from steepest.cli.conduct import Wishes, conduct, open_page, plain_json, printer
from steepest.cli.screen import give
from steepest.cli.tell import safe
from steepest.errors import NothingMatchedError, RunsFailedError, UsageError

if TYPE_CHECKING:
    from steepest.study.across import Across
    from steepest.study.conclusion import Conclusion
    from steepest.study.problem import Problems


def conduct_problems(problems: "Problems", file: str, wishes: Wishes) -> int:
    """Conduct the study of every problem, then show and write the summary across them."""
    from steepest.study.runner import study_data

    show = printer(wishes.json)
    for study in problems.studies:
        study_data(study)  # whatever is wrong with the last one is said before the first begins
    failed = 0
    each = replace(wishes, json=False, out=None, open=False)
    for i, (label, study) in enumerate(zip(problems.labels, problems.studies, strict=True), 1):
        show(f"[bold]Problem {i} of {len(problems.labels)}: {safe(label)}[/bold]", markup=True)
        try:
            failed = max(failed, conduct(study, each, show))
        except RunsFailedError as error:
            show(f"{label}: {error}")
            failed = 3
        show("")
    if wishes.dry_run:
        return 0
    page = _summary(problems, file, wishes)
    if not wishes.json:
        show(f"Report: {page}")
        open_page(page, wishes)
    return failed


def _summary(problems: "Problems", file: str, wishes: Wishes) -> Path:
    """Keep the file, print the summary across problems and write its page; return its path."""
    kept = _kept_file(problems.name)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if Path(file).resolve() != kept.resolve():
        shutil.copyfile(file, kept)
    found = summary_of(problems, wishes.store)
    page = write_summary(problems, found, wishes.out)
    if wishes.json:
        give(summary_json(found, report=str(page), pages=_links(problems, page)), None)
    else:
        show_summary(found)
    return page


def show_summary(found: "Across") -> None:
    """Print what may be said across problems."""
    show = printer(False)
    first, *lines = _lines(found)
    show(f"[bold]{safe(first)}[/bold]", markup=True)
    for line in lines:
        show(line)


def _lines(found: "Across") -> list[str]:
    from steepest.report.across_text import across_lines

    return [*across_lines(found), *(f"Note: {note}" for note in found.notes)]


def kept_problems(name: str) -> "Problems | None":
    """Return the problems that were run under a name, None where there are none."""
    from steepest.study.problem import problems_of
    from steepest.study.toml import read_table

    file = _kept_file(name)
    table = read_table(file) if file.exists() else {}
    return problems_of(table, str(file), name) if "problems" in table else None


def give_summary(problems: "Problems", form: str, store: str, out: str | None) -> None:
    """Print the summary across problems, or write it into a file.

    Raises UsageError for a form that it does not have.
    """
    found = summary_of(problems, store)
    if form == "table":
        give("\n".join(_lines(found)) + "\n", out)
    elif form == "json":
        give(summary_json(found), out)
    else:
        names = ", ".join(study.name for study in problems.studies)
        raise UsageError(
            f"'{problems.name}' is several problems, which are shown as table or json, not {form}; "
            f"the other forms are those of {names}"
        )


def _kept_file(name: str) -> Path:
    return paths.runs_folder() / name / "study.toml"


def summary_of(problems: "Problems", store: str) -> "Across":
    """Return what may be said across problems; RunsFailedError where no study came to an end."""
    from steepest.study.across import summarize

    try:
        return summarize(problems, _conclusions(problems, store))
    except NothingMatchedError as nothing:
        raise RunsFailedError(str(nothing)) from None


def write_summary(problems: "Problems", found: "Across", out: str | None) -> Path:
    """Write the page of the summary; return its path."""
    from steepest.report.across_page import render_across
    from steepest.report.page import put
    from steepest.study.environment import command
    from steepest.study.record import now

    target = Path(out) if out else paths.runs_folder() / problems.name / "report.html"
    created = f"{now()[:16].replace('T', ' ')} UTC"
    return put(render_across(found, _links(problems, target), created, command()), target)


def summary_json(found: "Across", **more: Any) -> str:
    """Return the summary, and more beside it, as one JSON object on a line."""
    from steepest.report.across_text import across_plain

    return json.dumps(plain_json(across_plain(found) | more), allow_nan=False) + "\n"


def _conclusions(problems: "Problems", place: str) -> dict[str, "Conclusion"]:
    """Return what may be concluded of each problem; one without a comparison is left out."""
    from steepest.study.archive import study_of
    from steepest.study.conclusion import conclude
    from steepest.study.query import find_study
    from steepest.study.store import open_store

    found = {}
    with open_store(place) as store:
        for label, study in zip(problems.labels, problems.studies, strict=True):
            try:
                record = find_study(store, study.name)
                found[label] = conclude(study_of(record.spec), record, store)  # as it was priced
            except NothingMatchedError:
                continue
    return found


def _links(problems: "Problems", page: Path) -> dict[str, str]:
    """Return the way from the summary's page to every problem's, by label."""
    pairs = zip(problems.labels, problems.studies, strict=True)
    return {label: _link(study.name, page) for label, study in pairs}


def _link(name: str, page: Path) -> str:
    """Return the way from the summary's page to a problem's, as a relative address."""
    import os
    from urllib.parse import quote

    there = (paths.runs_folder() / name / "report.html").resolve()
    return quote(Path(os.path.relpath(there, page.resolve().parent)).as_posix())
