"""`steepest check`: a model's gradient against central differences, layer by layer, in float64."""

from typing import TYPE_CHECKING, Any

from steepest.cli.flag import Options, RunFlags, read_spec
from steepest.cli.screen import say, show_table

if TYPE_CHECKING:
    from steepest.data import Dataset
    from steepest.nn.scope import Leaf
    from steepest.program import GradientCheck
    from steepest.spec import RunSpec

EXAMPLES = 4  # in the batch whose loss is differentiated
STEP = 1e-6  # of the differences: small, so that few units cross a kink
DIRECTIONS = 3


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
    found = check_layers(spec, load(spec.data))
    rows = [
        (name, str(size), f"{one.error:.1e}", "ok" if one.passed else "FAILED")
        for name, size, one in found
    ]
    show_table(("layer", "parameters", "relative error", ""), rows, f"gradient of {spec.model}")
    wrong = [(name, one) for name, _, one in found if not one.passed]
    for name, one in wrong:
        say(f"layer {name}: {one}")
    return 1 if wrong else 0


def check_layers(spec: "RunSpec", dataset: "Dataset") -> "list[tuple[str, int, GradientCheck]]":
    """Return (layer, parameters, check) for every layer with parameters, and for all at once."""
    from steepest.nn.arch import initial_values, named_arrays

    width = len(dataset.classes) or dataset.y.shape[1]
    leaves = spec.arch.declare(dataset.shape, width).leaves
    values = named_arrays(leaves, initial_values(leaves, spec.seed))
    groups: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.name.rpartition(".")[0], []).append(leaf)
    groups["all"] = list(leaves)
    fixed = _batch(spec, dataset)
    return [
        (name, sum(leaf.size for leaf in group), _check(spec, width, group, values, fixed))
        for name, group in groups.items()
    ]


def _batch(spec: "RunSpec", dataset: "Dataset") -> dict[str, tuple[Any, str]]:
    """Return examples, targets and a random key as fixed inputs with a run axis of one."""
    import numpy as np

    from steepest.seeds import keys, stream

    rows = stream(spec.seed, "check", "batch").permutation(dataset.n)[:EXAMPLES]
    kind = "int" if dataset.classes else "real"
    return {
        "x": (dataset.x[rows][None] * np.float64(dataset.scale), "real"),
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
