"""Makers of stores and of planned runs for the tests of this room."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steepest.study.record import PlannedRun
from steepest.study.store import Store, open_store


def _plan(seed: int = 0, optimizer: str = "adam", **columns) -> PlannedRun:
    cell = hashlib.sha256(f"{optimizer}{columns}".encode()).hexdigest()
    values = {
        "key": hashlib.sha256(f"{cell}{seed}".encode()).hexdigest(),
        "cell": cell,
        "spec": f'{{"optimizer":"{optimizer}"}}',
        "data": "digits",
        "model": "mlp",
        "optimizer": optimizer,
        "seed": seed,
        "batch_size": 64,
        "lr": 0.01,
        "epochs": 3,
    }
    return PlannedRun(**(values | columns))


@pytest.fixture
def plan() -> Callable[..., PlannedRun]:
    """Give the maker of planned runs."""
    return _plan


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the URL of a store that does not exist yet, in a folder that does not either."""
    return f"sqlite:///{tmp_path}/runs/steepest.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Give an open, empty store."""
    with open_store(url) as opened:
        yield opened
