"""Pieces of compiled calls do what the whole call does, to the last bit, on one thread and two."""

import ctypes
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from harness import train_steps
from problems import NETS

from steepest.engine import native, native_split
from steepest.engine.native_chain import Entry
from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import (
    BatchNorm,
    Chain,
    Conv2D,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
    zoo,
)
from steepest.nn.arch import Arch
from steepest.optim import SGD, Adam

torch = pytest.importorskip("torch", reason="torch is not installed")
from steepest.engine import torch_team  # noqa: E402 - they need torch
from steepest.engine.torch_engine import TorchEngine  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(native.compiler() is None, reason="no C compiler"),
]
POOLED = Chain(Conv2D(4), BatchNorm(), ReLU(), MaxPool(), Flatten(), Linear("classes"))
CASES = NETS | {"pooling": Arch("pooling", POOLED)}


@pytest.fixture(params=[1, 2])
def _threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("name", CASES)
def test_pieces_change_no_bit_of_a_training(name, monkeypatch):
    """Every chain, pooling, gathering and mask cut into eight, three runs, float32."""
    rules = [Adam(), Adam(lr=0.01), Adam(lr=0.03)]
    whole, losses = train_steps(CASES[name], rules, [0, 1, 2], TorchEngine())
    cut = []
    split = native_split.split_entry

    def counted(entry):
        pieces = split(entry)
        cut.append(len(pieces))
        return pieces

    monkeypatch.setattr(native_split, "LEAST", 1)
    monkeypatch.setattr("steepest.engine.native_seal.split_entry", counted)
    pieces, seen = train_steps(CASES[name], rules, [0, 1, 2], TorchEngine())
    assert max(cut) == native_split.MOST_PIECES
    assert np.array_equal(whole, pieces)
    assert np.array_equal(losses, seen)


def test_products_are_cut_the_same_for_any_number_of_threads(monkeypatch):
    """Forward and both gradients, odd rows and columns: equal bits; equal to whole ones to 1e-5."""
    net = zoo.mlp(hidden=(70, 33))
    whole, _ = train_steps(net, [SGD(lr=0.1)], [0], TorchEngine(), batch=27)
    monkeypatch.setattr(native_split, "PRODUCT_FLOPS", 100.0)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(train_steps(net, [SGD(lr=0.1)], [0], TorchEngine(), batch=27)[0])
    torch.set_num_threads(before)
    assert np.array_equal(*found)
    assert np.abs(found[0] - whole).max() < 1e-5


def test_a_product_is_cut_along_its_longer_side():
    """Columns of an operand and of the result, or rows of them; what is multiplied stays."""
    a, b, c = (np.zeros(shape, np.float32) for shape in ((8, 1000), (1000, 6000), (8, 6000)))
    entry = Entry("gemm_64", (a, b, c, 7), (111, 111, 8, 6000, 1000, 1000, 6000, 6000))
    pieces = native_split.split_entry(entry)
    assert len(pieces) == native_split.PRODUCT_PIECES
    assert [p.sizes for p in pieces] == [(111, 111, 8, 1500, 1000, 1000, 6000, 6000)] * 4
    assert [p.pointers[2].ctypes.data - c.ctypes.data for p in pieces] == [0, 6000, 12000, 18000]
    tall = Entry("gemm_64", (b.T, a.T, c.T, 7), (112, 112, 6000, 8, 1000, 6000, 1000, 8))
    assert [p.sizes[2:5] for p in native_split.split_entry(tall)] == [(1500, 8, 1000)] * 4


