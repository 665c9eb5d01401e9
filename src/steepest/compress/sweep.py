"""A sweep: accuracy against sparsity for several methods, with the baselines that belong to it.

Every seed is a run of its own from its first weights on: its own split of the data, its own
training, pruning and fine-tuning. Random pruning and the small network trained from scratch are
always among the methods, and the reference is the dense network after the same fine-tuning. Scores
are of validation examples that no weight was trained on; the last epoch counts, never the best.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from math import ceil
from typing import Any

from steepest.compress.cost import SECONDS, Cost, count, measure
from steepest.compress.criterion import check_method, prunable
from steepest.compress.mask import EmptiedError, LayerSparsity, analyse, check_sparsity
from steepest.compress.schedule import PRUNING_SCHEDULES, Schedule
from steepest.compress.scratch import narrowed, narrowed_to, train_scratch
from steepest.compress.tune import Plan, Pruned, prune
from steepest.data import Dataset
from steepest.errors import DataError, UsageError, nearest
from steepest.part import Part, build, parse
from steepest.spec import RunSpec, from_plain
from steepest.train.evaluate import evaluate_arrays
from steepest.train.finish import complete
from steepest.train.partition import passes
from steepest.train.session import Session
from steepest.train.state import State

DENSE, RANDOM, SCRATCH = "dense", "random", "scratch"


@dataclass(frozen=True)
class Sweep:
    """What is pruned, how, how far, and how often it is repeated."""

    base: RunSpec
    methods: tuple[str, ...] = ("magnitude",)
    structured: bool = False
    sparsities: tuple[float, ...] = (0.5, 0.8, 0.9)
    finetune: int = 5  # epochs
    seeds: int = 3
    schedule: Part = Part("one_shot")
    scope: str | None = None
    question: str = ""

    def __post_init__(self) -> None:
        chosen = parse("schedule of pruning", self.schedule, PRUNING_SCHEDULES)
        object.__setattr__(self, "schedule", chosen)
        if not self.methods or not self.sparsities:
            raise UsageError("a sweep needs at least one method and one sparsity")
        if isinstance(self.seeds, bool) or not isinstance(self.seeds, int) or self.seeds < 1:
            raise UsageError(f"seeds must be a whole number of at least 1, not {self.seeds!r}")
        for method in self.methods:
            check_method(method, self.structured)
        for sparsity in self.sparsities:
            check_sparsity(sparsity)
            self.plan(self.methods[0], sparsity)

    @property
    def all_methods(self) -> tuple[str, ...]:
        """The methods with random pruning, once each."""
        return tuple(dict.fromkeys([*self.methods, RANDOM]))

    def plan(self, method: str, sparsity: float) -> Plan:
        """Return the plan of one point."""
        rule: Schedule = build("schedule of pruning", self.schedule, PRUNING_SCHEDULES)
        return Plan(method, sparsity, self.structured, self.finetune, rule, self.scope)


@dataclass(frozen=True)
class Watch:
    """What is looked at beside validation accuracy."""

    test: bool = False  # open the test set for every point
    seconds: float = SECONDS  # of repetitions for each latency


@dataclass(frozen=True, eq=False)
class Point:
    """One network: how it was made, how well it does, what it costs."""

    method: str  # of pruning, or "dense" or "scratch"
    sparsity: float  # asked for, of weights or of channels
    seed: int
    accuracy: float  # of the validation examples, at the end
    loss: float
    cut_accuracy: float | None  # after the last cut, before training on; None for "scratch"
    cost: Cost
    epochs: int  # of fine-tuning, or of training from scratch
    flops: float  # spent in them
    layers: tuple[LayerSparsity, ...]
    status: str  # "finished", "diverged", or "emptied": a layer lost all, scored at chance
    test: float | None = None  # accuracy on the test set, where it was opened
    session: Session | None = field(default=None, repr=False)  # holds the weights


def read_sweep(values: dict[str, Any], where: str) -> Sweep:
    """Return the sweep of plain values (a TOML file); UsageError for an unknown key."""
    known = [f.name for f in fields(Sweep)]
    for key in values:
        if key not in known:
            raise UsageError(f"{where}: unknown key '{key}'; {nearest(key, known)}")
    base = from_plain(values.get("base", {}), f"{where}: base")
    given: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k != "base"
    }
    try:
        return Sweep(base, **given)
    except TypeError as error:
        raise UsageError(f"{where}: {error}") from None


def run_sweep(
    sweep: Sweep, dataset: Dataset, first: State | None = None, watch: Watch = Watch()
) -> Iterator[Point]:
    """Yield every point as it is measured; `first` are the weights of the base run, if trained.

    Latency is measured for the first seed only: it depends on the architecture alone.
    """
    if not dataset.classes:
        raise UsageError(f"'{dataset.name}' has float targets; pruning is compared by accuracy")
    for k in range(sweep.seeds):
        spec = replace(sweep.base, seed=sweep.base.seed + k)
        state = first if k == 0 and first is not None else _trained(spec, dataset)
        dense = prune(spec, dataset, state, sweep.plan(sweep.all_methods[0], 0.0))
        spent = passes(spec, dense.session.steps) * dense.session.flops
        looks = replace(watch, seconds=watch.seconds if k == 0 else 0.0)
        yield _point(DENSE, dense, dataset, looks)
        for sparsity in dict.fromkeys(s for s in sweep.sparsities if s > 0):
            like = None
            for method in sweep.all_methods:
                plan = sweep.plan(method, sparsity)
                try:
                    like = prune(spec, dataset, state, plan)
                except EmptiedError:
                    if len(sweep.sparsities) == len(sweep.methods) == 1:
                        raise  # nothing else was asked for
                    yield _emptied(plan, dense, 1.0 / len(dataset.classes))
                else:
                    yield _point(method, like, dataset, looks)
            if like is not None:
                yield _scratch(sweep, (like, spent), dataset, looks)


def _emptied(plan: Plan, dense: Pruned, chance: float) -> Point:
    """Return the point of a network that a plan cuts in two: a result, not a gap."""
    seed, cost = dense.session.spec.seed, count(dense.session)
    nothing = (float("nan"), chance, cost, 0, 0.0, ())
    return Point(plan.method, plan.sparsity, seed, chance, *nothing, "emptied")


def _trained(spec: RunSpec, dataset: Dataset) -> State:
    state = complete(spec, dataset).state
    if state is None:
        raise DataError(f"the dense run of seed {spec.seed} diverged in its first epoch")
    return state


def _point(name: str, found: Pruned, dataset: Dataset, watch: Watch) -> Point:
    session = found.session
    return Point(
        name, found.plan.sparsity, session.spec.seed, found.measure.accuracy, found.measure.loss,
        found.cut.accuracy, _cost(session, watch), len(found.epochs),
        found.flops, analyse(found.state.arrays["params"], prunable(session)),
        "diverged" if found.diverged else "finished", _tested(session, dataset, watch), session,
    )  # fmt: skip


def _scratch(sweep: Sweep, like: tuple[Pruned, float], dataset: Dataset, watch: Watch) -> Point:
    """Return the point of the small network trained from scratch with the same compute."""
    pruned, spent = like
    spec = replace(sweep.base, seed=pruned.spec.seed)
    task, sparsity = pruned.session.task, pruned.plan.sparsity
    at = (spec.arch, task.shape, task.classes)  # the dense network's
    nonzero = count(pruned.session).nonzero
    small = narrowed(*at, sparsity) if sweep.structured else narrowed_to(*at, nonzero)
    total = spent + pruned.flops
    result = train_scratch(
        spec, dataset, small, total, ceil(passes(spec, pruned.session.steps)) + sweep.finetune
    )
    session, found = result.session, result.measure
    chance = 1.0 / len(dataset.classes)  # what a run that diverged at once is worth
    return Point(
        SCRATCH, sparsity, spec.seed, found.accuracy if found else chance,
        found.loss if found else float("nan"), None,
        _cost(session, watch), len(result.rows),
        result.epochs[-1].flops, (), result.status, _tested(session, dataset, watch), session,
    )  # fmt: skip


def _cost(session: Session, watch: Watch) -> Cost:
    return measure(session, watch.seconds) if watch.seconds else count(session)


def _tested(session: Session, dataset: Dataset, watch: Watch) -> float | None:
    if not watch.test:
        return None
    if len(dataset.test_x) == 0:
        raise DataError(f"data set '{dataset.name}' has no test set")
    return evaluate_arrays(session, dataset.test_x, dataset.test_y)[0].accuracy
