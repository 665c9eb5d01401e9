"""Engines by name. Torch is imported only when it is chosen."""

from importlib.util import find_spec
from typing import Any

from steepest.engine.numpy_engine import NumpyEngine
from steepest.engine.protocol import Engine
from steepest.errors import UsageError, unknown

NAMES = ("numpy", "torch")


def make_engine(
    name: str, precision: str = "float32", device: str = "cpu", **options: Any
) -> Engine:
    """Return the engine called `name` with reals of `precision` on a device; "auto" is NumPy.

    Raises UsageError for an unknown name, where torch is asked for and not installed, and for what
    the engine or the machine does not have.
    """
    if name in ("numpy", "auto"):
        if device != "cpu" or precision == "bfloat16":
            raise UsageError(f"{precision} on device '{device}' needs the engine torch")
        return NumpyEngine(precision, **options)
    if name not in NAMES:
        raise unknown("engine", name, NAMES)
    if find_spec("torch") is None:
        raise UsageError(
            "engine 'torch' needs PyTorch; install it with: pip install 'steepest[torch]'"
        )
    from steepest.engine.torch_engine import TorchEngine

    return TorchEngine(precision, device, **options)
