"""Factors of a study file become arms, and the arms' runs say what each factor does."""

import pytest
import study_case

from steepest.errors import UsageError
from steepest.report.collect import collect
from steepest.report.factor_table import factor_lines, factor_rows, tables
from steepest.report.page import figures
from steepest.study.archive import study_of, text_of_study
from steepest.study.conclusion import conclude
from steepest.study.effect import factors_of
from steepest.study.factorial import expand
from steepest.study.query import find_study
from steepest.study.store import open_store
from steepest.study.toml import from_table, to_toml

BASE = {"data": "digits", "model": "mlp(hidden=[8])", "epochs": 2, "batch_size": 256}
FACTORS = {"model.dropout": [0.0, 0.5], "early_stopping": [False, {"patience": 1}]}


def _study(factors=FACTORS, **more):
    table = {"trials": 1, "seeds": 2, "base": BASE, "factors": factors, **more}
    return from_table(table, "s.toml", "s")


def test_all_combinations_become_tuned_arms():
    """Each is named by its levels and is tuned as its rule usually is; the first is the base."""
    study = _study({**FACTORS, "batch_size": [64, 256, "full"]})
    assert len(study.arms) == 12
    assert study.arms[0].name == "dropout 0, early stopping off, batch size 64"
    assert study.reference == study.arms[0].name
    assert {r.name for a in study.arms for r in a.space} == {"optimizer.lr"}
    last = study.spec(study.arms[-1], (), 0)
    assert (last.model.get("dropout"), last.batch_size) == (0.5, "full")
    assert last.early_stopping.patience == 1
    assert study.spec(study.arms[0], (), 0).early_stopping is None


def test_whole_parts_are_factors_and_options_apply_to_them():
    """An option follows the part it belongs to, however the file orders them."""
    study = _study({"model.dropout": [0.0, 0.2], "model": ["mlp", {"name": "mlp", "hidden": [4]}]})
    spec = study.spec(study.arms[-1], (), 0)
    assert study.arms[-1].name == "dropout 0.2, mlp(hidden=(4,))"
    assert (spec.model.get("hidden"), spec.model.get("dropout")) == ((4,), 0.2)
    rules = _study({"optimizer": ["sgd", "adam"], "l2": [0.0, 0.01]})
    assert [a.space[0].low for a in rules.arms] == [0.01, 0.01, 0.0003, 0.0003]


@pytest.mark.parametrize(
    ("ablation", "names"),
    [
        ("one-in", ["dropout 0, l2 0", "dropout 0.5, l2 0", "dropout 0, l2 0.1"]),
        ("one-out", ["dropout 0.5, l2 0.1", "dropout 0, l2 0.1", "dropout 0.5, l2 0"]),
    ],
)
def test_an_ablation_changes_one_factor_at_a_time(ablation, names):
    """One-in starts from the first levels, one-out from the last."""
    found = expand({"model.dropout": [0.0, 0.5], "l2": [0.0, 0.1]}, ablation)
    assert [a["name"] for a in found] == names


def test_arms_beside_the_factors_have_no_levels():
    study = _study(arms=[{"name": "own", "optimizer": "sgd(lr=0.1)"}])
    assert len(study.arms) == 5
    assert study.arms[-1].levels == ()
    assert factors_of(study) == (
        ("dropout", ("0", "0.5")),
        ("early stopping", ("off", "patience 1")),
    )


