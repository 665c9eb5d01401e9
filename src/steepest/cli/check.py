"""`steepest check`: a model's gradient against central differences, layer by layer, in float64."""

import sys
from typing import TYPE_CHECKING, Any

from steepest.cli.flag import Options, RunFlags, read_spec
from steepest.cli.screen import say, show_table
from steepest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steepest.data import Dataset
    from steepest.nn.scope import Leaf
    from steepest.program import GradientCheck
    from steepest.spec import RunSpec

EXAMPLES = 4  # in the batch whose loss is differentiated
STEP = 1e-6  # of the differences: small, so that few units cross a kink
DIRECTIONS = 3
NOISE = 0.01  # standard deviation of what is added to initial values and inputs


def check(
    *, model: str | None = None, data: str | None = None, seed: int = 0, option: Options = ()
) -> int:
    """Check a model's gradients by central differences; fail with 1 if one disagrees.

    Parameters
    ----------
    model
        The model, with options by dot: --model.hidden 256,128 [mlp].
    data
        The data set that the batch is taken from [digits].
    seed
        Seed of initial values, batch and directions.
    option
        Options of the model, as the dotted flags are passed on.
    """
    from steepest.data import load

    spec = read_spec(RunFlags(data=data, model=model, option=option), seed=seed)
    rows, wrong = [], []
    for name, size, one in check_layers(spec, load(spec.data)):
        word = "ok" if one.passed else "FAILED"
        rows.append((name, f"{size:,}", f"{one.error:.1e}", word))
        if sys.stderr.isatty():
            sys.stderr.write(f"layer {name}: {word}\n")
        wrong += [] if one.passed else [(name, one)]
    show_table(("layer", "parameters", "relative error", ""), rows, f"gradient of {spec.model}")
    for name, one in wrong:
        say(f"layer {name}: {one}")
    return 1 if wrong else 0


def check_layers(spec: "RunSpec", dataset: "Dataset") -> "Iterator[tuple[str, int, GradientCheck]]":
    """Yield (layer, parameters, check) for every layer with parameters, then for all at once.

    Values and inputs are a little off where a run begins: zeros, as in biases and blank parts of
    images, lie exactly on the kinks of ReLU and pooling. Raises UsageError for a module of PyTorch,
    whose gradient is PyTorch's own.
    """
    from steepest.engine.native import flush_denormals
    from steepest.nn.arch import initial_value, initial_values, named_arrays
    from steepest.seeds import stream

    if spec.asks_torch:
        raise UsageError(
            f"model '{spec.model.name}' is PyTorch's to differentiate, not checked here"
        )
    flush_denormals()
    width = len(dataset.classes) or dataset.y.shape[1]
    declared = spec.arch.declare(dataset.shape, width)
    flat = initial_values(declared.leaves, spec.seed)
    noise = stream(spec.seed, "check", "noise")
    values = named_arrays(declared.leaves, flat + NOISE * noise.standard_normal(flat.shape))
    groups: dict[str, list[Leaf]] = {}
    for leaf in declared.leaves:
        groups.setdefault(leaf.name.rpartition(".")[0], []).append(leaf)
    groups["all"] = list(declared.leaves)
    fixed = _batch(spec, dataset)
    for leaf in declared.statistics:
        fixed[leaf.name] = (initial_value(leaf, spec.seed)[None], "real")
    for name, group in groups.items():
        yield name, sum(leaf.size for leaf in group), _check(spec, width, group, values, fixed)


def _batch(spec: "RunSpec", dataset: "Dataset") -> dict[str, tuple[Any, str]]:
    """Return examples, targets and a random key as fixed inputs with a run axis of one."""
    import numpy as np

    from steepest.seeds import keys, stream

    rows = stream(spec.seed, "check", "batch").permutation(dataset.n)[:EXAMPLES]
    kind = "int" if dataset.classes else "real"
    x = dataset.x[rows][None] * np.float64(dataset.scale)
    noise = stream(spec.seed, "check", "inputs").standard_normal(x.shape)
    return {
        "x": (x + NOISE * noise, "real"),
        "targets": (dataset.y[rows][None], kind),
        "key": (keys(spec.seed, np.arange(1)), "word"),
    }


def _check(
    spec: "RunSpec",
    width: int,
    group: "list[Leaf]",
    values: dict[str, Any],
    fixed: dict[str, tuple[Any, str]],
) -> "GradientCheck":
    from steepest.nn.arch import apply
    from steepest.nn.loss import MSE
    from steepest.program import F, check_gradients

    names = [leaf.name for leaf in group]
    rest = {n: (a[None], "real") for n, a in values.items() if n not in names}
    loss = spec.loss if fixed["targets"][1] == "int" else MSE()

    def objective(*symbols: Any, x: Any, targets: Any, key: Any, **others: Any) -> Any:
        known = dict(zip(names, symbols, strict=True)) | others
        output, scope = apply(spec.arch.root, x, lambda leaf: known[leaf.name], width, key)
        found = F.mean(loss(output, targets), axis=1)
        for penalty in scope.penalties:
            found = found + penalty
        return found

    arrays = [values[name][None] for name in names]
    return check_gradients(
        objective, *arrays, step=STEP, directions=DIRECTIONS, seed=spec.seed, fixed=fixed | rest
    )
