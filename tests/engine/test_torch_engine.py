"""The torch engine's choices: engine, device, precision, compiled kernels, captured replays."""

import gc
import sys
import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from harness import small_task, train_steps
from problems import NETS, RULE_CASES

from steepest.engine import executor, native
from steepest.engine.choice import make_engine
from steepest.engine.numpy_engine import NumpyEngine
from steepest.errors import UsageError
from steepest.nn import zoo
from steepest.optim import SGD, Adam
from steepest.program import chain
from steepest.spec import RunSpec, from_plain
from steepest.train.step import train_program

torch = pytest.importorskip("torch", reason="torch is not installed")

from steepest.engine import torch_capture, torch_convolution, torch_native  # noqa: E402 - they need torch
from steepest.engine.torch_engine import TorchEngine  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("size", "kernel", "stride", "idle"), [
    (1, 3, 2, [0, 2]), (2, 3, 3, [0]), (4, 3, 2, []), (3, 5, 4, [0, 1]),
])  # fmt: skip
def test_what_only_reads_padding_has_no_gradient(monkeypatch, size, kernel, stride, idle):
    """ATen's bfloat16 kernel leaves it unwritten: here every line is poisoned first."""

    def poison(_mask, _g, _x, dw, _attributes):
        return lambda: (None, torch.full_like(torch_convolution.weights(dw), torch.nan))

    monkeypatch.setattr(torch_convolution, "_backward", poison)
    padding = kernel // 2
    positions = (size + 2 * padding - kernel) // stride + 1
    x, g = torch.ones(1, 2, size, size, 3), torch.ones(1, 2, positions, positions, 4)
    dw = torch.zeros(1, kernel, kernel, 3, 4)
    how = {"stride": stride, "padding": padding, "groups": 1}
    for call, buffers in torch_convolution._conv2d_weight([x, g], [dw], how):
        call(*buffers)
    used = [k for k in range(kernel) if k not in idle]
    zero = torch.ones(kernel, kernel, dtype=torch.bool)
    zero[torch.tensor(used)[:, None], torch.tensor(used)] = False
    assert (dw[0][zero] == 0).all()
    assert dw[0][~zero].isnan().all()


def test_auto_is_decided_by_the_model_before_anything_is_hashed():
    """NumPy for perceptrons, torch for convolutions; a spec never holds "auto"."""
    engines = {m: from_plain({"model": m, "engine": "auto"}).engine for m in ("mlp", "compact_cnn")}
    assert engines == {"mlp": "numpy", "compact_cnn": "torch"}
    assert from_plain({"engine": "auto", "precision": "bfloat16"}).engine == "torch"
    assert from_plain({"engine": "auto"}) == RunSpec()
    assert from_plain({"model": "quizdnn", "engine": "auto"}).plain()["engine"] == "torch"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"device": "cuda"}, "device 'cuda' needs the engine torch or auto, not numpy"),
        ({"precision": "bfloat16"}, "precision 'bfloat16' needs the engine torch or auto"),
        ({"device": "cudda"}, "unknown device 'cudda'; did you mean 'cuda'"),
        ({"precision": "float16"}, "unknown precision 'float16'; did you mean 'bfloat16'"),
    ],
)
def test_what_an_engine_does_not_have_is_told(values, message):
    with pytest.raises(UsageError, match=message):
        from_plain(values)


def test_a_missing_device_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="PyTorch finds no CUDA device"):
        make_engine("torch", device="cuda")