def test_a_factorial_study_is_written_and_read_again():
    """As TOML its arms stand one by one; as stored text it is the same object."""
    import tomllib

    study = _study()
    again = from_table(tomllib.loads(to_toml(study)), "again", "s")
    assert again.digest == study.digest
    assert study_of(text_of_study(study)).digest == study.digest


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"factors": {"l2": [0.0]}}, "factors.l2 must be a list of two levels or more"),
        ({"factors": {"l2": [0.1, 0.1]}}, "factors.l2 has the level 0.1 twice"),
        ({"factors": {"model.dropuot": [0, 1]}}, "has no option 'dropuot'; did you mean 'dropout'"),
        ({"factors": {"epoch": [1, 2]}}, "unknown key 'epoch'; did you mean 'epochs'"),
        ({"factors": {"seed": [1, 2]}}, "seed is not for a study to set"),
        ({"ablation": "one-off"}, "unknown ablation 'one-off'; did you mean 'one-out'"),
        ({"ablation": "one-out", "factors": {"l2": [0, 1, 2]}}, "needs two levels a factor"),
        ({"ablation": "one-in", "factors": {}, "arms": []}, "needs a table [factors]"),
        ({"factors": [1]}, "factors must be a table"),
        (
            {"arms": [{"optimizer": "sgd", "levels": {"dropout": "0"}}]},
            "the arms of a factorial share its factors",
        ),
        (
            {"arms": [{"levels": {"dropout": "0", "early stopping": "off"}}]},
            "have the same levels",
        ),
        (
            {"factors": {}, "arms": [{"lr": 1, "space": {"lr": [1, 2]}, "levels": {"lr": "1"}}]},
            "is a factor and cannot be tuned as well",
        ),
    ],
)
def test_mistakes_are_one_sentence(more, sentence):
    with pytest.raises(UsageError) as error:
        _study(**{"factors": FACTORS} | more)
    assert sentence in str(error.value)
    assert "s.toml" in str(error.value)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Give what the page of a conducted 2 × 2 study shows."""
    folder = tmp_path_factory.mktemp("factorial")
    study = _study(seeds=3)
    study_case.conduct(study, folder)
    with open_store(study_case.url(folder)) as store:
        found = conclude(study, find_study(store, "s"), store)
        return found, collect(found, store, "today", "steepest run s.toml")


def test_effects_are_means_of_the_arms_differences(content):
    """Over seeds and the other factor's levels."""
    found, shown = content
    mean = {a.name: a.scores.mean() for a in found.arms}
    off, on = "early stopping off", "early stopping patience 1"
    expected = (
        mean[f"dropout 0.5, {off}"] - mean[f"dropout 0, {off}"]
        + mean[f"dropout 0.5, {on}"] - mean[f"dropout 0, {on}"]
    ) / 2  # fmt: skip
    assert shown.effects[0].delta == pytest.approx(expected)
    assert (shown.effects[0].level, shown.effects[0].base) == ("dropout 0.5", "dropout 0")
    assert [e.cells for e in shown.effects] == [2, 2]
    assert len(shown.interactions) == 1


def test_tables_and_terminal_show_effects_and_interactions(content):
    """In every format, and on their own where they are asked for."""
    _, shown = content
    assert factor_lines(shown)[0] == "Factors, each averaged over the others:"
    for form, parts in (("md", 3), ("tex", 3), ("table", 3), ("csv", 1), ("json", 1)):
        assert len(tables(shown, form).strip().split("\n\n")) == parts
    assert tables(shown, "csv", "effects").count("\n") == 3
    assert "early stopping patience 1" in tables(shown, "csv", "interactions")
    with pytest.raises(UsageError, match="did you mean 'effects'"):
        tables(shown, "md", "efects")


def test_the_page_draws_effects_and_an_interaction_plot(content):
    """A row an effect; for every ordered pair of factors the means of its levels."""
    _, shown = content
    drawn = {f.name: f for f in figures(shown)}
    assert len(drawn["effects"].tables["effects"].rows) == 2
    assert [o.label for o in drawn["interaction"].choices[0].options] == [
        "dropout by early stopping", "early stopping by dropout",
    ]  # fmt: skip
    assert len(drawn["interaction"].tables["means"].rows) == 8
    assert [s.figure for s in factor_rows(shown)] == ["effects", "interaction"]


def test_a_study_without_factors_has_no_such_tables(content):
    from dataclasses import replace

    _, shown = content
    plain = replace(shown, effects=(), interactions=(), level_means=())
    assert factor_lines(plain) == []
    assert {"effects", "interaction"}.isdisjoint(f.name for f in figures(plain))
    with pytest.raises(UsageError, match="has no effects"):
        tables(plain, "md", "effects")
