"""A broken study file gets one sentence that names file, key and the nearest known name."""

import tomllib

import pytest

from steepest.errors import UsageError
from steepest.study.toml import from_table, read_study, to_toml

WHOLE = """
question = "Which?"
trials = 2
seeds = 2
[base]
data = "digits"
epochs = 1
[[arms]]
optimizer = "sgd"
[[arms]]
name = "second"
optimizer = "adam"
[arms.space]
lr = {low = 0.001, high = 0.1, log = true}
"""
BROKEN = {
    "unknown key": (("trials", "trails"), "unknown key 'trails'; did you mean 'trials'?"),
    "unknown key of the base": (
        ("epochs =", "epoch ="),
        "base: unknown key 'epoch'; did you mean 'epochs'?",
    ),
    "unknown key of an arm": (
        ('optimizer = "sgd"', 'optimiser = "sgd"'),
        "arms[0]: unknown key 'optimiser'; did you mean 'optimizer'?",
    ),
    "unknown optimizer": (
        ('"adam"', '"adm"'),
        "arms[1]: unknown optimizer 'adm'; did you mean 'adam'?",
    ),
    "unknown option": (
        ('"sgd"', '{name = "sgd", rate = 0.1}'),
        "arms[0]: optimizer 'sgd' has no option 'rate'",
    ),
    "unknown data": (
        ("[base]", 'reference = "secnd"\n[base]'),
        "reference: no arm 'secnd'; did you mean 'second'?",
    ),
    "wrong type": (("trials = 2", 'trials = "two"'), "trials must be a whole number of at least 0"),
    "wrong type of the base": (
        ("epochs = 1", 'epochs = "one"'),
        "base: epochs must be a whole number of at least 1, not 'one'",
    ),
    "wrong type of a text": (("[base]", "name = 3\n[base]"), "are texts, not 3"),
    "zero seeds": (("seeds = 2", "seeds = 0"), "seeds must be a whole number of at least 1, not 0"),
    "impossible space": (
        ("low = 0.001", "low = 1.0"),
        "arms[1].space.lr: needs low < high and low > 0, not low = 1.0, high = 0.1",
    ),
    "unknown hyper-parameter": (
        ("lr = {low", '"optimizer.lrr" = {low'),
        "arm 'second': optimizer 'adam' has no option 'lrr'; did you mean 'lr'?",
    ),
    "space that is no table": (
        ("[arms.space]\nlr = {low = 0.001, high = 0.1, log = true}", "space = 0.1"),
        "arms[1]: space must be a table, not 0.1",
    ),
    "no arms": (("[[arms]]", "[[armes]]"), "unknown key 'armes'; did you mean 'arms'?"),
    "one arm": (('[[arms]]\noptimizer = "sgd"', ""), "a study compares two arms at least, not 1"),
    "arms that are no tables": (
        ("[[arms]]", "[arms.x]"),
        "not valid TOML",
    ),
    "seed": (("epochs = 1", "epochs = 1\nseed = 3"), "seed is not for a study to set"),
    "not TOML": (("[base]", "[base"), "not valid TOML"),
    "notes": (("trials = 2", 'trials = 2\nnotes = "x"'), "notes must be a list of texts, not 'x'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_sentence_with_its_name(tmp_path, case):
    """File, place, key, what is allowed: in this order, in one line."""
    (old, new), sentence = BROKEN[case]
    assert old in WHOLE
    file = tmp_path / "s.toml"
    file.write_text(WHOLE.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_study(file)
    assert str(error.value).startswith(f"{file}: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.code == 2


def test_a_sound_file_is_a_study_named_after_it(tmp_path):
    """Arms without a name have their rule's; a space is what it says, else the rule's own."""
    file = tmp_path / "mine.toml"
    file.write_text(WHOLE, encoding="utf-8")
    study = read_study(file)
    assert study.name == "mine"
    assert [a.name for a in study.arms] == ["sgd", "second"]
    assert [(r.name, r.low, r.high) for a in study.arms for r in a.space] == [
        ("optimizer.lr", 0.01, 1.0), ("optimizer.lr", 0.001, 0.1),
    ]  # fmt: skip


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    """A missing file names the nearest one; a folder and a binary file say what they are."""
    (tmp_path / "study.toml").write_text(WHOLE, encoding="utf-8")
    with pytest.raises(UsageError, match=r"studi\.toml'; did you mean 'study\.toml'"):
        read_study(tmp_path / "studi.toml")
    with pytest.raises(UsageError, match=r"there is no study file '.*a\.toml'$"):
        read_study(tmp_path / "none" / "a.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_study(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_study(tmp_path / "bytes.toml")


SHARED = """
trials = 4
search = "random"
[base]
data = "digits"
[space]
model.dropout = { low = 0.0, high = 0.5 }
"model.hidden" = [[8], [16, 8]]
schedule = ["constant", "step(every=1)"]
[[arms]]
optimizer = "sgd"
[[arms]]
optimizer = "adam"
[arms.space]
"optimizer.beta1" = { low = 0.8, high = 0.99 }
"model.dropout" = { low = 0.0, high = 0.2 }
"""


def test_a_shared_space_joins_every_arm():
    """Beside an arm's own ranges, which win, or its rule's usual ones; written back arm by arm."""
    study = from_table(tomllib.loads(SHARED), "f.toml", "s")
    sgd, adam = ({r.name: r for r in arm.space} for arm in study.arms)
    assert set(sgd) == {"optimizer.lr", "model.dropout", "model.hidden", "schedule"}
    assert set(adam) == {"optimizer.beta1", "model.dropout", "model.hidden", "schedule"}
    assert (sgd["model.dropout"].high, adam["model.dropout"].high) == (0.5, 0.2)
    assert sgd["model.hidden"].choices == ((8,), (16, 8))
    again = from_table(tomllib.loads(to_toml(study)), "f.toml", "s")
    assert again.digest == study.digest


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"model.hidden"', '"optimizer.beta2"', "arm 'sgd': optimizer 'sgd' has no option 'beta2'"),
        ('"model.hidden"', "epcohs", "arm 'sgd': unknown key 'epcohs'; did you mean 'epochs'"),
        (
            '"sgd"',
            '"sgd"\nmodel = "mlp(dropout=0.1)"',
            "arm 'sgd' sets model.dropout, which .space",
        ),
        ('"step(every=1)"', "{ name = 'step' }", "schedule: write a choice as text"),
        ("[base]", 'serach = "tpe"\n[base]', "unknown key 'serach'; did you mean 'search'"),
    ],
)
def test_a_range_that_an_arm_cannot_have_is_one_sentence(old, new, sentence):
    """It names the file, the arm, the field, and the nearest known one."""
    with pytest.raises(UsageError, match=f"f.toml.*{sentence}"):
        from_table(tomllib.loads(SHARED.replace(old, new, 1)), "f.toml", "s")
