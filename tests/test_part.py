"""Parts: names, calls and tables of models, rules and schedules, and the user's own."""

from dataclasses import dataclass

import pytest

from steepest.errors import UsageError
from steepest.part import Part, build, identity, parse, resolve


@dataclass(frozen=True)
class Rule:
    """A rule of the user's own, with an option that has no default."""

    lr: float
    kind: str = "plain"
    widths: tuple[int, ...] = (1, 2)
    exact: bool = False


@dataclass(frozen=True)
class Other:
    """A rule with other defaults."""

    lr: float
    kind: str = "other"
    exact: bool = False


TABLE = {"rule": Rule, "two_words": Rule}


@pytest.mark.parametrize(
    "given",
    [
        "rule(lr=0.5, widths=[3, 4])",
        {"name": "rule", "lr": 0.5, "widths": [3, 4]},
        Part("rule").with_options({"widths": (3, 4), "lr": 0.5}),
        "Rule(widths=(3, 4), lr=0.5, kind='plain')",
    ],
)
def test_every_way_to_write_a_part_is_the_same_part(given):
    """Call, table, Part; defaults are left out; options are in the order of their names."""
    part = parse("optimizer", given, TABLE)
    assert part == Part("rule", (("lr", 0.5), ("widths", (3, 4))))
    assert build("optimizer", part, TABLE) == Rule(0.5, widths=(3, 4))
    assert parse("optimizer", part.plain(), TABLE) == part


def test_words_need_no_quotes():
    """What a part reads as can be written again, parts within parts too."""
    for text, value in (("plain", "plain"), ("cosine(floor=0.1)", "cosine(floor=0.1)")):
        part = parse("optimizer", f"rule(lr=1, kind={text}, exact=true)", {"rule": Other})
        assert dict(part.options) == {"lr": 1, "kind": value, "exact": True}
        assert parse("optimizer", str(part), {"rule": Other}) == part


def test_a_name_may_be_written_with_hyphens():
    assert parse("optimizer", "two-words", TABLE).name == "two_words"


def test_tables_become_pairs_with_whole_numbers_as_keys():
    """TOML has only texts as keys; epochs are numbers."""
    part = Part("table").with_options({"rows": {"0": 0.1, "5": 0.01}})
    assert part.get("rows") == ((0, 0.1), (5, 0.01))
    assert part.get("nothing") is None


def test_a_part_reads_as_a_call():
    assert str(Part("adam", (("lr", 0.001),))) == "adam(lr=0.001)"
    assert str(Part("adam")) == "adam"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("rul", "unknown optimizer 'rul'; did you mean 'rule'? Known: rule, two_words"),
        ("rule(lr)", "optimizer 'rule(lr)': write options as name=value"),
        ("rule(lr=print())", "optimizer 'rule(lr=print())': write options as name=value"),
        ("rule(lr=1)(2)", "optimizer 'rule(lr=1)(2)': write options as name=value"),
        ("rule lr", "is neither a name nor name(option=value)"),
        ({"lr": 1}, "optimizer needs a name; known: rule, two_words"),
        (3, "optimizer must be a name or a table with a name, not 3"),
        ("nowhere.at:all", "cannot import 'nowhere.at'"),
        ("math:sqrtt", "'math' has no 'sqrtt'; did you mean 'sqrt'?"),
    ],
)
def test_what_is_no_part_is_one_sentence(given, sentence):
    with pytest.raises(UsageError) as raised:
        parse("optimizer", given, TABLE)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "optimizer 'rule' needs the option 'lr'"),
        ({"lr": 1, "kin": "x"}, "has no option 'kin'; did you mean 'kind'"),
        ({"lr": 1, "kind": 3}, "optimizer.kind must be like 'plain', not 3"),
        ({"lr": 1, "widths": 3}, "optimizer.widths must be like (1, 2), not 3"),
        ({"lr": 1, "exact": 1}, "optimizer.exact must be like False, not 1"),
    ],
)
def test_an_option_of_the_wrong_name_or_type_is_one_sentence(options, sentence):
    with pytest.raises(UsageError) as raised:
        build("optimizer", Part("rule").with_options(options), TABLE)
    assert sentence in str(raised.value)


def test_the_users_own_part_is_known_by_its_source(tmp_path, monkeypatch):
    """The name module:Name is imported; its identity is the digest of the file it is written in."""
    (tmp_path / "own_rule.py").write_text("def make(lr=0.1):\n    return lr\n")
    monkeypatch.syspath_prepend(tmp_path)
    part = parse("optimizer", "own_rule:make(lr=0.2)", TABLE)
    assert part == Part("own_rule:make", (("lr", 0.2),))
    assert build("optimizer", part, TABLE) == 0.2
    before = identity("optimizer", part, TABLE)
    assert len(before) == 64
    (tmp_path / "own_rule.py").write_text("def make(lr=0.1):\n    return lr / 2\n")
    assert identity("optimizer", part, TABLE) != before
    assert identity("optimizer", Part("rule"), TABLE) is None
    assert resolve("optimizer", "own_rule:make", TABLE).__name__ == "make"
