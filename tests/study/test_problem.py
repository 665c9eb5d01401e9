"""Several problems in one file: a study each, and what they say together."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from steepest.cli.main import run
from steepest.errors import NothingMatchedError, UsageError
from steepest.report.across_page import render_across
from steepest.report.across_text import across_lines
from steepest.study import across
from steepest.study.problem import problems_of, read_any
from steepest.study.toml import read_study

FILE = """
question = "Which?"
trials = 1
seeds = 2
reference = "sgd"
[base]
data = "digits"
epochs = 1
batch_size = 256
model = { name = "mlp", hidden = [8] }
[[problems]]
data = "digits"
[[problems]]
data = "mnist1d"
epochs = 2
[[problems]]
name = "narrow"
"model.hidden" = [4]
[[arms]]
optimizer = "sgd"
[[arms]]
optimizer = "adam"
"""


def _table(**more):
    import tomllib

    return tomllib.loads(FILE) | more


def _problems(**more):
    return problems_of(_table(**more), "s.toml", "s")


def test_each_problem_is_a_study_with_the_same_arms():
    """It is named after the whole and itself, and its base is changed as it says."""
    found = _problems()
    assert found.labels == ("digits", "mnist1d", "narrow")
    assert [s.name for s in found.studies] == ["s-digits", "s-mnist1d", "s-narrow"]
    assert len({s.arms for s in found.studies}) == 1
    specs = [s.spec(s.arms[0], (), 0) for s in found.studies]
    assert [s.data for s in specs] == ["digits", "mnist1d", "digits"]
    assert [s.epochs for s in specs] == [1, 2, 1]
    assert [s.model.get("hidden") for s in specs] == [(8,), (8,), (4,)]


def test_a_file_of_problems_is_not_one_study(tmp_path):
    (tmp_path / "s.toml").write_text(FILE, encoding="utf-8")
    assert read_any(tmp_path / "s.toml").name == "s"
    with pytest.raises(UsageError, match="several problems are several studies"):
        read_study(tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"problems": [{"data": "digits"}]}, "two at least, not 1"),
        ({"problems": "digits"}, r"written as \[\[problems\]\] tables"),
        ({"problems": [{"data": "digits"}] * 2}, "two problems are named 'digits'"),
        ({"problems": [{"epochs": 1}, {"epochs": 2}]}, r"problems\[0\]: a problem that changes"),
        ({"problems": [{"data": "a"}, {"dta": "b"}]}, r"problems\[1\]: unknown key 'dta'; did you"),
        ({"problems": [{"name": 3}, {"name": "b"}]}, "name must be a text, not 3"),
        ({"trails": 1}, "unknown key 'trails'; did you mean 'trials'"),
        ({"problems": [{"name": "a/b"}, {"name": "b"}]}, "cannot be the name of a folder"),
    ],
)
def test_mistakes_are_one_sentence(more, sentence):
    with pytest.raises(UsageError, match=sentence):
        _problems(**more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Run the file once; give its folder."""
    place = tmp_path_factory.mktemp("problems")
    (place / "s.toml").write_text(FILE, encoding="utf-8")
    return place


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """Run a command line in that folder."""
    monkeypatch.chdir(folder)

    def call(*tokens):
        code = run(tokens)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_file_runs_resumes_and_ends_in_a_summary(call, folder):
    """Three pages and one above them; a second time nothing runs, and JSON is one object."""
    code, out, err = call("run", "s.toml", "--jobs", "0", "--no-open")
    assert code == 0, err
    assert "Problem 3 of 3: narrow" in out
    assert "3 problems cannot decide" in out
    page = (folder / "runs" / "s" / "report.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="(\.\./[^"]+)">', page)
    assert len(links) == 3
    assert all((folder / "runs" / "s" / link).exists() for link in links)
    code, out, err = call("run", "runs/s/study.toml", "--jobs", "0", "--json", "--no-open")
    assert (code, out.count("\n")) == (0, 1)
    found = json.loads(out, parse_constant=pytest.fail)
    assert [a["name"] for a in found["arms"]] == ["sgd", "adam"]
    assert found["contests"][0]["decidable"] is False
    assert "of 4 runs" not in err  # nothing was missing


def test_their_own_name_is_known_to_report_and_results(call, folder):
    """The page anew, the summary as text or JSON; for other forms the studies are named."""
    call("run", "s.toml", "--jobs", "0", "--no-open")
    page = folder / "runs" / "s" / "report.html"
    page.unlink()
    assert call("report", "s")[0] == 0
    assert page.exists()
    assert "mean rank" in call("results", "s")[1]
    found = json.loads(call("results", "s", "--format", "json")[1], parse_constant=pytest.fail)
    assert found["study"] == "s"
    code, _, err = call("results", "s", "--format", "tex")
    assert code == 2
    assert "table or json, not tex; the other forms are those of s-" in err


def test_a_dry_run_plans_every_problem(call):
    code, out, _ = call("run", "s.toml", "--dry-run")
    assert code == 0
    assert out.count("Plan: 2 arms") == 3


def _found(scores, problems, metric="accuracy"):
    """Return conclusions as far as a summary looks: problem -> arm -> scores."""
    found = {}
    for label, by_arm in scores.items():
        study = replace(problems.studies[0], name=f"s-{label}", metric=metric)
        arms = tuple(
            SimpleNamespace(
                name=arm,
                scores=np.array(values),
                tunings=np.zeros(len(values), int),
                diverged=np.zeros(len(values), bool),
                median=None,
            )
            for arm, values in by_arm.items()
        )
        found[label] = SimpleNamespace(study=study, arms=arms, warnings=(), failed=())
    return found


def test_means_ranks_and_errors_come_from_the_problems_scores():
    problems = _problems()
    scores = {
        "digits": {"sgd": [0.8, 0.9], "adam": [0.9, 1.0]},
        "mnist1d": {"sgd": [0.6, 0.6], "adam": [0.5, 0.5]},
    }
    found = across.summarize(problems, _found(scores, problems))
    assert found.labels == ("digits", "mnist1d")
    assert found.ranks == {"sgd": 1.5, "adam": 1.5}
    assert found.means["adam"] == pytest.approx([0.95, 0.5])
    assert found.costs["error"]["adam"] == pytest.approx([0.05, 0.5])
    assert found.iqm["sgd"].mean == pytest.approx((0.6 + 0.8) / 2)
    assert "No finished comparison on narrow" in found.notes[0]


def test_an_arm_that_is_not_everywhere_is_left_out():
    problems = _problems()
    scores = {"digits": {"sgd": [0.8], "adam": [0.9]}, "mnist1d": {"sgd": [0.6]}}
    with pytest.raises(NothingMatchedError, match="fewer than two arms"):
        across.summarize(problems, _found(scores, problems))
    with pytest.raises(NothingMatchedError, match="1 of 3 problems"):
        across.summarize(problems, _found({"digits": scores["digits"]}, problems))


def test_losses_are_relative_to_their_problem():
    """Losses of unlike size weigh the same; an error of nothing has a cost above nothing."""
    problems = _problems(metric="loss")
    scores = {
        "digits": {"sgd": [0.1, 0.1], "adam": [0.0, 0.0]},
        "mnist1d": {"sgd": [30.0, 30.0], "adam": [10.0, 10.0]},
    }
    found = across.summarize(problems, _found(scores, problems, "loss"))
    assert found.iqm["sgd"].mean == pytest.approx((2 + 1.5) / 2)
    assert found.costs["loss"]["adam"].tolist() == [0.05, 10.0]
    assert "lowest interquartile mean" in across_lines(found)[0]


def test_many_problems_decide_and_the_page_says_so():
    """Eight problems on which one arm leads: better, with its figures; hostile names are text."""
    table = _table(problems=[{"name": f"p{i}<b>"} for i in range(8)])
    problems = problems_of(table, "s.toml", "s")
    draw = np.random.default_rng(0)
    scores = {
        label: {"sgd": draw.uniform(0.5, 0.6, 3), "adam": draw.uniform(0.7, 0.8, 3)}
        for label in problems.labels
    }
    conclusions = _found(scores, problems)
    for one in conclusions.values():
        one.record = SimpleNamespace(digest="0" * 64)
        one.labels = {"sgd": "sgd", "adam": "adam"}
        one.verdicts, one.reference = (), "sgd"
        for arm in one.arms:
            arm.interval, arm.label = SimpleNamespace(mean=arm.scores.mean()), arm.name
    found = across.summarize(problems, conclusions)
    assert found.contests[0].word == "better"
    assert found.notes == ()
    page = render_across(found, {"p0<b>": "../p0/report.html"}, "today", "steepest run s.toml")
    assert "adam is better than sgd across problems" in page
    assert "p1<b>" not in page
    assert "p1&lt;b&gt;" in page


def test_an_arm_that_diverges_wins_no_problem():
    """Eight problems on which it is ahead by its last finite scores: no win, and a note."""
    table = _table(problems=[{"name": f"p{i}"} for i in range(8)])
    problems = problems_of(table, "s.toml", "s")
    scores = {n: {"sgd": [0.5, 0.52], "adam": [0.7, 0.71]} for n in problems.labels}
    conclusions = _found(scores, problems)
    for one in conclusions.values():
        one.arms[1].diverged[:] = True
    found = across.summarize(problems, conclusions)
    assert (found.contests[0].wins, found.contests[0].word) == (0, "not distinguishable")
    assert "Runs of adam diverged on p0, p1" in found.notes[-1]
