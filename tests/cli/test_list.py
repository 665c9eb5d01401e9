"""`steepest list` shows the tables of what a run may name, and tables in general."""

import sys

import pytest

from steepest.cli.screen import as_text, show_table
from steepest.nn.zoo import ARCHS
from steepest.optim import RULES, SCHEDULES


@pytest.mark.parametrize(("kind", "table"), [("optimizers", RULES), ("schedules", SCHEDULES)])
def test_every_entry_is_listed_with_its_options(call, kind, table):
    code, out, _ = call("list", kind)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(table)
    assert "beta1=0.9" in out or "gamma=0.95" in out


def test_models_are_counted_for_a_data_set(call):
    """784-128-64-10 has 109,386 parameters; the entry for one's own networks is not shown."""
    code, out, _ = call("list", "models")
    assert code == 0
    lines = {line.split()[0]: line.split() for line in out.splitlines()[2:]}
    assert set(lines) == set(ARCHS) - {"described"}
    assert lines["mlp"][1:4] == ["109,386", "218,762", "437,544"]
    assert lines["baseline_cnn"][4] == "11"  # layers
    small = {
        line.split()[0]: line.split()
        for line in call(*["list", "models", "--data", "digits"])[1].splitlines()[2:]
    }
    assert small["mlp"][1] == f"{64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10:,}"


def test_models_are_counted_for_a_file(call, table):
    code, out, _ = call("list", "models", "--data", table())
    assert code == 0
    assert "for own.npz: examples 3, 4 classes" in out


def test_data_is_listed_as_by_the_data_command(call):
    assert call("list", "data") == call("data", "list")


def test_a_table_has_colours_on_a_terminal_only_and_not_under_no_color(monkeypatch, capsys):
    """Plain text where stdout is no terminal; NO_COLOR leaves no colour codes."""
    rows = [("a", "1")]
    show_table(("name", "n"), rows, "title")
    assert capsys.readouterr().out == as_text(("name", "n"), rows, "title") + "\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    show_table(("name", "n"), rows, "title")
    drawn = capsys.readouterr().out
    assert "│" in drawn
    assert "\x1b[3" not in drawn.replace("\x1b[3m", "")
