"""A user's own modules and optimizers: trained as the user would, resumed, compared, identified."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import foreign  # noqa: E402 - it needs torch

from steepest.data import from_arrays  # noqa: E402
from steepest.errors import UsageError  # noqa: E402
from steepest.identity import run_key  # noqa: E402
from steepest.nn.torch_layer import TorchModule  # noqa: E402
from steepest.seeds import stream  # noqa: E402
from steepest.spec import RunSpec, from_plain  # noqa: E402
from steepest.train.finish import complete, evaluate_test  # noqa: E402
from steepest.train.loop import train  # noqa: E402
from steepest.train.model import Model  # noqa: E402
from steepest.train.session import epoch_tables, open_session, read_state  # noqa: E402
from steepest.train.state import State, load_arrays, save_arrays  # noqa: E402

pytestmark = pytest.mark.torch
NET = "foreign:Net"
MIXES = {
    "their module, our rule": {"model": NET, "optimizer": "adamw(lr=0.02)"},
    "their module, their optimizer": {"model": NET, "optimizer": "foreign:HeavyBall"},
    "their module, torch's Adam": {"model": NET, "optimizer": "torch.optim:Adam(lr=0.01)"},
    "our net, their optimizer": {"model": "mlp(hidden=(5,))", "optimizer": "foreign:HeavyBall"},
    "their lazy module, our rule": {"model": "foreign:Lazy", "optimizer": "adam(lr=0.02)"},
    "their factory, our rule": {"model": "foreign:perceptron", "optimizer": "nadam(lr=0.02)"},
}


@pytest.fixture(scope="module")
def points():
    """Three classes of 4 features: 90 training and 30 test examples."""
    generator = stream(5, "points")
    y = np.arange(120) % 3
    centres = np.array([[2, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]], np.float32)
    x = (centres[y] + 0.5 * generator.standard_normal((120, 4))).astype(np.float32)
    return from_arrays("points", x[:90], y[:90], (x[90:], y[90:]), ("a", "b", "c"))


def _spec(**values):
    return from_plain({"model": NET, "epochs": 4, "batch_size": 16, "normalize": False} | values)


def _equal(a, b):
    assert a.arrays.keys() == b.arrays.keys()
    return all(a.arrays[n].tobytes() == b.arrays[n].tobytes() for n in a.arrays)


@pytest.mark.parametrize("mix", MIXES)
def test_every_mix_learns_and_repeats_to_the_bit(points, mix):
    """Ours and theirs in all combinations; dropout and initial values follow the run's seed."""
    spec = _spec(**MIXES[mix], epochs=12)
    torch.manual_seed(1)
    first = complete(spec, points)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = complete(spec, points)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.rows[-1]["train_loss"] < 0.8 * first.rows[0]["train_loss"]
    assert first.measure.accuracy > 0.5
    assert evaluate_test(first).accuracy > 0.5
    assert _equal(first.last, again.last)
    assert spec.engine == "torch"
    other = complete(_spec(**MIXES[mix], seed=1, epochs=1), points)
    assert not np.array_equal(other.last.arrays["params"], first.last.arrays["params"])


@pytest.mark.parametrize("mix", MIXES)
def test_a_resumed_run_equals_an_uninterrupted_one(points, mix, tmp_path):
    """Parameters, buffers and the optimizer's memory pass through a safetensors file, no pickle."""
    spec = _spec(**MIXES[mix])
    states = [read_state(session, epoch.epoch) for epoch, session in train(spec, points)]
    path = tmp_path / "half.safetensors"
    save_arrays(path, states[1].arrays, {"epoch": 2})
    arrays, about = load_arrays(path)
    *_, (epoch, session) = train(spec, points, state=State(about["epoch"], arrays))
    assert epoch.epoch == 4
    assert _equal(read_state(session, 4), states[-1])


def test_a_plain_loop_gives_the_same_parameters(points):
    """The user's own loop over the same batches: module, dropout masks, torch's Adam, 2 epochs."""
    spec = _spec(optimizer="torch.optim:Adam(lr=0.01)", epochs=2)
    *_, (_, session) = train(spec, points)
    net = foreign.Net(3)
    fresh = open_session([spec], points)
    tables = epoch_tables(fresh, 0)
    layer = fresh.task.arch.root
    named = {each.leaf: each.name for each in layer.origin((4,), 3).about.state}
    start = _named(fresh, named)
    net.load_state_dict({n: torch.from_numpy(a) for n, a in start.items()}, strict=False)
    net.train()
    weights = [net.first.weight, net.last.weight]
    rest = [p for p in net.parameters() if p.requires_grad and all(p is not w for w in weights)]
    optimizer = torch.optim.Adam([*weights, *rest], lr=0.01)
    for epoch in range(2):
        tables = epoch_tables(fresh, epoch)
        for step in range(fresh.steps):
            rows = tables["order"][0, step * 16 : (step + 1) * 16]
            high, low = (int(word) for word in tables["key"][step, 0])
            torch.manual_seed(high << 32 | low)
            optimizer.zero_grad()
            y = net(torch.from_numpy(points.x[rows]))
            torch.nn.functional.cross_entropy(y, torch.from_numpy(points.y[rows])).backward()
            optimizer.step()
    ours = _named(session, named)
    for name, theirs in net.state_dict().items():
        assert np.abs(ours[name] - theirs.numpy()).max() < 2e-6, name


