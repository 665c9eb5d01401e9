import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steepest.codec import canonical
from steepest.errors import UsageError
from steepest.seeds import stream
from steepest.stats.compare import compare_arms, over_tunings, paired_p
from steepest.stats.interval import counting_spread
from steepest.stats.power import power, sample_size
from steepest.stats.verdict import Verdict


def study(n=10, arms=("sgd", "adam", "rmsprop"), step=0.0):
    rng = stream(0, "study", n, len(arms))
    shared = rng.normal(0.9, 0.01, size=n)
    return {arm: shared + i * step + rng.normal(0, 0.004, size=n) for i, arm in enumerate(arms)}


studies = st.builds(
    lambda seed, n, arms, step, spread: {
        f"arm{i}": 0.9
        + step * i
        + spread * np.random.default_rng([seed, i]).integers(-50, 51, size=n) / 50
        for i in range(arms)
    },
    st.integers(0, 10**6),
    st.integers(2, 30),
    st.integers(2, 5),
    st.sampled_from([0.0, 0.001, 0.004, 0.01]),
    st.sampled_from([0.0, 0.001, 0.01, 0.1]),
)


@settings(max_examples=150, deadline=None)
@given(
    scores=studies,
    level=st.sampled_from([0.8, 0.95, 0.99]),
    margin=st.sampled_from([0.0, 0.005, 0.02]),
    referenced=st.booleans(),
    lower=st.booleans(),
)
def test_interval_p_and_word_say_the_same(scores, level, margin, referenced, lower):
    """0 is outside iff p is below alpha iff better or worse; else inside the margin iff equal."""
    reference = "arm0" if referenced else None
    found = compare_arms(
        scores, reference=reference, margin=margin, level=level, lower_is_better=lower
    )
    for v in found:
        decided = v.low > 0 or v.high < 0
        assert decided == (v.word in {"better", "worse"})
        assert decided == (v.p < 1 - level)
        assert v.small == (-margin < v.low and v.high < margin)
        assert (v.word == "equivalent") == (v.small and not decided)
        if decided:
            assert (v.word == "better") == ((v.low > 0) != lower)
            assert v.more_seeds is None
        assert v.low <= v.delta <= v.high
        assert 0 <= v.superiority <= 1


def test_the_family_shares_the_level_by_bonferroni():
    """Intervals are scipy's paired t intervals at 1 − 0.05 / m, p is m times the t test's."""
    scores = study(n=9, step=0.003)
    found = compare_arms(scores)
    assert [(v.a, v.b) for v in found] == [("sgd", "adam"), ("sgd", "rmsprop"), ("adam", "rmsprop")]
    for v in found:
        test = stats.ttest_rel(scores[v.a], scores[v.b])
        ends = test.confidence_interval(1 - 0.05 / 3)
        assert v.p == pytest.approx(min(1, 3 * test.pvalue))
        assert (v.low, v.high) == pytest.approx((ends.low, ends.high))
        assert v.delta == pytest.approx(scores[v.a].mean() - scores[v.b].mean())


def test_a_reference_makes_the_family_smaller():
    """Against a reference there are m − 1 comparisons, each naming the reference second."""
    found = compare_arms(study(), reference="adam")
    assert [(v.a, v.b, v.family) for v in found] == [("sgd", "adam", 2), ("rmsprop", "adam", 2)]


def test_swapping_arms_mirrors_the_verdict():
    """Arm b against a says the opposite of a against b."""
    scores = study(arms=("sgd", "adam"), step=0.01)
    there = compare_arms(scores)[0]
    back = compare_arms(dict(reversed(scores.items())))[0]
    assert (there.word, back.word) == ("worse", "better")
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.superiority == 1 - back.superiority


def test_lower_is_better_turns_the_words_and_not_the_numbers():
    """For a loss, the arm with the smaller mean is better; delta stays a − b."""
    scores = study(arms=("sgd", "adam"), step=0.01)
    high, low = (compare_arms(scores, lower_is_better=lower)[0] for lower in (False, True))
    assert (high.word, low.word) == ("worse", "better")
    assert (high.delta, high.low, high.high) == pytest.approx((low.delta, low.low, low.high))
    assert low.superiority == 1 - high.superiority


def test_superiority_counts_ties_half():
    """Two wins, a tie and a loss are 2.5 of 4."""
    found = compare_arms({"a": [0.9, 0.9, 0.8, 0.7], "b": [0.8, 0.8, 0.8, 0.8]})[0]
    assert found.superiority == 2.5 / 4


def test_equal_scores_are_equivalent():
    """Arms that score the same bit for bit differ by the point 0."""
    found = compare_arms({"a": [0.9, 0.9], "b": [0.9, 0.9]})[0]
    assert (found.word, found.low, found.high, found.p) == ("equivalent", 0.0, 0.0, 1.0)
    assert (found.superiority, found.detectable, found.more_seeds) == (0.5, 0.0, None)


