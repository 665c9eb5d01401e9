"""README is true: its snippet runs, its commands are ours, its figures are the stored ones."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


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


def test_the_speed_tables_are_what_was_measured(monkeypatch):
    """README's section and docs/speed.md are what `benchmarks/speed_table.py` makes of results."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import speed_table

    _, _, rest = README.partition("## Speed\n\n")
    assert rest[: rest.index("\n## ")] == speed_table.section()
    assert speed_table.PAGE.read_text(encoding="utf-8") == speed_table.page()


def test_every_link_of_readme_leads_somewhere():
    """Relative links name files or folders of the repository."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
