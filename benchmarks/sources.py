"""Write docs/sources from the store: a page per study, and one table of claims.

    python benchmarks/sources.py [--store URL]... [--out docs/sources]

Every figure comes from the store; a study that was not run to its end is listed without any.
"""

import argparse
from collections import Counter
from pathlib import Path

from steepest import paths
from steepest.errors import NothingMatchedError
from steepest.report.collect import collect
from steepest.report.factor_table import tables
from steepest.report.palette import SIGNS
from steepest.report.published import fact, published
from steepest.report.table import md_rows, md_text
from steepest.study.audit import Outcome
from steepest.study.conclusion import conclude
from steepest.study.query import find_study
from steepest.study.store import open_store
from steepest.study.toml import read_study

ROOT = Path(__file__).parent.parent
FILES = ROOT / "studies/sources"
GROUPS = {  # what the documents are, and the studies of each, in their order
    "A report on training CNNs": ("cnn-optimizers", "cnn-ablation"),
    "A repository of seven update rules": ("rules-published",),
    "A course report: an MLP on MNIST": (
        "mnist-batch-size", "mnist-batch-size-updates", "mnist-decay-momentum",
        "mnist-three-optimizers", "mnist-best-model",
    ),
    "The same report: an MLP on CIFAR-10": (
        "cifar10-l2-layer", "cifar10-dropout-rates", "cifar10-early-stopping",
        "cifar10-batch-norm", "cifar10-random-search",
    ),
    "A course project: networks from scratch": (
        "fc-net-norm-l2", "batch-norm-speed", "batch-norm-initial", "batch-norm-batch-size",
        "dropout-gap", "vgg-six-classes",
    ),
    "A CIFAR-10 project: QuizDNN": ("quizdnn-resnet18", "quizdnn-l1"),
}  # fmt: skip
WORDS = {
    "holds": "hold",
    "does not hold": "do not hold",
    "not distinguishable": "are not distinguishable",
}
INTRODUCTION = """# What five documents claim, and what these runs say

Five documents on training networks gave this project its questions. Each of their tables and
claims is a study in [studies/sources](../../studies/sources), run here with paired seeds and
intervals. None of the documents states a number of seeds, and most leave data, split or rates
unsaid: the pages say what was assumed. Most budgets are reduced, and the pages say by how much;
the full study lies beside each as `-full.toml`. A claim *holds* if the intervals of all the
comparisons it needs lie on its side, *does not hold* if one lies on the other side or shows a
difference too small to matter, and is *not distinguishable* otherwise. All intervals of a study's
claims hold at once with 95 % confidence. A level that a reduced budget cannot reach is
asked in the full study alone. The runs shared two cores with other work, so seconds, and
ratios of them, are rough.

This table and the pages are written from the store by `python benchmarks/sources.py`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="append", help="looked through in this order")
    parser.add_argument("--out", default=str(ROOT / "docs/sources"))
    chosen = parser.parse_args()
    out = Path(chosen.out)
    out.mkdir(parents=True, exist_ok=True)
    parts, words = [], Counter()
    for title, names in GROUPS.items():
        rows, left = [], []
        for name in names:
            found = _page(chosen.store or [paths.store_url()], name, out)
            rows += found or []
            words.update(row[-1][2:] for row in found or [] if row[-1][2:] in WORDS)
            left += [] if found is not None else [name]
        parts.append(f"## {title}\n")
        if rows:
            head = ["study", "claim", "reported", "ours", "outcome"]
            parts.append(_linked(md_rows([head, *rows]), names))
        listed = ", ".join(f"[{n}](../../studies/sources/{n}.toml)" for n in left)
        if listed:
            parts.append(f"Not run yet: {listed}.\n")
    counts = ", ".join(f"{words[word]} {said}" for word, said in WORDS.items())
    lead = f"{INTRODUCTION}\nOf {words.total()} claims asked here {counts}.\n"
    (out / "README.md").write_text("\n".join([lead, *parts]), encoding="utf-8")
    print(f"wrote {out}/README.md")


def _page(urls, name, out):
    """Write a study's page; return the rows of its claims, None if no store has all its runs."""
    path = FILES / f"{name}.toml"
    if not path.exists():
        return None
    study = read_study(path)
    for url in urls:
        with open_store(url, write=False) as store:
            found, content = _found(study, store, f"steepest run studies/sources/{path.name}")
        if found is not None:
            break
    else:
        return None
    (out / f"{name}.md").write_text(tables(content, "page"), encoding="utf-8")
    print(f"wrote {out}/{name}.md")
    full = read_study(path.with_name(f"{name}-full.toml"))
    later = [Outcome(c, "not distinguishable", ()) for c in full.claims if c not in study.claims]
    return [_row(study, name, o) for o in (*found.outcomes, *later)]


def _row(study, name, outcome):
    """Return a line of the index; a claim without findings is one that was not asked here."""
    said = "; ".join(fact(f, outcome) for f in outcome.findings) or "\u2013"
    word = f"{SIGNS[outcome.word]} {outcome.word}" if outcome.findings else "not asked: full budget"
    return [name, outcome.claim.text, published(study, outcome), said, word]


def _found(study, store, command):
    """Return a study's conclusion and content, None twice where the store lacks runs of it."""
    try:
        record = find_study(store, study.name)
        if record.digest != study.digest:  # another revision of the file
            return None, None
        found = conclude(study, record, store)
    except NothingMatchedError:
        return None, None
    wanted = [(a.name, study.seeds * study.tunings) for a in study.arms]
    if [(a.name, len(a.scores)) for a in found.arms] != wanted:
        return None, None
    return found, collect(found, store, record.created[:10], command)


def _linked(text, names):
    """Turn the names of studies at the head of rows into links to their pages."""
    for name in names:
        text = text.replace(f"| {md_text(name)} |", f"| [{name}]({name}.md) |")
    return text


if __name__ == "__main__":
    main()