def _named(session, names):
    """Return parameters and buffers of a session by their names in the module."""
    from steepest.nn.arch import named_arrays

    state = read_state(session, 0).arrays
    found = named_arrays(session.task.declared.leaves, state["params"])
    found |= {k.removeprefix("stat."): v for k, v in state.items() if k.startswith("stat.")}
    return {names[leaf]: np.array(a) for leaf, a in found.items()}


def test_images_reach_the_module_with_channels_first():
    """(N, 5, 6, 2) bytes become (N, 2, 5, 6) reals in [0, 1]."""
    generator = stream(0, "images")
    x = generator.integers(0, 256, (40, 5, 6, 2)).astype(np.uint8)
    images = from_arrays("images", x, np.arange(40) % 3, (x[:0], np.zeros(0, int)))
    *_, (epoch, _) = train(_spec(model="foreign:Image", epochs=1), images)
    assert np.isfinite(epoch.validation.loss)


def test_weights_decay_and_vectors_do_not(points):
    """Matrices are `w`, the decayed prefix; their optimizer gets the rest without decay."""
    declared = _spec().arch.declare((4,), 3)
    roles = {leaf.name: leaf.is_decayed for leaf in declared.leaves}
    assert roles == {
        "first.w": True, "norm.gain": False, "norm.b": False,
        "last.w": True, "last.b": False,
    }  # fmt: skip
    assert [leaf.name for leaf in declared.statistics] == [
        "scale", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked",
    ]  # fmt: skip
    spec = _spec(optimizer="foreign:HeavyBall(weight_decay=0.1)")
    groups = open_session([spec], points).memory.optimizer.param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert [len(g["params"]) for g in groups] == [2, 3]


def test_the_schedule_reaches_their_optimizer(points):
    spec = _spec(optimizer="foreign:HeavyBall", schedule="step(every=1,gamma=0.5)", lr=0.04)
    rates = []
    for _, session in train(spec, points):
        rates.append(session.memory.optimizer.param_groups[0]["lr"])
    assert rates == [0.04, 0.02, 0.01, 0.005]


def test_objects_are_taken_where_names_are(points):
    """`Model` takes a class and a module that has weights; fit goes on from those."""
    by_class = Model(foreign.Net)
    assert by_class.part.name == NET
    module = torch.nn.Sequential(torch.nn.Linear(4, 3))
    weights = module[0].weight.detach().numpy().copy()
    model = Model(module)
    history = model.fit(points.x, points.y, optimizer=foreign.HeavyBall, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert np.array_equal(module[0].weight.detach().numpy(), weights)
    assert model.evaluate(points.test_x, points.test_y)["accuracy"] > 0.5
    assert model.predict(points.test_x).shape == (30, 3)
    assert RunSpec(model=foreign.Net).model.name == NET


def test_a_source_edit_makes_a_new_key(tmp_path, monkeypatch):
    """The digest of the file that holds the class is part of the run's identity."""
    import importlib

    source = "from torch import nn\n\nclass Net(nn.Linear):\n    pass\n"
    path = tmp_path / "edited_nets.py"
    path.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    spec = from_plain({"model": "edited_nets:Net(in_features=4, out_features=3)"})
    before = run_key(spec, "0" * 64)
    assert run_key(spec, "0" * 64) == before
    path.write_text(source + "# changed\n")
    importlib.invalidate_caches()
    assert run_key(spec, "0" * 64) != before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "foreign:Nett"}, "has no 'Nett'; did you mean 'Net'"),
        ({"model": "foreign:Net(hiden=3)"}, "no option 'hiden'; did you mean 'hidden'"),
        ({"optimizer": "foreign:Searching"}, "a closure"),
        ({"optimizer": "foreign:HeavyBall(beta=1)"}, "no option 'beta'"),
        ({"optimizer": "torch.optim:Nothing"}, "has no 'Nothing'"),
    ],
)
def test_mistakes_are_told_in_one_sentence(values, message):
    with pytest.raises(UsageError, match=message) as caught:
        _spec(**values)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_trained_is_told(points):
    """Two outputs, a wrong input shape, two runs in one program."""
    with pytest.raises(UsageError, match="must return one tensor"):
        open_session([_spec(model="foreign:Wrong")], points)
    with pytest.raises(UsageError, match="does not take inputs of"):
        open_session([_spec(model="foreign:Image")], points)
    with pytest.raises(UsageError, match="one run at a time"):
        open_session([_spec(), _spec(seed=1)], points)


def test_the_layer_costs_what_torch_counts():
    """Forward FLOPs are torch's own count of the matrix products."""
    layer = TorchModule(foreign.Net)
    assert layer.origin((4,), 3).about.flops == 2 * (4 * 8 + 8 * 3)


def test_a_study_compares_optimizers_on_a_users_module(tmp_path):
    """Ours, the user's and torch's on `Flat`: tuned, tested, stored as all others are."""
    import study_case

    arms = ("adam", "foreign:HeavyBall", "torch.optim:NAdam")
    base = {"model": "foreign:Flat", "epochs": 1}
    study = study_case.make(*arms, base=base)
    steps, found = study_case.conduct(study, tmp_path)
    assert study_case.executed(steps) == 12
    assert {place[0] for place in found} == set(arms)
    assert all(run[1] == "finished" for run in found.values())
    assert len({run[0] for run in found.values()}) == 12
