import numpy as np
import pytest

from steepest.stats.compare import compare_arms
from steepest.stats.verdict import Verdict, sentence

BETTER = Verdict(
    a="adam",
    b="sgd",
    word="better",
    delta=0.0132,
    low=0.0081,
    high=0.0183,
    n=10,
    p=0.001,
    superiority=1.0,
    detectable=0.009,
    more_seeds=None,
    level=0.95,
    margin=0.005,
    family=1,
    small=False,
    diverged_a=0,
    diverged_b=0,
    method="paired Student t",
)


def changed(**fields):
    return Verdict(**{**BETTER.__dict__, **fields})


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (
            BETTER,
            "adam is better than sgd: +1.32 points (95 % interval 0.81 to 1.83, n = 10)",
        ),
        (
            changed(word="worse", delta=-0.002, low=-0.003, high=-0.001, small=True),
            (
                "adam is worse than sgd: -0.20 points (95 % interval -0.30 to -0.10, n = 10); "
                "less than the ±0.50 points that would matter"
            ),
        ),
        (
            changed(word="equivalent", delta=0.001, low=-0.002, high=0.004, small=True),
            (
                "adam and sgd are equivalent within ±0.50 points: +0.10 points "
                "(95 % interval -0.20 to 0.40, n = 10)"
            ),
        ),
        (
            changed(word="not distinguishable", low=-0.01, delta=0.004, more_seeds=12),
            (
                "adam and sgd are not distinguishable: +0.40 points (95 % interval -1.00 to 1.83, "
                "n = 10); this study could have detected 0.90 points; "
                "about 12 more seeds would likely decide"
            ),
        ),
        (
            changed(diverged_b=2),
            (
                "adam is better than sgd: +1.32 points (95 % interval 0.81 to 1.83, n = 10); "
                "2 of 10 runs of sgd diverged"
            ),
        ),
    ],
)
def test_each_word_has_its_sentence(verdict, said):
    """The sentence claims what the word says and no more."""
    assert sentence(verdict) == said


def test_labels_name_the_cells():
    """With one tuning the labels name tuned cells, and the sentence says them."""
    text = sentence(BETTER, {"adam": "adam at lr 0.001", "sgd": "sgd at lr 0.1"})
    assert text.startswith("adam at lr 0.001 is better than sgd at lr 0.1: ")


def test_a_metric_that_is_no_fraction_is_said_in_its_own_unit():
    """A loss is not turned into points."""
    assert sentence(BETTER, points=False) == (
        "adam is better than sgd: +0.0132 (95 % interval 0.0081 to 0.0183, n = 10)"
    )


def test_one_pair_has_no_interval_to_show():
    """An infinite interval is said in words."""
    found = compare_arms({"a": [0.9], "b": [0.8]})[0]
    assert sentence(found) == (
        "a and b are not distinguishable: +10.00 points (one pair has no interval)"
    )
    assert np.isinf(found.high)
