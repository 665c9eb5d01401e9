"""Tables as text: exact numbers for programs, harmless cells for spreadsheets and paper."""

import csv
import io
import json

import pytest
from report.payload import PAYLOADS
from report.sample import hostile, sample

from steepest.errors import UsageError
from steepest.report.table import FORMS, table


def test_csv_reads_back():
    """Numbers in CSV are the very floats of the arms, best arm first."""
    content = sample()
    rows = list(csv.DictReader(io.StringIO(table(content, "csv"))))
    means = {arm.name: arm.mean for arm in content.arms}
    assert [float(row["mean"]) for row in rows] == sorted(means.values(), reverse=True)
    assert all(float(row["mean"]) == means[row["name"]] for row in rows)


def test_csv_leaves_negative_numbers_alone():
    """A minus in front of a number is not a formula."""
    rows = list(csv.DictReader(io.StringIO(table(sample(), "csv"))))
    assert any(row["delta"].startswith("-") for row in rows)


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_defuses_formulas(lead):
    """A text that a spreadsheet would run is led by an apostrophe (lines end in LF)."""
    rows = list(csv.DictReader(io.StringIO(table(hostile(lead + "1"), "csv"), newline="")))
    assert {row["chosen"] for row in rows} == {"'" + lead.replace("\r", "\n") + "1"}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("form", ["table", "md", "tex"])
def test_hostile_names_add_no_lines_or_cells(form, payload):
    """Whatever the names hold, a table keeps its lines, and Markdown and LaTeX their columns."""
    plain, odd = table(hostile("x"), form), table(hostile(payload), form)
    assert len(odd.splitlines()) == len(plain.splitlines())
    if form == "md":
        cells = [
            line.replace("\\\\", "").replace("\\|", "").count("|") for line in odd.splitlines()
        ]
        assert cells == [line.count("|") for line in plain.splitlines()]
    if form == "tex":
        cells = [line.replace("\\&", "").count("&") for line in odd.splitlines()]
        assert cells == [line.count("&") for line in plain.splitlines()]


def test_json_is_whole():
    """JSON holds every arm with all its scores, and nothing that is not JSON."""
    whole = json.loads(table(sample(), "json"), parse_constant=pytest.fail)
    assert len(whole["arms"]) == 7
    assert all(len(arm["scores"]) == 10 for arm in whole["arms"])


def test_terminal_table_lines_up():
    """All cells of a column start at the same place."""
    lines = table(sample()).splitlines()
    place = lines[0].index("interval")
    assert all(line[place - 2 : place] == "  " and line[place] != " " for line in lines)


def test_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="did you mean 'csv'"):
        table(sample(), "cvs")


@pytest.mark.parametrize("form", FORMS)
def test_tables_end_in_one_newline(form):
    text = table(sample(), form)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
