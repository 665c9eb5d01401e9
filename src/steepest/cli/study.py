"""Commands on studies in files and in the store: run, status, report, results, init."""

import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from steepest import paths
from steepest.cli.compare import WorkFlags
from steepest.cli.conduct import Wishes, conduct, finish
from steepest.cli.screen import give, say, show_table
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.report.content import Content
    from steepest.study.conclusion import Conclusion
    from steepest.study.design import Study
    from steepest.study.store import Store

TEMPLATE = """# A study: a question with its experiment. Run it with: steepest run {name}.toml
question = "Does momentum help plain SGD on digits?"
trials = 5          # tuning trials per arm, the same for every arm
seeds = 10          # fresh seeds per tuned arm, paired across arms
# tunings = 5       # repeat tuning and evaluation: allows claims about optimizers
reference = "sgd"   # compare the others with this arm; leave out for all pairs
# metric = "accuracy"  # or loss, f1, precision, recall (on the test set)
# margin = 0.005    # differences within ± this are equivalent
# target = 0.95     # validation accuracy whose time of arrival is compared
# score = "last"    # or "best": the best validation epoch's weights, in every arm
# search = "tpe"    # or grid, random, sobol, halving: how trials are found
# budget = "updates(2000)"  # how long runs train, in place of epochs; see docs/guide/studies.md
# folds = 5         # score a trial by its mean over folds of the training data
# nested = 5        # hold out outer folds in place of the test set; repeats = 2 deals them twice
# most_seeds = 40   # may be extended so far: looks at the verdicts share the error rate
# widen = true      # further trials for all arms where a best one lies at the edge

[base]              # what all arms share; see: steepest train --help
data = "digits"     # or mnist1d, mnist, fashion-mnist, cifar10, a .npz, .csv or folder
model = "mlp"       # or {{ name = "mlp", hidden = [64], dropout = 0.2 }}
epochs = 20
batch_size = 64

# [factors]         # in place of arms, or beside them: all combinations become arms
# "model.dropout" = [0.0, 0.5]
# early_stopping = [false, {{ patience = 5 }}]

# [[problems]]      # two or more: the same arms on each, then what they say together
# data = "mnist1d"

[[arms]]
name = "sgd"
optimizer = "sgd"

[[arms]]
name = "momentum"
optimizer = "momentum"
[arms.space]        # what is tuned; left out: the learning rate, in the rule's usual range
"optimizer.lr" = {{ low = 0.005, high = 0.5, log = true }}
"""


def run(file: str, *, work: WorkFlags | None = None) -> int:
    """Run the study in a TOML file, or what is still missing of it.

    A file that describes a sweep of sparsities is done as by `steepest prune`.

    Parameters
    ----------
    file
        A study file; `steepest init` writes one to start from.
    work
        How it is done and shown.
    """
    from steepest.cli.prune import describes_sweep, run_file
    from steepest.study.problem import Problems, read_any

    doing = work or WorkFlags()
    if describes_sweep(file):
        return run_file(file, doing)
    found = read_any(file)
    if isinstance(found, Problems):
        from steepest.cli.problem import conduct_problems

        planned = replace(found, studies=tuple(map(doing.planned, found.studies)))
        return conduct_problems(planned, file, doing.wishes())
    return conduct(doing.planned(found), doing.wishes())


def init(file: str = "study.toml") -> int:
    """Write a commented study file to start from; an existing file is left alone.

    Parameters
    ----------
    file
        The file to write, ending in .toml.
    """
    path = Path(file)
    if path.suffix != ".toml":
        raise UsageError(f"a study file ends in .toml: '{path.with_suffix('.toml')}'")
    if path.exists():
        raise UsageError(f"'{file}' exists already; name another file")
    give(TEMPLATE.format(name=path.with_suffix("")), file)
    sys.stdout.write(f"Wrote {file}. Run it with: steepest run {quote(str(file))}\n")
    return 0


