from dataclasses import replace

import numpy as np
import pytest
from blots import SPEC, blots

from steepest.compress.criterion import gradient, prunable, score_channels, score_weights
from steepest.compress.decision import choose_channels
from steepest.compress.dependency import dependencies
from steepest.compress.mask import analyse, make_mask
from steepest.errors import UsageError
from steepest.nn.arch import named_arrays
from steepest.train.evaluate import evaluate
from steepest.train.session import open_session, read_state, write_state
from steepest.train.state import State

SMALL = replace(SPEC, precision="float64", batch_size="full")


@pytest.fixture(scope="module")
def session():
    """Return a session at its initial weights, in float64, one batch an epoch."""
    return open_session([SMALL], blots())


def test_gradient_is_that_of_the_training_loss(session):
    """Against central differences of the loss on the training split, along drawn directions."""
    found = gradient(session)
    start = read_state(session, 0).arrays["params"]
    for seed in range(2):
        way = np.random.default_rng(seed).standard_normal(len(start))
        way /= np.linalg.norm(way)
        ends = []
        for sign in (-1, 1):
            write_state(session, State(0, {"params": start + sign * 1e-5 * way}))
            ends.append(evaluate(session, session.split.train)[0].loss)
        write_state(session, State(0, {"params": start}))
        assert (ends[1] - ends[0]) / 2e-5 == pytest.approx(found @ way, rel=1e-4, abs=1e-8)


def test_weight_scores_follow_their_formulas(session):
    """|w| and |g w|; random scores depend on the seed alone."""
    w = read_state(session, 0).arrays["params"]
    assert np.array_equal(score_weights(session, "magnitude"), np.abs(w))
    assert np.allclose(score_weights(session, "gradient"), np.abs(w * gradient(session)))
    once, again = (score_weights(session, "random") for _ in range(2))
    assert np.array_equal(once, again)


def test_channel_scores_follow_their_formulas(session):
    """Norms of the weights that make a channel; (g w)² summed for Taylor."""
    task = session.task
    found = dependencies(task.arch, task.shape, task.classes)
    w = read_state(session, 0).arrays["params"]
    leaves = task.declared.leaves
    kernel = named_arrays(leaves, w)["3.w"]
    slope = named_arrays(leaves, gradient(session))["3.w"]
    groups = found.outputs["3"]
    expected = {
        "l1": np.abs(kernel).sum((0, 1, 2)),
        "l2": np.sqrt((kernel**2).sum((0, 1, 2))),
        "taylor": ((kernel * slope) ** 2).sum((0, 1, 2)),
    }
    for method, values in expected.items():
        assert np.allclose(score_channels(session, found, method)[groups], values)


def test_gains_are_needed_where_they_score(session):
    """A layer without normalization is named."""
    task = session.task
    found = dependencies(task.arch, task.shape, task.classes)
    with pytest.raises(UsageError, match="needs a normalization behind every layer; '17' has none"):
        score_channels(session, found, "batchnorm")


def test_layer_scope_prunes_every_layer_alike(session):
    """Within layers each loses floor(s n); globally only the total is set."""
    spans, scores = prunable(session), score_weights(session, "magnitude")
    alike = analyse(make_mask(scores, spans, 0.6, "layer"), spans)
    assert [p.nonzero for p in alike] == [p.size - int(0.6 * p.size) for p in alike]
    whole = analyse(make_mask(scores, spans, 0.6), spans)
    size = sum(p.size for p in whole)
    assert sum(p.nonzero for p in whole) == size - int(0.6 * size)
    assert max(p.sparsity for p in whole) - min(p.sparsity for p in whole) > 0.1


def test_global_choice_of_channels_compares_families(session):
    """A family whose scores are all alike loses nothing to one with a worthless channel."""
    task = session.task
    found = dependencies(task.arch, task.shape, task.classes)
    scores = np.ones(found.size)
    worthless = [found.families[0][0], found.families[1][2]]
    scores[worthless] = 0.01
    keep = choose_channels(found, scores, 2 / len(found.free), "global")
    assert np.flatnonzero(~keep).tolist() == sorted(worthless)


def test_network_without_free_channels_is_told():
    """A linear classifier has nothing to shrink."""
    found = dependencies(replace(SPEC, model="mlp(hidden=())").arch, (8, 8, 1), 3)
    with pytest.raises(UsageError, match="no channels that may be removed"):
        choose_channels(found, np.ones(found.size), 0.5)
