"""A sweep under SIGKILL, taken further, begun anew; `steepest run` on its file."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SWEEP = """
question = "?"
methods = ["magnitude"]
sparsities = [0.5, 0.8]
finetune = 1
seeds = 2
[base]
data = "digits"
model = "mlp(hidden=(8,))"
epochs = 2
"""
COMMAND = "import sys; from steepest.cli.main import run; sys.exit(run(sys.argv[1:]))"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    """Measure latency for a millisecond and draw nothing: other tests look at both."""
    monkeypatch.setattr("steepest.compress.cost.SECONDS", 0.001)
    monkeypatch.setattr("steepest.report.compression.plot_compression", lambda *_: None)


@pytest.fixture
def file(tmp_path):
    """Write a study of sparsities."""
    (tmp_path / "s.toml").write_text(SWEEP)
    return "s.toml"


def figures(folder):
    """Return the points of an outcome without what the clock decides."""
    points = json.loads((Path(folder) / "prune.json").read_text())["points"]
    return [p | {"cost": p["cost"] | {"latency": None}} for p in points]


def kill_at(count, folder, *tokens):
    """Run a command, kill it once so many points are finished; return how many are there."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *tokens], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while len(list(Path(folder).glob("points/*.json"))) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(list(Path(folder).glob("points/*.json")))


def test_killed_sweep_goes_on_where_it_was(call, file):
    """After SIGKILL the same command makes what is missing, once, with the same figures."""
    assert call("prune", file, "--out", "whole", "-q")[0] == 0
    done = kill_at(4, "runs/s", "prune", file)
    assert 4 <= done < 14
    before = {p: p.stat().st_mtime_ns for p in Path("runs/s/points").iterdir()}
    code, _, err = call("prune", file)
    assert code == 0
    assert f"{done} points were finished before" in err
    assert err.count("after") == 14 - done
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert figures("runs/s") == figures("whole")
    assert not list(Path("runs").glob("s-*"))


def test_finished_sweep_is_shown_again_and_taken_further(call, file):
    """Nothing is made twice; another sparsity adds its points; --fresh begins apart."""
    call("run", file)
    first = figures("runs/s")
    code, out, err = call("run", file)
    assert (code, err.count("after")) == (0, 0)
    assert "most sensitive layer" in out
    _, _, err = call("prune", file, "--sparsity", "0.5,0.8,0.9")
    assert err.count("after") == 6
    assert [p for p in figures("runs/s") if p["sparsity"] < 0.9] == first
    _, _, err = call("prune", file, "--finetune", "2", "--seeds", "1", "--sparsity", "0.5")
    assert Path("runs/s-2/prune.json").exists()  # another question
    call("run", file, "--fresh")
    assert figures("runs/s-3") == first


def test_damaged_point_is_named(call, file):
    """A point that cannot be read is told with what to do."""
    call("run", file)
    victim = next(Path("runs/s/points").iterdir())
    victim.write_text("{")
    code, _, err = call("run", file)
    assert code == 4
    assert victim.name in err
    assert "remove it" in err
    victim.unlink()
    assert call("run", file)[0] == 0


def test_run_plans_and_refuses_what_a_sweep_has_not(call, file):
    """`steepest run` lists the points of a sweep, and takes neither workers nor a store for it."""
    code, out, _ = call("run", file, "--dry-run")
    assert code == 0
    assert out.count("seed 0") == 7
    assert not Path("runs").exists()
    for flag in (("--jobs", "2"), ("--store", "sqlite:///x.db")):
        code, _, err = call("run", file, *flag)
        assert code == 2
        assert f"takes no {flag[0]}" in err
    assert call("run", file, "--jobs", "1", "--dry-run")[0] == 0


def test_study_of_arms_is_sent_to_run(call, tmp_path):
    """A study that prunes nothing is told which command does it."""
    (tmp_path / "arms.toml").write_text('question = "?"\n[[arms]]\nname = "sgd"\n')
    code, _, err = call("prune", "arms.toml")
    assert code == 2
    assert "steepest run arms.toml" in err


def test_one_folder_serves_one_process(call, file):
    """A second process on the same folder is told of the first."""
    from steepest.study.lock import FileLock

    call("run", file)
    held = FileLock(Path("runs/s/lock"), 0.0)
    held.acquire()
    code, _, err = call("run", file)
    held.close()
    assert code == 1
    assert "held by another process" in err


def test_part_of_the_examples_serves_export_too(call, tmp_path):
    """Networks of a sweep on few examples find these examples again."""
    (tmp_path / "few.toml").write_text("examples = 300\n" + SWEEP.replace("seeds = 2", "seeds = 1"))
    assert call("run", "few.toml")[0] == 0
    config = json.loads(Path("runs/few/magnitude-0.5/config.json").read_text())
    assert config["data"]["examples"] == 300
    code, out, _ = call("export", "runs/few/magnitude-0.5", "--to", "npz")
    assert (code, "ours exactly" in out) == (0, True)
