"""The programs of a run: a training step and an evaluation step, recorded for one batch shape.

Inputs by name. Shared by all programs of a run: `data` (n, *shape), `targets` (n,), `params`
(R, P), `slot.<name>` (R, P), `stat.<name>` (R, *shape), `mask` (R, P) where parameters are
masked. Written before every replay: `index` (R, N) rows of the data set, `key` (R, 2) random words,
`coefficients` and `coefficients.rest` (K, R, 1) of the rule on decayed and other leaves,
`augment.<position>.<name>` (R, N, ...) what was drawn for each example.
"""

from dataclasses import dataclass
from typing import Any

from steepest.nn.arch import Arch, Declared, apply, layout
from steepest.nn.augment import Augmentation, apply_augment, mixed_loss
from steepest.nn.layer import penalize
from steepest.nn.scope import Leaf, Scope
from steepest.optim.rule import coefficient_names, undecayed
from steepest.program import F, Program, Recorder, Symbol, reverse

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """What a run's programs are recorded from."""

    arch: Arch
    loss: Any
    shape: Shape  # of one example
    classes: int
    examples: int  # rows of the data set that the programs gather from
    kind: str  # of the data: "byte" or "real"
    scale: float = 1.0  # multiplied while gathering
    runs: int = 1
    l1: float = 0.0  # penalties on all decayed leaves
    l2: float = 0.0
    targets: str = "int"  # "int" labels, or "real" for regression
    width: int = 0  # of a real target
    augment: tuple[Augmentation, ...] = ()  # of training batches
    transformed: bool = False  # training batches come from outside, `transformed` (R, N, *shape)
    normalized: bool = False  # subtract `shift` and multiply by `gain`, both (R, 1, *shape)
    masked: bool = False  # hold parameters at zero where `mask` (R, P) is zero

    @property
    def declared(self) -> Declared:
        """What the architecture declares for this input."""
        return self.arch.declare(self.shape, self.classes)


class _Inputs:
    """The inputs every program of a task declares, and the leaves found in them."""

    def __init__(self, task: Task, batch: int) -> None:
        self.task = task
        self.recorder = Recorder()
        runs = task.runs
        targets = (task.examples,) if task.targets == "int" else (task.examples, task.width)
        self.data = self.recorder.input("data", (task.examples, *task.shape), task.kind)
        self.targets = self.recorder.input("targets", targets, task.targets)
        self.index = self.recorder.input("index", (runs, batch), "int")
        self.flat = self.recorder.input("params", (runs, task.declared.size))
        self.mask = self.recorder.input("mask", self.flat.shape) if task.masked else None
        self.spans = layout(task.declared.leaves)
        self.statistics = {
            leaf.name: self.recorder.input(f"stat.{leaf.name}", (runs, *leaf.shape))
            for leaf in task.declared.statistics
        }

    def find(self, leaf: Leaf) -> Symbol:
        """Return a parameter as a view of the flat vector, or a statistic."""
        if leaf.name in self.statistics:
            return self.statistics[leaf.name]
        start, stop = self.spans[leaf.name]
        stretch = F.part(self.flat, axis=1, start=start, stop=stop)
        symbol: Symbol = F.reshape(stretch, shape=(self.task.runs, *leaf.shape))
        return symbol

    def batch(self, train: bool = False) -> tuple[Symbol, Symbol, Symbol | None]:
        """Gather a batch: examples, augmented for training; targets; weights of mixed ones."""
        task, several, weight = self.task, self.index.shape, None
        if train and task.transformed:
            x = self.recorder.input("transformed", (*several, *task.shape))
        else:
            x = F.gather(self.data, self.index, scale=task.scale)
        if train:

            def declare(name: str, kind: str, shape: Shape) -> Symbol:
                return self.recorder.input(name, (*several, *shape), kind)

            x, weight = apply_augment(task.augment, x, declare)
        if task.normalized:
            shape = (task.runs, 1, *task.shape)
            x = (x - self.recorder.input("shift", shape)) * self.recorder.input("gain", shape)
        return x, F.gather(self.targets, self.index, scale=1.0), weight


def _measure(task: Task, output: Symbol, targets: Symbol, losses: Symbol) -> dict[str, Symbol]:
    """Return the sums over the batch that metrics are made of, one number per run."""
    measured = {"loss": F.sum(losses, axis=1)}
    if task.targets == "int":
        hits = F.equal(F.argmax(output), targets)
        measured["correct"] = F.sum(hits, axis=1)
    return measured


@dataclass(frozen=True, eq=False)
class Traced:
    """A training step while it is recorded: what the program and its probes are made of."""

    recorder: Recorder
    measured: dict[str, Symbol]  # sums over the batch, (R,)
    scope: Scope
    parameters: Symbol  # (R, P), before the step
    gradient: Symbol  # (R, P)
    pairs: dict[str, tuple[Symbol, Symbol]]


def train_program(task: Task, rules: list[Any], batch: int) -> Program:
    """Record one training step: gather, augment, forward, backward, update, measurements."""
    traced = trace_step(task, rules, batch)
    return traced.recorder.program(traced.measured, traced.pairs)


