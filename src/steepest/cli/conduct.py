"""What `compare` and `run` have in common: the plan, the progress, the verdicts, the report."""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest import paths
from steepest.cli.progress import watch
from steepest.cli.tell import safe, tell
from steepest.errors import NothingMatchedError, RunsFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from steepest.report.content import Content
    from steepest.study.conclusion import Conclusion
    from steepest.study.design import Study
    from steepest.study.store import Store


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How a study is to be executed and shown."""

    jobs: int
    store: str
    out: str | None = None
    json: bool = False
    fresh: bool = False
    dry_run: bool = False
    open: bool = True


def conduct(study: "Study", wishes: Wishes, show: "Callable[..., None] | None" = None) -> int:
    """Execute what is missing of a study, show what may be concluded, write its page."""
    from steepest.study.design import priced
    from steepest.study.role import role_line
    from steepest.study.runner import Conduct, known_paces, study_data
    from steepest.study.store import open_store

    show = show or printer(wishes.json)
    dataset = study_data(study)
    study = priced(study, dataset, known_paces(wishes.store, study))
    show(f"[bold]{safe(study.question or study.name)}[/bold]", markup=True)
    show(plan(study, dataset, wishes.jobs))
    show(role_line(study))
    if wishes.dry_run:
        return _dry(study, dataset.digest, show)
    began = time.monotonic()
    folder = paths.runs_folder()
    with open_store(wishes.store) as store:
        work = Conduct(study, store, wishes.jobs, folder, fresh=wishes.fresh)
        failures = watch(work.run())
        try:
            page = finish(study, store, wishes, show)
        except NothingMatchedError as nothing:
            raise RunsFailedError(str(nothing)) from None
    if not wishes.json:
        show(f"Done in {time.monotonic() - began:.0f} s. Report: {page}")
        open_page(page, wishes)
    return 3 if failures else 0


def plan(study: "Study", dataset: Any, jobs: int) -> str:
    """Return the design, the number of runs and the time they will take, in one line."""
    from steepest.study.design import length_text
    from steepest.study.estimate import study_seconds
    from steepest.study.protocol import count_runs
    from steepest.study.role import found_by

    tuning, final = count_runs(study)
    seconds = study_seconds(study, dataset, jobs)
    time = "" if seconds is None else f"; about {duration(seconds)}"
    repeated = f", {study.tunings} tunings" if study.tunings > 1 else ""
    repeated = f", {study.rounds} outer folds" if study.nested else repeated
    runs = f"{tuning} + {final} runs of {length_text(study)}"
    return (
        f"Plan: {len(study.arms)} arms, {study.trials} tuning trials each{found_by(study)}, "
        f"then {study.seeds} paired seeds{repeated}: {runs} on "
        f"{dataset.name} {_by(jobs)}{time}."
    )


def _by(jobs: int) -> str:
    if jobs == 0:
        return "in this process"
    return f"with {jobs} worker{'s' if jobs > 1 else ''}"


def duration(seconds: float) -> str:
    """Return seconds as words a reader can use.

    >>> duration(8.2), duration(200), duration(9000)
    ('9 s', '4 min', '2.5 h')
    """
    if seconds < 90:
        return f"{int(seconds) + 1} s"
    return f"{int(seconds / 60) + 1} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _dry(study: "Study", digest: str, show: "Callable[..., None]") -> int:
    """List the runs a study would begin with, without executing any."""
    from steepest.study.outcome import value_text
    from steepest.study.protocol import plan_tuning

    for planned in plan_tuning(study, digest, 0):
        show(f"  {planned.run.key[:12]}  {planned.place.arm}  {value_text(planned.values)}")
    show("Nothing was run (--dry-run).")
    return 0


def finish(study: "Study", store: "Store", wishes: Wishes, show: "Callable[..., None]") -> Path:
    """Conclude a study from its store, print the verdicts and write the page; return its path.

    The page names the command that repeats the study: this one, or `run` for a stored study.
    """
    from steepest.report.collect import collect
    from steepest.report.page import write
    from steepest.study.conclusion import conclude, note_look
    from steepest.study.environment import command
    from steepest.study.query import find_study
    from steepest.study.record import now
    from steepest.study.toml import to_toml

    record = find_study(store, study.name)
    found = conclude(study, record, store)
    folder = paths.runs_folder() / study.name
    repeat = command() if wishes.jobs else f"steepest run {folder / 'study.toml'}"
    content = collect(found, store, f"{now()[:16].replace('T', ' ')} UTC", repeat)
    page = write(content, Path(wishes.out) if wishes.out else folder / "report.html")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(to_toml(study), encoding="utf-8")
    note_look(store, found)
    if wishes.json:
        sys.stdout.write(json.dumps(as_json(found, content, page), allow_nan=False) + "\n")
    else:
        tell(found, content, show)
    return page


def as_json(found: "Conclusion", content: "Content", page: Path) -> dict[str, Any]:
    """Return the outcome as one plain object; what is not finite becomes null."""
    arms = [
        {k: v for k, v in asdict(a).items() if k != "scores"} | {"scores": [s for _, s in a.scores]}
        for a in content.arms
    ]
    whole = {
        "study": found.study.name, "headline": content.headline, "scope": content.claim_scope,
        "metric": content.metric.name, "reference": content.reference, "arms": arms,
        "verdicts": [asdict(v) for v in content.verdicts], "target": found.target,
        "reported": [asdict(r) for r in content.reported],
        "claims": [asdict(c) for c in content.claims],
        "notes": list(content.notes), "failed": list(found.failed), "report": str(page),
    }  # fmt: skip
    if content.effects:
        whole["effects"] = [asdict(e) for e in content.effects]
        whole["interactions"] = [asdict(x) for x in content.interactions]
    return {name: plain_json(value) for name, value in whole.items()}


def plain_json(value: Any) -> Any:
    """Return plain values that JSON has: what is not finite becomes null."""
    if isinstance(value, dict):
        return {k: plain_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(v) for v in value]
    return None if isinstance(value, float) and value - value != 0.0 else value


def printer(quiet: bool) -> "Callable[..., None]":
    """Return the function that prints a line: to stderr where stdout is for JSON."""
    from rich.console import Console

    console = Console(stderr=quiet, soft_wrap=True, highlight=False)
    return lambda text, markup=False: console.print(text, markup=markup)


def open_page(page: Path, wishes: Wishes) -> None:
    """Open the page in the browser where there is a terminal and a display."""
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt"
    if wishes.open and sys.stdout.isatty() and (display or sys.platform == "darwin"):
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
