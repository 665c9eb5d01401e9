"""The command line, called in this process in a folder of its own."""

import numpy as np
import pytest

from steepest.cli.main import run


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a command line; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEEPEST_OFFLINE", "1")
    monkeypatch.setenv("STEEPEST_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("STEEPEST_DEBUG", raising=False)

    def call(*tokens):
        code = run(tokens)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def table(tmp_path):
    """Write x and y to `own.npz` in the working folder after changing them; return its name."""

    def write(change=lambda x, y: (x, y)):
        x = np.linspace(-1, 1, 120).reshape(40, 3).astype(np.float32)
        x, y = change(x, np.arange(40) % 4)
        np.savez(tmp_path / "own.npz", x=x, y=y)
        return "own.npz"

    return write
