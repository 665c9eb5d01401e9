"""Commands on studies in files and in the store: run, status, report, results, init."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steepest import paths
from steepest.cli.compare import WorkFlags
from steepest.cli.conduct import Wishes, conduct, finish
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.report.content import Content
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
# widen = true      # further trials for all arms where a best one lies at the edge

[base]              # what all arms share; see: steepest train --help
data = "digits"     # or mnist1d, mnist, fashion-mnist, cifar10, a .npz, .csv or folder
model = "mlp"       # or {{ name = "mlp", hidden = [64], dropout = 0.2 }}
epochs = 20
batch_size = 64

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
    """Run the study in a TOML file, or what the store still misses of it.

    Example: steepest init my.toml; steepest run my.toml
    """
    from steepest.study.design import read_study

    return conduct(read_study(file), (work or WorkFlags()).wishes())


def init(file: str = "study.toml") -> int:
    """Write a commented study file to start from; an existing file is left alone."""
    path = Path(file)
    if path.suffix != ".toml":
        raise UsageError(f"a study file ends in .toml: '{path.with_suffix('.toml')}'")
    if path.exists():
        raise UsageError(f"'{file}' exists already; name another file")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(name=path.with_suffix("")), encoding="utf-8")
    sys.stdout.write(f"Wrote {file}. Run it with: steepest run {file}\n")
    return 0


def status(name: str | None = None, *, store: str | None = None) -> int:
    """List the studies of the store, or count the runs of one."""
    from rich.console import Console
    from rich.table import Table

    from steepest.study.query import count_runs, find_study, list_studies
    from steepest.study.store import open_store

    with open_store(store or paths.store_url(), write=False) as opened:
        found = [find_study(opened, name)] if name else list_studies(opened)
        table = Table("study", "revision", "question", "runs", "looks")
        for record in found:
            counts = count_runs(opened, record.id)
            runs = ", ".join(f"{n} {word}" for word, n in sorted(counts.items()))
            row = (record.name, str(record.revision), record.question, runs, str(record.looks))
            table.add_row(*row)
    Console().print(table)
    return 0


def report(name: str, *, store: str | None = None, out: str | None = None) -> int:
    """Write the page of a study from what the store has, and say where it is."""
    from steepest.study.store import open_store

    url = store or paths.store_url()
    open_store(url, write=False).close()  # a missing store is an answer, not a new file
    with open_store(url) as opened:
        study = stored_study(opened, name)
        page = finish(study, opened, Wishes(jobs=0, store=url, out=out), lambda *_, **__: None)
    sys.stdout.write(f"{page}\n")
    return 0


def results(name: str, *, format: str = "table", store: str | None = None) -> int:  # noqa: A002 - the flag's name
    """Print the arms of a study as table, csv, json, md or tex."""
    from steepest.report.table import table
    from steepest.study.store import open_store

    with open_store(store or paths.store_url(), write=False) as opened:
        text = table(stored_content(opened, name), format)
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return 0


def stored_study(store: "Store", name: str) -> "Study":
    """Return a study as the store keeps it."""
    from steepest.study.archive import study_of
    from steepest.study.query import find_study

    return study_of(find_study(store, name).spec)


def stored_content(store: "Store", name: str) -> "Content":
    """Return what a stored study's page would show."""
    from steepest.report.collect import collect
    from steepest.study.conclusion import conclude
    from steepest.study.query import find_study

    study: Any = stored_study(store, name)
    record = find_study(store, name)
    return collect(conclude(study, record, store), store, record.created[:10], "")
