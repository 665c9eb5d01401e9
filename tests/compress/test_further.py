"""What was pruned is a network like any other: it trains, resumes, and batches."""

from dataclasses import replace

import numpy as np
import pytest
from blots import SPEC, blots

from steepest.compress.tune import Plan, prune
from steepest.spec import from_plain
from steepest.train.finish import complete
from steepest.train.loop import train, train_session
from steepest.train.session import open_session, read_state


@pytest.fixture(scope="module")
def small():
    """Return the spec of a network with half the channels."""
    dataset = blots()
    state = complete(SPEC, dataset).last
    return replace(prune(SPEC, dataset, state, Plan("l1", 0.5, structured=True)).spec, epochs=2)


def test_pruned_network_survives_plain_values(small):
    """The spec of a pruned network is read back from JSON values as it was."""
    assert from_plain(small.plain()) == small


def test_pruned_network_resumes_to_the_same_bits(small):
    """Stopped after an epoch and resumed, it ends where an uninterrupted run does."""
    dataset = blots()
    states = [read_state(session, epoch.epoch) for epoch, session in train(small, dataset)]
    (_, session), *_ = train(small, dataset, state=states[0])
    assert np.array_equal(read_state(session, 2).arrays["params"], states[1].arrays["params"])


@pytest.mark.parametrize("masked", [False, True])
def test_pruned_networks_batch_to_the_same_bits(small, masked):
    """Two runs in one program equal two programs, behind masks too."""
    dataset, specs = blots(), [small, replace(small, seed=1)]

    def trained(group):
        session = open_session(group, dataset, masked=masked)
        if masked:
            half = np.arange(session.task.declared.size) % 2
            for name in ("mask", "params"):
                session.engine.write(
                    session.shared[name],
                    half * np.array(session.engine.numpy(session.shared[name])),
                )
        list(train_session(session))
        return [read_state(session, 2, r).arrays["params"] for r in range(len(group))]

    both = trained(specs)
    assert all(np.array_equal(a, trained([s])[0]) for a, s in zip(both, specs, strict=True))
