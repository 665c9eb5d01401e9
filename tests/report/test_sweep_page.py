"""The page of a sweep: every figure there, text stays text, nothing fetched."""

import json
import re
from dataclasses import replace

import pytest
from report.browser import CHROMIUM, visit
from report.payload import PAYLOADS
from report.test_page import parse

from steepest.compress.cost import Cost
from steepest.compress.mask import LayerSparsity
from steepest.compress.sensitivity import Sensitivity
from steepest.compress.summary import COSTS, summarise
from steepest.compress.sweep import Point, Sweep
from steepest.report.content import Method
from steepest.report.sweep_chart import LABELS, against_cost, against_sparsity
from steepest.report.sweep_content import SCOPE, SweepContent, answer, notes, plan
from steepest.report.sweep_page import network_rows, render_sweep, write_sweep
from steepest.spec import RunSpec

METHODS = ("magnitude", "gradient", "random", "scratch")


def sweep(**changes):
    """Return a sweep of single weights."""
    return Sweep(RunSpec(), METHODS[:2], sparsities=(0.5, 0.9), seeds=3, **changes)


def points(seeds=3, layer="0.w"):
    """Return the points of a sweep with every cost measured."""
    found = []
    places = [("dense", 0.0), *((m, s) for s in (0.5, 0.9) for m in METHODS)]
    for seed in range(seeds):
        for k, (method, sparsity) in enumerate(places):
            names = [f"{e} {n}" for e in ("numpy", "torch", "onnxruntime") for n in (1, 64)]
            times = {name: int(name.split()[1]) * 1e-5 / (k + 1) for name in names}
            cost = Cost(1000, 1000 // (k + 1), 4000, 3000 // (k + 1), 9000, 12_000, times)
            own = () if method == "scratch" else (LayerSparsity(layer, 900, 900 // (k + 1)),)
            score = 0.95 - 0.04 * k + 0.003 * (seed * (k + 1) % 3)
            status = "emptied" if (method, sparsity, seed) == ("random", 0.9, 0) else "finished"
            rest = (score, 0.2, score - 0.1, cost, 1, 1.0, own, status)
            found.append(Point(method, sparsity, seed, *rest))
    return found


def content(text="x", seeds=3):
    """Return the content of a page with a text in every free place."""
    rows = summarise(points(seeds, text))
    one = sweep(question=text)
    sensitive = tuple(Sensitivity(text, s, 0.9 - s / 2, 1.0) for s in (0.5, 0.9))
    method = Method(((text, text),), ((text, text),), ((text, text),), text)
    warned = (*notes(one, rows, opened=True), text)
    head = (text, text, answer(one, rows), text, SCOPE, plan(one), warned, method)
    return SweepContent(*head, False, rows, sensitive)


PLAIN = parse(render_sweep(content())).tags


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_becomes_markup(payload):
    """Names of layers, questions and commands leave the tree of elements as it was."""
    tree = parse(render_sweep(content(payload)))
    assert tree.tags == PLAIN
    json.loads(tree.scripts[0][1], parse_constant=pytest.fail)


def test_page_points_nowhere():
    """No attribute of the page leads out, and the same content gives the same bytes."""
    page = render_sweep(content())
    values = [v for _, *attrs in parse(page).tags for n, v in attrs if n in ("src", "href")]
    assert all(v.startswith(("#", "data:")) for v in values)
    assert page == render_sweep(content())


def test_every_cost_can_be_chosen():
    """All twelve costs are offered by words, and each has the points of its Pareto front."""
    figure = against_cost(content())
    assert set(LABELS) == set(COSTS)
    assert [o.label for o in figure.choices[0].options] == [label for label, _ in LABELS.values()]
    fronts = [row[1] for row in figure.tables["front"].rows]
    assert sorted(set(fronts)) == list(range(12))


def test_costs_that_were_not_measured_are_left_out():
    """Without onnxruntime its latencies are no choice and no column."""
    bare = [replace(p, cost=replace(p.cost, latency={})) for p in points()]
    one = replace(content(), rows=summarise(bare))
    labels = [o.label for o in against_cost(one).choices[0].options]
    assert len(labels) == 6
    assert network_rows(one)[0].cells[-1].text == "–"


def test_dots_of_a_sparsity_stand_apart():
    """Methods at one sparsity get places of their own; the true sparsity is kept beside."""
    rows = [r for r in against_sparsity(content()).tables["points"].rows if r[0] > 0]
    assert len({row[1] for row in rows}) == len(rows) == 8
    assert {row[2] for row in rows} == {50.0, 90.0}


def test_answer_has_intervals_and_says_when_no_loss_was_shown():
    """The headline gives the first method's loss beside both baselines."""
    rows = summarise(points())
    said = answer(sweep(), rows)
    assert re.match(r"Removing 90\u202f% of the weights by magnitude costs \+\d", said)
    assert "random pruning costs" in said
    assert "training from scratch costs" in said
    assert "no loss was shown" not in said
    level = [replace(p, accuracy=0.9 + 0.01 * (p.seed - 1) * (p.sparsity - 0.5)) for p in points()]
    assert "no loss was shown" in answer(sweep(), summarise(level))
    assert "one seed: no interval" in answer(sweep(), summarise(points(1)))


def test_reader_is_warned():
    """Few seeds, zeros that cost time, emptied networks and an opened test set are told."""
    told = " ".join(notes(sweep(), summarise(points()), opened=True))
    for words in ("3 seeds", "Zeros in a dense tensor", "1 network lost a layer", "was opened"):
        assert words in told
    assert "Zeros" not in " ".join(
        notes(replace(sweep(), methods=("l1",), structured=True), (), False)
    )


def test_one_seed_has_no_bars():
    """An interval that is not known appears neither as a number nor as a text."""
    page = render_sweep(content(seeds=1))
    json.loads(parse(page).scripts[0][1], parse_constant=pytest.fail)
    assert not re.search(r">\s*[−-]?(nan|inf)", page)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="headless Chromium is not installed")
@pytest.mark.parametrize("text", ["What can go?", "</script><img src=x>'\"\\u0022$&"])
def test_browser_draws_every_chart(text, tmp_path):
    """Chromium draws all four charts under the policy, without a word on the console."""
    page = write_sweep(content(text), tmp_path / "report.html")
    seen = visit(page, tmp_path / "profile")
    assert seen.console == ()
    assert seen.document.count('data-drawn="yes"') == 4
    assert "<img" not in seen.document
