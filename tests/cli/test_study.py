"""`steepest init`, `run`, `status`, `report` and `results`."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

WORK = ("--no-open", "--jobs", "0")


def _small():
    text = Path("study.toml").read_text(encoding="utf-8")
    for old, new in (("trials = 5", "trials = 2"), ("seeds = 10", "seeds = 2"),
                     ("epochs = 20", "epochs = 2")):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    Path("study.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def done(call):
    """Run the study that `init` writes, made small; return the caller."""
    assert call("init")[0] == 0
    _small()
    code, _, err = call("run", "study.toml", *WORK)
    assert code == 0, err
    return call


def test_init_writes_a_study_that_runs(done):
    """And leaves an existing file alone."""
    code, _, err = done("init")
    assert code == 2
    assert err == "steepest: 'study.toml' exists already; name another file\n"
    assert done("init", "deep/other.toml") == (
        0, "Wrote deep/other.toml. Run it with: steepest run deep/other.toml\n", "",
    )  # fmt: skip
    assert "a study file ends in .toml: 'x.toml'" in done("init", "x.tml")[2]
    code, _, err = done("init", "study.toml/x.toml")
    assert code == 4
    assert "cannot write" in err


def test_run_goes_on_where_it_was(done):
    """Nothing is left to do the second time, and the answer is the same."""
    _, first, _ = done("run", "study.toml", *WORK)
    _, second, err = done("run", "study.toml", *WORK)
    assert "of 8 runs" not in err
    cut = first.index("Done in")
    assert second[:cut].splitlines()[2:] == first[:cut].splitlines()[2:]
    _, out, _ = done("run", "study.toml", "--dry-run")
    assert out.endswith("Nothing was run (--dry-run).\n")


def test_status_lists_studies_and_counts_runs(done):
    for tokens in (("status",), ("status", "study")):
        code, out, _ = done(*tokens)
        assert code == 0
        assert "Does momentum help plain SGD on digits?" in out
        assert "8 finished" in out
    code, _, err = done("status", "studi")
    assert code == 5
    assert "did you mean 'study'" in err


def test_results_come_in_five_formats(done):
    """Each names both arms; csv and json can be read again."""
    found = {}
    for form in ("table", "csv", "json", "md", "tex"):
        code, out, _ = done("results", "study", "--format", form)
        assert code == 0
        assert "momentum" in out
        found[form] = out
    rows = list(csv.DictReader(io.StringIO(found["csv"])))
    assert {row["name"] for row in rows} == {"sgd", "momentum"}
    assert json.loads(found["json"])
    code, _, err = done("results", "study", "--format", "yaml")
    assert code == 2
    assert "unknown format 'yaml'" in err


def test_report_writes_the_page_again(done):
    """Its command is the one that repeats the study."""
    code, out, _ = done("report", "study", "--out", "again.html")
    assert (code, out) == (0, "again.html\n")
    page = Path("again.html").read_text(encoding="utf-8")
    assert re.search(r"steepest run runs/study/study\.toml", page)
    code, _, err = done("report", "nothing")
    assert code == 5
    assert "no study 'nothing'" in err


def test_without_a_store_there_is_nothing_to_tell(call):
    """A question makes no new store."""
    for tokens in (("status",), ("report", "x"), ("results", "x"), ("show", "abc")):
        code, out, err = call(*tokens)
        assert (code, out) == (5, "")
        assert "there is no store at runs/steepest.db" in err
    assert not Path("runs").exists()


def test_a_broken_file_is_one_sentence(call):
    """It names file, key and the nearest known name; exit code 2."""
    Path("bad.toml").write_text("trails = 3\n[[arms]]\noptimizer = 'sgd'\n", encoding="utf-8")
    code, out, err = call("run", "bad.toml")
    assert (code, out) == (2, "")
    assert err.startswith("steepest: bad.toml: unknown key 'trails'; did you mean 'trials'?")
    assert call("run", "missing.toml")[2].startswith(
        "steepest: there is no study file 'missing.toml'; did you mean 'bad.toml'?"
    )


@pytest.mark.parametrize("name", ["compare", "run", "init", "status", "report", "results", "show"])
def test_every_command_explains_itself(call, name):
    """`--help` has the line of the table and a sentence for every flag."""
    code, out, err = call(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: steepest ")
    flags = re.findall(r"^│ +\*? *([A-Z-][\w -]*?)  +(\S?)", out, re.MULTILINE)
    assert flags
    assert all(about for _, about in flags), flags


def test_claims_are_answered_and_a_page_is_written(call):
    """The terminal, the JSON and the Markdown page say what was published and what holds."""
    assert call("init")[0] == 0
    _small()
    text = Path("study.toml").read_text(encoding="utf-8")
    text = text.replace('name = "momentum"', 'name = "momentum"\nreported = { accuracy = 0.99 }')
    text += '\n[[claims]]\ntext = "One epoch."\narm = "sgd"\nat_most = 1\nmetric = "epochs"\n'
    Path("study.toml").write_text(text, encoding="utf-8")
    code, out, err = call("run", "study.toml", *WORK)
    assert code == 0, err
    assert "✗ does not hold: One epoch. [epochs run of sgd: 2 (2 to 2; n = 2)]" in out
    assert re.search(r"momentum +test accuracy +99.00\s%", out)
    found = json.loads(call("run", "study.toml", *WORK, "--json")[1])
    assert [c["word"] for c in found["claims"]] == ["does not hold"]
    assert found["reported"][0]["reported"] == 0.99
    assert call("results", "study", "--format", "page", "--out", "deep/page.md") == (0, "", "")
    page = Path("deep/page.md").read_text(encoding="utf-8")
    assert page.startswith("# Does momentum help plain SGD on digits?\n")
    for heading in ("What was claimed", "What was published", "The arms", "What may be said"):
        assert f"\n## {heading}\n" in page
    assert call("results", "study", "--table", "claims")[1].startswith("claim")
    said = call("results", "study", "--table", "reported", "--format", "csv")[1]
    assert [(r["arm"], r["reported"]) for r in csv.DictReader(io.StringIO(said))] == [
        ("momentum", "0.99")
    ]
    whole = json.loads(call("results", "study", "--format", "json")[1])
    assert whole["claims"][0]["facts"] == ["epochs run of sgd: 2 (2 to 2; n = 2)"]
    code, _, err = call("results", "study", "--format", "pge")
    assert (code, "unknown format 'pge'; did you mean 'page'?" in err) == (2, True)
    code, _, err = call("results", "study", "--out", "study.toml/x.md")
    assert (code, "cannot write" in err) == (4, True)
