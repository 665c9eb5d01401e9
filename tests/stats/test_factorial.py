from itertools import product

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.compare import compare_arms
from steepest.stats.factorial import Scale, Table, interactions, level_means, main_effects
from steepest.stats.resample import Basis

FACTORS = (("x", ("0", "1")), ("y", ("a", "b", "c")))
CELLS = list(product(*(levels for _, levels in FACTORS)))


def _table(effect, n=6, noise=0.01, name="factorial", **options):
    """Return a table whose cells score effect(x, y) plus noise and a shared seed's luck."""
    draw = stream(0, name)
    luck = draw.normal(0, 0.05, n)
    scores = {cell: effect(*cell) + luck + draw.normal(0, noise, n) for cell in CELLS}
    return Table(FACTORS, scores, **options)


def test_effects_and_interactions_are_the_linear_contrasts_of_the_cells():
    """Against the least-squares fit of a design matrix with every product term, seed by seed."""
    table = _table(lambda x, y: 0.2 * (x == "1") + 0.1 * (y == "b"))
    rows = []
    for x, y in CELLS:
        u, v, w = (x == "1") - 0.5, (y == "b") - 1 / 3, (y == "c") - 1 / 3
        rows.append([1, u, v, w, u * v, u * w])
    seeds = np.stack([table.scores[c] for c in CELLS])
    fitted = np.linalg.solve(np.array(rows, float), seeds).mean(axis=1)
    found = [e.verdict.delta for e in main_effects(table)]
    assert found == pytest.approx(fitted[1:4])
    crossed = [i.verdict.delta for i in interactions(table)]
    assert crossed == pytest.approx(fitted[4:6])


def test_one_factor_alone_is_a_comparison_of_arms():
    """With a single factor the effects are the verdicts against its first level."""
    draw = stream(0, "one factor")
    scores = {level: np.round(draw.normal(0.9, 0.02, 5), 2) for level in "abc"}
    table = Table((("y", ("a", "b", "c")),), {(k,): v for k, v in scores.items()})
    arms = compare_arms(scores, reference="a")
    for effect, arm in zip(main_effects(table), arms, strict=True):
        mine = effect.verdict
        assert (mine.word, mine.low, mine.high) == (arm.word, arm.low, arm.high)
    assert interactions(table) == []


def test_words_say_which_way():
    """The factor x helps everywhere but at c, where it hurts; y does nothing where x is off."""
    table = _table(lambda x, y: (x == "1") * (-0.2 if y == "c" else 0.2), noise=0.0005)
    assert main_effects(table)[0].verdict.word == "better"
    words = {i.other: i.word for i in interactions(table)}
    assert words == {"b": "additive", "c": "weaker"}
    upside = Table(FACTORS, {c: -s for c, s in table.scores.items()})
    scale = Scale(lower_is_better=True)
    assert {i.other: i.word for i in interactions(upside, scale)} == words


def test_missing_cells_are_left_out_of_the_average():
    """An ablation has the base and one change each: simple differences, no interaction."""
    table = _table(lambda x, y: 0.2 * (x == "1") + 0.1 * (y == "b"))
    few = {c: s for c, s in table.scores.items() if c in {("0", "a"), ("1", "a"), ("0", "b")}}
    effects = main_effects(Table(FACTORS, few))
    assert [(e.factor, e.level, e.cells) for e in effects] == [("x", "1", 1), ("y", "b", 1)]
    assert effects[0].verdict.delta == pytest.approx((few["1", "a"] - few["0", "a"]).mean())
    assert interactions(Table(FACTORS, few)) == []


def test_a_diverged_level_wins_no_pair_and_nothing_is_additive_with_it():
    """Its lucky last score does not count; the words stay careful."""
    n = 6
    table = _table(lambda x, _: 0.3 * (x == "1"), n=n, noise=0.0005)
    lost = {("1", y): np.ones(n, bool) for y in "abc"}
    ruined = Table(FACTORS, table.scores, lost)
    effect = main_effects(ruined)[0].verdict
    assert (effect.word, effect.delta, effect.diverged_a) == ("not distinguishable", 0.0, n)
    assert {i.word for i in interactions(table)} == {"additive"}
    assert {i.word for i in interactions(ruined)} == {"additive"}  # both sides lost the same
    half = Table(FACTORS, table.scores, {("1", "b"): np.ones(n, bool)})
    assert {i.other: i.word for i in interactions(half)}["b"] == "not distinguishable"


def test_means_of_levels_average_over_the_rest():
    table = _table(lambda x, y: 0.2 * (x == "1") + 0.1 * (y == "b"))
    means = level_means(table, 1, 0)
    assert set(means) == {(y, x) for x, y in CELLS}
    assert means["b", "1"].mean == pytest.approx(table.scores["1", "b"].mean())


def test_bad_input_gets_one_clear_message():
    with pytest.raises(UsageError, match="equally many"):
        Table(FACTORS, {("0", "a"): np.ones(2), ("1", "a"): np.ones(3)})
    with pytest.raises(UsageError, match="every factor"):
        Table(FACTORS, {("0",): np.ones(2)})


@pytest.mark.parametrize("seeds", [3, 10])
def test_false_findings_and_coverage_are_as_promised(seeds):
    """Equal cells: at most 5 % of studies find any effect, or any interaction, by mistake."""
    draw, studies = stream(0, "factorial simulation", seeds), 400
    wrong = np.zeros(2)
    for _ in range(studies):
        luck = draw.normal(0, 0.02, seeds)
        scores = {c: luck + draw.normal(0, 0.01, seeds) for c in CELLS}
        table = Table(FACTORS, scores)
        for k, found in enumerate((main_effects(table), interactions(table))):
            wrong[k] += any(f.verdict.low > 0 or f.verdict.high < 0 for f in found)
    limit = 0.05 + 2.6 * (0.05 * 0.95 / studies) ** 0.5
    assert (wrong / studies <= limit).all()
    assert wrong.sum() > 0  # the intervals are not just wide


def test_dependent_pairs_widen_every_interval():
    """Folds that share training data: as for arms, by sqrt(1 + n · ratio)."""
    table = _table(lambda x, _: 0.1 * (x == "1"), n=5)
    scale = Scale(basis=Basis(ratio=0.25))
    for judge in (main_effects, interactions):
        for plain, wide in zip(judge(table), judge(table, scale), strict=True):
            a, b = plain.verdict, wide.verdict
            assert b.high - b.low == pytest.approx(1.5 * (a.high - a.low))