def test_a_few_equal_differences_of_counts_prove_nothing():
    """Three seeds, each one test example of 360 apart: the spread is that of counting, not 0."""
    scores = np.array([300, 303, 308])
    three = compare_arms({"a": (scores + 1) / 360, "b": scores / 360})[0]
    assert three.word == "not distinguishable"
    assert three.high - three.delta == pytest.approx(4.303 / 360 / np.sqrt(6 * 3), rel=1e-3)
    ten = np.concatenate([scores, scores + 5, scores + 9, [320]])
    assert compare_arms({"a": (ten + 1) / 360, "b": ten / 360})[0].word == "better"


@pytest.mark.parametrize(
    ("size", "kind"), [(360, "float64"), (10_000, "float64"), (360, "float32")]
)
def test_the_step_of_counting_is_found(size, kind):
    """Accuracies show the step of their test set; losses show none to speak of."""
    rng = stream(0, "step")
    scores = (rng.integers(int(0.8 * size), size, size=(7, 10)) / size).astype(kind)
    assert counting_spread(scores.astype(float)) == pytest.approx(1 / size / 6**0.5, rel=1e-2)
    losses = rng.normal(0.9, 0.01, size=(7, 10)).astype(kind).astype(float)
    assert counting_spread(losses) < 1e-5


def test_one_seed_decides_nothing():
    """A single pair has an infinite interval and no advice."""
    found = compare_arms({"a": [0.9], "b": [0.1]})[0]
    assert (found.word, found.low, found.high, found.p) == (
        "not distinguishable",
        -np.inf,
        np.inf,
        1.0,
    )
    assert (found.detectable, found.more_seeds) == (np.inf, None)


def test_the_advice_is_the_power_of_the_paired_t_test():
    """`detectable` has 80 % power at the family's level, `more_seeds` at the difference seen."""
    scores = study(n=5, step=0.003)
    advised = []
    for v in compare_arms(scores, margin=0.0):
        sd = (scores[v.a] - scores[v.b]).std(ddof=1)
        assert power(v.detectable, sd, 5, 0.05 / 3) == pytest.approx(0.8)
        needed = sample_size(v.delta, sd, 0.05 / 3) - 5
        if v.word == "not distinguishable":
            assert v.more_seeds == (needed if needed <= 1000 else None)
            advised.append(v.more_seeds)
    assert None in advised
    assert any(advised)


def test_more_seeds_may_aim_at_equivalence():
    """Where the arms look alike, fewer seeds show the equivalence than a difference."""
    rng = stream(0, "alike")
    a = rng.normal(0.9, 0.004, size=5)
    found = compare_arms({"a": a, "b": a + 0.0001 + 0.004 * np.array([1, -1, 1, -1, 0])})[0]
    assert found.word == "not distinguishable"
    assert 1 <= found.more_seeds <= 20
    assert compare_arms({"a": a, "b": a + np.array([1, -1, 1, -1, 0.1])})[0].more_seeds is None


def test_a_verdict_is_plain_values():
    """A verdict goes to canonical JSON and back."""
    found = compare_arms(study())[0]
    assert Verdict(**json.loads(canonical(found))) == found
    assert all(type(x) in {str, float, int, bool, type(None)} for x in dataclasses.astuple(found))


def test_tunings_are_the_unit():
    """(K, S) scores become K means, and the verdict's n is K."""
    scores = {arm: stream(0, arm).normal(0.9, 0.01, size=(5, 10)) for arm in ("adam", "sgd")}
    means = {arm: over_tunings(x) for arm, x in scores.items()}
    assert means["adam"] == pytest.approx(scores["adam"].mean(axis=1))
    assert compare_arms(means)[0].n == 5
    with pytest.raises(UsageError, match=r"\(tunings, seeds\)"):
        over_tunings([0.1, 0.2])


def test_paired_p_is_scipys():
    """Many t tests at once equal scipy's, one by one."""
    x = stream(0, "p").normal(0.3, size=(7, 20))
    assert paired_p(x) == pytest.approx(stats.ttest_1samp(x, 0).pvalue)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare_arms({"adam": [1.0]}), "needs two arms; given: adam"),
        (lambda: compare_arms({"adam": [1.0, 2.0], "sgd": [1.0]}), "equal lengths"),
        (lambda: compare_arms({"adam": [1.0], "sgd": [np.nan]}), "arm 'sgd'.*last finite score"),
        (lambda: compare_arms(study(), reference="adm"), "unknown arm 'adm'; did you mean 'adam'"),
        (lambda: compare_arms(study(), diverged={"sdg": [True]}), "did you mean 'sgd'"),
        (lambda: compare_arms(study(), diverged={"sgd": [True]}), r"shape \(1,\)"),
        (lambda: compare_arms(study(), level=95), "level is 95"),
        (lambda: compare_arms(study(), margin=-1), "margin is -1"),
    ],
)
def test_bad_input_gets_one_clear_message(call, words):
    """What cannot be compared is refused with a sentence that names it."""
    with pytest.raises(UsageError, match=words):
        call()
