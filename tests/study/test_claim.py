"""Claims: what may be written, what is refused, and how records decide them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import study_case

from steepest.errors import UsageError
from steepest.report.collect import collect
from steepest.report.factor_table import tables
from steepest.report.page import render
from steepest.study.archive import study_of, text_of_study
from steepest.study.audit import audit
from steepest.study.claim import MEASURES, Claim
from steepest.study.conclusion import conclude
from steepest.study.query import find_study
from steepest.study.reported import beside
from steepest.study.store import open_store
from steepest.study.toml import from_table, read_study, to_toml

ARMS = [
    {"name": "slow", "optimizer": "sgd(lr=0.001)"},
    {"name": "quick", "optimizer": "adam(lr=0.01)"},
]
TABLE = {
    "trials": 0,
    "seeds": 6,
    "base": study_case.BASE | {"epochs": 6, "batch_size": 32},
    "arms": ARMS,
}
CLAIMS = {
    "better": {"better": "quick"},
    "better by far too much": {"better": "quick", "than": ["slow"], "by": 0.95},
    "worse": {"better": "slow", "than": "quick"},
    "lower loss": {"better": "quick", "metric": "val_loss"},
    "half the loss": {"better": "quick", "than": "slow", "metric": "val_loss", "times": 2},
    "a tenth of a percent of the loss": {
        "better": "quick", "than": "slow", "metric": "val_loss", "times": 1000,
    },
    "faster": {"faster": "quick", "target": 0.7},
    "slower": {"faster": "slow", "than": "quick", "target": 0.7, "times": 1.5},
    "reaches": {"arm": "quick", "at_least": 0.5},
    "stays below": {"arm": "quick", "at_most": 0.5, "metric": "train_accuracy"},
    "six epochs": {"arm": "slow", "at_least": 6, "metric": "epochs"},
}  # fmt: skip
WORDS = {
    "better": "holds", "better by far too much": "does not hold", "worse": "does not hold",
    "lower loss": "holds", "half the loss": "holds",
    "a tenth of a percent of the loss": "does not hold", "faster": "holds",
    "slower": "does not hold", "reaches": "holds", "stays below": "does not hold",
    "six epochs": "holds",
}  # fmt: skip


def _study(claims, **more):
    written = [{"text": name} | claim for name, claim in claims.items()]
    return from_table(TABLE | {"claims": written} | more, "t.toml", "small")


def test_every_kind_of_claim_has_its_outcome(tmp_path):
    """Two arms that differ plainly: what is true holds, what is false does not, with figures."""
    arms = [ARMS[0] | {"reported": dict.fromkeys(MEASURES, 0.5)}, ARMS[1]]
    study = _study(CLAIMS, arms=arms)
    study_case.conduct(study, tmp_path)
    with open_store(study_case.url(tmp_path)) as store:
        found = conclude(study, find_study(store, study.name), store)
        content = collect(found, store, "today", "steepest run t.toml")
    assert {o.claim.text: o.word for o in found.outcomes} == WORDS
    assert [r.measure for r in found.reported] == list(MEASURES)
    assert all(r.low <= r.mean <= r.high for r in found.reported)
    assert all(np.isfinite(f.value) for o in found.outcomes for f in o.findings)
    md, page = tables(content, "md"), render(content)
    for text in ("validation precision", "does not hold", "among single runs"):
        assert text in md
        assert text in page
    assert "What was claimed" in page


def test_a_wider_family_has_wider_intervals(tmp_path):
    """The comparisons of all claims share 5 %: a further claim widens the first one's interval."""
    study = _study({"better": CLAIMS["better"]})
    study_case.conduct(study, tmp_path)
    more = replace(study, claims=(*study.claims, Claim("again", better="quick", metric="loss")))
    widths = []
    with open_store(study_case.url(tmp_path)) as store:
        for one in (study, more):
            found = conclude(one, find_study(store, study.name), store)
            (finding,) = found.outcomes[0].findings
            widths.append(finding.high - finding.low)
    assert widths[1] > 1.15 * widths[0]  # t at 5 degrees: 3.16 over 2.57


def test_a_claim_on_arms_that_are_too_close_is_not_decided(tmp_path):
    """Two names for the same run: no difference, so no better, and no 90 % that it never saw."""
    twins = [ARMS[1], ARMS[1] | {"name": "twin", "l2": 1e-9}]
    study = _study({"better": {"better": "quick"}}, arms=twins)
    study_case.conduct(study, tmp_path)
    with open_store(study_case.url(tmp_path)) as store:
        found = conclude(study, find_study(store, study.name), store)
    assert found.outcomes[0].word != "holds"


def test_claims_travel_and_their_words_decide_nothing(tmp_path):
    """TOML, store and digest: what would have to hold counts, how it is said does not."""
    study = _study(CLAIMS)
    path = tmp_path / "small.toml"
    path.write_text(to_toml(study))
    for again in (read_study(path), study_of(text_of_study(study))):
        assert again == study
        assert again.digest == study.digest
    other = replace(study.claims[0], text="in other words")
    assert replace(study, claims=(other, *study.claims[1:])).digest == study.digest
    assert replace(study, claims=study.claims[1:]).digest != study.digest
    assert replace(study, claims=()).plain().get("claims") is None


