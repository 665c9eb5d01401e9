"""README is true: its snippet runs, its commands are ours, its figures are the stored ones."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = {
    "**steepest, NumPy engine**": "ours",
    "JAX, jit with lax.scan": "jax-scan",
    "steepest, torch engine": "ours-torch",
    "PyTorch, whole step compiled": "torch-compile-step",
    "PyTorch, plain loop": "torch",
    "PyTorch, torch.compile": "torch-compile",
    "Keras fit (TensorFlow)": "keras",
    "Lightning": "lightning-memory",
}


def test_the_quick_start_runs(tmp_path):
    """The Python snippet trains, evaluates above 90 % on digits and saves its model."""
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    call = [sys.executable, "-c", snippet]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0.9
    assert (tmp_path / "digits.safetensors").exists()


def test_the_demo_is_the_command_that_readme_shows():
    """`make demo` and the plain commands beside it do the same."""
    (shown,) = re.findall(r"bin/(steepest compare .*)", README)
    assert shown in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("label", ROWS)
def test_the_speed_table_is_what_was_measured(label):
    """Every figure of the table is the stored median, rounded."""
    runs = json.loads((ROOT / "benchmarks/results/step-mlp.json").read_text())["runs"]
    found = {run["batch"]: run["contenders"][ROWS[label]]["median_us"] for run in runs}
    (line,) = [x for x in README.splitlines() if x.startswith(f"| {label} |")]
    shown = [cell.strip(" *").replace(",", "") for cell in line.split("|")[2:4]]
    for text, measured in zip(shown, (found[64], found[1]), strict=True):
        digits = len(text.partition(".")[2])
        assert float(text) == round(measured, digits)


def test_every_link_of_readme_leads_somewhere():
    """Relative links name files or folders of the repository."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
