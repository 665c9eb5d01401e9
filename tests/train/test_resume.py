"""Nothing is remembered outside `State`: a resumed run equals an uninterrupted one, bitwise."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.optim import RULES
from steepest.spec import from_plain
from steepest.train.finish import complete
from steepest.train.loop import train
from steepest.train.session import read_state
from steepest.train.state import State, load_arrays, save_arrays
from steepest.train.track import Past

EPOCHS = 4
SCHEDULES = [
    "constant",
    "cosine",
    "inverse_time(decay=0.01)",
    "table(rows={0: 0.01, 2: 0.001})",
    "warmup(epochs=2, after='exponential(gamma=0.5)')",
]


def _spec(**values):
    model = {"name": "mlp", "hidden": [7, 5], "dropout": 0.3}
    return from_plain({"model": model, "epochs": EPOCHS, "batch_size": 16, "seed": 2} | values)


def _states(spec, dataset, state=None):
    """Return what every epoch leaves: (state, row without seconds)."""
    found = []
    for epoch, session in train(spec, dataset, state=state):
        row = {k: v for k, v in epoch.row().items() if k != "seconds"}
        found.append((read_state(session, epoch.epoch), row))
    return found


def _through_a_file(state, path):
    save_arrays(path, state.arrays, {"epoch": state.epoch})
    arrays, about = load_arrays(path)
    return State(about["epoch"], arrays)


def _same(a, b):
    assert a.epoch == b.epoch
    assert set(a.arrays) == set(b.arrays)
    for name, values in a.arrays.items():
        assert values.dtype == b.arrays[name].dtype
        assert values.tobytes() == b.arrays[name].tobytes(), name


def _check_resumes(spec, dataset, path):
    whole = _states(spec, dataset)
    for stopped_after in range(1, EPOCHS):
        kept = _through_a_file(whole[stopped_after - 1][0], path)
        rest = _states(spec, dataset, kept)
        assert len(rest) == EPOCHS - stopped_after
        for (state, row), (other, other_row) in zip(whole[stopped_after:], rest, strict=True):
            _same(state, other)
            assert row == other_row


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_resumes_after_every_epoch(blobs, tmp_path, rule):
    """Parameters, slots and metrics of the epochs that follow are the same bits, with dropout."""
    spec = _spec(optimizer={"name": rule, "weight_decay": 0.01})
    _check_resumes(spec, blobs, tmp_path / "state.safetensors")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_resumes_after_every_epoch(blobs, tmp_path, schedule):
    spec = _spec(optimizer="nadam", schedule=schedule)
    _check_resumes(spec, blobs, tmp_path / "state.safetensors")


@pytest.mark.parametrize(
    "more",
    [
        {"balanced": True}, {"precision": "float64"}, {"batch_size": "full"}, {"l2": 0.01},
        {"model": "fc_net(hidden=(6, 5), norm='batch', dropout=0.2)"},
    ],
)  # fmt: skip
def test_every_way_to_draw_and_count_resumes(blobs, tmp_path, more):
    _check_resumes(_spec(**more), blobs, tmp_path / "state.safetensors")


def test_complete_resumes_with_early_stopping(blobs):
    """The past's rows and best state make the resumed run stop and restore as the whole one."""
    stopping = {"patience": 3, "min_delta": 0.0, "monitor": "val_loss"}
    spec = _spec(epochs=60, optimizer="adam(lr=0.05)", early_stopping=stopping)
    whole = complete(spec, blobs)
    assert whole.status == "stopped"
    seen = {}
    complete(spec, blobs, on_epoch=lambda e, read: seen.update({e.epoch: (read(), e.row())}))
    for cut in (1, whole.best.epoch, len(whole.rows) - 1):
        rows = tuple(seen[e][1] for e in range(1, cut + 1))
        best = seen[1 + int(np.argmin([r["val_loss"] for r in rows]))][0]
        rest = complete(spec, blobs, state=seen[cut][0], past=Past(rows, best))
        _same(rest.state, whole.state)
        assert (rest.status, len(rest.rows)) == (whole.status, len(whole.rows))
        assert rest.measure.loss == whole.measure.loss
        assert rest.stability == whole.stability
        assert rest.rows[-1]["seconds"] >= rows[-1]["seconds"]


def test_resuming_without_the_best_state_is_refused(blobs):
    row = {"val_loss": 1.0, "seconds": 0.0}
    with pytest.raises(UsageError, match="resumes from `past`"):
        complete(_spec(), blobs, keep="best", past=Past((row,)))


def test_a_state_of_another_network_is_refused(blobs):
    state = _states(_spec(epochs=1), blobs)[0][0]
    with pytest.raises(UsageError, match="has shape"):
        next(iter(train(_spec(model="mlp(hidden=(3,))"), blobs, state=state)))
    with pytest.raises(UsageError, match=r"has 'slot\.v', which this run has not"):
        next(iter(train(_spec(optimizer="sgd", model={"name": "mlp", "hidden": [7, 5]}), blobs,
                        state=State(1, {"slot.v": state.arrays["params"]}))))  # fmt: skip