def test_without_torch_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    """For the engine and for a module of the user's own; and "auto" is NumPy then."""
    (tmp_path / "needy_nets.py").write_text(
        "import torch\n\nclass Net(torch.nn.Module):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"pip install 'steepest\[torch\]'"):
        from_plain({"model": "needy_nets:Net"})
    monkeypatch.setattr("steepest.engine.choice.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'steepest\[torch\]'"):
        make_engine("torch")
    monkeypatch.setattr("steepest.spec.find_spec", lambda _: None)
    assert from_plain({"model": "compact_cnn", "engine": "auto"}).engine == "numpy"


@pytest.mark.skipif(native.compiler() is None, reason="no C compiler")
def test_compiled_chains_do_not_change_what_torch_computes():
    """Parameters after 20 steps with and without C: equal to 1e-13 in float64."""
    rules = [Adam(lr=1e-3 * (1 + s)) for s in range(2)]
    for name in NETS:
        engine = TorchEngine(np.float64)
        fast, _ = train_steps(NETS[name], rules, [0, 1], engine)
        plain, _ = train_steps(NETS[name], rules, [0, 1], TorchEngine(np.float64, native="off"))
        assert np.abs(fast - plain).max() < 1e-13
    bound = len(engine.seal([[]]))
    assert bound == 1


@pytest.mark.parametrize("native_kernels", ["auto", "off"])
def test_single_examples_update_by_rank_one(native_kernels):
    """Batch 1, where outer products are updated in one pass: equal to NumPy's to 1e-13."""
    ours, _ = train_steps(
        NETS["mlp"], [SGD(), SGD(lr=0.1)], [0, 1], NumpyEngine(np.float64), batch=1
    )
    engine = TorchEngine(np.float64, native=native_kernels)
    theirs, _ = train_steps(NETS["mlp"], [SGD(), SGD(lr=0.1)], [0, 1], engine, batch=1)
    assert np.abs(ours - theirs).max() < 1e-13


def test_bfloat16_products_keep_float32_parameters():
    """Losses within 5 % of float32's over 20 steps, parameters float32 and moved by less."""
    exact, losses = train_steps(NETS["mlp"], [SGD(lr=0.1)], [0], TorchEngine())
    rounded, seen = train_steps(NETS["mlp"], [SGD(lr=0.1)], [0], TorchEngine("bfloat16"))
    assert rounded.dtype == np.float32
    assert 0 < np.abs(seen / losses - 1).max() < 0.05
    assert 0 < np.abs(rounded - exact).max() < 0.01


def test_a_replay_is_not_captured_where_it_cannot_be():
    """On the CPU, for nothing, and where a user's own code asks the host: with the reason."""
    from steepest.engine.torch_module import _step

    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    call = (lambda: None, ())
    code, note = torch_capture.capture([call], cpu)
    assert code == [call]
    assert "not on 'cpu'" in note
    assert "nothing" in torch_capture.reason([], cuda)
    assert "user's own" in torch_capture.reason([call, (_step, ())], cuda)
    assert torch_capture.reason([call], cuda) == ""


class _Stand:
    """Stands for CUDA: streams and graphs that do nothing but count."""

    def __init__(self, fails):
        self.fails, self.captured, self.replayed = fails, 0, 0

    def graph(self, _, pool):
        assert pool == "pool"
        outer = self

        class Held:
            def __enter__(self):
                outer.captured += 1
                if outer.fails:
                    raise RuntimeError("operation not permitted\nwhen capturing")

            def __exit__(self, *_):
                return False

        return Held()


@pytest.mark.parametrize("fails", [False, True])
def test_every_replay_counts_once_while_graphs_are_made(fails, monkeypatch):
    """Warm runs, the capture and launches make one step each; a failed capture goes on plainly."""
    stand, steps = _Stand(fails), []

    class Graph:
        def replay(self):
            steps.append("graph")

    captured = torch_capture.Captured([(lambda: steps.append("kernel"), ())], None)
    monkeypatch.setattr(captured, "_aside", captured._run)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", stand.graph)
    anchor = SimpleNamespace(pool=lambda: "pool")
    monkeypatch.setattr(torch_capture, "_anchor", lambda _: anchor)
    told = pytest.warns(RuntimeWarning, match="no graph") if fails else nullcontext()
    with told:
        for _ in range(5):
            captured()
    warm = ["kernel"] * torch_capture.WARM
    if fails:
        assert steps == ["kernel"] * 5
        assert captured.note == "operation not permitted"
    else:
        assert steps == [*warm, "kernel", "graph", "graph"]  # this stand records by running
    assert stand.captured == 1


COMPILER = pytest.mark.skipif(native.compiler() is None, reason="no C compiler on this machine")


@COMPILER
@pytest.mark.parametrize("name", NETS)
def test_compiled_engines_give_the_same_bits_on_small_nets(name):
    """Products this small are the NumPy engine's own calls, like all else: float32, three runs."""
    rules = [Adam(), Adam(lr=0.01), Adam(lr=0.03)]
    ours, losses = train_steps(NETS[name], rules, [0, 1, 2], NumpyEngine())
    theirs, seen = train_steps(NETS[name], rules, [0, 1, 2], TorchEngine())
    assert np.array_equal(ours, theirs)
    assert np.array_equal(losses, seen)


@COMPILER
def test_large_products_stay_with_aten(monkeypatch):
    """The limit is in floating-point operations of one run's product."""
    task = small_task(zoo.mlp(hidden=(12,)), 2)
    program = train_program(task, [SGD()] * 2, 8)
    counts = []
    for limit in (torch_native.SMALL, 0):
        monkeypatch.setattr(torch_native, "most_flops", lambda limit=limit: limit)
        bound = executor.bind_programs({"train": program}, TorchEngine(native="auto"), {})
        counts.append(len(bound["train"].code))
    assert counts[0] < counts[1]


class _Elsewhere(TorchEngine):
    """The torch engine as it is on a GPU, in the memory of the CPU."""

    def __init__(self, dtype):
        super().__init__(dtype, native="off")
        self.on_host = False


@pytest.mark.parametrize("rule", RULE_CASES)
def test_chains_on_whole_arrays_equal_chains_in_blocks(rule, monkeypatch):
    """What a GPU is given: one kernel an instruction for all runs, whatever their size."""
    monkeypatch.setattr(chain, "SMALLEST", 1)
    monkeypatch.setattr(chain, "BLOCK", 64)
    monkeypatch.setattr(executor, "BLOCK", 64)
    rules = [RULE_CASES[rule]] * 3
    ours, losses = train_steps(NETS["mlp"], rules, [0, 1, 2], TorchEngine(np.float64, native="off"))
    theirs, seen = train_steps(NETS["mlp"], rules, [0, 1, 2], _Elsewhere(np.float64))
    assert np.array_equal(ours, theirs)
    assert np.array_equal(losses, seen)


def test_a_gpu_is_not_given_blocks():
    """The kernels of an update do not grow with the number of runs or parameters."""
    counts = []
    for runs, width in ((1, 900), (3, 900), (3, 2000)):
        task = small_task(zoo.mlp(hidden=(width, 60)), runs)
        program = train_program(task, [Adam()] * runs, 8)
        bound = executor.bind_programs({"train": program}, _Elsewhere(np.float32), {})
        counts.append(len(bound["train"].code))
    assert len(set(counts)) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_equals_the_cpu():
    """Captured replays on the device: parameters equal to 1e-10 in float64."""
    rules = [Adam(), Adam(lr=0.01)]
    for name in NETS:
        ours, losses = train_steps(NETS[name], rules, [0, 1], TorchEngine(np.float64))
        engine = TorchEngine(np.float64, "cuda")
        theirs, seen = train_steps(NETS[name], rules, [0, 1], engine)
        assert engine.capture_notes == [""]
        assert np.abs(ours - theirs).max() < 1e-10
        assert np.abs(losses - seen).max() < 1e-10


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_graphs_are_captured_after_all_others_were_freed():
    """Their common memory outlives every one of them; a capture that fails would warn."""
    for _ in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train_steps(NETS["mlp"], [Adam()], [0], TorchEngine(np.float32, "cuda"))
        gc.collect()


def test_a_value_is_rounded_once_for_all_its_readers():
    """Hidden activations and gradients have two readers each."""
    task = small_task(zoo.mlp(hidden=(12,)), 1)
    engine = TorchEngine("bfloat16")
    bound = executor.bind_programs({"train": train_program(task, [SGD()], 8)}, engine, {})["train"]
    products = [x for x in bound.program.instructions if x.primitive.name == "matmul"]
    values = {i for x in products for i in x.args}
    rounded = [kernel for kernel, _ in bound.code if _is_rounding(kernel)]
    assert len(rounded) == len(values) < sum(len(x.args) for x in products)


def _is_rounding(kernel):
    """Tell whether a call copies into bfloat16."""
    target = getattr(kernel, "__self__", None)
    return isinstance(target, torch.Tensor) and target.dtype == torch.bfloat16
