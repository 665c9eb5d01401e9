"""`steepest prune`, `export` and `predict` on a run of `steepest train`."""

import json

import numpy as np
import pytest

SHORT = ("--epochs", "2", "--model.hidden", "12,9", "--lr", "0.01", "-q", "--json")
QUICK = ("--finetune", "1", "--sparsity", "0.5", "-q")
TWO = ("--seeds", "2")
ONE = ("--seeds", "1")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    """Measure latency for a millisecond only: here its value is nobody's concern."""
    monkeypatch.setattr("steepest.compress.cost.SECONDS", 0.001)


@pytest.fixture
def trained(call):
    """Return the folder and the key of a small run on digits."""
    found = json.loads(call("train", *SHORT)[1])
    return found["folder"], found["key"]


def test_structured_pruning_of_a_run(call, trained, tmp_path):
    """Baselines, intervals, costs, figure and networks are all there; a second call is apart."""
    folder, key = trained
    code, out, _ = call("prune", key[:10], "--method", "l1", "--structured", *QUICK, *TWO)
    assert code == 0
    for word in ("dense", "l1", "random", "scratch", "95 %", "most sensitive layer"):
        assert word in out
    where = tmp_path / folder / "prune"
    told = json.loads((where / "prune.json").read_text())
    assert [(r["method"], r["sparsity"]) for r in told["rows"]] == [
        ("dense", 0.0), ("l1", 0.5), ("random", 0.5), ("scratch", 0.5),
    ]  # fmt: skip
    assert all(r["accuracy"]["n"] == 2 for r in told["rows"])
    assert told["openings"] == []
    assert (where / "prune.png").stat().st_size > 20_000
    assert "Removing 50\u202f% of the channels by l1" in (where / "report.html").read_text()
    assert (where / "l1-0.5" / "last.safetensors").exists()
    code, out, _ = call("prune", folder, "--method", "magnitude", *QUICK, *ONE, "--json", "--test")
    told = json.loads(out)
    assert told["openings"]
    assert all(r["test"]["n"] == 1 for r in told["rows"])
    assert (tmp_path / folder / "prune-2").is_dir()


def test_pruned_networks_predict_and_export(call, trained, tmp_path):
    """A pruned network is a run of its own for the commands that follow."""
    pytest.importorskip("onnxruntime")
    folder, _ = trained
    call("prune", folder, "--structured", *QUICK, *ONE)
    small = f"{folder}/prune/l1-0.5"
    code, out, _ = call("export", small, "--to", "onnx")
    assert code == 0
    assert "its outputs are" in out
    assert (tmp_path / small / "network.onnx").exists()
    assert "l1 at sparsity 0.5, then 1 epochs" in call("show", small)[1]
    np.save("x.npy", np.zeros((2, 8, 8), np.uint8))
    code, out, _ = call("predict", small, "x.npy", "--json")
    assert len(json.loads(out)["predictions"]) == 2
    code, out, _ = call("prune", small, "--method", "magnitude", *QUICK, *ONE)
    assert code == 0  # pruned again, on top


def test_sweep_from_a_file(call, tmp_path):
    """A TOML file trains its own dense networks."""
    (tmp_path / "s.toml").write_text(
        'question = "?"\nmethods = ["magnitude"]\nsparsities = [0.5]\nfinetune = 1\nseeds = 1\n'
        '[base]\ndata = "digits"\nmodel = "mlp(hidden=(8,))"\nepochs = 1\n'
    )
    code, out, err = call("prune", "s.toml")
    assert code == 0
    assert "kept in runs/s" in out
    assert "report: runs/s/report.html" in out
    assert err.count("\n") == 4


@pytest.mark.parametrize(
    ("tokens", "code", "message"),
    [
        (("--sparsity", "1.0"), 2, "1 leaves no network"),
        (("--sparsity", "half"), 2, "fractions such as 0.5,0.9, not 'half'"),
        (("--method", "l3", "--structured"), 2, "unknown method 'l3'"),
        (("--method", "l1"), 2, "add --structured"),
        (("--schedule", "cubik"), 2, "did you mean 'cubic'"),
        (("--seeds", "0"), 2, "seeds must be"),
        (("--scope", "globe"), 2, "did you mean 'global'"),
        ((), 5, "no run 'none'"),
    ],
)
def test_mistakes_are_one_sentence(call, tokens, code, message):
    """What cannot be is said before anything is loaded."""
    found, _, err = call("prune", "none", *tokens)
    assert found == code
    assert message in err
    assert err.count("\n") == 1


def test_run_without_weights(call, trained, tmp_path):
    """A run that kept no weights, and an emptied layer, are told in one sentence."""
    folder, _ = trained
    for name in ("best", "last"):
        (tmp_path / folder / f"{name}.safetensors").unlink()
    for command in (("prune",), ("export",), ("predict",)):
        extra = ("x.npy",) if command == ("predict",) else ()
        code, _, err = call(*command, folder, *extra)
        assert code == 5
        assert "has no weights" in err


def test_layer_pruned_to_nothing(call, trained):
    """An emptied layer is named, and what to do instead."""
    code, _, err = call("prune", trained[0], "-q", "--seeds", "1", "--sparsity", "0.9999")
    assert code == 2
    assert "would be pruned to nothing" in err
    assert "scope layer" in err
