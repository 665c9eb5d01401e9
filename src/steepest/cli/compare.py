"""`steepest compare`: arms on the command line, an honest answer at the end."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from steepest import paths
from steepest.cli.conduct import Wishes, conduct
from steepest.cli.flag import RunFlags, literal, plain
from steepest.errors import UsageError

if TYPE_CHECKING:
    from steepest.study.design import Arm, Study

ARMS = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "nadam")
STUDY = Group("Study", sort_key=0)
EPOCHS = 20
USUAL = {"trials": 5, "seeds": 10}
QUICK = {"trials": 3, "seeds": 5, "epochs": 10}
Switch = Annotated[bool, Parameter(negative=(), show_default=False)]


@Parameter(name="*", group=STUDY)
@dataclass(frozen=True, kw_only=True)
class StudyFlags:
    """What decides a comparison."""

    trials: int | None = None
    "Tuning trials per arm, the same for every arm; below 10 they tune the learning rate [5]."
    seeds: int | None = None
    "Fresh paired seeds per tuned arm [10]."
    tunings: Annotated[int, Parameter(show_default=False)] = 1
    "Repetitions of tuning and evaluation; 5 or more allow claims about optimizers [1]."
    reference: str | None = None
    "Arm that the others are compared with [sgd if no arms are named, else all pairs]."
    metric: Annotated[str, Parameter(show_default=False)] = "accuracy"
    "accuracy, loss, f1, precision or recall, on the test set [accuracy]."
    target: Annotated[float | None, Parameter(name="--target-accuracy")] = None
    "Validation accuracy whose time of arrival is compared [the median arm's, rounded down]."
    margin: Annotated[float, Parameter(show_default=False)] = 0.005
    "Differences within ± this are equivalent [0.005]."
    score: Annotated[str, Parameter(show_default=False)] = "last"
    "Weights that are scored: last (epoch) or best (validation epoch) [last]."
    factor: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    "Factor to cross with the others, as in a study file: 'model.dropout=[0, 0.5]'; repeatable."
    ablation: str | None = None
    "Of the factors: one-in or one-out instead of all combinations."
    search: Annotated[str, Parameter(show_default=False)] = "auto"
    "How trials are found: auto, grid, random, sobol, tpe or halving [auto: grid, or Sobol]."
    budget: str | None = None
    "Training of a run, for --epochs: updates(2000), examples(1e6), flops(1e12), seconds(30)."
    folds: Annotated[int, Parameter(show_default=False)] = 0
    "Score a trial by its mean over so many folds of the training data [0: one validation part]."
    repeats: Annotated[int, Parameter(show_default=False)] = 1
    "Deal the folds so often [1]."
    nested: Annotated[int, Parameter(show_default=False)] = 0
    "Hold out so many outer folds in place of the test set, which stays closed [0]."
    most_seeds: int | None = None
    "Seeds to which this study may be extended: looks at its verdicts share the error rate."
    widen: Switch = False
    "Give every arm further trials where a best one lies at the edge of its range."
    quick: Switch = False
    "Fewer trials, seeds and epochs: a first look."
    name: str | None = None
    "Name of the study in the store and of its folder."


@Parameter(name="*", group=Group("Work", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class WorkFlags:
    """How the work is done and shown."""

    jobs: Annotated[int | None, Parameter(name=("--jobs", "-j"))] = None
    "Worker processes, 0 for none [one per core]."
    together: int | str | None = None
    "Runs that share one program at most, or auto: many on a CUDA device [1]."
    store: str | None = None
    "URL of the store [sqlite:///runs/steepest.db, or STEEPEST_STORE]."
    out: str | None = None
    "Where the report is written [runs/STUDY/report.html]."
    json: Switch = False
    "End with one JSON object on stdout."
    fresh: Switch = False
    "Repeat runs that the store already has."
    dry_run: Switch = False
    "Show the plan and run nothing."
    open: Annotated[bool, Parameter(show_default=False)] = True
    "Open the report in a browser, on a terminal with a display."

    def planned(self, study: "Study") -> "Study":
        """Return the study with as many runs in a program as are asked for."""
        asked: Any = self.together
        return study if asked is None else replace(study, together=asked)

    def wishes(self) -> Wishes:
        """Return them with defaults filled in."""
        if self.jobs is not None and self.jobs < 0:
            raise UsageError(f"--jobs must be at least 0 (no workers), not {self.jobs}")
        return Wishes(
            jobs=self.jobs if self.jobs is not None else (os.cpu_count() or 1),
            store=self.store or paths.store_url(), out=self.out, json=self.json,
            fresh=self.fresh, dry_run=self.dry_run, open=self.open,
        )  # fmt: skip


def compare(
    *arms: str,
    study: StudyFlags | None = None,
    run: RunFlags | None = None,
    work: WorkFlags | None = None,
) -> int:
    """Compare arms fairly: the same tuning budget, paired seeds, a sealed test set.

    Parameters
    ----------
    arms
        Optimizers (adam, or 'adam(lr=0.01)'), or settings ('model=mlp(dropout=0.5)')
        [sgd momentum adagrad rmsprop adam adamw nadam].
    study
        What decides the comparison.
    run
        What all arms share.
    work
        How it is done and shown.
    """
    from steepest.study.design import Study, base_of
    from steepest.study.factorial import crossed

    flags = study or StudyFlags()
    epochs = QUICK["epochs"] if flags.quick else EPOCHS
    base: dict[str, Any] = {"data": "digits", "model": "mlp", "epochs": epochs}
    given = plain(run or RunFlags())
    if flags.budget is not None or "updates" in given:
        del base["epochs"]
    base |= given
    usual = QUICK if flags.quick else USUAL
    counts: dict[str, Any] = {
        k: usual[k] if getattr(flags, k) is None else getattr(flags, k) for k in USUAL
    }
    shared = base_of(base)
    texts = arms if arms or flags.factor else ARMS
    factors = read_factors(flags.factor)
    mine = crossed(factors, flags.ablation, texts, dict(shared), int(counts["trials"]))
    _refuse_unheard(given, mine)
    first = mine[0].name if factors else None if arms else ARMS[0]
    reference = flags.reference or first
    question = _factor_question(factors, base) if factors else _question(texts, base, reference)
    made = Study(
        name=flags.name or "compare", question=question, base=shared, arms=mine,
        **counts, tunings=flags.tunings, reference=reference, metric=flags.metric,
        target=flags.target, margin=flags.margin, score=flags.score, widen=flags.widen,
        search=flags.search,
        budget=flags.budget, folds=flags.folds, repeats=flags.repeats, nested=flags.nested,
        most_seeds=flags.most_seeds,
    )  # fmt: skip
    doing = work or WorkFlags()
    made = doing.planned(made)
    return conduct(made if flags.name else replace(made, name=_name(made)), doing.wishes())


def _refuse_unheard(given: Mapping[str, Any], arms: "Sequence[Arm]") -> None:
    """Raise UsageError for an optimizer that every arm replaces by its own."""
    if "optimizer" in given and all("optimizer" in dict(arm.changes) for arm in arms):
        raise UsageError(
            "--optimizer has no effect, the arms name theirs: write options there, as in "
            "'adam(beta1=0.5)'"
        )


def _name(made: "Study") -> str:
    """Return a name that more seeds do not change, so that an extended study is known as one."""
    spec = made.spec(made.arms[0], made.cells(made.arms[0], 0)[0], 0)
    short = replace(made, seeds=1).digest[:6]
    return f"compare-{Path(spec.data).stem}-{spec.model.name.replace(':', '.')}-{short}"


def read_factors(given: Sequence[str]) -> dict[str, Any]:
    """Return factors with their levels, from texts like "l2=[0, 0.1]" or "model=mlp,two_layer".

    Levels are written as in a study file, or as words with commas between them.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, levels = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"--factor '{text}': write it as 'model.dropout=[0, 0.5]'")
        if name in found:
            raise UsageError(f"--factor {name} is given twice")
        try:
            found[name] = tomllib.loads(f"levels = {levels}")["levels"]
        except tomllib.TOMLDecodeError:
            if "[" in levels or "{" in levels:
                raise UsageError(
                    f"--factor '{text}': the levels are written as in a study file, texts in "
                    """quotes: 'model=["mlp", "two_layer"]'"""
                ) from None
            found[name] = [literal(word.strip()) for word in levels.split(",")]
    return found


def _factor_question(factors: Mapping[str, Any], base: dict[str, Any]) -> str:
    from steepest.study.factorial import factor_names

    names = list(factor_names(factors).values())
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    verb = "do" if len(names) > 1 else "does"
    return f"What {verb} {listed} change on {base['data']}?"


def _question(arms: tuple[str, ...], base: dict[str, Any], reference: str | None) -> str:
    from steepest.spec import from_plain

    model = from_plain({"model": base["model"]}).model
    if reference in arms:
        rest = [a for a in arms if a != reference]
        listed = f"{', '.join(rest[:-1])} or {rest[-1]}" if len(rest) > 1 else rest[0]
        return f"Does {listed} train {model} on {base['data']} better than {reference}?"
    listed = f"{', '.join(arms[:-1])} or {arms[-1]}" if len(arms) > 1 else str(arms[0])
    return f"Which trains {model} on {base['data']} best: {listed}?"
