"""`Model`: the Keras-like door. `fit` is a few lines over the generator of epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.data import Dataset
from steepest.engine.choice import make_engine
from steepest.engine.protocol import Engine
from steepest.errors import DataError, UsageError
from steepest.nn.loss import MSE, CrossEntropy
from steepest.part import NEEDS_TORCH, Part
from steepest.program.trace import Value
from steepest.spec import NEEDS_ENGINE, RunSpec, build_part
from steepest.train.argument import (
    arrays,
    as_fitted,
    check_callbacks,
    check_refit,
    classes_of,
    model_part,
    options_of,
    rule_part,
    scheduled,
)
from steepest.train.callback import EarlyStopping, ModelCheckpoint, monitored
from steepest.train.evaluate import evaluate_arrays, outputs
from steepest.train.history import History, logs
from steepest.train.loop import train_session
from steepest.train.progress import progress
from steepest.train.session import Session, open_session, read_state, write_state
from steepest.train.state import State
from steepest.train.step import Task
from steepest.train.weights import about, gather_state, load_description, save_weights

if TYPE_CHECKING:
    from steepest.nn.arch import Arch

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Weights:
    """A network with its weights in an engine's memory."""

    task: Task
    engine: Engine
    shared: dict[str, Any]


class Model:
    """A network to fit, by arrays.

    `arch` is an `Arch`, a layer (such as a `Chain`), or a zoo name ("mlp", "mlp(hidden=(32,))").
    Images of bytes are scaled by 1/255; other inputs are taken as they are.
    """

    def __init__(
        self, arch: Any = "mlp", engine: str = "numpy", seed: int = 0, precision: str = "float32"
    ) -> None:
        self.part = model_part(arch)
        self.arch: Arch = build_part("model", self.part)
        spec = RunSpec(model=self.part, engine=engine, precision=precision)
        self.engine, self.seed, self.precision = spec.engine, seed, precision
        self.state: State | None = None
        self.about: dict[str, Any] = {}

    def fit(  # noqa: PLR0913, PLR0917 - the arguments Keras users expect
        self,
        x: Any,
        y: Any,
        optimizer: Any = "adam",
        epochs: int = 20,
        batch_size: int | str = 64,
        validation_split: float = 0.2,
        validation_data: tuple[Any, Any] | None = None,
        callbacks: Sequence[Any] = (),
        schedule: Any = None,
        verbose: int = 1,
        **options: Any,
    ) -> History:
        """Train on x (n, ...) and y (n,) labels or (n, k) floats; return the history.

        The validation split is stratified and drawn by the seed. A second call goes on from the
        weights of the first, with new optimizer slots. `options` are lr and weight_decay of the
        optimizer and further fields of `RunSpec` (smoothing, l1, l2, balanced, normalize,
        class_weights: a number a class, or {class: number}). Raises UsageError or DataError, one
        sentence, for anything that does not fit together.
        """
        check_callbacks(callbacks)
        dataset, given = arrays(x, y, validation_data, classes_of(self.about, y))
        check_refit(self.about, dataset)
        more = options_of(options, dataset.classes, given is not None)
        spec = RunSpec(
            data="arrays", model=self.part, optimizer=rule_part(optimizer, options),
            epochs=epochs,
            batch_size=batch_size, seed=self.seed, precision=self.precision,
            validation=0.0 if validation_data is not None else validation_split,
            **{"engine": self.engine, "normalize": False, **more},
        )  # fmt: skip
        spec = scheduled(spec, schedule, callbacks)
        session = open_session([spec], dataset, given)
        if self.state is not None:
            write_state(session, State(0, _without_memory(self.state)))
        self.about = about(self.part, session)
        return self._train(session, callbacks, verbose)

    def _train(self, session: Session, callbacks: Sequence[Any], verbose: int) -> History:
        history = History()
        best: State | None = None
        _call(callbacks, "on_train_begin")
        with progress(verbose, session.epochs) as show:
            for (epoch,) in train_session(session):
                history.epochs.append(epoch)
                if epoch.diverged:
                    history.status = "diverged"
                    break
                self.state = read_state(session, epoch.epoch)
                show(epoch)
                best = self._keep_best(history, callbacks, best)
                if self._stops(history, callbacks):
                    history.status = "stopped"
                    break
        if best is not None:
            self.state = best
            history.best = best.epoch - 1
        _call(callbacks, "on_train_end")
        return history

    def _keep_best(
        self, history: History, callbacks: Sequence[Any], best: State | None
    ) -> State | None:
        for callback in callbacks:
            if isinstance(callback, EarlyStopping) and callback.restore_best:
                values = monitored(history.history, callback.monitor)
                if callback.best(values) == len(values) - 1:
                    best = self.state
            if isinstance(callback, ModelCheckpoint) and callback.is_due(
                monitored(history.history, callback.monitor)
            ):
                self.save(callback.path)
        return best

    def _stops(self, history: History, callbacks: Sequence[Any]) -> bool:
        asked = [
            c.stops(monitored(history.history, c.monitor))
            for c in callbacks
            if isinstance(c, EarlyStopping)
        ]
        epoch = history.epochs[-1]
        for callback in callbacks:
            function = getattr(callback, "on_epoch_end", None)
            if function is not None:
                asked.append(function(epoch.epoch - 1, logs(epoch.row())) is True)
        return any(asked)

    def evaluate(self, x: Any, y: Any) -> dict[str, Any]:
        """Return loss, accuracy, macro precision, recall, F1 and the confusion on (x, y)."""
        self._trained()
        dataset = as_fitted(x, y, self.about)
        network = self._weights(dataset)
        (measure,) = evaluate_arrays(network, dataset.x, dataset.y)
        return measure.plain(self.about["classes"])

    def predict(self, x: Any) -> Array:
        """Return class probabilities (n, K), or the real outputs of a regression."""
        found = self.outputs(x)
        if self.about["targets"] == "real":
            return found
        e = np.exp(found - found.max(axis=1, keepdims=True))
        probabilities: Array = e / e.sum(axis=1, keepdims=True)
        return probabilities

    def outputs(self, x: Any) -> Array:
        """Return the network's outputs (n, K): logits, or the values of a regression."""
        dataset, _ = arrays(x, np.zeros((len(x), 1), np.float32), None)
        found: Array = outputs(self._weights(dataset), dataset.x)[0]
        return found

    def summary(self, shape: tuple[int, ...] | None = None, classes: int = 10) -> str:
        """Return a table of layers; the input's shape is known after `fit`."""
        if shape is None and not self.about:
            raise UsageError("summary needs the input's shape before fit, such as (28, 28, 1)")
        if self.about:
            classes = self.about["width"]
        return self.arch.summary(tuple(shape or self.about["shape"]), classes)

    def to_torch(self) -> Any:
        """Return an ordinary `torch.nn.Module` with the trained weights.

        It takes images (N, C, H, W) in [0, 1], else (N, ...), and returns logits or values. Raises
        UsageError before `fit`, without torch, or for a layer that torch does not have.
        """
        return _torch_net().to_torch(self.arch, self._trained(), self.about)

    def from_torch(self, state: Any) -> None:
        """Take up the weights of a module made by `to_torch`, by its `state_dict()`."""
        self.state = _torch_net().from_torch(self.arch, self._trained(), self.about, state)

    def _trained(self) -> State:
        if self.state is None:
            raise UsageError("the model has no weights yet: call fit or steepest.load first")
        return self.state

    def save(self, path: str | Path) -> Path:
        """Write weights and description to a safetensors file; return its path."""
        if self.state is None:
            raise UsageError("there are no weights to save before fit")
        return save_weights(path, self.arch, self.state, self.about)

    def _weights(self, dataset: Dataset) -> Weights:
        """Return the network for these examples; bytes are scaled if they were in `fit`."""
        shape = dataset.shape
        state = self._trained()
        if shape != tuple(self.about["shape"]):
            raise DataError(
                f"x has examples of shape {shape}, but the model was fitted on "
                f"{tuple(self.about['shape'])}"
            )
        engine = make_engine(self.engine, self.precision)
        scale = self.about["scale"] if dataset.x.dtype == np.uint8 else 1.0
        task = Task(
            self.arch, CrossEntropy() if self.about["targets"] == "int" else MSE(), shape,
            self.about["width"], 1, "real", scale, targets=self.about["targets"],
            width=0 if self.about["targets"] == "int" else self.about["width"],
            normalized=bool(self.about["fixed"]),
        )  # fmt: skip
        arrays = _without_memory(state)
        shared = {
            k: engine.array(Value((1, *v.shape), "real"), v[None])
            for k, v in (arrays | self.about["fixed"]).items()
        }
        return Weights(task, engine, shared)


def load(path: str | Path, engine: str = "numpy") -> Model:
    """Return the model saved at `path`; DataError where the file is missing or damaged.

    One trained in bfloat16 computes in it on the engine torch, in float32 on numpy.
    """
    arrays, found = load_description(path)
    plain = dict(found["model"])
    part = Part(plain.pop("name")).with_options(plain)
    precision = found.get("computed", found["precision"])  # weights of bfloat16 are float32
    if engine == "numpy" and precision in NEEDS_ENGINE:
        precision = found["precision"]
    model = Model(part, engine, found["seed"], precision)
    model.about = found
    model.state = gather_state(path, model.arch, arrays, found)
    return model


def _torch_net() -> Any:
    try:
        from steepest.train import torch_net
    except ImportError:
        raise UsageError(NEEDS_TORCH) from None
    return torch_net


def _without_memory(state: State) -> dict[str, Array]:
    """Return a state's arrays but those that an optimizer remembers."""
    return {k: v for k, v in state.arrays.items() if not k.startswith(("slot.", "optimizer."))}


def _call(callbacks: Sequence[Any], name: str) -> None:
    for callback in callbacks:
        function = getattr(callback, name, None)
        if function is not None:
            function()
