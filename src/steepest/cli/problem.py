"""`steepest run` on a file of several problems: a study each, then what they say together."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from steepest import paths
from steepest.cli.conduct import Wishes, conduct, open_page, plain_json, printer
from steepest.cli.tell import safe
from steepest.errors import NothingMatchedError, RunsFailedError

if TYPE_CHECKING:
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
    """Print the summary across problems and write its page; return the page's path."""
    from steepest.report.across_page import render_across
    from steepest.report.across_text import across_lines, across_plain
    from steepest.report.page import put
    from steepest.study.across import summarize
    from steepest.study.environment import command
    from steepest.study.record import now

    try:
        found = summarize(problems, _conclusions(problems, wishes))
    except NothingMatchedError as nothing:
        raise RunsFailedError(str(nothing)) from None
    folder = paths.runs_folder() / problems.name
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "study.toml"
    if Path(file).resolve() != kept.resolve():
        shutil.copyfile(file, kept)
    target = Path(wishes.out) if wishes.out else folder / "report.html"
    links = {
        label: _link(study.name, target)
        for label, study in zip(problems.labels, problems.studies, strict=True)
    }
    created = f"{now()[:16].replace('T', ' ')} UTC"
    page = put(render_across(found, links, created, command()), target)
    if wishes.json:
        whole = across_plain(found) | {"report": str(page), "pages": links}
        sys.stdout.write(json.dumps(plain_json(whole), allow_nan=False) + "\n")
        return page
    show = printer(False)
    first, *lines = across_lines(found)
    show(f"[bold]{safe(first)}[/bold]", markup=True)
    for line in lines:
        show(line)
    for note in found.notes:
        show(f"Note: {note}")
    return page


def _conclusions(problems: "Problems", wishes: Wishes) -> dict[str, "Conclusion"]:
    """Return what may be concluded of each problem; one without a comparison is left out."""
    from steepest.study.archive import study_of
    from steepest.study.conclusion import conclude
    from steepest.study.query import find_study
    from steepest.study.store import open_store

    found = {}
    with open_store(wishes.store) as store:
        for label, study in zip(problems.labels, problems.studies, strict=True):
            try:
                record = find_study(store, study.name)
                found[label] = conclude(study_of(record.spec), record, store)  # as it was priced
            except NothingMatchedError:
                continue
    return found


def _link(name: str, page: Path) -> str:
    """Return the way from the summary's page to a problem's, as a relative address."""
    import os
    from urllib.parse import quote

    there = (paths.runs_folder() / name / "report.html").resolve()
    return quote(Path(os.path.relpath(there, page.resolve().parent)).as_posix())
