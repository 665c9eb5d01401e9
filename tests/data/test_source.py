"""Loading by name and path, the memory of what was loaded, and the list."""

import numpy as np
import pytest
from sklearn import datasets

from steepest import data
from steepest.data.mirror import PUBLISHED
from steepest.data.source import KEPT, MEMO, SOURCES, load
from steepest.errors import DataError, SteepestError, UsageError


def test_digits_are_the_scans_of_scikit_learn():
    """All 1797, none changed; a stratified fifth is sealed; the digest is golden."""
    digits = load("digits")
    assert (digits.shape, digits.n, len(digits.test_x)) == ((8, 8, 1), 1438, 359)
    assert (digits.x.dtype, digits.scale, digits.x.max()) == (np.uint8, 1 / 16, 16)
    golden = "751aee06a1ad1e94000a6da7a0727757cc72421948b049ec967537722e9981e8"
    assert digits.digest == golden
    scans = datasets.load_digits()
    ours = np.concatenate([digits.x, digits.test_x]).reshape(1797, 64)
    labels = np.concatenate([digits.y, digits.test_y])
    stored = sorted((*row, label) for row, label in zip(ours.tolist(), labels, strict=True))
    theirs = zip(scans.data.astype(int).tolist(), scans.target, strict=True)
    assert stored == sorted((*row, label) for row, label in theirs)
    share = np.bincount(digits.test_y) / np.bincount(labels)
    assert np.abs(share - 0.2).max() < 1 / 170


def test_the_table_tells_the_truth_of_what_is_bundled():
    for name in ("digits", "mnist1d"):
        loaded, source = load(name), SOURCES[name]
        assert (loaded.n, loaded.shape, len(loaded.classes)) == (
            source.n,
            source.shape,
            source.classes,
        )


def test_loading_twice_gives_the_same_object():
    """Also of some classes, so that runs in one process share one copy; only a few are kept."""
    MEMO.clear()
    assert load("digits") is load("digits")
    assert load("digits", classes=["3", "8"]) is load("digits", classes=["3", "8"])
    assert load("digits", classes=["8", "3"]) is not load("digits", classes=["3", "8"])
    for i in range(1, KEPT + 3):
        load("digits", classes=[0, i])
    assert len(MEMO) == KEPT


def test_some_classes():
    some = load("digits", classes=["3", "8"])
    assert some.classes == ("3", "8")
    assert np.array_equal(some.x, load("digits").x[np.isin(load("digits").y, [3, 8])])


def test_a_changed_file_is_read_anew(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("u,kind\n" + "1,a\n2,b\n" * 10)
    before = load(path)
    assert load(str(path)) is before
    path.write_text("u,kind\n" + "1,a\n3,b\n" * 11)
    assert load(path).digest != before.digest


def test_a_moved_file_is_the_same_data(tmp_path):
    """The held-out test set goes by the file's name, not by its folder."""
    text = "u,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "toy.csv").write_text(text)
    assert load(tmp_path / "here/toy.csv").digest == load(tmp_path / "there/toy.csv").digest


@pytest.mark.parametrize(
    ("name", "options", "kind", "message"),
    [
        ("mnits", {}, UsageError, r"unknown data set 'mnits'; did you mean 'mnist'\? Known: cifar"),
        ("none.csv", {}, DataError, r"there is no file or folder none\.csv"),
        ("some/where", {}, DataError, "there is no file or folder"),
        ("digits", {"target": "u"}, UsageError, "'digits' is none"),
        ("digits", {"classes": ["3", "eight"]}, UsageError, "unknown class 'eight'"),
        (__file__, {}, UsageError, "neither .npz nor .csv nor a folder"),
    ],
)
def test_wrong_names_are_one_sentence(name, options, kind, message):
    with pytest.raises(SteepestError, match=message) as caught:
        load(name, **options)
    assert type(caught.value) is kind


def test_the_list_says_what_is_present(data_folder):
    """Without reading anything: a file is enough to count, its soundness is for loading."""
    entries = {entry.name: entry for entry in data.listing()}
    assert list(entries) == list(SOURCES)
    assert [name for name, entry in entries.items() if entry.present] == ["digits", "mnist1d"]
    assert entries["cifar10"].bytes == 170052171
    for file in PUBLISHED["cifar100"].files:
        (data_folder / file.path).parent.mkdir(exist_ok=True)
        (data_folder / file.path).write_bytes(b"")
    assert {entry.name: entry for entry in data.listing()}["cifar100"].present
