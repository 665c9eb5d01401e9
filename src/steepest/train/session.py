"""A session: R runs of one architecture, rule class and batch size, bound to one engine's memory.

Runs may differ in seed and in numeric hyper-parameters. R = 1 is the ordinary case; nothing here
treats it apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from steepest.data import Dataset, batches, order
from steepest.engine.choice import make_engine
from steepest.engine.executor import Bound, bind_programs
from steepest.engine.native import flush_denormals
from steepest.engine.protocol import Engine
from steepest.errors import DataError, UsageError
from steepest.nn.arch import initial_value, initial_values, layout
from steepest.nn.augment import check_shape, draw_epoch
from steepest.nn.loss import MSE, check_classes
from steepest.optim.rule import coefficient_table, undecayed
from steepest.optim.torch_rule import Memory, TorchRule
from steepest.program.trace import Value
from steepest.seeds import keys
from steepest.spec import RunSpec
from steepest.train.lender import LENDER, lot_of
from steepest.train.partition import Split, passes, split_rows
from steepest.train.probe import probe_program
from steepest.train.state import State
from steepest.train.step import Task, eval_program, train_program

Array = np.ndarray[Any, Any]
EVAL_BATCH = 512
OWN = ("params", "mask")  # of a run, beside its slots and statistics


@dataclass(frozen=True, eq=False)
class Session:
    """What `train` needs: specs, data, task, engine and bound programs over shared memory."""

    specs: tuple[RunSpec, ...]
    dataset: Dataset
    split: Split
    task: Task
    engine: Engine
    shared: dict[str, Any]
    bound: dict[str, Bound]  # "train", "train tail", "eval", "eval tail"
    memory: Memory | None = None  # of a torch optimizer
    kept: dict[Any, Any] = field(default_factory=dict)  # programs bound later, for other examples

    @property
    def spec(self) -> RunSpec:
        """The first run's spec: what all runs have in common stands in every one."""
        return self.specs[0]

    @property
    def batch(self) -> int:
        """Examples in a full batch."""
        size, n = self.spec.batch_size, int(self.split.train.shape[1])
        return n if size == "full" else min(int(size), n)

    @property
    def steps(self) -> int:
        """Updates in an epoch, the tail's included."""
        full, tail = batches(self.split.train.shape[1], self.batch)
        return full + (tail > 0)

    @property
    def flops(self) -> float:
        """Floating-point operations of one run's epoch of training, evaluation not counted."""
        return self.flops_of(self.steps)

    def flops_of(self, steps: int) -> float:
        """Return the floating-point operations of the first `steps` updates of an epoch."""
        full, _ = batches(self.split.train.shape[1], self.batch)
        total = min(steps, full) * self.bound["train"].program.flops if full else 0
        total += self.bound["train tail"].program.flops if steps > full else 0
        return total / len(self.specs)

    @property
    def epochs(self) -> int:
        """Epochs of the whole run; the last one is partial where the updates end within it."""
        updates = self.spec.updates
        return self.spec.epochs if updates is None else -(-updates // self.steps)

    def steps_in(self, epoch: int) -> int:
        """Return the updates of an epoch (0-based): all, or those left of the run's."""
        updates = self.spec.updates
        return self.steps if updates is None else min(self.steps, updates - epoch * self.steps)


def open_session(
    specs: Sequence[RunSpec],
    dataset: Dataset,
    given: Split | None = None,
    engine: Engine | None = None,
    masked: bool = False,
) -> Session:
    """Split the data, draw initial values, record the programs and bind them.

    `given` replaces the drawn split (for a validation set of the user's own). A `masked` session
    holds parameters at zero where its "mask" is zero; the mask starts as ones. Raises UsageError
    where runs cannot share a program or the data does not suit the model.
    """
    spec = specs[0]
    flush_denormals()  # decaying moments would slow every kernel down
    if len({shape_of(s) for s in specs}) > 1:
        raise UsageError("runs of one session share model, rule, batch size, epochs and data")
    parts = given or split_rows(specs, dataset)
    task = replace(_task(specs, dataset), masked=masked)
    if engine is None and given is None and not spec.asks_torch:
        sizes = (parts.train.shape, parts.validation.shape)
        lent = LENDER.take(lot_of(specs, dataset.digest, sizes, task))
        if lent is not None:
            return _renewed(lent, specs, parts)
    options = {"compiled": True} if spec.compile else {}
    engine = engine or make_engine(spec.engine, spec.precision, spec.device, **options)
    shared = _memory(specs, dataset, parts, task, engine)
    rules = [s.rule for s in specs]
    memory = rules[0].memory if isinstance(rules[0], TorchRule) else None
    if memory is not None:
        memory.open(shared["params"], task.declared.leaves, layout(task.declared.leaves))
    bound = bind_programs(run_programs(specs, rules, task, parts), engine, shared)
    return Session(tuple(specs), dataset, parts, task, engine, shared, bound, memory)


def shape_of(spec: RunSpec) -> tuple[Any, ...]:
    """Return what runs must have in common to share a program."""
    return (
        spec.data, spec.target, spec.classes, spec.model, spec.optimizer.name, spec.epochs,
        spec.batch_size, spec.validation, spec.smoothing, spec.class_weights, spec.l1, spec.l2,
        spec.balanced, spec.normalize, spec.augment, spec.probes, spec.precision, spec.engine,
        spec.device, spec.updates, spec.examples, spec.fold, spec.outer, spec.compile,
    )  # fmt: skip


def is_normalized(spec: RunSpec, dataset: Dataset) -> bool:
    """Tell whether inputs are centred and scaled by the training split's statistics."""
    return not dataset.is_image if spec.normalize is None else spec.normalize


def _task(specs: Sequence[RunSpec], dataset: Dataset) -> Task:
    spec = specs[0]
    labels = dataset.y.ndim == 1 and bool(dataset.classes)
    check_classes(spec, dataset.classes if labels else (), dataset.name)
    check_shape(spec.augmentations, dataset.shape)
    width = len(dataset.classes) if labels else dataset.y.reshape(dataset.n, -1).shape[1]
    return Task(
        arch=spec.arch,
        loss=spec.loss if labels else MSE(),
        shape=dataset.shape,
        classes=width,
        examples=dataset.n,
        kind="byte" if dataset.x.dtype == np.uint8 else "real",
        scale=dataset.scale,
        runs=len(specs),
        l1=spec.l1,
        l2=spec.l2,
        targets="int" if labels else "real",
        width=0 if labels else width,
        augment=spec.augmentations,
        transformed=bool(spec.sample_functions),
        normalized=is_normalized(spec, dataset),
    )


def _memory(
    specs: Sequence[RunSpec], dataset: Dataset, parts: Split, task: Task, engine: Engine
) -> dict[str, Any]:
    """Return the named arrays all programs share; a run's values depend on its own seed alone."""
    targets = dataset.y if task.targets == "int" else dataset.y.reshape(dataset.n, -1)
    held = {
        "data": engine.hold(Value(dataset.x.shape, task.kind), dataset.x),
        "targets": engine.hold(Value(targets.shape, task.targets), targets),
    }
    start = _start(specs, dataset, parts, task)
    return held | {n: engine.array(Value(v.shape, "real"), v) for n, v in start.items()}


def _start(specs: Sequence[RunSpec], dataset: Dataset, parts: Split, task: Task) -> dict[str, Any]:
    """Return what every named array of the runs' own begins with."""
    declared = task.declared
    flat = (len(specs), declared.size)
    found = {"params": np.stack([initial_values(declared.leaves, s.seed) for s in specs])}
    found |= {f"slot.{name}": np.zeros(flat, np.float32) for name in specs[0].rule.slots}
    if task.masked:
        found["mask"] = np.ones(flat, np.float32)
    for leaf in declared.statistics:
        found[f"stat.{leaf.name}"] = np.stack([initial_value(leaf, s.seed) for s in specs])
    if task.normalized:
        found["shift"], found["gain"] = _statistics(dataset, parts)
    return found


def _renewed(session: Session, specs: Sequence[RunSpec], parts: Split) -> Session:
    """Return a session of other runs in lent memory, as if it were new."""
    for name, values in _start(specs, session.dataset, parts, session.task).items():
        session.engine.write(session.shared[name], values)
    return replace(session, specs=tuple(specs), split=parts)


def _statistics(dataset: Dataset, parts: Split) -> tuple[Array, Array]:
    """Return (R, 1, *shape) means and reciprocal deviations: by channel or by feature."""
    axes = tuple(range(len(dataset.shape))) if dataset.is_image else (0,)
    means, gains = [], []
    for rows in parts.train:
        x = dataset.x[rows] * np.float64(dataset.scale)
        deviation = x.std(axis=axes, keepdims=True)
        means.append(np.broadcast_to(x.mean(axis=axes, keepdims=True), (1, *dataset.shape)))
        gain = 1.0 / np.where(deviation > 0, deviation, 1.0)
        gains.append(np.broadcast_to(gain, (1, *dataset.shape)))
    return np.stack(means), np.stack(gains)


def run_programs(
    specs: Sequence[RunSpec], rules: list[Any], task: Task, parts: Split
) -> dict[str, Any]:
    """Return the programs of runs, by name."""
    n, held = parts.train.shape[1], parts.validation.shape[1]
    if n == 0:
        raise DataError("there are no training examples")
    size = n if specs[0].batch_size == "full" else min(int(specs[0].batch_size), n)
    programs = {"train": train_program(task, rules, size)}
    if n % size:
        programs["train tail"] = train_program(task, rules, n % size)
    if specs[0].probes:
        programs["probe"] = probe_program(task, rules, size, specs[0].probes)
    return programs | (eval_programs(task, held) if held else {})


def eval_programs(task: Task, n: int) -> dict[str, Any]:
    """Return the programs that evaluate n examples: "eval" and, if a rest remains, "eval tail"."""
    batch = min(EVAL_BATCH, max(n, 1))
    programs = {"eval": eval_program(task, batch)}
    if n % batch:
        programs["eval tail"] = eval_program(task, n % batch)
    return programs


def epoch_tables(session: Session, epoch: int) -> dict[str, Array]:
    """Return what the steps of one epoch (0-based) read, one row a step.

    `order` (R, n) are rows of the data set; `augment.<position>.<name>` (R, n, ...) what is drawn
    for each of them; `key` (steps, R, 2); the coefficients (steps, K, R, 1) in float64, all of them
    functions of seed and step alone.
    """
    steps = session.steps
    at = np.arange(epoch * steps, epoch * steps + session.steps_in(epoch))
    seen = min(len(at) * session.batch, session.split.train.shape[1])
    rules = [s.rule for s in session.specs]
    rates = np.stack(
        [
            s.rates.rates(r.lr, at, steps, passes(s, steps))
            for s, r in zip(session.specs, rules, strict=True)
        ],
        axis=1,
    )
    orders = []
    for s, rows in zip(session.specs, session.split.train, strict=True):
        labels = session.dataset.y[rows] if s.balanced else None
        orders.append(rows[order(len(rows), s.seed, epoch, labels)[:seen]])
    n = session.split.train.shape[1]
    drawn = [
        draw_epoch(session.task.augment, s.seed, epoch, n, session.task.shape)
        for s in session.specs
    ]
    return {name: np.stack([d[name] for d in drawn]) for name in drawn[0]} | {
        "order": np.stack(orders),
        "key": np.stack([keys(s.seed, at) for s in session.specs], axis=1),
        "coefficients": coefficient_table(rules, at + 1, rates)[1],
        "coefficients.rest": coefficient_table([undecayed(r) for r in rules], at + 1, rates)[1],
        "lr": rates[-1],
    }


def read_state(session: Session, epoch: int, run: int = 0) -> State:
    """Copy one run's parameters, slots and statistics out of the engine."""
    names = [n for n in session.shared if n in OWN or n.startswith(("slot.", "stat."))]
    arrays = {n: np.array(session.engine.numpy(session.shared[n][run])) for n in names}
    return State(epoch, arrays | (session.memory.read() if session.memory else {}))


def write_state(session: Session, state: State, run: int = 0) -> None:
    """Copy a state into one run's place; UsageError where it belongs to another network."""
    own = session.memory.write(state.arrays) if session.memory else state.arrays
    for name, values in own.items():
        if name not in session.shared:
            raise UsageError(f"the state has '{name}', which this run has not")
        target = session.shared[name][run]
        if tuple(target.shape) != values.shape:
            raise UsageError(
                f"'{name}' of the state has shape {values.shape}, not {tuple(target.shape)}"
            )
        session.engine.write(target, values)
