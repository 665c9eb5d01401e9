"""CSV files: what is read, and which line and column a complaint names."""

import numpy as np
import pytest

from steepest.data.source import load
from steepest.data.table import load_csv
from steepest.errors import DataError, UsageError

ROWS = [f"{i % 7}.5,{-i},{'ab'[i % 2]}" for i in range(20)]


def write(path, *lines, end="\n"):
    path.write_bytes(end.join(lines).encode())
    return path


def whole(data, which="x"):
    """Return training and test rows together, in a sorted order."""
    rows = np.concatenate([getattr(data, which), getattr(data, f"test_{which}")])
    return rows[np.lexsort(rows.T)] if rows.ndim == 2 else np.sort(rows)


def test_words_are_classes_and_features_stay_raw(tmp_path):
    """The last column is the target; nothing is standardised; a fifth is held out."""
    data = load_csv(write(tmp_path / "toy.csv", "u,v,kind", *ROWS))
    assert (data.name, data.classes, data.shape) == ("toy", ("a", "b"), (2,))
    assert (data.n, len(data.test_x), data.x.dtype) == (16, 4, np.float32)
    assert np.array_equal(np.sort(whole(data)[:, 1]), np.arange(-19, 1))
    rows = np.concatenate([data.x, data.test_x])
    labels = np.concatenate([data.y, data.test_y])
    assert np.array_equal(labels, -rows[:, 1].astype(int) % 2)


def test_dialects_do_not_matter(tmp_path):
    """Semicolons, tabs, CRLF, a byte-order mark, quotes, spaces and blank lines: one digest."""
    first = load_csv(write(tmp_path / "toy.csv", "u,v,kind", *ROWS)).digest
    variants = [
        ["u;v;kind", *(row.replace(",", ";") for row in ROWS)],
        ["u\tv\tkind", *(row.replace(",", "\t") for row in ROWS)],
        ["\ufeffu,v,kind", *ROWS, "", ""],
        ['"u","v", kind', *('"' + row.replace(",", '","') + ' "' for row in ROWS)],
    ]
    for lines in variants:
        for end in ("\n", "\r\n"):
            assert load_csv(write(tmp_path / "toy.csv", *lines, end=end)).digest == first


def test_target_takes_any_column(tmp_path):
    path = write(tmp_path / "toy.csv", "kind,u,v", *(f"{'xy'[i % 2]},1,{i}" for i in range(20)))
    data = load(path, target="kind")
    assert data.classes == ("x", "y")
    assert (whole(data)[:, 0] == 1).all()
    with pytest.raises(UsageError, match="unknown column 'kin'; did you mean 'kind'"):
        load(path, target="kin")


def test_whole_numbers_are_classes_in_numeric_order(tmp_path):
    lines = [f"0.5,{(2, 10, -1)[i % 3]}" for i in range(30)]
    data = load_csv(write(tmp_path / "toy.csv", "u,grade", *lines))
    assert data.classes == ("-1", "2", "10")
    assert np.bincount(whole(data, "y")).tolist() == [10, 10, 10]


@pytest.mark.parametrize("cells", [[i / 4 for i in range(20)], [i * 1000 for i in range(20)]])
def test_other_numbers_are_float_targets(tmp_path, cells):
    """Fractions, or whole numbers that hardly repeat, are a regression."""
    data = load_csv(write(tmp_path / "toy.csv", "u,price", *(f"1,{cell}" for cell in cells)))
    assert (data.classes, data.y.shape, data.y.dtype) == ((), (16, 1), np.float32)
    assert np.array_equal(whole(data, "y")[:, 0], np.array(cells, np.float32))


def bad(row, line=3):
    return ["u,v,kind", *ROWS[: line - 2], row, *ROWS[line - 2 :]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (bad("1,,a"), r"toy\.csv line 3, column 'v': missing value"),
        (bad("NA,2,a", 9), r"line 9, column 'u': missing value"),
        (bad("nan,2,a"), r"line 3, column 'u': missing value"),
        (bad("1,inf,a"), r"line 3, column 'v': inf is not finite"),
        (bad("1,1e99,a"), r"line 3, column 'v': 1e\+99 is not finite"),
        (bad("1,two,a"), r"line 3, column 'v': 'two' is not a number"),
        (bad("1,2,"), r"line 3, column 'kind': missing value"),
        (bad("1,2"), r"line 3: 2 cells under 3 columns"),
        (bad("1,2,a,4"), r"line 3: 4 cells under 3 columns"),
        (bad('1,"2,a'), r"no readable CSV file|line"),
        (["u,v,kind"], "header but no rows"),
        ([""], "at least two columns"),
        (["kind", "a"], "at least two columns"),
        (["u,u,kind", *ROWS], "column 'u' occurs twice"),
        (["1,2,3", "4,5,6"], "a header of names is needed"),
        (["u,v", "1,2.5", "1,inf"], "line 3, column 'v': inf is not finite"),
    ],
)
def test_complaints_name_line_and_column(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        load_csv(write(tmp_path / "toy.csv", *lines))


def test_other_bytes_are_no_text(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_bytes(b"u,v\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not text in UTF-8"):
        load_csv(path)
    path.write_bytes(b"u,v\n\0,1\n")
    with pytest.raises(DataError, match=r"toy\.csv"):
        load_csv(path)


@pytest.mark.parametrize("cut", range(32))
def test_a_cut_inside_a_row_is_found(tmp_path, cut):
    """Only a cut that leaves whole rows, or shortens the last word, can go unseen."""
    text = "\n".join(["u,v,kind", *ROWS]).encode()
    path = tmp_path / "toy.csv"
    path.write_bytes(text[: cut * len(text) // 32])
    kept = path.read_bytes().decode().split("\n")
    rows, last = kept[1:-1], kept[-1]
    if len(rows) > 1 and (not last or last[-1] in "ab"):
        assert load_csv(path).n > 0
    else:
        with pytest.raises(DataError, match="toy"):
            load_csv(path)
