"""A sweep: accuracy against sparsity for several methods, with the baselines that belong to it.

Every seed is a run of its own from its first weights on: its own split of the data, its own
training, pruning and fine-tuning. Random pruning and the small network trained from scratch are
always among the methods, and the reference is the dense network after the same fine-tuning. Scores
are of validation examples that no weight was trained on; the last epoch counts, never the best.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
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
from steepest.train.finish import Result, complete
from steepest.train.partition import passes
from steepest.train.session import Session, open_session
from steepest.train.state import State

DENSE, RANDOM, SCRATCH = "dense", "random", "scratch"
Place = tuple[str, float, int]  # method, sparsity and seed of a point
Train = Callable[[RunSpec, Dataset], State]


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
    examples: int | None = None  # of the training examples, a stratified part; None: all

    def __post_init__(self) -> None:
        chosen = parse("schedule of pruning", self.schedule, PRUNING_SCHEDULES)
        object.__setattr__(self, "schedule", chosen)
        if not self.methods or not self.sparsities:
            raise UsageError("a sweep needs at least one method and one sparsity")
        if isinstance(self.seeds, bool) or not isinstance(self.seeds, int) or self.seeds < 1:
            raise UsageError(f"seeds must be a whole number of at least 1, not {self.seeds!r}")
        count = 1 if self.examples is None else self.examples
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError(f"examples must be a whole number of at least 1, not {count!r}")
        for method in self.methods:
            check_method(method, self.structured)
        for sparsity in self.sparsities:
            check_sparsity(sparsity)
            for method in self.methods:
                self.plan(method, sparsity)

    @property
    def all_methods(self) -> tuple[str, ...]:
        """The methods with random pruning, once each."""
        return tuple(dict.fromkeys([*self.methods, RANDOM]))

    def plan(self, method: str, sparsity: float) -> Plan:
        """Return the plan of one point."""
        rule: Schedule = build("schedule of pruning", self.schedule, PRUNING_SCHEDULES)
        return Plan(method, sparsity, self.structured, self.finetune, rule, self.scope)

    def places(self) -> tuple[Place, ...]:
        """Return the points that a sweep makes, where no network is emptied."""
        names = (*self.all_methods, SCRATCH)
        apart = dict.fromkeys(s for s in self.sparsities if s > 0)
        seeds = range(self.base.seed, self.base.seed + self.seeds)
        return tuple(
            place
            for seed in seeds
            for place in [(DENSE, 0.0, seed), *((m, s, seed) for s in apart for m in names)]
        )


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
    session: Session | None = field(default=None, repr=False)  # holds the weights, if just made

    @property
    def place(self) -> Place:
        """Where the point stands in its sweep."""
        return self.method, self.sparsity, self.seed

    @property
    def alone(self) -> "Point":
        """The point without its session."""
        return replace(self, session=None)

    def plain(self) -> dict[str, Any]:
        """Return the point as plain values, without its session."""
        found = {k: v for k, v in vars(self).items() if k not in ("session", "cost", "layers")}
        return found | {"cost": asdict(self.cost), "layers": [asdict(x) for x in self.layers]}


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


def point_of(values: Mapping[str, Any]) -> Point:
    """Return the point of the values of `Point.plain`, read from JSON: null is not a number."""
    layers = tuple(LayerSparsity(**part) for part in values["layers"])
    loss = float("nan") if values["loss"] is None else values["loss"]
    return Point(**{**values, "cost": Cost(**values["cost"]), "layers": layers, "loss": loss})


def train_dense(spec: RunSpec, dataset: Dataset) -> State:
    """Return the weights of a dense run; DataError where it diverges before it has any."""
    return weights_of(complete(spec, dataset))


def weights_of(result: Result) -> State:
    """Return the weights a dense run is measured by; DataError where there are none."""
    if result.state is None:
        seed = result.session.spec.seed
        raise DataError(f"the dense run of seed {seed} diverged in its first epoch")
    return result.state


@dataclass(frozen=True, eq=False)
class Past:
    """What an earlier call of the same sweep left: its points, and how its dense runs are had."""

    points: Mapping[Place, Point] = field(default_factory=dict)
    train: Train = train_dense


def run_sweep(
    sweep: Sweep, dataset: Dataset, watch: Watch = Watch(), past: Past = Past()
) -> Iterator[Point]:
    """Yield every point as it is measured; those that `past` holds are yielded from there.

    Latency is measured for the first seed only: it depends on the architecture alone.
    """
    if not dataset.classes:
        raise UsageError(f"'{dataset.name}' has float targets; pruning is compared by accuracy")
    for k in range(sweep.seeds):
        spec = replace(sweep.base, seed=sweep.base.seed + k)
        looks = replace(watch, seconds=watch.seconds if k == 0 else 0.0)
        yield from _of_seed(sweep, spec, dataset, looks, past)


def _of_seed(
    sweep: Sweep, spec: RunSpec, dataset: Dataset, watch: Watch, past: Past
) -> Iterator[Point]:
    """Yield the points of one seed; its dense run is trained when the first one needs it."""
    weights = cache(lambda: past.train(spec, dataset))

    def made(method: str, sparsity: float) -> Point:
        plan = sweep.plan(sweep.all_methods[0] if method == DENSE else method, sparsity)
        return _point(method, prune(spec, dataset, weights(), plan), dataset, watch)

    known = past.points
    dense = known.get((DENSE, 0.0, spec.seed)) or made(DENSE, 0.0)
    yield dense
    for sparsity in dict.fromkeys(s for s in sweep.sparsities if s > 0):
        like = None
        for method in sweep.all_methods:
            point = known.get((method, sparsity, spec.seed))
            try:
                point = point or made(method, sparsity)
            except EmptiedError:
                if len(sweep.sparsities) == len(sweep.methods) == 1:
                    raise  # nothing else was asked for
                point = _emptied(method, sparsity, dense, 1.0 / len(dataset.classes))
            yield point
            like = like if point.status == "emptied" else point
        if like is not None:
            point = known.get((SCRATCH, sparsity, spec.seed))
            yield point or _scratch(sweep, like, dataset, watch)


def _emptied(method: str, sparsity: float, dense: Point, chance: float) -> Point:
    """Return the point of a network that a plan cuts in two: a result, not a gap."""
    cost = replace(dense.cost, latency={})
    nothing = (float("nan"), chance, cost, 0, 0.0, ())
    return Point(method, sparsity, dense.seed, chance, *nothing, "emptied")


def _point(name: str, found: Pruned, dataset: Dataset, watch: Watch) -> Point:
    session = found.session
    return Point(
        name, found.plan.sparsity, session.spec.seed, found.measure.accuracy, found.measure.loss,
        found.cut.accuracy, _cost(session, watch), len(found.epochs),
        found.flops, analyse(found.state.arrays["params"], prunable(session)),
        "diverged" if found.diverged else "finished", _tested(session, dataset, watch), session,
    )  # fmt: skip


def _scratch(sweep: Sweep, like: Point, dataset: Dataset, watch: Watch) -> Point:
    """Return the point of the small network trained from scratch with the same compute.

    `like` is the pruned network whose size it has, and whose compute with that of its dense run.
    """
    spec = replace(sweep.base, seed=like.seed)
    at = (spec.arch, dataset.x.shape[1:], len(dataset.classes))
    if sweep.structured:
        small = narrowed(*at, like.sparsity)
    else:
        small = narrowed_to(*at, like.cost.nonzero)
    dense = open_session([replace(spec, early_stopping=None)], dataset, masked=True)
    trained = passes(spec, dense.steps)  # epochs
    spent = trained * dense.flops + like.flops
    result = train_scratch(spec, dataset, small, spent, ceil(trained) + sweep.finetune)
    session, found = result.session, result.measure
    chance = 1.0 / len(dataset.classes)  # what a run that diverged at once is worth
    return Point(
        SCRATCH, like.sparsity, spec.seed, found.accuracy if found else chance,
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
