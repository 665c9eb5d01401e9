"""ONNX: the lowered network as a graph of standard operators (opset 18), any batch.

Convolution and pooling are channels-first in ONNX, so each stands between two transpositions;
runtimes move these through the graph and cancel them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.train.lowering import BATCH, Forward, Operation

Array = np.ndarray[Any, Any]
OPSET, IR = 18, 10
PLAIN = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "exp": "Exp",
    "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "sigmoid": "Sigmoid", "erf": "Erf",
    "absolute": "Abs", "sign": "Sign", "maximum": "Max", "minimum": "Min", "relu": "Relu",
}  # fmt: skip
ENDS = ("before", "after")
FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # channels


class _Graph:
    """The nodes and initial values while they are written."""

    def __init__(self, forward: Forward) -> None:
        self.constants = dict(forward.constants)
        self.nodes: list[Any] = []

    def node(self, kind: str, inputs: list[str], out: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name


def _square(g: _Graph, o: Operation) -> None:
    g.node("Mul", [o.args[0], o.args[0]], o.out)


def _power(g: _Graph, o: Operation) -> None:
    exponent = g.constant(o.attributes["exponent"], np.float32)
    g.node("Pow", [o.args[0], exponent], o.out)


def _reduce(kind: str) -> Callable[[_Graph, Operation], None]:
    def write(g: _Graph, o: Operation) -> None:
        axes = g.constant(o.attributes["axes"])
        g.node(kind, [o.args[0], axes], o.out, keepdims=int(o.attributes["keepdims"]))

    return write


def _reshape(g: _Graph, o: Operation) -> None:
    g.node("Reshape", [o.args[0], g.constant(o.attributes["shape"])], o.out)


def _broadcast(g: _Graph, o: Operation) -> None:
    shape = [1 if n == BATCH else n for n in o.attributes["shape"]]  # 1 keeps what is there
    g.node("Expand", [o.args[0], g.constant(shape)], o.out)


def _transpose(g: _Graph, o: Operation) -> None:
    g.node("Transpose", [o.args[0]], o.out, perm=list(o.attributes["axes"]))


def _part(g: _Graph, o: Operation) -> None:
    a = o.attributes
    ends = [g.constant([a[k]]) for k in ("start", "stop", "axis")]
    g.node("Slice", [o.args[0], *ends], o.out)


def _pad(g: _Graph, o: Operation) -> None:
    a = o.attributes  # widths of all axes: runtimes move transpositions wrongly past named ones
    before, after = ([a[k] * (i == a["axis"]) for i in range(a["rank"])] for k in ENDS)
    g.node("Pad", [o.args[0], g.constant([*before, *after]), g.constant(0.0, np.float32)], o.out)


def _concat(g: _Graph, o: Operation) -> None:
    g.node("Concat", list(o.args), o.out, axis=o.attributes["axis"])


def _matmul(g: _Graph, o: Operation) -> None:
    if o.attributes.get("ta") or o.attributes.get("tb"):
        raise UsageError("a transposed matrix product has no form in ONNX here")
    g.node("MatMul", list(o.args), o.out)


def _convolution(g: _Graph, o: Operation) -> None:
    a, (x, w, *b) = o.attributes, o.args
    if w not in g.constants:
        raise UsageError("a convolution whose weights depend on the input has no form in ONNX here")
    kernel = f"{w}.oihw"
    g.constants[kernel] = np.ascontiguousarray(g.constants[w].transpose(3, 2, 0, 1))
    y = g.node(
        "Conv", [g.node("Transpose", [x], perm=FIRST), kernel, *b],
        strides=[a["stride"]] * 2, pads=[a["padding"]] * 4, group=a["groups"],
    )  # fmt: skip
    g.node("Transpose", [y], o.out, perm=LAST)


def _pool(kind: str) -> Callable[[_Graph, Operation], None]:
    def write(g: _Graph, o: Operation) -> None:
        window, stride = o.attributes["window"], o.attributes["stride"]
        x = g.node("Transpose", [o.args[0]], perm=FIRST)
        y = g.node(kind, [x], kernel_shape=[window] * 2, strides=[stride] * 2)
        g.node("Transpose", [y], o.out, perm=LAST)

    return write


def _normalize(g: _Graph, o: Operation) -> None:
    x, gain, shift = o.args
    axes = g.constant(o.attributes["axes"])
    centred = g.node("Sub", [x, g.node("ReduceMean", [x, axes], keepdims=1)])
    squares = g.node("Mul", [centred, centred])
    variance = g.node("ReduceMean", [squares, axes], keepdims=1)
    eps = g.constant(o.attributes["eps"], np.float32)
    deviation = g.node("Sqrt", [g.node("Add", [variance, eps])])
    scaled = g.node("Mul", [g.node("Div", [centred, deviation]), gain])
    g.node("Add", [scaled, shift], o.out)


def _greater(g: _Graph, o: Operation) -> None:
    g.node("Cast", [g.node("Greater", list(o.args))], o.out, to=1)


def _where(g: _Graph, o: Operation) -> None:
    g.node("Where", [g.node("Cast", [o.args[0]], to=9), *o.args[1:]], o.out)


WRITERS: dict[str, Callable[[_Graph, Operation], None]] = {
    "square": _square, "power": _power, "sum": _reduce("ReduceSum"), "max": _reduce("ReduceMax"),
    "reshape": _reshape, "broadcast": _broadcast, "transpose": _transpose, "part": _part,
    "pad": _pad, "concat": _concat, "matmul": _matmul, "conv2d": _convolution,
    "max_pool": _pool("MaxPool"), "avg_pool": _pool("AveragePool"), "normalize": _normalize,
    "greater": _greater, "where": _where,
}  # fmt: skip


def onnx_bytes(forward: Forward) -> bytes:
    """Return the ONNX model: input "x" (batch, *shape) float32, output "logits"."""
    from onnx import TensorProto, checker, helper, numpy_helper

    g = _Graph(forward)
    for operation in forward.operations:
        if operation.primitive in PLAIN:
            g.node(PLAIN[operation.primitive], list(operation.args), operation.out)
        elif operation.primitive in WRITERS:
            WRITERS[operation.primitive](g, operation)
        else:
            raise UsageError(f"'{operation.primitive}' has no form in ONNX here")
    g.node("Identity", [forward.output], "logits")
    read = {name for node in g.nodes for name in node.input}
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *forward.shape])
    sizes: list[str | int | None] = ["batch", *forward.output_shape]
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, sizes)
    values = [numpy_helper.from_array(a, n) for n, a in g.constants.items() if n in read]
    graph = helper.make_graph(g.nodes, "network", [x], [y], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def onnx_session(content: bytes, threads: int = 1) -> Any:
    """Return an onnxruntime session on the CPU; call it with `run(["logits"], {"x": x})`."""
    onnxruntime = import_module("onnxruntime")  # it publishes no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
