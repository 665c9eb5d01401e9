"""PyTorch: the lowered network as a module in plain source, its weights in a safetensors file.

No pickle is written: whoever receives the two files can read what they do. Convolution weights
are stored as PyTorch has them (out, in, h, w); the module takes (N, H, W, C) as the network does.
"""

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.train.lowering import Forward, Operation

Array = np.ndarray[Any, Any]
BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@"}
CALLED = {
    "exp": "exp", "log": "log", "sqrt": "sqrt", "square": "square", "tanh": "tanh",
    "sigmoid": "sigmoid", "erf": "erf", "absolute": "abs", "sign": "sign", "maximum": "maximum",
    "minimum": "minimum", "relu": "relu", "neg": "neg",
}  # fmt: skip
TEMPLATE = '''"""A network exported by steepest: evaluation mode, input (batch, {shape}) to logits.

    net = Network("{weights}")
    logits = net(x)  # float32, in the data's own units (images: 0 to 255, channels last)
"""

import torch
from safetensors.torch import load_file
from torch.nn import functional


class Network(torch.nn.Module):
    """Normalizations are folded into constants; all constants are parameters."""

    def __init__(self, weights: str) -> None:
        super().__init__()
        self.names = {names}
        for name, tensor in load_file(weights).items():
            self.register_parameter(self.names[name], torch.nn.Parameter(tensor))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
{lines}
        return {output}
'''


def _shape(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _conv(args: list[str], a: dict[str, Any]) -> str:
    x, w, *b = args
    bias = b[0] if b else "None"
    how = f"stride={a['stride']}, padding={a['padding']}, groups={a['groups']}"
    return f"functional.conv2d({x}.permute(0, 3, 1, 2), {w}, {bias}, {how}).permute(0, 2, 3, 1)"


def _pool(name: str) -> Callable[[list[str], dict[str, Any]], str]:
    return lambda args, a: (
        f"functional.{name}({args[0]}.permute(0, 3, 1, 2), {a['window']}, {a['stride']})"
        ".permute(0, 2, 3, 1)"
    )


def _reduce(name: str) -> Callable[[list[str], dict[str, Any]], str]:
    return lambda args, a: f"{args[0]}.{name}(dim={a['axes']}, keepdim={a['keepdims']})"


def _normalize(args: list[str], a: dict[str, Any]) -> str:
    x, gain, shift = args
    mean = f"{x}.mean(dim={a['axes']}, keepdim=True)"
    variance = f"{x}.var(dim={a['axes']}, correction=0, keepdim=True)"
    return f"({x} - {mean}) / torch.sqrt({variance} + {a['eps']}) * {gain} + {shift}"


def _pad(args: list[str], a: dict[str, Any]) -> str:
    # torch counts axes from the last; ours are those of (N, H, W, C) or (N, features)
    return f"_padded({args[0]}, {a['axis']}, {a['before']}, {a['after']})"


PADDED = '''

def _padded(x: torch.Tensor, axis: int, before: int, after: int) -> torch.Tensor:
    """Return x with zeros before and after along one axis."""
    ends = [0, 0] * (x.dim() - 1 - axis) + [before, after]
    return functional.pad(x, ends)
'''
WRITERS: dict[str, Callable[[list[str], dict[str, Any]], str]] = {
    "conv2d": _conv,
    "max_pool": _pool("max_pool2d"),
    "avg_pool": _pool("avg_pool2d"),
    "sum": _reduce("sum"),
    "max": _reduce("amax"),
    "normalize": _normalize,
    "pad": _pad,
    "reshape": lambda x, a: f"{x[0]}.reshape({_shape(a['shape'])})",
    "broadcast": lambda x, a: f"{x[0]}.expand({_shape(a['shape'])})",
    "transpose": lambda x, a: f"{x[0]}.permute({_shape(a['axes'])})",
    "part": lambda x, a: f"{x[0]}.narrow({a['axis']}, {a['start']}, {a['stop'] - a['start']})",
    "concat": lambda x, a: f"torch.cat([{', '.join(x)}], dim={a['axis']})",
    "power": lambda x, a: f"{x[0]} ** {a['exponent']}",
    "greater": lambda x, _: f"({x[0]} > {x[1]}).float()",
    "where": lambda x, _: f"torch.where({x[0]} != 0, {x[1]}, {x[2]})",
}


def torch_source(forward: Forward, weights: str) -> tuple[str, dict[str, Array]]:
    """Return the module's source and its tensors; `weights` is the file that will hold them."""
    kernels = {o.args[1] for o in forward.operations if o.primitive == "conv2d"}
    tensors = {
        n: np.ascontiguousarray(a.transpose(3, 2, 0, 1) if n in kernels else a)
        for n, a in forward.constants.items()
    }
    names = {n: "_" + n.replace(".", "_") for n in tensors}
    known = {n: f"self.{attribute}" for n, attribute in names.items()}
    lines = [f"        {o.out} = {_line(o, known)}" for o in forward.operations]
    source = TEMPLATE.format(
        shape=_shape(forward.shape), weights=weights, names=json.dumps(names, indent=4),
        lines="\n".join(lines), output=forward.output,
    )  # fmt: skip
    return (source + PADDED if "_padded(" in source else source), tensors


def _line(o: Operation, known: dict[str, str]) -> str:
    args = [known.get(n, n) for n in o.args]
    if o.primitive in BINARY and not any(o.attributes.values()):
        return f"{args[0]} {BINARY[o.primitive]} {args[1]}"
    if o.primitive in CALLED:
        return f"torch.{CALLED[o.primitive]}({', '.join(args)})"
    if o.primitive not in WRITERS:
        raise UsageError(f"'{o.primitive}' has no form in PyTorch here")
    return WRITERS[o.primitive](args, o.attributes)


def load_source(path: Path, weights: Path) -> Any:
    """Return the module of an exported source file, in evaluation mode."""
    spec = spec_from_file_location("exported_network", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"'{path}' is no Python source")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Network(str(weights)).eval()