BROKEN = {
    "no text": ({"text": " ", "better": "quick"}, "a claim has a text"),
    "nothing said": ({}, "names one of better, faster and arm"),
    "two things said": ({"better": "quick", "arm": "slow"}, "names one of better, faster and arm"),
    "unknown arm": ({"better": "quik"}, "unknown arm 'quik'; did you mean 'quick'?"),
    "unknown other": ({"better": "quick", "than": "slo"}, "unknown arm 'slo'"),
    "itself": ({"better": "quick", "than": "quick"}, "'quick' is compared with itself"),
    "unknown measure": (
        {"better": "quick", "metric": "val_acc"},
        "unknown measure 'val_acc'; did you mean 'val_accuracy'?",
    ),
    "unknown cost": ({"faster": "quick", "target": 0.5, "cost": "hours"}, "unknown cost 'hours'"),
    "no target": ({"faster": "quick"}, "faster needs a target"),
    "no value": ({"arm": "quick"}, "arm needs one of at_least and at_most"),
    "value without an arm": ({"better": "quick", "at_least": 0.5}, "and they need arm"),
    "not a number": ({"better": "quick", "by": "much"}, "by must be a number, not 'much'"),
    "times zero": ({"better": "quick", "times": 0}, "times must be above 0"),
    "difference and ratio": ({"better": "quick", "by": 0.1, "times": 2}, "not of both"),
    "no arms": ({"better": "quick", "than": 5}, "than names one arm or a list of arms, not 5"),
    "no measure": ({"better": "quick", "metric": ["loss"]}, "metric must be a text"),
    "not finite": ({"better": "quick", "by": float("nan")}, "by must be finite"),
    "faster by": ({"faster": "quick", "target": 0.5, "by": 0.1}, "faster is a matter of times"),
    "value in times": ({"arm": "quick", "at_least": 0.5, "times": 2}, "at_least or at_most alone"),
    "unknown key": ({"betr": "quick"}, "unknown key 'betr'; did you mean 'better'?"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_claim_is_one_sentence_with_its_place(case):
    table, sentence = BROKEN[case]
    with pytest.raises(UsageError) as caught:
        from_table(TABLE | {"claims": [{"text": "said"} | table]}, "t.toml", "small")
    assert str(caught.value).startswith("t.toml: claims[0]: ")
    assert sentence in str(caught.value)


def test_a_published_value_names_a_measure():
    arms = [ARMS[0] | {"reported": {"acc": 0.9}}, ARMS[1]]
    with pytest.raises(UsageError, match="arm 'slow': unknown measure 'acc'; did you mean"):
        from_table(TABLE | {"arms": arms}, "t.toml", "small")


def _arm(name, scores, tunings=1, diverged=False, examples=None):
    """Return as much of an arm's results as claims look at."""
    n = len(scores)
    return SimpleNamespace(
        name=name,
        records=[SimpleNamespace(metrics={})] * n,
        curves=[[]] * n,
        tests=[{"accuracy": score, "examples": examples} for score in scores],
        choices=[None] * tunings,
        tunings=np.repeat(np.arange(tunings), n // tunings),
        diverged=np.full(n, diverged),
    )


def _beside(arm, value):
    study = SimpleNamespace(arm=lambda _: SimpleNamespace(reported=[("accuracy", value)]))
    return beside(study, [arm])[0]


def _words(claims, arms, margin=0.0):
    study = SimpleNamespace(metric="accuracy", margin=margin, claims=claims, arms=arms)
    return [outcome.word for outcome in audit(study, arms)]


@pytest.mark.parametrize("tunings", [1, 5])
def test_what_diverged_is_ahead_of_nothing(tunings):
    """By difference and by ratio, with one tuning and several; a sound arm holds both."""
    claims = [Claim("so", better="a"), Claim("so", better="a", times=1.01)]
    draw = np.random.default_rng(0)
    a, b = draw.normal(0.92, 0.001, 10), draw.normal(0.90, 0.001, 10)
    assert _words(claims, [_arm("a", a, tunings), _arm("b", b, tunings)]) == ["holds"] * 2
    lost = _words(claims, [_arm("a", a, tunings, diverged=True), _arm("b", b, tunings)])
    assert "holds" not in lost


def test_what_diverged_is_no_tie():
    """Equal last finite scores are no proof against an arm whose rival diverged."""
    draw = np.random.default_rng(0)
    a, b = (_arm(name, draw.normal(0.951, 0.0005, 5)) for name in "ab")
    claim = [Claim("so", better="a")]
    assert _words(claim, [a, b], margin=0.005) == ["does not hold"]
    b.diverged[:] = True
    assert _words(claim, [a, b], margin=0.005) == ["not distinguishable"]


def test_a_single_run_varies_more_than_the_mean_of_a_tuning():
    """95 % of further runs lie in the interval for them, with ten seeds in each of five tunings."""
    draw, inside = np.random.default_rng(0), 0
    for _ in range(400):
        luck = np.repeat(draw.normal(0, 0.002, 5), 10)
        arm = _arm("a", 0.9 + luck + draw.normal(0, 0.005, 50), tunings=5)
        further = 0.9 + draw.normal(0, 0.002) + draw.normal(0, 0.005)
        inside += _beside(arm, further).place == "inside"
    assert 0.93 < inside / 400 < 0.98


def test_equal_counts_place_no_published_value():
    """Three times 98 of 100 are no sign that 98.01 % is above what a run would give."""
    found = _beside(_arm("a", [0.98] * 3, examples=100), 0.9801)
    assert found.place == "inside"
    assert found.low < 0.98 < found.high


def test_a_few_equal_counts_prove_no_value():
    """Three equal accuracies of a test set of 100 are no sure 94.9 %, and no sure ratio."""
    arms = [_arm("a", [0.95] * 3), _arm("b", [0.90, 0.91, 0.90])]
    claims = [Claim("so", arm="a", at_least=0.949), Claim("so", better="a", times=1.05)]
    assert _words(claims, arms) == ["not distinguishable"] * 2
    assert _words([Claim("so", arm="a", at_least=0.9)], arms) == ["holds"]
