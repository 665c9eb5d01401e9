from itertools import product

import numpy as np
import pytest
from scipy import stats

from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.across import (
    contests,
    fewest_problems,
    holm,
    mean_ranks,
    signed_rank,
    stratified_iqm,
)
from steepest.stats.aggregate import interquartile_mean


@pytest.mark.parametrize("n", [2, 5, 9, 20])
def test_the_signed_rank_test_is_scipys_where_nothing_ties(n):
    """Exact, two-sided."""
    for k in range(5):
        gap = stream(0, "signed rank", n, k).normal(0.3, 1, n)
        assert signed_rank(gap) == pytest.approx(stats.wilcoxon(gap, method="exact").pvalue)


def test_ties_are_counted_over_all_signs():
    """Against the count by hand; zeros are left out."""
    gap = np.array([0.1, 0.1, -0.1, 0.3, 0.3, 0.0])
    ranks = stats.rankdata(np.abs(gap[:5]))
    sums = [
        sum(r for r, s in zip(ranks, signs, strict=True) if s)
        for signs in product((0, 1), repeat=5)
    ]
    seen = ranks[gap[:5] > 0].sum()
    tail = min(np.mean(np.array(sums) >= seen), np.mean(np.array(sums) <= seen))
    assert signed_rank(gap) == pytest.approx(min(1.0, 2 * tail))


def test_no_outcome_is_below_what_so_few_problems_can_give():
    """All ahead: p = 2^(1 − P). Five problems decide nothing, six do, eight for six pairs."""
    for n in range(1, 9):
        assert signed_rank(np.arange(1, n + 1)) == pytest.approx(2.0 ** (1 - n))
    means = {"a": np.linspace(0.8, 0.9, 5), "b": np.linspace(0.7, 0.75, 5)}
    (five,) = contests(means)
    assert (five.word, five.is_decidable, five.wins) == ("not distinguishable", False, 5)
    (six,) = contests(
        {k: np.append(v, v[-1]) + np.arange(6) * (k == "a") for k, v in means.items()}
    )
    assert (six.word, six.is_decidable) == ("better", True)
    for family in (1, 3, 6, 21):
        fewest = fewest_problems(family)
        assert family * 2.0 ** (1 - fewest) <= 0.05 < family * 2.0 ** (2 - fewest)


def test_holm_is_no_smaller_than_the_p_values_and_keeps_their_order():
    p = stream(0, "holm").uniform(0, 0.2, 6).tolist()
    adjusted = holm(p)
    assert all(q >= v for q, v in zip(adjusted, p, strict=True))
    assert (np.diff(np.array(adjusted)[np.argsort(p)]) >= 0).all()
    assert min(adjusted) == pytest.approx(6 * min(p))


def test_contests_against_a_reference_turn_with_the_metric():
    """Less loss is better; the family counts the comparisons made."""
    draw = stream(0, "contests")
    means = {
        "a": draw.uniform(0.1, 0.2, 8),
        "b": draw.uniform(0.5, 0.6, 8),
        "c": draw.uniform(size=8),
    }
    found = contests(means, reference="b", lower_is_better=True)
    assert [(c.a, c.b) for c in found] == [("a", "b"), ("c", "b")]
    assert (found[0].word, found[0].wins) == ("better", 8)
    assert contests(means, reference="b")[0].word == "worse"
    assert found[0].least == pytest.approx(2 / 128)


def test_mean_ranks_sum_to_what_ranks_sum_to():
    means = {k: stream(0, "ranks", k).uniform(size=5) for k in "abcd"}
    assert sum(mean_ranks(means).values()) == pytest.approx(10)


def test_the_interquartile_mean_is_that_of_all_scores():
    scores = [stream(0, "iqm", p).normal(0.8, 0.1, (3, 4)) for p in range(5)]
    found = stratified_iqm(scores)
    for k, one in enumerate(found):
        assert one.mean == pytest.approx(interquartile_mean([s[k] for s in scores]))
        assert one.low < one.mean < one.high
    assert np.isinf(stratified_iqm([s[:, :1] for s in scores])[0].low)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_of_the_interquartile_mean_covers(seeds):
    """Five problems of unlike difficulty: about 95 % of studies hold the true value."""
    level, draw = np.array([0.5, 0.7, 0.75, 0.8, 0.95])[:, None], stream(0, "iqm coverage", seeds)
    true = np.mean(
        [interquartile_mean(level + draw.normal(0, 0.02, (5, seeds))) for _ in range(9000)]
    )
    held = 0
    for _ in range(300):
        scores = level + draw.normal(0, 0.02, (5, seeds))
        (one,) = stratified_iqm([row[None] for row in scores])
        held += one.low <= true <= one.high
    assert 0.91 <= held / 300 <= 0.985


@pytest.mark.parametrize(("problems", "seeds", "least"), [(2, 2, 0.88), (2, 3, 0.92), (3, 3, 0.9)])
def test_few_problems_and_seeds_widen_it(problems, seeds, least):
    """The bootstrap knows no degrees of freedom: with z for t two by two covered in 79 %."""
    draw, held = stream(0, "few problems", problems, seeds), 0
    cut = problems * seeds // 4
    for _ in range(300):
        scores = draw.normal(0, 1, (problems, 1, seeds))  # of one level: the true value is 0
        (one,) = stratified_iqm(list(scores))
        held += one.low <= 0 <= one.high
    assert cut in (1, 2)
    assert held / 300 >= least


def test_equal_arms_are_rarely_called_different():
    """At most 5 % of studies with any false finding, ten problems and four arms."""
    draw, studies = stream(0, "contest simulation"), 400
    wrong = 0
    for _ in range(studies):
        hard = draw.normal(0.8, 0.1, 10)
        found = contests({k: hard + draw.normal(0, 0.01, 10) for k in "abcd"})
        wrong += any(c.word != "not distinguishable" for c in found)
    assert wrong / studies <= 0.05 + 2.6 * (0.05 * 0.95 / studies) ** 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: contests({"a": [1.0]}), "two arms or more"),
        (lambda: contests({"a": [1.0], "b": [1.0, 2.0]}), "every problem"),
        (lambda: contests({"adam": [1.0], "b": [2.0]}, reference="adma"), "did you mean 'adam'"),
        (lambda: stratified_iqm([[1.0, 2.0]]), "one array"),
        (lambda: signed_rank([np.nan]), "not finite"),
    ],
)
def test_bad_input_gets_one_clear_message(call, words):
    with pytest.raises(UsageError, match=words):
        call()
