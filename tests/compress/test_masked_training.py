import dataclasses

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.optim import RULES
from steepest.seeds import stream
from steepest.spec import RunSpec
from steepest.train.finish import complete
from steepest.train.loop import train
from steepest.train.session import open_session, read_state
from steepest.train.state import State

SPEC = RunSpec(data="small", model="mlp(hidden=(8,))", optimizer="adam", epochs=2)


def small():
    """Return 100 examples of two classes."""
    x = stream(0, "x").standard_normal((100, 6))
    return from_arrays("small", x, (x.sum(axis=1) > 0).astype(int))


def masked_start(spec, dataset):
    """Return a State of initial weights, half of them masked."""
    start = read_state(open_session([spec], dataset), 0)
    mask = stream(0, "mask").integers(2, size=start.arrays["params"].shape).astype(np.float32)
    return State(0, {"params": start.arrays["params"] * mask, "mask": mask})


@pytest.mark.parametrize("rule", sorted(RULES))
def test_masked_weights_stay_zero_whatever_the_rule(rule):
    """No slot, decay or penalty revives a weight behind the mask; the others move."""
    spec = dataclasses.replace(SPEC, optimizer=rule, epochs=1, l2=1e-3)
    dataset = small()
    start = masked_start(spec, dataset)
    found = complete(spec, dataset, state=start).last.arrays
    assert (found["params"][start.arrays["mask"] == 0] == 0).all()
    assert (found["params"] != start.arrays["params"]).any()


def test_masked_run_resumes_to_the_same_bits():
    """A masked run stopped after an epoch and resumed equals one that went on."""
    dataset = small()
    start = masked_start(SPEC, dataset)
    states = [read_state(s, e.epoch) for e, s in train(SPEC, dataset, state=start)]
    (_, session), *_ = train(SPEC, dataset, state=states[0])
    assert np.array_equal(read_state(session, 2).arrays["params"], states[1].arrays["params"])
    assert np.array_equal(states[0].arrays["mask"], start.arrays["mask"])


def test_mask_of_ones_changes_no_bit():
    """A masked session that masks nothing trains as an ordinary one."""
    dataset = small()
    plain = complete(SPEC, dataset).last.arrays["params"]
    start = read_state(open_session([SPEC], dataset, masked=True), 0)
    assert np.array_equal(complete(SPEC, dataset, state=start).last.arrays["params"], plain)
