"""A process that holds contenders and times them when told, one at a time.

The parent fixes the environment before the process starts, so the number of threads is set before
any library is imported; the parent also decides the order, so two processes never run at once.
"""

import contextlib
import importlib
import multiprocessing
import os
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import machine


@dataclass(frozen=True)
class Measurement:
    """One timed call."""

    seconds: float  # of processor time on one thread, else as they pass
    result: object  # what the contender returned: its training loss and accuracy
    others: float = 0.0  # processors that other programs kept busy meanwhile


@dataclass(frozen=True)
class Failure:
    """A contender that could not be prepared or run, with the reason."""

    reason: str


class Worker:
    """The parent's end of a process with `threads` threads and extra environment variables."""

    def __init__(self, threads: int, extra: dict[str, str]) -> None:
        saved = dict(os.environ)
        os.environ.update(machine.environment(threads) | extra)
        os.environ.pop("OPENBLAS_CORETYPE", None)  # every library chooses kernels for this CPU
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, threads), daemon=False)
        self.process.start()
        theirs.close()
        os.environ.clear()
        os.environ.update(saved)

    def ask(self, *message: object) -> object:
        """Send one request and wait for its answer; a dead process is a `Failure`."""
        try:
            self.connection.send(message)
            return self.connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return Failure("its process ended")

    def prepare(self, key: str, module: str, arguments: tuple, *, images: bool) -> object:
        """Prepare `module` under `key`; with `images`, MNIST precedes its arguments."""
        return self.ask("prepare", key, module, images, arguments)

    def run(self, key: str, count: int) -> object:
        """Time `count` steps of `key`."""
        return self.ask("run", key, count)

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(("close",))
        self.process.join(20)
        if self.process.is_alive():
            self.process.kill()


def serve(connection: Connection, threads: int) -> None:
    """Answer requests until told to close: the process's own side."""
    machine.pin(threads)
    sys.path.insert(0, str(Path(__file__).parent))
    warnings.simplefilter("ignore")
    contenders: dict = {}
    images: list = []
    while (message := connection.recv())[0] != "close":
        try:
            connection.send(answer(message, contenders, images, threads))
        except Exception as error:  # noqa: BLE001 - one failing rival must not end the others
            traceback.print_exc()
            connection.send(
                Failure(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
            )


def answer(message: tuple, contenders: dict, images: list, threads: int) -> object:
    """Do what one request asks."""
    if message[0] == "run":
        step_many, count = contenders[message[1]], message[2]
        before, own, start = machine.busy_seconds(), time.process_time(), time.perf_counter()
        result = step_many(count)
        wall, own = time.perf_counter() - start, time.process_time() - own
        others = max(0.0, machine.busy_seconds() - before - own) / wall
        return Measurement(own if threads == 1 else wall, result, others)
    _, key, module, wanted, arguments = message
    if wanted and not images:
        import mnist

        images.extend(mnist.load())
    data = tuple(images) if wanted else ()
    contenders[key] = importlib.import_module(module).prepare(*data, *arguments)
    return None
