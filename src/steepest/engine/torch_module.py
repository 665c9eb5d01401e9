"""Kernels that ask a user's own PyTorch code: modules by `torch.autograd`, optimizers by `step`.

Law: before each call everything the code may read is set from the run's memory, and torch's global
generator is seeded by (run, step) and put back afterwards. So a module has no state between steps
but what the run saves. `torch.autograd`'s record of a forward pass is kept until the backward pass
of the same replay, which is the one exception to kernels that keep nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from steepest.engine.protocol import Call
from steepest.nn.torch_layer import Origin
from steepest.optim.torch_rule import Memory

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]


def _owner(module: Any, name: str) -> tuple[Any, str]:
    path, _, last = name.rpartition(".")
    return module.get_submodule(path), last


def _point(module: Any, origin: Origin, leaves: list[Any]) -> None:
    """Make parameters views of the run's memory, and buffers copies of it."""
    for each, own in zip(origin.about.state, leaves, strict=True):
        owner, last = _owner(module, each.name)
        held = getattr(owner, last)
        if each.trained:
            if held.data_ptr() != own.data_ptr():
                held.data = own[0]
        elif isinstance(held, torch.nn.Parameter):
            held.data.copy_(own[0])
        else:
            owner._buffers[last] = own[0].to(held.dtype, copy=True)  # noqa: SLF001 - torch's own


def _batch(x: Any) -> Any:
    """Return examples as modules take them; whole copies, so that `view` works on them."""
    rows = x[0].detach()
    shown = rows.permute(0, 3, 1, 2) if rows.dim() == 4 else rows
    return shown.clone(memory_format=torch.contiguous_format)


def _seed(key: Any) -> int:
    high, low = (int(word) & 0xFFFFFFFF for word in key[0].tolist())
    return high << 32 | low


def _module(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    origin: Origin = attributes["origin"]
    count = len(origin.about.state)
    x, leaves, key = args[0], args[1 : count + 1], args[count + 1 :]
    module = origin.module(x)
    kernel = _train if key else _evaluate
    return [(kernel, (module, origin, x, leaves, (outs, *key)))]


def _evaluate(module: Any, origin: Origin, x: Any, leaves: list[Any], rest: Any) -> None:
    _point(module, origin, leaves)
    module.eval()
    with torch.no_grad():
        rest[0][0].copy_(module(_batch(x)).unsqueeze(0))


def _train(module: Any, origin: Origin, x: Any, leaves: list[Any], rest: Any) -> None:
    outs, key = rest
    _point(module, origin, leaves)
    module.train()
    devices = [x.device] if x.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        torch.manual_seed(_seed(key))
        origin.graph = module(_batch(x))
    outs[0].copy_(origin.graph.detach().unsqueeze(0))
    for each, new in zip(origin.about.state[origin.about.trained :], outs[1:], strict=True):
        owner, last = _owner(module, each.name)
        new.copy_(getattr(owner, last).detach().unsqueeze(0))


def _module_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    origin: Origin = attributes["origin"]
    module = origin.module(args[0])
    named = dict(module.named_parameters())
    trained = [named[each.name] for each in origin.about.state[: origin.about.trained]]
    return [(_gradient, (origin, trained, args[0], outs))]


def _gradient(origin: Origin, trained: list[Any], g: Any, outs: list[Any]) -> None:
    graph, origin.graph = origin.graph, None
    found = torch.autograd.grad(graph, trained, g[0], allow_unused=True)
    for one, out in zip(found, outs, strict=True):
        if one is None:
            out.zero_()
        else:
            out.copy_(one.unsqueeze(0))


def _optimizer(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    memory: Memory = attributes["memory"]
    return [(_step, (memory, *args, outs[0]))]


def _step(memory: Memory, p: Any, g: Any, lr: Any, out: Any) -> None:
    memory.flat.copy_(p[0])
    memory.gradient.copy_(g[0])
    # the shortest number that rounds to the float32 given is the rate as it was written
    memory.step(float(str(np.float32(lr.item()))) if lr.dtype == torch.float32 else lr.item())
    out[0].copy_(memory.flat)


MODULE_KERNELS: dict[str, Kernel] = {
    "torch_module": _module,
    "torch_module_grad": _module_grad,
    "torch_optimizer": _optimizer,
}
HOSTED = (_evaluate, _train, _gradient, _step)


def asks_host(kernel: Any) -> bool:
    """Tell whether a call runs a user's own code, which a graph cannot hold."""
    return kernel in HOSTED