def test_large_products_are_cut_into_more_pieces(monkeypatch):
    """As many as their work and their longer side allow, for machines of many threads."""
    a, b, c = (np.zeros(shape, np.float32) for shape in ((64, 10), (10, 30), (64, 30)))
    entry = Entry("gemm_64", (a, b, c, 7), (111, 111, 64, 30, 10, 10, 30, 30))
    assert len(native_split.split_entry(entry)) == 1
    monkeypatch.setattr(native_split, "LARGE_FLOPS", 1.0)
    for side, pieces in ((8, 8), (1, native_split.LARGE_PIECES)):
        monkeypatch.setattr(native_split, "LARGE_SIDE", side)
        found = native_split.split_entry(entry)
        assert len(found) == pieces
        assert sum(p.sizes[2] for p in found) == 64


def test_a_chain_is_cut_along_its_outermost_axis():
    """Pointers move by that axis' strides; an operand that is the same everywhere does not."""
    x, scalar = np.zeros((40, 30), np.float32), np.zeros((), np.float32)
    small = Entry("chain_x", (x, scalar), (1, 40, 30, 0, 30, 0, 0), "source", (1, 0))
    assert native_split.split_entry(small) == [small]
    large = Entry("chain_x", (x, scalar), (1, 40, 1 << 14, 0, 30, 0, 0), "source", (1, 0))
    pieces = native_split.split_entry(large)
    assert [p.sizes[1] for p in pieces] == [5] * 8
    assert [p.pointers[0] - x.ctypes.data for p in pieces] == [k * 5 * 30 * 4 for k in range(8)]
    assert {p.pointers[1] for p in pieces} == {scalar.ctypes.data}


def test_the_team_is_torchs_own():
    """On Linux OpenMP's library is found, and another one that is loaded is not mistaken for it."""
    import sklearn.cluster  # noqa: F401 - brings an OpenMP library of its own

    torch_team.parallel.cache_clear()
    own = [p for p in Path(torch.__file__).parent.rglob("lib*omp*") if p.is_file()]
    if not own or sys.platform != "linux":
        pytest.skip("torch brings no OpenMP library here")
    expected = {ctypes.cast(ctypes.CDLL(str(p)).GOMP_parallel, ctypes.c_void_p).value for p in own}
    assert torch_team.parallel().value in expected


def test_without_a_team_one_thread_does_all_pieces(monkeypatch):
    """The same bits."""
    whole, losses = train_steps(CASES["pooling"], [Adam()], [0], TorchEngine())
    monkeypatch.setattr(native_split, "LEAST", 1)
    monkeypatch.setattr(torch_team, "parallel", ctypes.c_void_p)
    alone, seen = train_steps(CASES["pooling"], [Adam()], [0], TorchEngine())
    assert np.array_equal(whole, alone)
    assert np.array_equal(losses, seen)


@pytest.mark.parametrize("native_kernels", ["auto", "off"])
def test_a_convolution_may_have_one_filter(native_kernels):
    """Float64 and batches of one, where ATen's own way knows no other memory: as NumPy."""
    layers = (Conv2D(3), ReLU(), Conv2D(1), Flatten(), Linear("classes"))
    net = Arch("one", Chain(*layers))
    for batch in (1, 8):
        ours, _ = train_steps(net, [SGD(lr=0.1)], [0], NumpyEngine(np.float64), batch=batch)
        engine = TorchEngine(np.float64, native=native_kernels)
        theirs, _ = train_steps(net, [SGD(lr=0.1)], [0], engine, batch=batch)
        assert np.abs(ours - theirs).max() < 1e-11


def test_threads_side_by_side_leave_blas_its_threads():
    """The limit of one thread is the process's: the last to leave puts back what was there."""
    from threadpoolctl import threadpool_info, threadpool_limits

    def counts():
        return [e["num_threads"] for e in threadpool_info() if e["internal_api"] == "openblas"]

    with threadpool_limits(2, user_api="blas"):
        before = counts()
        works = [
            Thread(target=train_steps, args=(zoo.mlp(hidden=(60,)), [SGD()], [0], TorchEngine()))
            for _ in range(2)
        ]
        for work in works:
            work.start()
        for work in works:
            work.join()
        assert counts() == before
