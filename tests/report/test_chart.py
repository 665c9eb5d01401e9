"""Charts: what is drawn is what was measured, and no user's text enters an expression."""

import json

import pytest
from report.payload import PAYLOADS
from report.sample import hostile, sample

from steepest.report.chart import arm_order
from steepest.report.content import Trial
from steepest.report.page import figures
from steepest.report.palette import DARK, LIGHT, colour, dash
from steepest.report.rate_chart import rate
from steepest.report.run_chart import runs
from steepest.report.strip_chart import strip


def expressions(spec):
    """Yield every string that Vega-Lite reads as an expression."""
    if isinstance(spec, dict):
        for key, value in spec.items():
            if key in {"filter", "test", "expr", "labelExpr", "calculate"} and isinstance(
                value, str
            ):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from expressions(value)


def records(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_strip_shows_differences_in_points():
    """The strip's dots and bars are the arms' deltas and simultaneous intervals times a hundred."""
    content = sample()
    arms = {arm_order(content)[arm.name]: arm for arm in content.arms}
    shown = [r for r in records(strip(content).tables["strip"]) if not r["reference"]]
    assert len(shown) == 6
    for record in shown:
        arm = arms[record["i"]]
        expected = (100 * arm.delta, 100 * arm.delta_low, 100 * arm.delta_high)
        assert (record["x"], record["low"], record["high"]) == pytest.approx(expected)


def test_strip_is_sorted_best_first():
    xs = [r["x"] for r in records(strip(sample()).tables["strip"])]
    assert xs == sorted(xs, reverse=True)


def test_strip_names_every_word():
    """The label of a row says the verdict in words and sign, not by colour."""
    labels = [r["row"] for r in records(strip(sample()).tables["strip"])]
    assert {"adam\n▲ better", "sgd\nreference", "rmsprop\n? not distinguishable"} <= set(labels)


def test_diverged_trial_is_kept():
    """A trial without a score is drawn as diverged, and the caption counts it."""
    figure = rate(sample())
    lost = [r for r in records(figure.tables["trials"]) if r["diverged"]]
    assert [r["score"] for r in lost] == [None]
    assert "1 trial diverged" in figure.caption


def test_one_trial_per_arm_is_ringed():
    chosen = [r["i"] for r in records(rate(sample()).tables["trials"]) if r["chosen"]]
    assert sorted(chosen) == list(range(7))


def test_zone_lies_below_the_best_score():
    """The shade reaches from the best score of all trials to 95 % of it."""
    (zone,) = records(rate(sample()).tables["zone"])
    best = max(t.score for t in sample().trials if t.score is not None)
    assert zone == {"best": best, "edge": pytest.approx(0.95 * best)}


def test_no_chart_without_learning_rates():
    content = sample()
    trials = (Trial("sgd", {"momentum": 0.9}, 0.5),)
    assert rate(type(content)("s", "q", "h", "c", arms=content.arms, trials=trials)) is None


def test_charts_of_the_sample():
    names = [figure.name for figure in figures(sample())]
    assert names == ["strip", "curves", "arrival", "rate", "runs"]


@pytest.mark.parametrize("payload", PAYLOADS[:20])
def test_expressions_hold_no_text_of_a_user(payload):
    """The expressions in all charts are the same whatever the names are."""

    def collect(text):
        return [list(expressions(figure.spec)) for figure in figures(hostile(text))]

    assert collect(payload) == collect("x")


def test_specs_are_plain_json():
    for figure in figures(sample()):
        assert json.loads(json.dumps(figure.spec)) == figure.spec


def luminance(hue):
    parts = [int(hue[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("hues", "paper"), [(LIGHT, "#ffffff"), (DARK, "#12161c")])
def test_colours_stand_out_from_the_paper(hues, paper):
    """Every arm's colour has a contrast of at least 3 to 1 (WCAG 1.4.11)."""
    for hue in hues:
        bright, dim = sorted((luminance(hue), luminance(paper)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 3


def test_forty_arms_look_different():
    """Colour and dash together tell 41 arms apart."""
    assert len({(colour(look), dash(look)) for look in range(41)}) == 41


def test_runs_show_paired_differences():
    """A dot's difference is the arm's score minus the reference's at the same seed, in points."""
    content = sample()
    scores = {arm.name: dict(arm.scores) for arm in content.arms}
    names = [arm.name for arm in content.arms]
    shown = records(runs(content).tables["dots"])
    assert len(shown) == 70
    for record in shown:
        name, seed = names[record["i"]], record["seed"]
        gap = 100 * (scores[name][seed] - scores["sgd"][seed])
        assert (record["score"], record["difference"]) == (scores[name][seed], pytest.approx(gap))
