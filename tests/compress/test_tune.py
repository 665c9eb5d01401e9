from dataclasses import replace

import numpy as np
import pytest
from blots import SPEC, blots

from steepest.compress.criterion import CHANNELS, LAYERED, WEIGHTS, prunable
from steepest.compress.decision import choose_channels
from steepest.compress.dependency import dependencies
from steepest.compress.mask import EmptiedError, analyse
from steepest.compress.schedule import Cubic, Iterative
from steepest.compress.tune import Plan, prune
from steepest.errors import UsageError
from steepest.nn.zoo import mlp
from steepest.train.evaluate import evaluate
from steepest.train.finish import complete


@pytest.fixture(scope="module")
def trained():
    """Return spec, data and weights of a small network trained on separable blots."""
    dataset = blots()
    return SPEC, dataset, complete(SPEC, dataset).last


@pytest.mark.parametrize("method", WEIGHTS)
def test_single_weights_reach_the_sparsity_and_keep_it(method, trained):
    """After fine-tuning exactly floor(s n) weights are zero, and no bias was touched."""
    found = prune(*trained, Plan(method, 0.7, epochs=1))
    parts = analyse(found.state.arrays["params"], prunable(found.session))
    sizes = [p.size for p in parts]
    gone = sum(int(0.7 * n) for n in sizes) if method == LAYERED else int(0.7 * sum(sizes))
    assert sum(sizes) - sum(p.nonzero for p in parts) == gone
    assert found.session.task.declared.size == len(trained[2].arrays["params"])


@pytest.mark.parametrize("method", CHANNELS)
def test_channels_are_removed_from_the_tensors(method, trained):
    """Half of every layer's channels go, and the smaller network is a spec of its own."""
    spec, dataset, state = trained
    if method == "batchnorm":  # the hidden layer has none
        spec = replace(spec, model="resnet20(blocks=1,width=4)")
        state = complete(spec, dataset).last
    found = prune(spec, dataset, state, Plan(method, 0.5, structured=True, epochs=1))
    small = found.spec.arch.count_params((8, 8, 1), 3)
    assert small == len(found.state.arrays["params"]) < 0.4 * len(state.arrays["params"])
    assert found.session.flops < 0.6 * complete(replace(spec, epochs=1), dataset).session.flops


def test_shrinking_changes_no_prediction(trained):
    """The smaller network has the validation loss of the masked one before any training."""
    plan = Plan("l1", 0.5, structured=True)
    spec, dataset, state = trained
    shrunk = prune(spec, dataset, state, plan)
    masked = prune(spec, dataset, state, replace(plan, sparsity=0.0))
    from steepest.compress.tune import _mask, _opened, write_mask

    session = _opened(masked.spec, dataset, state, masked=True)
    write_mask(session, _mask(session, plan, 0.5))
    (measure,) = evaluate(session, session.split.validation)
    assert shrunk.cut.loss == pytest.approx(measure.loss, rel=1e-5)


@pytest.mark.parametrize("schedule", [Iterative(3), Cubic(0.6)])
@pytest.mark.parametrize("structured", [True, False])
def test_gradual_schedules_end_where_one_shot_does(schedule, structured, trained):
    """Gradual cutting leaves as many parameters as cutting at once."""
    method = "l2" if structured else "magnitude"
    plan = Plan(method, 0.5, structured, epochs=4, schedule=schedule)
    gradual = prune(*trained, plan)
    once = prune(*trained, Plan(method, 0.5, structured))
    counts = [
        np.count_nonzero(
            p.state.arrays["params"] if not structured else np.ones_like(p.state.arrays["params"])
        )
        for p in (gradual, once)
    ]
    assert abs(counts[0] - counts[1]) <= 2
    assert len(gradual.epochs) == 4


def test_zero_sparsity_changes_nothing(trained):
    """Sparsity 0 without training gives the run's own measurements."""
    dense = complete(*trained[:2]).measure
    assert prune(*trained, Plan("magnitude", 0.0)).measure.loss == pytest.approx(dense.loss)
    assert prune(*trained, Plan("l1", 0.0, True)).measure.loss == pytest.approx(dense.loss)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (lambda: Plan("magnitude", 1.0), "1 leaves no network"),
        (lambda: Plan("magnitud", 0.5), "unknown method 'magnitud' of unstructured pruning"),
        (lambda: Plan("l1", 0.5), "add --structured"),
        (lambda: Plan("gradient", 0.5, structured=True), "leave out --structured"),
        (lambda: Plan("l1", 0.5, True, scope="layers"), "layer"),
    ],
)
def test_impossible_plans_are_refused(plan, message):
    """One sentence says what is wrong with a plan."""
    with pytest.raises(UsageError, match=message):
        plan()


def test_layer_without_weights_left_is_named(trained):
    """A layer whose weights would all go is refused by name."""
    spec, dataset, state = trained
    params = state.arrays["params"].copy()
    params[: 3 * 3 * 4] *= 1e-9  # the first convolution is worth nothing
    broken = replace(state, arrays=state.arrays | {"params": params})
    with pytest.raises(EmptiedError, match=r"'0.w' would be pruned to nothing"):
        prune(spec, dataset, broken, Plan("magnitude", 0.5))


def test_run_without_validation_is_refused(trained):
    """Without validation examples there is nothing to compare by."""
    spec, dataset, state = trained
    with pytest.raises(UsageError, match="held out no validation examples"):
        prune(replace(spec, validation=0.0), dataset, state, Plan("magnitude", 0.5))


def test_channels_are_not_removed_after_single_weights(trained):
    """Their mask would not follow into smaller tensors."""
    spec, dataset, _ = trained
    sparse = prune(*trained, Plan("magnitude", 0.7))
    with pytest.raises(UsageError, match="remove channels first"):
        prune(sparse.spec, dataset, sparse.state, Plan("l1", 0.25, True))
    assert prune(spec, dataset, sparse.state, Plan("magnitude", 0.8)).cut.loss > 0


def test_a_second_cut_weighs_layers_as_the_first_did():
    """Scores of one layer a hundred times the other's: both lose about as much, cut by cut."""
    found = dependencies(mlp(hidden=(20, 20)), (8, 8, 1), 3)
    scores = np.random.default_rng(0).uniform(0.5, 1.0, found.size)
    scores[list(found.families[1])] *= 100
    first = choose_channels(found, scores, 0.3, "global")
    again = np.where(first, scores, -np.inf)
    second = choose_channels(found, again, 0.6, "global")
    gone = [int((~second[list(family)]).sum()) for family in found.families[:2]]
    assert sum(gone) == 24
    assert abs(gone[0] - gone[1]) <= 6
