"""Pictures and tables of tuning: budgets, isolation, importance; nothing where nothing is known."""

import json
import math
import random
import re
from dataclasses import replace

import pytest
from report.browser import CHROMIUM, visit
from report.payload import PAYLOADS
from report.sample import sample

from steepest.report.budget_chart import budget
from steepest.report.content import Bought, Importance, Metric, Trial, Tuned
from steepest.report.document import document
from steepest.report.importance_chart import importances
from steepest.report.isolation_chart import isolation
from steepest.report.page import render, write
from steepest.report.tuning_table import budget_cells, importance_cells, tuning_lines

ARMS = ("sgd", "adam")


def tuned(trials=16, name=lambda text: text):
    """Return the sample study with random trials of two arms over a rate and a schedule."""
    noise, found = random.Random(5), []  # noqa: S311 - a drawing, not a secret
    for arm in ARMS:
        for k in range(trials):
            rate, kind = 10 ** noise.uniform(-4, 0), noise.choice(("constant", "cosine"))
            score = None if rate > 0.5 else 0.97 - 0.1 * abs(math.log10(rate) + 2)
            values = {name("lr"): rate, name("schedule"): name(kind)}
            found.append(Trial(arm, values, score, diverged=score is None, chosen=k == 0))
    bests = [
        Bought(arm, k, 0.9 + 0.004 * k, 0.85 + 0.004 * k, 0.99 if k < 4 else None)
        for arm in ARMS
        for k in range(1, trials + 1)
    ]
    shares = [Importance(arm, name("lr"), 0.8, 0.5, 0.95) for arm in ARMS]
    return replace(
        sample(seeds=2, epochs=3),
        trials=tuple(found),
        tuned=(Tuned(name("lr"), "log"), Tuned(name("schedule"), "choice")),
        tuning=tuple(bests),
        importance=tuple(shares),
    )


def records(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_budget_is_drawn_as_error_with_its_interval():
    """One minus the score; an end that nobody knows lies at the line, and the words say so."""
    rows = records(budget(tuned()).tables["budget"])
    first = next(r for r in rows if r["trials"] == 1)
    assert (first["value"], first["low"], first["high"]) == pytest.approx((0.096, 0.01, 0.146))
    last = next(r for r in rows if r["trials"] == 16)
    assert last["low"] == last["value"] == pytest.approx(0.036)
    assert last["interval"].startswith("≤")


def test_a_budget_without_intervals_leaves_no_blank():
    """Every blank of the picture is filled by a choice, also where there is no interval to hide."""
    plain = replace(tuned(), tuning=tuple(replace(b, low=None, high=None) for b in tuned().tuning))
    for content in (tuned(), plain):
        figure = budget(content)
        filled = {name for c in figure.choices for o in c.options for name in o.fills}
        assert set(re.findall(r'"(@\w+)"', json.dumps(figure.spec))) == filled
    assert not budget(plain).choices


def test_an_adaptive_search_says_that_order_matters():
    assert "another order is another search" in budget(replace(tuned(), ordered=True)).caption


def test_a_loss_is_drawn_as_it_is():
    """Its worse end is the higher one."""
    metric = Metric("test loss", percent=False, higher=False)
    bests = tuple(Bought("sgd", k, 1 / k, None, 2 / k) for k in (1, 2, 4))
    content = replace(tuned(), metric=metric, score_name="validation loss", tuning=bests)
    rows = records(budget(content).tables["budget"])
    assert [(r["value"], r["low"], r["high"]) for r in rows] == [
        (1, 1, 2), (0.5, 0.5, 1), (0.25, 0.25, 0.5),
    ]  # fmt: skip


def test_isolation_marks_the_best_of_each_stretch():
    """Each choice has one best trial an arm, and so has each quarter of sixteen trials' rates."""
    figure = isolation(tuned())
    rates, kinds = (records(figure.tables[name]) for name in ("v0", "v1"))
    assert [o.label for o in figure.choices[0].options] == ["lr", "schedule"]
    best = [r for r in kinds if r["best"]]
    assert sorted((r["i"], r["x"]) for r in best) == [
        (i, kind) for i in sorted({r["i"] for r in kinds}) for kind in ("constant", "cosine")
    ]
    for row in best:
        rivals = [r["y"] for r in kinds if (r["i"], r["x"]) == (row["i"], row["x"])]
        assert row["y"] == min(rivals)
    assert 2 < sum(r["best"] for r in rates) <= 8


def test_nothing_is_drawn_where_nothing_is_known():
    """One hyper-parameter is the rate's own picture; two budgets are no line."""
    assert isolation(sample()) is None
    assert importances(sample()) is None
    assert budget(sample()) is None
    assert (budget_cells(sample()), importance_cells(sample()), tuning_lines(sample())) == (
        [],
        [],
        [],
    )


def test_short_trials_of_halving_are_left_out():
    """Their scores are of another length."""
    content = tuned()
    cut = replace(content, trials=tuple(replace(t, full=False) for t in content.trials))
    assert isolation(cut) is None


def test_the_table_doubles_the_budget():
    """With the interval, or the one end that is known; the largest budget is always there."""
    head, first, _ = budget_cells(tuned(12))
    assert head[1:] == ["1 trial", "2 trials", "4 trials", "8 trials", "12 trials"]
    assert first[1] == "90.40\u202f% (85.40 to 99.00)"
    assert first[-1] == "94.80\u202f% (≥ 89.80\u202f%)"
    assert "lr 80\u202f% (50\u202f% to 95\u202f%)" in tuning_lines(tuned())[-1]
    assert "## What tuning bought" in document(tuned(), "")


@pytest.mark.parametrize("text", PAYLOADS)
def test_names_stay_text(text):
    """A hyper-parameter may be called anything."""
    page = render(tuned(name=lambda word: text + word))
    assert text + "lr" not in page or "<" not in text


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [1280, 400])
def test_every_picture_is_drawn(tmp_path, width):
    """No error in the console, and each of the three has its drawing."""
    page = write(tuned(), tmp_path / "report.html")
    seen = visit(page, tmp_path / "profile", width)
    assert seen.console == ()
    for name in ("budget", "isolation", "importance"):
        assert f'id="plot-{name}" ' in seen.document
    assert seen.document.count('data-drawn="yes"') == render(tuned()).count('id="plot-')