def status(name: str | None = None, *, store: str | None = None) -> int:
    """List the studies of the store, or count the runs of one and tell why some failed.

    Parameters
    ----------
    name
        A study in the store [all of them].
    store
        URL of the store [sqlite:///runs/steepest.db, or STEEPEST_STORE].
    """
    from steepest.study.query import count_runs, find_study, list_studies, list_trials
    from steepest.study.store import open_store

    with open_store(store or paths.store_url(), write=False) as opened:
        found = [find_study(opened, name)] if name else list_studies(opened)
        counts = [count_runs(opened, record.id) for record in found]
        trials = list_trials(opened, found[0].id) if name else []
    rows = [
        [r.name, str(r.revision), r.question, _counted(c), str(r.looks)]
        for r, c in zip(found, counts, strict=True)
    ]
    show_table(["study", "revision", "question", "runs", "looks"], rows)
    for trial in trials:
        if trial.record.status == "failed":
            place = f"{trial.place.arm}, {trial.place.role} run, seed {trial.place.seed}"
            say(f"failed: {place} ({trial.place.key[:12]}): {trial.record.reason}")
    return 0


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in sorted(counts.items())) or "none"


def report(name: str, *, store: str | None = None, out: str | None = None) -> int:
    """Write the page of a study from what the store has, and say where it is.

    Parameters
    ----------
    name
        A study in the store, or several problems that were run under this name.
    store
        URL of the store [sqlite:///runs/steepest.db, or STEEPEST_STORE].
    out
        Where the page is written [runs/STUDY/report.html].
    """
    from steepest.cli.problem import kept_problems, summary_of, write_summary

    if problems := kept_problems(name):
        across = summary_of(problems, store or paths.store_url())
        sys.stdout.write(f"{write_summary(problems, across, out)}\n")
        return 0
    with _writable(store) as opened:
        wishes = Wishes(jobs=0, store=opened.place, out=out)
        page = finish(stored_study(opened, name), opened, wishes, lambda *_, **__: None)
    sys.stdout.write(f"{page}\n")
    return 0


def results(
    name: str,
    *,
    format: str = "table",  # noqa: A002 - the flag's name
    table: str | None = None,
    store: str | None = None,
    out: str | None = None,
) -> int:
    """Print the arms of a study, best first, what its factors do and what a source published.

    Parameters
    ----------
    name
        A study in the store, or several problems that were run under this name (table or json).
    format
        table, csv, json, md or tex; page: the whole study in Markdown.
    table
        arms, effects, interactions, tuning, importance, reported or claims
        [all it has; csv holds one, the arms].
    store
        URL of the store [sqlite:///runs/steepest.db, or STEEPEST_STORE].
    out
        Where it is written [standard output].
    """
    from steepest.cli.problem import give_summary, kept_problems
    from steepest.report.factor_table import tables
    from steepest.study.conclusion import note_look

    if problems := kept_problems(name):
        if table is not None:
            raise UsageError(f"'{name}' is several problems, which are shown without --table")
        give_summary(problems, format, store or paths.store_url(), out)
        return 0
    with _writable(store) as opened:
        found, content = stored_content(opened, name)
        text = tables(content, format, table)
        note_look(opened, found)
    give(text if text.endswith("\n") else text + "\n", out)
    return 0


def _writable(url: str | None) -> "Store":
    """Open a store whose looks are counted; a missing one is an answer, not a new file."""
    from steepest.study.store import open_store

    place = url or paths.store_url()
    open_store(place, write=False).close()
    return open_store(place)


def stored_study(store: "Store", name: str) -> "Study":
    """Return a study as the store keeps it."""
    from steepest.study.archive import study_of
    from steepest.study.query import find_study

    return study_of(find_study(store, name).spec)


def stored_content(store: "Store", name: str) -> tuple["Conclusion", "Content"]:
    """Return what may be concluded of a stored study, and what its page would show."""
    from steepest.report.collect import collect
    from steepest.study.conclusion import conclude
    from steepest.study.query import find_study

    record = find_study(store, name)
    found = conclude(stored_study(store, name), record, store)
    return found, collect(found, store, record.created[:10], "")
