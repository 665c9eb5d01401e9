"""Replays on CUDA as graphs: captured once, launched as one call afterwards.

The first replays run kernel by kernel, which lets libraries set themselves up; they are ordinary
steps. Then the same calls are captured, and from there on the graph is launched. What kernels
allocate while they are captured is free again at their end, so all graphs share one pool. A code
whose kernels ask the host in between (a user's own module or optimizer) is left as it is.
"""

import warnings
from functools import cache
from typing import Any

import torch

from steepest.engine.protocol import Call
from steepest.engine.torch_module import asks_host

WARM = 3  # replays before the capture


def capture(code: list[Call], device: Any) -> tuple[list[Call], str]:
    """Return the code as it is to be replayed, and why it is not captured (empty if it will be)."""
    note = reason(code, device)
    return (code, note) if note else ([(Captured(code, device), ())], "")


def reason(code: list[Call], device: Any) -> str:
    """Return why a code cannot be captured; empty where it can."""
    if device.type != "cuda":
        return f"graphs are captured on CUDA, not on '{device.type}'"
    if not code:
        return "there is nothing to replay"
    if any(asks_host(kernel) for kernel, _ in code):
        return "a module or optimizer of the user's own asks the host between kernels"
    return ""


@cache
def _anchor(device: Any) -> Any:
    """Return a graph that is never freed: its memory is the pool that all others work in.

    They never run at the same time. A pool is gone once its last graph is, so one is kept.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        torch.zeros(1, device=device)
    return graph


class Captured:
    """A code that becomes a graph after `WARM` replays; called, it replays once."""

    def __init__(self, code: list[Call], device: Any) -> None:
        self.note = ""  # why the capture failed, if it did
        self._code = code
        self._device = device
        self._count = 0
        self._graph: Any = None

    def __call__(self) -> None:
        """Replay once."""
        if self._graph is not None:
            self._graph.replay()
        elif self._count < WARM or self.note:
            self._count += 1
            self._aside()
        else:
            self._capture()

    def _aside(self) -> None:
        """Run on a stream of its own, as the capture will."""
        stream = torch.cuda.Stream(self._device)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            self._run()
        torch.cuda.current_stream(self._device).wait_stream(stream)

    def _run(self) -> None:
        for kernel, buffers in self._code:
            kernel(*buffers)

    def _capture(self) -> None:
        """Capture, which executes nothing, and launch; go on kernel by kernel if that fails."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=_anchor(self._device).pool()):
                self._run()
        except RuntimeError as error:
            self.note = str(error).splitlines()[0]
            warnings.warn(f"no graph was captured: {self.note}", RuntimeWarning, stacklevel=1)
            self._aside()
            return
        self._graph = graph
        graph.replay()
