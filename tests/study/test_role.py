"""Roles: what is compared, what is tuned, what stays as it is."""

import study_case

from steepest.study.role import found_by, role_line, roles


def test_every_setting_has_one_role():
    """The rule is compared, its ranges are tuned where an arm has them, the rest is fixed."""
    study = study_case.make("momentum", "adam", trials=16)
    found = roles(study)
    assert found.scientific == ("optimizer",)
    assert found.nuisance == (
        ("optimizer.lr", ()), ("optimizer.momentum", ("momentum",)), ("optimizer.beta1", ("adam",)),
    )  # fmt: skip
    assert found.fixed == ("batch_size", "data", "epochs", "model")
    assert "optimizer.beta1 (adam)" in role_line(study)


def test_the_search_is_named_where_it_is_not_the_usual_one():
    """Successive halving says its rungs."""
    assert found_by(study_case.make()) == ""
    assert found_by(study_case.make(search="random")) == " by random"
    halving = study_case.make(search="halving", trials=4, base={"epochs": 6})
    assert found_by(halving) == " by halving (6 of length 2, 2 of length 6)"