def trace_step(task: Task, rules: list[Any], batch: int) -> Traced:
    """Trace one training step; the recording is not closed yet."""
    inputs = _Inputs(task, batch)
    key = inputs.recorder.input("key", (task.runs, 2), "word")
    x, targets, weight = inputs.batch(train=True)
    output, scope = apply(task.arch.root, x, inputs.find, task.classes, key)
    losses = (
        task.loss(output, targets)
        if weight is None
        else mixed_loss(task.loss, output, targets, weight)
    )
    decayed = sum(leaf.size for leaf in task.declared.leaves if leaf.is_decayed)
    if task.l1 or task.l2:
        penalize(F.part(inputs.flat, axis=1, start=0, stop=decayed), task.l1, task.l2, scope)
    objective = F.mean(losses, axis=1)
    for penalty in scope.penalties:
        objective = objective + penalty
    gradient = _gradient(inputs, objective)
    pairs = _update(inputs, rules, gradient, decayed)
    pairs |= {f"stat.{name}": pair for name, pair in scope.updates.items()}
    measured = _measure(task, output, targets, losses)
    return Traced(inputs.recorder, measured, scope, inputs.flat, gradient, pairs)


def _gradient(inputs: _Inputs, objective: Symbol) -> Symbol:
    """Return the gradient as one flat vector (R, P) in the layout of the parameters."""
    leaves = {leaf.name: leaf for leaf in inputs.task.declared.leaves}
    ordered = [leaves[name] for name in inputs.spans]
    found = reverse(objective, [inputs.find(leaf) for leaf in ordered])
    whole = inputs.task.l1 or inputs.task.l2
    parts = [
        F.reshape(g, shape=(inputs.task.runs, leaf.size))
        for g, leaf in zip(found, ordered, strict=True)
    ]
    flat: Symbol = F.concat(*parts, axis=1)
    if whole:  # the penalty acts on the flat vector itself
        (own,) = reverse(objective, [inputs.flat])
        flat = own
    return flat if inputs.mask is None else flat * inputs.mask


def _update(
    inputs: _Inputs, rules: list[Any], gradient: Symbol, decayed: int
) -> dict[str, tuple[Symbol, Symbol]]:
    """Apply the rule to the decayed prefix and to the rest; to all at once where they agree."""
    size, rule = inputs.task.declared.size, rules[0]
    slots = {n: inputs.recorder.input(f"slot.{n}", inputs.flat.shape) for n in rule.slots}
    other = [undecayed(r) for r in rules]
    spans = [(0, size, rules, "coefficients")]
    if other != rules and decayed < size:
        spans = [
            (0, decayed, rules, "coefficients"),
            (decayed, size, other, "coefficients.rest"),
        ]
    pieces = []
    for start, stop, group, name in spans:
        c = _coefficients(inputs, group, name)
        cut = [_cut(x, start, stop) for x in (inputs.flat, gradient, *slots.values())]
        pieces.append(rule.step(cut[0], cut[1], dict(zip(slots, cut[2:], strict=True)), c))
    new = _bounded(inputs, _join([p for p, _ in pieces]))
    if inputs.mask is not None:  # no slot can revive what is pruned
        new = new * inputs.mask
    pairs = {"params": (inputs.flat, new)}
    for n, old in slots.items():
        pairs[f"slot.{n}"] = (old, _join([s[n] for _, s in pieces]))
    return pairs


def _bounded(inputs: _Inputs, new: Symbol) -> Symbol:
    """Project the leaves that declare a limit: every unit's weights keep a norm within it."""
    leaves = {leaf.name: leaf for leaf in inputs.task.declared.leaves}
    if not any(leaf.limit for leaf in leaves.values()):
        return new
    parts = []
    for name, (start, stop) in inputs.spans.items():
        part, leaf = F.part(new, axis=1, start=start, stop=stop), leaves[name]
        if leaf.limit:
            w = F.reshape(part, shape=(inputs.task.runs, *leaf.shape))
            axes = tuple(range(1, w.ndim - 1))
            norm = F.sqrt(F.sum(F.square(w), axis=axes, keepdims=True))
            scale = F.minimum(leaf.limit / F.maximum(norm, 1e-12), 1.0)
            part = F.reshape(w * scale, shape=(inputs.task.runs, leaf.size))
        parts.append(part)
    return _join(parts)


def _cut(x: Symbol, start: int, stop: int) -> Symbol:
    whole = start == 0 and stop == x.shape[1]
    return x if whole else F.part(x, axis=1, start=start, stop=stop)


def _join(parts: list[Symbol]) -> Symbol:
    return parts[0] if len(parts) == 1 else F.concat(*parts, axis=1)


def _coefficients(inputs: _Inputs, rules: list[Any], name: str) -> dict[str, Symbol]:
    names, runs = coefficient_names(rules), inputs.task.runs
    table = inputs.recorder.input(name, (len(names), runs, 1))
    return {
        n: F.reshape(F.part(table, axis=0, start=k, stop=k + 1), shape=(runs, 1))
        for k, n in enumerate(names)
    }


def eval_program(task: Task, batch: int) -> Program:
    """Record one evaluation step: sums of loss and hits, and the predictions of a batch."""
    inputs = _Inputs(task, batch)
    x, targets, _ = inputs.batch()
    output, _ = apply(task.arch.root, x, inputs.find, task.classes)
    measured = _measure(task, output, targets, task.loss(output, targets))
    measured["output"] = output
    if task.targets == "int":
        measured["predicted"] = F.argmax(output)
    return inputs.recorder.program(measured)


def gradient_program(task: Task, batch: int) -> Program:
    """Record the gradient (R, P) of the mean loss of a batch, in evaluation mode."""
    inputs = _Inputs(task, batch)
    x, targets, _ = inputs.batch()
    output, _ = apply(task.arch.root, x, inputs.find, task.classes)
    objective = F.mean(task.loss(output, targets), axis=1)
    return inputs.recorder.program({"gradient": _gradient(inputs, objective)})
