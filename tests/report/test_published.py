"""What was published and claimed, in words: units, signs, open ends, values nobody measured."""

import math

from steepest.report.content import Content, Reported
from steepest.report.published import claim_rows, published, reported_cells
from steepest.study.audit import Finding, Outcome
from steepest.study.claim import Claim
from steepest.study.design import Arm, Study

BETTER = Claim("a is better", better="a", than=("b",), metric="val_accuracy")
FASTER = Claim("a is faster", faster="a", than=("b",), times=2.0, target=0.5)


def _said(claim, *found):
    (row,) = claim_rows([Outcome(claim, "holds", found)])
    return row.facts


def test_a_difference_has_points_only_where_it_is_of_shares():
    words = ("difference", "a", "b", "val_accuracy", -0.012, -0.02, math.inf, 5, "holds")
    assert _said(BETTER, Finding(*words)) == (
        "validation accuracy, a minus b: −1.20 points (−2.00 to unbounded; n = 5)",
    )
    words = ("difference", "a", "b", "loss", 0.0123, 0.01, 0.02, 5, "holds")
    assert _said(BETTER, Finding(*words)) == (
        "test loss, a minus b: +0.0123 (+0.01 to +0.02; n = 5)",
    )


def test_a_ratio_says_whether_it_is_of_times_or_of_values():
    words = ("ratio", "b", "a", "epochs", 2.5, 2.0, math.inf, 5, "holds")
    (said,) = _said(FASTER, Finding(*words, exact=False))
    assert said.startswith("b needs 2.5 times the epochs of a (2 to unbounded; n = 5, counting ")
    words = ("ratio", "b", "a", "gap", 1.3, 1.2, 1.4, 5, "holds")
    assert _said(BETTER, Finding(*words)) == (
        "generalization gap, b to a: 1.3 times (1.2 to 1.4; n = 5)",
    )


def test_what_was_not_measured_is_said():
    words = ("value", "a", "", "gap", math.nan, -math.inf, math.inf, 5, "not distinguishable")
    assert _said(BETTER, Finding(*words)) == ("generalization gap was not measured in every run",)
    cells = reported_cells(Content("s", "?", "!", "today", reported=(Reported("a", "gap", 0.1),)))
    assert cells[1] == ["a", "gap", "10.00\u202f%", "–", "", "–", "0"]
    assert reported_cells(Content("s", "?", "!", "today")) == []


def test_a_claim_names_what_was_published_of_its_arms():
    """Values of the arms that it compares, in its measure; a dash where nothing was."""
    arms = (Arm("a", (), (), (("val_accuracy", 0.9), ("loss", 0.5))), Arm("b", (("l2", 0.1),)))
    study = Study("s", "?", (("data", "digits"),), arms, trials=0)
    found = Finding("difference", "a", "b", "val_accuracy", 0.1, 0.0, 0.2, 5, "holds")
    assert published(study, Outcome(BETTER, "holds", (found,))) == "a 90.00\u202f%"
    of_loss = Claim("less", better="b", metric="loss")
    assert published(study, Outcome(of_loss, "holds", (found,))) == "a 0.5"
    assert published(study, Outcome(FASTER, "holds", (found,))) == "–"
